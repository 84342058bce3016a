"""Meshes and nodal results in the formats that meshio reads: VTU, PVD, XDMF, Gmsh, ...

Such files carry geometry and nodal fields, but nothing about the integration points, so cells get
the formulation ``romnet:<cell>`` and stresses are replayed from the displacements.
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import h5py
import meshio
import numpy as np

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError, RomnetError
from romnet.fe.mesh import Mesh
from romnet.store.converters.base import Converter, ForeignField, Results
from romnet.store.converters.meshio_mesh import mesh_of
from romnet.store.converters.nodal import check_points, known_fields, values_of
from romnet.store.converters.reach import beside, refuse_links

_XDMF = (".xdmf", ".xmf")
SERIES = (".pvd", *_XDMF)
SUFFIXES = (
    *SERIES,
    *(".vtu", ".vtk", ".msh"),
    *(".bdf", ".fem", ".nas", ".mesh", ".su2", ".vol", ".post"),
)
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
    if path.suffix.lower() in _XDMF and path.is_file():
        _refuse_far_items(path)
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


def _refuse_far_items(path: Path) -> None:
    """Refuse values of an XDMF file that lie outside its folder."""
    for item in _xml(path).iter("DataItem"):
        if item.get("Format", "XML") == "XML" or not item.text:
            continue
        target = beside(path, item.text.strip().split(":")[0])
        if item.get("Format") == "HDF" and target.is_file():
            with _foreign(path), h5py.File(target, "r") as file:
                refuse_links(target, file)


def _is_temporal(path: Path) -> bool:
    """Whether an XDMF file holds a collection in time."""
    if path.suffix.lower() not in _XDMF:
        return False
    _refuse_far_items(path)
    return any(grid.get("CollectionType") == "Temporal" for grid in _xml(path).iter("Grid"))


def _pvd_entries(path: Path) -> list[tuple[float, Path]]:
    """Return the instants of a PVD file with the file of each."""
    entries = []
    for number, entry in enumerate(_xml(path).iter("DataSet")):
        try:
            entries.append((float(entry.attrib["timestep"]), beside(path, entry.attrib["file"])))
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


CONVERTER = Converter(
    name="meshio",
    suffixes=SUFFIXES,
    read_mesh=read_mesh,
    read_results=read_results,
    read_field=read_field,
)
