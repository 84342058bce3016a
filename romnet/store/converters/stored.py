"""romnet's own files as results: snapshots in HDF5, and what it wrote as VTKHDF.

Beside ``a.h5`` the mesh is ``a.mesh.h5``, or ``mesh.h5`` of the folder of results that holds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import meshio
import numpy as np

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError, RomnetError, StoreError
from romnet.fe.formulations import FORMULATIONS
from romnet.fe.mesh import CellBlock, Mesh
from romnet.store.converters.base import Converter, Results
from romnet.store.converters.meshio_mesh import CELL_TYPES, mesh_of
from romnet.store.converters.nodal import check_points, field_reader, known_fields, values_of
from romnet.store.converters.reach import refuse_links
from romnet.store.mesh_file import load_mesh
from romnet.store.snapshots import SnapshotStore
from romnet.store.vtkhdf import VTK_TYPES

STORE, VTKHDF = ".h5", ".vtkhdf"
FORMULATION = "romnet_formulations"


def mesh_beside(path: Path) -> Path:
    """Return where the mesh of stored snapshots is looked for.

    Examples
    --------
    >>> mesh_beside(Path("a.h5")).name
    'a.mesh.h5'
    """
    own = path.with_suffix(f".mesh{STORE}")
    shared = path.parent.parent / f"mesh{STORE}"
    return shared if not own.is_file() and shared.is_file() else own


def read_mesh(path: Path) -> Mesh:
    """Read the mesh of stored snapshots, a stored mesh, or the geometry of a VTKHDF file.

    Parameters
    ----------
    path
        ``.h5`` or ``.vtkhdf`` file.

    Raises
    ------
    ConversionError
        If the file is missing, damaged or something else.

    Notes
    -----
    Collective: no. Deterministic: yes. VTKHDF files keep neither sets nor foreign numbers.

    Examples
    --------
    >>> read_mesh(Path("absent.h5"))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.h5 does not exist.
    """
    with _told(path):
        if path.suffix.lower() == VTKHDF:
            with _root(path) as root:
                return _geometry(path, root)
        if path.is_file() and _kind(path) == "snapshots":
            return load_mesh(mesh_beside(path))
        return load_mesh(path)


def read_results(path: Path, mesh: Mesh) -> Results:
    """Read the header of stored snapshots or of a VTKHDF series; values are streamed.

    Parameters
    ----------
    path
        ``.h5`` or ``.vtkhdf`` file.
    mesh
        Mesh of the results.

    Returns
    -------
    Results
        All stored fields; of VTKHDF files the point data, as `romnet.store.converters.nodal` names
        them. Values in the cells are averages, not results, and left out.

    Raises
    ------
    ConversionError
        If the file is missing, damaged or does not fit the mesh.

    Notes
    -----
    Collective: no. Deterministic: yes. Cost: the header.

    Examples
    --------
    >>> read_results(Path("absent.vtkhdf"), Mesh(np.zeros((0, 3)), (), np.arange(0)))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.vtkhdf: does not exist.
    """
    with _told(path):
        return (_series if path.suffix.lower() == VTKHDF else _snapshots)(path, mesh)


def _snapshots(path: Path, mesh: Mesh) -> Results:
    """Return stored snapshots as results."""
    store = SnapshotStore.open(path)
    fields = {name: stored.info for name, stored in store.fields.items()}
    for name, stored in store.fields.items():
        expected = mesh.n_nodes * stored.info.n_components
        if stored.info.location == "node" and stored.n_rows != expected:
            message = f"{path}: {name} has {stored.n_rows} rows, the mesh needs {expected}."
            raise ConversionError(message)
    times = np.asarray(store.times, dtype=np.float64)
    if times.size == 0 or np.any(np.diff(times) <= 0.0):
        message = f"{path}: expected increasing instants, found {times[:5].tolist()}."
        raise ConversionError(message)

    def read(number: int, names: tuple[str, ...]) -> dict[str, Array]:
        """Read some fields of one instant."""
        values = {}
        with _told(path):
            for name in names:
                column = store.source(name).column(number)
                info = fields[name]
                shaped = info.location == "point" and info.components
                values[name] = column.reshape(-1, info.n_components) if shaped else column
        return values

    return Results(times, fields, read)


def _series(path: Path, mesh: Mesh) -> Results:
    """Return the point data of a VTKHDF file as results."""
    with _root(path) as root:
        check_points(path, np.asarray(root["Points"], dtype=np.float64), mesh)
        steps = root.get("Steps")
        times = np.zeros(1) if steps is None else np.asarray(steps["Values"], dtype=np.float64)
        if times.size == 0 or np.any(np.diff(times) <= 0.0):
            message = f"{path}: expected increasing instants, found {times[:5].tolist()}."
            raise ConversionError(message)
        _refuse_moving(path, steps)
        shapes = {
            str(name): np.empty((0, *data.shape[1:]))
            for name, data in root.get("PointData", {}).items()
        }
    sources, fields = known_fields(path, shapes, mesh.n_dim)

    def read(number: int, names: tuple[str, ...]) -> dict[str, Array]:
        """Read some fields of one instant."""
        with _told(path), _root(path) as root:
            data = {sources[name]: _rows(root, sources[name], number, mesh) for name in names}
        return {
            name: values_of(path, data, sources[name], (mesh.n_nodes, fields[name].n_components))
            for name in names
        }

    return Results(times, fields, read)


def _rows(root: h5py.Group, name: str, number: int, mesh: Mesh) -> Array:
    """Read the rows of one instant."""
    first = 0
    steps = root.get("Steps")
    if steps is not None:
        first = int(steps["PointDataOffsets"][name][number])
    return np.asarray(root["PointData"][name][first : first + mesh.n_nodes], dtype=np.float64)


def _refuse_moving(path: Path, steps: Any) -> None:  # noqa: ANN401  (group or None)
    """Refuse series whose geometry changes, or whose instants have several parts."""
    if steps is None:
        return
    changing = any(np.ptp(np.asarray(steps[name])) > 0 for name in ("PointOffsets", "CellOffsets"))
    if changing or np.any(np.asarray(steps["NumberOfParts"]) != 1):
        message = f"{path}: the geometry changes in time, or comes in parts; it is not read."
        raise ConversionError(message)


def _geometry(path: Path, root: h5py.Group) -> Mesh:
    """Read points and cells."""
    points = np.asarray(root["Points"], dtype=np.float64)
    types = np.asarray(root["Types"], dtype=np.int64)
    offsets = np.asarray(root["Offsets"], dtype=np.int64)
    nodes = np.asarray(root["Connectivity"], dtype=np.int64)
    ours = {number: name for name, number in VTK_TYPES.items()}
    theirs = {name: foreign for foreign, name in CELL_TYPES.items()}
    cells = []
    starts = np.flatnonzero(np.diff(types, prepend=-1))
    for start, stop in zip(starts, [*starts[1:], types.size], strict=True):
        kind = int(types[start])
        if kind not in ours:
            message = f"{path}: cells of VTK type {kind} are not known."
            raise ConversionError(message)
        rows = nodes[offsets[start] : offsets[stop]]
        cells.append((theirs[ours[kind]], rows.reshape(stop - start, -1)))
    mesh = mesh_of(path, meshio.Mesh(points, cells))
    return _with_formulations(mesh, root)


def _with_formulations(mesh: Mesh, root: h5py.Group) -> Mesh:
    """Return the mesh with the formulations that romnet noted, where it did."""
    noted = root.attrs.get(FORMULATION)
    names = str(noted).split() if noted is not None else []
    if len(names) != len(mesh.blocks) or any(name not in FORMULATIONS for name in names):
        return mesh
    blocks = tuple(
        CellBlock(block.cell_type, block.connectivity, name, block.ids)
        for block, name in zip(mesh.blocks, names, strict=True)
        if FORMULATIONS[name].cell_type == block.cell_type
    )
    return Mesh(mesh.nodes, blocks, mesh.node_ids) if len(blocks) == len(names) else mesh


def _kind(path: Path) -> str:
    """Return what an artefact says it holds."""
    with h5py.File(path, "r") as file:
        return str(file.attrs.get("kind", ""))


@contextmanager
def _root(path: Path) -> Iterator[h5py.Group]:
    """Open a VTKHDF file."""
    if not path.is_file():
        message = f"{path}: does not exist."
        raise ConversionError(message)
    with h5py.File(path, "r") as file:
        refuse_links(path, file)
        root = file.get("VTKHDF")
        kind = root.attrs.get("Type", b"") if isinstance(root, h5py.Group) else b""
        if bytes(np.asarray(kind)).rstrip(b"\0") != b"UnstructuredGrid":
            message = f"{path}: is no unstructured grid in VTKHDF."
            raise ConversionError(message)
        yield root


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what reading a damaged file raises into a `ConversionError`."""
    try:
        yield
    except ConversionError:
        raise
    except StoreError as problem:
        raise ConversionError(str(problem)) from problem
    except (RomnetError, Exception) as problem:
        message = f"{path}: cannot be read ({type(problem).__name__}: {problem})."
        raise ConversionError(message) from problem


def _files(path: Path) -> tuple[Path, ...]:
    """Return a file and its mesh."""
    beside = mesh_beside(path)
    return (path, beside) if path.suffix.lower() == STORE and beside.is_file() else (path,)


CONVERTER = Converter(
    name="romnet",
    suffixes=(STORE, VTKHDF),
    read_mesh=read_mesh,
    read_results=read_results,
    read_field=field_reader(read_results),
    files=_files,
)
