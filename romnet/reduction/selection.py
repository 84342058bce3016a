"""Choosing one integration point among those of all ranks, the same on any number of ranks."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator

TIE_TOLERANCE = 1e-8
NOTHING = -1


def best_point(
    scores: Float[Array, " n_points"],
    numbers: Int[Array, " n_points"],
    comm: Communicator,
    *,
    tie_tolerance: float = TIE_TOLERANCE,
) -> tuple[int, float]:
    """Return the global number and the score of the best point of all ranks.

    Candidates within `tie_tolerance` (relatively) of the best score count as tied, and the
    smallest global number wins: rounding, which depends on the number of ranks, cannot choose.

    Parameters
    ----------
    scores
        Score of this rank's points; ``-inf`` excludes a point.
    numbers
        Their global numbers.
    comm
        The ranks.
    tie_tolerance
        Relative width of a tie [-].

    Returns
    -------
    int, float
        Global number, or ``-1`` when no point has a positive score, and the best score.

    Notes
    -----
    Collective: yes. Deterministic: yes, for any number of ranks.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> best_point(np.array([1.0, 2.0 - 1e-12, 2.0]), np.array([7, 9, 11]), SerialCommunicator())
    (9, 2.0)
    """
    best = comm.max(float(scores.max(initial=-np.inf)))
    if not best > 0.0:
        return NOTHING, best
    tied = numbers[scores >= best * (1.0 - tie_tolerance)]
    smallest = comm.min(float(tied.min()) if tied.size else np.inf)
    return int(smallest), best


def column_of(
    point: int,
    columns: Float[Array, "n_rows n_points"],
    numbers: Int[Array, " n_points"],
    comm: Communicator,
) -> Float[Array, " n_rows"]:
    """Give every rank the column of one point, which one rank owns.

    Notes
    -----
    Collective: yes.
    """
    mine = np.flatnonzero(numbers == point)
    column = columns[:, mine[0]] if mine.size else np.zeros(columns.shape[0])
    return comm.sum(column)
