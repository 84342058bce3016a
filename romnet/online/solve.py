"""The answer of a reduced model to a load case, and fields rebuilt from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.core.status import Status
from romnet.laws.contract import TimeStep
from romnet.online.equilibrium import ReducedProblem
from romnet.online.newton import NewtonOptions
from romnet.online.prepared import PreparedModel, prepare
from romnet.online.stepping import Committed, StepOutcome, march
from romnet.reduction.model import ReducedLoading, ReducedModel


@dataclass(frozen=True)
class ReducedSolution:
    """Answer of a reduced model.

    Attributes
    ----------
    case
        Name of the load case.
    times
        Instants reached, the first being the initial state (n_times,) [time].
    coefficients
        Coefficients of the modes, one column for each instant (n_modes, n_times).
    dual
        Values of each scalar dual field at the mask points (n_mask, n_times).
    newton_iterations
        Corrections solved for between two instants (n_steps,).
    cuts
        Rejected increments between two instants (n_steps,).
    status
        How the run ended; `times` stops at the last instant reached.
    reason
        After a failure, what stopped the last increment.
    wall_seconds, law_seconds
        Wall time of the run and of its law calls on this rank [s].
    """

    case: str
    times: Float[Array, " n_times"]
    coefficients: Float[Array, "n_modes n_times"]
    dual: Mapping[str, Float[Array, "n_mask n_times"]]
    newton_iterations: Int[Array, " n_steps"]
    cuts: Int[Array, " n_steps"]
    status: Status
    reason: Status
    wall_seconds: float
    law_seconds: float


@dataclass(frozen=True, eq=False)
class FailedPoint:
    """What the law of a point was asked in vain, so that it can be asked again.

    Attributes
    ----------
    number
        Position of the point in the mask of the model.
    strain_old, strain_new
        Total strain before and at the end of the increment [-].
    state_old
        Committed state of the law of this point.
    temperatures
        At both ends of the increment [temperature].
    step
        The increment of time, the smallest that was tried.
    """

    number: int
    strain_old: Float[Array, " n_components"]
    strain_new: Float[Array, " n_components"]
    state_old: Float[Array, " n_state"]
    temperatures: tuple[float, float]
    step: TimeStep


def solve(
    model: ReducedModel | PreparedModel,
    loading: ReducedLoading,
    *,
    options: NewtonOptions | None = None,
    comm: Communicator | None = None,
    on_step: Callable[[float], None] | None = None,
    on_failure: Callable[[FailedPoint], None] | None = None,
) -> ReducedSolution:
    """Compute the response of a reduced model to a load case.

    Parameters
    ----------
    model
        The reduced model, the same on every rank; prepared by `romnet.online.prepared.prepare`
        where many load cases are asked, which also says whose points are whose.
    loading
        The load case, for instance ``model.loadings["cycle1"]``.
    options
        When Newton iterations stop.
    comm
        The ranks; alone if left out, or those of a prepared model.
    on_step
        Called with each instant reached, for progress.
    on_failure
        Called, if laws end the run, on the rank of the first failed point.

    Returns
    -------
    ReducedSolution
        The same on every rank. A run that stops early keeps what it reached and says why.

    Raises
    ------
    PluginError
        If the library of a constitutive law cannot be loaded.

    Notes
    -----
    Collective: yes. Deterministic: yes, for any number of ranks up to rounding. Mutates nothing.
    Cost: independent of the size of the mesh.

    References
    ----------
    .. [1] F. Casenave, N. Akkari, F. Bordeu, C. Rey, D. Ryckelynck, "A nonintrusive distributed
       reduced-order modeling framework for nonlinear structural mechanics", Int. J. Numer.
       Methods Eng. 121 (2020) 32-53.

    Examples
    --------
    A bar as one point and one mode, its unit stretch:

    >>> from romnet.fe.history import Amplitude, SeparatedField
    >>> ramp = Amplitude(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    >>> pull = ReducedLoading(
    ...     name="pull",
    ...     times=np.array([0.0, 0.5, 1.0]),
    ...     force=SeparatedField((ramp,), np.array([[6.0]])),
    ...     temperature=SeparatedField.zero(1),
    ...     lift_strain=SeparatedField.zero(6),
    ... )
    >>> model = ReducedModel(
    ...     points=np.array([0]),
    ...     weights=np.array([1.0]),
    ...     strain_modes=np.eye(6)[None, :, :1],
    ...     law_specs=({"law": "elastic", "parameters": {"young": 2.0, "poisson": 0.0}},),
    ...     law_of_point=np.array([0]),
    ...     dual=(),
    ...     gappy={},
    ...     loadings={"pull": pull},
    ...     units={},
    ... )
    >>> solution = solve(model, model.loadings["pull"])
    >>> solution.status.label, solution.coefficients.round(9).tolist()
    ('converged', [[0.0, 1.5, 3.0]])
    """
    began = perf_counter()
    prepared = model if isinstance(model, PreparedModel) else prepare(model, comm=comm)
    problem = ReducedProblem(prepared, loading)
    committed = problem.start()
    history = _History(prepared, committed, len(loading.times))
    outcome, counts, law_seconds = None, [], 0.0
    for outcome in march(problem, committed, loading.times[1:], options=options or NewtonOptions()):
        # Numbers only: the states of a long history would fill the memory.
        counts.append((outcome.iterations, outcome.cuts))
        law_seconds += outcome.law_seconds
        if outcome.status.ok:
            history.add(outcome.committed)
            if on_step is not None:
                on_step(outcome.committed.time)
    if outcome is not None and not outcome.status.ok and on_failure is not None:
        failed = _first_failed(problem, outcome)
        if failed is not None:
            on_failure(failed)
    iterations, cuts = np.array(counts, dtype=np.int64).reshape(-1, 2).T
    return ReducedSolution(
        case=loading.name,
        times=np.array(history.times),
        coefficients=np.stack(history.coefficients, axis=1),
        dual=history.dual(),
        newton_iterations=np.ascontiguousarray(iterations),
        cuts=np.ascontiguousarray(cuts),
        status=Status.CONVERGED if outcome is None else outcome.status,
        reason=Status.CONVERGED if outcome is None else outcome.reason,
        wall_seconds=perf_counter() - began,
        law_seconds=law_seconds,
    )


def _first_failed(problem: ReducedProblem, outcome: StepOutcome) -> FailedPoint | None:
    """Return the failed point of the smallest number, on the rank that has it. Collective."""
    rejected, prepared = outcome.rejected, problem.prepared
    failing = np.zeros(0, dtype=np.int64) if rejected is None else prepared.share[rejected.points]
    first = prepared.comm.min(float(failing.min()) if failing.size else np.inf)
    if rejected is None or first not in failing:
        return None
    point = int(np.flatnonzero(prepared.share == first)[0])
    laws, step = prepared.laws, rejected.step
    n_state = laws.laws[int(laws.law_of_point[point])].n_state
    before, after = (problem.temperature(time)[point] for time in (step.start, step.end))
    return FailedPoint(
        number=int(first),
        strain_old=outcome.committed.strain[point],
        strain_new=rejected.strain[point],
        state_old=outcome.committed.state[point, :n_state],
        temperatures=(float(before), float(after)),
        step=step,
    )


class _History:
    """What is kept of the accepted states: not the states themselves."""

    def __init__(self, prepared: PreparedModel, start: Committed, n_times: int) -> None:
        self._prepared = prepared
        self.times: list[float] = []
        self.coefficients: list[Array] = []
        widths = {scalar.field: scalar.width for scalar in prepared.scalars}
        shape = (n_times, len(prepared.share))
        self._fields = {name: np.empty((*shape, width)) for name, width in widths.items()}
        self.add(start)

    def add(self, committed: Committed) -> None:
        """Keep an accepted state."""
        for name, values in self._fields.items():
            values[len(self.times)] = self._prepared.laws.field(committed.state, name)
        self.times.append(committed.time)
        self.coefficients.append(committed.unknown)

    def dual(self) -> dict[str, Array]:
        """Return each dual scalar at all mask points and instants, on every rank."""
        prepared = self._prepared
        fields = {
            name: values[: len(self.times)].swapaxes(0, 1) for name, values in self._fields.items()
        }
        if not prepared.takes_all:
            place = np.argsort(prepared.comm.concatenate(prepared.share))
            fields = {
                name: prepared.comm.concatenate(np.ascontiguousarray(values))[place]
                for name, values in fields.items()
            }
        return {
            scalar.name: fields[scalar.field][:, :, scalar.column] for scalar in prepared.scalars
        }


def rebuilt(
    modes: Float[Array, "n_rows n_modes"],
    model: ReducedModel,
    solution: ReducedSolution,
    name: str,
) -> Float[Array, "n_rows n_times"]:
    """Rebuild a dual field at the points of this rank by gappy POD.

    Parameters
    ----------
    modes
        Modes of the field at the points of this rank.
    model, solution
        The model and its answer.
    name
        The field: ``"p"``, ``"stress_11"``, ...

    Notes
    -----
    Collective: no. Mutates nothing. Cost: one product with the modes.
    """
    return modes @ (model.gappy[name].inverse @ solution.dual[name])
