"""How good a mesh is: shape of its cells, nodes that are twice there or nowhere used, its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from romnet.core.arrays import Array
from romnet.fe.cells import CELLS, ReferenceCell
from romnet.fe.discretization import discretize_for_mass
from romnet.fe.faces import shared_faces
from romnet.fe.mesh import CellBlock, Mesh

FLAT = 0.01
_SAME_PLACE = 1e-8
# Volume that three unit edges span at a corner of the regular cell (area in the plane).
_REGULAR = {
    "tri": sqrt(3.0) / 2.0,
    "quad": 1.0,
    "tet": sqrt(2.0) / 2.0,
    "pyramid": sqrt(2.0) / 2.0,
    "wedge": sqrt(3.0) / 2.0,
    "hex": 1.0,
}


@dataclass(frozen=True)
class MeshQuality:
    """Figures on a mesh.

    Attributes
    ----------
    cells
        Number of cells of each formulation.
    inverted
        Numbers of the cells with a Jacobian determinant that is not positive.
    flat
        Numbers of the cells that are not inverted and whose scaled Jacobian is below 0.01.
    worst_scaled_jacobian
        Smallest over all corners of all cells: 1 in a regular cell, negative in an inverted one.
    worst_cell
        The cell that has it.
    duplicates
        Pairs of nodes at the same place (n_pairs, 2).
    orphans
        Nodes of no cell.
    twins
        Cells that have the same nodes as a cell before them.
    part_sizes
        Cells of each connected part, the largest first.
    piece_sizes
        Cells of each piece whose cells hang together by whole faces, the largest first; more
        pieces than parts turn on one another as on hinges.
    """

    cells: Mapping[str, int]
    inverted: Int[Array, " n_inverted"]
    flat: Int[Array, " n_flat"]
    worst_scaled_jacobian: float
    worst_cell: int
    duplicates: Int[Array, "n_pairs 2"]
    orphans: Int[Array, " n_orphans"]
    twins: Int[Array, " n_twins"]
    part_sizes: Int[Array, " n_parts"]
    piece_sizes: Int[Array, " n_pieces"]


def mesh_quality(mesh: Mesh) -> MeshQuality:
    """Look at every cell and node of a mesh.

    Parameters
    ----------
    mesh
        At least one cell.

    Raises
    ------
    ValueError
        If the mesh has no cell.
    StudyError
        If a formulation is unknown.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing. Cost: a few passes over the cells, one
    search tree of the nodes.

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> found = mesh_quality(box_mesh((1.0, 1.0, 1.0), (2, 1, 1)))
    >>> found.cells, round(found.worst_scaled_jacobian, 12), found.part_sizes.tolist()
    ({'romnet:hex8': 2}, 1.0, [2])
    """
    if mesh.n_cells == 0:
        message = "a mesh without cells has no quality."
        raise ValueError(message)
    scaled = np.concatenate([_scaled_jacobians(mesh, block) for block in mesh.blocks])
    inverted = _inverted(mesh) | (scaled <= 0.0)
    counts: dict[str, int] = {}
    for block in mesh.blocks:
        counts[block.formulation] = counts.get(block.formulation, 0) + len(block.connectivity)
    used = np.zeros(mesh.n_nodes, dtype=bool)
    for block in mesh.blocks:
        used[block.connectivity] = True
    return MeshQuality(
        cells=counts,
        inverted=np.flatnonzero(inverted),
        flat=np.flatnonzero(~inverted & (scaled < FLAT)),
        worst_scaled_jacobian=float(scaled.min()),
        worst_cell=int(scaled.argmin()),
        duplicates=_duplicates(mesh.nodes),
        orphans=np.flatnonzero(~used),
        twins=_twins(mesh),
        part_sizes=_part_sizes(mesh),
        piece_sizes=_piece_sizes(mesh),
    )


def _scaled_jacobians(mesh: Mesh, block: CellBlock) -> Float[Array, " n_cells"]:
    """Return the smallest scaled Jacobian over the corners of each cell."""
    cell = CELLS[block.cell_type]
    corners = mesh.nodes[block.connectivity[:, : cell.n_corners]]
    worst = np.full(len(corners), np.inf)
    for corner, neighbours, sign in _corner_edges(cell):
        edges = corners[:, list(neighbours)] - corners[:, [corner]]
        lengths = np.linalg.norm(edges, axis=2).prod(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            spanned = sign * np.linalg.det(edges) / lengths
        worst = np.minimum(worst, np.where(lengths > 0.0, spanned, 0.0))
    return np.asarray(np.minimum(worst / _REGULAR[cell.geometry], 1.0))


def _corner_edges(cell: ReferenceCell) -> list[tuple[int, tuple[int, ...], float]]:
    """Return each corner where as many edges meet as there are directions, and their sense."""
    neighbours: dict[int, set[int]] = {corner: set() for corner in range(cell.n_corners)}
    for face_type, nodes in cell.faces:
        ring = [node for node in nodes[: CELLS[face_type].n_corners] if node < cell.n_corners]
        for one, other in zip(ring, ring[1:] + ring[:1], strict=True):
            if one != other:
                neighbours[one].add(other)
                neighbours[other].add(one)
    found = []
    for corner, others in neighbours.items():
        if len(others) == cell.n_dim:
            ends = tuple(sorted(others))
            edges = cell.nodes[list(ends)] - cell.nodes[corner]
            found.append((corner, ends, float(np.sign(np.linalg.det(edges)))))
    return found


def _inverted(mesh: Mesh) -> Array:
    """Return which cells have a determinant that is not positive at a point of the mass rule."""
    parts = []
    for block in discretize_for_mass(mesh).blocks:
        determinants = block.determinants_at(np.arange(block.n_points))
        parts.append(~(determinants.reshape(block.n_cells, block.n_q) > 0.0).all(axis=1))
    return np.concatenate(parts)


def _duplicates(nodes: Float[Array, "n_nodes n_dim"]) -> Int[Array, "n_pairs 2"]:
    """Return pairs of nodes at the same place."""
    size = float(np.ptp(nodes, axis=0).max()) or 1.0
    # In parts of the size, so that squares neither overflow nor vanish.
    pairs = cKDTree(nodes / size).query_pairs(_SAME_PLACE, output_type="ndarray")
    return np.asarray(pairs[np.lexsort(pairs.T[::-1])], dtype=np.int64)


def _part_sizes(mesh: Mesh) -> Int[Array, " n_parts"]:
    """Return the number of cells of each connected part, the largest first."""
    ones, others = [], []
    for block in mesh.blocks:
        first = np.repeat(block.connectivity[:, :1], block.connectivity.shape[1] - 1, axis=1)
        ones.append(first.ravel())
        others.append(block.connectivity[:, 1:].ravel())
    rows, columns = np.concatenate(ones), np.concatenate(others)
    graph = coo_matrix((np.ones(rows.size), (rows, columns)), shape=(mesh.n_nodes, mesh.n_nodes))
    _, labels = connected_components(graph, directed=False)
    first_nodes = np.concatenate([block.connectivity[:, 0] for block in mesh.blocks])
    sizes = np.unique(labels[first_nodes], return_counts=True)[1]
    return np.asarray(np.sort(sizes)[::-1], dtype=np.int64)


def _piece_sizes(mesh: Mesh) -> Int[Array, " n_pieces"]:
    """Return the number of cells of each piece joined by faces, the largest first."""
    pairs = shared_faces(mesh)
    size = (mesh.n_cells, mesh.n_cells)
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=size)
    _, labels = connected_components(graph, directed=False)
    return np.asarray(np.sort(np.bincount(labels))[::-1], dtype=np.int64)


def _twins(mesh: Mesh) -> Int[Array, " n_twins"]:
    """Return the cells whose nodes are those of a cell before them."""
    found, first = [np.zeros(0, dtype=np.int64)], 0
    for block in mesh.blocks:
        rows = np.sort(block.connectivity, axis=1)
        order = np.lexsort(rows.T)
        alike = (rows[order[1:]] == rows[order[:-1]]).all(axis=1)
        found.append(first + order[1:][alike])
        first += len(rows)
    return np.sort(np.concatenate(found))
