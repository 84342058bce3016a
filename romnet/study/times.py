"""Instants of a case: given, equally spaced, or those of the training results, repeated."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from romnet.core.arrays import Array
from romnet.study.schema import Cycles, TimeGrid

_SAME = 1e-9  # instants this close, in periods, are the same instant


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
    if grid.cycles is not None:
        return _cyclic(grid.cycles, training)
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
    if grid.cycles is not None:
        return grid.cycles.increments is not None
    return grid.times is not None or (grid.until is not None and grid.increments is not None)


def cycle_ends(cycles: Cycles, times: Float[Array, " n_times"]) -> Int[Array, " n_ends"]:
    """Return the positions of the start and of the end of each whole cycle among instants.

    Parameters
    ----------
    cycles
        What the study says.
    times
        Instants reached [time]; a run that stopped early has fewer cycles.

    Examples
    --------
    >>> cycles = Cycles(period=2.0, count=2, increments=2)
    >>> cycle_ends(cycles, np.array([0.0, 1.0, 2.0, 3.0, 4.0])).tolist()
    [0, 2, 4]
    """
    ends = np.arange(cycles.count + 1) * cycles.period + times[0]
    found = np.searchsorted(times, ends - _SAME * cycles.period)
    return np.asarray(found[found < len(times)])


def kept_instants(grid: TimeGrid, times: Float[Array, " n_times"]) -> Bool[Array, " n_times"]:
    """Return at which instants fields are kept: the virgin state, and the cycles asked for.

    Examples
    --------
    >>> thin = TimeGrid(cycles=Cycles(period=1.0, count=4, increments=1, store=(3,)))
    >>> np.flatnonzero(kept_instants(thin, np.arange(5.0))).tolist()
    [0, 3]
    """
    if grid.cycles is None:
        return np.ones(len(times), dtype=bool)
    phase = (times - times[0]) / grid.cycles.period
    number = np.ceil(phase - _SAME)  # cycle that an instant belongs to, its end included
    return np.asarray(np.isin(number, (0, *grid.cycles.stored)))


def _cyclic(cycles: Cycles, training: Array | None) -> Array:
    """Return the instants of equal cycles."""
    if cycles.increments is not None:
        last = cycles.count * cycles.period
        return np.linspace(0.0, last, cycles.count * cycles.increments + 1)
    if training is None:
        message = "there are no training instants to take over; give increments of a cycle."
        raise ValueError(message)
    phase = training[1:] - training[0]
    one = phase[phase < (1.0 - _SAME) * cycles.period]
    one = np.concatenate([one, [cycles.period]])
    later = np.arange(cycles.count)[:, None] * cycles.period + one
    return np.asarray(training[0] + np.concatenate([[0.0], later.ravel()]))


def _repeated(training: Array, until: float) -> Array:
    """Repeat the training increments up to an instant."""
    period = float(training[-1] - training[0])
    n_periods = int(np.ceil((until - training[0]) / period))
    shifts = np.repeat(np.arange(max(n_periods, 1)), len(training) - 1) * period
    later = np.tile(training[1:], max(n_periods, 1)) + shifts
    inside = later[later < until - 1e-9 * period]
    return np.concatenate([training[:1], inside, [until]])
