"""Meshes in the data structure of meshio as meshes of romnet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import meshio
import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError, StudyError
from romnet.fe.faces import locate_faces
from romnet.fe.formulations import default_formulation
from romnet.fe.mesh import CellBlock, FaceSet, Mesh
from romnet.store.converters.base import check_node_order
from romnet.store.converters.orientation import upright

CELL_TYPES: Mapping[str, str] = {
    "triangle": "tri3",
    "triangle6": "tri6",
    "quad": "quad4",
    "quad8": "quad8",
    "quad9": "quad9",
    "tetra": "tet4",
    "tetra10": "tet10",
    "pyramid": "pyramid5",
    "wedge": "wedge6",
    "wedge15": "wedge15",
    "hexahedron": "hex8",
    "hexahedron20": "hex20",
    "hexahedron27": "hex27",
}
_COORDINATES = 3


def mesh_of(path: Path, raw: meshio.Mesh) -> Mesh:
    """Return a mesh in the data structure of meshio as one of romnet.

    Parameters
    ----------
    path
        File, for messages.
    raw
        Cells in VTK order, cell and point sets.

    Raises
    ------
    ConversionError
        As `read_mesh`.

    Examples
    --------
    >>> raw = meshio.Mesh([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], {"triangle": [[0, 1, 2]]})
    >>> mesh_of(Path("a"), raw).blocks[0].formulation
    'romnet:tri3'
    """
    n_dim = max((block.dim for block in raw.cells), default=0)
    if n_dim < 2:  # noqa: PLR2004
        message = f"{path}: holds no cells of two or three dimensions."
        raise ConversionError(message)
    nodes = _nodes(path, np.asarray(raw.points, dtype=float), n_dim)
    solid = [block for block in raw.cells if block.dim == n_dim]
    blocks = _blocks(path, nodes, solid)
    mesh = Mesh(nodes, blocks, np.arange(len(nodes)))
    node_sets = {
        name: np.unique(np.asarray(members, dtype=np.int64))
        for name, members in raw.point_sets.items()
    }
    cell_sets: dict[str, Array] = {}
    face_sets: dict[str, FaceSet] = {}
    for name, members in _groups(raw).items():
        by_dim = _by_dimension(raw.cells, members, n_dim)
        if by_dim[0].size:
            cell_sets[name] = by_dim[0]
        if by_dim[1]:
            face_sets[name] = _face_set(path, name, mesh, by_dim[1])
            # Held faces are common, and constraints name nodes.
            node_sets.setdefault(name, np.unique(np.concatenate([p.ravel() for p in by_dim[1]])))
        if by_dim[2].size:
            node_sets.setdefault(name, by_dim[2])
    return replace(mesh, node_sets=node_sets, cell_sets=cell_sets, face_sets=face_sets)


def _nodes(path: Path, points: Array, n_dim: int) -> Float[Array, "n_nodes n_dim"]:
    """Return the coordinates; plane cells must lie in a plane of constant z."""
    if n_dim == _COORDINATES or points.shape[1] == n_dim:
        return points
    if points.size and np.ptp(points[:, 2]) > 0.0:
        message = f"{path}: holds plane cells that do not lie in a plane of constant z."
        raise ConversionError(message)
    return np.ascontiguousarray(points[:, :n_dim])


def _blocks(
    path: Path, nodes: Float[Array, "n_nodes n_dim"], solid: Sequence[meshio.CellBlock]
) -> tuple[CellBlock, ...]:
    """Return the cells; neighbouring blocks of one type make one block."""
    blocks, first = [], 0
    for name, run in groupby(solid, key=lambda block: str(block.type)):
        if name not in CELL_TYPES:
            message = f"{path}: cells of type {name!r} are not known; known are {list(CELL_TYPES)}."
            raise ConversionError(message)
        cell_type = CELL_TYPES[name]
        connectivity = np.concatenate([np.asarray(block.data, dtype=np.int64) for block in run])
        if connectivity.size and not 0 <= connectivity.min() <= connectivity.max() < len(nodes):
            message = f"{path}: cells name nodes that do not exist ({len(nodes)} nodes)."
            raise ConversionError(message)
        if cell_type == "wedge6":  # writers disagree about the sense of their first triangle
            connectivity = upright(cell_type, connectivity, nodes)
        check_node_order(path, cell_type, nodes, connectivity)
        ids = np.arange(first, first + len(connectivity))
        first += len(connectivity)
        blocks.append(CellBlock(cell_type, connectivity, default_formulation(cell_type), ids))
    return tuple(blocks)


def _groups(raw: meshio.Mesh) -> dict[str, list[Array]]:
    """Return the members of each named set, one array for each block of the file."""
    groups = {
        name: [np.asarray([] if part is None else part, dtype=np.int64) for part in parts]
        for name, parts in raw.cell_sets.items()
        if not name.startswith("gmsh:")
    }
    physical = raw.cell_data.get("gmsh:physical")
    for name, value in (raw.field_data if physical is not None else {}).items():
        tag, dim = (int(number) for number in value)
        groups.setdefault(
            name,
            [
                np.flatnonzero(np.asarray(tags) == tag) if block.dim == dim else np.zeros(0, int)
                for block, tags in zip(raw.cells, physical, strict=True)
            ],
        )
    return groups


def _by_dimension(
    cells: Sequence[meshio.CellBlock], members: list[Array], n_dim: int
) -> tuple[Int[Array, " n"], list[Array], Int[Array, " m"]]:
    """Return the cell numbers, the facets by block, and the nodes of lower cells of a set."""
    numbers, facets, nodes, first = [np.zeros(0, np.int64)], [], [np.zeros(0, np.int64)], 0
    for block, chosen in zip(cells, members, strict=True):
        connectivity = np.asarray(block.data, dtype=np.int64)
        if block.dim == n_dim:
            numbers.append(first + chosen)
            first += len(connectivity)
        elif chosen.size and block.dim == n_dim - 1:
            facets.append(connectivity[chosen])
        elif chosen.size:
            nodes.append(np.ravel(connectivity[chosen]))
    return np.concatenate(numbers), facets, np.unique(np.concatenate(nodes))


def _face_set(path: Path, name: str, mesh: Mesh, facets: Iterable[Array]) -> FaceSet:
    """Return the faces of cells that these facets are."""
    try:
        found = [locate_faces(mesh, part) for part in facets]
    except StudyError as problem:
        message = f"{path}: set {name}: {problem}"
        raise ConversionError(message) from problem
    return FaceSet(
        np.concatenate([part.cells for part in found]),
        np.concatenate([part.local_faces for part in found]),
    )
