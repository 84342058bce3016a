"""Many load cases of one reduced model, advanced together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.status import Status
from romnet.laws.contract import TimeStep
from romnet.online.equilibrium import ReducedProblem
from romnet.online.newton import NewtonOptions
from romnet.online.prepared import PreparedModel, prepare
from romnet.online.stack import CaseStack, stacked
from romnet.online.stepping import StepOutcome, reach
from romnet.reduction.gappy import NEGLIGIBLE, GappyOperator
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

    All cases take the same increments. A case whose iterations do not converge plainly is
    advanced to the next instant alone, its increments cut as `romnet.online.solve.solve` does,
    and rejoins the others there.

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
    times = _common_instants(loadings)
    prepared = model if isinstance(model, PreparedModel) else prepare(model)
    problems = tuple(ReducedProblem(prepared, loading) for loading in loadings)
    run = _Run(stacked(prepared, problems), times, options or NewtonOptions())
    for number in range(1, len(times)):
        # The first increment tells the scale of the forces, which a perfect guess would hide.
        known = None if number == 1 or expected is None else expected
        change = None if known is None else known[..., number] - known[..., number - 1]
        run.advance(number, change)
    return BatchSolution(
        times=times,
        coefficients=run.coefficients,
        dual=run.dual,
        indicator=run.indicator,
        status=tuple(run.status),
        reason=tuple(run.reason),
        reached=run.reached,
        newton_iterations=run.iterations,
        cuts=run.cuts,
        wall_seconds=perf_counter() - began,
        law_seconds=run.law_seconds,
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


class _Run:
    """A batch on its way: what is kept of it, and how it gets from instant to instant."""

    def __init__(self, stack: CaseStack, times: Array, options: NewtonOptions) -> None:
        self._stack, self._times, self._options = stack, times, options
        prepared, n, n_times = stack.prepared, len(stack.problems), len(times)
        self.coefficients = np.full((n, prepared.model.n_modes, n_times), np.nan)
        gappy = prepared.model.gappy
        names = [scalar.name for scalar in prepared.scalars]
        self.dual = {k: np.full((n, len(gappy[k].inverse), n_times), np.nan) for k in names}
        self.indicator = {k: np.full((n, n_times), np.nan) for k in names}
        self.status = [Status.CONVERGED] * n
        self.reason = [Status.CONVERGED] * n
        self.reached = np.zeros(n, dtype=np.int64)
        self.iterations = np.zeros((n, n_times - 1), dtype=np.int64)
        self.cuts = np.zeros(n, dtype=np.int64)
        self._alone_seconds = 0.0
        self._keep(0)

    @property
    def law_seconds(self) -> float:
        """Wall time spent in the laws."""
        return self._stack.law_seconds + self._alone_seconds

    def advance(self, number: int, change: Array | None) -> None:
        """Take all cases that are alive to an instant."""
        stack = self._stack
        start, end = float(self._times[number - 1]), float(self._times[number])
        stack.begin(TimeStep(start, end - start, number))
        move = (end - start) * stack.rate if change is None else change
        unknown = stack.unknown + move
        alive = np.flatnonzero([status.ok for status in self.status])
        together = unknown[alive]
        corrections, settled = stack.settle(
            alive,
            together,
            tolerance=self._options.tolerance,
            most=self._options.max_iterations,
        )
        unknown[alive] = together
        self.iterations[alive, number - 1] += corrections
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
        self.iterations[case, number - 1] += outcome.iterations
        self.cuts[case] += outcome.cuts
        self._alone_seconds += outcome.law_seconds
        self.status[case], self.reason[case] = outcome.status, outcome.reason
        unknown[case] = outcome.committed.unknown
        stack.put(case, outcome.committed)
        stack.scale[case] = outcome.scale

    def _keep(self, number: int) -> None:
        """Keep what is asked for of the states at an instant."""
        stack, prepared = self._stack, self._stack.prepared
        alive = np.flatnonzero([status.ok for status in self.status])
        self.reached[alive] = number
        self.coefficients[alive, :, number] = stack.unknown[alive]
        laws, gappy = prepared.laws, prepared.model.gappy
        for field in {scalar.field for scalar in prepared.scalars}:
            read = [laws.field(state, field) for state in stack.state[alive]]
            values = np.stack(read) if read else np.zeros((0, laws.n_points, 1))
            for scalar in prepared.scalars:
                if scalar.field == field:
                    found = _rebuilt(gappy[scalar.name], values[:, :, scalar.column])
                    self.dual[scalar.name][alive, :, number] = found[0]
                    self.indicator[scalar.name][alive, number] = found[1]


def _rebuilt(operator: GappyOperator, values: Array) -> tuple[Array, Array]:
    """Return gappy coefficients and relative residuals of mask values, a row for each case."""
    coefficients = values @ operator.inverse.T
    rest = np.linalg.norm(values - coefficients @ operator.mask_modes.T, axis=1)
    scale = np.maximum(np.linalg.norm(values, axis=1), NEGLIGIBLE * operator.largest_norm)
    return coefficients, rest / np.where(scale > 0.0, scale, 1.0)
