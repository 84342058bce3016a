"""MED files written by hand, after the layout of Salome's library, and by meshio."""

from __future__ import annotations

from pathlib import Path

import h5py
import meshio
import numpy as np
import pytest

from romnet.core.errors import ConversionError
from romnet.fe.discretization import discretize
from romnet.fe.mesh import Mesh
from romnet.fe.structured import box_mesh
from romnet.store.converters.med import CONVERTER, MED_TYPES
from romnet.store.converters.meshio_mesh import CELL_TYPES
from romnet.testing.converters import Expected, check_converter

# How Salome's library numbers the nodes of a cell of VTK, as far as it differs.
TURNED = {
    "tet4": [0, 2, 1, 3],
    "tet10": [0, 2, 1, 3, 6, 5, 4, 7, 9, 8],
    "hex8": [0, 3, 2, 1, 4, 7, 6, 5],
    "hex20": [0, 3, 2, 1, 4, 7, 6, 5, 11, 10, 9, 8, 15, 14, 13, 12, 16, 19, 18, 17],
}
STEP = f"{-1:020d}{-1:020d}"
TIMES = (0.5, 2.0, 10.0)  # steps sort by number, not by name


def family(parent: h5py.Group, name: str, number: int, groups: list[str]) -> None:
    group = parent.create_group(name)
    group.attrs["NUM"] = number
    letters = np.zeros((len(groups), 80), dtype=np.int8)
    for row, text in zip(letters, groups, strict=True):
        row[: len(text)] = np.frombuffer(text.encode(), dtype=np.int8)
    group.create_group("GRO")["NOM"] = letters


def flat(parent: h5py.Group, name: str, rows: np.ndarray) -> None:
    parent[name] = np.ascontiguousarray(rows.T).ravel()
    parent[name].attrs["NBR"] = len(rows)


def write_med(path: Path, mesh: Mesh, *, turned: bool = True) -> Path:
    """Write solids, the faces x1, groups and three instants."""
    with h5py.File(path, "w") as file:
        grid = file.create_group(f"ENS_MAA/part/{STEP}")
        flat(grid, "NOE/COO", mesh.nodes)
        families = np.zeros(mesh.n_nodes, dtype=int)
        families[mesh.node_sets["x0"]] = 3
        grid["NOE/FAM"] = families
        grid["NOE/NUM"] = mesh.node_ids * 10 + 7
        (block,) = mesh.blocks
        name = next(k for k, v in MED_TYPES.items() if CELL_TYPES.get(v) == block.cell_type)
        order = TURNED[block.cell_type] if turned else slice(None)
        flat(grid, f"MAI/{name}/NOD", block.connectivity[:, order] + 1)
        numbers = np.zeros(mesh.n_cells, dtype=int)
        numbers[0] = -4
        grid[f"MAI/{name}/FAM"] = numbers
        grid[f"MAI/{name}/NUM"] = np.arange(mesh.n_cells) + 100
        if block.cell_type == "hex8":
            from romnet.fe.faces import face_connectivity

            (faces,) = face_connectivity(mesh, mesh.face_sets["x1"])
            flat(grid, "MAI/QU4/NOD", faces.nodes + 1)
            grid["MAI/QU4/FAM"] = np.full(len(faces.nodes), -6)
        root = file.create_group("FAS/part")
        family(root.create_group("NOEUD"), "FAM_3", 3, ["left", "held"])
        cells = root.create_group("ELEME")
        family(cells, "FAM_-4", -4, ["hot"])
        family(cells, "FAM_-6", -6, ["skin"])
        for name, n_components in (("RESU____DEPL", 3), ("RESU____TEMP", 1)):
            field = file.create_group(f"CHA/{name}")
            field.attrs["NCO"] = n_components
            for number, time in enumerate(TIMES):
                step = field.create_group(f"{number:020d}{-1:020d}")
                step.attrs["PDT"] = time
                rows = time * mesh.nodes[:, :n_components]
                flat(step, "NOE/MED_NO_PROFILE_INTERNAL/CO", rows)
    return path


@pytest.mark.parametrize("cell", list(TURNED))
@pytest.mark.parametrize("turned", [True, False])
def test_cells_are_turned_into_our_order(cell: str, turned: bool, tmp_path: Path) -> None:
    expected = box_mesh((1.0, 2.0, 3.0), (2, 1, 1), cell)
    mesh = CONVERTER.read_mesh(write_med(tmp_path / "a.med", expected, turned=turned))
    volumes = [
        np.bincount(points.cell_of_point, points.weights)
        for points in (discretize(mesh), discretize(expected))
    ]
    np.testing.assert_allclose(*volumes, rtol=1e-12)
    first, second = mesh.blocks[0].connectivity, expected.blocks[0].connectivity
    np.testing.assert_array_equal(np.sort(first), np.sort(second))


def test_groups_become_sets(tmp_path: Path) -> None:
    box = box_mesh((1.0, 2.0, 3.0), (2, 2, 1))
    mesh = CONVERTER.read_mesh(write_med(tmp_path / "a.med", box))
    np.testing.assert_array_equal(np.sort(mesh.node_sets["left"]), np.sort(box.node_sets["x0"]))
    np.testing.assert_array_equal(mesh.node_sets["left"], mesh.node_sets["held"])
    assert mesh.cell_sets["hot"].tolist() == [0]
    assert mesh.face_sets["skin"].cells.size == 2
    np.testing.assert_array_equal(np.sort(mesh.node_sets["skin"]), np.sort(box.node_sets["x1"]))


def test_numbers_of_the_file_are_kept(tmp_path: Path) -> None:
    box = box_mesh((1.0, 2.0, 3.0), (2, 2, 1))
    mesh = CONVERTER.read_mesh(write_med(tmp_path / "a.med", box))
    np.testing.assert_array_equal(mesh.node_ids, box.node_ids * 10 + 7)
    assert mesh.blocks[0].ids.tolist() == [100, 101, 102, 103]


def test_all_instants_are_read(tmp_path: Path) -> None:
    box = box_mesh((1.0, 2.0, 3.0), (1, 1, 1))
    path = write_med(tmp_path / "a.med", box)
    results = CONVERTER.read_results(path, CONVERTER.read_mesh(path))
    assert results.times.tolist() == list(TIMES)
    assert set(results.fields) == {"displacement", "temperature"}
    for number, time in enumerate(TIMES):
        found = results.instant(number)
        np.testing.assert_allclose(found["displacement"], time * box.nodes.ravel())
        np.testing.assert_allclose(found["temperature"], time * box.nodes[:, 0])
    field = CONVERTER.read_field(path, CONVERTER.read_mesh(path))
    np.testing.assert_allclose(field.values, 10.0 * box.nodes[:, 0])


def test_files_of_meshio_are_read(tmp_path: Path) -> None:
    box = box_mesh((1.0, 2.0, 3.0), (2, 1, 1), "tet4")
    raw = meshio.Mesh(box.nodes, [("tetra", box.blocks[0].connectivity)])
    raw.point_data["U"] = 0.1 * box.nodes
    raw.write(tmp_path / "a.med")
    mesh = CONVERTER.read_mesh(tmp_path / "a.med")
    results = CONVERTER.read_results(tmp_path / "a.med", mesh)
    np.testing.assert_allclose(results.instant(0)["displacement"], 0.1 * box.nodes.ravel())


def test_the_converter_conforms(tmp_path: Path) -> None:
    box = box_mesh((1.0, 2.0, 3.0), (2, 2, 1))
    path = write_med(tmp_path / "a.med", box)
    known = Expected(
        sets={"left": 6, "held": 6, "hot": 1, "skin": 2},
        last={"displacement": 10.0 * box.nodes.ravel()},
    )
    check_converter(CONVERTER, path, path, expected=known)


def test_damaged_files_raise_conversion_errors_only(tmp_path: Path) -> None:
    path = write_med(tmp_path / "a.med", box_mesh((1.0, 2.0, 3.0), (1, 1, 1)))
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
