"""VTK's own reader finds in the file what was written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from romnet.core.tensors import VOIGT
from romnet.fe.cells import CELLS
from romnet.fe.discretization import discretize
from romnet.fe.mesh import CellBlock, Mesh
from romnet.fe.structured import box_mesh
from romnet.store.vtkhdf import (
    VTK_TYPES,
    cell_averages,
    to_vtk_tensor,
    write_vtkhdf,
    writing_vtkhdf,
)

MESH = box_mesh((2.0, 1.0, 1.0), (3, 2, 1))
TIMES = [0.0, 0.5, 2.0]


def fields_at(time: float) -> tuple[float, dict, dict]:
    u = time * MESH.nodes[:, [1, 2, 0]]
    cells = np.arange(MESH.n_cells, dtype=float)
    return (
        time,
        {"displacement": u.ravel(), "T": 20.0 + time * MESH.nodes[:, 0]},
        {"p": time * cells, "stress": cells[:, None] + np.arange(6.0) * time},
    )


def read_with_vtk(path: Path, step: int):
    """Return the reader and the grid of one step."""
    import vtk  # slow to load; the test extra brings it

    reader = vtk.vtkHDFReader()
    reader.SetFileName(str(path))
    reader.UpdateInformation()
    reader.SetStep(step)
    reader.Update()
    return reader, reader.GetOutput()


def array(data, name: str) -> np.ndarray:
    from vtk.util.numpy_support import vtk_to_numpy

    return vtk_to_numpy(data.GetArray(name))


def test_vtk_reads_back_geometry_times_and_fields(tmp_path: Path) -> None:
    path = tmp_path / "box.vtkhdf"
    write_vtkhdf(path, MESH, (fields_at(time) for time in TIMES))
    for step, time in enumerate(TIMES):
        reader, grid = read_with_vtk(path, step)
        assert reader.GetNumberOfSteps() == len(TIMES)
        assert grid.GetNumberOfPoints() == MESH.n_nodes
        assert grid.GetNumberOfCells() == MESH.n_cells
        places = [grid.GetPoint(node) for node in range(MESH.n_nodes)]
        np.testing.assert_array_equal(places, MESH.nodes)
        for cell, corners in enumerate(MESH.blocks[0].connectivity):
            ids = grid.GetCell(cell).GetPointIds()
            assert [ids.GetId(place) for place in range(8)] == corners.tolist()
            assert grid.GetCellType(cell) == 12
        _, nodal, cells = fields_at(time)
        point_data, cell_data = grid.GetPointData(), grid.GetCellData()
        np.testing.assert_array_equal(
            array(point_data, "displacement"), nodal["displacement"].reshape(-1, 3)
        )
        np.testing.assert_array_equal(array(point_data, "T"), nodal["T"])
        np.testing.assert_array_equal(array(cell_data, "p"), cells["p"])
        np.testing.assert_array_equal(array(cell_data, "stress"), cells["stress"])


@pytest.mark.parametrize("name", sorted(VTK_TYPES))
def test_vtk_numbers_the_nodes_of_every_cell_as_romnet_does(name: str, tmp_path: Path) -> None:
    cell = CELLS[name]
    block = CellBlock(name, np.arange(cell.n_nodes)[None], f"romnet:{name}", np.array([1]))
    mesh = Mesh(cell.nodes, (block,), np.arange(cell.n_nodes))
    with writing_vtkhdf(tmp_path / "one.vtkhdf", mesh) as writer:
        writer.append(0.0)
    _, grid = read_with_vtk(tmp_path / "one.vtkhdf", 0)
    found = grid.GetCell(0)
    assert found.GetNumberOfPoints() == cell.n_nodes
    # VTK's reference cells span [0, 1] in each direction; the apex of its pyramid is aside.
    found_nodes = np.array(found.GetParametricCoords()[: 3 * cell.n_nodes]).reshape(-1, 3)
    low, high = cell.nodes.min(axis=0), cell.nodes.max(axis=0)
    chosen = slice(0, 4 if cell.geometry == "pyramid" else None)
    expected = ((cell.nodes - low) / (high - low))[chosen]
    np.testing.assert_allclose(found_nodes[chosen, : cell.n_dim], expected, atol=1e-15)


def test_plane_vectors_get_a_third_component(tmp_path: Path) -> None:
    block = CellBlock("tri3", np.array([[0, 1, 2]]), "romnet:tri3", np.array([0]))
    mesh = Mesh(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), (block,), np.arange(3))
    with writing_vtkhdf(tmp_path / "a.vtkhdf", mesh) as writer:
        writer.append(0.0, point_fields={"u": np.arange(6.0)})
    _, grid = read_with_vtk(tmp_path / "a.vtkhdf", 0)
    assert array(grid.GetPointData(), "u").tolist() == [[0, 1, 0], [2, 3, 0], [4, 5, 0]]


def test_averages_of_a_linear_field_are_its_values_at_the_centres() -> None:
    space = discretize(MESH)
    found = cell_averages(space.positions, space.weights, space.cell_of_point)
    centres = MESH.nodes[MESH.blocks[0].connectivity].mean(axis=1)
    np.testing.assert_allclose(found, centres, rtol=1e-13)


def test_averages_want_points_ordered_by_cell() -> None:
    with pytest.raises(ValueError, match="ordered by cell"):
        cell_averages(np.zeros(2), np.ones(2), np.array([1, 0]))


@given(st.permutations(range(6)))
def test_vtk_order_swaps_the_last_two_components(values: list[int]) -> None:
    named = dict(zip(VOIGT, values, strict=True))
    found = to_vtk_tensor(np.array([values], dtype=float))[0]
    assert found.tolist() == [named[name] for name in ("11", "22", "33", "12", "23", "13")]


@pytest.mark.parametrize(
    ("instants", "words"),
    [
        ([(1.0, {}, {}), (1.0, {}, {})], "instants must increase"),
        ([(0.0, {"T": np.zeros(5)}, {})], "'T': 5 values do not fit 24 nodes"),
        ([(0.0, {}, {"p": np.zeros(6)}), (1.0, {}, {})], r"must be \['p'\], got \[\]"),
        ([(0.0, {"u": np.zeros(24)}, {}), (1.0, {"u": np.zeros(72)}, {})], "expected .*components"),
    ],
)
def test_instants_that_do_not_fit_leave_no_file(instants, words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=words):
        write_vtkhdf(tmp_path / "a.vtkhdf", MESH, instants)
    assert list(tmp_path.iterdir()) == []
