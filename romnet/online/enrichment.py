"""Answers that correct themselves: where the model is not good enough, one step of the full one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.status import Status
from romnet.online.equilibrium import ReducedProblem
from romnet.online.indicator import BALANCE, Watched
from romnet.online.newton import NewtonOptions
from romnet.online.prepared import PreparedModel, prepare
from romnet.online.solve import ReducedSolution
from romnet.online.stepping import Committed, StepOutcome, march
from romnet.reduction.calibration import Calibration
from romnet.reduction.model import ReducedLoading, ReducedModel
from romnet.reduction.signals import GappySignals, LoadSpace, signals_of


@dataclass(frozen=True)
class Learnt:
    """A model that knows one more state.

    Attributes
    ----------
    model, loading, space
        The enriched model, the load case and the loads it has seen, on its points.
    coefficients
        Of the state it learnt (n_modes,).
    transfer
        From the coefficients of the model before to those of this one (n_modes, n_before).
    strain, state
        The state it learnt at its mask points, the same on every rank.
    error
        Relative error of the watched field that the model before made in this step [-].
    """

    model: ReducedModel
    loading: ReducedLoading
    space: LoadSpace
    coefficients: Float[Array, " n_modes"]
    transfer: Float[Array, "n_modes n_before"]
    strain: Float[Array, "n_mask n_components"]
    state: Float[Array, "n_mask n_state"]
    error: float


@runtime_checkable
class FullModel(Protocol):
    """The structure on the whole mesh: what computes steps to learn from. All collective."""

    def start(self) -> Committed:
        """Return the virgin state."""

    def follow(self, full: Committed, times: Sequence[float], path: Sequence[Array]) -> Committed:
        """Drive the law from a full state along coefficients of the present model."""

    def unbalance(self, full: Committed) -> float:
        """Return the relative residual of equilibrium of a full state."""

    def step(self, full: Committed, time: float) -> StepOutcome:
        """Solve for the next instant on the whole mesh."""

    def learn(self, full: Committed, values: Array | None) -> Learnt:
        """Enrich the model by a state; `values` are the present model's of the watched field."""

    def recorded(self, time: float) -> dict[str, Array] | None:
        """Return dual scalars at the present mask points, where the full state was known."""


@dataclass(frozen=True)
class AdaptiveAnswer:
    """An answer, and the model that gave it in the end.

    Attributes
    ----------
    solution
        The answer in terms of the last model.
    model, loading
        The last model and the load case reduced for it.
    full_steps
        Numbers of the instants that were computed on the whole mesh.
    replayed_steps
        Numbers of those of which only the dual fields were learnt, by driving the law along the
        reduced displacement.
    estimates
        Estimated error of the watched field at each instant, of the reduced step that was tried
        there [-]; infinite where it did not converge.
    calibration
        The calibration, with what the steps on the whole mesh taught.
    """

    solution: ReducedSolution
    model: ReducedModel
    loading: ReducedLoading
    full_steps: tuple[int, ...]
    replayed_steps: tuple[int, ...]
    estimates: Float[Array, " n_times"]
    calibration: Calibration


@dataclass(frozen=True)
class Policy:
    """When to leave the reduced model.

    Attributes
    ----------
    calibration
        Of the watched field.
    replayed
        Of the same field driven along the reduced displacement, by the unbalance of the full
        state; every step that is not accepted is solved on the whole mesh if left out.
    space
        Loads of the training.
    watched
        Field and largest estimate accepted.
    most
        Largest number of steps on the whole mesh; no limit if left out.
    """

    calibration: Calibration
    replayed: Calibration | None
    space: LoadSpace
    watched: Watched
    most: int | None = None


@dataclass
class _Run:
    """A run under way: the present model, and what was accepted so far."""

    prepared: PreparedModel
    loading: ReducedLoading
    space: LoadSpace
    calibration: Calibration
    times: list[float]
    coefficients: list[Array]
    dual: list[dict[str, Array]]
    iterations: list[int] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    estimates: list[float] = field(default_factory=lambda: [0.0])
    full_steps: list[int] = field(default_factory=list)
    replayed_steps: list[int] = field(default_factory=list)
    segment: int = 0  # number of the instant where the full state was last known
    law_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.watch()

    def watch(self) -> None:
        """Prepare the signals of the present model."""
        self.distances = self.space.distances(self.loading)
        self.gappy = GappySignals.of(self.prepared.model)

    def values(self, committed: Committed) -> dict[str, Array]:
        """Return the dual scalars at the mask points."""
        laws = self.prepared.laws
        return {s.name: s.of(laws, committed.state).copy() for s in self.prepared.scalars}

    def signals(self, tried: dict[str, Array]) -> dict[str, Array]:
        """Return the signals of a tried step, the last of the segment."""
        seen = [*self.dual[self.segment :], tried]
        dual = {name: np.stack([values[name] for values in seen], axis=1) for name in tried}
        distances = self.distances[self.segment : self.segment + len(seen)]
        return signals_of(self.gappy, dual, distances)

    def accept(self, time: float, coefficients: Array, values: dict[str, Array]) -> None:
        """Commit an instant."""
        self.times.append(time)
        self.coefficients.append(coefficients)
        self.dual.append(values)


def solve_adaptively(
    model: ReducedModel,
    loading: ReducedLoading,
    full_model: FullModel,
    *,
    policy: Policy,
    options: NewtonOptions | None = None,
    on_step: Callable[[float], None] | None = None,
) -> AdaptiveAnswer:
    """Compute a load case, and teach the model what it turns out not to know.

    A reduced step whose estimated error is above the tolerance, or that does not converge, is
    thrown away. The full state before it is rebuilt by driving the law along the reduced
    displacements since the full state was last known. If the law driven along the tried
    displacement leaves little out of balance, only the modes of the dual fields were wanting, and
    this state is learnt. Otherwise one step is solved on the whole mesh; modes, points and gappy
    operators take it in; the run goes on from there.

    Parameters
    ----------
    model, loading
        The model and the load case.
    full_model
        The structure on the whole mesh.
    policy
        When to leave the reduced model.
    options
        When Newton iterations stop.
    on_step
        Called with each instant reached, for progress.

    Returns
    -------
    AdaptiveAnswer
        The same on every rank.

    Notes
    -----
    Collective: yes. Deterministic: yes. Cost: independent of the mesh between two full steps. The
    model given is not changed.

    References
    ----------
    .. [1] F. Casenave, N. Akkari, "An error indicator-based adaptive reduced order model for
       nonlinear structural mechanics - application to high-pressure turbine blades", Math.
       Comput. Appl. 24 (2019) 41.
    """
    options = options or NewtonOptions()
    prepared = prepare(model)  # every rank takes all points: full steps are what is shared
    committed = ReducedProblem(prepared, loading).start()
    run = _Run(
        prepared,
        loading,
        policy.space,
        policy.calibration,
        times=[committed.time],
        coefficients=[committed.unknown],
        dual=[],
    )
    run.dual.append(run.values(committed))
    full = full_model.start()
    status = reason = Status.CONVERGED
    while len(run.times) < len(loading.times):
        tried = _advance(run, committed, policy, options, on_step)
        if tried is None:
            break
        if policy.most is not None and len(run.full_steps) >= policy.most:
            status, reason = tried.outcome.status, tried.outcome.reason
            break
        before = run.segment + 1
        full = full_model.follow(full, run.times[before:], run.coefficients[before:])
        replayed = _replayed(full, tried, full_model, policy)
        if replayed is None:
            outcome = full_model.step(full, float(loading.times[len(run.times)]))
            if not outcome.status.ok:
                status, reason = outcome.status, outcome.reason
                break
            full, values = outcome.committed, tried.watched_values(policy.watched.field)
            run.full_steps.append(len(run.times))
        else:
            outcome, full, values = tried.outcome, replayed, None
            run.replayed_steps.append(len(run.times))
        learnt = full_model.learn(full, values)
        committed = _go_on(run, learnt, outcome, tried, full_model)
        if on_step is not None:
            on_step(committed.time)
    return _answer(run, status, reason)


@dataclass(frozen=True)
class _Tried:
    """A reduced step that is not accepted."""

    outcome: StepOutcome
    signals: dict[str, Array]
    values: dict[str, Array]
    estimate: float

    def watched_values(self, name: str) -> Array | None:
        """Return what the step gave for a scalar field."""
        return self.values.get(name) if self.outcome.status.ok else None


def _advance(
    run: _Run,
    committed: Committed,
    policy: Policy,
    options: NewtonOptions,
    on_step: Callable[[float], None] | None,
) -> _Tried | None:
    """Go on with the reduced model until the end, or until a step is not good enough."""
    problem = ReducedProblem(run.prepared, run.loading)
    rest = run.loading.times[len(run.times) :]
    for outcome in march(problem, committed, rest, options=options):
        run.law_seconds += outcome.law_seconds
        if not outcome.status.ok:
            return _Tried(outcome, {}, {}, np.inf)
        values = run.values(outcome.committed)
        signals = run.signals(values)
        estimate = float(run.calibration.estimate(signals)[-1])
        spent = policy.most is not None and len(run.full_steps) >= policy.most
        if estimate > policy.watched.tolerance and not spent:
            return _Tried(outcome, signals, values, estimate)
        run.accept(outcome.committed.time, outcome.committed.unknown, values)
        run.estimates.append(estimate)
        run.iterations.append(outcome.iterations)
        run.cuts.append(outcome.cuts)
        if on_step is not None:
            on_step(outcome.committed.time)
    return None


def _replayed(
    full: Committed, tried: _Tried, full_model: FullModel, policy: Policy
) -> Committed | None:
    """Return the full state along the tried displacement, if that is good enough."""
    if policy.replayed is None or not tried.outcome.status.ok:
        return None
    reached = tried.outcome.committed
    state = full_model.follow(full, [reached.time], [reached.unknown])
    balance = np.array([full_model.unbalance(state)])
    last = {name: values[-1:] for name, values in tried.signals.items()}
    estimate = float(policy.replayed.estimate({**last, BALANCE: balance})[0])
    return state if estimate <= policy.watched.tolerance else None


def _go_on(
    run: _Run, learnt: Learnt, outcome: StepOutcome, tried: _Tried, full_model: FullModel
) -> Committed:
    """Put the enriched model in the place of the present one, at the state it learnt."""
    number = len(run.times)
    earlier = [learnt.transfer @ coefficients for coefficients in run.coefficients]
    run.coefficients = earlier
    time = outcome.committed.time
    rate = np.subtract(learnt.coefficients, earlier[-1]) / (time - run.times[-1])
    run.prepared = prepare(learnt.model)
    run.loading, run.space = learnt.loading, learnt.space
    run.watch()
    run.times.append(time)
    run.coefficients.append(learnt.coefficients)
    run.dual = [full_model.recorded(instant) or {} for instant in run.times]
    run.segment = number
    run.estimates.append(tried.estimate)
    run.iterations.append(outcome.iterations)
    run.cuts.append(outcome.cuts)
    if tried.signals and np.isfinite(learnt.error):
        row = np.array([[tried.signals[name][-1] for name in run.calibration.signals]])
        run.calibration = run.calibration.extended(row, np.array([learnt.error]))
    return Committed(time, learnt.coefficients, rate, learnt.strain, learnt.state)


def _answer(run: _Run, status: Status, reason: Status) -> AdaptiveAnswer:
    """Collect the answer."""
    names = run.dual[-1]
    solution = ReducedSolution(
        case=run.loading.name,
        times=np.array(run.times),
        coefficients=np.stack(run.coefficients, axis=1),
        dual={name: np.stack([values[name] for values in run.dual], axis=1) for name in names},
        newton_iterations=np.array(run.iterations, dtype=np.int64),
        cuts=np.array(run.cuts, dtype=np.int64),
        status=status,
        reason=reason,
        wall_seconds=0.0,
        law_seconds=run.law_seconds,
    )
    return AdaptiveAnswer(
        solution=solution,
        model=run.prepared.model,
        loading=run.loading,
        full_steps=tuple(run.full_steps),
        replayed_steps=tuple(run.replayed_steps),
        estimates=np.array(run.estimates),
        calibration=run.calibration,
    )
