"""Subdomains: ownership, renumbering, and sums that give back the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from romnet.fe.discretization import discretize
from romnet.fe.faces import face_nodes
from romnet.fe.inner_products import l2_mass
from romnet.fe.loads import pressure_vector
from romnet.fe.mesh import Mesh
from romnet.fe.partition import bisect_cells, cell_graph, subdomain, whole
from romnet.fe.structured import box_mesh


def cut(mesh, n_parts):
    parts = bisect_cells(mesh, n_parts)
    return [subdomain(mesh, parts, part) for part in range(n_parts)]


random_parts = st.lists(st.integers(0, 3), min_size=12, max_size=12)


@settings(max_examples=25, deadline=None)
@given(random_parts)
def test_every_node_is_owned_once_and_cells_and_points_are_dealt_out(parts):
    mesh = box_mesh((3.0, 2.0), (3, 2), "tri3")
    pieces = [subdomain(mesh, np.array(parts), part) for part in range(4)]
    owned = np.concatenate([piece.nodes[piece.owned] for piece in pieces])
    assert sorted(owned) == list(range(mesh.n_nodes))
    assert sorted(np.concatenate([piece.cells for piece in pieces])) == list(range(12))
    assert sorted(np.concatenate([piece.points for piece in pieces])) == list(range(12))
    for piece in pieces:
        assert (np.diff(piece.nodes) > 0).all()


@settings(max_examples=15, deadline=None)
@given(random_parts)
def test_gram_matrices_of_the_parts_sum_to_that_of_the_whole(parts):
    mesh = box_mesh((3.0, 2.0, 1.0), (3, 2, 2), "hex8")
    total = np.zeros((mesh.n_dofs, mesh.n_dofs))
    for part in range(4):
        piece = subdomain(mesh, np.array(parts), part)
        if piece.cells.size:
            total[np.ix_(piece.dofs, piece.dofs)] += l2_mass(piece.mesh).gram.toarray()
    np.testing.assert_allclose(total, l2_mass(mesh).gram.toarray(), atol=1e-14)


@pytest.mark.parametrize("cell_type", ["hex20", "wedge6", "quad8"])
def test_points_of_the_parts_are_those_of_the_whole(cell_type, bent):
    mesh = bent(cell_type)
    points = discretize(mesh)
    for piece in cut(mesh, 3):
        local = discretize(piece.mesh)
        np.testing.assert_array_equal(local.weights, points.weights[piece.points])
        np.testing.assert_array_equal(local.positions, points.positions[piece.points])
        np.testing.assert_array_equal(
            piece.cells[local.cell_of_point], points.cell_of_point[piece.points]
        )


def test_loads_of_the_parts_sum_to_those_of_the_whole():
    mesh = box_mesh((1.0, 1.0, 1.0), (3, 3, 3))
    total = np.zeros(mesh.n_dofs)
    for piece in cut(mesh, 4):
        faces = piece.mesh.face_sets["z1"]
        np.add.at(total, piece.dofs, pressure_vector(piece.mesh, faces, np.ones(faces.cells.size)))
    faces = mesh.face_sets["z1"]
    np.testing.assert_allclose(total, pressure_vector(mesh, faces, np.ones(9)), atol=1e-15)


def test_sets_are_renumbered_and_keep_their_names():
    mesh = box_mesh((1.0, 1.0, 1.0), (3, 2, 2), "tet10")
    mesh = replace(mesh, cell_sets={"some": np.array([0, 5, 71])})
    found = set()
    for piece in cut(mesh, 3):
        local = piece.mesh
        assert set(local.node_sets) == set(mesh.node_sets)
        for name, members in local.node_sets.items():
            assert set(piece.nodes[members]) == set(mesh.node_sets[name]) & set(piece.nodes)
        for name, faces in local.face_sets.items():
            assert set(piece.nodes[face_nodes(local, faces)]) <= set(mesh.node_sets[name])
        np.testing.assert_array_equal(local.nodes, mesh.nodes[piece.nodes])
        np.testing.assert_array_equal(local.node_ids, mesh.node_ids[piece.nodes])
        found |= set(piece.cells[local.cell_sets["some"]])
    assert found == {0, 5, 71}


def test_the_whole_is_the_mesh_itself():
    mesh = box_mesh((1.0, 1.0, 1.0), (2, 1, 1))
    piece = whole(mesh)
    assert piece.owned.all()
    assert piece.owned_dofs.size == mesh.n_dofs
    assert piece.dofs.tolist() == list(range(mesh.n_dofs))
    assert (piece.n_global_nodes, piece.n_global_cells, piece.n_global_points) == (12, 2, 16)
    assert piece.n_global_dofs == 36
    np.testing.assert_array_equal(piece.mesh.blocks[0].connectivity, mesh.blocks[0].connectivity)


def test_nodes_without_cells_belong_to_part_zero():
    mesh = box_mesh((1.0, 1.0), (2, 1), "quad4")
    nodes = np.vstack([mesh.nodes, [[9.0, 9.0]]])
    mesh = Mesh(nodes, mesh.blocks, np.arange(7))
    first, second = cut(mesh, 2)
    assert first.nodes[-1] == 6
    assert first.owned[-1]
    assert 6 not in second.nodes


def test_a_part_without_cells_is_empty_and_can_be_discretized():
    mesh = box_mesh((1.0, 1.0), (2, 1), "quad4")
    piece = subdomain(mesh, np.array([0, 0]), 1)
    assert piece.nodes.size == piece.cells.size == piece.points.size == 0
    assert discretize(piece.mesh).strain_operator.shape == (0, 0)


@pytest.mark.parametrize("n_parts", [1, 2, 3, 5, 8])
def test_bisection_balances_cells_and_is_repeatable(n_parts):
    mesh = box_mesh((2.0, 1.0, 1.0), (5, 4, 3))
    parts = bisect_cells(mesh, n_parts)
    counts = np.bincount(parts, minlength=n_parts)
    assert counts.max() - counts.min() <= 2
    np.testing.assert_array_equal(parts, bisect_cells(mesh, n_parts))


def test_more_parts_than_cells_are_refused():
    with pytest.raises(ValueError, match="cannot cut 1 cells in 2 parts"):
        bisect_cells(box_mesh((1.0, 1.0), (1, 1), "quad4"), 2)


def test_the_graph_joins_cells_across_faces():
    graph = cell_graph(box_mesh((1.0, 1.0, 1.0), (3, 3, 3)))
    degrees = np.asarray(graph.sum(axis=1)).ravel()
    # Corners of the 3 x 3 x 3 block of cells have three neighbours, its centre six.
    assert sorted(np.bincount(degrees.astype(int)).tolist()) == [0, 0, 0, 1, 6, 8, 12]
    assert (graph != graph.T).nnz == 0
