"""Meshes and nodal results in the formats that meshio reads: VTU, PVD, XDMF, Gmsh, ...

Such files carry geometry and nodal fields, but nothing about the integration points, so cells get
the formulation ``romnet:<cell>`` and stresses are replayed from the displacements.
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree as ET

import meshio
import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError, RomnetError, StudyError
from romnet.fe.cells import CELLS
from romnet.fe.faces import locate_faces
from romnet.fe.formulations import default_formulation
from romnet.fe.mesh import CellBlock, FaceSet, Mesh
from romnet.store.converters.base import Converter, ForeignField, Results, check_node_order
from romnet.store.converters.nodal import check_points, known_fields, values_of

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
SERIES = (".pvd", ".xdmf", ".xmf")
SUFFIXES = (
    *SERIES,
    *(".vtu", ".vtk", ".msh"),
    *(".bdf", ".fem", ".nas", ".mesh", ".su2", ".vol", ".post"),
)
_COORDINATES = 3
_WEDGE_FLIPPED = [0, 2, 1, 3, 5, 4]
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Instant:
    """Points and point data of one instant."""

    points: Array
    point_data: Mapping[str, Array]


@dataclass(frozen=True)
class _Series:
    """Instants of one simulation, read when asked for."""

    times: tuple[float, ...]
    read: Callable[[int], _Instant]


def read_mesh(path: Path) -> Mesh:
    """Read a mesh with meshio.

    Parameters
    ----------
    path
        Any file that meshio reads, or a PVD series, whose first file is taken.

    Returns
    -------
    Mesh
        Cells of the highest dimension. Named sets and physical groups become node, cell or face
        sets by the dimension of their members; faces make a node set of the same name, too. meshio
        does not keep foreign numbers: ids are positions in the file, from 0. A mesh of plane cells
        loses its constant third coordinate.

    Raises
    ------
    ConversionError
        If meshio cannot read it, a cell type is not known, quadratic nodes are out of order, or
        plane cells do not lie in a plane.

    Notes
    -----
    Collective: no. Deterministic: yes. What meshio prints goes to the log. Reduced integration,
    named by Abaqus element types, is lost by meshio: set the formulation in the study. meshio 5.3
    cannot read 15-node prisms.

    Examples
    --------
    >>> read_mesh(Path("absent.vtu"))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.vtu: does not exist.
    """
    return mesh_of(path, _first_mesh(path))


def read_results(path: Path, mesh: Mesh) -> Results:
    """Read the header of a series of nodal results; values are read one instant at a time.

    Parameters
    ----------
    path
        PVD or XDMF time series, or a file of one instant (its time is the field data
        ``TimeValue``, 0 if absent).
    mesh
        Mesh of the results, read from the same series or from another file with the same nodes.

    Returns
    -------
    Results
        ``displacement`` from point data named displacement, displacements, disp, depl or u;
        ``reaction`` from reaction, reactions, reaction force or rf; ``temperature`` from
        temperature, temperatures, temp, nt or nt11 (any case); other point data by their names.

    Raises
    ------
    ConversionError
        If meshio cannot read it, instants do not increase, or the nodes are not those of `mesh`.

    Notes
    -----
    Collective: no. Deterministic: yes. Cost: one instant, to see what there is.

    Examples
    --------
    >>> read_results(Path("absent.pvd"), Mesh(np.zeros((0, 3)), (), np.arange(0)))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.pvd: does not exist.
    """
    series = _series(path)
    if not series.times or np.any(np.diff(series.times) <= 0.0):
        message = f"{path}: expected increasing instants, found {list(series.times[:5])}."
        raise ConversionError(message)
    first = series.read(0)
    check_points(path, first.points, mesh)
    sources, fields = known_fields(path, first.point_data, mesh.n_dim)

    def read(number: int, names: tuple[str, ...]) -> dict[str, Array]:
        """Read some fields of one instant."""
        data = series.read(number).point_data
        return {
            name: values_of(path, data, sources[name], (mesh.n_nodes, fields[name].n_components))
            for name in names
        }

    return Results(np.array(series.times), fields, read)


def read_field(
    path: Path, mesh: Mesh, *, variable: str | None = None, face_set: str | None = None
) -> ForeignField:
    """Read one scalar nodal field, such as a temperature map.

    Parameters
    ----------
    path
        File of one instant; of a series the first one is taken.
    mesh
        Mesh with the same nodes.
    variable
        Name of the point data; may be omitted when there is only one.
    face_set
        Not supported: these files hold no values on facets.

    Raises
    ------
    ConversionError
        If meshio cannot read it, the nodes differ, or the variable is absent or no scalar.

    Notes
    -----
    Collective: no. Deterministic: yes.

    Examples
    --------
    >>> read_field(Path("hot.vtu"), Mesh(np.zeros((0, 3)), (), np.arange(0)), face_set="skin")
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: hot.vtu: holds fields at nodes only, none on 'skin'.
    """
    if face_set is not None:
        message = f"{path}: holds fields at nodes only, none on {face_set!r}."
        raise ConversionError(message)
    first = _series(path).read(0)
    check_points(path, first.points, mesh)
    names = list(first.point_data)
    if variable is None and len(names) != 1:
        message = f"{path}: holds {names}; say which variable is meant."
        raise ConversionError(message)
    name = names[0] if variable is None else variable
    if name not in names:
        message = f"{path}: holds no variable {name!r}; it holds {names}."
        raise ConversionError(message)
    return ForeignField(name, "node", values_of(path, first.point_data, name, (mesh.n_nodes, 1)))


# Reading files ----------------------------------------------------------------------------------


@contextlib.contextmanager
def _foreign(path: Path) -> Iterator[None]:
    """Silence foreign code, and turn whatever it raises into a `ConversionError`."""
    if not path.is_file():
        message = f"{path}: does not exist."
        raise ConversionError(message)
    spoken = io.StringIO()
    try:
        with contextlib.redirect_stdout(spoken), contextlib.redirect_stderr(spoken):
            yield
    except RomnetError:
        raise
    except (SystemExit, Exception) as problem:
        words = " ".join(f"{problem} {spoken.getvalue()}".split()) or type(problem).__name__
        message = f"{path}: meshio cannot read it ({type(problem).__name__}: {words})."
        raise ConversionError(message) from problem
    finally:
        if spoken.getvalue():
            logger.debug("%s: %s", path, spoken.getvalue())


def _read(path: Path) -> meshio.Mesh:
    """Read one file."""
    with _foreign(path):
        return meshio.read(path)


def _first_mesh(path: Path) -> meshio.Mesh:
    """Read the mesh of a file, or of the first file of a series."""
    if path.suffix.lower() == ".pvd":
        return _read(_pvd_entries(path)[0][1])
    if _is_temporal(path):
        with _foreign(path), meshio.xdmf.TimeSeriesReader(path) as reader:
            points, cells = reader.read_points_cells()
            return meshio.Mesh(points, cells)
    return _read(path)


def _series(path: Path) -> _Series:
    """Return the instants of a file or series."""
    if path.suffix.lower() == ".pvd":
        entries = _pvd_entries(path)
        return _Series(
            tuple(time for time, _ in entries), lambda number: _instant(_read(entries[number][1]))
        )
    if _is_temporal(path):
        return _xdmf_series(path)
    raw = _read(path)
    time = np.ravel(raw.field_data.get("TimeValue", 0.0))
    return _Series((float(time[0]),), lambda _: _instant(raw))


def _instant(raw: meshio.Mesh) -> _Instant:
    """Keep points and point data."""
    return _Instant(np.asarray(raw.points, dtype=float), raw.point_data)


def _xdmf_series(path: Path) -> _Series:
    """Return the instants of an XDMF time series."""

    def read(number: int) -> _Instant:
        """Read one instant."""
        with _foreign(path), meshio.xdmf.TimeSeriesReader(path) as reader:
            points, _ = reader.read_points_cells()
            return _Instant(np.asarray(points, dtype=float), reader.read_data(number)[1])

    with _foreign(path), meshio.xdmf.TimeSeriesReader(path) as reader:
        times = tuple(float(grid.find("Time").attrib["Value"]) for grid in reader.collection)
    return _Series(times, read)


def _is_temporal(path: Path) -> bool:
    """Whether an XDMF file holds a collection in time."""
    if path.suffix.lower() not in (".xdmf", ".xmf"):
        return False
    return any(grid.get("CollectionType") == "Temporal" for grid in _xml(path).iter("Grid"))


def _pvd_entries(path: Path) -> list[tuple[float, Path]]:
    """Return the instants of a PVD file with the file of each."""
    entries = []
    for number, entry in enumerate(_xml(path).iter("DataSet")):
        try:
            entries.append((float(entry.attrib["timestep"]), path.parent / entry.attrib["file"]))
        except (KeyError, ValueError) as problem:
            message = f"{path}: DataSet {number} has no timestep or file."
            raise ConversionError(message) from problem
    if not entries:
        message = f"{path}: is no PVD series, it names no DataSet."
        raise ConversionError(message)
    if len({time for time, _ in entries}) < len(entries):
        message = f"{path}: has several parts for one instant; merge them into one file."
        raise ConversionError(message)
    return entries


def _xml(path: Path) -> ET.Element:
    """Parse an XML file that declares no entities."""
    with _foreign(path):
        content = path.read_bytes()
    if b"<!ENTITY" in content:
        message = f"{path}: declares XML entities, which are refused."
        raise ConversionError(message)
    try:
        return ET.fromstring(content)
    except ET.ParseError as problem:
        message = f"{path}: is no well-formed XML ({problem})."
        raise ConversionError(message) from problem


# Mesh -------------------------------------------------------------------------------------------


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
        if cell_type == "wedge6":
            connectivity = _upright(connectivity, nodes)
        check_node_order(path, cell_type, nodes, connectivity)
        ids = np.arange(first, first + len(connectivity))
        first += len(connectivity)
        blocks.append(CellBlock(cell_type, connectivity, default_formulation(cell_type), ids))
    return tuple(blocks)


def _upright(
    connectivity: Int[Array, "n_cells 6"], nodes: Float[Array, "n_nodes n_dim"]
) -> Int[Array, "n_cells 6"]:
    """Turn prisms whose first triangle points outwards: writers disagree about them."""
    slopes = CELLS["wedge6"].gradient(np.array([[1 / 3, 1 / 3, 0.0]]))[0]
    volume = np.linalg.det(np.einsum("cki,kj->cij", nodes[connectivity], slopes))
    return np.where((volume < 0.0)[:, None], connectivity[:, _WEDGE_FLIPPED], connectivity)


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


CONVERTER = Converter(
    name="meshio",
    suffixes=SUFFIXES,
    read_mesh=read_mesh,
    read_results=read_results,
    read_field=read_field,
)
