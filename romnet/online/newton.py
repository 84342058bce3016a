"""Newton iterations on any equilibrium: reduced or high-fidelity, serial or distributed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.status import Status


class SingularTangentError(Exception):
    """The tangent of an increment has no inverse; the step is cut."""


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
        Factor on the time step that a law asks for, 1 when content [-].
    correction
        Solves for the Newton correction of the unknown.
    law_seconds
        Wall time spent in the laws [s].
    """

    residual: float
    scale: float
    strain: Float[Array, "n_points n_components"]
    state: Float[Array, "n_points n_state"]
    failed: bool
    step_factor: float
    correction: Callable[[], Array]
    law_seconds: float = 0.0


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
    """

    tolerance: float = 1e-8
    max_iterations: int = 25
    smallest_step: float = 1e-3


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
        Largest scale of the forces so far [force].
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
        the structure has borne, not by zero [force].
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
    >>> class Cube:
    ...     guess = np.array([1.5])
    ...     def evaluate(self, x):
    ...         return Trial(abs(8.0 - x[0] ** 3), 8.0, x[None], x[None], False, 1.0,
    ...             lambda: (8.0 - x**3) / (3.0 * x**2))
    >>> result = newton(Cube(), scale=0.0, options=NewtonOptions())
    >>> result.status.label, result.iterations, round(float(result.unknown[0]), 9)
    ('converged', 5, 2.0)
    """
    unknown = increment.guess
    residuals: list[float] = []
    law_seconds = 0.0
    while True:
        trial = increment.evaluate(unknown)
        law_seconds += trial.law_seconds
        scale = max(scale, trial.scale)
        relative = trial.residual / scale if scale > 0.0 else trial.residual
        residuals.append(relative)
        status = _verdict(trial, relative, len(residuals) - 1, options)
        if status is None:
            try:
                unknown = unknown + trial.correction()
                continue
            except SingularTangentError:
                status = Status.SINGULAR
        return NewtonResult(
            status=status,
            unknown=unknown,
            trial=trial,
            scale=scale,
            residuals=tuple(residuals),
            law_seconds=law_seconds,
        )


def _verdict(
    trial: Trial, relative: float, corrections: int, options: NewtonOptions
) -> Status | None:
    """Say how the increment ended, or nothing while it goes on."""
    if trial.failed:
        return Status.LAW_FAILED
    if np.isnan(relative):
        return Status.NOT_FINITE
    if relative <= options.tolerance:
        return Status.CONVERGED
    if corrections >= options.max_iterations:
        return Status.MAX_ITERATIONS
    return None
