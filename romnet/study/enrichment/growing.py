"""A reduced model that grows with every state of the whole mesh that it learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.errors import AccuracyError
from romnet.core.snapshots import ArraySource
from romnet.fe.inner_products import point_l2
from romnet.fe.loading import Loading
from romnet.online.stepping import Committed
from romnet.reduction.basis import ReducedBasis, Truncation
from romnet.reduction.compression import Compression, compressed
from romnet.reduction.cubature import CubatureOptions, ReducedQuadrature, select_points
from romnet.reduction.cubature_problem import CubatureProblem
from romnet.reduction.dual import DualScalar, dual_scalars
from romnet.reduction.gappy import GappyOperator, interpolation_points
from romnet.reduction.incremental import updated
from romnet.reduction.integrands import TableIntegrands, VirtualWork
from romnet.reduction.model import ReducedLoading, ReducedModel, mask_points
from romnet.reduction.projection import project
from romnet.reduction.replay import stress_of
from romnet.reduction.selection import at_points, best_point
from romnet.reduction.signals import LoadSpace
from romnet.store import artefact
from romnet.store.modes import load_bases
from romnet.study.actions import locations_at
from romnet.study.answers import reduced_loading
from romnet.study.context import Context
from romnet.study.training import (
    displacement_basis,
    memory_of_rank,
    strain_at,
    training_field,
)

# A direction that a state adds is kept down to this part of the first singular value: what is
# learnt at one instant is to be represented, not to be averaged away.
_KEPT = 1e-9
# Part of the cubature tolerance that compressing the integrands may lose of them.
_LOST = 1e-3
# Functions are compressed again when they are so many times those that were independent.
_MOST_ROWS = 1.5


class GrowingModel:
    """A reduced model, the bases and the quadrature behind it, and the states that it has learnt.

    Parameters
    ----------
    context
        Study, folder and ranks.
    model
        The reduced model to begin with.
    loading
        The load case on this rank.

    Attributes
    ----------
    basis
        Displacement modes at this rank's dofs.
    dual
        Modes of the dual scalars at this rank's points.
    quadrature
        Points and weights.
    model
        What they make together.

    Notes
    -----
    Collective: every method. Holds the dual fields of every instant at which the full state was
    known.
    """

    def __init__(self, context: Context, model: ReducedModel, loading: Loading) -> None:
        workspace = context.workspace
        self.context, self.model, self.loading = context, model, loading
        self.basis = displacement_basis(context)
        self.dual = load_bases(context.folder / "dual_pod.h5", workspace.part.points)
        self.quadrature = artefact.load(context.folder / "cubature.h5", ReducedQuadrature)
        self.scalars: tuple[DualScalar, ...] = dual_scalars(model.dual, workspace.laws)
        self._stress = np.zeros((workspace.discretization.weights.size * model.n_components, 0))
        self._functions: Array | None = None
        self._rank = 0  # of the functions, when they were compressed last
        self._records: dict[float, Array] = {}
        self._loadings = {name: context.loading(name) for name in context.training}
        self._product = workspace.inner_product()

    @property
    def n_records(self) -> int:
        """At how many instants the full state was known."""
        return len(self._records)

    @property
    def reduced(self) -> ReducedLoading:
        """The load case, as the model sees it."""
        return self.model.loadings[self.loading.name]

    def displacement(self, time: float, coefficients: Array) -> Array:
        """Return the displacement that the model means, with what is prescribed."""
        return np.asarray(self.basis.modes @ coefficients + self.loading.prescribed.at(time))

    def learn(self, full: Committed) -> tuple[Array, Array]:
        """Learn a state; return its coefficients, and the transfer of those of the old modes."""
        before = self.basis
        self.record(full)
        free = self._learn_displacement(full)
        self.model = self._packed(self._learn_dual(full.time))
        comm = self.context.comm
        transfer = project(self.basis, ArraySource(before.modes), self._product, comm)
        coefficients = project(self.basis, ArraySource(free[:, None]), self._product, comm)
        return coefficients[:, 0], transfer

    def learn_modes(self, full: Committed) -> None:
        """Learn the displacement of a state and its integrals; leave out dual fields."""
        self._learn_displacement(full)
        self.model = self._packed(self.quadrature.points, with_fields=False)

    def learn_fields(self) -> None:
        """Learn the dual fields of all records."""
        self.model = self._packed(self._learn_all_dual())

    def record(self, full: Committed) -> None:
        """Remember the dual fields of a full state."""
        laws = self.context.workspace.laws
        fields = [scalar.of(laws, full.state) for scalar in self.scalars]
        self._records[full.time] = np.stack(fields, axis=1)

    def recorded(self, time: float) -> dict[str, Array] | None:
        """Return dual scalars at the mask points, where the full state was known."""
        if time not in self._records:
            return None
        numbers, comm = self.context.workspace.part.points, self.context.comm
        table = at_points(self.model.points, self._records[time], numbers, comm)
        return {
            scalar.name: np.ascontiguousarray(table[:, place])
            for place, scalar in enumerate(self.scalars)
            if scalar.name in self.model.gappy
        }

    def space(self, time: float) -> LoadSpace:
        """Return the loads of the training, and this one up to an instant."""
        known = [self.model.loadings[name] for name in self._loadings]
        own = self.model.loadings[self.loading.name]
        seen = own.times[: int(np.searchsorted(own.times, time)) + 1]
        return LoadSpace.of([*known, replace(own, times=seen)])

    def _learn_displacement(self, full: Committed) -> Array:
        """Enrich displacement modes and quadrature; return the displacement that is learnt."""
        before = self.basis
        free: Array = full.unknown - self.loading.prescribed.at(full.time)
        self.basis = self._grown(before, free[:, None], displacement=True)
        stress = stress_of(full.state, self.context.workspace.laws)[:, None]
        self.quadrature = self._selected(before, stress)
        return free

    def _selected(self, before: ReducedBasis, stress: Array) -> ReducedQuadrature:
        """Select points that also integrate the new stress and the new modes."""
        context, comm = self.context, self.context.comm
        points = context.workspace.discretization
        offline = context.located.study.offline
        options = Compression(
            memory=memory_of_rank(context), rtol=max(_LOST * offline.cubature_tolerance, 1e-12)
        )
        training = training_field(context, "stress")
        if self._functions is None:
            work = VirtualWork(training, before.modes, points)
            self._functions = compressed(work, points.weights, comm, options)
            self._rank = len(self._functions)
        added = self._new_directions(before)
        pieces = [self._functions]
        if added.shape[1]:
            pieces.append(_values(VirtualWork(training, added, points)))
            if self._stress.shape[1]:
                pieces.append(_values(VirtualWork(ArraySource(self._stress), added, points)))
        pieces.append(_values(VirtualWork(ArraySource(stress), self.basis.modes, points)))
        self._stress = np.hstack([self._stress, stress])
        # The values of one point are neighbours in memory.
        self._functions = np.concatenate([piece.T for piece in pieces], axis=1).T
        if len(self._functions) > _MOST_ROWS * self._rank:
            table = TableIntegrands(np.ascontiguousarray(self._functions))
            self._functions = compressed(table, points.weights, comm, options)
            self._rank = len(self._functions)
        numbers = context.workspace.part.points
        problem = CubatureProblem.build(
            self._functions, points.weights, numbers, comm, volume=offline.cubature.volume
        )
        return select_points(
            problem,
            tolerance=offline.cubature_tolerance,
            options=CubatureOptions(volume=offline.cubature.volume, start=self.quadrature),
        )

    def _new_directions(self, before: ReducedBasis) -> Float[Array, "n_dofs n_new"]:
        """Return what the modes span that they did not span before, orthonormal."""
        inside = project(before, ArraySource(self.basis.modes), self._product, self.context.comm)
        # The modes are orthonormal, so the new directions are combinations of them.
        _, sizes, right = np.linalg.svd(inside)
        n_new = self.basis.n_modes - int(np.count_nonzero(sizes > 0.5))  # noqa: PLR2004
        return np.ascontiguousarray(self.basis.modes @ right[self.basis.n_modes - n_new :].T)

    def _grown(
        self, basis: ReducedBasis, columns: Array, *, displacement: bool, rtol: float = _KEPT
    ) -> ReducedBasis:
        """Return a basis that has learnt more snapshots."""
        weights = self.context.workspace.discretization.weights
        return updated(
            basis,
            columns,
            self._product if displacement else point_l2(weights),
            truncation=Truncation(rtol=rtol),
            comm=self.context.comm,
        )

    def _learn_dual(self, time: float) -> Int[Array, " n_mask"]:
        """Enrich the dual bases; return the mask, grown where the old one sees least."""
        context, numbers = self.context, self.context.workspace.part.points
        mask = self.model.points
        extra = [mask[self.model.n_quadrature :]]
        for scalar in self.scalars:
            column = self._field(time, scalar.name)
            old = self.dual.get(scalar.name) or ReducedBasis(
                np.zeros((len(numbers), 0)), np.zeros(0), "l2"
            )
            grown = self._grown(old, column[:, None], displacement=False)
            if grown.n_modes == 0:
                continue
            rest = column
            if scalar.name in self.model.gappy:
                at_mask = at_points(mask, column[:, None], numbers, context.comm)[:, 0]
                rest = column - old.modes @ (self.model.gappy[scalar.name].inverse @ at_mask)
            worst, _ = best_point(np.abs(rest), numbers, context.comm)
            if worst >= 0 and grown.n_modes > old.n_modes:
                extra.append(np.array([worst]))
            self.dual[scalar.name] = grown
        return mask_points(self.quadrature.points, np.unique(np.concatenate(extra)))

    def _learn_all_dual(self) -> Int[Array, " n_mask"]:
        """Enrich the dual bases by all records; return the mask on which they are told best."""
        numbers, comm = self.context.workspace.part.points, self.context.comm
        for scalar in self.scalars:
            columns = np.stack([self._field(time, scalar.name) for time in self._records], axis=1)
            old = self.dual.get(scalar.name) or ReducedBasis(
                np.zeros((len(numbers), 0)), np.zeros(0), "l2"
            )
            rtol = self.context.located.study.offline.tolerance
            grown = self._grown(old, columns, displacement=False, rtol=rtol)
            if grown.n_modes:
                self.dual[scalar.name] = grown
        every = [interpolation_points(basis.modes, numbers, comm) for basis in self.dual.values()]
        return mask_points(self.quadrature.points, np.unique(np.concatenate(every)))

    def _field(self, time: float, name: str) -> Array:
        """Return a recorded dual scalar at this rank's points."""
        names = [scalar.name for scalar in self.scalars]
        return np.ascontiguousarray(self._records[time][:, names.index(name)])

    def _gappy(self, points: Int[Array, " n_mask"]) -> dict[str, GappyOperator]:
        """Factorise the gappy operators on a mask.

        Raises AccuracyError if a field cannot be told on it.
        """
        numbers, comm = self.context.workspace.part.points, self.context.comm
        operators = {}
        for name, basis in self.dual.items():
            old = self.model.gappy.get(name)
            largest = 0.0 if old is None else old.largest_norm
            for time in self._records:
                table = at_points(points, self._field(time, name)[:, None], numbers, comm)
                largest = max(largest, float(np.linalg.norm(table)))
            modes = at_points(points, basis.modes, numbers, comm)
            operators[name] = GappyOperator.build(modes, largest_norm=largest)
        return operators

    def _packed(self, points: Int[Array, " n_mask"], *, with_fields: bool = True) -> ReducedModel:
        """Put the enriched parts together."""
        context, workspace = self.context, self.context.workspace
        numbers, comm = workspace.part.points, context.comm
        try:
            gappy = self._gappy(points) if with_fields else {}
        except AccuracyError:
            every = [interpolation_points(b.modes, numbers, comm) for b in self.dual.values()]
            extra = np.concatenate([points[self.quadrature.points.size :], *every])
            points = mask_points(self.quadrature.points, np.unique(extra))
            gappy = self._gappy(points)
        modes = self.basis.modes
        laws = at_points(points, workspace.law_of_point[:, None].astype(float), numbers, comm)
        loads = {**self._loadings, self.loading.name: self.loading}
        return replace(
            self.model,
            points=points,
            weights=self.quadrature.weights,
            strain_modes=strain_at(context, points, modes),
            law_of_point=laws[:, 0].astype(np.int64),
            gappy=gappy,
            loadings={
                name: reduced_loading(context, loading, modes, points)
                for name, loading in loads.items()
            },
            locations=locations_at(points, workspace.laws.locations, numbers, comm),
        )


def _values(work: VirtualWork) -> Array:
    """Return integrands that are few enough to be held."""
    chunks = list(work.chunks(work.discretization.n_points or 1))
    return np.hstack(chunks) if chunks else np.zeros((work.n_functions, 0))
