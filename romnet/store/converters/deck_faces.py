"""Faces of elements as Abaqus numbers them, and surfaces made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int

from romnet.core.arrays import Array
from romnet.fe.cells import CELLS
from romnet.fe.faces import boundary_faces
from romnet.fe.mesh import CellBlock, FaceSet, Mesh
from romnet.store.converters.base import check_node_order
from romnet.store.converters.deck_cards import Card, Place, cards_named
from romnet.store.converters.deck_geometry import Geometry, Note
from romnet.store.converters.deck_sets import label

# Corners of the faces S1, S2, ... (or P1, P2, ...) of each shape.
FACES: Mapping[str, tuple[tuple[int, ...], ...]] = {
    "tet": ((0, 1, 2), (0, 3, 1), (1, 3, 2), (2, 3, 0)),
    "wedge": ((0, 1, 2), (3, 5, 4), (0, 3, 4, 1), (1, 4, 5, 2), (2, 5, 3, 0)),
    "hex": (
        *((0, 1, 2, 3), (4, 7, 6, 5), (0, 4, 5, 1)),
        *((1, 5, 6, 2), (2, 6, 7, 3), (3, 7, 4, 0)),
    ),
}


@dataclass(frozen=True)
class FacePart:
    """Faces of one number of some elements.

    Attributes
    ----------
    elements
        Element numbers.
    face
        Number of the face, from 1; 0 means those faces that lie on the skin of the body.
    """

    elements: Int[Array, " n"]
    face: int


def base_mesh(geometry: Geometry, path: Place) -> Mesh:
    """Return the mesh without face sets: the nodes that solid elements use.

    Parameters
    ----------
    geometry
        Nodes, elements and sets of the deck.
    path
        The deck, for messages.

    Raises
    ------
    ConversionError
        If quadratic cells have nodes out of order.

    Notes
    -----
    Collective: no. Sets of which no member is left are dropped.
    """
    used = np.unique(np.concatenate([part.nodes.ravel() for part in geometry.elements]))
    nodes = geometry.nodes[np.searchsorted(geometry.node_ids, used)]
    blocks = []
    for part in geometry.elements:
        connectivity = np.searchsorted(used, part.nodes)
        check_node_order(path.path, part.cell_type, nodes, connectivity)
        blocks.append(CellBlock(part.cell_type, connectivity, part.formulation, part.ids))
    cell_ids = np.concatenate([block.ids for block in blocks])
    return Mesh(
        nodes,
        tuple(blocks),
        used,
        node_sets=_positions(geometry.node_sets, used, np.arange(used.size)),
        cell_sets=_positions(geometry.element_sets, np.sort(cell_ids), np.argsort(cell_ids)),
    )


def with_faces(mesh: Mesh, parts: Mapping[str, tuple[FacePart, ...]]) -> Mesh:
    """Return the mesh with face sets; those without faces are dropped."""
    found = {name: face_set(mesh, faces) for name, faces in parts.items()}
    return replace(
        mesh, face_sets={name: faces for name, faces in found.items() if faces.cells.size}
    )


def with_ordered_sets(mesh: Mesh, sets: Mapping[str, Int[Array, " _"]]) -> Mesh:
    """Return the mesh with node sets given by numbers that it has, in their order.

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> mesh = box_mesh((1.0, 1.0, 1.0), (1, 1, 1))
    >>> ids = mesh.node_ids[[3, 1]]
    >>> with_ordered_sets(mesh, {"two": ids}).node_sets["two"].tolist()
    [3, 1]
    """
    places = {name: np.searchsorted(mesh.node_ids, ids) for name, ids in sets.items()}
    return replace(mesh, node_sets={**places, **mesh.node_sets})


def face_set(mesh: Mesh, parts: Iterable[FacePart]) -> FaceSet:
    """Return faces of the mesh, in the order in which they are named.

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> mesh = box_mesh((1.0, 1.0, 1.0), (1, 1, 1))
    >>> found = face_set(mesh, [FacePart(mesh.blocks[0].ids, 4)])
    >>> bool(np.all(found.local_faces == mesh.face_sets["x1"].local_faces))
    True
    """
    cell_ids = np.concatenate([block.ids for block in mesh.blocks])
    shapes = np.concatenate(
        [np.full(len(block.ids), number) for number, block in enumerate(mesh.blocks)]
    )
    order = np.argsort(cell_ids)
    ascending = cell_ids[order]
    cells, local_faces = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for part in parts:
        chosen = order[np.searchsorted(ascending, part.elements)]
        if part.face == 0:
            skin = boundary_faces(mesh)
            mine = np.isin(skin.cells, chosen)
            cells.append(skin.cells[mine])
            local_faces.append(skin.local_faces[mine])
            continue
        numbers = np.array([_local(block.cell_type, part.face) for block in mesh.blocks])
        local = numbers[shapes[chosen]]
        # An element set may hold shapes that have no face of this number.
        cells.append(chosen[local >= 0])
        local_faces.append(local[local >= 0])
    return FaceSet(np.concatenate(cells), np.concatenate(local_faces))


def read_surfaces(
    cards: tuple[Card, ...], geometry: Geometry
) -> tuple[dict[str, tuple[FacePart, ...]], dict[str, Int[Array, " _"]], list[Note]]:
    """Read surfaces: of element faces, and of nodes.

    Returns
    -------
    tuple
        Faces by name, node numbers by name, and notes on what was left out.

    Raises
    ------
    ConversionError
        If a line names what does not exist.
    """
    faces: dict[str, tuple[FacePart, ...]] = {}
    nodes: dict[str, Array] = {}
    notes: list[Note] = []
    for card in cards_named(cards, "SURFACE"):
        name, kind = label(card.demand("NAME")), card.option("TYPE") or "ELEMENT"
        if kind == "NODE":
            members = [geometry.nodes_of(p, words[0]) for p, words in card.words() if words]
            nodes[name] = np.unique(np.concatenate([np.zeros(0, np.int64), *members]))
        elif kind == "ELEMENT":
            parts = tuple(_surface_part(place, words, geometry) for place, words in card.words())
            faces[name] = faces.get(name, ()) + parts
        else:
            notes.append(Note(card.place, f"a surface of type {kind}"))
    return faces, nodes, notes


def face_number(place: Place, word: str, letter: str) -> int:
    """Return the number of a face from its label.

    Raises
    ------
    ConversionError
        If it is none.

    Examples
    --------
    >>> from pathlib import Path
    >>> face_number(Place(Path("a.inp"), 1), "S3", "S")
    3
    """
    if len(word) == 2 and word[0] == letter and word[1] in "123456":  # noqa: PLR2004
        return int(word[1])
    problem = f"{word!r} is no face; known are {letter}1 to {letter}6."
    raise place.error(problem)


def _surface_part(place: Place, words: list[str], geometry: Geometry) -> FacePart:
    """Return what one line of a surface names."""
    elements = geometry.elements_of(place, words[0])
    return FacePart(elements, face_number(place, words[1], "S") if len(words) > 1 else 0)


def _positions(
    sets: Mapping[str, Int[Array, " _"]], ids: Int[Array, " n"], positions: Int[Array, " n"]
) -> dict[str, Int[Array, " _"]]:
    """Return sets of numbers as sets of positions; `ids` ascend."""
    found = {name: positions[np.isin(ids, members)] for name, members in sets.items()}
    return {name: np.sort(members) for name, members in found.items() if members.size}


def _local(cell_type: str, number: int) -> int:
    """Return the number of a face in romnet's cell, or -1."""
    cell = CELLS[cell_type]
    if number > len(FACES[cell.geometry]):
        return -1
    corners = set(FACES[cell.geometry][number - 1])
    return next(
        place
        for place, (kind, nodes) in enumerate(cell.faces)
        if set(nodes[: CELLS[kind].n_corners]) == corners
    )
