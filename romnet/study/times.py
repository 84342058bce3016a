"""Instants of a case: given, equally spaced, or those of the training results, repeated."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.study.schema import TimeGrid


def instants(
    grid: TimeGrid, training: Float[Array, " n_training"] | None
) -> Float[Array, " n_times"]:
    """Return the instants of a case, the first being the virgin state.

    Parameters
    ----------
    grid
        What the study says.
    training
        Instants of the first training results [time]; None while they are being computed.

    Raises
    ------
    ValueError
        If the grid gives no instants and there are none to take over.

    Examples
    --------
    >>> instants(TimeGrid(until=1.0, increments=4), None).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    >>> instants(TimeGrid(until=3.5), np.array([0.0, 1.0, 2.0])).tolist()
    [0.0, 1.0, 2.0, 3.0, 3.5]
    """
    if grid.times is not None:
        return np.array(grid.times, dtype=float)
    if grid.until is not None and grid.increments is not None:
        return np.linspace(0.0, grid.until, grid.increments + 1)
    if training is None:
        message = "there are no training instants to take over; give until and increments."
        raise ValueError(message)
    if grid.until is None:
        return training
    return _repeated(training, grid.until)


def has_own_instants(grid: TimeGrid) -> bool:
    """Whether a case gives all its instants itself.

    Examples
    --------
    >>> has_own_instants(TimeGrid(until=2.0)), has_own_instants(TimeGrid(until=2.0, increments=4))
    (False, True)
    """
    return grid.times is not None or (grid.until is not None and grid.increments is not None)


def _repeated(training: Array, until: float) -> Array:
    """Repeat the training increments up to an instant."""
    period = float(training[-1] - training[0])
    n_periods = int(np.ceil((until - training[0]) / period))
    shifts = np.repeat(np.arange(max(n_periods, 1)), len(training) - 1) * period
    later = np.tile(training[1:], max(n_periods, 1)) + shifts
    inside = later[later < until - 1e-9 * period]
    return np.concatenate([training[:1], inside, [until]])
