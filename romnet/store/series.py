"""Fields in time for other programs, one instant after the other: VTKHDF, XDMF or a VTU series."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable
from xml.etree import ElementTree as ET

import h5py
import meshio
import numpy as np

from romnet.core.arrays import Array
from romnet.core.errors import StoreError
from romnet.fe.mesh import Mesh
from romnet.store.converters.meshio_mesh import CELL_TYPES
from romnet.store.new_file import new_file
from romnet.store.replacing import replacing
from romnet.store.vtkhdf import writing_vtkhdf

_SPACE = 3
# Name and number that XDMF gives to each cell.
_XDMF: Mapping[str, tuple[str, int]] = {
    "tri3": ("Triangle", 4),
    "quad4": ("Quadrilateral", 5),
    "tet4": ("Tetrahedron", 6),
    "pyramid5": ("Pyramid", 7),
    "wedge6": ("Wedge", 8),
    "hex8": ("Hexahedron", 9),
    "quad9": ("Quadrilateral_9", 35),
    "tri6": ("Triangle_6", 36),
    "quad8": ("Quadrilateral_8", 37),
    "tet10": ("Tetrahedron_10", 38),
    "wedge15": ("Wedge_15", 40),
    "hex20": ("Hexahedron_20", 48),
    "hex27": ("Hexahedron_27", 50),
}
_KINDS = {1: "Scalar", 3: "Vector", 6: "Tensor6"}


@runtime_checkable
class SeriesWriter(Protocol):
    """Receives one instant after the other."""

    def append(
        self,
        time: float,
        *,
        point_fields: Mapping[str, Array] | None = None,
        cell_fields: Mapping[str, Array] | None = None,
    ) -> None:
        """Write one instant, as `romnet.store.vtkhdf.VtkhdfWriter.append` does."""


def writing_series(path: Path, mesh: Mesh) -> AbstractContextManager[SeriesWriter]:
    """Open a new series in the format of its suffix; it appears when the block ends well.

    Parameters
    ----------
    path
        ``.vtkhdf`` (one file), ``.xdmf`` (with ``<name>.xdmf.h5``) or ``.pvd`` (with one VTU file
        for each instant in the folder ``<stem>``).
    mesh
        Static geometry; plane meshes lie in z = 0.

    Raises
    ------
    ValueError
        If the suffix is another.
    StoreError
        If the disk refuses, or the format knows no such cell.

    Notes
    -----
    Collective: no; one rank calls it. Deterministic: yes. Memory: one instant.

    Examples
    --------
    >>> import tempfile
    >>> from romnet.fe.structured import box_mesh
    >>> from romnet.store.converters.meshio_bridge import read_results
    >>> mesh = box_mesh((1.0, 1.0, 1.0), (1, 1, 1))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "a.xdmf"
    ...     with writing_series(path, mesh) as writer:
    ...         for time in (0.0, 1.0):
    ...             writer.append(time, point_fields={"displacement": np.full(24, time)})
    ...     [float(f["displacement"].sum()) for _, f in read_results(path, mesh).instants()]
    [0.0, 24.0]
    """
    writers: dict[str, Callable[[Path, Mesh], AbstractContextManager[SeriesWriter]]] = {
        ".vtkhdf": writing_vtkhdf,
        ".xdmf": _writing_xdmf,
        ".pvd": _writing_pvd,
    }
    if path.suffix.lower() not in writers:
        message = f"series are written as {', '.join(writers)}, not as {path.suffix!r}."
        raise ValueError(message)
    unknown = [block.cell_type for block in mesh.blocks if block.cell_type not in _XDMF]
    if unknown:
        message = f"{path}: {path.suffix} has no cells of type {unknown[0]!r}."
        raise StoreError(message)
    return writers[path.suffix.lower()](path, mesh)


def companions(path: Path) -> tuple[Path, ...]:
    """Return what belongs to a series besides its file.

    Examples
    --------
    >>> [found.name for found in companions(Path("a.xdmf"))]
    ['a.xdmf.h5']
    """
    suffix = path.suffix.lower()
    if suffix == ".xdmf":
        return (path.with_name(f"{path.name}.h5"),)
    return (path.with_suffix(""),) if suffix == ".pvd" else ()


@dataclass
class _XdmfWriter:
    """Values in an HDF5 file, described by XML."""

    mesh: Mesh
    file: h5py.File
    name: str
    collection: ET.Element
    times: list[float] = field(default_factory=list)

    def append(
        self,
        time: float,
        *,
        point_fields: Mapping[str, Array] | None = None,
        cell_fields: Mapping[str, Array] | None = None,
    ) -> None:
        """Write one instant."""
        grid = ET.SubElement(self.collection, "Grid", Name=f"{len(self.times)}")
        pointer = 'xpointer(//Grid[@Name="mesh"]/*[self::Topology or self::Geometry])'
        ET.SubElement(grid, "{https://www.w3.org/2001/XInclude}include", xpointer=pointer)
        ET.SubElement(grid, "Time", Value=repr(float(time)))
        for centre, count, fields in (
            ("Node", self.mesh.n_nodes, point_fields or {}),
            ("Cell", self.mesh.n_cells, cell_fields or {}),
        ):
            for name, rows in fields.items():
                values = _columns(rows, count, self.mesh.n_dim)
                kind = _KINDS.get(values.shape[1] if values.ndim > 1 else 1, "Matrix")
                attribute = ET.SubElement(
                    grid, "Attribute", Name=name, AttributeType=kind, Center=centre
                )
                place = f"{len(self.times)}/{centre}/{name.replace('/', '_')}"
                self.item(attribute, place, values)
        self.times.append(time)

    def item(self, parent: ET.Element, place: str, values: Array) -> None:
        """Write an array and its description."""
        self.file[place] = values
        integer = np.issubdtype(values.dtype, np.integer)
        item = ET.SubElement(
            parent,
            "DataItem",
            DataType="Int" if integer else "Float",
            Dimensions=" ".join(map(str, values.shape)),
            Format="HDF",
            Precision="8",
        )
        item.text = f"{self.name}:/{place}"


@contextmanager
def _writing_xdmf(path: Path, mesh: Mesh) -> Iterator[SeriesWriter]:
    """Open an XDMF series."""
    (values,) = companions(path)
    ET.register_namespace("xi", "https://www.w3.org/2001/XInclude")
    root = ET.Element("Xdmf", Version="3.0")
    domain = ET.SubElement(root, "Domain")
    collection = ET.SubElement(
        domain, "Grid", Name="series", GridType="Collection", CollectionType="Temporal"
    )
    with replacing(path) as temporary:
        with replacing(values) as h5_temporary, new_file(h5_temporary) as file:
            writer = _XdmfWriter(mesh, file, values.name, collection)
            grid = ET.SubElement(domain, "Grid", Name="mesh", GridType="Uniform")
            geometry = ET.SubElement(grid, "Geometry", GeometryType="XYZ")
            writer.item(geometry, "points", _points(mesh))
            _write_topology(writer, grid, mesh)
            yield writer
        temporary.write_bytes(ET.tostring(root))


def _write_topology(writer: _XdmfWriter, grid: ET.Element, mesh: Mesh) -> None:
    """Write cells of one type, or of several with the number of each type before its nodes."""
    names = {block.cell_type for block in mesh.blocks}
    one = names.pop() if len(names) == 1 else None
    topology = ET.SubElement(
        grid,
        "Topology",
        TopologyType=_XDMF[one][0] if one else "Mixed",
        NumberOfElements=str(mesh.n_cells),
    )
    if one:
        cells = np.concatenate([block.connectivity for block in mesh.blocks])
        topology.set("NodesPerElement", str(cells.shape[1]))
    else:
        cells = np.concatenate(
            [
                np.insert(block.connectivity, 0, _XDMF[block.cell_type][1], axis=1).ravel()
                for block in mesh.blocks
            ]
        )
    writer.item(topology, "cells", cells)


@dataclass
class _PvdWriter:
    """One VTU file for each instant."""

    mesh: Mesh
    folder: Path
    times: list[float] = field(default_factory=list)

    def append(
        self,
        time: float,
        *,
        point_fields: Mapping[str, Array] | None = None,
        cell_fields: Mapping[str, Array] | None = None,
    ) -> None:
        """Write one instant."""
        n_nodes, n_cells, n_dim = self.mesh.n_nodes, self.mesh.n_cells, self.mesh.n_dim
        starts = np.cumsum([len(block.connectivity) for block in self.mesh.blocks])[:-1]
        names = {ours: theirs for theirs, ours in CELL_TYPES.items()}
        raw = meshio.Mesh(
            _points(self.mesh),
            [(names[block.cell_type], block.connectivity) for block in self.mesh.blocks],
            point_data={
                name: _columns(rows, n_nodes, n_dim) for name, rows in (point_fields or {}).items()
            },
            cell_data={
                name: np.split(_columns(rows, n_cells, n_dim), starts)
                for name, rows in (cell_fields or {}).items()
            },
        )
        with replacing(self.folder / _vtu_name(len(self.times))) as temporary:
            meshio.write(temporary, raw, file_format="vtu")
        self.times.append(time)


@contextmanager
def _writing_pvd(path: Path, mesh: Mesh) -> Iterator[SeriesWriter]:
    """Open a series of VTU files."""
    (folder,) = companions(path)
    writer = _PvdWriter(mesh, folder)
    with replacing(path) as temporary:
        yield writer
        root = ET.Element("VTKFile", type="Collection", version="0.1")
        collection = ET.SubElement(root, "Collection")
        for number, time in enumerate(writer.times):
            ET.SubElement(
                collection,
                "DataSet",
                timestep=repr(float(time)),
                file=f"{folder.name}/{_vtu_name(number)}",
            )
        temporary.write_bytes(ET.tostring(root))


def _vtu_name(number: int) -> str:
    """Return the file of an instant."""
    return f"{number:06d}.vtu"


def _points(mesh: Mesh) -> Array:
    """Return the nodes in space."""
    points = np.zeros((mesh.n_nodes, _SPACE))
    points[:, : mesh.n_dim] = mesh.nodes
    return points


def _columns(rows: Array, count: int, n_dim: int) -> Array:
    """Return one row for each node or cell; plane vectors get a third component."""
    if rows.size == 0 or rows.size % count:
        message = f"{rows.size} values do not fit {count} nodes or cells."
        raise ValueError(message)
    values = np.asarray(rows, dtype=np.float64).reshape(count, -1)
    if values.shape[1] == 1:
        return values[:, 0]
    if values.shape[1] == n_dim < _SPACE:
        return np.pad(values, ((0, 0), (0, _SPACE - n_dim)))
    return values
