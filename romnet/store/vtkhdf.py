"""Fields in time for ParaView: one VTKHDF file, geometry once, one instant after the other.

The layout is the transient unstructured grid of the VTKHDF format, version 2: values of all
instants one below the other, and a group ``Steps`` that says where each instant begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Float, Int

from romnet.core import tensors
from romnet.core.arrays import Array
from romnet.core.errors import StoreError
from romnet.fe.mesh import Mesh
from romnet.store.new_file import new_file
from romnet.store.replacing import replacing

VTK_TYPES: Mapping[str, int] = {
    "tri3": 5,
    "quad4": 9,
    "tet4": 10,
    "hex8": 12,
    "wedge6": 13,
    "pyramid5": 14,
    "tri6": 22,
    "quad8": 23,
    "tet10": 24,
    "hex20": 25,
    "wedge15": 26,
    "quad9": 28,
    "hex27": 29,
}
VTK_TENSOR = ("11", "22", "33", "12", "23", "13")
CHUNK_ROWS = 16384
LONGEST_ATTRIBUTE = 32_000
_SPACE = 3


@dataclass
class VtkhdfWriter:
    """Receives one instant after the other; made by `writing_vtkhdf`."""

    path: Path
    mesh: Mesh
    root: h5py.Group
    times: list[float] = field(default_factory=list)

    def append(
        self,
        time: float,
        *,
        point_fields: Mapping[str, Array] | None = None,
        cell_fields: Mapping[str, Array] | None = None,
    ) -> None:
        """Write one instant.

        Parameters
        ----------
        time
            Instant, later than the one before [time].
        point_fields
            Values at the nodes by name, flat (``row = node * n_components + component``) or
            (n_nodes, n_components). Vectors of a plane mesh get a third component, zero.
        cell_fields
            Values in the cells by name, (n_cells,) or (n_cells, n_components); see
            `cell_averages`. Tensors in the order of `to_vtk_tensor`.

        Raises
        ------
        ValueError
            If the time does not increase, a size does not fit, or the fields are not those of
            the first instant.

        Notes
        -----
        Collective: no; one rank writes. Memory: one instant.
        """
        if self.times and time <= self.times[-1]:
            message = f"instants must increase, got {time:g} after {self.times[-1]:g}."
            raise ValueError(message)
        for location, count, values in (
            ("PointData", self.mesh.n_nodes, point_fields or {}),
            ("CellData", self.mesh.n_cells, cell_fields or {}),
        ):
            known = set(self.root[location])
            if self.times and set(values) != known:
                message = (
                    f"{location} of every instant must be {sorted(known)}, got {list(values)}."
                )
                raise ValueError(message)
            for name, rows in values.items():
                _append_rows(self.root[location], name, _shaped(name, rows, count, self.mesh.n_dim))
        self.times.append(time)


@contextmanager
def writing_vtkhdf(path: Path, mesh: Mesh) -> Iterator[VtkhdfWriter]:
    """Open a new VTKHDF file; it appears when the block ends well.

    Parameters
    ----------
    path
        Where the file will appear, usually ``.vtkhdf``.
    mesh
        Static geometry; plane meshes lie in z = 0.

    Raises
    ------
    StoreError
        If the disk refuses, or VTK knows no such cell.

    Notes
    -----
    Collective: no; one rank calls it. Deterministic: yes.

    Examples
    --------
    >>> import tempfile
    >>> from romnet.fe.structured import box_mesh
    >>> mesh = box_mesh((1.0, 1.0, 1.0), (1, 1, 1))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with writing_vtkhdf(Path(folder) / "a.vtkhdf", mesh) as writer:
    ...         writer.append(0.0, point_fields={"displacement": np.zeros(24)})
    ...     with h5py.File(Path(folder) / "a.vtkhdf") as file:
    ...         int(file["VTKHDF/Steps"].attrs["NSteps"])
    1
    """
    with replacing(path) as temporary, new_file(temporary) as file:
        root = file.create_group("VTKHDF")
        root.attrs["Version"] = np.array([2, 0], dtype=np.int64)
        root.attrs.create("Type", b"UnstructuredGrid", dtype=h5py.string_dtype("ascii", 16))
        _write_geometry(root, mesh)
        for location in ("PointData", "CellData"):
            root.create_group(location)
        writer = VtkhdfWriter(path, mesh, root)
        yield writer
        _write_steps(root, mesh, np.array(writer.times, dtype=np.float64))


def write_vtkhdf(
    path: Path,
    mesh: Mesh,
    instants: Iterable[tuple[float, Mapping[str, Array], Mapping[str, Array]]],
) -> None:
    """Write instants as they come: time, fields at the nodes, fields in the cells.

    Parameters
    ----------
    path, mesh
        As in `writing_vtkhdf`.
    instants
        Time, nodal fields and cell fields of each instant, as in `VtkhdfWriter.append`.

    Raises
    ------
    ValueError
        As in `VtkhdfWriter.append`.
    StoreError
        As in `writing_vtkhdf`.

    Notes
    -----
    Collective: no. Memory: one instant.

    Examples
    --------
    >>> import tempfile
    >>> from romnet.fe.structured import box_mesh
    >>> mesh = box_mesh((1.0, 1.0, 1.0), (2, 1, 1))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     series = ((t, {"T": np.full(12, t)}, {"p": np.full(2, t)}) for t in (0.0, 1.0))
    ...     write_vtkhdf(Path(folder) / "a.vtkhdf", mesh, series)
    ...     with h5py.File(Path(folder) / "a.vtkhdf") as file:
    ...         file["VTKHDF/CellData/p"][()].tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    with writing_vtkhdf(path, mesh) as writer:
        for time, point_fields, cell_fields in instants:
            writer.append(time, point_fields=point_fields, cell_fields=cell_fields)


def cell_averages(
    values: Float[Array, "n_points ..."],
    weights: Float[Array, " n_points"],
    cell_of_point: Int[Array, " n_points"],
) -> Float[Array, "n_cells ..."]:
    """Average a field at the integration points over each cell, weighted by volume.

    Parameters
    ----------
    values
        Field (n_points,) or (n_points, n_components).
    weights
        Quadrature weights [volume]; their sum over a cell is positive.
    cell_of_point
        Cell of each point, ascending, with no cell left out.

    Raises
    ------
    ValueError
        If `cell_of_point` is not ascending.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing.

    Examples
    --------
    >>> cells = np.array([0, 0, 1])
    >>> cell_averages(np.array([1.0, 3.0, 5.0]), np.array([1.0, 1.0, 2.0]), cells).tolist()
    [2.0, 5.0]
    """
    if np.any(np.diff(cell_of_point) < 0):
        message = "points must be ordered by cell."
        raise ValueError(message)
    starts = np.flatnonzero(np.diff(cell_of_point, prepend=-1))
    factors = weights.reshape(-1, *(1,) * (values.ndim - 1))
    sums = np.add.reduceat(factors * values, starts, axis=0)
    volumes = np.add.reduceat(factors, starts, axis=0)
    return np.asarray(sums / volumes)


def to_vtk_tensor(voigt: Float[Array, "n n_components"]) -> Float[Array, "n 6"]:
    """Reorder Voigt components to VTK's symmetric tensors: 11, 22, 33, 12, 23, 13.

    Parameters
    ----------
    voigt
        Six components, or four of plane strain, whose missing ones become zero. Shear strains
        stay engineering ones.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing.

    Examples
    --------
    >>> to_vtk_tensor(np.array([[1.0, 2.0, 3.0, 12.0, 13.0, 23.0]])).tolist()
    [[1.0, 2.0, 3.0, 12.0, 23.0, 13.0]]
    """
    whole = np.zeros((len(voigt), len(tensors.VOIGT)))
    whole[:, : voigt.shape[1]] = voigt
    return np.ascontiguousarray(whole[:, [tensors.VOIGT.index(name) for name in VTK_TENSOR]])


def _write_geometry(root: h5py.Group, mesh: Mesh) -> None:
    """Write points and cells, once for all instants."""
    unknown = [block.cell_type for block in mesh.blocks if block.cell_type not in VTK_TYPES]
    if unknown:
        message = f"{root.file.filename}: VTK has no cells of type {unknown[0]!r}."
        raise StoreError(message)
    points = np.zeros((mesh.n_nodes, _SPACE))
    points[:, : mesh.n_dim] = mesh.nodes
    sizes = np.concatenate(
        [np.zeros(1, np.int64)]
        + [np.full(len(b.connectivity), b.connectivity.shape[1]) for b in mesh.blocks]
    )
    types = [np.full(len(b.connectivity), VTK_TYPES[b.cell_type]) for b in mesh.blocks]
    connectivity = [np.ravel(block.connectivity) for block in mesh.blocks]
    flat = np.concatenate([np.zeros(0, np.int64), *connectivity]).astype(np.int64)
    # For romnet, which reads its own files again; others ignore it.
    formulations = " ".join(block.formulation for block in mesh.blocks)
    if len(formulations) < LONGEST_ATTRIBUTE:
        root.attrs["romnet_formulations"] = formulations
    root["NumberOfPoints"] = np.array([mesh.n_nodes], dtype=np.int64)
    root["NumberOfCells"] = np.array([mesh.n_cells], dtype=np.int64)
    root["NumberOfConnectivityIds"] = np.array([flat.size], dtype=np.int64)
    root["Points"] = points
    root["Connectivity"] = flat
    root["Offsets"] = np.cumsum(sizes).astype(np.int64)
    root["Types"] = np.concatenate([np.zeros(0, np.int64), *types]).astype(np.uint8)


def _write_steps(root: h5py.Group, mesh: Mesh, times: Float[Array, " n_times"]) -> None:
    """Say where each instant begins."""
    n_times = times.size
    steps = root.create_group("Steps")
    steps.attrs["NSteps"] = np.int64(n_times)
    steps["Values"] = times
    steps["NumberOfParts"] = np.ones(n_times, dtype=np.int64)
    for name in ("PartOffsets", "PointOffsets"):
        steps[name] = np.zeros(n_times, dtype=np.int64)
    for name in ("CellOffsets", "ConnectivityIdOffsets"):
        steps[name] = np.zeros((n_times, 1), dtype=np.int64)
    for location, count in (("PointData", mesh.n_nodes), ("CellData", mesh.n_cells)):
        offsets = steps.create_group(f"{location}Offsets")
        for name in root[location]:
            offsets[name] = np.arange(n_times, dtype=np.int64) * count


def _shaped(name: str, rows: Array, count: int, n_dim: int) -> Array:
    """Return one row for each node or cell; plane vectors get a third component."""
    if "/" in name or rows.size == 0 or rows.size % count:
        message = f"field {name!r}: {rows.size} values do not fit {count} nodes or cells."
        raise ValueError(message)
    values = np.reshape(rows, (count, -1))
    if values.shape[1] == 1:
        return values[:, 0]
    if values.shape[1] == n_dim < _SPACE:
        return np.pad(values, ((0, 0), (0, _SPACE - n_dim)))
    return values


def _append_rows(group: h5py.Group, name: str, values: Array) -> None:
    """Write one instant of one field below those that are there."""
    if name not in group:
        group.create_dataset(
            name,
            shape=(0, *values.shape[1:]),
            maxshape=(None, *values.shape[1:]),
            chunks=(min(len(values), CHUNK_ROWS), *values.shape[1:]),
            dtype="f8",
        )
    dataset = group[name]
    if dataset.shape[1:] != values.shape[1:]:
        message = (
            f"field {name!r}: expected {dataset.shape[1:]} components, got {values.shape[1:]}."
        )
        raise ValueError(message)
    dataset.resize(len(dataset) + len(values), axis=0)
    dataset[-len(values) :] = values
