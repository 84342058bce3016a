"""Exodus files: cells in named blocks, node and side sets, nodal variables at all instants.

Files in netCDF-4 are HDF5; the older ones, netCDF-3, are read by scipy. Neither needs a netCDF
library.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import meshio
import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError
from romnet.fe.cells import CELLS
from romnet.fe.mesh import FaceSet, Mesh
from romnet.store.converters.base import Converter, Results
from romnet.store.converters.meshio_mesh import CELL_TYPES, mesh_of
from romnet.store.converters.netcdf import NetcdfFile, opened
from romnet.store.converters.nodal import field_reader, known_fields, values_of

_RING = tuple(range(12))
# Cells by the beginning of their name and their number of nodes, with the places of the nodes in
# VTK order: Exodus puts the edges between bottom and top before those of the top.
ELEMENTS: Mapping[tuple[str, int], tuple[str, tuple[int, ...]]] = {
    ("TRI", 3): ("triangle", tuple(range(3))),
    ("TRI", 6): ("triangle6", tuple(range(6))),
    ("QUA", 4): ("quad", tuple(range(4))),
    ("QUA", 8): ("quad8", tuple(range(8))),
    ("QUA", 9): ("quad9", tuple(range(9))),
    ("TET", 4): ("tetra", tuple(range(4))),
    ("TET", 10): ("tetra10", tuple(range(10))),
    ("PYR", 5): ("pyramid", tuple(range(5))),
    ("WED", 6): ("wedge", tuple(range(6))),
    ("WED", 15): ("wedge15", (*range(9), 12, 13, 14, 9, 10, 11)),
    ("HEX", 8): ("hexahedron", tuple(range(8))),
    ("HEX", 20): ("hexahedron20", (*_RING, 16, 17, 18, 19, 12, 13, 14, 15)),
}
# Corners of each side, numbered from zero.
_SIDES: Mapping[str, tuple[tuple[int, ...], ...]] = {
    "tri": ((0, 1), (1, 2), (0, 2)),
    "quad": ((0, 1), (1, 2), (2, 3), (0, 3)),
    "tet": ((0, 1, 3), (1, 2, 3), (0, 2, 3), (0, 1, 2)),
    "pyramid": ((0, 1, 4), (1, 2, 4), (2, 3, 4), (0, 3, 4), (0, 1, 2, 3)),
    "wedge": ((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2), (3, 4, 5)),
    "hex": (
        *((0, 1, 4, 5), (1, 2, 5, 6), (2, 3, 6, 7), (0, 3, 4, 7)),
        *((0, 1, 2, 3), (4, 5, 6, 7)),
    ),
}
_DISPLACEMENTS = ("displ", "disp", "displacement", "u", "d")
_DIRECTIONS = ("x", "y", "z")


def read_mesh(path: Path) -> Mesh:
    """Read a mesh with its blocks, node sets and side sets.

    Parameters
    ----------
    path
        ``.e``, ``.exo`` or ``.ex2`` file, netCDF-3 or netCDF-4.

    Returns
    -------
    Mesh
        Solid cells, in the order of the file; blocks are cell sets, side sets face sets and node
        sets of the same name. Names that are missing become ``block_1``, ``nodes_1``, ``sides_1``.

    Raises
    ------
    ConversionError
        If the file is missing or damaged, or a cell is not known.

    Notes
    -----
    Collective: no. Deterministic: yes. Memory: a few times the mesh.

    Examples
    --------
    >>> read_mesh(Path("absent.e"))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.e: does not exist.
    """
    with opened(path) as file:
        points = _points(file)
        blocks = list(_blocks(path, file, len(points)))
        names = _names(file, "eb_names", "block", len(blocks))
        cells = [(kind, rows) for kind, rows in blocks]
        empty = np.zeros(0, np.int64)
        groups = {
            name: [np.arange(len(rows)) if other == place else empty for other in range(len(cells))]
            for place, (name, (_, rows)) in enumerate(zip(names, cells, strict=True))
        }
        point_sets = {
            name: file.read(f"node_ns{number}").astype(np.int64) - 1
            for number, name in _listed(file, "node_ns", "ns_names", "nodes")
        }
        mesh = mesh_of(path, meshio.Mesh(points, cells, cell_sets=groups, point_sets=point_sets))
        mesh = _numbered(mesh, file, cells)
        return _with_sides(path, mesh, file, cells)


def read_results(path: Path, mesh: Mesh) -> Results:
    """Read the header of the nodal variables; values are read one instant at a time.

    Parameters
    ----------
    path
        ``.e``, ``.exo`` or ``.ex2`` file.
    mesh
        Its mesh.

    Returns
    -------
    Results
        Variables that end on x, y, z (``disp_x``, ``DISPLX``) make one vector; others are scalars.

    Raises
    ------
    ConversionError
        If the file is missing or damaged, instants do not increase, or there are other nodes.

    Notes
    -----
    Collective: no. Deterministic: yes. Memory: one instant.

    Examples
    --------
    >>> read_results(Path("absent.e"), Mesh(np.zeros((0, 3)), (), np.arange(0)))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.e: does not exist.
    """
    with opened(path) as file:
        if len(_points(file)) != mesh.n_nodes:
            message = f"{path}: has another number of nodes than the mesh, {mesh.n_nodes}."
            raise ConversionError(message)
        found = file.read("time_whole") if "time_whole" in file.names else np.zeros(0)
        times: Array = np.ravel(np.asarray(found, dtype=np.float64))
        variables = _names(file, "name_nod_var", "variable", 0)
    if times.size == 0 or not np.isfinite(times).all() or np.any(np.diff(times) <= 0.0):
        message = f"{path}: expected increasing instants, found {times[:5].tolist()}."
        raise ConversionError(message)
    columns = _vectors(variables, mesh.n_dim)
    shapes = {name: np.empty((0, len(parts))) for name, parts in columns.items()}
    sources, fields = known_fields(path, shapes, mesh.n_dim)

    def read(number: int, names: tuple[str, ...]) -> dict[str, Array]:
        """Read some fields of one instant."""
        values = {}
        with opened(path) as file:
            for name in names:
                parts = [_variable(file, place, number) for place in columns[sources[name]]]
                shape = (mesh.n_nodes, fields[name].n_components)
                values[name] = values_of(path, {name: np.stack(parts, axis=1)}, name, shape)
        return values

    return Results(times, fields, read)


def _points(file: NetcdfFile) -> Float[Array, "n_nodes n_dim"]:
    """Return the coordinates."""
    if "coord" in file.names:
        return np.ascontiguousarray(file.read("coord").astype(np.float64).T)
    names = [name for name in ("coordx", "coordy", "coordz") if name in file.names]
    return np.stack([file.read(name).astype(np.float64) for name in names], axis=1)


def _blocks(path: Path, file: NetcdfFile, n_nodes: int) -> Iterator[tuple[str, Array]]:
    """Yield the cells of each block in VTK order."""
    for number in _numbers(file, "connect"):
        rows = file.read(f"connect{number}").astype(np.int64) - 1
        name = file.kind_of(f"connect{number}").upper()
        key = (name[:3], rows.shape[1])
        if key not in ELEMENTS:
            message = f"{path}: cells of type {name!r} with {rows.shape[1]} nodes are not known."
            raise ConversionError(message)
        if rows.size and not 0 <= rows.min() <= rows.max() < n_nodes:
            message = f"{path}: block {number} names nodes that do not exist."
            raise ConversionError(message)
        kind, order = ELEMENTS[key]
        yield kind, rows[:, list(order)]


def _numbers(file: NetcdfFile, stem: str) -> list[int]:
    """Return the numbers of variables that have a common stem."""
    ends = (name[len(stem) :] for name in file.names if name.startswith(stem))
    return sorted(int(end) for end in ends if end.isdigit())


def _names(file: NetcdfFile, variable: str, stem: str, count: int) -> list[str]:
    """Return names; those that are missing or given twice become numbered ones."""
    rows = file.read(variable) if variable in file.names else np.zeros((count, 0), dtype="S1")
    found = []
    for number, row in enumerate(rows, start=1):
        text = b"".join(np.asarray(row, dtype="S1").ravel().tolist()).decode("latin-1").strip()
        found.append(text if text and text not in found else f"{stem}_{number}")
    return found


def _listed(file: NetcdfFile, stem: str, variable: str, prefix: str) -> list[tuple[int, str]]:
    """Return numbers and names of sets that have members."""
    numbers = _numbers(file, stem)
    names = _names(file, variable, prefix, max(numbers, default=0))
    names += [f"{prefix}_{number}" for number in range(len(names) + 1, max(numbers, default=0) + 1)]
    return [(number, names[number - 1]) for number in numbers]


def _solid(cells: list[tuple[str, Array]]) -> list[bool]:
    """Say which blocks have the highest dimension."""
    dims = [CELLS[CELL_TYPES[kind]].n_dim for kind, _ in cells]
    return [dim == max(dims) for dim in dims]


def _numbered(mesh: Mesh, file: NetcdfFile, cells: list[tuple[str, Array]]) -> Mesh:
    """Return the mesh with the numbers of the file, where these are unique."""
    for name in ("node_num_map", "node_id_map"):
        if name in file.names:
            ids = file.read(name).astype(np.int64).ravel()
            if np.unique(ids).size == mesh.n_nodes == ids.size:
                mesh = replace(mesh, node_ids=ids)
    for name in ("elem_num_map", "elem_map"):
        if name in file.names:
            ids = file.read(name).astype(np.int64).ravel()
            kept = np.repeat(_solid(cells), [len(rows) for _, rows in cells])
            if ids.size == kept.size and np.unique(ids[kept]).size == mesh.n_cells:
                ends = np.cumsum([len(block.ids) for block in mesh.blocks])[:-1]
                parts = np.split(ids[kept], ends)
                blocks = [replace(b, ids=p) for b, p in zip(mesh.blocks, parts, strict=True)]
                return replace(mesh, blocks=tuple(blocks))
    return mesh


def _with_sides(path: Path, mesh: Mesh, file: NetcdfFile, cells: list[tuple[str, Array]]) -> Mesh:
    """Return the mesh with its side sets."""
    kept = np.repeat(_solid(cells), [len(rows) for _, rows in cells])
    place = np.where(kept, np.cumsum(kept) - 1, -1)
    starts = np.cumsum([0, *(len(block.ids) for block in mesh.blocks)])
    face_sets, node_sets = dict(mesh.face_sets), dict(mesh.node_sets)
    for number, name in _listed(file, "elem_ss", "ss_names", "sides"):
        elements = file.read(f"elem_ss{number}").astype(np.int64).ravel() - 1
        sides = file.read(f"side_ss{number}").astype(np.int64).ravel() - 1
        inside = elements.size == 0 or 0 <= elements.min() <= elements.max() < place.size
        if elements.size != sides.size or not inside or np.any(place[elements] < 0):
            message = f"{path}: side set {name} names sides of cells that do not exist."
            raise ConversionError(message)
        found, local = place[elements], np.zeros(elements.size, np.int64)
        nodes = [np.zeros(0, np.int64)]
        for block, start in zip(mesh.blocks, starts[:-1], strict=True):
            mine = (found >= start) & (found < start + len(block.ids))
            table, faces = _side_table(block.cell_type)
            if np.any(mine) and not 0 <= sides[mine].min() <= sides[mine].max() < len(table):
                message = f"{path}: side set {name} names a side that {block.cell_type} lacks."
                raise ConversionError(message)
            local[mine] = table[sides[mine]]
            for face in np.unique(local[mine]):
                owners = found[mine & (local == face)] - start
                nodes.append(block.connectivity[owners][:, list(faces[int(face)])].ravel())
        if found.size:
            face_sets[name] = FaceSet(found.astype(np.int64), local)
            node_sets.setdefault(name, np.unique(np.concatenate(nodes)))
    return replace(mesh, face_sets=face_sets, node_sets=node_sets)


def _side_table(cell_type: str) -> tuple[Int[Array, " n_sides"], list[tuple[int, ...]]]:
    """Return our face of each side, and the nodes of our faces."""
    cell = CELLS[cell_type]
    faces = [nodes for _, nodes in cell.faces]
    corners = [frozenset(node for node in nodes if node < cell.n_corners) for nodes in faces]
    table = [corners.index(frozenset(side)) for side in _SIDES[cell.geometry]]
    return np.array(table, dtype=np.int64), faces


def _vectors(names: list[str], n_dim: int) -> dict[str, tuple[int, ...]]:
    """Group variables that are the components of one vector, by position."""
    columns: dict[str, tuple[int, ...]] = {}
    lower = [name.lower() for name in names]
    taken: set[int] = set()
    for number, name in enumerate(lower):
        stem = name[:-1]
        parts = [stem + direction for direction in _DIRECTIONS[:n_dim]]
        if name.endswith("x") and stem and all(part in lower for part in parts):
            label = names[number][:-1].rstrip("_ ")
            known = "displacement" if label.lower() in _DISPLACEMENTS else label
            columns[known] = tuple(lower.index(part) for part in parts)
            taken |= set(columns[known])
    for number, name in enumerate(names):
        if number not in taken:
            columns.setdefault(name, (number,))
    return columns


def _variable(file: NetcdfFile, place: int, number: int) -> Array:
    """Read one variable at one instant."""
    name = f"vals_nod_var{place + 1}"
    if name in file.names:
        return np.asarray(file.row(name, number), dtype=np.float64)
    return np.asarray(file.row("vals_nod_var", number)[place], dtype=np.float64)


CONVERTER = Converter(
    name="exodus",
    suffixes=(".e", ".exo", ".ex2"),
    read_mesh=read_mesh,
    read_results=read_results,
    read_field=field_reader(read_results),
)
