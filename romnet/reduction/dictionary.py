"""Local reduced models, and which of them to ask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.reduction.classifier import Classifier
from romnet.reduction.model import ReducedModel

FALLBACK = -1


@dataclass(frozen=True)
class Choice:
    """Which model to ask for an input field, and why.

    Attributes
    ----------
    cluster
        Position of the local model, or ``FALLBACK`` for the global one.
    probability
        How surely the field belongs to that cluster [-].
    distance
        From the nearest field learnt from, over the distance that counts as familiar [-].
    reason
        Why the global model is asked; empty for a local one.
    """

    cluster: int
    probability: float
    distance: float
    reason: str = ""


@dataclass(frozen=True)
class Dictionary:
    """One reduced model for each cluster of simulations, and a global one for all others.

    Attributes
    ----------
    models
        Local models, by cluster.
    fallback
        Global model, asked outside of what was learnt.
    medoids
        Numbers of the simulations that stand for the clusters.
    classifier
        From input fields to clusters.
    smallest_probability
        Below it no local model is trusted [-].
    """

    models: tuple[ReducedModel, ...]
    fallback: ReducedModel
    medoids: Int[Array, " n_clusters"]
    classifier: Classifier
    smallest_probability: float = 0.5

    def __post_init__(self) -> None:
        """Refuse a number of models that is not that of the medoids."""
        if len(self.models) != self.medoids.size:
            message = f"{len(self.models)} local models, but {self.medoids.size} medoids."
            raise ValueError(message)

    @property
    def common_points(self) -> bool:
        """Whether all local models integrate the laws at the same points.

        Then a state means the same to all of them, and one can take over from another.
        """
        first = np.sort(self.models[0].points)
        return all(np.array_equal(first, np.sort(model.points)) for model in self.models[1:])

    def choose(self, field: Float[Array, " n_nodes"]) -> Choice:
        """Choose the model for an input field at the nodes.

        Parameters
        ----------
        field
            Whole field, in the order of the nodes the classifier learnt from.

        Notes
        -----
        Collective: no. Deterministic: yes. Mutates nothing. Cost: independent of the mesh; the
        values at some dozens of nodes are looked at.
        """
        fields = field[None]
        told = self.classifier.probabilities(fields)[0]
        cluster = int(told.argmax())
        probability = float(told[cluster])
        reach = self.classifier.reach
        distance = float(self.classifier.distances(fields)[0])
        relative = distance / reach if reach > 0.0 else 0.0 if distance == 0.0 else float("inf")
        if not np.isfinite(relative) or relative > 1.0:
            reason = f"the field is {relative:.1f} times as far from those learnt as is familiar"
            return Choice(FALLBACK, probability, relative, reason)
        if probability < self.smallest_probability:
            reason = f"the most probable cluster, {cluster}, is only {probability:.0%} sure"
            return Choice(FALLBACK, probability, relative, reason)
        return Choice(cluster, probability, relative)

    def model(self, choice: Choice) -> ReducedModel:
        """Return the model of a choice."""
        return self.fallback if choice.cluster == FALLBACK else self.models[choice.cluster]


def regret(errors: Float[Array, "n n_clusters"], chosen: Int[Array, " n"]) -> Float[Array, " n"]:
    """Return the error with the chosen cluster over that with the best one.

    Examples
    --------
    >>> regret(np.array([[0.1, 0.2], [0.3, 0.1]]), np.array([1, 1])).tolist()
    [2.0, 1.0]
    """
    smallest = np.maximum(errors.min(axis=1), np.finfo(float).tiny)
    return np.asarray(errors[np.arange(len(errors)), chosen] / smallest)
