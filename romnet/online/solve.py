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
from romnet.online.equilibrium import ReducedProblem
from romnet.online.newton import NewtonOptions
from romnet.online.prepared import PreparedModel, prepare
from romnet.online.stepping import Committed, march
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


def solve(
    model: ReducedModel | PreparedModel,
    loading: ReducedLoading,
    *,
    options: NewtonOptions | None = None,
    comm: Communicator | None = None,
    on_step: Callable[[float], None] | None = None,
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
    outcomes = []
    for outcome in march(problem, committed, loading.times[1:], options=options or NewtonOptions()):
        outcomes.append(outcome)
        if outcome.status.ok:
            history.add(outcome.committed)
            if on_step is not None:
                on_step(outcome.committed.time)
    return ReducedSolution(
        case=loading.name,
        times=np.array(history.times),
        coefficients=np.stack(history.coefficients, axis=1),
        dual=history.dual(),
        newton_iterations=np.array([outcome.iterations for outcome in outcomes], dtype=np.int64),
        cuts=np.array([outcome.cuts for outcome in outcomes], dtype=np.int64),
        status=outcomes[-1].status if outcomes else Status.CONVERGED,
        reason=outcomes[-1].reason if outcomes else Status.CONVERGED,
        wall_seconds=perf_counter() - began,
        law_seconds=sum((outcome.law_seconds for outcome in outcomes), start=0.0),
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
