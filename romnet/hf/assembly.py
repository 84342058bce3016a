"""Strains, internal forces and tangent stiffness of this rank's cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.fe.discretization import BlockDiscretization, Discretization
from romnet.hf import native

_CHUNK_POINTS = 2**16  # points whose Jacobians are inverted together


@dataclass(frozen=True, eq=False)
class StiffnessPattern:
    """Where the entries of element matrices go in a sparse matrix: found once, used at each step.

    Nodes are coupled by full blocks, so the search is one over pairs of nodes. Within a row the
    columns ascend.

    Attributes
    ----------
    nodes, node_starts
        Pairs of coupled nodes as a sparse matrix over nodes: columns and row starts.
    indices, indptr
        Columns and row starts of the matrix over dofs.
    places
        For each block of cells, position of the first entry that couples two nodes of a cell, and
        the step from there to the next row of the first of them.
    """

    nodes: Int[Array, " n_pairs"]
    node_starts: Int[Array, " n_rows"]
    indices: Int[Array, " n_entries"]
    indptr: Int[Array, " n_dof_rows"]
    places: tuple[tuple[Int[Array, "_ _ _"], Int[Array, "_ _"]], ...]

    @classmethod
    def build(cls, discretization: Discretization) -> StiffnessPattern:
        """Find the pattern of a discretization; it holds the diagonal of every dof.

        Parameters
        ----------
        discretization
            Cells and points of this rank.

        Notes
        -----
        Collective: no. Cost: one sort of the pairs of nodes of all cells.
        """
        mesh = discretization.mesh
        n_nodes, n_dim = mesh.n_nodes, mesh.n_dim
        keys = [np.arange(n_nodes) * (n_nodes + 1)]
        keys += [_pairs(block, n_nodes).ravel() for block in discretization.blocks]
        pairs = np.unique(np.concatenate(keys))
        nodes = pairs % n_nodes
        starts = np.searchsorted(pairs, np.arange(n_nodes + 1) * n_nodes)
        del keys
        lengths = np.diff(starts) * n_dim
        places = []
        for block in discretization.blocks:
            rows = block.block.connectivity
            pair = np.searchsorted(pairs, _pairs(block, n_nodes))
            first = (starts[rows] * n_dim**2)[:, :, None]
            places.append(
                (
                    first + (pair - starts[rows][:, :, None]) * n_dim,
                    np.ascontiguousarray(lengths[rows]),
                )
            )
        indptr = np.concatenate([[0], np.cumsum(np.repeat(lengths, n_dim))])
        return cls(nodes, starts, expanded_columns(nodes, starts, n_dim), indptr, tuple(places))

    @property
    def n_entries(self) -> int:
        """Entries of the matrix."""
        return int(self.indices.size)


def expanded_columns(
    nodes: Int[Array, " n_pairs"], node_starts: Int[Array, " n_rows"], n_dim: int
) -> Int[Array, " n_entries"]:
    """Return the columns of a matrix over dofs from those of the matrix over nodes.

    Examples
    --------
    One node coupled with itself and with node 2, in the plane:

    >>> expanded_columns(np.array([0, 2]), np.array([0, 2]), 2).tolist()
    [0, 1, 4, 5, 0, 1, 4, 5]
    """
    dtype = np.int32 if nodes.size * n_dim**2 < np.iinfo(np.int32).max else np.int64
    columns = (nodes[:, None] * n_dim + np.arange(n_dim)).astype(dtype).ravel()
    lengths = np.diff(node_starts) * n_dim
    # Each row of a node repeats the columns of the node: count up within the row, from its start.
    starts = np.repeat(node_starts[:-1] * n_dim, n_dim)
    row_lengths = np.repeat(lengths, n_dim)
    ends = np.cumsum(row_lengths)
    within = np.arange(row_lengths.sum(), dtype=dtype)
    shift = np.repeat((starts - (ends - row_lengths)).astype(dtype), row_lengths)
    return np.asarray(columns[within + shift])


@dataclass(frozen=True, eq=False)
class CellOperators:
    """Displacement to strain and back, cell by cell, from stored gradients of shape functions.

    Takes a quarter of the memory of the sparse strain operator, and makes stiffness matrices.

    Attributes
    ----------
    discretization
        Cells and points of this rank.
    gradients
        For each block, gradients of the shape functions at its points [1/length].
    """

    discretization: Discretization
    gradients: tuple[Float[Array, "_ _ _ _"], ...]

    @classmethod
    def build(cls, discretization: Discretization) -> CellOperators:
        """Compute the gradients of all cells.

        Examples
        --------
        >>> from romnet.fe.discretization import discretize
        >>> from romnet.fe.structured import box_mesh
        >>> mesh = box_mesh((1.0, 1.0, 2.0), (1, 1, 1))
        >>> operators = CellOperators.build(discretize(mesh))
        >>> stretch = (mesh.nodes * (0.1, 0.0, 0.0)).ravel()
        >>> operators.strain(stretch)[0].round(9).tolist()
        [0.1, 0.0, 0.0, 0.0, 0.0, 0.0]
        """
        return cls(discretization, tuple(_gradients(block) for block in discretization.blocks))

    def strain(self, displacement: Float[Array, " n_dofs"]) -> Float[Array, "n_points n_c"]:
        """Return the strain at all points, Voigt order, engineering shear."""
        strain = np.empty((self.discretization.n_points, self.discretization.n_components))
        displacement = np.ascontiguousarray(displacement, dtype=float)
        for block, points, gradients in self._blocks():
            nodes = np.ascontiguousarray(block.block.connectivity)
            native.write_strain(gradients, nodes, displacement, strain[points])
        return strain

    def internal_force(self, stress: Float[Array, "n_points n_c"]) -> Float[Array, " n_dofs"]:
        r"""Return :math:`\int B^T \sigma` over this rank's cells."""
        force = np.zeros(self.discretization.n_dofs)
        stress = np.ascontiguousarray(stress, dtype=float)
        weights = self.discretization.weights
        for block, points, gradients in self._blocks():
            nodes = np.ascontiguousarray(block.block.connectivity)
            native.add_internal_force(gradients, nodes, weights[points], stress[points], force)
        return force

    def stiffness(
        self, pattern: StiffnessPattern, tangent: Float[Array, "n_points n_c n_c"]
    ) -> scipy.sparse.csr_matrix:
        r"""Return :math:`\int B^T C B` over this rank's cells; row of `tangent` = stress."""
        values = np.zeros(pattern.n_entries)
        tangent = np.ascontiguousarray(tangent, dtype=float)
        weights = self.discretization.weights
        for number, (_, points, gradients) in enumerate(self._blocks()):
            places = pattern.places[number]
            native.add_stiffness(gradients, weights[points], tangent[points], places, values)
        size = self.discretization.n_dofs
        return scipy.sparse.csr_matrix((values, pattern.indices, pattern.indptr), (size, size))

    def _blocks(self) -> list[tuple[BlockDiscretization, slice, Array]]:
        """Return each block with its points and gradients."""
        blocks = self.discretization.blocks
        points = [slice(block.first_point, block.first_point + block.n_points) for block in blocks]
        return list(zip(blocks, points, self.gradients, strict=True))


def internal_force(
    discretization: Discretization, stress: Float[Array, "n_points n_components"]
) -> Float[Array, " n_dofs"]:
    r"""Return :math:`\int B^T \sigma` over this rank's cells, once; see `CellOperators`.

    Parameters
    ----------
    discretization
        Cells and points of this rank.
    stress
        Stress at these points [stress].

    Notes
    -----
    Collective: no; the sum over ranks is the force. Mutates nothing.

    Examples
    --------
    A bar of section 2 under the stress 3 along x pulls at its end with 6:

    >>> from romnet.fe.discretization import discretize
    >>> from romnet.fe.structured import box_mesh
    >>> points = discretize(box_mesh((1.0, 1.0, 2.0), (1, 1, 1)))
    >>> force = internal_force(points, np.tile([3.0, 0.0, 0.0, 0.0, 0.0, 0.0], (8, 1)))
    >>> round(float(force.reshape(-1, 3)[points.mesh.node_sets["x1"], 0].sum()), 9)
    6.0
    """
    return CellOperators.build(discretization).internal_force(stress)


def stiffness(
    discretization: Discretization,
    pattern: StiffnessPattern,
    tangent: Float[Array, "n_points n_components n_components"],
) -> scipy.sparse.csr_matrix:
    r"""Return :math:`\int B^T C B` over this rank's cells, once; see `CellOperators`.

    Parameters
    ----------
    discretization
        Cells and points of this rank.
    pattern
        Its pattern.
    tangent
        Tangent at these points, row = stress component [stress].

    Notes
    -----
    Collective: no; the sum over ranks is the stiffness. Mutates nothing. Cost: one small matrix
    product for each cell.

    Examples
    --------
    >>> from romnet.fe.discretization import discretize
    >>> from romnet.fe.structured import box_mesh
    >>> points = discretize(box_mesh((1.0, 1.0, 1.0), (1, 1, 1)))
    >>> matrix = stiffness(points, StiffnessPattern.build(points), np.tile(np.eye(6), (8, 1, 1)))
    >>> stretch = (points.mesh.nodes * (1.0, 0.0, 0.0)).ravel()
    >>> round(float(stretch @ (matrix @ stretch)), 9)
    1.0
    """
    return CellOperators.build(discretization).stiffness(pattern, tangent)


def _gradients(block: BlockDiscretization) -> Array:
    """Return the gradients of a block, by chunks of cells."""
    shape = (block.n_cells, block.n_q, block.shape.shape[1], block.nodes.shape[1])
    gradients = np.empty(shape)
    size = max(1, _CHUNK_POINTS // block.n_q)
    for start in range(0, block.n_cells, size):
        gradients[start : start + size] = block.gradients_of(slice(start, start + size))
    return gradients


def _pairs(block: BlockDiscretization, n_nodes: int) -> Array:
    """Return a number for each pair of nodes of each cell: row * n_nodes + column."""
    nodes = block.block.connectivity
    return np.asarray(nodes[:, :, None] * n_nodes + nodes[:, None, :])
