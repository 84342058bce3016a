"""The time loop: the only place where a state is committed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.status import Status
from romnet.laws.contract import TimeStep
from romnet.online.newton import Increment, NewtonOptions, NewtonResult, newton

_CUT = 0.5
_DEEPEST_CUT = 0.1
_REGROWTH = 2.0
# Increments may end this much (relatively) before their target by rounding.
_TIME_ROUNDING = 1e-9


@dataclass(frozen=True)
class Committed:
    """An accepted state.

    Attributes
    ----------
    time
        Its instant [time].
    unknown
        Displacement, or coefficients of the modes.
    rate
        Change of the unknown over the last increment, divided by its length.
    strain, state
        At the points of this rank.
    """

    time: float
    unknown: Float[Array, " n"]
    rate: Float[Array, " n"]
    strain: Float[Array, "n_points n_components"]
    state: Float[Array, "n_points n_state"]


@runtime_checkable
class Problem(Protocol):
    """A structure under a load case."""

    def increment(self, committed: Committed, step: TimeStep) -> Increment:
        """Return the equations of one increment."""


@runtime_checkable
class FarSightedProblem(Problem, Protocol):
    """A problem that can take easy increments faster than `march` does."""

    def ahead(
        self, before: StepOutcome, times: Float[Array, " n_times"], options: NewtonOptions
    ) -> Sequence[StepOutcome]:
        """Reach the first of some instants, as `reach` would; perhaps none of them."""


@dataclass(frozen=True, eq=False)
class Rejected:
    """The last increment that was tried in vain, because points could not be integrated.

    Attributes
    ----------
    step
        The increment.
    strain
        Strain tried at the points of this rank.
    points
        Those of them that failed.
    """

    step: TimeStep
    strain: Float[Array, "n_points n_components"]
    points: Int[Array, " n_failing"]


@dataclass(frozen=True)
class StepOutcome:
    """What happened between two instants of the answer.

    Attributes
    ----------
    committed
        The state at the end, or the last accepted one after a failure.
    status
        How it ended.
    iterations
        Newton corrections, those of rejected increments included.
    cuts
        Rejected increments.
    scale
        Largest scale of the forces in balance so far [force].
    law_seconds
        Wall time spent in the laws [s].
    reason
        After a failure, the status of the last rejected increment.
    increments
        Accepted increments since the start.
    length
        Length that the next increment would have by `IncrementControl` [time].
    rejected
        What failed since the last accepted increment, if laws did.
    """

    committed: Committed
    status: Status
    scale: float
    iterations: int = 0
    cuts: int = 0
    law_seconds: float = 0.0
    reason: Status = Status.CONVERGED
    increments: int = 0
    length: float = inf
    rejected: Rejected | None = None


def at_start(start: Committed, options: NewtonOptions) -> StepOutcome:
    """Return what happened up to the first instant: nothing yet."""
    control = options.increments
    first = inf if control is None else control.first
    return StepOutcome(start, Status.CONVERGED, scale=0.0, length=first)


def march(
    problem: Problem,
    start: Committed,
    times: Float[Array, " n_times"],
    *,
    options: NewtonOptions,
    last: StepOutcome | None = None,
) -> Iterator[StepOutcome]:
    """Advance from instant to instant, cutting and regrowing increments as needed.

    Parameters
    ----------
    problem
        The structure and its load.
    start
        State to start from.
    times
        Instants to reach, ascending, after ``start.time``.
    options
        When Newton iterations stop and how small an increment may become.
    last
        Outcome to go on from, whose state is `start`; none at the beginning.

    Yields
    ------
    StepOutcome
        One for each instant; after a failure one last outcome that says so, then nothing: the
        outcomes before it stay valid.

    Raises
    ------
    ValueError
        If `times` do not ascend from the time of `start`.

    Notes
    -----
    Collective: if the problem is. Mutates nothing.
    """
    if not (np.diff(times, prepend=start.time) > 0.0).all():
        message = f"instants must ascend from {start.time:g}, got {times.tolist()}."
        raise ValueError(message)
    outcome = last or at_start(start, options)
    done = 0
    far_sighted = problem if isinstance(problem, FarSightedProblem) else None
    while done < len(times) and outcome.status.ok:
        reached: Sequence[StepOutcome] = ()
        if far_sighted is not None:
            reached = far_sighted.ahead(outcome, times[done:], options)
        reached = reached or (reach(problem, outcome, float(times[done]), options),)
        yield from reached
        outcome, done = reached[-1], done + len(reached)


def reach(
    problem: Problem, before: StepOutcome, target: float, options: NewtonOptions
) -> StepOutcome:
    """Advance to one instant in as many increments as it takes.

    Parameters
    ----------
    problem
        The structure and its load.
    before
        What happened up to the instant before.
    target
        Instant to reach [time].
    options
        When Newton iterations stop and how small an increment may become.

    Returns
    -------
    StepOutcome
        Converged at `target`, or the last state accepted before it.

    Notes
    -----
    Collective: if the problem is. Mutates nothing.
    """
    whole = target - before.committed.time
    control = options.increments
    outcome = replace(before, iterations=0, cuts=0, law_seconds=0.0)
    length = whole if control is None else before.length
    smallest = options.smallest_step * whole
    if control is not None and control.smallest is not None:
        smallest = control.smallest
    while target - outcome.committed.time > _TIME_ROUNDING * whole:
        committed = outcome.committed
        rest = target - committed.time
        wanted, length = length, rest if length > (1.0 - _TIME_ROUNDING) * rest else length
        step = TimeStep(committed.time, length, outcome.increments + 1)
        result = newton(problem.increment(committed, step), scale=outcome.scale, options=options)
        iterations = outcome.iterations + result.iterations
        law_seconds = outcome.law_seconds + result.law_seconds
        if result.status.ok:
            accepted = Committed(
                time=target if length == rest else step.end,
                unknown=result.unknown,
                rate=(result.unknown - committed.unknown) / length,
                strain=result.trial.strain,
                state=result.trial.state,
            )
            length = _following(options, length, wanted, result.iterations)
            outcome = StepOutcome(
                committed=accepted,
                status=Status.CONVERGED,
                scale=result.scale,
                iterations=iterations,
                cuts=outcome.cuts,
                law_seconds=law_seconds,
                increments=outcome.increments + 1,
                length=length,
            )
        else:
            cut = _CUT if control is None else control.cut
            length *= max(_DEEPEST_CUT, min(cut, result.trial.step_factor))
            outcome = replace(
                outcome,
                iterations=iterations,
                cuts=outcome.cuts + 1,
                law_seconds=law_seconds,
                reason=result.status,
                rejected=_rejected(step, result),
            )
            if length < smallest:
                return replace(outcome, status=Status.STEP_TOO_SMALL)
    return outcome


def _following(options: NewtonOptions, length: float, wanted: float, corrections: int) -> float:
    """Return the length of the increment after one that was cut short at an instant, or not."""
    if options.increments is None:
        return length * _REGROWTH
    following = options.increments.following(length, corrections)
    # One that only ended early because an instant was asked for says little about longer ones.
    shortened = length < wanted and following >= length
    return max(following, wanted) if shortened and wanted < inf else following


def _rejected(step: TimeStep, result: NewtonResult) -> Rejected | None:
    """Keep what is needed to tell which points failed."""
    if result.trial.failing is None:
        return None
    return Rejected(step, result.trial.strain, result.trial.failing)
