"""Few telling numbers of an input field: nodes thinned out, then those that know the cluster."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array

_BINS = 8


def thinned(places: Float[Array, "n_nodes n_dim"], count: int) -> Int[Array, " n_kept"]:
    """Choose nodes that cover a mesh evenly, each as far as possible from those before it.

    Parameters
    ----------
    places
        Coordinates [length].
    count
        How many to keep; all, if there are fewer.

    Returns
    -------
    Array
        Node numbers, ascending. The node nearest the middle is among them.

    Notes
    -----
    Collective: no. Deterministic: yes; of equally far nodes the smallest number is chosen.
    Cost: ``n_nodes count``.

    Examples
    --------
    >>> thinned(np.array([[0.0], [0.1], [0.5], [0.9], [1.0]]), 3).tolist()
    [0, 2, 4]
    """
    count = min(count, len(places))
    distance = ((places - places.mean(axis=0)) ** 2).sum(axis=1)
    chosen = [int(distance.argmin())]
    nearest = np.full(len(places), np.inf)
    while len(chosen) < count:
        nearest = np.minimum(nearest, ((places - places[chosen[-1]]) ** 2).sum(axis=1))
        chosen.append(int(nearest.argmax()))
    return np.sort(np.array(chosen, dtype=np.int64))


def telling_features(
    values: Float[Array, "n n_features"], labels: Int[Array, " n"], count: int
) -> Int[Array, " n_kept"]:
    """Select features that know the label and do not repeat one another.

    Greedy: each one has the largest mutual information with the label, less the mean mutual
    information with those selected before it (minimum redundancy, maximum relevance, as in [1]_).

    Parameters
    ----------
    values
        One row for each sample.
    labels
        Cluster of each.
    count
        How many to keep; all, if there are fewer.

    Returns
    -------
    Array
        Numbers of the features, the most telling first.

    Notes
    -----
    Collective: no. Deterministic: yes; of equally good features the smallest number is chosen.
    Mutual information is that of histograms of eight equally filled classes. Cost:
    ``n n_features count``.

    References
    ----------
    .. [1] T. Daniel, F. Casenave, N. Akkari, D. Ryckelynck, "Data augmentation and feature
       selection for automatic model recommendation in computational physics", Math. Comput. Appl.
       26 (2021) 17.

    Examples
    --------
    The second feature repeats the first, the third one says something new:

    >>> labels = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    >>> values = np.stack([labels // 2, labels // 2, labels % 2], axis=1).astype(float)
    >>> telling_features(values, labels, 2).tolist()
    [0, 2]
    """
    classes = _classes(values)
    relevance = _information(classes, labels.astype(np.int64))
    chosen = [int(relevance.argmax())]
    redundancy = np.zeros(values.shape[1])
    while len(chosen) < min(count, values.shape[1]):
        redundancy += _information(classes, classes[:, chosen[-1]])
        score = relevance - redundancy / len(chosen)
        score[chosen] = -np.inf
        # Rounding must not choose.
        best = score.max()
        chosen.append(int(np.flatnonzero(score >= best - 1e-12 * abs(best))[0]))
    return np.array(chosen, dtype=np.int64)


def augmented(
    values: Float[Array, "n n_features"],
    labels: Int[Array, " n"],
    count: int,
    rng: np.random.Generator,
    *,
    neighbours: int = 4,
) -> tuple[Float[Array, "n_all n_features"], Int[Array, " n_all"]]:
    """Add convex combinations of neighbours that all bear the same label.

    Parameters
    ----------
    values, labels
        Samples.
    count
        How many to add.
    rng
        Source of the combinations.
    neighbours
        Samples that are combined, the first one included; all must bear one label.

    Returns
    -------
    values, labels
        The given samples, then the new ones; none are added where no neighbourhood is pure.

    Notes
    -----
    Collective: no. Deterministic: yes, for a given state of `rng`, which is advanced.

    Examples
    --------
    >>> values, labels = augmented(np.array([[0.0], [1.0], [2.0]]), np.array([1, 1, 1]), 2,
    ...     np.random.default_rng(0), neighbours=2)
    >>> len(values), labels.tolist()
    (5, [1, 1, 1, 1, 1])
    """
    scale = values.std(axis=0)
    scaled = values / np.where(scale > 0.0, scale, 1.0)
    square = (scaled**2).sum(axis=1)
    distances = square[:, None] + square - 2.0 * scaled @ scaled.T
    np.fill_diagonal(distances, -1.0)
    width = min(neighbours, len(values))
    near = np.argsort(distances, axis=1, kind="stable")[:, :width]
    pure = np.flatnonzero((labels[near] == labels[:, None]).all(axis=1))
    if not pure.size:
        return values, labels
    first = rng.choice(pure, count)
    shares = rng.dirichlet(np.ones(width), count)
    new = np.einsum("nk,nkf->nf", shares, values[near[first]])
    return np.vstack([values, new]), np.concatenate([labels, labels[first]])


def _classes(values: Array) -> Array:
    """Replace each feature by the number of its class, of equally filled ones."""
    edges = np.quantile(values, np.linspace(0.0, 1.0, _BINS + 1)[1:-1], axis=0)
    return np.asarray((values[:, :, None] > edges.T[None]).sum(axis=2))


def _information(classes: Array, other: Array) -> Array:
    """Return the mutual information of each feature with one other variable [nat]."""
    size, n_features = classes.shape
    n_other = int(other.max()) + 1
    cells = (np.arange(n_features) * _BINS + classes) * n_other + other[:, None]
    counts = np.bincount(cells.ravel(), minlength=n_features * _BINS * n_other)
    joint = counts.reshape(n_features, _BINS, n_other) / size
    product = joint.sum(axis=2, keepdims=True) * joint.sum(axis=1, keepdims=True)
    ratio = np.where(joint > 0.0, joint / np.where(product > 0.0, product, 1.0), 1.0)
    return np.asarray((joint * np.log(ratio)).sum(axis=(1, 2)))
