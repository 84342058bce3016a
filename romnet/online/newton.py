"""Newton iterations on any equilibrium: reduced or high-fidelity, serial or distributed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf, isfinite, isnan
from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.status import Status
from romnet.online.increments import IncrementControl


class SingularTangentError(Exception):
    """The tangent of an increment has no inverse; the step is cut."""


_HALVINGS = 4
# Linear systems are not solved more accurately than the nonlinear residual can follow.
_LOOSEST = 1e-2
_FOLLOWS = 2.0
_BELOW_TOLERANCE = 0.3


@dataclass(frozen=True)
class Trial:
    """Equilibrium at a trial displacement.

    Attributes
    ----------
    residual
        Norm of external minus internal forces; infinite while a prescribed displacement is not
        met yet [force].
    scale
        Size of the forces in balance, to which the residual is compared [force].
    strain, state
        Trial strain and state at the points of this rank.
    failed
        Whether a point could not be integrated, on any rank.
    step_factor
        Factor on the time step that failing points ask for, the same on every rank [-].
    correction
        Solves for the Newton correction of the unknown.
    law_seconds
        Wall time spent in the laws [s].
    inexact
        The same correction, its linear residual only reduced to the given part of the residual;
        left out where systems are small.
    failing
        Points of this rank that could not be integrated, if they are known.
    """

    residual: float
    scale: float
    strain: Float[Array, "n_points n_components"]
    state: Float[Array, "n_points n_state"]
    failed: bool
    step_factor: float
    correction: Callable[[], Array]
    law_seconds: float = 0.0
    inexact: Callable[[float], Array] | None = None
    failing: Int[Array, " n_failing"] | None = None


@runtime_checkable
class Increment(Protocol):
    """One time increment of a problem, from a committed state."""

    @property
    def guess(self) -> Array:
        """First value of the unknown."""

    def evaluate(self, unknown: Array) -> Trial:
        """Evaluate the equilibrium; pure."""


@dataclass(frozen=True)
class NewtonOptions:
    """When to stop.

    Attributes
    ----------
    tolerance
        Accepted residual, relative to the scale of the forces [-].
    max_iterations
        Corrections allowed in one increment.
    smallest_step
        Smallest fraction of an increment that cutting may reach [-].
    increments
        How long increments are; each goes to the next instant asked for if left out.
    """

    tolerance: float = 1e-8
    max_iterations: int = 25
    smallest_step: float = 1e-3
    increments: IncrementControl | None = None


@dataclass(frozen=True)
class NewtonResult:
    """Outcome of one increment.

    Attributes
    ----------
    status
        Why it stopped.
    unknown
        Last value of the unknown.
    trial
        Equilibrium there.
    residuals
        Relative residual of each evaluation [-].
    scale
        Largest scale of the forces in balance so far [force].
    law_seconds
        Wall time spent in the laws [s].
    """

    status: Status
    unknown: Array
    trial: Trial
    scale: float
    residuals: tuple[float, ...] = field(default=())
    law_seconds: float = 0.0

    @property
    def iterations(self) -> int:
        """Corrections solved for."""
        return max(len(self.residuals) - 1, 0)


def newton(increment: Increment, *, scale: float, options: NewtonOptions) -> NewtonResult:
    r"""Find the unknown at which forces balance.

    Parameters
    ----------
    increment
        The nonlinear equations of one time increment.
    scale
        Largest scale of the forces in earlier increments: an unloaded instant is judged by what
        the structure has borne, not by zero [force]. The first evaluation, which feels the whole
        increment of load and heat, counts as well; later ones only judge themselves, so that an
        iterate that went astray does not loosen the tolerance.
    options
        When to stop.

    Returns
    -------
    NewtonResult
        With `Status.CONVERGED`, or the reason; the caller cuts the step or gives up.

    Notes
    -----
    Collective: if the increment is. Mutates nothing. Every rank takes the same decisions, since
    they rest on reduced numbers only.

    Examples
    --------
    >>> import numpy as np
    >>> class Cube:
    ...     guess = np.array([1.5])
    ...     def evaluate(self, x):
    ...         return Trial(abs(8.0 - x[0] ** 3), 8.0, x[None], x[None], False, 1.0,
    ...             lambda: (8.0 - x**3) / (3.0 * x**2))
    >>> result = newton(Cube(), scale=0.0, options=NewtonOptions())
    >>> result.status.label, result.iterations, round(float(result.unknown[0]), 6)
    ('converged', 4, 2.0)
    """
    unknown = increment.guess
    trial = increment.evaluate(unknown)
    law_seconds = trial.law_seconds
    residuals: list[float] = []
    forcing = 0.0
    scale = max(scale, trial.scale)
    while True:
        reached = max(scale, trial.scale)
        residuals.append(trial.residual / reached if reached > 0.0 else trial.residual)
        status = _verdict(trial, residuals[-1], len(residuals) - 1, options)
        forcing = _forcing(residuals, forcing, options.tolerance)
        correction = _correction(trial, forcing) if status is None else None
        if correction is None:
            return NewtonResult(
                status=status or Status.SINGULAR,
                unknown=unknown,
                trial=trial,
                scale=reached,
                residuals=tuple(residuals),
                law_seconds=law_seconds,
            )
        unknown, trial, seconds = _line_search(increment, unknown, correction, trial.residual)
        law_seconds += seconds


def _forcing(residuals: list[float], last: float, tolerance: float) -> float:
    """Return the part of the residual that the next linear solve may leave.

    The square of the last reduction keeps the convergence quadratic, as in the second choice of
    Eisenstat and Walker (SIAM J. Sci. Comput. 17 (1996) 16-32). Where the last linear solve was
    what held Newton back, the equations are all but linear, and the next one goes to the end.
    """
    residual = residuals[-1]
    enough = _BELOW_TOLERANCE * tolerance / residual if 0.0 < residual < inf else 0.0
    if len(residuals) == 1 or not isfinite(residuals[-2]):
        wanted = _LOOSEST
    else:
        reduction = residual / residuals[-2]
        wanted = 0.0 if reduction <= _FOLLOWS * last else reduction**2
    return min(max(wanted, enough), _LOOSEST)


def _correction(trial: Trial, forcing: float) -> Array | None:
    """Return the Newton correction, or nothing when the tangent has no inverse."""
    try:
        return trial.correction() if trial.inexact is None else trial.inexact(forcing)
    except SingularTangentError:
        return None


def _line_search(
    increment: Increment, unknown: Array, correction: Array, residual: float
) -> tuple[Array, Trial, float]:
    """Take the whole correction, or the part of it that lowers the residual most.

    Yielding and unloading are kinks: across one, whole corrections can jump to and fro for ever.
    """
    candidate = unknown + correction
    trial = increment.evaluate(candidate)
    seconds, best = trial.law_seconds, (candidate, trial)
    for halving in range(1, _HALVINGS + 1):
        if not trial.failed and trial.residual < residual:
            break
        candidate = unknown + 0.5**halving * correction
        trial = increment.evaluate(candidate)
        seconds += trial.law_seconds
        if _lower(trial, best[1]):
            best = candidate, trial
    return (*best, seconds)


def _lower(trial: Trial, best: Trial) -> bool:
    """Whether a trial is better than the best so far."""
    if trial.failed:
        return False
    return best.failed or isnan(best.residual) or trial.residual < best.residual


def _verdict(
    trial: Trial, relative: float, corrections: int, options: NewtonOptions
) -> Status | None:
    """Say how the increment ended, or nothing while it goes on."""
    if trial.failed:
        return Status.LAW_FAILED
    if isnan(relative):
        return Status.NOT_FINITE
    if relative <= options.tolerance:
        return Status.CONVERGED
    if corrections >= options.max_iterations:
        return Status.MAX_ITERATIONS
    return None
