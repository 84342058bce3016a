"""The structure on the whole mesh as the teacher of a reduced model, and the stage that asks it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.errors import AccuracyError
from romnet.core.snapshots import ArraySource
from romnet.core.status import Status
from romnet.fe.inner_products import point_l2
from romnet.fe.loading import Loading
from romnet.online.enrichment import AdaptiveAnswer, Learnt, Policy, solve_adaptively
from romnet.online.indicator import REPLAYED, SWEPT, Calibrations, Watched
from romnet.online.stepping import Committed, StepOutcome, march
from romnet.online.sweeps import FullInstant, SweepPolicy, solve_in_sweeps
from romnet.reduction.basis import ReducedBasis, Truncation
from romnet.reduction.compression import Compression, compressed
from romnet.reduction.cubature import CubatureOptions, ReducedQuadrature, select_points
from romnet.reduction.cubature_problem import CubatureProblem
from romnet.reduction.dual import DualScalar, dual_scalars
from romnet.reduction.gappy import NEGLIGIBLE, GappyOperator, interpolation_points
from romnet.reduction.incremental import updated
from romnet.reduction.integrands import TableIntegrands, VirtualWork
from romnet.reduction.model import ReducedLoading, ReducedModel, mask_points
from romnet.reduction.projection import project
from romnet.reduction.replay import stress_of
from romnet.reduction.selection import at_points, best_point
from romnet.reduction.signals import LoadSpace
from romnet.store import artefact
from romnet.store.manifest import Manifest
from romnet.store.modes import load_bases, save_bases
from romnet.study.actions import locations_at
from romnet.study.answers import Comparison, compare, reduced_loading
from romnet.study.context import Context
from romnet.study.external_solver import Elsewhere
from romnet.study.following import RelativeUnbalance, followed, unbalance
from romnet.study.schema import Indicator
from romnet.study.stage import Stage
from romnet.study.training import (
    displacement_basis,
    memory_of_rank,
    strain_at,
    training_field,
)
from romnet.study.workspace import law_specs

# A direction that a state adds is kept down to this part of the first singular value: what is
# learnt at one instant is to be represented, not to be averaged away.
_KEPT = 1e-9
# Part of the cubature tolerance that compressing the integrands may lose of them.
_LOST = 1e-3
# Functions are compressed again when they are so many times those that were independent.
_MOST_ROWS = 1.5
# Instants of an answer that the dual bases learn at its end, at most.
_MOST_FIELDS = 6


class Teacher:
    """Romnet's own solver, or another code, and the reduced model as it stands.

    Parameters
    ----------
    context
        Study, folder and ranks.
    model
        The reduced model to begin with.
    loading
        The load case on this rank.

    Notes
    -----
    Implements `romnet.online.enrichment.FullModel`. Collective: every method. Holds the dual
    fields of every instant at which the full state was known.
    """

    def __init__(self, context: Context, model: ReducedModel, loading: Loading) -> None:
        from romnet.hf.problem import HighFidelityProblem

        workspace = context.workspace
        self.context, self.model, self.loading = context, model, loading
        self.basis = displacement_basis(context)
        self.dual = load_bases(context.folder / "dual_pod.h5", workspace.part.points)
        self.quadrature = artefact.load(context.folder / "cubature.h5", ReducedQuadrature)
        self.problem = HighFidelityProblem(
            workspace.part, workspace.discretization, workspace.laws, loading, context.comm
        )
        self.stress = np.zeros((workspace.discretization.weights.size * model.n_components, 0))
        self._functions: Array | None = None
        self._rank = 0  # of the functions, when they were compressed last
        self._last: StepOutcome | None = None
        self._records: dict[float, Array] = {}
        self._loadings = {name: context.loading(name) for name in context.training}
        self._scalars: tuple[DualScalar, ...] = dual_scalars(model.dual, workspace.laws)
        self._product = workspace.inner_product()
        self._largest = self._largest_norms()
        keys = context.located.study.indicator or Indicator()
        foreign = None if keys.solver == "hf" else Elsewhere(context, keys.solver, loading.name)
        self._elsewhere = foreign

    def start(self) -> Committed:
        """Return the virgin state."""
        start = self.problem.start()
        self._record(start)
        return start

    def follow(self, full: Committed, times: Sequence[float], path: Sequence[Array]) -> Committed:
        """Drive the law from a full state along coefficients of the present model."""
        for time, coefficients in zip(times, path, strict=True):
            unknown = self.basis.modes @ coefficients + self.loading.prescribed.at(time)
            full = followed(self.problem, full, time, unknown, number=len(self._records))
            self._record(full)
        return full

    def unbalance(self, full: Committed) -> float:
        """Return the relative residual of equilibrium of a full state."""
        rest, scale = unbalance(self.problem, full)
        return rest / scale if scale > 0.0 else rest

    def along(self, times: Sequence[float], path: Sequence[Array]) -> Iterator[FullInstant]:
        """Drive the law from the virgin state, which is the first one, along coefficients."""
        full, relative = self.problem.start(), RelativeUnbalance()
        yield FullInstant(full, 0.0, self._size(full))
        for number, (time, coefficients) in enumerate(zip(times, path, strict=True), start=1):
            unknown = self.basis.modes @ coefficients + self.loading.prescribed.at(time)
            full = followed(self.problem, full, time, unknown, number=number)
            yield FullInstant(full, relative.of(self.problem, full)[1], self._size(full))

    def step(self, full: Committed, time: float) -> StepOutcome:
        """Solve for the next instant on the whole mesh, or have it solved elsewhere."""
        if self._elsewhere is not None:
            unknown = self._elsewhere.displacement(time)
            there = followed(self.problem, full, time, unknown, number=len(self._records))
            return StepOutcome(committed=there, status=Status.CONVERGED, scale=0.0)
        options = self.context.simulation_options
        # What the structure has borne before decides when an unloaded step is solved.
        last = None if self._last is None else replace(self._last, committed=full)
        times = np.array([time])
        (outcome,) = march(self.problem, full, times, options=options, last=last)
        self._last = outcome
        return outcome

    def learn(self, full: Committed, values: Float[Array, " n_mask"] | None) -> Learnt:
        """Enrich modes, points and gappy operators by a state."""
        context, before = self.context, self.basis
        error = self._error(full, values)
        self._record(full)
        free = self._learn_displacement(full)
        points = self._learn_dual(full.time)
        self.model = self._packed(points)
        transfer = project(self.basis, ArraySource(before.modes), self._product, context.comm)
        coefficients = project(self.basis, ArraySource(free[:, None]), self._product, context.comm)
        numbers = context.workspace.part.points
        state = at_points(points, full.state, numbers, context.comm)
        return Learnt(
            model=self.model,
            loading=self.model.loadings[self.loading.name],
            space=self._space(full.time),
            coefficients=coefficients[:, 0],
            transfer=transfer,
            strain=at_points(points, full.strain, numbers, context.comm),
            state=state,
            error=error,
        )

    def learn_modes(self, full: Committed) -> tuple[ReducedModel, ReducedLoading]:
        """Enrich the displacement modes and the quadrature by a state; leave out dual fields."""
        self._learn_displacement(full)
        self.model = self._packed(self.quadrature.points, with_fields=False)
        return self.model, self.model.loadings[self.loading.name]

    def learn_fields(
        self, times: Sequence[float], path: Sequence[Array]
    ) -> tuple[ReducedModel, ReducedLoading]:
        """Enrich the modes of the dual fields along coefficients of the present model."""
        instants = _spread(len(times), _MOST_FIELDS)
        for number, instant in enumerate(self.along(times, path)):
            if number in instants:
                self._record(instant.committed)
        points = self._learn_all_dual()
        self.model = self._packed(points)
        return self.model, self.model.loadings[self.loading.name]

    def recorded(self, time: float) -> dict[str, Array] | None:
        """Return dual scalars at the mask points, where the full state was known."""
        if time not in self._records:
            return None
        numbers, comm = self.context.workspace.part.points, self.context.comm
        table = at_points(self.model.points, self._records[time], numbers, comm)
        return {
            scalar.name: np.ascontiguousarray(table[:, place])
            for place, scalar in enumerate(self._scalars)
            if scalar.name in self.model.gappy
        }

    def _learn_displacement(self, full: Committed) -> Array:
        """Enrich displacement modes and quadrature; return the displacement that is learnt."""
        before = self.basis
        free: Array = full.unknown - self.loading.prescribed.at(full.time)
        self.basis = self._grown(before, free[:, None], displacement=True)
        stress = stress_of(full.state, self.context.workspace.laws)[:, None]
        self.quadrature = self._selected(before, stress)
        return free

    def _record(self, full: Committed) -> None:
        """Remember the dual fields of a full state."""
        laws = self.context.workspace.laws
        fields = [scalar.of(laws, full.state) for scalar in self._scalars]
        self._records[full.time] = np.stack(fields, axis=1)

    def _field(self, time: float, name: str) -> Array:
        """Return a recorded dual scalar at this rank's points."""
        names = [scalar.name for scalar in self._scalars]
        return np.ascontiguousarray(self._records[time][:, names.index(name)])

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
            if self.stress.shape[1]:
                pieces.append(_values(VirtualWork(ArraySource(self.stress), added, points)))
        pieces.append(_values(VirtualWork(ArraySource(stress), self.basis.modes, points)))
        self.stress = np.hstack([self.stress, stress])
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

    def _learn_dual(self, time: float) -> Int[Array, " n_mask"]:
        """Enrich the dual bases; return the mask, grown where the old one sees least."""
        context, numbers = self.context, self.context.workspace.part.points
        mask = self.model.points
        extra = [mask[self.model.n_quadrature :]]
        for scalar in self._scalars:
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
        for scalar in self._scalars:
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

    def _space(self, time: float) -> LoadSpace:
        """Return the loads of the training, and this one up to an instant."""
        known = [self.model.loadings[name] for name in self._loadings]
        own = self.model.loadings[self.loading.name]
        seen = own.times[: int(np.searchsorted(own.times, time)) + 1]
        return LoadSpace.of([*known, replace(own, times=seen)])

    def _largest_norms(self) -> float:
        """Return the largest norm of the watched scalar in training."""
        keys = self.context.located.study.indicator or Indicator()
        if keys.field not in self.dual or keys.field not in self.model.dual:
            return 0.0
        weights = np.abs(self.context.workspace.discretization.weights)
        source = training_field(self.context, keys.field)
        sizes = [
            float(weights @ source.column(number) ** 2) for number in range(source.n_snapshots)
        ]
        return float(np.sqrt(self.context.comm.sum(np.array(sizes)).max()))

    def _size(self, full: Committed) -> float:
        """Return the norm of the watched field."""
        keys = self.context.located.study.indicator or Indicator()
        workspace = self.context.workspace
        weights = np.abs(workspace.discretization.weights)
        field = workspace.laws.field(full.state, keys.field)
        return float(np.sqrt(self.context.comm.sum(np.array([(weights @ field**2).sum()]))[0]))

    def _error(self, full: Committed, values: Array | None) -> float:
        """Return the error that the present model made of the watched scalar field."""
        keys = self.context.located.study.indicator or Indicator()
        if values is None or not self._largest > 0.0:
            return float("nan")
        workspace = self.context.workspace
        scalar = next(found for found in self._scalars if found.name == keys.field)
        truth = scalar.of(workspace.laws, full.state)
        modes, operator = self.dual[scalar.name].modes, self.model.gappy[scalar.name]
        rest: Array = modes @ (operator.inverse @ values) - truth
        weights = np.abs(workspace.discretization.weights)
        parts = np.array([weights @ rest**2, weights @ truth**2])
        wrong, whole = np.sqrt(self.context.comm.sum(parts))
        return float(wrong / whole) if whole > NEGLIGIBLE * self._largest else float("nan")


def _spread(last: int, most: int) -> set[int]:
    """Return numbers of instants, the last one among them, evenly spread."""
    return set(np.linspace(last, 0, min(last, most), endpoint=False).round().astype(int).tolist())


def _values(work: VirtualWork) -> Array:
    """Return integrands that are few enough to be held."""
    chunks = list(work.chunks(work.discretization.n_points or 1))
    return np.hstack(chunks) if chunks else np.zeros((work.n_functions, 0))


@dataclass(frozen=True)
class EnrichmentRecord:
    """What enriching an answer took, and what it brought.

    Attributes
    ----------
    case
        The load case.
    times, estimates
        Instants [time], and the estimated error of the reduced step tried at each of them [-].
    full_steps
        Numbers of the instants computed on the whole mesh.
    replayed_steps
        Numbers of those whose reduced displacement was good enough, and only the dual fields were
        learnt, by driving the law along it.
    modes, points
        Displacement modes and quadrature points, before and after.
    seconds
        Wall time of the whole run [s].
    field, tolerance
        The field watched, and the largest estimate accepted of it.
    comparison
        The enriched answer beside the reference of the case, if it has one.
    """

    case: str
    times: Float[Array, " n_times"]
    estimates: Float[Array, " n_times"]
    full_steps: tuple[int, ...]
    replayed_steps: tuple[int, ...]
    modes: tuple[int, int]
    points: tuple[int, int]
    seconds: float
    field: str
    tolerance: float
    comparison: Comparison


def enrich_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Answer a case with a model that learns, and keep that model beside the old one."""
    from romnet.parallel.petsc import petsc

    petsc()
    keys = context.located.study.indicator or Indicator()
    model = replace(
        artefact.load(context.folder / "model.h5", ReducedModel),
        law_specs=law_specs(context.located),
    )
    calibrations = artefact.load(context.folder / "calibration.h5", Calibrations)
    began = perf_counter()
    teacher, answer = enriched_answer(context, stage.case, model, calibrations)
    seconds = perf_counter() - began
    folder = stage.path.parent
    _save(context, folder, (teacher, answer), manifest)
    own = replace(context, folder=context.folder / folder, origin=context.simulations)
    reference = stage.parameters["reference"]
    none = np.zeros(0)
    comparison = (
        Comparison("", none, none, {}, {})
        if reference is None
        else compare(own, answer.solution, str(reference))
    )
    record = EnrichmentRecord(
        case=stage.case,
        times=answer.solution.times,
        estimates=answer.estimates,
        full_steps=answer.full_steps,
        replayed_steps=answer.replayed_steps,
        modes=(model.n_modes, answer.model.n_modes),
        points=(model.n_quadrature, answer.model.n_quadrature),
        seconds=seconds,
        field=keys.field,
        tolerance=keys.tolerance,
        comparison=comparison,
    )
    context.save(stage.path, record, manifest)


def enriched_answer(
    context: Context,
    case: str,
    model: ReducedModel,
    calibrations: Calibrations,
) -> tuple[Teacher, AdaptiveAnswer]:
    """Answer a case with a model that learns where it must.

    Parameters
    ----------
    context
        Study, folder of the offline artefacts and ranks.
    case
        Name of the load case.
    model
        The model to begin with.
    calibrations
        From signals to errors.

    Returns
    -------
    Teacher, AdaptiveAnswer
        The first holds the enriched bases.

    Notes
    -----
    Collective: yes. PETSc must have been started.
    """
    keys = context.located.study.indicator or Indicator()
    loading = context.loading(case)
    teacher = Teacher(context, model, loading)
    reduced = model.loadings.get(case) or reduced_loading(
        context, loading, teacher.basis.modes, model.points
    )
    if keys.learning == "sweeps":
        if SWEPT not in calibrations.fields:
            message = (
                "sweeps: too few pairs of unbalance and error of the watched field were met; give "
                "more indicator.calibration.loads, or larger ones."
            )
            raise AccuracyError(message)
        most = keys.most_steps or len(loading.times) - 1
        answer = solve_in_sweeps(
            model,
            reduced,
            teacher,
            policy=SweepPolicy(
                calibration=calibrations.fields[SWEPT],
                watched=Watched(keys.field, keys.tolerance),
                most=most,
            ),
            options=context.newton_options,
            on_sweep=lambda done: context.progress(done / most),
        )
        return teacher, answer
    end = float(loading.times[-1])
    answer = solve_adaptively(
        model,
        reduced,
        teacher,
        policy=Policy(
            calibration=calibrations.fields[keys.field],
            replayed=calibrations.fields.get(REPLAYED),
            space=LoadSpace.of([model.loadings[name] for name in context.training]),
            watched=Watched(keys.field, keys.tolerance),
            most=keys.most_steps,
        ),
        options=context.newton_options,
        on_step=lambda time: context.progress(time / end),
    )
    return teacher, answer


def _save(
    context: Context,
    folder: object,
    found: tuple[Teacher, AdaptiveAnswer],
    manifest: Manifest,
) -> None:
    """Write the enriched model and its answer as the offline stages write theirs."""
    teacher, answer = found
    workspace, comm = context.workspace, context.comm
    below = context.folder / str(folder)
    save_bases(
        below / "pod.h5",
        {"displacement": teacher.basis},
        workspace.owned_dofs,
        kept=np.flatnonzero(workspace.part.owned_dofs),
        manifest=manifest,
        comm=comm,
    )
    numbers = workspace.part.points
    kept = np.arange(len(numbers))
    save_bases(
        below / "dual_pod.h5", teacher.dual, numbers, kept=kept, manifest=manifest, comm=comm
    )
    context.save(below / "cubature.h5", teacher.quadrature, manifest)
    context.save(below / "model.h5", answer.model, manifest)
    context.save(below / "online" / f"{answer.solution.case}.h5", answer.solution, manifest)
