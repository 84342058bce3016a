"""Pairs of signals and true errors: loads near the training, whole and truncated models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.communicator import raise_together
from romnet.core.errors import ConvergenceError
from romnet.fe.history import SeparatedField
from romnet.fe.loading import Loading
from romnet.online.indicator import BALANCE, BORNE, REPLAYED, SWEPT, Calibrations
from romnet.online.solve import ReducedSolution, solve
from romnet.reduction.basis import ReducedBasis
from romnet.reduction.calibration import calibrated
from romnet.reduction.dual import DualScalar, dual_scalars
from romnet.reduction.gappy import NEGLIGIBLE
from romnet.reduction.model import ReducedLoading, ReducedModel
from romnet.reduction.signals import LOAD, GappySignals, LoadSpace, signals_of
from romnet.store import artefact
from romnet.store.manifest import Manifest
from romnet.store.modes import load_bases
from romnet.study.answers import reduced_loading
from romnet.study.context import Context
from romnet.study.following import RelativeUnbalance, followed
from romnet.study.indicator.left_out import discard, known_states, left_out_loads, without
from romnet.study.indicator.perturbing import perturbations
from romnet.study.schema import Indicator
from romnet.study.stage import Stage
from romnet.study.training import displacement_basis, training_displacement, training_field

if TYPE_CHECKING:
    from romnet.hf.problem import HighFidelityProblem

DISPLACEMENT = "u"


def calibrate_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Learn how large errors are from how large signals are."""
    from romnet.parallel.petsc import petsc

    petsc()
    keys = context.located.study.indicator or Indicator()
    model = artefact.load(context.folder / "model.h5", ReducedModel)
    measure = FieldErrors.build(context, model)
    pairs = _Pairs()
    gappy = GappySignals.of(model)
    loadings = list(_loads(context, keys))
    seconds = 0.0
    for number, loading in enumerate(loadings):
        answers = list(_answers(context, model, loading, measure, keys))
        began = perf_counter()
        errors, balances = _true_errors(
            context,
            loading,
            measure,
            [found for _, _, found in answers],
            _computed(context, loading),
        )
        seconds += perf_counter() - began
        for (cut, load, solution), of_fields, balance in zip(
            answers, errors, balances, strict=True
        ):
            distances = training_space(context, cut).distances(load)[: len(solution.times)]
            signals = signals_of(gappy, solution.dual, distances)
            pairs.add(number, {**signals, **_of_balance(balance)}, of_fields)
        context.progress((number + 1) / len(loadings))
        context.safe_point(f"in {stage.name}, after {number + 1} loads")
    for place, name in enumerate(left_out_loads(context, keys.calibration.left_out)):
        _add_left_out(context, name, pairs, len(loadings) + place)
        context.safe_point(f"in {stage.name}, without {name}")
    without_balance = (*measure.scalars, LOAD)
    found = {
        name: calibrated(
            name,
            pairs.signals(name, only=_BY_BALANCE.get(name, without_balance)),
            np.array(pairs.errors[name]),
            np.array(pairs.loads[name]),
            confidence=keys.confidence,
        )
        for name in (*measure.names, *_BY_BALANCE)
        if name == keys.field or len(pairs.errors.get(name, ())) >= _ENOUGH.get(name, 20)
    }
    n_loads = len(set().union(*pairs.loads.values()))
    context.save(stage.path, Calibrations(found, n_loads, seconds), manifest)


def _add_left_out(context: Context, name: str, pairs: _Pairs, number: int) -> None:
    """Add the pairs of a training load and of a model that was trained without it."""
    own = without(context, name)
    model = artefact.load(own.folder / "model.h5", ReducedModel)
    measure = FieldErrors.build(own, model)
    loading = context.loading(name)
    reduced = reduced_loading(own, loading, measure.displacement.modes, model.points)
    solution = solve(model, reduced, options=own.newton_options, comm=own.comm)
    truths = known_states(context, name)
    (errors,), (balance,) = _true_errors(own, loading, measure, [solution], truths)
    distances = training_space(own, model).distances(reduced)[: len(solution.times)]
    signals = signals_of(GappySignals.of(model), solution.dual, distances)
    pairs.add(number, {**signals, **_of_balance(balance)}, errors)
    discard(own)


# Pairs below which a field that is not watched is left out; one signal needs fewer of them.
_ENOUGH = {REPLAYED: 10, SWEPT: 10}
# Fields whose errors are told from what is out of balance, and related to what.
_BY_BALANCE = {REPLAYED: (BALANCE,), SWEPT: (BORNE,)}


def training_space(context: Context, model: ReducedModel) -> LoadSpace:
    """Return the loads of the training as a model sees them."""
    return LoadSpace.of([model.loadings[name] for name in context.training])


@dataclass(frozen=True)
class FieldErrors:
    """Measures the errors of rebuilt fields at one instant.

    Attributes
    ----------
    context
        Study and ranks.
    scalars
        Scalars of each dual field.
    displacement
        Modes of the displacement.
    dual
        Modes of the dual scalars.
    largest
        Largest norm of each field in training; a field that is negligible beside it has no
        relative error.
    """

    context: Context
    scalars: Mapping[str, tuple[DualScalar, ...]]
    displacement: ReducedBasis
    dual: Mapping[str, ReducedBasis]
    largest: Mapping[str, float]

    @classmethod
    def build(cls, context: Context, model: ReducedModel) -> FieldErrors:
        """Load the modes and look at the training. Collective: yes."""
        workspace = context.workspace
        dual = load_bases(context.folder / "dual_pod.h5", workspace.part.points)
        scalars: dict[str, tuple[DualScalar, ...]] = {}
        for scalar in dual_scalars(model.dual, workspace.laws):
            if scalar.name in dual:
                scalars[scalar.field] = (*scalars.get(scalar.field, ()), scalar)
        largest = {DISPLACEMENT: 0.0}
        product = workspace.inner_product()
        source = training_displacement(context)
        for number in range(source.n_snapshots):
            size = context.comm.sum(np.array([(product @ source.column(number)) ** 2]).sum()[None])
            largest[DISPLACEMENT] = max(largest[DISPLACEMENT], float(np.sqrt(size[0])))
        weights = np.abs(workspace.discretization.weights)
        for name in scalars:
            source = training_field(context, name)
            largest[name] = 0.0
            for number in range(source.n_snapshots):
                values = source.column(number).reshape(len(weights), -1)
                size = context.comm.sum(np.array([(weights @ values**2).sum()]))
                largest[name] = max(largest[name], float(np.sqrt(size[0])))
        return cls(context, scalars, displacement_basis(context), dual, largest)

    @property
    def names(self) -> tuple[str, ...]:
        """Fields whose errors are measured."""
        return (DISPLACEMENT, *self.scalars)

    def moved(self, solution: ReducedSolution, number: int) -> Array:
        """Return the displacement, less the prescribed one, at this rank's dofs."""
        coefficients = solution.coefficients[:, number]
        return np.asarray(self.displacement.modes[:, : len(coefficients)] @ coefficients)

    def between(self, name: str, state: Array, truth: Array) -> float:
        """Return the relative difference of a field of two states. Collective: yes."""
        laws = self.context.workspace.laws
        weights = np.abs(self.context.workspace.discretization.weights)
        exact = laws.field(truth, name)
        rest = laws.field(state, name) - exact
        parts = np.array([(weights @ rest**2).sum(), (weights @ exact**2).sum()])
        wrong, whole = np.sqrt(self.context.comm.sum(parts))
        negligible = whole <= NEGLIGIBLE * self.largest[name]
        return float("nan") if negligible else float(wrong / whole)

    def at(
        self,
        solution: ReducedSolution,
        number: int,
        truth: tuple[Array, Array],
        gappy: ReducedModel,
    ) -> dict[str, float]:
        """Return the relative error of each field at an instant, NaN where it is negligible.

        Parameters
        ----------
        solution, number
            The answer and the number of the instant.
        truth
            Displacement less the prescribed one on this rank's dofs, state at its points.
        gappy
            The model, for its gappy operators.

        Notes
        -----
        Collective: yes.
        """
        workspace = self.context.workspace
        weights = np.abs(workspace.discretization.weights)
        product = workspace.inner_product()
        displacement, state = truth
        moved = self.moved(solution, number)
        squares = [
            [((product @ (moved - displacement)) ** 2).sum(), ((product @ displacement) ** 2).sum()]
        ]
        for group in self.scalars.values():
            sums = np.zeros(2)
            for scalar in group:
                exact = scalar.of(workspace.laws, state)
                mask = solution.dual[scalar.name][:, number]
                rebuilt = self.dual[scalar.name].modes @ (gappy.gappy[scalar.name].inverse @ mask)
                sums += weights @ np.stack([(rebuilt - exact) ** 2, exact**2], axis=1)
            squares.append(sums.tolist())
        rest, whole = np.sqrt(self.context.comm.sum(np.array(squares))).T
        return {
            name: float(rest[place] / whole[place])
            if whole[place] > NEGLIGIBLE * self.largest[name]
            else float("nan")
            for place, name in enumerate(self.names)
        }


def truncated(model: ReducedModel, n_modes: int) -> ReducedModel:
    """Return a model with the first modes only; its points stay."""
    return replace(
        model,
        strain_modes=np.ascontiguousarray(model.strain_modes[..., :n_modes]),
        loadings={name: _cut(load, n_modes) for name, load in model.loadings.items()},
    )


def _cut(loading: ReducedLoading, n_modes: int) -> ReducedLoading:
    """Return a load projected on the first modes only."""
    force = loading.force
    vectors = np.ascontiguousarray(force.vectors[:, :n_modes])
    return replace(loading, force=SeparatedField(force.amplitudes, vectors))


def _loads(context: Context, keys: Indicator) -> Iterator[Loading]:
    """Yield loads near those of the training, each training load in its turn."""
    workspace, comm = context.workspace, context.comm
    bases = [context.loading(name) for name in context.training]
    nodes = workspace.mesh.nodes
    low, high = nodes.min(axis=0), nodes.max(axis=0)
    size = np.where(high > low, high - low, 1.0)
    places = (2.0 * workspace.discretization.positions - low - high) / size
    given = keys.calibration
    changes = perturbations(
        given.loads,
        n_dim=workspace.mesh.n_dim,
        n_forces=int(comm.max(float(max(len(base.force.vectors) for base in bases)))),
        strengths=(given.weakest, given.spread),
        seed=given.seed,
    )
    for number, change in enumerate(changes):
        base = bases[number % len(bases)]
        yield replace(
            change.of(base, places, workspace.temperature_range),
            name=f"calibration{number + 1}",
        )


def _answers(
    context: Context,
    model: ReducedModel,
    loading: Loading,
    measure: FieldErrors,
    keys: Indicator,
) -> Iterator[tuple[ReducedModel, ReducedLoading, ReducedSolution]]:
    """Yield the answers of the model and of truncated ones to one load."""
    reduced = reduced_loading(context, loading, measure.displacement.modes, model.points)
    sizes = {max(1, round(part * model.n_modes)) for part in keys.calibration.modes}
    for n_modes in sorted(sizes, reverse=True):
        cut, load = truncated(model, n_modes), _cut(reduced, n_modes)
        yield cut, load, solve(cut, load, options=context.newton_options, comm=context.comm)


def _of_balance(balance: list[tuple[float, float]]) -> dict[str, Array]:
    """Return the signals of the full states along an answer, from the virgin state on."""
    table = np.array([(0.0, 0.0), *balance]).T
    return {BALANCE: table[0], BORNE: table[1]}


def _computed(
    context: Context, loading: Loading
) -> Iterator[tuple[float, Float[Array, " n_dofs"], Float[Array, "n_points n_state"]]]:
    """Compute a load; yield instant, displacement and state, after the virgin state."""
    from romnet.hf.problem import solve_high_fidelity

    problem = _problem(context, loading)
    for outcome in solve_high_fidelity(problem, options=context.simulation_options):
        found = outcome.committed
        if not outcome.status.ok:
            message = (
                f"calibrate: {loading.name} stopped after t = {found.time:g} "
                f"({outcome.reason.label}); try a smaller indicator.calibration.spread."
            )
            raise_together(context.comm, ConvergenceError(message))
        yield found.time, found.unknown, found.state


def _problem(context: Context, loading: Loading) -> HighFidelityProblem:
    """Return the structure on the whole mesh under a load."""
    from romnet.hf.problem import HighFidelityProblem

    workspace = context.workspace
    return HighFidelityProblem(
        workspace.part, workspace.discretization, workspace.laws, loading, context.comm
    )


def _true_errors(
    context: Context,
    loading: Loading,
    measure: FieldErrors,
    answers: list[ReducedSolution],
    truths: Iterator[tuple[float, Array, Array]],
) -> tuple[list[list[dict[str, float]]], list[list[tuple[float, float]]]]:
    """Return errors and unbalances of answers to a load at each instant they reached."""
    model = artefact.load(context.folder / "model.h5", ReducedModel)
    problem = _problem(context, loading)
    watched = (context.located.study.indicator or Indicator()).field
    errors: list[list[dict[str, float]]] = [[] for _ in answers]
    balances: list[list[tuple[float, float]]] = [[] for _ in answers]
    followers = [problem.start() for _ in answers]
    relative = [RelativeUnbalance() for _ in answers]
    for number, (time, unknown, exact) in enumerate(truths, start=1):
        prescribed = loading.prescribed.at(time)
        for place, answer in enumerate(answers):
            if number >= len(answer.times):
                continue
            found = measure.at(answer, number, (unknown - prescribed, exact), model)
            if watched in measure.scalars:
                moved = measure.moved(answer, number) + prescribed
                followers[place] = followed(problem, followers[place], time, moved, number=number)
                found[REPLAYED] = found[SWEPT] = measure.between(
                    watched, followers[place].state, exact
                )
                balances[place].append(relative[place].of(problem, followers[place]))
            else:
                balances[place].append((0.0, 0.0))
            errors[place].append(found)
    return errors, balances


@dataclass
class _Pairs:
    """Pairs by field."""

    errors: dict[str, list[float]] = field(default_factory=dict)
    loads: dict[str, list[int]] = field(default_factory=dict)
    rows: dict[str, list[dict[str, float]]] = field(default_factory=dict)

    def add(self, load: int, signals: Mapping[str, Array], errors: list[dict[str, float]]) -> None:
        """Add the instants of one answer."""
        for number, of_fields in enumerate(errors):
            row = {name: float(values[number + 1]) for name, values in signals.items()}
            for name, error in of_fields.items():
                if np.isfinite(error):
                    self.errors.setdefault(name, []).append(error)
                    self.loads.setdefault(name, []).append(load)
                    self.rows.setdefault(name, []).append(row)

    def signals(self, name: str, *, only: tuple[str, ...]) -> dict[str, Array]:
        """Return some signals of the pairs of a field."""
        return {signal: np.array([row[signal] for row in self.rows[name]]) for signal in only}
