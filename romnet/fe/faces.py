"""Faces of cells: finding them from node lists, the skin of a mesh, their nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import SupportsIndex

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.errors import StudyError
from romnet.fe.cells import CELLS
from romnet.fe.mesh import FaceSet, Mesh

_NO_NODE = -1


@dataclass(frozen=True, eq=False)
class FaceGroup:
    """Faces of one type in a face set.

    Attributes
    ----------
    cell_type
        Type of the faces: ``"quad4"``, ``"tri6"``, ``"line2"``, ...
    positions
        Where these faces stand in the set.
    nodes
        Node numbers of each face, outward normal by the right-hand rule.
    formulation
        Element formulation of the cells.
    """

    cell_type: str
    positions: Int[Array, " n"]
    nodes: Int[Array, "n n_face_nodes"]
    formulation: str


def face_connectivity(mesh: Mesh, faces: FaceSet) -> Iterator[FaceGroup]:
    """Yield the faces of a set grouped by block and number in the cell.

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> mesh = box_mesh((1.0, 1.0, 1.0), (2, 1, 1))
    >>> [group.nodes.tolist() for group in face_connectivity(mesh, mesh.face_sets["x1"])]
    [[[2, 5, 11, 8]]]
    """
    first_cell = 0
    for block in mesh.blocks:
        local_cells = faces.cells - first_cell
        inside = (local_cells >= 0) & (local_cells < len(block.connectivity))
        for number, (face_type, nodes) in enumerate(CELLS[block.cell_type].faces):
            positions = np.flatnonzero(inside & (faces.local_faces == number))
            if positions.size:
                cells = block.connectivity[local_cells[positions]]
                numbers = np.asarray(cells[:, list(nodes)], dtype=np.int64)
                yield FaceGroup(face_type, positions, numbers, block.formulation)
        first_cell += len(block.connectivity)


def face_nodes(mesh: Mesh, faces: FaceSet) -> Int[Array, " n"]:
    """Return the nodes of a face set, each once, ascending.

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> mesh = box_mesh((1.0, 1.0, 1.0), (2, 1, 1))
    >>> face_nodes(mesh, mesh.face_sets["x1"]).tolist()
    [2, 5, 8, 11]
    """
    groups = [group.nodes.ravel() for group in face_connectivity(mesh, faces)]
    return np.asarray(np.unique(np.concatenate([*groups, np.zeros(0, dtype=np.int64)])))


def face_centres(mesh: Mesh, faces: FaceSet) -> Float[Array, "n_faces n_dim"]:
    """Return the mean of the corners of each face of a set [length].

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> mesh = box_mesh((1.0, 2.0, 4.0), (1, 1, 1))
    >>> face_centres(mesh, mesh.face_sets["x1"]).tolist()
    [[1.0, 1.0, 2.0]]
    """
    centres = np.zeros((len(faces.cells), mesh.n_dim))
    for group in face_connectivity(mesh, faces):
        corners = group.nodes[:, : CELLS[group.cell_type].n_corners]
        centres[group.positions] = mesh.nodes[corners].mean(axis=1)
    return centres


def boundary_faces(mesh: Mesh) -> FaceSet:
    """Return the skin: the faces that belong to one cell only, cell by cell.

    Notes
    -----
    Collective: no; on a subdomain the cuts between ranks belong to the skin. Faces are matched by
    their corners, so a quadrilateral against two triangles counts as skin on both sides.

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> boundary_faces(box_mesh((1.0, 1.0, 1.0), (2, 1, 1))).cells.tolist()
    [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]
    """
    corners, cells, local_faces = _all_faces(mesh)
    order = np.lexsort(corners.T)
    same = np.zeros(len(order) + 1, dtype=bool)  # as the face before
    same[1:-1] = (corners[order[1:]] == corners[order[:-1]]).all(axis=1)
    single = order[~(same[:-1] | same[1:])]
    single = single[np.lexsort((local_faces[single], cells[single]))]
    return FaceSet(cells[single], local_faces[single])


def shared_faces(mesh: Mesh) -> Int[Array, "n_pairs 2"]:
    """Return the pairs of cells that share a face, smaller number first.

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> shared_faces(box_mesh((1.0, 1.0, 1.0), (3, 1, 1))).tolist()
    [[0, 1], [1, 2]]
    """
    corners, cells, _ = _all_faces(mesh)
    order = np.lexsort((cells, *corners.T))
    same = (corners[order[1:]] == corners[order[:-1]]).all(axis=1)
    first, second = cells[order[:-1]][same], cells[order[1:]][same]
    # One number for each pair: rows would be sorted many times as slowly.
    numbers = np.unique(first * mesh.n_cells + second)
    return np.stack(np.divmod(numbers, mesh.n_cells), axis=1)


def locate_faces(
    mesh: Mesh, facets: Sequence[Sequence[SupportsIndex] | Int[Array, " _"]] | Int[Array, "n k"]
) -> FaceSet:
    """Find the cell faces that have given nodes.

    Parameters
    ----------
    mesh
        The mesh.
    facets
        Node numbers of each facet, in any rotation or orientation: all nodes of the face, in any
        order, or its corners only.

    Returns
    -------
    FaceSet
        One face for each facet, in the order given. Of two cells that share it, the one of
        smaller number.

    Raises
    ------
    StudyError
        If a facet is no face of any cell; the message names the first by foreign node numbers.

    Notes
    -----
    Collective: no. Deterministic: yes. Cost: linear in the faces whose nodes all occur in facets.

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> found = locate_faces(box_mesh((1.0, 1.0, 1.0), (2, 1, 1)), [[11, 8, 2, 5]])
    >>> found.cells.tolist(), found.local_faces.tolist()
    ([1], [1])
    """
    lengths = np.array([len(facet) for facet in facets], dtype=np.int64)
    cells = np.full(lengths.size, -1, dtype=np.int64)
    local_faces = np.full(lengths.size, -1, dtype=np.int64)
    for length in np.unique(lengths):
        chosen = np.flatnonzero(lengths == length)
        wanted = np.sort(np.array([list(facets[number]) for number in chosen]), axis=1)
        keys, key_cells, key_faces = _faces_of_length(mesh, int(length), np.unique(wanted))
        matches = _first_match(keys, wanted)
        found = matches >= 0
        cells[chosen[found]] = key_cells[matches[found]]
        local_faces[chosen[found]] = key_faces[matches[found]]
    lost = np.flatnonzero(cells < 0)
    if lost.size:
        ids = [int(mesh.node_ids[node]) for node in facets[lost[0]]]
        message = (
            f"facet with nodes {ids} is no face of any cell "
            f"({lost.size} of {lengths.size} facets are lost); look at the face set."
        )
        raise StudyError(message)
    return FaceSet(cells, local_faces)


def _all_faces(mesh: Mesh) -> tuple[Array, Array, Array]:
    """Return sorted corners (padded to four), cell and local number of every face."""
    corners = [np.zeros((0, 4), dtype=np.int64)]
    cells, local_faces = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    first_cell = 0
    for block in mesh.blocks:
        n_cells = len(block.connectivity)
        for number, (face_type, nodes) in enumerate(CELLS[block.cell_type].faces):
            n_corners = CELLS[face_type].n_corners
            keys = np.full((n_cells, 4), _NO_NODE, dtype=np.int64)
            keys[:, :n_corners] = block.connectivity[:, list(nodes[:n_corners])]
            corners.append(np.sort(keys, axis=1))
            cells.append(first_cell + np.arange(n_cells))
            local_faces.append(np.full(n_cells, number))
        first_cell += n_cells
    return np.concatenate(corners), np.concatenate(cells), np.concatenate(local_faces)


def _faces_of_length(mesh: Mesh, length: int, members: Array) -> tuple[Array, Array, Array]:
    """Return sorted nodes, cell and local number of faces with so many nodes or corners.

    Only faces whose nodes all belong to `members`; ordered by cell.
    """
    marked = np.zeros(mesh.n_nodes, dtype=bool)
    marked[members] = True
    keys = [np.zeros((0, length), dtype=np.int64)]
    cells, local_faces = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    first_cell = 0
    for block in mesh.blocks:
        for number, (face_type, nodes) in enumerate(CELLS[block.cell_type].faces):
            if length not in (len(nodes), CELLS[face_type].n_corners):
                continue
            face = block.connectivity[:, list(nodes[:length])]
            inside = np.flatnonzero(marked[face].all(axis=1))
            keys.append(np.sort(face[inside], axis=1))
            cells.append(first_cell + inside)
            local_faces.append(np.full(inside.size, number))
        first_cell += len(block.connectivity)
    all_cells = np.concatenate(cells)
    order = np.argsort(all_cells, kind="stable")
    return np.concatenate(keys)[order], all_cells[order], np.concatenate(local_faces)[order]


def _first_match(keys: Array, wanted: Array) -> Array:
    """Return the first row of `keys` equal to each row of `wanted`, or -1."""
    _, inverse = np.unique(np.vstack([keys, wanted]), axis=0, return_inverse=True)
    inverse = inverse.ravel()
    first = np.full(inverse.size, -1, dtype=np.int64)
    # Written backwards, so that the first of equal rows remains.
    first[inverse[: len(keys)][::-1]] = np.arange(len(keys))[::-1]
    return np.asarray(first[inverse[len(keys) :]])
