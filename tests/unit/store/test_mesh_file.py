"""Meshes come back with sets, formulations and foreign numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from romnet.core.errors import StoreError
from romnet.fe.mesh import CellBlock, FaceSet, Mesh
from romnet.store.manifest import read_manifest
from romnet.store.mesh_file import load_mesh, save_mesh
from tests.unit.store.rewriting import rewritten


def test_mesh_comes_back(tmp_path: Path) -> None:
    blocks = (
        CellBlock("tet4", np.array([[0, 1, 2, 3]]), "zset:c3d4", np.array([17])),
        CellBlock("tet4", np.array([[1, 2, 3, 4]]), "romnet:tet4", np.array([4])),
    )
    mesh = Mesh(
        np.random.default_rng(0).random((5, 3)),
        blocks,
        np.array([9, 7, 5, 3, 1]),
        {"x0/left": np.array([0, 3])},
        {"hot": np.array([1])},
        {"skin": FaceSet(np.array([0, 1]), np.array([2, 0]))},
    )
    save_mesh(tmp_path / "mesh.h5", mesh)
    found = load_mesh(tmp_path / "mesh.h5")
    np.testing.assert_array_equal(found.nodes, mesh.nodes)
    np.testing.assert_array_equal(found.node_ids, mesh.node_ids)
    for one, other in zip(found.blocks, blocks, strict=True):
        assert (one.cell_type, one.formulation) == (other.cell_type, other.formulation)
        np.testing.assert_array_equal(one.connectivity, other.connectivity)
        np.testing.assert_array_equal(one.ids, other.ids)
    assert found.node_sets["x0/left"].tolist() == [0, 3]
    assert found.cell_sets["hot"].tolist() == [1]
    assert found.face_sets["skin"].local_faces.tolist() == [2, 0]


def test_a_mesh_that_names_absent_nodes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mesh.h5"
    block = CellBlock("tri3", np.array([[0, 1, 2]]), "romnet:tri3", np.array([0]))
    mesh = Mesh(np.eye(3)[:, :2], (block,), np.arange(3))
    save_mesh(path, mesh)
    with rewritten(path) as file:
        file["blocks/0/connectivity"][...] = 7
    with pytest.raises(StoreError, match=r"mesh\.h5:/ is no valid Mesh: .*node 7"):
        load_mesh(path)
    assert read_manifest(path).kind == "Mesh"
