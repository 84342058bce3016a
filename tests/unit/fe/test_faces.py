"""Skin of a mesh, faces found from node lists."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from romnet.core.errors import StudyError
from romnet.fe.cells import CELLS
from romnet.fe.faces import (
    boundary_faces,
    face_centres,
    face_connectivity,
    face_nodes,
    locate_faces,
    shared_faces,
)
from romnet.fe.mesh import FaceSet
from romnet.fe.structured import box_mesh

CELL_TYPES = [name for name, cell in CELLS.items() if cell.n_dim > 1]
SKIN_OF_A_2_2_2_BOX = {"hex": 24, "wedge": 32, "tet": 48, "pyramid": 24}
SKIN_OF_A_2_2_RECTANGLE = 8


def every_facet(mesh):
    """Every face of every cell: its nodes, the cell, its number."""
    rows = []
    for block in mesh.blocks:
        for cell, nodes in enumerate(block.connectivity):
            for number, (_, local) in enumerate(CELLS[block.cell_type].faces):
                rows.append((nodes[list(local)].tolist(), cell, number))
    return rows


@cache
def box_and_facets(cell_type):
    """A box and its facets, made once."""
    n_dim = CELLS[cell_type].n_dim
    mesh = box_mesh((1.0,) * n_dim, (2,) * n_dim, cell_type)
    return mesh, every_facet(mesh)


@pytest.mark.parametrize("cell_type", CELL_TYPES)
def test_the_skin_of_a_box_has_the_counted_faces_and_holds_all_outer_nodes(cell_type, bent):
    mesh = bent(cell_type)
    straight = box_mesh((1.0,) * mesh.n_dim, (2,) * mesh.n_dim, cell_type).nodes
    skin = boundary_faces(mesh)
    cell = CELLS[cell_type]
    expected = SKIN_OF_A_2_2_2_BOX[cell.geometry] if cell.n_dim == 3 else SKIN_OF_A_2_2_RECTANGLE
    assert skin.cells.size == expected
    outer = ((straight == 0) | (straight == 1)).any(axis=1)
    np.testing.assert_array_equal(face_nodes(mesh, skin), np.flatnonzero(outer))


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(CELL_TYPES), st.integers(0, 10**6), st.integers(0, 8), st.booleans())
def test_facets_are_found_in_any_rotation_and_orientation(cell_type, pick, turn, turned_over):
    mesh, facets = box_and_facets(cell_type)
    nodes, _, _ = facets[pick % len(facets)]
    same = [(cell, number) for other, cell, number in facets if set(other) == set(nodes)]
    rolled = list(np.roll(nodes[::-1] if turned_over else nodes, turn))
    found = locate_faces(mesh, [rolled])
    assert (found.cells[0], found.local_faces[0]) == min(same)


@pytest.mark.parametrize("cell_type", ["tet10", "hex20", "wedge15", "quad8"])
def test_corners_alone_name_a_quadratic_face(cell_type):
    n_dim = CELLS[cell_type].n_dim
    mesh = box_mesh((1.0,) * n_dim, (2,) * n_dim, cell_type)
    skin = mesh.face_sets["x1"]
    corners = [
        group.nodes[row, : CELLS[group.cell_type].n_corners].tolist()
        for group in face_connectivity(mesh, skin)
        for row in range(len(group.nodes))
    ]
    found = locate_faces(mesh, corners)
    assert set(zip(found.cells, found.local_faces, strict=True)) == set(
        zip(skin.cells, skin.local_faces, strict=True)
    )


def test_facets_of_different_lengths_keep_their_order():
    mesh = box_mesh((1.0, 1.0, 1.0), (1, 1, 1), "wedge6")
    facets = every_facet(mesh)[::-1]
    found = locate_faces(mesh, [nodes for nodes, _, _ in facets])
    centres = face_centres(mesh, found)
    expected = [mesh.nodes[nodes].mean(axis=0) for nodes, _, _ in facets]
    np.testing.assert_allclose(centres, expected)


def test_a_facet_of_no_cell_is_refused_by_foreign_numbers():
    mesh = box_mesh((1.0, 1.0, 1.0), (1, 1, 1))
    with pytest.raises(StudyError, match=r"nodes \[1, 2, 3, 8\] is no face .*1 of 2 facets"):
        locate_faces(mesh, [[0, 1, 3, 2], [0, 1, 2, 7]])


def test_no_facets_give_an_empty_set():
    mesh = box_mesh((1.0, 1.0), (1, 1), "quad4")
    found = locate_faces(mesh, [])
    assert found.cells.size == 0
    assert face_nodes(mesh, found).size == 0
    assert face_nodes(mesh, FaceSet(np.zeros(0, int), np.zeros(0, int))).size == 0


@pytest.mark.parametrize("cell_type", CELL_TYPES)
def test_each_face_is_on_the_skin_or_shared_by_two_cells(cell_type, bent):
    mesh = bent(cell_type)
    n_faces = mesh.n_cells * len(CELLS[cell_type].faces)
    assert boundary_faces(mesh).cells.size + 2 * len(shared_faces(mesh)) == n_faces
