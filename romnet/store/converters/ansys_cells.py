"""Solid elements of Ansys: bricks whose repeated nodes make them prisms, pyramids, tetrahedra."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError
from romnet.fe.formulations import default_formulation
from romnet.fe.mesh import CellBlock

BRICKS: Mapping[int, str] = {
    45: "hex8",
    70: "hex8",
    185: "hex8",
    90: "hex20",
    95: "hex20",
    186: "hex20",
}
TETRAHEDRA = (87, 92, 187)
FORMULATIONS: Mapping[tuple[int, str], str] = {
    (185, "hex8"): "ansys:SOLID185",
    (186, "hex20"): "ansys:SOLID186",
    (187, "tet10"): "ansys:SOLID187",
}
# Positions of the nodes of each shape, in VTK order, among those of the brick: corners I ... P,
# then the middles of the edges of the bottom, of the top, and between them.
_SHAPES: Mapping[str, tuple[int, ...]] = {
    "hex8": tuple(range(8)),
    "wedge6": (0, 1, 2, 4, 5, 6),
    "pyramid5": (0, 1, 2, 3, 4),
    "tet4": (0, 1, 2, 4),
    "hex20": tuple(range(20)),
    "wedge15": (0, 1, 2, 4, 5, 6, 8, 9, 11, 12, 13, 15, 16, 17, 18),
    "tet10": (0, 1, 2, 4, 8, 9, 11, 16, 17, 18),
}
_QUADRATIC = {"hex8": "hex20", "wedge6": "wedge15", "pyramid5": "pyramid13", "tet4": "tet10"}
_BRICK_CORNERS, _TETRAHEDRON_CORNERS, _TETRAHEDRON_NODES = 8, 4, 10


@dataclass(frozen=True)
class Element:
    """One element as the file has it.

    Attributes
    ----------
    number
        Its number.
    kind
        Number of its type in the library of Ansys, such as 186.
    nodes
        Node numbers, repeated where the brick is degenerate, 0 where a middle node was left out.
    """

    number: int
    kind: int
    nodes: tuple[int, ...]


def cell_of(element: Element) -> tuple[str, tuple[int, ...]]:
    """Return cell type and node numbers, in VTK order, of a solid element.

    Raises
    ------
    ConversionError
        If nodes are repeated in a way that makes no known shape, or only some middle nodes exist.

    Notes
    -----
    Collective: no. Deterministic: yes.

    Examples
    --------
    >>> cell_of(Element(7, 185, (1, 2, 3, 3, 5, 6, 7, 7)))
    ('wedge6', (1, 2, 3, 5, 6, 7))
    >>> cell_of(Element(8, 185, (1, 2, 3, 3, 5, 5, 5, 5)))
    ('tet4', (1, 2, 3, 5))
    """
    if element.kind in TETRAHEDRA:
        nodes = element.nodes[:_TETRAHEDRON_NODES]
        corners = nodes[:_TETRAHEDRON_CORNERS]
        if len(nodes) == _TETRAHEDRON_NODES and all(nodes):
            return _distinct(element, "tet10", nodes)
        if not any(nodes[_TETRAHEDRON_CORNERS:]):
            return _distinct(element, "tet4", corners)
        message = f"element {element.number}: only some of its middle nodes exist."
        raise ConversionError(message)
    if len(element.nodes) < _BRICK_CORNERS:
        message = f"element {element.number}: a brick has 8 or 20 nodes, not {len(element.nodes)}."
        raise ConversionError(message)
    shape = _linear_shape(element)
    middles = element.nodes[_BRICK_CORNERS:]
    if BRICKS[element.kind] == "hex20" and any(middles):
        shape = _QUADRATIC[shape]
        if shape not in _SHAPES:
            message = f"element {element.number}: romnet integrates no {shape} cells."
            raise ConversionError(message)
    places = _SHAPES[shape]
    if max(places) >= len(element.nodes):
        message = f"element {element.number}: has {len(element.nodes)} nodes, too few for {shape}."
        raise ConversionError(message)
    return _distinct(element, shape, tuple(element.nodes[place] for place in places))


def cell_blocks(
    path: Path, elements: Sequence[Element], positions: Mapping[int, int]
) -> tuple[CellBlock, ...]:
    """Return the cells of solid elements, one block for each type and shape.

    Parameters
    ----------
    path
        File, for messages.
    elements
        In the order of the file; each block keeps it.
    positions
        Position of each foreign node number.

    Raises
    ------
    ConversionError
        As `cell_of`, or if a node does not exist.

    Notes
    -----
    Collective: no. Deterministic: yes.

    Examples
    --------
    >>> brick = Element(7, 185, tuple(range(1, 9)))
    >>> places = {number: number - 1 for number in brick.nodes}
    >>> [block] = cell_blocks(Path("a.cdb"), [brick], places)
    >>> block.formulation, block.ids.tolist(), block.connectivity[0, :3].tolist()
    ('ansys:SOLID185', [7], [0, 1, 2])
    """
    groups: dict[tuple[str, str], tuple[list[int], list[list[int]]]] = {}
    for element in elements:
        try:
            cell_type, nodes = cell_of(element)
            places = [positions[node] for node in nodes]
        except ConversionError as problem:
            message = f"{path}: {problem}"
            raise ConversionError(message) from problem
        except KeyError as problem:
            message = f"{path}: element {element.number} names node {problem}, which is missing."
            raise ConversionError(message) from problem
        kind = FORMULATIONS.get((element.kind, cell_type), default_formulation(cell_type))
        ids, rows = groups.setdefault((cell_type, kind), ([], []))
        ids.append(element.number)
        rows.append(places)
    return tuple(
        CellBlock(cell_type, _integers(rows), kind, _integers(ids))
        for (cell_type, kind), (ids, rows) in groups.items()
    )


def _linear_shape(element: Element) -> str:
    """Return the shape that the corners of a brick make."""
    # named I ... P in the manuals
    _, _, k, l, m, n, o, p = element.nodes[:_BRICK_CORNERS]  # noqa: E741
    apex = m == n == o == p
    if k == l and apex:
        return "tet4"
    if apex:
        return "pyramid5"
    if k == l and o == p:
        return "wedge6"
    return "hex8"


def _distinct(element: Element, shape: str, nodes: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    """Refuse a shape whose nodes are not all different."""
    if len(set(nodes)) < len(nodes) or min(nodes) < 1:
        message = f"element {element.number}: its nodes {list(element.nodes)} make no {shape}."
        raise ConversionError(message)
    return shape, nodes


def _integers(values: Sequence[int] | Sequence[Sequence[int]]) -> Array:
    """Return numbers as an array."""
    return np.array(values, dtype=np.int64)
