"""Cubature by whole cells: all points of a cell join together, with one factor on their weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.reduction.cubature_problem import ReducedQuadrature


@dataclass(frozen=True, eq=False)
class CellMeans:
    """Each cell of this rank as one point: the mean of every integrand, and the cell's volume.

    A cubature of these is one of whole cells: the integral over a cell is its volume times the
    mean. `expanded` leads back to the points.

    Attributes
    ----------
    means
        Mean of each integrand over each cell [stress].
    volumes
        Of the cells [volume].
    cells
        Global numbers of the cells of this rank, ascending.
    """

    means: Float[Array, "n_integrands n_cells"]
    volumes: Float[Array, " n_cells"]
    cells: Int[Array, " n_cells"]

    @classmethod
    def of(
        cls,
        integrands: Float[Array, "n_integrands n_points"],
        weights: Float[Array, " n_points"],
        cell_of_point: Int[Array, " n_points"],
    ) -> CellMeans:
        """Average over cells, each of which lies on one rank.

        Parameters
        ----------
        integrands
            Training integrands at the points of this rank [stress].
        weights
            Full quadrature weights of this rank [volume]; some rules have negative ones.
        cell_of_point
            Global number of the cell of each point of this rank, ascending.

        Notes
        -----
        Collective: no. Mutates nothing.

        Examples
        --------
        >>> cells = CellMeans.of(
        ...     np.array([[1.0, 2.0, 5.0]]), np.array([1.0, 3.0, 2.0]), np.array([4, 4, 7]))
        >>> cells.means.tolist(), cells.volumes.tolist(), cells.cells.tolist()
        ([[1.75, 5.0]], [4.0, 2.0], [4, 7])
        """
        cells, first = np.unique(cell_of_point, return_index=True)
        volumes = np.add.reduceat(weights, first) if first.size else np.zeros(0)
        means = np.zeros((len(cells), len(integrands)))
        bounds = [*first, len(weights)]
        for number, (start, stop) in enumerate(pairwise(bounds)):
            means[number] = integrands[:, start:stop] @ weights[start:stop] / volumes[number]
        return cls(means.T, volumes, cells)


def expanded(
    rule: ReducedQuadrature,
    weights: Float[Array, " n_points"],
    numbers: Int[Array, " n_points"],
    cell_of_point: Int[Array, " n_points"],
    comm: Communicator,
) -> ReducedQuadrature:
    """Turn a rule on cells into one on all their points.

    Parameters
    ----------
    rule
        Global numbers of cells, and their weights [volume].
    weights
        Full quadrature weights of this rank [volume].
    numbers
        Global numbers of the points of this rank, ascending.
    cell_of_point
        Global number of the cell of each point of this rank, ascending.
    comm
        The ranks.

    Returns
    -------
    ReducedQuadrature
        The full weights times one positive factor for each cell: negative where the full ones are.

    Notes
    -----
    Collective: yes. Mutates nothing.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> rule = ReducedQuadrature(np.array([4]), np.array([8.0]), 0.0, 0.0, np.zeros(1))
    >>> on_points = expanded(rule, np.array([1.0, 3.0, 2.0]), np.arange(3), np.array([4, 4, 7]),
    ...     SerialCommunicator())
    >>> on_points.points.tolist(), on_points.weights.tolist()
    ([0, 1], [2.0, 6.0])
    """
    cells, place = np.unique(cell_of_point, return_inverse=True)
    volumes = np.bincount(place, weights=weights, minlength=len(cells))
    factors = np.zeros(len(cells))
    _, mine, chosen = np.intersect1d(cells, rule.points, return_indices=True)
    factors[mine] = rule.weights[chosen] / volumes[mine]
    inside = factors[place] > 0.0
    points = comm.concatenate(numbers[inside])
    scaled = comm.concatenate((factors[place] * weights)[inside])
    order = np.argsort(points)
    return replace(rule, points=points[order], weights=scaled[order])
