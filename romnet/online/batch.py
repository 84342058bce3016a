"""Many load cases of one reduced model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.status import Status
from romnet.fe.history import AmplitudeTable
from romnet.laws.contract import TimeStep
from romnet.online.equilibrium import ReducedProblem
from romnet.online.kept import Kept
from romnet.online.newton import NewtonOptions
from romnet.online.prepared import PreparedModel, prepare
from romnet.online.stack import CaseStack
from romnet.online.stepping import StepOutcome, at_start, reach
from romnet.online.walking import Walker
from romnet.reduction.model import ReducedLoading, ReducedModel


@dataclass(frozen=True)
class BatchSolution:
    """Answers to many load cases, all at the same instants.

    Attributes
    ----------
    times
        Instants asked for, the first being the initial state [time].
    coefficients
        Of the modes; NaN after the last instant that a case reached.
    dual
        Coefficients of the gappy modes of each scalar dual field; NaN likewise.
    indicator
        Relative part of its values at the mask points that the gappy modes cannot represent [-].
    status, reason
        How each case ended and, after a failure, what stopped its last increment.
    reached
        Instants that each case reached after the first.
    newton_iterations
        Corrections solved for by each case between two instants.
    cuts
        Rejected increments of each case.
    wall_seconds, law_seconds
        Of the batch, and of its law calls where these are compiled [s].
    """

    times: Float[Array, " n_times"]
    coefficients: Float[Array, "n_cases n_modes n_times"]
    dual: Mapping[str, Float[Array, "n_cases n_dual n_times"]]
    indicator: Mapping[str, Float[Array, "n_cases n_times"]]
    status: tuple[Status, ...]
    reason: tuple[Status, ...]
    reached: Int[Array, " n_cases"]
    newton_iterations: Int[Array, "n_cases n_steps"]
    cuts: Int[Array, " n_cases"]
    wall_seconds: float
    law_seconds: float


def solve_batch(
    model: ReducedModel | PreparedModel,
    loadings: Sequence[ReducedLoading],
    *,
    options: NewtonOptions | None = None,
    expected: Float[Array, "n_cases n_modes n_times"] | None = None,
) -> BatchSolution:
    """Compute the response of a reduced model to many load cases at once.

    With a compiled law one case follows the other, its states staying near the processor. A law
    that only Python can call is asked for the points of all cases at once: cases advance together,
    and one whose iterations do not converge plainly is taken to the next instant alone, its
    increments cut as `romnet.online.solve.solve` does.

    Parameters
    ----------
    model
        The reduced model, prepared or not.
    loadings
        The load cases, with the same instants.
    options
        When Newton iterations stop.
    expected
        Foreseen coefficients, for instance those of similar cases. Their changes from instant to
        instant are the first guesses, from the second on; else the last change is repeated. They
        change the number of iterations, not the answer.

    Returns
    -------
    BatchSolution
        Cases that stopped early keep what they reached and say why.

    Raises
    ------
    ValueError
        If there is no case, or the instants differ.
    PluginError
        If the library of a constitutive law cannot be loaded.

    Notes
    -----
    Collective: no; every rank may take cases of its own. Deterministic: yes. Mutates nothing.
    Cost: that of the law, and some 20 microseconds for each case and iteration.

    Examples
    --------
    Three pulls of one bar, a point and a mode:

    >>> from dataclasses import replace
    >>> from romnet.fe.history import Amplitude, SeparatedField
    >>> ramp = Amplitude(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    >>> pulls = [
    ...     ReducedLoading(
    ...         name=f"pull{force}",
    ...         times=np.array([0.0, 0.5, 1.0]),
    ...         force=SeparatedField((ramp,), np.array([[float(force)]])),
    ...         temperature=SeparatedField.zero(1),
    ...         lift_strain=SeparatedField.zero(6),
    ...     )
    ...     for force in (2, 4, 6)
    ... ]
    >>> model = ReducedModel(
    ...     points=np.array([0]),
    ...     weights=np.array([1.0]),
    ...     strain_modes=np.eye(6)[None, :, :1],
    ...     law_specs=({"law": "elastic", "parameters": {"young": 2.0, "poisson": 0.0}},),
    ...     law_of_point=np.array([0]),
    ...     dual=(),
    ...     gappy={},
    ...     loadings={},
    ...     units={},
    ... )
    >>> solve_batch(model, pulls).coefficients[:, 0, -1].round(9).tolist()
    [1.0, 2.0, 3.0]
    """
    began = perf_counter()
    times, options = _common_instants(loadings), options or NewtonOptions()
    prepared = model if isinstance(model, PreparedModel) else prepare(model)
    changes = None if expected is None else _changes(expected)
    table = AmplitudeTable(times)
    problems = tuple(
        ReducedProblem(prepared, loading, None if changes is None else changes[case], table)
        for case, loading in enumerate(loadings)
    )
    kept = Kept(prepared, len(loadings), len(times))
    if prepared.kernel.law is None and options.increments is None:
        _Together(CaseStack(prepared, problems), times, options, kept).run(changes)
    else:
        walker = problems[0].walker(len(times) - 1, options)
        for case, problem in enumerate(problems):
            _follow(problem, case, options, kept, walker)
    dual, indicator = kept.rebuilt()
    return BatchSolution(
        times=times,
        coefficients=kept.coefficients.swapaxes(1, 2),
        dual={name: values.swapaxes(1, 2) for name, values in dual.items()},
        indicator=indicator,
        status=tuple(kept.status),
        reason=tuple(kept.reason),
        reached=kept.reached,
        newton_iterations=kept.iterations,
        cuts=kept.cuts,
        wall_seconds=perf_counter() - began,
        law_seconds=kept.law_seconds,
    )


def _common_instants(loadings: Sequence[ReducedLoading]) -> Float[Array, " n_times"]:
    """Return the instants of all cases."""
    if not loadings:
        message = "there is no load case."
        raise ValueError(message)
    times = loadings[0].times
    for loading in loadings:
        if not np.array_equal(loading.times, times):
            message = (
                f"cases of a batch need the same instants; those of {loading.name!r} and "
                f"{loadings[0].name!r} differ."
            )
            raise ValueError(message)
    return times


def _changes(expected: Array) -> Float[Array, "n_cases n_steps n_modes"]:
    """Return the first guesses of increments."""
    changes = np.ascontiguousarray(np.diff(expected).swapaxes(1, 2))
    # The first increment tells the scale of the forces, which a perfect guess would hide.
    changes[:, 0] = 0.0
    return changes


def _follow(
    problem: ReducedProblem, case: int, options: NewtonOptions, kept: Kept, walker: Walker | None
) -> None:
    """Answer one case, in walks where it can walk."""
    start, times = problem.start(), problem.loading.times
    kept.keep((case, [0]), start.unknown[None], start.state[None])
    outcome, number = at_start(start, options), 0
    while number < len(times) - 1 and outcome.status.ok:
        walked = None if walker is None else problem.walked(walker, outcome)
        if walked is not None and len(walked):
            kept.walked(case, number + 1, walked)
            number += len(walked)
            outcome = walked.outcome(-1, float(times[number]), outcome)
        else:
            number += 1
            outcome = reach(problem, outcome, float(times[number]), options)
            kept.took(case, number, outcome)


class _Together:
    """Cases that take their increments together, and how they get from instant to instant."""

    def __init__(self, stack: CaseStack, times: Array, options: NewtonOptions, kept: Kept) -> None:
        self._stack, self._times, self._options, self._kept = stack, times, options, kept

    def run(self, changes: Array | None) -> None:
        """Answer all cases; `changes` are foreseen."""
        self._keep(0)
        for number in range(1, len(self._times)):
            self._advance(number, None if changes is None else changes[:, number - 1])
        self._kept.law_seconds += self._stack.law_seconds

    @property
    def _alive(self) -> Int[Array, " n_alive"]:
        """Cases that have reached every instant so far."""
        return np.flatnonzero([status.ok for status in self._kept.status])

    def _advance(self, number: int, change: Array | None) -> None:
        """Take all cases that are alive to an instant."""
        stack, kept, alive = self._stack, self._kept, self._alive
        start, end = float(self._times[number - 1]), float(self._times[number])
        stack.begin(TimeStep(start, end - start, number))
        unknown = stack.unknown + ((end - start) * stack.rate if change is None else change)
        together = unknown[alive]
        corrections, settled = stack.settle(
            alive,
            together,
            tolerance=self._options.tolerance,
            most=self._options.max_iterations,
        )
        unknown[alive] = together
        kept.iterations[alive, number - 1] += corrections
        for case in alive[~settled]:
            self._alone(int(case), number, unknown)
        stack.commit(unknown)
        self._keep(number)

    def _alone(self, case: int, number: int, unknown: Array) -> None:
        """Take one case to an instant by itself, with cuts; `unknown` gets its coefficients."""
        stack = self._stack
        outcome = reach(
            stack.problems[case],
            StepOutcome(
                stack.committed(case, float(self._times[number - 1])),
                Status.CONVERGED,
                scale=float(stack.scale[case]),
                increments=number - 1,
            ),
            float(self._times[number]),
            self._options,
        )
        self._kept.took(case, number, outcome)
        unknown[case] = outcome.committed.unknown
        stack.put(case, outcome.committed)
        stack.scale[case] = outcome.scale

    def _keep(self, number: int) -> None:
        """Keep what is asked for of the states at an instant."""
        alive = self._alive
        self._kept.reached[alive] = number
        self._kept.keep((alive, number), self._stack.unknown[alive], self._stack.state[alive])
