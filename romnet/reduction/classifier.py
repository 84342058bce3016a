"""From an input field to the cluster of its simulation, in plain arrays that need no library."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array


class Kind(Enum):
    """Kinds of classifiers."""

    LOGISTIC = "multinomial logistic regression"
    SVM = "support vectors with a Gaussian kernel, one against the rest"
    MLP = "network with one hidden layer"
    STACK = "the three others, combined by logistic regression"


@dataclass(frozen=True)
class Layer:
    """An affine map.

    Attributes
    ----------
    weights
        (n_in, n_out).
    bias
        (n_out,).
    """

    weights: Float[Array, "n_in n_out"]
    bias: Float[Array, " n_out"]

    def __call__(self, values: Float[Array, "n n_in"]) -> Float[Array, "n n_out"]:
        """Map rows."""
        return np.asarray(values @ self.weights + self.bias)


@dataclass(frozen=True)
class Network:
    """Affine maps with max(0, x) between them; one of them is logistic regression.

    Attributes
    ----------
    layers
        First to last.
    """

    layers: tuple[Layer, ...]

    def scores(self, features: Float[Array, "n n_features"]) -> Float[Array, "n n_clusters"]:
        """Return the score of each cluster."""
        values = features
        for layer in self.layers[:-1]:
            values = np.maximum(layer(values), 0.0)
        return self.layers[-1](values)


@dataclass(frozen=True)
class KernelMachine:
    r"""Sums of :math:`\exp(-\gamma \|x - x_i\|^2)`.

    Attributes
    ----------
    points
        :math:`x_i` (n_points, n_features).
    gamma
        :math:`\gamma`.
    layer
        What makes scores of the kernels.
    """

    points: Float[Array, "n_points n_features"]
    gamma: float
    layer: Layer

    def scores(self, features: Float[Array, "n n_features"]) -> Float[Array, "n n_clusters"]:
        """Return the score of each cluster."""
        return self.layer(np.exp(-self.gamma * _squares(features, self.points)))


@dataclass(frozen=True)
class Classifier:
    """Says the cluster of an input field, how surely, and how strange the field is.

    Attributes
    ----------
    nodes
        Nodes at which it looks at the field (n_features,).
    mean, scale
        What makes features of the values there.
    networks, machines
        Its members.
    combination
        What makes scores of the probabilities of several members; None if there is one.
    temperature
        Scores are divided by it, so that probabilities are frequencies on held-out fields [-].
    examples
        Features of the fields it learnt from (n_examples, n_features).
    reach
        Distance from the nearest example within which a field is familiar [-].
    accuracy
        Part of held-out fields whose cluster it told [-].
    """

    nodes: Int[Array, " n_features"]
    mean: Float[Array, " n_features"]
    scale: Float[Array, " n_features"]
    networks: tuple[Network, ...]
    machines: tuple[KernelMachine, ...]
    combination: Layer | None
    temperature: float
    examples: Float[Array, "n_examples n_features"]
    reach: float
    accuracy: float

    def features(self, fields: Float[Array, "n n_nodes"]) -> Float[Array, "n n_features"]:
        """Return what it looks at of whole fields."""
        return np.asarray((fields[:, self.nodes] - self.mean) / self.scale)

    def probabilities(self, fields: Float[Array, "n n_nodes"]) -> Float[Array, "n n_clusters"]:
        """Return the probability of each cluster for whole fields at the nodes.

        Notes
        -----
        Collective: no. Deterministic: yes. Cost: independent of the number of nodes.
        """
        scores = raw_scores(
            self.features(fields), (*self.networks, *self.machines), self.combination
        )
        return softmax(scores / self.temperature)

    def clusters(self, fields: Float[Array, "n n_nodes"]) -> Int[Array, " n"]:
        """Return the most probable cluster of each field."""
        return np.asarray(self.probabilities(fields).argmax(axis=1))

    def distances(self, fields: Float[Array, "n n_nodes"]) -> Float[Array, " n"]:
        """Return how far each field is from the nearest example, in features [-]."""
        squares = _squares(self.features(fields), self.examples)
        return np.asarray(np.sqrt(np.maximum(squares.min(axis=1), 0.0)))


def raw_scores(
    features: Float[Array, "n n_features"],
    members: tuple[Network | KernelMachine, ...],
    combination: Layer | None,
) -> Float[Array, "n n_clusters"]:
    """Return scores before calibration.

    Examples
    --------
    >>> one = Network((Layer(np.eye(2), np.zeros(2)),))
    >>> raw_scores(np.array([[1.0, 3.0]]), (one,), None).tolist()
    [[1.0, 3.0]]
    """
    scores = [member.scores(features) for member in members]
    if combination is None:
        return scores[0]
    return combination(np.hstack([softmax(part) for part in scores]))


def softmax(scores: Float[Array, "n n_clusters"]) -> Float[Array, "n n_clusters"]:
    """Return probabilities in proportion to the exponentials of scores.

    Examples
    --------
    >>> softmax(np.array([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _squares(first: Array, second: Array) -> Array:
    """Return the squared distances between the rows of two sets."""
    norms = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)
    return np.asarray(np.maximum(norms - 2.0 * first @ second.T, 0.0))
