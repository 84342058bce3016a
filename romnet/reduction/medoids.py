"""k-medoids: the members of a set that stand for all others at the least total dissimilarity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array

# Swaps that lower the cost by less than this fraction of it are rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Medoids:
    """Members that stand for all others.

    Attributes
    ----------
    members
        Numbers of the medoids, ascending (n_clusters,).
    labels
        Position in `members` of the nearest medoid of each member (n,).
    cost
        Sum of the dissimilarities to the nearest medoid.
    """

    members: Int[Array, " n_clusters"]
    labels: Int[Array, " n"]
    cost: float


def k_medoids(
    dissimilarity: Float[Array, "n n"],
    n_clusters: int,
    *,
    rng: np.random.Generator,
    restarts: int = 20,
    max_sweeps: int = 100,
) -> Medoids:
    """Choose medoids by FasterPAM from several random starts.

    Each member, in a random order, is tried in place of every medoid at once, which costs no more
    than trying it in place of one, and the best swap is made as soon as it lowers the cost [1]_.

    Parameters
    ----------
    dissimilarity
        Symmetric, non-negative, zero on the diagonal.
    n_clusters
        How many medoids.
    rng
        Source of the starts.
    restarts
        Number of starts; the cheapest end counts, the first of equal ones.
    max_sweeps
        Sweeps over all members before a start is given up as it is.

    Returns
    -------
    Medoids
        No swap of one medoid lowers its cost.

    Raises
    ------
    ValueError
        If `n_clusters` lies outside 1 to n, or the dissimilarity is not as described.

    Notes
    -----
    Collective: no; every rank that starts from the same seed finds the same. Deterministic: yes,
    for a given state of `rng`, which is advanced. Cost: ``n (n + n_clusters)`` operations a sweep.

    References
    ----------
    .. [1] E. Schubert, P.J. Rousseeuw, "Fast and eager k-medoids clustering: O(k) runtime
       improvement of the PAM, CLARA, and CLARANS algorithms", Information Systems 101 (2021).

    Examples
    --------
    >>> places = np.array([0.0, 1.0, 2.0, 10.0, 11.0, 12.0])
    >>> found = k_medoids(np.abs(places[:, None] - places), 2, rng=np.random.default_rng(0))
    >>> found.members.tolist(), found.labels.tolist(), found.cost
    ([1, 4], [0, 0, 0, 1, 1, 1], 4.0)
    """
    size = len(dissimilarity)
    if not 1 <= n_clusters <= size:
        message = f"n_clusters must lie between 1 and {size}, got {n_clusters}."
        raise ValueError(message)
    if not np.isfinite(dissimilarity).all() or dissimilarity.min() < 0.0:
        message = "dissimilarities must be finite and not negative."
        raise ValueError(message)
    if np.diagonal(dissimilarity).any() or not np.allclose(dissimilarity, dissimilarity.T):
        message = "dissimilarities must be symmetric and zero on the diagonal."
        raise ValueError(message)
    best: Medoids | None = None
    for _ in range(max(1, restarts)):
        start = rng.choice(size, n_clusters, replace=False)
        found = nearest_medoids(
            dissimilarity, _swapped(dissimilarity, start, rng.permutation(size), max_sweeps)
        )
        if best is None or found.cost < best.cost * (1.0 - _ROUNDING):
            best = found
    if best is None:  # pragma: no cover  (there is at least one start)
        raise ValueError(restarts)
    return best


def nearest_medoids(
    dissimilarity: Float[Array, "n n"], members: Int[Array, " n_clusters"]
) -> Medoids:
    """Give every member to the nearest of some medoids, the smallest number among equals.

    Examples
    --------
    >>> nearest_medoids(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([1])).cost
    1.0
    """
    chosen = np.sort(members).astype(np.int64)
    distances = dissimilarity[:, chosen]
    labels = distances.argmin(axis=1)
    labels[chosen] = np.arange(chosen.size)
    return Medoids(chosen, labels, float(distances.min(axis=1).sum()))


def _swapped(dissimilarity: Array, start: Array, order: Array, max_sweeps: int) -> Array:
    """Swap until no swap of a medoid with another member lowers the cost."""
    medoids = start.copy()
    size, count = len(dissimilarity), medoids.size
    nearest, first, second = _two_nearest(dissimilarity, medoids)
    losses = np.bincount(nearest, weights=second - first, minlength=count)
    cost = float(first.sum())
    since = 0
    for trial in range(size * max_sweeps):
        candidate = order[trial % size]
        if since == size:
            break
        since += 1
        if (medoids == candidate).any():
            continue
        change, place = _best_swap(dissimilarity[candidate], nearest, first, second, losses)
        if change < -_ROUNDING * cost:
            medoids[place] = candidate
            nearest, first, second = _two_nearest(dissimilarity, medoids)
            losses = np.bincount(nearest, weights=second - first, minlength=count)
            cost = float(first.sum())
            since = 0
    return medoids


def _best_swap(
    distances: Array, nearest: Array, first: Array, second: Array, losses: Array
) -> tuple[float, int]:
    """Return the change of cost of the best swap for a candidate, and the medoid it replaces."""
    closer = np.flatnonzero(distances < second)
    own = nearest[closer]
    near = np.minimum(distances[closer], second[closer])
    # Without its medoid a member goes to the candidate instead of the second; with it, it goes to
    # the candidate only if that is nearer.
    gained = np.minimum(distances[closer] - first[closer], 0.0)
    changes = losses + np.bincount(
        own, weights=near - second[closer] - gained, minlength=losses.size
    )
    place = int(changes.argmin())
    return float(changes[place] + gained.sum()), place


def _two_nearest(dissimilarity: Array, medoids: Array) -> tuple[Array, Array, Array]:
    """Return the nearest medoid of each member, and the distances to it and to the second."""
    distances = dissimilarity[:, medoids]
    if medoids.size == 1:
        return (
            np.zeros(len(distances), dtype=np.int64),
            distances[:, 0],
            np.full(len(distances), dissimilarity.max() + 1.0),
        )
    pair = np.argpartition(distances, 1, axis=1)[:, :2]
    values = np.take_along_axis(distances, pair, axis=1)
    order = values.argsort(axis=1, kind="stable")
    pair, values = np.take_along_axis(pair, order, 1), np.take_along_axis(values, order, 1)
    return pair[:, 0], values[:, 0], values[:, 1]
