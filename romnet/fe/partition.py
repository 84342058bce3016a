"""The part of a mesh that one rank holds, and the graph that partitioners cut."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Int
from scipy.sparse import csr_matrix

from romnet.core.arrays import Array
from romnet.fe.faces import shared_faces
from romnet.fe.formulations import formulation
from romnet.fe.mesh import CellBlock, FaceSet, Mesh


@dataclass(frozen=True, eq=False)
class Subdomain:
    """Cells of one rank, with the numbers that they have in the whole mesh.

    Attributes
    ----------
    mesh
        Own cells and their nodes, numbered locally in the order of the whole mesh; sets are
        restricted and renumbered, and keep their names even where nothing of them is left.
    nodes
        Global number of each local node, ascending.
    owned
        Whether this rank owns each local node: the lowest-numbered part that touches it does.
    cells, points
        Global numbers of the local cells and integration points, ascending.
    n_global_nodes, n_global_cells, n_global_points
        Sizes of the whole mesh.
    """

    mesh: Mesh
    nodes: Int[Array, " n_nodes"]
    owned: Bool[Array, " n_nodes"]
    cells: Int[Array, " n_cells"]
    points: Int[Array, " n_points"]
    n_global_nodes: int
    n_global_cells: int
    n_global_points: int

    @property
    def dofs(self) -> Int[Array, " n_dofs"]:
        """Global number of each local dof."""
        n_dim = self.mesh.n_dim
        return np.asarray((self.nodes[:, None] * n_dim + np.arange(n_dim)).ravel())

    @property
    def owned_dofs(self) -> Bool[Array, " n_dofs"]:
        """Whether this rank owns each local dof."""
        return np.repeat(self.owned, self.mesh.n_dim)

    @property
    def n_global_dofs(self) -> int:
        """Dofs of the whole mesh."""
        return self.n_global_nodes * self.mesh.n_dim


def cell_graph(mesh: Mesh) -> csr_matrix:
    """Return the graph of cells that share a face (n_cells, n_cells), symmetric, entries 1.

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> cell_graph(box_mesh((1.0, 1.0), (3, 1), "quad4")).toarray().astype(int).tolist()
    [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    """
    pairs = shared_faces(mesh)
    both = np.vstack([pairs, pairs[:, ::-1]])
    entries = (np.ones(len(both)), (both[:, 0], both[:, 1]))
    return csr_matrix(entries, shape=(mesh.n_cells, mesh.n_cells))


def bisect_cells(mesh: Mesh, n_parts: int) -> Int[Array, " n_cells"]:
    """Cut a mesh in balanced parts by halving it across its longest side, again and again.

    Parameters
    ----------
    mesh
        The mesh.
    n_parts
        Number of parts, at most the number of cells.

    Returns
    -------
    ndarray
        Part of each cell; sizes differ by at most the logarithm of `n_parts`.

    Raises
    ------
    ValueError
        If there are fewer cells than parts.

    Notes
    -----
    Collective: no. Deterministic: yes; cells at equal places are taken by their number.

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> bisect_cells(box_mesh((4.0, 1.0), (4, 1), "quad4"), 2).tolist()
    [0, 0, 1, 1]
    """
    if not 1 <= n_parts <= mesh.n_cells:
        message = f"cannot cut {mesh.n_cells} cells in {n_parts} parts."
        raise ValueError(message)
    centres = np.concatenate([mesh.nodes[block.connectivity].mean(axis=1) for block in mesh.blocks])
    part_of_cell = np.zeros(mesh.n_cells, dtype=np.int64)
    _bisect(centres, np.arange(mesh.n_cells), part_of_cell, range(n_parts))
    return part_of_cell


def subdomain(mesh: Mesh, part_of_cell: Int[Array, " n_cells"], part: int) -> Subdomain:
    """Return the part of the mesh that one rank holds.

    Parameters
    ----------
    mesh
        The whole mesh.
    part_of_cell
        Part of each cell.
    part
        Which part to take.

    Returns
    -------
    Subdomain
        Nodes without cells go to part 0.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing. Cost: linear in the whole mesh.

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> right = subdomain(box_mesh((2.0, 1.0), (2, 1), "quad4"), np.array([0, 1]), 1)
    >>> right.nodes.tolist(), right.owned.tolist(), right.points.tolist()
    ([1, 2, 4, 5], [False, True, False, True], [4, 5, 6, 7])
    """
    owner = _owners(mesh, part_of_cell)
    cells = np.flatnonzero(part_of_cell == part)
    mine = np.zeros(mesh.n_nodes, dtype=bool)
    if part == 0:
        mine[owner == 0] = True
    kept_blocks, points = [], [np.zeros(0, dtype=np.int64)]
    first_cell = first_point = 0
    for block in mesh.blocks:
        n_cells = len(block.connectivity)
        n_q = formulation(block.formulation).n_points
        kept = np.flatnonzero(part_of_cell[first_cell : first_cell + n_cells] == part)
        if kept.size:
            kept_blocks.append(_rows(block, kept))
            mine[block.connectivity[kept]] = True
            points.append((first_point + kept[:, None] * n_q + np.arange(n_q)).ravel())
        first_cell += n_cells
        first_point += n_cells * n_q
    nodes = np.flatnonzero(mine)
    return Subdomain(
        mesh=_restricted(mesh, kept_blocks, nodes, cells),
        nodes=nodes,
        owned=owner[nodes] == part,
        cells=cells,
        points=np.concatenate(points),
        n_global_nodes=mesh.n_nodes,
        n_global_cells=mesh.n_cells,
        n_global_points=first_point,
    )


def whole(mesh: Mesh) -> Subdomain:
    """Return the subdomain of the only rank.

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> whole(box_mesh((1.0, 1.0), (1, 1), "quad4")).owned.tolist()
    [True, True, True, True]
    """
    return subdomain(mesh, np.zeros(mesh.n_cells, dtype=np.int64), 0)


def _bisect(centres: Array, cells: Array, part_of_cell: Array, parts: range) -> None:
    """Write the parts of some cells into `part_of_cell`."""
    if len(parts) == 1:
        part_of_cell[cells] = parts[0]
        return
    axis = int(np.ptp(centres[cells], axis=0).argmax())
    ordered = cells[np.argsort(centres[cells, axis], kind="stable")]
    n_left = len(parts) // 2
    cut = cells.size * n_left // len(parts)
    _bisect(centres, np.sort(ordered[:cut]), part_of_cell, parts[:n_left])
    _bisect(centres, np.sort(ordered[cut:]), part_of_cell, parts[n_left:])


def _owners(mesh: Mesh, part_of_cell: Array) -> Array:
    """Return the lowest part that touches each node; 0 for nodes without cells."""
    none = np.iinfo(np.int64).max
    owner = np.full(mesh.n_nodes, none, dtype=np.int64)
    first_cell = 0
    for block in mesh.blocks:
        parts = part_of_cell[first_cell : first_cell + len(block.connectivity)]
        np.minimum.at(owner, block.connectivity, parts[:, None])
        first_cell += len(block.connectivity)
    owner[owner == none] = 0
    return owner


def _rows(block: CellBlock, kept: Array) -> CellBlock:
    """Return some cells of a block, nodes still numbered globally."""
    return replace(block, connectivity=block.connectivity[kept], ids=block.ids[kept])


def _restricted(mesh: Mesh, blocks: list[CellBlock], nodes: Array, cells: Array) -> Mesh:
    """Renumber blocks and sets to the local nodes and cells."""
    local_node = _inverse(nodes, mesh.n_nodes)
    local_cell = _inverse(cells, mesh.n_cells)
    face_sets = {}
    for name, faces in mesh.face_sets.items():
        numbers = local_cell[faces.cells]
        kept = numbers >= 0
        face_sets[name] = FaceSet(numbers[kept], faces.local_faces[kept])
    return Mesh(
        nodes=mesh.nodes[nodes],
        blocks=tuple(
            replace(block, connectivity=local_node[block.connectivity]) for block in blocks
        ),
        node_ids=mesh.node_ids[nodes],
        node_sets={name: _kept(local_node[numbers]) for name, numbers in mesh.node_sets.items()},
        cell_sets={name: _kept(local_cell[numbers]) for name, numbers in mesh.cell_sets.items()},
        face_sets=face_sets,
    )


def _inverse(numbers: Array, size: int) -> Array:
    """Return the local number of each global number, -1 where there is none."""
    local = np.full(size, -1, dtype=np.int64)
    local[numbers] = np.arange(numbers.size)
    return local


def _kept(local: Array) -> Array:
    """Drop the numbers that have no local place."""
    return np.asarray(local[local >= 0])
