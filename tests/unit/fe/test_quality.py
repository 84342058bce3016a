"""Figures on meshes whose faults are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from romnet.fe.cells import CELLS
from romnet.fe.discretization import discretize
from romnet.fe.mesh import CellBlock, Mesh
from romnet.fe.quality import mesh_quality
from romnet.fe.structured import box_mesh

SOLIDS = [name for name, cell in CELLS.items() if cell.n_dim > 1]


def regular(name: str) -> Mesh:
    """One cell with equal edges."""
    cell = CELLS[name]
    shapes = {
        "tri": [[0, 0], [1, 0], [0.5, np.sqrt(0.75)]],
        "quad": [[0, 0], [1, 0], [1, 1], [0, 1]],
        "tet": [
            [0, 0, 0],
            [1, 0, 0],
            [0.5, np.sqrt(0.75), 0],
            [0.5, np.sqrt(1 / 12), np.sqrt(2 / 3)],
        ],
        "pyramid": [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0.5, 0.5, np.sqrt(0.5)]],
        "wedge": [
            *([0, 0, 0], [1, 0, 0], [0.5, np.sqrt(0.75), 0]),
            *([0, 0, 1], [1, 0, 1], [0.5, np.sqrt(0.75), 1]),
        ],
        "hex": [
            *([0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]),
            *([0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]),
        ],
    }
    linear = next(
        c for c in CELLS.values() if c.geometry == cell.geometry and c.n_nodes == c.n_corners
    )
    nodes = linear.shape(cell.nodes) @ np.array(shapes[cell.geometry], dtype=float)
    block = CellBlock(name, np.arange(len(nodes))[None], f"romnet:{name}", np.array([7]))
    return Mesh(nodes, (block,), np.arange(len(nodes)))


@pytest.mark.parametrize("name", SOLIDS)
def test_regular_cells_have_one(name: str) -> None:
    found = mesh_quality(regular(name))
    assert found.worst_scaled_jacobian == pytest.approx(1.0, abs=1e-12)
    assert found.inverted.size == found.flat.size == 0


@pytest.mark.parametrize("name", SOLIDS)
def test_mirrored_cells_are_inverted(name: str) -> None:
    mesh = regular(name)
    found = mesh_quality(replace(mesh, nodes=mesh.nodes * [-1.0, *[1.0] * (mesh.n_dim - 1)]))
    assert found.worst_scaled_jacobian == pytest.approx(-1.0, abs=1e-12)
    assert found.inverted.tolist() == [0]


def test_a_parallelepiped_has_the_sine_of_its_angle() -> None:
    mesh = box_mesh((1.0, 1.0, 1.0), (2, 2, 2))
    angle = 0.3
    sheared = mesh.nodes @ np.array(
        [[1.0, 0.0, 0.0], [np.cos(angle), np.sin(angle), 0.0], [0, 0, 1]]
    )
    found = mesh_quality(replace(mesh, nodes=sheared))
    assert found.worst_scaled_jacobian == pytest.approx(np.sin(angle), rel=1e-12)


def test_flat_cells_are_counted() -> None:
    mesh = box_mesh((1.0, 1.0, 1.0), (3, 1, 1), "tet4")
    squeezed = mesh.nodes.copy()
    squeezed[:, 2] *= 1e-3
    found = mesh_quality(replace(mesh, nodes=squeezed))
    assert found.flat.size == mesh.n_cells
    assert found.inverted.size == 0


def test_two_bodies_and_their_common_nodes_are_found() -> None:
    one = box_mesh((1.0, 1.0, 1.0), (2, 1, 1))
    block = one.blocks[0]
    other = replace(block, connectivity=block.connectivity + one.n_nodes, ids=block.ids + 10)
    nodes = np.vstack([one.nodes, one.nodes + np.array([1.0, 0.0, 0.0]), [[9.0, 9.0, 9.0]]])
    mesh = Mesh(nodes, (block, other), np.arange(len(nodes)))
    found = mesh_quality(mesh)
    assert found.part_sizes.tolist() == [2, 2]
    assert found.orphans.tolist() == [len(nodes) - 1]
    assert len(found.duplicates) == 4
    np.testing.assert_array_equal(nodes[found.duplicates[:, 0]], nodes[found.duplicates[:, 1]])
    assert discretize(mesh).weights.sum() == pytest.approx(2.0)


def test_a_mesh_without_cells_has_none() -> None:
    with pytest.raises(ValueError, match="without cells"):
        mesh_quality(Mesh(np.zeros((1, 3)), (), np.arange(1)))
