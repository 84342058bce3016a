"""Do the stresses of results balance the loads of the study? Forces of both, instant by instant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import SerialCommunicator
from romnet.core.errors import StudyError
from romnet.fe.formulations import formulation
from romnet.fe.loading import Loading
from romnet.reduction.replay import replay, stress_of
from romnet.store.converters.base import Results
from romnet.study.balance.fit import Explanation, explain
from romnet.study.balance.forces import Forces, force_of_strain, forces_at, on_masters, virgin
from romnet.study.foreign import finite_instant, open_results, result_path
from romnet.study.loadcases import loading_of
from romnet.study.read import HF, LocatedStudy
from romnet.study.schema import Temperature
from romnet.study.workspace import Workspace, build_workspace, read_mesh

BALANCED = 0.02
Stresses = Literal["replayed", "stored"]


@dataclass(frozen=True)
class Resultant:
    """Force and moment of one load.

    Attributes
    ----------
    load
        Its name.
    force
        Sum over all nodes (n_dim,) [force].
    moment
        About the origin, (3,), or (1,) in the plane [force * length].
    """

    load: str
    force: Float[Array, " n_dim"]
    moment: Float[Array, " n_moments"]


@dataclass(frozen=True)
class Balance:
    """Internal against external forces of one simulation.

    Attributes
    ----------
    case
        Its name.
    stresses
        ``"replayed"`` by the laws of the study along the displacements, or ``"stored"`` in the
        results.
    loads
        Names of the loads that are forces.
    times
        Instants but the virgin one (n_times,) [time].
    residual
        Norm of internal less external forces on the free dofs, relative to their size [-].
    judged
        Instant that `explanation` is about: the one that it explains best.
    explanation
        What would make the forces balance; None where they do.
    resultants
        Of each load, at the judged instant or else at the last one.
    reaction
        Sum over the held dofs of what the stresses ask of the supports [force].
    stored_reaction
        Sum of the reactions in the results on the held dofs; None where they hold none.
    missing
        Sum of the forces on free dofs that no load of the study accounts for [force].
    """

    case: str
    stresses: Stresses
    loads: tuple[str, ...]
    times: Float[Array, " n_times"]
    residual: Float[Array, " n_times"]
    judged: int
    explanation: Explanation | None
    resultants: tuple[Resultant, ...]
    reaction: Float[Array, " n_dim"]
    stored_reaction: Float[Array, " n_dim"] | None
    missing: Float[Array, " n_dim"]

    @property
    def ok(self) -> bool:
        """Whether the forces balance at every instant."""
        return self.explanation is None

    @property
    def worst(self) -> float:
        """Largest residual [-]."""
        return float(self.residual.max(initial=0.0))


def balances(located: LocatedStudy) -> Iterator[Balance]:
    """Balance every training simulation that comes from files.

    Parameters
    ----------
    located
        The study.

    Yields
    ------
    Balance
        Of the replayed stresses; then of the stored ones, where the files hold stresses at points
        whose order is known.

    Raises
    ------
    RomnetError
        If a file or the study cannot be used, or a law cannot follow the displacements.

    Notes
    -----
    Collective: no; on one rank. Writes nothing. Cost: one replay of each simulation, memory of
    two states of all points.
    """
    mesh = read_mesh(located)
    workspace = build_workspace(located, mesh, SerialCommunicator())
    for entry in located.study.training:
        if entry.results == HF:
            continue
        history = _History.open(workspace, entry.name)
        yield _balance(workspace, history, "replayed", history.replayed())
        stored = history.results.fields.get("stress")
        known = all(formulation(block.formulation).verified for block in mesh.blocks)
        if stored is not None and stored.location == "point" and known:
            yield _balance(workspace, history, "stored", history.stored())


@dataclass(frozen=True)
class _History:
    """Results of one simulation, the virgin state first, and the loads of the study."""

    workspace: Workspace
    results: Results
    first: int
    loading: Loading

    @classmethod
    def open(cls, workspace: Workspace, case: str) -> _History:
        """Open the results of a simulation."""
        results = open_results(workspace.located, case, workspace.mesh)
        first = 1 if results.times[0] > 0.0 else 0
        times = np.concatenate([np.zeros(first), results.times])
        return cls(
            workspace, results, first, loading_of(workspace, workspace.located.cases[case], times)
        )

    @property
    def n_rows(self) -> int:
        """Dofs."""
        return self.workspace.mesh.n_dofs

    @property
    def n_snapshots(self) -> int:
        """Instants, the virgin one included."""
        return self.results.n_times + self.first

    def rows(self, numbers: Int[Array, " n"]) -> Float[Array, "n n_snapshots"]:
        """Read some displacements of all instants."""
        return np.stack([self.column(k)[numbers] for k in range(self.n_snapshots)], axis=1)

    def column(self, number: int) -> Float[Array, " n_rows"]:
        """Read the displacement of one instant."""
        if number < self.first:
            return np.zeros(self.n_rows)
        return np.ravel(self.field(number, "displacement"))

    def field(self, number: int, name: str) -> Array:
        """Read one field of one instant."""
        path = result_path(self.workspace.located, self.loading.name)
        values: Array = finite_instant(path, self.results, number - self.first, (name,))[name]
        return values

    def replayed(self) -> Iterator[Array]:
        """Yield the stress, flat, that the laws give along the displacements."""
        workspace = self.workspace
        history = replay(
            self,
            self.loading.times,
            self.loading.temperature,
            discretization=workspace.discretization,
            laws=workspace.laws,
        )
        for instant in history:
            yield stress_of(instant.state, workspace.laws)

    def stored(self) -> Iterator[Array]:
        """Yield the stress, flat, that the results hold."""
        size = self.workspace.discretization.n_points * self.workspace.discretization.n_components
        for number in range(self.n_snapshots):
            yield np.zeros(size) if number < self.first else np.ravel(self.field(number, "stress"))


def _balance(
    workspace: Workspace, history: _History, stresses: Stresses, series: Iterator[Array]
) -> Balance:
    """Compare forces at every instant and explain what does not fit."""
    loading = history.loading
    free = ~loading.constrained
    if loading.equations is not None:
        free[loading.equations.slaves] = False
    times, residuals = loading.times[1:], []
    worst: tuple[float, int, Explanation | None] = (np.inf, len(times) - 1, None)
    next(series)  # the virgin state
    kept: Forces | None = None
    for number, (time, stress) in enumerate(zip(times, series, strict=True)):
        forces = on_masters(
            forces_at(workspace, loading.force, float(time), stress, free), loading.equations
        )
        relative = float(np.linalg.norm(forces.residual[free])) / forces.size
        residuals.append(relative)
        if relative > BALANCED:
            found = _explained(workspace, history, number, forces)
            if found.left < worst[0]:
                worst, kept = (found.left, number, found), forces
        elif number == len(times) - 1 and kept is None:
            kept = forces
    if kept is None:
        message = f"case {loading.name!r} has no instant besides the virgin one."
        raise StudyError(message)
    return _told(workspace, history, stresses, (worst[1], worst[2], kept, np.array(residuals)))


def _told(
    workspace: Workspace,
    history: _History,
    stresses: Stresses,
    found: tuple[int, Explanation | None, Forces, Array],
) -> Balance:
    """Put together what was found."""
    judged, explanation, forces, residuals = found
    loading, mesh = history.loading, workspace.mesh
    case = workspace.located.cases[loading.name]
    names = tuple(load.name for load in case.loads if not isinstance(load, Temperature))
    held = loading.constrained
    asked = np.where(held, forces.residual, 0.0)
    stored = None
    if "reaction" in history.results.fields:
        values = np.ravel(history.field(judged + 1, "reaction"))
        stored = _sum(np.where(held, values, 0.0), mesh.n_dim)
    return Balance(
        case=loading.name,
        stresses=stresses,
        loads=names,
        times=loading.times[1:],
        residual=residuals,
        judged=judged,
        explanation=explanation,
        resultants=tuple(
            Resultant(name, _sum(vector, mesh.n_dim), _moment(vector, mesh.nodes))
            for name, vector in zip(names, forces.loads, strict=True)
        ),
        reaction=_sum(asked, mesh.n_dim),
        stored_reaction=stored,
        missing=_sum(np.where(held, 0.0, forces.residual), mesh.n_dim),
    )


def _explained(workspace: Workspace, history: _History, number: int, forces: Forces) -> Explanation:
    """Explain an imbalance; where a law that yields hides the reason, as if it did not yield."""
    loading, points = history.loading, workspace.discretization
    tangent, expansion = virgin(workspace, loading, float(loading.times[number + 1]))
    strain = points.strain_operator @ history.column(number + 1)
    thermal = force_of_strain(workspace, loading, tangent, expansion)
    elastic = (
        force_of_strain(workspace, loading, tangent, strain.reshape(expansion.shape)) - thermal
    )
    free = ~loading.constrained

    def judged(internal: Array) -> Explanation:
        """Explain why these forces do not balance the loads."""
        size = max(forces.size, float(np.linalg.norm(internal[free])))
        return explain(
            internal[free], forces.loads[:, free], thermal[free], accepted=BALANCED * size
        )

    found = judged(forces.internal)
    if found.kind != "unexplained":
        return found
    unyielding = judged(elastic)
    return unyielding if unyielding.kind == "stresses" else found


def _sum(vector: Float[Array, " n_dofs"], n_dim: int) -> Float[Array, " n_dim"]:
    """Return the resultant of nodal forces."""
    return np.asarray(vector.reshape(-1, n_dim).sum(axis=0))


def _moment(
    vector: Float[Array, " n_dofs"], nodes: Float[Array, "n_nodes n_dim"]
) -> Float[Array, " n_moments"]:
    """Return the moment of nodal forces about the origin."""
    moments = np.cross(nodes, vector.reshape(nodes.shape)).sum(axis=0)
    return np.asarray(np.atleast_1d(moments))
