"""One material point driven by strains and stresses: a law without a structure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.status import Status
from romnet.laws.contract import ConstitutiveLaw, TimeStep
from romnet.online.material_paths import MaterialPath
from romnet.online.newton import NewtonOptions, SingularTangentError, Trial
from romnet.online.stepping import Committed, march

_OPTIONS = NewtonOptions(tolerance=1e-9)


@dataclass(frozen=True, eq=False)
class Driven:
    """What a material point went through, one row for each instant reached.

    Attributes
    ----------
    times
        Instants, the virgin state first [time].
    strain
        Total strain, engineering shear [-].
    stress
        Stress [stress].
    state
        State of the law.
    temperatures
        Temperature [temperature].
    iterations
        Newton corrections, those of rejected increments included.
    cuts
        Rejected increments.
    status
        How it ended; unless converged, the instants after the failure are missing.
    reason
        After a failure, why the last increment was rejected.
    state_fields
        Named ranges of the state.
    """

    times: Float[Array, " n_times"]
    strain: Float[Array, "n_times n_components"]
    stress: Float[Array, "n_times n_components"]
    state: Float[Array, "n_times n_state"]
    temperatures: Float[Array, " n_times"]
    iterations: Int[Array, " n_times"]
    cuts: Int[Array, " n_times"]
    status: Status
    reason: Status
    state_fields: Mapping[str, slice]

    def field(self, name: str) -> Float[Array, "n_times n_columns"]:
        """Return a named field of the state at every instant.

        Raises
        ------
        KeyError
            If the law has no such field.
        """
        if name not in self.state_fields:
            message = f"the law has no field {name!r}; it has: {', '.join(self.state_fields)}."
            raise KeyError(message)
        return self.state[:, self.state_fields[name]]


def drive(law: ConstitutiveLaw, path: MaterialPath, *, options: NewtonOptions = _OPTIONS) -> Driven:
    r"""Take a law along a path of prescribed strains and stresses.

    Parameters
    ----------
    law
        The law.
    path
        Strain or stress of each component over time, and temperature.
    options
        When iterations stop and how small an increment may become. The tolerance is relative to
        the largest stress so far.

    Returns
    -------
    Driven
        The history as far as it went: an increment that cannot be solved ends it, with the reason
        in ``status``.

    Raises
    ------
    ValueError
        If the path has another number of components than the law.

    Notes
    -----
    The strains of the components whose stress is prescribed are found by Newton's method with the
    law's own tangent :math:`C`: with :math:`f` the prescribed stresses,
    :math:`C_{ff}\,\delta\varepsilon_f = \bar\sigma_f - \sigma_f`. Increments that do not converge,
    or that the law refuses, are cut, by the rules of structures. Collective: no. Deterministic:
    yes. Mutates nothing. Cost: some law calls for each instant.

    Examples
    --------
    A bar of Poisson's ratio 0.25 becomes thinner by a quarter of its strain:

    >>> from romnet.laws.registry import build_law
    >>> from romnet.online.material_paths import uniaxial
    >>> spec = {"law": "elastic", "parameters": {"young": 2.0e5, "poisson": 0.25}}
    >>> driven = drive(build_law(spec, n_components=6), uniaxial(1e-3, duration=1.0, steps=2))
    >>> driven.stress[-1, :1].round(6).tolist(), driven.strain[-1, 1:3].round(9).tolist()
    ([200.0], [-0.00025, -0.00025])
    """
    if law.n_components != path.n_components:
        message = (
            f"the law has {law.n_components} components, the path prescribes {path.n_components}."
        )
        raise ValueError(message)
    free = np.flatnonzero(~path.by_strain)
    first = float(path.times[0])
    start = Committed(
        time=first,
        unknown=np.zeros(free.size),
        rate=np.zeros(free.size),
        strain=np.zeros((1, path.n_components)),
        state=law.initial_state(path.temperature(first)),
    )
    problem = _PointProblem(law, path, free)
    outcomes = list(march(problem, start, path.times[1:], options=options))
    status = outcomes[-1].status
    reached = outcomes if status.ok else outcomes[:-1]
    points = [start, *(outcome.committed for outcome in reached)]
    state = np.concatenate([point.state for point in points])
    return Driven(
        times=np.array([point.time for point in points]),
        strain=np.concatenate([point.strain for point in points]),
        stress=state[:, law.state_fields["stress"]],
        state=state,
        temperatures=np.concatenate([path.temperature(point.time) for point in points]),
        iterations=np.array([0, *(outcome.iterations for outcome in reached)], dtype=np.int64),
        cuts=np.array([0, *(outcome.cuts for outcome in reached)], dtype=np.int64),
        status=status,
        reason=outcomes[-1].reason,
        state_fields=law.state_fields,
    )


@dataclass(frozen=True, eq=False)
class _PointProblem:
    """A material point under a path: its unknowns are the strains whose stress is prescribed."""

    law: ConstitutiveLaw
    path: MaterialPath
    free: Int[Array, " n_free"]

    def increment(self, committed: Committed, step: TimeStep) -> _PointIncrement:
        """Return the equations of one increment."""
        return _PointIncrement(self, committed, step, self.path.at(step.end))


@dataclass(frozen=True, eq=False)
class _PointIncrement:
    """One increment of a material point."""

    problem: _PointProblem
    committed: Committed
    step: TimeStep
    target: Float[Array, " n_components"]

    @property
    def guess(self) -> Float[Array, " n_free"]:
        """Linear extrapolation of the last increment."""
        return np.asarray(self.committed.unknown + self.step.length * self.committed.rate)

    def evaluate(self, unknown: Float[Array, " n_free"]) -> Trial:
        """Evaluate the stresses that miss their prescribed values."""
        law, path, free = self.problem.law, self.problem.path, self.problem.free
        strain = self.target.copy()
        strain[free] = unknown
        answer = law.integrate(
            self.committed.strain,
            strain[None],
            self.committed.state,
            path.temperature(self.step.start),
            path.temperature(self.step.end),
            self.step,
        )
        stress, tangent = answer.stress[0], answer.tangent[0][np.ix_(free, free)]
        residual = self.target[free] - stress[free]
        sizes = (np.linalg.norm(self.target[free]), np.linalg.norm(stress))
        return Trial(
            residual=float(np.linalg.norm(residual)),
            scale=float(max(sizes)),
            strain=strain[None],
            state=answer.state,
            failed=not answer.ok,
            step_factor=answer.step_factor,
            correction=lambda: _solve(tangent, residual),
        )


def _solve(tangent: Array, residual: Array) -> Array:
    """Solve for the strains."""
    try:
        return np.linalg.solve(tangent, residual)
    except np.linalg.LinAlgError as problem:
        raise SingularTangentError from problem
