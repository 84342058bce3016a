"""How many training runs a cluster needs before more of them no longer help."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.reduction.local_errors import cluster_modes, width_curves

# A basis of some runs is as good as one of all when its error is within this factor.
_AS_GOOD = 1.05
# Errors below it are rounding, and do not tell one number of runs from another.
_ROUNDING = 1e-6
# Numbers of runs tried grow by about this factor.
_GROWTH = 1.4


def farthest_first(
    dissimilarity: Float[Array, "n n"], start: int, count: int
) -> Int[Array, " count"]:
    """Order members so that each one is as far as possible from all before it.

    Parameters
    ----------
    dissimilarity
        Of all members.
    start
        The first one.
    count
        How many, at most all.

    Notes
    -----
    Collective: no. Deterministic: yes; of equally far members the smallest number comes first.

    Examples
    --------
    >>> places = np.array([0.0, 1.0, 5.0, 9.0])
    >>> farthest_first(np.abs(places[:, None] - places), 0, 3).tolist()
    [0, 3, 2]
    """
    order = np.empty(count, dtype=np.int64)
    order[0] = start
    nearest = dissimilarity[start].copy()
    nearest[start] = -1.0
    for place in range(1, count):
        order[place] = nearest.argmax()
        nearest = np.minimum(nearest, dissimilarity[order[place]])
        nearest[order[: place + 1]] = -1.0
    return order


def runs_needed(
    trajectories: Float[Array, "n n_rows n_times"],
    labels: Int[Array, " n"],
    dissimilarity: Float[Array, "n n"],
    held_out: tuple[Float[Array, "n_held n_rows n_times"], Int[Array, " n_held"]],
    max_modes: int,
) -> Int[Array, " max_modes"]:
    """Count the training runs of all clusters together, for each number of modes.

    Each cluster grows from its medoid, farthest first, until the error of its held-out
    simulations is within 5 % of that with all members.

    Parameters
    ----------
    trajectories, labels, dissimilarity
        Simplified simulations, the cluster of each, and how unlike they are.
    held_out
        Other simulations, and their clusters.
    max_modes
        Largest number of modes.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing. A cluster that no held-out simulation
    belongs to counts with its medoid alone.

    Examples
    --------
    One line: a single run is enough.

    >>> fields = np.ones((4, 1, 1))
    >>> labels = np.zeros(4, dtype=np.int64)
    >>> runs_needed(fields, labels, np.zeros((4, 4)), (fields, labels), 1).tolist()
    [1]
    """
    new, assigned = held_out
    total = np.zeros(max_modes, dtype=np.int64)
    for cluster in np.unique(labels):
        members = np.flatnonzero(labels == cluster)
        asked = new[assigned == cluster]
        if not len(asked):
            total += 1
            continue
        within = dissimilarity[np.ix_(members, members)]
        order = farthest_first(within, int(within.sum(axis=0).argmin()), members.size)
        counts = _counts(members.size)
        errors = np.array(
            [
                width_curves(
                    cluster_modes(trajectories[members[order[:count]]]), asked, max_modes
                ).mean(axis=0)
                for count in counts
            ]
        )
        enough = errors <= _AS_GOOD * np.maximum(errors[-1], _ROUNDING)
        total += np.array(counts)[enough.argmax(axis=0)]
    return total


def _counts(size: int) -> list[int]:
    """Return growing numbers up to a size."""
    counts = [1]
    while counts[-1] < size:
        counts.append(min(size, max(counts[-1] + 1, int(_GROWTH * counts[-1]))))
    return counts
