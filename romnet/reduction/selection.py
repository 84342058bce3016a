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


def best_points(
    scores: Float[Array, "n_points n"],
    numbers: Int[Array, " n_points"],
    comm: Communicator,
    *,
    tie_tolerance: float = TIE_TOLERANCE,
) -> Int[Array, " n"]:
    """Return the global number of the best point of all ranks for each column of scores.

    Parameters
    ----------
    scores
        Scores of this rank's points, one column for each question; ``-inf`` excludes a point.
    numbers
        Their global numbers.
    comm
        The ranks.
    tie_tolerance
        Relative width of a tie [-].

    Returns
    -------
    ndarray
        What `best_point` answers to each column.

    Notes
    -----
    Collective: yes, two reductions for all columns. Deterministic: yes, for any number of ranks.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> scores = np.array([[1.0, -1.0], [2.0, -1.0], [2.0, 0.0]])
    >>> best_points(scores, np.array([7, 9, 11]), SerialCommunicator()).tolist()
    [9, -1]
    """
    largest = np.iinfo(np.int64).max
    best = comm.concatenate(scores.max(axis=0, initial=-np.inf)[None]).max(axis=0)
    smallest = np.full(len(best), largest)
    for column, top in enumerate(best):
        if top > 0.0:
            tied = numbers[scores[:, column] >= top * (1.0 - tie_tolerance)]
            smallest[column] = tied.min(initial=largest)
    found = comm.concatenate(smallest[None]).min(axis=0)
    return np.asarray(np.where(best > 0.0, found, NOTHING))


def at_points(
    points: Int[Array, " n_selected"],
    values: Float[Array, "n_points ..."],
    numbers: Int[Array, " n_points"],
    comm: Communicator,
) -> Float[Array, "n_selected ..."]:
    """Give every rank the values at some points, each of which one rank owns.

    Parameters
    ----------
    points
        Global numbers of the wanted points, in the wanted order.
    values
        Values at the points of this rank.
    numbers
        Global numbers of the points of this rank, ascending.
    comm
        The ranks.

    Notes
    -----
    Collective: yes.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> values, numbers = np.array([0.5, 0.7, 0.9]), np.array([3, 5, 8])
    >>> at_points(np.array([8, 3]), values, numbers, SerialCommunicator()).tolist()
    [0.9, 0.5]
    """
    found, mine = owned(points, numbers)
    part = np.zeros((len(points), *values.shape[1:]))
    part[found] = values[mine]
    return comm.sum(part)


def owned(
    points: Int[Array, " n_selected"], numbers: Int[Array, " n_points"]
) -> tuple[Int[Array, " n_owned"], Int[Array, " n_owned"]]:
    """Return which of `points` this rank owns, and their positions in `numbers`.

    Examples
    --------
    >>> owned(np.array([8, 3, 4]), np.array([3, 5, 8]))
    (array([0, 1]), array([2, 0]))
    """
    places = np.searchsorted(numbers, points)
    inside = np.flatnonzero(places < len(numbers))
    found = inside[numbers[places[inside]] == points[inside]]
    return found, places[found]
