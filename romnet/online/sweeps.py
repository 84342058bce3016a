"""Answers that correct themselves in sweeps: the run is asked again after each full step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.online.enrichment import AdaptiveAnswer
from romnet.online.indicator import BORNE, Watched
from romnet.online.newton import NewtonOptions
from romnet.online.solve import ReducedSolution, solve
from romnet.online.stepping import Committed, StepOutcome
from romnet.reduction.calibration import Calibration
from romnet.reduction.model import ReducedLoading, ReducedModel

# The first instant whose error is at least this part of the largest one is computed: what comes
# after it depends on it.
_MOST_OF_IT = 0.5
# Where the field grows by less than this part of its largest norm, no error of it arises.
_GROWING = 0.02


@dataclass(frozen=True)
class FullInstant:
    """A full state along a reduced answer.

    Attributes
    ----------
    committed
        The state.
    unbalance
        What is out of balance, relative to the largest forces so far [-].
    size
        Norm of the watched field.
    """

    committed: Committed
    unbalance: float
    size: float


@runtime_checkable
class SweepingModel(Protocol):
    """The structure on the whole mesh: what computes steps to learn from. All collective."""

    def along(self, times: Sequence[float], path: Sequence[Array]) -> Iterator[FullInstant]:
        """Drive the law from the virgin state, which is the first one, along coefficients."""

    def step(self, full: Committed, time: float) -> StepOutcome:
        """Solve for the next instant on the whole mesh."""

    def learn_modes(self, full: Committed) -> tuple[ReducedModel, ReducedLoading]:
        """Enrich the displacement modes and the quadrature by a state."""

    def learn_fields(
        self, times: Sequence[float], path: Sequence[Array]
    ) -> tuple[ReducedModel, ReducedLoading]:
        """Enrich the modes of the dual fields along coefficients of the present model."""


@dataclass(frozen=True)
class SweepPolicy:
    """When the answer is good enough.

    Attributes
    ----------
    calibration
        Of the watched field driven along the reduced displacement, by what is out of balance.
    watched
        Field, and the largest estimate accepted, relative to the largest norm of the field in the
        run.
    most
        Largest number of steps on the whole mesh; all of them if left out.
    """

    calibration: Calibration
    watched: Watched
    most: int | None = None


def solve_in_sweeps(
    model: ReducedModel,
    loading: ReducedLoading,
    full_model: SweepingModel,
    *,
    policy: SweepPolicy,
    options: NewtonOptions | None = None,
    on_sweep: Callable[[int], None] | None = None,
) -> AdaptiveAnswer:
    """Compute a load case again and again, and between the runs teach the model what it missed.

    The law is driven at all points along the answer. Where the error, estimated from what is out
    of balance there and weighed by the size of the field, first comes near its largest value, one
    step is solved on the whole mesh; modes and points take it in, and the load case is asked again
    from the beginning. So an early error does not stay in the state, and a late step teaches the
    early ones. Modes of the dual fields are learnt at the end, from the laws driven along the
    answer.

    Parameters
    ----------
    model, loading
        The model and the load case.
    full_model
        The structure on the whole mesh.
    policy
        When the answer is good enough.
    options
        When Newton iterations stop.
    on_sweep
        Called with the number of full steps after each of them, for progress.

    Returns
    -------
    AdaptiveAnswer
        The same on every rank. Its estimates are those of the last run.

    Raises
    ------
    LawError
        If a point cannot follow an answer, on all ranks.

    Notes
    -----
    Collective: yes. Deterministic: yes. The model given is not changed. Cost of a sweep: one law
    call for each point and instant, one full step, one selection of points.
    """
    learnt: list[int] = []
    most = len(loading.times) - 1 if policy.most is None else policy.most
    while True:
        solution = solve(model, loading, options=options)
        estimates, sizes = _judged(solution, full_model, policy)
        number = _chosen(estimates, sizes, loading, policy, learnt)
        if number is None or number in learnt or len(learnt) >= most:
            break
        full = _last(full_model, solution, number)
        outcome = full_model.step(full, float(loading.times[number]))
        if not outcome.status.ok:
            solution = replace(solution, status=outcome.status, reason=outcome.reason)
            break
        model, loading = full_model.learn_modes(outcome.committed)
        learnt.append(number)
        if on_sweep is not None:
            on_sweep(len(learnt))
    if learnt:
        path = list(solution.coefficients[:, 1:].T)
        model, loading = full_model.learn_fields(solution.times[1:].tolist(), path)
        status, reason = solution.status, solution.reason
        solution = solve(model, loading, options=options)
        if solution.status.ok and not status.ok:
            solution = replace(solution, status=status, reason=reason)
    return AdaptiveAnswer(
        solution=solution,
        model=model,
        loading=loading,
        full_steps=tuple(learnt),
        replayed_steps=(),
        estimates=estimates,
        calibration=policy.calibration,
    )


def _judged(
    solution: ReducedSolution, full_model: SweepingModel, policy: SweepPolicy
) -> tuple[Float[Array, " n_times"], Float[Array, " n_times"]]:
    """Return the estimated error and the norm of the watched field at each instant reached."""
    path = list(solution.coefficients[:, 1:].T)
    instants = full_model.along(solution.times[1:].tolist(), path)
    balances, sizes = np.array([(one.unbalance, one.size) for one in instants]).T
    estimates = policy.calibration.estimate({BORNE: balances})
    estimates[0] = 0.0  # the virgin state
    return estimates, sizes


def _chosen(
    estimates: Array,
    sizes: Array,
    loading: ReducedLoading,
    policy: SweepPolicy,
    learnt: list[int],
) -> int | None:
    """Return the number of the instant to compute on the whole mesh; None if all is well."""
    if len(estimates) < len(loading.times):
        return len(estimates)  # the step that did not converge
    largest = float(sizes.max())
    errors = estimates * sizes / largest if largest > 0.0 else estimates
    if errors.max() <= policy.watched.tolerance:
        return None
    growing = np.diff(sizes, prepend=0.0) >= _GROWING * largest
    growing[learnt] = False
    if not growing.any():
        return int(errors.argmax())
    errors[~growing] = 0.0
    return int(np.argmax(errors >= _MOST_OF_IT * errors.max()))


def _last(full_model: SweepingModel, solution: ReducedSolution, number: int) -> Committed:
    """Return the full state before an instant."""
    path = list(solution.coefficients[:, 1:number].T)
    *_, last = full_model.along(solution.times[1:number].tolist(), path)
    return last.committed
