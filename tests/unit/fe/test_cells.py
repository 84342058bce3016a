"""Shape functions and faces of the reference cells."""

from __future__ import annotations

import numpy as np
import pytest
from vtkmodules import vtkCommonDataModel

from romnet.fe.cells import CELLS

ALL = sorted(CELLS)
SOLIDS = [name for name in ALL if CELLS[name].n_dim == 3]
PLANES = [name for name in ALL if CELLS[name].n_dim == 2]
QUADRATIC = [name for name in ALL if CELLS[name].n_nodes > CELLS[name].n_corners]

VTK_CLASSES = {
    "line2": "vtkLine",
    "line3": "vtkQuadraticEdge",
    "tri3": "vtkTriangle",
    "tri6": "vtkQuadraticTriangle",
    "quad4": "vtkQuad",
    "quad8": "vtkQuadraticQuad",
    "quad9": "vtkBiQuadraticQuad",
    "tet4": "vtkTetra",
    "tet10": "vtkQuadraticTetra",
    "pyramid5": "vtkPyramid",
    "wedge6": "vtkWedge",
    "wedge15": "vtkQuadraticWedge",
    "hex8": "vtkHexahedron",
    "hex20": "vtkQuadraticHexahedron",
    "hex27": "vtkTriQuadraticHexahedron",
}


def inner_points(name: str) -> np.ndarray:
    """Random convex combinations of the corners."""
    cell = CELLS[name]
    shares = np.random.default_rng(0).dirichlet(np.ones(cell.n_corners), size=12)
    return shares @ cell.nodes[: cell.n_corners]


@pytest.mark.parametrize("name", ALL)
def test_shape_functions_are_one_at_their_node_and_zero_at_the_others(name):
    cell = CELLS[name]
    np.testing.assert_allclose(cell.shape(cell.nodes), np.eye(cell.n_nodes), atol=1e-14)


@pytest.mark.parametrize("name", ALL)
def test_shape_functions_sum_to_one_and_reproduce_the_position(name):
    cell, points = CELLS[name], inner_points(name)
    np.testing.assert_allclose(cell.shape(points).sum(axis=1), 1.0, atol=1e-14)
    np.testing.assert_allclose(cell.shape(points) @ cell.nodes, points, atol=1e-14)


@pytest.mark.parametrize("name", ALL)
def test_gradients_are_central_differences(name):
    cell, points, step = CELLS[name], inner_points(name), 1e-5
    for axis in range(cell.n_dim):
        shift = step * np.eye(cell.n_dim)[axis]
        slope = (cell.shape(points + shift) - cell.shape(points - shift)) / (2 * step)
        np.testing.assert_allclose(cell.gradient(points)[:, :, axis], slope, atol=5e-8)


@pytest.mark.parametrize("name", QUADRATIC)
def test_quadratic_fields_are_reproduced_by_quadratic_cells(name):
    cell, points = CELLS[name], inner_points(name)
    a = np.random.default_rng(1).normal(size=(cell.n_dim, cell.n_dim))
    exact = np.einsum("pi,ij,pj->p", points, a, points)
    at_nodes = np.einsum("pi,ij,pj->p", cell.nodes, a, cell.nodes)
    np.testing.assert_allclose(cell.shape(points) @ at_nodes, exact, atol=1e-13)


@pytest.mark.parametrize("name", ALL)
def test_node_order_is_that_of_vtk(name):
    foreign = getattr(vtkCommonDataModel, VTK_CLASSES[name])()
    flat = foreign.GetParametricCoords()
    n_dim = CELLS[name].n_dim
    unit = np.array([flat[i] for i in range(3 * foreign.GetNumberOfPoints())]).reshape(-1, 3)
    assert not unit[:, n_dim:].any()
    nodes = CELLS[name].nodes.copy()
    for axis in range(n_dim):  # from [-1, 1] to VTK's [0, 1]
        if nodes[:, axis].min() < 0:
            nodes[:, axis] = (nodes[:, axis] + 1) / 2
    if name == "pyramid5":  # VTK's apex sits above a corner of the unit square
        unit, nodes = unit[:4], nodes[:4]
    np.testing.assert_allclose(nodes, unit[:, :n_dim], atol=1e-12)


@pytest.mark.parametrize("name", SOLIDS)
def test_faces_of_solids_look_outwards(name):
    cell = CELLS[name]
    centre = cell.nodes[: cell.n_corners].mean(axis=0)
    for _, local in cell.faces:
        a, b, c = cell.nodes[list(local[:3])]
        assert np.cross(b - a, c - a) @ (a - centre) > 0


@pytest.mark.parametrize("name", PLANES)
def test_edges_of_plane_cells_keep_the_cell_on_their_left(name):
    cell = CELLS[name]
    centre = cell.nodes[: cell.n_corners].mean(axis=0)
    for _, local in cell.faces:
        a, b = cell.nodes[list(local[:2])]
        along, inwards = b - a, centre - a
        assert along[0] * inwards[1] - along[1] * inwards[0] > 0


@pytest.mark.parametrize("name", [*SOLIDS, *PLANES])
def test_a_cell_restricted_to_a_face_is_the_face_cell(name):
    cell = CELLS[name]
    for face_type, local in cell.faces:
        face = CELLS[face_type]
        inside = inner_points(face_type)
        places = face.shape(inside) @ cell.nodes[list(local)]
        values = cell.shape(places)
        np.testing.assert_allclose(values[:, list(local)], face.shape(inside), atol=1e-13)
        others = np.setdiff1d(np.arange(cell.n_nodes), local)
        np.testing.assert_allclose(values[:, others], 0.0, atol=1e-13)


def test_the_gradient_at_the_apex_of_a_pyramid_is_finite():
    assert np.isfinite(CELLS["pyramid5"].gradient(CELLS["pyramid5"].nodes)).all()
