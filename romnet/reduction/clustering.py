"""Partitions of simulations: by dissimilarity, and the baselines that they must beat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.reduction.dissimilarity import sines_between
from romnet.reduction.medoids import Medoids, k_medoids, nearest_medoids

Assign = Callable[[Array, Array], Array]


class Strategy(Enum):
    """How simulations are told apart; all but the first are baselines."""

    SINE = "k-medoids of the sine dissimilarity"
    EUCLIDEAN = "k-medoids of the Euclidean distance"
    SOLUTIONS = "k-means of the solutions"
    INPUTS = "k-means of the inputs"
    RANDOM = "random partition"
    GLOBAL = "one global basis"


@dataclass(frozen=True)
class Partition:
    """Clusters of simulations, and where new ones belong.

    Attributes
    ----------
    labels
        Cluster of each simulation (n,); no cluster is empty.
    assign
        Gives new simulations to clusters, from their trajectories (n_new, n_rows, n_times) and
        inputs (n_new, n_inputs).
    """

    labels: Int[Array, " n"]
    assign: Assign

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return int(self.labels.max()) + 1


def partition(
    strategy: Strategy,
    trajectories: Float[Array, "n n_rows n_times"],
    inputs: Float[Array, "n n_inputs"],
    n_clusters: int,
    rng: np.random.Generator,
    *,
    restarts: int = 5,
) -> Partition:
    """Divide simulations by one of the strategies.

    Parameters
    ----------
    strategy
        How.
    trajectories
        Simulations, in coordinates of an orthonormal basis.
    inputs
        What was asked of each.
    n_clusters
        How many clusters; fewer come out where some would be empty.
    rng
        Source of the starts.
    restarts
        Starts of each clustering.

    Raises
    ------
    ValueError
        If there are fewer simulations than clusters.
    AccuracyError
        If a simulation is zero and the strategy is ``SINE``.

    Notes
    -----
    Collective: no; the same on every rank that starts from the same seed. Deterministic: yes, for
    a given state of `rng`, which is advanced. The k-means of scikit-learn are used.

    Examples
    --------
    >>> fields = np.array([[[1.0], [0.0]], [[0.0], [1.0]], [[9.0], [0.1]]])
    >>> found = partition(Strategy.SINE, fields, np.zeros((3, 1)), 2, np.random.default_rng(0))
    >>> bool(found.labels[0] == found.labels[2] != found.labels[1])
    True
    """
    flat = trajectories.reshape(len(trajectories), -1)
    if strategy is Strategy.GLOBAL:
        return Partition(np.zeros(len(flat), dtype=np.int64), lambda new, _: _zeros(len(new)))
    if strategy is Strategy.RANDOM:
        labels = rng.permutation(np.arange(len(flat)) % n_clusters)
        return Partition(labels, lambda new, _: rng.integers(n_clusters, size=len(new)))
    if strategy in {Strategy.SOLUTIONS, Strategy.INPUTS}:
        features = inputs if strategy is Strategy.INPUTS else flat
        seed = int(rng.integers(2**31))
        return _k_means(features, n_clusters, seed, restarts, strategy)
    compare = sines_between if strategy is Strategy.SINE else _distances
    dissimilarity = 0.5 * (compare(flat, flat) + compare(flat, flat).T)
    np.fill_diagonal(dissimilarity, 0.0)
    found = k_medoids(dissimilarity, n_clusters, rng=rng, restarts=restarts)
    medoids = flat[found.members]
    return Partition(
        found.labels, lambda new, _: compare(new.reshape(len(new), -1), medoids).argmin(axis=1)
    )


def merged(dissimilarity: Float[Array, "n n"], found: Medoids, smallest: int) -> Medoids:
    """Dissolve clusters that are too small, the smallest first, into their neighbours.

    Parameters
    ----------
    dissimilarity
        Of all members.
    found
        Medoids to start from.
    smallest
        Members that a cluster must have.

    Returns
    -------
    Medoids
        One at least; every cluster is as large as asked, unless there is only one.

    Notes
    -----
    Collective: no. Deterministic: yes; of equally small clusters the one of the smaller medoid
    number goes first. Mutates nothing.

    Examples
    --------
    >>> places = np.array([0.0, 1.0, 2.0, 9.0])
    >>> distances = np.abs(places[:, None] - places)
    >>> merged(distances, nearest_medoids(distances, np.array([1, 3])), 2).members.tolist()
    [1]
    """
    while found.members.size > 1:
        sizes = np.bincount(found.labels, minlength=found.members.size)
        if sizes.min() >= smallest:
            break
        found = nearest_medoids(dissimilarity, np.delete(found.members, sizes.argmin()))
    return found


def silhouettes(dissimilarity: Float[Array, "n n"], labels: Int[Array, " n"]) -> Float[Array, " n"]:
    r"""Say of each member how much nearer it is to its own cluster than to the next.

    :math:`(b - a) / \max(a, b)` with the mean dissimilarity *a* to the other members of its own
    cluster and *b* to those of the nearest other one; zero for a cluster of one.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing.

    Examples
    --------
    >>> places = np.array([0.0, 1.0, 10.0, 11.0])
    >>> silhouettes(np.abs(places[:, None] - places), np.array([0, 0, 1, 1])).round(3).tolist()
    [0.905, 0.895, 0.895, 0.905]
    """
    clusters, place = np.unique(labels, return_inverse=True)
    if clusters.size == 1:
        return np.zeros(len(labels))
    member = np.zeros((len(labels), clusters.size))
    member[np.arange(len(labels)), place] = 1.0
    sizes = member.sum(axis=0)
    sums = dissimilarity @ member
    own = sizes[place]
    inside = sums[np.arange(len(labels)), place] / np.maximum(own - 1.0, 1.0)
    means = np.where(member.astype(bool), np.inf, sums / sizes)
    outside = means.min(axis=1)
    larger = np.maximum(inside, outside)
    widths = np.where(larger > 0.0, (outside - inside) / np.where(larger > 0.0, larger, 1.0), 0.0)
    return np.asarray(np.where(own > 1.0, widths, 0.0))


def _k_means(
    features: Array, n_clusters: int, seed: int, restarts: int, strategy: Strategy
) -> Partition:
    """Divide by k-means of what was asked or of what was answered."""
    from sklearn.cluster import KMeans

    found = KMeans(n_clusters, n_init=restarts, random_state=seed).fit(features)
    kept, labels = np.unique(found.labels_, return_inverse=True)
    centres = np.asarray(found.cluster_centers_)[kept]

    def assign(new: Array, asked: Array) -> Array:
        vectors = asked if strategy is Strategy.INPUTS else new.reshape(len(new), -1)
        return np.asarray(_distances(vectors, centres).argmin(axis=1))

    return Partition(labels.astype(np.int64), assign)


def _distances(first: Array, second: Array) -> Array:
    """Return the Euclidean distances between the rows of two sets."""
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1) - 2.0 * first @ second.T
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)))


def _zeros(size: int) -> Array:
    """Return the only label, for all."""
    return np.zeros(size, dtype=np.int64)
