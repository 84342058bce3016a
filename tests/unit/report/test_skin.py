"""The skin against what is known of closed surfaces."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.fe.structured import box_mesh
from romnet.report.skin import Skin, skin_of
from romnet.report.view import View, facets_of, sharp_edges


@pytest.mark.parametrize("cell", ["hex8", "tet4", "tet10", "hex20"])
def test_the_skin_encloses_the_volume_with_outward_normals(cell):
    skin, nodes = skin_of(box_mesh((1.3, 0.7, 0.9), (2, 3, 2), cell))
    facets = facets_of(skin)
    volume = np.linalg.det(facets.vertices[facets.triangles]).sum() / 6.0
    assert volume == pytest.approx(1.3 * 0.7 * 0.9, rel=1e-12)
    assert len(nodes) == len(skin.vertices)


def test_vertices_are_the_nodes_they_are_said_to_be():
    mesh = box_mesh((1.0, 1.0, 1.0), (3, 2, 4))
    skin, nodes = skin_of(mesh)
    assert np.array_equal(skin.vertices, mesh.nodes[nodes])


def test_the_cells_of_a_plane_mesh_are_its_skin():
    mesh = box_mesh((2.0, 1.0), (4, 2), "quad4")
    skin, nodes = skin_of(mesh)
    assert skin.n_faces == mesh.n_cells
    assert np.array_equal(skin.vertices[:, :2], mesh.nodes[nodes])
    assert np.array_equal(View.of(skin.vertices).directions, np.eye(3))


def test_a_view_keeps_lengths():
    view = View.from_angles(33.0, 21.0)
    assert np.allclose(view.directions @ view.directions.T, np.eye(3), atol=1e-14)
    assert np.linalg.det(view.directions) == pytest.approx(1.0)


def test_sharp_edges_of_a_box_are_its_twelve_edges():
    skin, _ = skin_of(box_mesh((1.0, 2.0, 3.0), (2, 2, 2), "tet4"))
    edges = np.vstack(sharp_edges(skin, View.of(skin.vertices)))
    length = np.linalg.norm(np.diff(skin.vertices[edges], axis=1), axis=-1).sum()
    assert length == pytest.approx(4.0 * (1.0 + 2.0 + 3.0))


def test_a_face_that_names_no_vertex_is_refused():
    with pytest.raises(ValueError, match="names vertices 0 to 3; there are 3"):
        Skin(np.zeros((3, 3)), np.array([[0, 1, 2, 3]]), np.zeros((0, 3), np.int64))
