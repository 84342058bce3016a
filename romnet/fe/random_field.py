"""Gaussian random fields by a truncated Karhunen-Loeve expansion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import eigh

from romnet.core.arrays import Array

_LANDMARKS = 400
_BLOCK = 256  # points at a time: their covariances with all landmarks stay in the cache


@dataclass(frozen=True, eq=False)
class KarhunenLoeve:
    r"""Centred Gaussian field with covariance :math:`a^2 \exp(-|x-y|^2 / 2 l^2)`, truncated.

    A draw is the sum of `modes` (see `at`) times independent standard normal numbers. Modes are
    those of the covariance between some well-spread points of the body, continued to all others
    by the Nystrom formula.

    Attributes
    ----------
    landmarks
        The well-spread points [length].
    factors
        Combination of covariances with the landmarks that makes each mode.
    amplitude
        Standard deviation *a* [of the field].
    length
        Correlation length *l* [length].
    energy
        Part of the variance that the modes hold, averaged over the landmarks [-].
    """

    landmarks: Float[Array, "n_landmarks n_dim"]
    factors: Float[Array, "n_landmarks n_modes"]
    amplitude: float
    length: float
    energy: float

    @classmethod
    def build(
        cls,
        nodes: Float[Array, "n_nodes n_dim"],
        *,
        amplitude: float,
        length: float,
        modes: int,
    ) -> KarhunenLoeve:
        """Find the modes of a field on a body.

        Parameters
        ----------
        nodes
            Points of the body, such as the nodes of its mesh [length].
        amplitude, length
            Standard deviation and correlation length, positive.
        modes
            How many to keep.

        Raises
        ------
        ValueError
            If amplitude or length is not positive, or there are fewer points than modes.

        Notes
        -----
        Collective: no. Deterministic: yes. Cost: 400 passes over the nodes, and the eigenvalues
        of a matrix of that size.

        Examples
        --------
        >>> line = np.linspace(0.0, 1.0, 101)[:, None]
        >>> field = KarhunenLoeve.build(line, amplitude=2.0, length=0.5, modes=4)
        >>> variance = (field.at(line) ** 2).sum(axis=1)
        >>> field.energy > 0.999, bool(abs(variance - 4.0).max() < 0.05)
        (True, True)
        """
        if not (amplitude > 0.0 and length > 0.0):
            message = f"amplitude and length must be positive, got {amplitude:g} and {length:g}."
            raise ValueError(message)
        landmarks = nodes[spread(nodes, min(_LANDMARKS, len(nodes)))]
        if not 1 <= modes <= len(landmarks):
            message = f"{len(landmarks)} points carry as many modes at most, got {modes}."
            raise ValueError(message)
        covariance = _covariance(landmarks, landmarks, length)
        wanted = (len(landmarks) - modes, len(landmarks) - 1)
        energies, vectors = eigh(covariance, subset_by_index=wanted)
        kept, directions = energies[::-1], vectors[:, ::-1]
        # Eigenvectors have no sign of their own: their largest entry shall be positive.
        largest = np.abs(directions).argmax(axis=0)
        directions = directions * np.sign(directions[largest, np.arange(modes)])
        return cls(
            landmarks=landmarks,
            factors=amplitude * directions / np.sqrt(np.maximum(kept, kept[0] * 1e-14)),
            amplitude=amplitude,
            length=length,
            energy=float(kept.sum() / np.trace(covariance)),
        )

    def at(self, points: Float[Array, "n_points n_dim"]) -> Float[Array, "n_points n_modes"]:
        """Return the modes, each times its standard deviation, at any points."""
        modes = np.empty((len(points), self.factors.shape[1]))
        for first in range(0, len(points), _BLOCK):
            block = slice(first, first + _BLOCK)
            modes[block] = _covariance(points[block], self.landmarks, self.length) @ self.factors
        return modes


def spread(nodes: Float[Array, "n_nodes n_dim"], count: int) -> Int[Array, " n_chosen"]:
    """Choose points one after the other, each farthest from those chosen before.

    Parameters
    ----------
    nodes
        Candidates; the first one chosen is nearest to their centre.
    count
        How many, at most as many as there are.

    Examples
    --------
    >>> spread(np.array([[0.0], [0.4], [0.5], [1.0]]), 3).tolist()
    [2, 0, 3]
    """
    # Coordinates lie one after the other: passes over long rows are many times as fast.
    coordinates = np.ascontiguousarray(nodes.T)

    def squares(place: Array) -> Array:
        return np.asarray(((coordinates - place[:, None]) ** 2).sum(axis=0))

    chosen = [int(squares(coordinates.mean(axis=1)).argmin())]
    distance = np.full(len(nodes), np.inf)
    while len(chosen) < count:
        distance = np.minimum(distance, squares(coordinates[:, chosen[-1]]))
        chosen.append(int(distance.argmax()))
    return np.array(chosen, dtype=np.int64)


def _covariance(points: Array, others: Array, length: float) -> Array:
    """Return the correlation of the field between two sets of points."""
    squares = (points**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)
    distance = squares - 2.0 * points @ others.T
    return np.asarray(np.exp(-0.5 * np.maximum(distance, 0.0) / length**2))
