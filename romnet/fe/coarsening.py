"""From the corners of cells to all their nodes: the coarse space of quadratic meshes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_matrix

from romnet.core.arrays import Array
from romnet.fe.cells import CELLS
from romnet.fe.mesh import CellBlock, Mesh

_LINEAR = {
    "line": "line2",
    "tri": "tri3",
    "quad": "quad4",
    "tet": "tet4",
    "pyramid": "pyramid5",
    "wedge": "wedge6",
    "hex": "hex8",
}


@dataclass(frozen=True, eq=False)
class CornerInterpolation:
    """Linear fields of a mesh within its own nodes.

    Attributes
    ----------
    corners
        Nodes that are a corner of a cell, ascending.
    matrix
        Values at the corners to values at all nodes (n_nodes, n_corners); nodes of no cell get
        zero.
    """

    corners: Int[Array, " n_corners"]
    matrix: csr_matrix

    @classmethod
    def build(cls, mesh: Mesh) -> CornerInterpolation:
        """Interpolate between corners by the linear shape functions of the same cells.

        Parameters
        ----------
        mesh
            Conforming: a corner of one cell is no mid-side node of another.

        Notes
        -----
        Collective: no; on a subdomain the rows of its own cells' nodes are those of the whole
        mesh. Deterministic: yes. Cost: linear in the cells.

        Examples
        --------
        >>> from romnet.fe.structured import box_mesh
        >>> mesh = box_mesh((2.0, 1.0), (1, 1), "quad8")
        >>> linear = CornerInterpolation.build(mesh)
        >>> x = mesh.nodes[:, 0]
        >>> len(linear.corners), bool((linear.matrix @ x[linear.corners] == x).all())
        (4, True)
        """
        is_corner = np.zeros(mesh.n_nodes, dtype=bool)
        for block in mesh.blocks:
            is_corner[block.connectivity[:, : CELLS[block.cell_type].n_corners]] = True
        corners = np.flatnonzero(is_corner)
        column = np.cumsum(is_corner) - 1
        rows, columns, values = [corners], [column[corners]], [np.ones(corners.size)]
        known = is_corner.copy()
        for block in mesh.blocks:
            nodes, parents, shape = _between(block, known)
            known[nodes] = True
            rows.append(np.repeat(nodes, parents.shape[1]))
            columns.append(column[parents].ravel())
            values.append(shape.ravel())
        entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
        matrix = csr_matrix(entries, shape=(mesh.n_nodes, corners.size))
        matrix.eliminate_zeros()
        return cls(corners, matrix)


def _between(
    block: CellBlock, known: Bool[Array, " n_nodes"]
) -> tuple[Int[Array, " n"], Int[Array, "n n_corners"], Float[Array, "n n_corners"]]:
    """Return new nodes between corners, the corners of a cell they belong to, their weights."""
    cell = CELLS[block.cell_type]
    linear = CELLS[_LINEAR[cell.geometry]]
    weights = linear.shape(cell.nodes[cell.n_corners :])
    nodes, first = np.unique(block.connectivity[:, cell.n_corners :], return_index=True)
    new = ~known[nodes]
    nodes, first = nodes[new], first[new]
    cells, local = np.divmod(first, max(len(weights), 1))
    return nodes, block.connectivity[cells][:, : cell.n_corners], weights[local]
