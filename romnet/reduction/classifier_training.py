"""Learning to tell clusters from input fields; scikit-learn fits, plain arrays remain."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize_scalar

from romnet.core.arrays import Array
from romnet.reduction.classifier import (
    Classifier,
    KernelMachine,
    Kind,
    Layer,
    Network,
    raw_scores,
    softmax,
)
from romnet.reduction.features import augmented, telling_features, thinned

# A field is familiar within twice the largest distance of examples from one another's nearest.
_REACH = 2.0


@dataclass(frozen=True)
class Learning:
    """How to learn.

    Attributes
    ----------
    kind
        What is fitted.
    nodes
        Nodes left after thinning out the mesh.
    features
        Of these, how many are looked at.
    augmentation
        Convex combinations added, for each field given [-].
    folds
        Parts for the held-out accuracy and the calibration; zero: neither (a stack needs them).
    hidden
        Width of the hidden layer of a network.
    penalty
        Weight of the regularisation, the inverse of C of scikit-learn.
    """

    kind: Kind = Kind.LOGISTIC
    nodes: int = 300
    features: int = 40
    augmentation: float = 2.0
    folds: int = 5
    hidden: int = 32
    penalty: float = 0.1


def learn(
    fields: Float[Array, "n n_nodes"],
    places: Float[Array, "n_nodes n_dim"],
    labels: Int[Array, " n"],
    *,
    learning: Learning = Learning(),
    rng: np.random.Generator,
) -> Classifier:
    """Learn the clusters of simulations from their input fields.

    The mesh is thinned out, the most telling nodes are selected, fields are added by convex
    combination within label-pure neighbourhoods [1]_, and a classifier is fitted. Probabilities
    are calibrated by one temperature, on fields held out.

    Parameters
    ----------
    fields
        Input fields at the nodes of the mesh, one row each.
    places
        Coordinates of the nodes [length].
    labels
        Cluster of each simulation, from 0; each one occurs.
    learning
        How.
    rng
        Source of all choices.

    Returns
    -------
    Classifier
        With its accuracy on fields held out.

    Raises
    ------
    ValueError
        If the labels are not 0, 1, ... or there are fewer fields than folds.

    Notes
    -----
    Collective: no; rank 0 learns where the fields are whole. Deterministic: yes, for a given state
    of `rng`, which is advanced. Mutates nothing else.

    References
    ----------
    .. [1] T. Daniel, F. Casenave, N. Akkari, D. Ryckelynck, "Data augmentation and feature
       selection for automatic model recommendation in computational physics", Math. Comput. Appl.
       26 (2021) 17.

    Examples
    --------
    >>> line = np.linspace(0.0, 1.0, 20)
    >>> fields = np.vstack([np.outer(np.arange(1.0, 11.0), line)] + [np.outer(np.arange(1.0, 11.0),
    ...     1.0 - line)])
    >>> labels = np.repeat([0, 1], 10)
    >>> found = learn(fields, line[:, None], labels, rng=np.random.default_rng(0))
    >>> found.accuracy > 0.9, found.clusters(fields[[0, 15]]).tolist()
    (True, [0, 1])
    """
    n_clusters = int(labels.max()) + 1
    if set(labels.tolist()) != set(range(n_clusters)):
        message = f"labels must be 0 to {n_clusters - 1}, each at least once."
        raise ValueError(message)
    if len(labels) < learning.folds:
        message = f"{len(labels)} fields cannot be divided into {learning.folds} folds."
        raise ValueError(message)
    seed = int(rng.integers(2**31))
    if not learning.folds:
        return _fitted(fields, places, labels, learning, seed)
    part = rng.permutation(np.arange(len(labels)) % learning.folds)
    held_out = np.zeros((len(labels), n_clusters))
    for fold in range(learning.folds):
        kept, out = part != fold, part == fold
        # A fold may lack a cluster altogether.
        present, known = np.unique(labels[kept], return_inverse=True)
        found = _fitted(fields[kept], places, known, learning, seed)
        scores = _scores(found, fields[out])
        held_out[np.ix_(out, np.setdiff1d(np.arange(n_clusters), present))] = scores.min() - 1.0
        held_out[np.ix_(out, present)] = scores
    whole = _fitted(fields, places, labels, learning, seed)
    return replace(
        whole,
        temperature=_temperature(held_out, labels),
        accuracy=float((held_out.argmax(axis=1) == labels).mean()),
    )


def _fitted(
    fields: Array, places: Array, labels: Array, learning: Learning, seed: int
) -> Classifier:
    """Fit a classifier that is not calibrated yet."""
    rng = np.random.default_rng(seed)
    nodes = thinned(places, learning.nodes)
    nodes = nodes[telling_features(fields[:, nodes], labels, learning.features)]
    values = fields[:, nodes]
    mean, scale = values.mean(axis=0), values.std(axis=0)
    scale = np.where(scale > 0.0, scale, 1.0)
    examples = (values - mean) / scale
    more, their = augmented(examples, labels, int(learning.augmentation * len(labels)), rng)
    networks: tuple[Network, ...] = ()
    machines: tuple[KernelMachine, ...] = ()
    combination = None
    if len(set(labels.tolist())) == 1:
        networks = (Network((Layer(np.zeros((nodes.size, 1)), np.zeros(1)),)),)
    elif learning.kind is Kind.LOGISTIC:
        networks = (_logistic(more, their, learning),)
    elif learning.kind is Kind.MLP:
        networks = (_network(more, their, learning, seed),)
    elif learning.kind is Kind.SVM:
        machines = (_machine(more, their, learning),)
    else:
        networks = (_logistic(more, their, learning), _network(more, their, learning, seed))
        machines = (_machine(more, their, learning),)
        combination = _combination(examples, labels, learning, seed)
    return Classifier(
        nodes=nodes,
        mean=mean,
        scale=scale,
        networks=networks,
        machines=machines,
        combination=combination,
        temperature=1.0,
        examples=examples,
        reach=_reach(examples),
        accuracy=float("nan"),
    )


def _logistic(features: Array, labels: Array, learning: Learning) -> Network:
    """Fit a multinomial logistic regression."""
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fit that stops early is judged by its accuracy
        found = LogisticRegression(C=1.0 / learning.penalty, max_iter=200).fit(features, labels)
    weights, bias = found.coef_.T, found.intercept_
    if weights.shape[1] == 1:
        # Two clusters have one score; the other is zero.
        weights, bias = np.hstack([np.zeros_like(weights), weights]), np.array([0.0, *bias])
    return Network((Layer(np.ascontiguousarray(weights), bias),))


def _network(features: Array, labels: Array, learning: Learning, seed: int) -> Network:
    """Fit a network of one hidden layer."""
    from sklearn.neural_network import MLPClassifier

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = MLPClassifier(
            (learning.hidden,),
            alpha=learning.penalty,
            solver="lbfgs",
            max_iter=100,
            random_state=seed,
        ).fit(features, labels)
    (first, second), (before, after) = found.coefs_, found.intercepts_
    if second.shape[1] == 1:
        second, after = np.hstack([np.zeros_like(second), second]), np.array([0.0, *after])
    return Network((Layer(first, before), Layer(second, after)))


def _machine(features: Array, labels: Array, learning: Learning) -> KernelMachine:
    """Fit support vectors for each cluster against the rest."""
    from sklearn.svm import SVC

    gamma = 1.0 / (features.shape[1] * max(float(features.var()), 1e-300))
    n_clusters = int(labels.max()) + 1
    coefficients, bias = np.zeros((len(features), n_clusters)), np.zeros(n_clusters)
    for cluster in range(n_clusters):
        found = SVC(C=1.0 / learning.penalty, gamma=gamma).fit(features, labels == cluster)
        coefficients[found.support_, cluster] = found.dual_coef_[0]
        bias[cluster] = found.intercept_[0]
    used = coefficients.any(axis=1)
    return KernelMachine(features[used], gamma, Layer(coefficients[used], bias))


def _combination(features: Array, labels: Array, learning: Learning, seed: int) -> Layer:
    """Learn to combine the members from what they say of fields they did not see."""
    rng = np.random.default_rng(seed)
    n_clusters = int(labels.max()) + 1
    part = rng.permutation(np.arange(len(labels)) % learning.folds)
    told = np.zeros((len(labels), 3 * n_clusters))
    for fold in range(learning.folds):
        kept, out = part != fold, part == fold
        present, known = np.unique(labels[kept], return_inverse=True)
        count = int(learning.augmentation * kept.sum())
        more, their = augmented(features[kept], known, count, rng)
        members: tuple[Network | KernelMachine, ...] = (
            _logistic(more, their, learning),
            _network(more, their, learning, seed),
            _machine(more, their, learning),
        )
        for place, member in enumerate(members):
            columns = place * n_clusters + present
            told[np.ix_(out, columns)] = softmax(member.scores(features[out]))
    return _logistic(told, labels, learning).layers[0]


def _scores(found: Classifier, fields: Array) -> Array:
    """Return the scores of whole fields before calibration."""
    members: tuple[Network | KernelMachine, ...] = (*found.networks, *found.machines)
    return raw_scores(found.features(fields), members, found.combination)


def _temperature(scores: Array, labels: Array) -> float:
    """Return the temperature under which held-out labels are most likely."""

    def loss(logarithm: float) -> float:
        told = softmax(scores / np.exp(logarithm))[np.arange(len(labels)), labels]
        return float(-np.log(np.maximum(told, 1e-12)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-3.0, 4.0), method="bounded").x))


def _reach(examples: Array) -> float:
    """Return the distance within which a field is familiar."""
    square = (examples**2).sum(axis=1)
    distances = square[:, None] + square - 2.0 * examples @ examples.T
    np.fill_diagonal(distances, np.inf)
    nearest = np.sqrt(np.maximum(distances.min(axis=1), 0.0))
    return float(_REACH * nearest.max()) if len(examples) > 1 else float("inf")
