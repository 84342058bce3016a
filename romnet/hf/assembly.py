"""Internal forces and tangent stiffness of this rank's cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.fe.discretization import BlockDiscretization, Discretization, element_strain_matrices

_CHUNK_VALUES = 2**23  # 64 MB of strain matrices at a time


@dataclass(frozen=True)
class StiffnessPattern:
    """Where the entries of element matrices go in a sparse matrix: found once, used at each step.

    Attributes
    ----------
    indices, indptr
        Column numbers and row starts of the sparse matrix.
    places
        For each block of cells, position in the values of every entry of every element matrix.
    """

    indices: Int[Array, " n_entries"]
    indptr: Int[Array, " n_rows"]
    places: tuple[Int[Array, " _"], ...]

    @classmethod
    def build(cls, discretization: Discretization) -> StiffnessPattern:
        """Find the pattern of a discretization; it holds the diagonal of every dof.

        Parameters
        ----------
        discretization
            Cells and points of this rank.

        Notes
        -----
        Collective: no. Cost: one sort of the entries of all element matrices.
        """
        n_dofs = discretization.n_dofs
        keys = [np.arange(n_dofs) * (n_dofs + 1)]
        for block in discretization.blocks:
            dofs = block.cell_dofs
            keys.append((dofs[:, :, None] * n_dofs + dofs[:, None, :]).ravel())
        entries, places = np.unique(np.concatenate(keys), return_inverse=True)
        indptr = np.searchsorted(entries, np.arange(n_dofs + 1) * n_dofs)
        starts = np.cumsum([len(key) for key in keys])[:-1]
        _, *of_blocks = np.split(places, starts)
        return cls(entries % n_dofs, indptr, tuple(of_blocks))


def internal_force(
    discretization: Discretization, stress: Float[Array, "n_points n_components"]
) -> Float[Array, " n_dofs"]:
    r"""Return :math:`\int B^T \sigma` over this rank's cells.

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
    weighted = (discretization.weights[:, None] * stress).ravel()
    return np.asarray(discretization.strain_operator.T @ weighted)


def stiffness(
    discretization: Discretization,
    pattern: StiffnessPattern,
    tangent: Float[Array, "n_points n_components n_components"],
) -> scipy.sparse.csr_matrix:
    r"""Return :math:`\int B^T C B` over this rank's cells.

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
    values = np.zeros(len(pattern.indices))
    weighted = discretization.weights[:, None, None] * tangent
    start = 0
    for block, places in zip(discretization.blocks, pattern.places, strict=True):
        stop = start + block.n_points
        shape = (block.n_cells, block.n_q, *tangent.shape[1:])
        elements = _element_matrices(block, weighted[start:stop].reshape(shape))
        values += np.bincount(places, weights=elements.ravel(), minlength=len(values))
        start = stop
    size = discretization.n_dofs
    return scipy.sparse.csr_matrix((values, pattern.indices, pattern.indptr), shape=(size, size))


def _element_matrices(block: BlockDiscretization, weighted: Array) -> Array:
    """Integrate B^T C B on each cell, by chunks of cells."""
    n_cells, n_points, n_components = weighted.shape[:3]
    n_dofs = block.cell_dofs.shape[1]
    elements = np.empty((n_cells, n_dofs, n_dofs))
    size = max(1, _CHUNK_VALUES // (n_points * n_components * n_dofs))
    for start in range(0, n_cells, size):
        cells = slice(start, start + size)
        strain = element_strain_matrices(block, cells)
        forces = np.matmul(weighted[cells], strain)
        rows = (len(strain), n_points * n_components, n_dofs)
        np.matmul(
            strain.reshape(rows).transpose(0, 2, 1), forces.reshape(rows), out=elements[cells]
        )
    return elements
