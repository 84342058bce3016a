"""MED files of Salome and Code_Aster: meshes with their groups, nodal fields in time.

MED turns its solid cells the other way round than VTK does, and some writers forget it: cells
with a negative volume are mirrored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import meshio
import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError, RomnetError
from romnet.fe.cells import CELLS
from romnet.fe.mesh import Mesh
from romnet.store.converters.base import Converter, Results
from romnet.store.converters.meshio_mesh import CELL_TYPES, mesh_of
from romnet.store.converters.nodal import field_reader, known_fields, values_of
from romnet.store.converters.orientation import upright
from romnet.store.converters.reach import refuse_links

MED_TYPES: Mapping[str, str] = {
    "SE2": "line",
    "SE3": "line3",
    "TR3": "triangle",
    "TR6": "triangle6",
    "QU4": "quad",
    "QU8": "quad8",
    "QU9": "quad9",
    "TE4": "tetra",
    "T10": "tetra10",
    "PY5": "pyramid",
    "PE6": "wedge",
    "P15": "wedge15",
    "HE8": "hexahedron",
    "H20": "hexahedron20",
    "H27": "hexahedron27",
}
_WHOLE = b"MED_NO_PROFILE_INTERNAL"
# Code_Aster writes RESULT__DEPL: name of the result, underscores, name of the field.
_ASTER = {"REAC_NODA": "reaction", "DEPL": "displacement", "TEMP": "temperature"}


@dataclass(frozen=True)
class _FieldSteps:
    """A nodal field in the file."""

    name: str
    n_components: int
    times: Float[Array, " n_times"]
    steps: tuple[str, ...]


def read_mesh(path: Path) -> Mesh:
    """Read the first mesh of a MED file.

    Parameters
    ----------
    path
        ``.med`` or ``.rmed`` file.

    Returns
    -------
    Mesh
        Groups of nodes, of solid cells and of their faces are sets of the same name; a group of
        faces is a node set, too. Numbers are those of the file where it has some.

    Raises
    ------
    ConversionError
        If the file is missing, damaged, or holds no mesh of known cells.

    Notes
    -----
    Collective: no. Deterministic: yes. Memory: a few times the mesh.

    Examples
    --------
    >>> read_mesh(Path("absent.med"))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.med: does not exist.
    """
    with _opened(path) as file:
        name, grid = _grid(path, file)
        nodes = grid["NOE"]
        count = _count(nodes["COO"])
        points = _columns(nodes["COO"], count)
        families = _families(file, name)
        cells, groups, numbers = _cells(path, grid, points, families["ELEME"])
        node_families = np.asarray(nodes["FAM"]) if "FAM" in nodes else np.zeros(count, int)
        point_sets = _members(families["NOEUD"], node_families)
        ids = np.asarray(nodes["NUM"], dtype=np.int64) if "NUM" in nodes else None
        raw = meshio.Mesh(points, cells, cell_sets=groups, point_sets=point_sets)
        mesh = mesh_of(path, raw)
        return _numbered(mesh, ids, numbers[-1] if numbers else None)


def read_results(path: Path, mesh: Mesh) -> Results:
    """Read the header of the nodal fields of a MED file; values are read when asked for.

    Parameters
    ----------
    path
        ``.med`` or ``.rmed`` file.
    mesh
        Its mesh, or another with the same nodes.

    Returns
    -------
    Results
        Fields on all nodes that exist at the instants of the displacement, or of the first field
        where there is none. ``DEPL``, ``REAC_NODA`` and ``TEMP`` of Code_Aster get romnet's names.

    Raises
    ------
    ConversionError
        If the file is missing, damaged or does not fit the mesh, or holds no nodal field.

    Notes
    -----
    Collective: no. Deterministic: yes. Memory: one instant.

    Examples
    --------
    >>> read_results(Path("absent.med"), Mesh(np.zeros((0, 3)), (), np.arange(0)))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.med: does not exist.
    """
    with _opened(path) as file:
        _, grid = _grid(path, file)
        if _count(grid["NOE/COO"]) != mesh.n_nodes:
            message = f"{path}: has another number of nodes than the mesh, {mesh.n_nodes}."
            raise ConversionError(message)
        found = {entry.name: entry for entry in _nodal(path, file)}
    if not found:
        message = f"{path}: holds no field at all nodes."
        raise ConversionError(message)
    leading = found.get("displacement", next(iter(found.values())))
    alike = {
        name: entry for name, entry in found.items() if np.array_equal(entry.times, leading.times)
    }
    shapes = {name: np.empty((0, entry.n_components)) for name, entry in alike.items()}
    sources, fields = known_fields(path, shapes, mesh.n_dim)
    if leading.times.size == 0 or np.any(np.diff(leading.times) <= 0.0):
        message = f"{path}: expected increasing instants, found {leading.times[:5].tolist()}."
        raise ConversionError(message)

    def read(number: int, names: tuple[str, ...]) -> dict[str, Array]:
        """Read some fields of one instant."""
        with _opened(path) as file:
            return {
                name: values_of(
                    path,
                    {name: _columns(file[alike[sources[name]].steps[number]], mesh.n_nodes)},
                    name,
                    (mesh.n_nodes, fields[name].n_components),
                )
                for name in names
            }

    return Results(leading.times, fields, read)


def _grid(path: Path, file: h5py.File) -> tuple[str, h5py.Group]:
    """Return the name and the content of the first mesh, at its first step."""
    meshes = file.get("ENS_MAA")
    if not isinstance(meshes, h5py.Group) or not len(meshes):
        message = f"{path}: holds no mesh in MED."
        raise ConversionError(message)
    name = min(meshes)
    grid = meshes[name]
    return name, grid if "NOE" in grid else grid[min(grid)]


def _families(file: h5py.File, mesh: str) -> dict[str, dict[int, list[str]]]:
    """Return the groups of each family of nodes and of cells."""
    found: dict[str, dict[int, list[str]]] = {"NOEUD": {}, "ELEME": {}}
    root = file.get(f"FAS/{mesh}")
    for kind, groups in found.items():
        for family in (root or {}).get(kind, {}).values():
            names = family["GRO/NOM"] if "GRO" in family else []
            groups[int(family.attrs["NUM"])] = [_text(row) for row in np.asarray(names)]
    return found


def _members(families: Mapping[int, list[str]], numbers: Int[Array, " n"]) -> dict[str, Array]:
    """Return the members of each group of nodes."""
    groups: dict[str, list[Array]] = {}
    for number, names in families.items():
        for name in names:
            groups.setdefault(name, []).append(np.flatnonzero(numbers == number))
    whole = {name: np.unique(np.concatenate(parts)) for name, parts in groups.items()}
    return {name: members for name, members in whole.items() if members.size}


def _cells(
    path: Path, grid: h5py.Group, points: Array, families: Mapping[int, list[str]]
) -> tuple[list[tuple[str, Array]], dict[str, list[Array]], list[Array | None]]:
    """Return cells by type, groups by type, and numbers of the solid cells."""
    cells: list[tuple[str, Array]] = []
    members: list[dict[str, Array]] = []
    numbers: list[Array | None] = []
    for name, block in grid.get("MAI", {}).items():
        if name == "PO1":
            continue
        if name not in MED_TYPES:
            message = f"{path}: cells of type {name!r} are not known."
            raise ConversionError(message)
        rows = _columns(block["NOD"], _count(block["NOD"]), np.int64) - 1
        if rows.size and not 0 <= rows.min() <= rows.max() < len(points):
            message = f"{path}: {name} cells name nodes that do not exist."
            raise ConversionError(message)
        kind = MED_TYPES[name]
        cell_type = CELL_TYPES.get(kind)
        cells.append((kind, rows if cell_type is None else upright(cell_type, rows, points)))
        given = np.asarray(block["FAM"]) if "FAM" in block else np.zeros(len(rows), int)
        members.append(_members(families, given))
        numbers.append(np.asarray(block["NUM"], dtype=np.int64) if "NUM" in block else None)
    names = dict.fromkeys(name for found in members for name in found)
    nothing = np.zeros(0, np.int64)
    groups = {name: [found.get(name, nothing) for found in members] for name in names}
    dims = [_dim(kind) for kind, _ in cells]
    solid = [found for found, dim in zip(numbers, dims, strict=True) if dim == max(dims)]
    known = [found for found in solid if found is not None]
    whole = np.concatenate(known) if known and len(known) == len(solid) else None
    return cells, groups, [whole]


def _dim(kind: str) -> int:
    """Return the dimension of a cell."""
    return CELLS[CELL_TYPES[kind]].n_dim if kind in CELL_TYPES else 1


def _numbered(mesh: Mesh, nodes: Array | None, cells: Array | None) -> Mesh:
    """Return the mesh with the numbers of the file, where these are unique."""
    if nodes is not None and np.unique(nodes).size == mesh.n_nodes:
        mesh = replace(mesh, node_ids=nodes)
    if cells is None or np.unique(cells).size != mesh.n_cells:
        return mesh
    ends = np.cumsum([len(block.ids) for block in mesh.blocks])[:-1]
    parts = np.split(cells, ends)
    blocks = (replace(block, ids=ids) for block, ids in zip(mesh.blocks, parts, strict=True))
    return replace(mesh, blocks=tuple(blocks))


def _nodal(path: Path, file: h5py.File) -> Iterator[_FieldSteps]:
    """Find the fields on all nodes."""
    fields = file.get("CHA")
    for foreign in fields if isinstance(fields, h5py.Group) else ():
        field = fields[foreign]
        entries = []
        for step in field:
            place = _nodal_values(field[step])
            if place is not None:
                time = float(field[step].attrs.get("PDT", 0.0))
                entries.append((time, f"CHA/{foreign}/{step}/{place}"))
        if not entries:
            continue
        entries.sort()
        name = _ASTER.get(foreign.split("__")[-1].strip("_"), foreign)
        count = int(field.attrs["NCO"])
        if not 0 < count < 100:  # noqa: PLR2004
            message = f"{path}: field {foreign} has {count} components."
            raise ConversionError(message)
        times = np.array([time for time, _ in entries])
        yield _FieldSteps(name, count, times, tuple(place for _, place in entries))


def _nodal_values(step: h5py.Group) -> str | None:
    """Return where the values on all nodes are, if there are some."""
    nodes = step.get("NOE")
    if not isinstance(nodes, h5py.Group):
        return None
    if "CO" in nodes:
        return "NOE/CO"
    whole = _WHOLE.decode()
    return f"NOE/{whole}/CO" if whole in nodes else None


def _count(data: h5py.Dataset) -> int:
    """Return the number of nodes or cells of a dataset."""
    return int(data.attrs["NBR"])


def _columns(data: Any, count: int, kind: type = np.float64) -> Array:  # noqa: ANN401
    """Return values that are stored component after component, one row for each entity."""
    values: Array = np.asarray(data, dtype=kind)
    return np.ascontiguousarray(values.reshape(-1, count).T)


def _text(row: Any) -> str:  # noqa: ANN401  (bytes, numbers of letters)
    """Return a name."""
    raw = bytes(np.asarray(row, dtype=np.int8 if np.asarray(row).dtype.kind == "i" else None))
    return raw.split(b"\0", maxsplit=1)[0].decode("latin-1").strip()


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """Open a file, and turn whatever reading it raises into a `ConversionError`."""
    if not path.is_file():
        message = f"{path}: does not exist."
        raise ConversionError(message)
    try:
        with h5py.File(path, "r") as file:
            refuse_links(path, file)
            yield file
    except ConversionError:
        raise
    except (RomnetError, Exception) as problem:
        message = f"{path}: cannot be read as MED ({type(problem).__name__}: {problem})."
        raise ConversionError(message) from problem


CONVERTER = Converter(
    name="med",
    suffixes=(".med", ".rmed"),
    read_mesh=read_mesh,
    read_results=read_results,
    read_field=field_reader(read_results),
)
