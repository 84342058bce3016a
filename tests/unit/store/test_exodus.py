"""Exodus files in both netCDF formats, written by hand after its manual."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import netcdf_file

from romnet.core.errors import ConversionError
from romnet.fe.cells import CELLS
from romnet.fe.discretization import discretize
from romnet.fe.loads import face_areas
from romnet.fe.mesh import Mesh
from romnet.fe.structured import box_mesh
from romnet.store.converters.exodus import CONVERTER
from romnet.testing.converters import Expected, check_converter

TIMES = (0.0, 0.5, 2.0)
TYPES = {"hex8": "HEX8", "hex20": "HEX20", "tet4": "TETRA", "tet10": "TETRA10", "wedge6": "WEDGE"}
# Nodes of the manual's 20-node brick: 13-16 between bottom and top, 17-20 around the top.
BRICK = [*range(12), 16, 17, 18, 19, 12, 13, 14, 15]
SIDES = {"hex": {"x1": 2, "x0": 4, "y0": 1, "z0": 5, "z1": 6}}


def letters(texts, width=33):
    rows = np.zeros((len(texts), width), dtype="S1")
    for row, text in zip(rows, texts, strict=True):
        row[: len(text)] = list(text)
    return rows


def content(mesh: Mesh) -> dict[str, np.ndarray]:
    """Return all variables of a file of one block."""
    (block,) = mesh.blocks
    connectivity = block.connectivity
    if block.cell_type == "hex20":
        connectivity = block.connectivity[:, BRICK]
    variables = {
        "coordx": mesh.nodes[:, 0],
        "coordy": mesh.nodes[:, 1],
        "coordz": mesh.nodes[:, 2],
        "node_num_map": (np.arange(mesh.n_nodes) * 3 + 5).astype(np.int32),
        "connect1": (connectivity + 1).astype(np.int32),
        "eb_names": letters(["solid"]),
        "node_ns1": (mesh.node_sets["x0"] + 1).astype(np.int32),
        "ns_names": letters(["held"]),
        "time_whole": np.array(TIMES),
        "name_nod_var": letters(["disp_x", "disp_y", "disp_z", "TEMP"]),
    }
    for number in range(3):
        values = np.outer(TIMES, mesh.nodes[:, number])
        variables[f"vals_nod_var{number + 1}"] = values
    variables["vals_nod_var4"] = np.outer(TIMES, np.arange(float(mesh.n_nodes)))
    if CELLS[block.cell_type].geometry == "hex":
        for number, side in enumerate(SIDES["hex"], start=1):
            owners = mesh.face_sets[side].cells
            variables[f"elem_ss{number}"] = (owners + 1).astype(np.int32)
            numbers = np.full(owners.size, SIDES["hex"][side], dtype=np.int32)
            variables[f"side_ss{number}"] = numbers
        variables["ss_names"] = letters([f"at_{side}" for side in SIDES["hex"]])
    return variables


def write_classic(path: Path, mesh: Mesh) -> Path:
    kind = TYPES[mesh.blocks[0].cell_type]
    with netcdf_file(path, "w") as file:
        for name, values in content(mesh).items():
            dims = tuple(f"{name}_{axis}" for axis in range(values.ndim))
            for dim, size in zip(dims, values.shape, strict=True):
                file.createDimension(dim, size)
            code = "c" if values.dtype.kind == "S" else values.dtype.char
            variable = file.createVariable(name, code, dims)
            variable[:] = values
            if name == "connect1":
                variable.elem_type = kind
    return path


def write_netcdf4(path: Path, mesh: Mesh) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in content(mesh).items():
            file[name] = values
        file["connect1"].attrs["elem_type"] = np.bytes_(TYPES[mesh.blocks[0].cell_type])
    return path


WRITERS = [write_classic, write_netcdf4]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("cell", list(TYPES))
def test_cells_keep_their_nodes(write, cell: str, tmp_path: Path) -> None:
    box = box_mesh((1.0, 2.0, 3.0), (2, 1, 1), cell)
    mesh = CONVERTER.read_mesh(write(tmp_path / "a.e", box))
    np.testing.assert_array_equal(mesh.blocks[0].connectivity, box.blocks[0].connectivity)
    np.testing.assert_array_equal(mesh.nodes, box.nodes)
    assert mesh.node_ids[:3].tolist() == [5, 8, 11]
    assert discretize(mesh).weights.sum() == pytest.approx(6.0)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("cell", ["hex8", "hex20"])
def test_sets_have_their_names_and_places(write, cell: str, tmp_path: Path) -> None:
    box = box_mesh((1.0, 2.0, 3.0), (2, 2, 2), cell)
    mesh = CONVERTER.read_mesh(write(tmp_path / "a.exo", box))
    assert mesh.cell_sets["solid"].size == 8
    np.testing.assert_array_equal(np.sort(mesh.node_sets["held"]), np.sort(box.node_sets["x0"]))
    areas = {"x0": 6.0, "x1": 6.0, "y0": 3.0, "z0": 2.0, "z1": 2.0}
    for side, area in areas.items():
        found = mesh.face_sets[f"at_{side}"]
        assert face_areas(mesh, found).sum() == pytest.approx(area)
        np.testing.assert_array_equal(
            np.sort(mesh.node_sets[f"at_{side}"]), np.sort(box.node_sets[side])
        )


@pytest.mark.parametrize("write", WRITERS)
def test_all_instants_are_read(write, tmp_path: Path) -> None:
    box = box_mesh((1.0, 2.0, 3.0), (2, 1, 1))
    path = write(tmp_path / "a.e", box)
    mesh = CONVERTER.read_mesh(path)
    results = CONVERTER.read_results(path, mesh)
    assert results.times.tolist() == list(TIMES)
    assert set(results.fields) == {"displacement", "temperature"}
    for number, time in enumerate(TIMES):
        found = results.instant(number)
        np.testing.assert_allclose(found["displacement"], time * box.nodes.ravel())
        np.testing.assert_allclose(found["temperature"], time * np.arange(box.n_nodes))
    assert CONVERTER.read_field(path, mesh, variable="temperature").values[1] == 2.0


@pytest.mark.parametrize("write", WRITERS)
def test_the_converter_conforms(write, tmp_path: Path) -> None:
    box = box_mesh((1.0, 2.0, 3.0), (2, 1, 1))
    path = write(tmp_path / "a.e", box)
    known = Expected(
        sets={"solid": 2, "held": 4, "at_x1": 1}, last={"displacement": 2.0 * box.nodes.ravel()}
    )
    check_converter(CONVERTER, path, path, expected=known)


@pytest.mark.parametrize("write", WRITERS)
def test_damaged_files_raise_conversion_errors_only(write, tmp_path: Path) -> None:
    path = write(tmp_path / "a.e", box_mesh((1.0, 2.0, 3.0), (1, 1, 1)))
    content = path.read_bytes()
    mesh = CONVERTER.read_mesh(path)
    rng = np.random.default_rng(5)
    for _ in range(80):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), size=6):
            damaged[place] = int(rng.integers(256))
        path.write_bytes(bytes(damaged[: int(rng.integers(1, 2 * len(content)))]))
        try:
            for _ in CONVERTER.read_results(path, mesh).instants():
                pass
            CONVERTER.read_mesh(path)
        except ConversionError:
            pass
