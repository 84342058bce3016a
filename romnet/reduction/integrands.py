"""Integrands whose integrals the reduced quadrature must reproduce, read by chunks of points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.core.snapshots import SnapshotSource
from romnet.fe.discretization import Discretization
from romnet.fe.strains import strains_at
from romnet.reduction.tsqr import triangular_factor

# Singular values of the stresses below this part of the largest are rounding.
_ROUNDING = 1e-13
_CHUNK_POINTS = 16_384
# Values of a chunk where the memory allows more: below, the system hands out the same pages again.
CHUNK_VALUES = 2**21


@runtime_checkable
class Integrands(Protocol):
    """Functions on the integration points of this rank, read by chunks of points."""

    @property
    def n_functions(self) -> int:
        """Number of functions."""

    def chunks(self, n_points: int) -> Iterator[Float[Array, "n_functions _"]]:
        """Yield the values at consecutive points, so many at a time, all of this rank once."""

    def at(self, points: Int[Array, " n"]) -> Float[Array, "n_functions n"]:
        """Return the values at some points of this rank."""


@dataclass(frozen=True)
class VirtualWork:
    r"""Internal virtual work of stress snapshots in the strains of the modes.

    :math:`G_{(s,i),k} = \sum_c \sigma_s[k,c] \, E[k,c,i]` for every stress snapshot *s* and mode
    *i* (engineering shear in *E*).

    Attributes
    ----------
    stress
        Stress snapshots at the points of this rank, row = point * n_components + component.
    modes
        Displacement modes on the dofs of this rank.
    discretization
        Points and strain operator of this rank.
    """

    stress: SnapshotSource
    modes: Float[Array, "n_dofs n_modes"]
    discretization: Discretization

    @property
    def n_functions(self) -> int:
        """Stress snapshots times modes."""
        return self.stress.n_snapshots * int(self.modes.shape[1])

    def chunks(self, n_points: int) -> Iterator[Float[Array, "n_functions _"]]:
        """Yield the integrands by chunks of points."""
        for points in _slices(self.discretization.n_points, n_points):
            yield self.at(points)

    def at(self, points: Int[Array, " n"]) -> Float[Array, "n_functions n"]:
        """Return the integrands at some points, which ascend."""
        n_components = self.discretization.n_components
        stress = self.stress.rows(_rows(points, n_components))
        stress = stress.reshape(len(points), n_components, -1)
        strain = strains_at(self.discretization, points, self.modes)
        work = np.matmul(stress.transpose(0, 2, 1), strain)
        return np.asarray(work.reshape(len(points), -1).T)

    def condensed(self, weights: Float[Array, " n_points"], comm: Communicator) -> VirtualWork:
        r"""Replace the stress snapshots by as many fields as are independent.

        With the snapshots :math:`S = Q \Sigma V^T` in :math:`L^2(|w|)`, those fields are
        :math:`S V`: the integrands keep their Gram matrix, hence the cubature its selection. Only
        directions that are rounding are left out, because truncating stresses as a POD does would
        change the integrals themselves.

        Parameters
        ----------
        weights
            Full quadrature weights of this rank [volume].
        comm
            The ranks.

        Notes
        -----
        Collective: yes. Mutates nothing. Cost: one pass over the stresses, and the singular values
        of one ``n_snapshots x n_snapshots`` matrix. The fields are not stored, but combined when
        they are read.
        """
        n_components = self.discretization.n_components
        root = np.sqrt(np.abs(weights))

        def blocks() -> Iterator[Array]:
            size = max(self.stress.n_snapshots // n_components, _CHUNK_POINTS)
            for points in _slices(self.discretization.n_points, size):
                scales = np.repeat(root[points], n_components)
                yield scales[:, None] * self.stress.rows(_rows(points, n_components))

        factor = triangular_factor(blocks(), self.stress.n_snapshots, comm)
        if not np.isfinite(factor).all():
            return self  # the caller says so
        _, values, right = np.linalg.svd(factor)
        kept = right[values > _ROUNDING * values[0]]
        return VirtualWork(CombinedSource(self.stress, kept.T), self.modes, self.discretization)


@dataclass(frozen=True)
class ElasticWork:
    r"""Elastic stiffness of the modes: :math:`f_{ij} \, E_i : C : E_j` for all pairs.

    Attributes
    ----------
    tangent
        Elastic tangent at the points of this rank [stress].
    modes
        Displacement modes on the dofs of this rank.
    discretization
        Points and strain operator of this rank.
    factor
        Factors of the pairs.
    """

    tangent: Float[Array, "n_points n_components n_components"]
    modes: Float[Array, "n_dofs n_modes"]
    discretization: Discretization
    factor: Float[Array, "n_modes n_modes"]

    @classmethod
    def balanced(
        cls,
        tangent: Float[Array, "n_points n_components n_components"],
        work: VirtualWork,
        weights: Float[Array, " n_points"],
        comm: Communicator,
    ) -> ElasticWork:
        r"""Scale the stiffness to weigh as much as the integrals of the virtual work.

        Each pair is relative to :math:`\sqrt{K_{ii} K_{jj}}`, so that soft modes count as much as
        stiff ones.

        Parameters
        ----------
        tangent
            Elastic tangent at the points of this rank [stress].
        work
            The virtual work, which names modes and points.
        weights
            Full quadrature weights of this rank [volume].
        comm
            The ranks.

        Notes
        -----
        Collective: yes. Cost: one pass over the virtual work and the stiffness.
        """
        n = int(work.modes.shape[1])
        plain = cls(tangent, work.modes, work.discretization, np.ones((n, n)))
        both = comm.sum(integrals(StackedIntegrands((work, plain)), weights))
        loaded = float(np.linalg.norm(both[: work.n_functions]))
        stiffness = np.zeros((n, n))
        stiffness[np.triu_indices(n)] = both[work.n_functions :]
        diagonal = np.sqrt(np.abs(np.diag(stiffness)))
        pairs = np.outer(diagonal, diagonal)
        factor = np.divide(1.0, pairs, out=np.zeros_like(pairs), where=pairs > 0.0)
        size = float(np.linalg.norm((factor * stiffness)[np.triu_indices(n)]))
        return cls(tangent, work.modes, work.discretization, factor * (loaded or 1.0) / size)

    @property
    def n_functions(self) -> int:
        """Pairs of modes, each once."""
        n = int(self.modes.shape[1])
        return n * (n + 1) // 2

    def chunks(self, n_points: int) -> Iterator[Float[Array, "n_functions _"]]:
        """Yield the integrands by chunks of points."""
        for points in _slices(self.discretization.n_points, n_points):
            yield self.at(points)

    def at(self, points: Int[Array, " n"]) -> Float[Array, "n_functions n"]:
        """Return the integrands at some points."""
        upper = np.triu_indices(self.modes.shape[1])
        strain = strains_at(self.discretization, points, self.modes)
        stiffness = np.matmul(strain.transpose(0, 2, 1), self.tangent[points] @ strain)
        return np.asarray((self.factor * stiffness)[:, upper[0], upper[1]].T)


@dataclass(frozen=True)
class StackedIntegrands:
    """Several sets of functions on the same points.

    Attributes
    ----------
    parts
        The sets; their functions follow each other in this order.

    Examples
    --------
    >>> stacked = StackedIntegrands((TableIntegrands(np.eye(2)), TableIntegrands(np.ones((1, 2)))))
    >>> [chunk.tolist() for chunk in stacked.chunks(1)]
    [[[1.0], [0.0], [1.0]], [[0.0], [1.0], [1.0]]]
    """

    parts: tuple[Integrands, ...]

    @property
    def n_functions(self) -> int:
        """Functions of all parts."""
        return sum(part.n_functions for part in self.parts)

    def chunks(self, n_points: int) -> Iterator[Float[Array, "n_functions _"]]:
        """Yield the values by chunks of points."""
        for pieces in zip(*(part.chunks(n_points) for part in self.parts), strict=True):
            yield np.vstack(pieces)

    def at(self, points: Int[Array, " n"]) -> Float[Array, "n_functions n"]:
        """Return the values at some points."""
        return np.vstack([part.at(points) for part in self.parts])


@dataclass(frozen=True)
class TableIntegrands:
    """Functions held in memory.

    Attributes
    ----------
    values
        One row for each function (n_functions, n_points).
    """

    values: Float[Array, "n_functions n_points"]

    @property
    def n_functions(self) -> int:
        """Number of functions."""
        return len(self.values)

    def chunks(self, n_points: int) -> Iterator[Float[Array, "n_functions _"]]:
        """Yield the values by chunks of points."""
        for points in _slices(self.values.shape[1], n_points):
            yield self.values[:, points[0] : points[-1] + 1]

    def at(self, points: Int[Array, " n"]) -> Float[Array, "n_functions n"]:
        """Return the values at some points."""
        return np.asarray(self.values[:, points])


@dataclass(frozen=True)
class CombinedSource:
    """Linear combinations of snapshots, formed when they are read.

    Attributes
    ----------
    source
        The snapshots.
    combination
        One column for each combination.

    Examples
    --------
    >>> from romnet.core.snapshots import ArraySource
    >>> CombinedSource(ArraySource(np.eye(2)), np.array([[1.0], [2.0]])).column(0).tolist()
    [1.0, 2.0]
    """

    source: SnapshotSource
    combination: Float[Array, "n_snapshots n_combinations"]

    @property
    def n_rows(self) -> int:
        """Rows on this rank."""
        return self.source.n_rows

    @property
    def n_snapshots(self) -> int:
        """Combinations."""
        return int(self.combination.shape[1])

    def rows(self, numbers: Int[Array, " n"]) -> Float[Array, "n n_combinations"]:
        """Read some rows of all combinations."""
        return np.asarray(self.source.rows(numbers) @ self.combination)

    def column(self, number: int) -> Float[Array, " n_rows"]:
        """Read one combination."""
        total = np.zeros(self.n_rows)
        for snapshot, factor in enumerate(self.combination[:, number]):
            total += factor * self.source.column(snapshot)
        return total


def integrals(integrands: Integrands, weights: Float[Array, " n_points"]) -> Array:
    """Return this rank's part of the integrals of all functions (n_functions,).

    Notes
    -----
    Collective: no. Cost: one pass over the integrands.

    Examples
    --------
    >>> integrals(TableIntegrands(np.array([[1.0, 2.0, 3.0]])), np.array([1.0, 1.0, 0.5])).tolist()
    [4.5]
    """
    total = np.zeros(integrands.n_functions)
    size = max(1, CHUNK_VALUES // max(1, integrands.n_functions))
    for points, chunk in located(integrands, size):
        total += chunk @ weights[points]
    return total


def located(integrands: Integrands, n_points: int) -> Iterator[tuple[slice, Array]]:
    """Yield each chunk with its place among the points of this rank."""
    start = 0
    for chunk in integrands.chunks(n_points):
        yield slice(start, start + chunk.shape[1]), chunk
        start += chunk.shape[1]


def _slices(n_points: int, size: int) -> Iterator[Array]:
    """Yield the numbers of consecutive points, so many at a time."""
    for start in range(0, n_points, size):
        yield np.arange(start, min(start + size, n_points))


def _rows(points: Array, n_components: int) -> Array:
    """Return the rows of points in a flat field."""
    return np.asarray((points[:, None] * n_components + np.arange(n_components)).ravel())
