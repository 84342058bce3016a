"""Regular meshes: numbering, sets, conformity."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.fe.cells import CELLS
from romnet.fe.faces import face_nodes
from romnet.fe.structured import box_mesh

CELL_TYPES = [name for name, cell in CELLS.items() if cell.n_dim > 1]


def test_the_cube_benchmark_has_its_nodes_sets_and_numbering():
    mesh = box_mesh((1.0, 1.0, 1.0), (6, 6, 6), formulation="zset:c3d8")
    assert (mesh.n_nodes, mesh.n_cells, mesh.n_dofs) == (343, 216, 1029)
    assert mesh.blocks[0].formulation == "zset:c3d8"
    np.testing.assert_allclose(mesh.nodes[1], [1 / 6, 0, 0])
    np.testing.assert_allclose(mesh.nodes[7], [0, 1 / 6, 0])
    np.testing.assert_allclose(mesh.nodes[49], [0, 0, 1 / 6])
    np.testing.assert_allclose(mesh.nodes[mesh.node_sets["x0y1z1"]], [[0, 1, 1]])
    assert (mesh.nodes[mesh.node_sets["x0y0"]][:, :2] == 0).all()
    assert mesh.node_sets["x0y0"].size == 7
    assert mesh.face_sets["x1"].cells.size == 36
    assert mesh.blocks[0].connectivity[0].tolist() == [0, 1, 8, 7, 49, 50, 57, 56]


@pytest.mark.parametrize("cell_type", CELL_TYPES)
def test_sides_hold_exactly_the_nodes_with_that_coordinate(cell_type):
    n_dim = CELLS[cell_type].n_dim
    lengths = (2.0, 3.0, 5.0)[:n_dim]
    mesh = box_mesh(lengths, (2, 1, 2)[:n_dim], cell_type)
    for axis, length in enumerate(lengths):
        for end in (0, 1):
            name = f"{'xyz'[axis]}{end}"
            expected = np.flatnonzero(mesh.nodes[:, axis] == end * length)
            np.testing.assert_array_equal(mesh.node_sets[name], expected)
            np.testing.assert_array_equal(face_nodes(mesh, mesh.face_sets[name]), expected)


@pytest.mark.parametrize("cell_type", CELL_TYPES)
def test_every_node_is_used_no_two_coincide_and_x_runs_fastest(cell_type):
    n_dim = CELLS[cell_type].n_dim
    mesh = box_mesh((1.0,) * n_dim, (2,) * n_dim, cell_type)
    assert np.unique(mesh.blocks[0].connectivity).size == mesh.n_nodes
    assert np.unique(mesh.nodes, axis=0).shape == mesh.nodes.shape
    assert np.lexsort(mesh.nodes.T).tolist() == list(range(mesh.n_nodes))


def test_a_plane_cell_does_not_fill_a_box():
    with pytest.raises(ValueError, match="quad4 fills 2 dimensions"):
        box_mesh((1.0, 1.0, 1.0), (1, 1, 1), "quad4")
