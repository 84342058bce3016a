"""Resultants and moments of load vectors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from romnet.fe.cells import CELLS
from romnet.fe.discretization import discretize
from romnet.fe.faces import boundary_faces, face_centres, face_nodes
from romnet.fe.loads import (
    body_force_vector,
    centrifugal_vector,
    face_areas,
    nodal_force_vector,
    pressure_operator,
    pressure_vector,
    traction_vector,
)
from romnet.fe.structured import box_mesh

CELL_TYPES = [name for name, cell in CELLS.items() if cell.n_dim > 1]
EXACT = [name for name in CELL_TYPES if name not in ("tet4", "tri3")]


@pytest.mark.parametrize("cell_type", CELL_TYPES)
def test_constant_pressure_on_the_whole_skin_has_no_resultant_and_no_moment(cell_type, bent):
    mesh = bent(cell_type)
    skin = boundary_faces(mesh)
    force = pressure_vector(mesh, skin, np.full(skin.cells.size, 3.0)).reshape(mesh.nodes.shape)
    scale = np.abs(force).max()
    np.testing.assert_allclose(force.sum(axis=0), 0.0, atol=1e-12 * scale)
    moment = force.T @ mesh.nodes
    np.testing.assert_allclose(moment, moment.T, atol=1e-12)


@pytest.mark.parametrize("cell_type", CELL_TYPES)
def test_divergence_theorem_pressure_works_against_the_growth_of_the_volume(cell_type, bent):
    """The work of p n on the displacement u = x is n_dim p times the volume."""
    mesh = bent(cell_type)
    skin = boundary_faces(mesh)
    work = pressure_vector(mesh, skin, np.full(skin.cells.size, 2.0)) @ mesh.nodes.ravel()
    volume = enclosed_volume(mesh)
    assert work == pytest.approx(-2.0 * mesh.n_dim * volume, rel=1e-12)


def enclosed_volume(mesh):
    """Volume by a rule that is exact for the Jacobian of curved cells."""
    cell = CELLS[mesh.blocks[0].cell_type]
    points, weights = fine_rule(cell.geometry)
    corners = np.swapaxes(mesh.nodes[mesh.blocks[0].connectivity], 1, 2)[:, None]
    return float((np.linalg.det(corners @ cell.gradient(points)) @ weights).sum())


def fine_rule(geometry):
    """Collapsed Gauss rule of high degree, built here from numpy's Legendre points."""
    x, w = np.polynomial.legendre.leggauss(7)
    if geometry in ("tri", "quad"):
        a, b = (grid.ravel() for grid in np.meshgrid(x, x))
        weights = np.outer(w, w).ravel()
        if geometry == "quad":
            return np.column_stack([a, b]), weights
        a, b = (a + 1) / 2, (b + 1) / 2
        return np.column_stack([a * (1 - b), b]), weights / 4 * (1 - b)
    grids = np.meshgrid(x, x, x, indexing="ij")
    a, b, c = (grid.ravel() for grid in grids)
    weights = np.einsum("i,j,k->ijk", w, w, w).ravel()
    if geometry == "hex":
        return np.column_stack([a, b, c]), weights
    if geometry == "pyramid":
        z = (c + 1) / 2
        return np.column_stack([a * (1 - z), b * (1 - z), z]), weights / 2 * (1 - z) ** 2
    p, q = (a + 1) / 2, (b + 1) / 2
    if geometry == "wedge":
        return np.column_stack([p * (1 - q), q, c]), weights / 4 * (1 - q)
    r = (c + 1) / 2
    places = np.column_stack([p * (1 - q) * (1 - r), q * (1 - r), r])
    return places, weights / 8 * (1 - q) * (1 - r) ** 2


@pytest.mark.parametrize("cell_type", CELL_TYPES)
def test_traction_on_a_face_sums_to_traction_times_area(cell_type, sheared):
    mesh, _ = sheared(cell_type)
    faces = mesh.face_sets["x1"]
    traction = np.arange(1.0, mesh.n_dim + 1)
    force = traction_vector(mesh, faces, np.tile(traction, (faces.cells.size, 1)))
    sides = (
        np.array([[1.0, 0.3, -0.2], [0.1, 1.1, 0.4], [0.2, -0.1, 0.8]])[: mesh.n_dim, : mesh.n_dim]
        * np.array([1.3, 0.7, 0.9])[: mesh.n_dim]
    )
    area = (
        np.linalg.norm(sides[:, 1])
        if mesh.n_dim == 2
        else np.linalg.norm(np.cross(sides[:, 1], sides[:, 2]))
    )
    np.testing.assert_allclose(force.reshape(mesh.nodes.shape).sum(axis=0), traction * area)
    assert face_areas(mesh, faces).sum() == pytest.approx(area)


@pytest.mark.parametrize("cell_type", CELL_TYPES)
def test_nodal_pressure_that_is_linear_has_the_resultant_and_moment_of_hydrostatics(cell_type):
    n_dim = CELLS[cell_type].n_dim
    mesh = box_mesh((1.0,) * n_dim, (2,) * n_dim, cell_type)
    skin = boundary_faces(mesh)
    # Archimedes: pressure p = p0 - y lifts the box by its volume.
    pressure = 5.0 - mesh.nodes[:, 1]
    force = pressure_vector(mesh, skin, pressure, at="nodes").reshape(-1, n_dim)
    expected = np.eye(n_dim)[1]
    np.testing.assert_allclose(force.sum(axis=0), expected, atol=1e-12)
    moment = force.T @ (mesh.nodes - 0.5)
    np.testing.assert_allclose(moment, moment.T, atol=1e-12)


def test_positive_pressure_pushes_against_the_outward_normal():
    mesh = box_mesh((1.0, 1.0, 1.0), (2, 2, 2))
    for name, sign, axis in (("x1", -1, 0), ("x0", 1, 0), ("z1", -1, 2), ("y0", 1, 1)):
        faces = mesh.face_sets[name]
        force = pressure_vector(mesh, faces, np.full(4, 8.0)).reshape(-1, 3)
        np.testing.assert_allclose(force.sum(axis=0), sign * 8.0 * np.eye(3)[axis], atol=1e-12)
        assert not force[np.setdiff1d(np.arange(27), face_nodes(mesh, faces))].any()


def test_the_pressure_of_each_face_acts_on_that_face():
    mesh = box_mesh((1.0, 1.0, 1.0), (1, 2, 3), "wedge6")
    faces = boundary_faces(mesh)
    operator = pressure_operator(mesh, faces).toarray()
    centres = face_centres(mesh, faces)
    for face in range(faces.cells.size):
        force = operator[:, face].reshape(-1, 3)
        size = np.linalg.norm(force, axis=1)
        np.testing.assert_allclose(size @ mesh.nodes / size.sum(), centres[face], atol=1e-12)


@pytest.mark.parametrize("cell_type", EXACT)
def test_centrifugal_load_has_the_resultant_of_the_mass_at_its_centre(cell_type, sheared):
    mesh, volume = sheared(cell_type)
    points = discretize(mesh)
    density = np.full(points.n_points, 3.0)
    centre = points.weights @ points.positions / volume
    axis = np.array([0.0, 0.0, -2.0]) if mesh.n_dim == 2 else np.array([1.0, 2.0, -2.0])
    point = np.arange(1.0, mesh.n_dim + 1)
    force = centrifugal_vector(points, density, point=point, direction=axis)
    arm = np.zeros(3)
    arm[: mesh.n_dim] = centre - point
    arm -= axis * (arm @ axis) / (axis @ axis)
    np.testing.assert_allclose(
        force.reshape(-1, mesh.n_dim).sum(axis=0), 3.0 * volume * arm[: mesh.n_dim], rtol=1e-11
    )


def test_centrifugal_load_of_a_slab_about_its_own_edge_is_half_the_square_of_its_length():
    points = discretize(box_mesh((2.0, 1.0, 1.0), (4, 1, 1), "hex20"))
    force = centrifugal_vector(
        points, np.ones(points.n_points), point=np.zeros(3), direction=np.array([0.0, 1.0, 0.0])
    )
    # The axis is y: the force has x and z components, integral of x over the slab is 2.
    np.testing.assert_allclose(force.reshape(-1, 3).sum(axis=0), [2.0, 0.0, 1.0], atol=1e-12)


@pytest.mark.parametrize("direction", [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0)])
def test_an_axis_in_the_plane_or_without_direction_is_refused(direction):
    points = discretize(box_mesh((1.0, 1.0), (1, 1), "quad4"))
    with pytest.raises(ValueError, match="axis of rotation cannot point along"):
        centrifugal_vector(points, np.ones(4), point=np.zeros(2), direction=np.array(direction))


def test_body_force_follows_the_density_of_each_point(sheared):
    mesh, _ = sheared("hex8")
    points = discretize(mesh)
    density = 1.0 + points.positions[:, 0] ** 2
    force = body_force_vector(points, density, np.array([0.0, 2.0, 0.0])).reshape(-1, 3)
    np.testing.assert_allclose(force.sum(axis=0), [0.0, 2.0 * points.weights @ density, 0.0])


def test_a_node_named_twice_is_loaded_twice():
    mesh = box_mesh((1.0, 1.0), (1, 1), "quad4")
    force = nodal_force_vector(mesh, np.array([2, 2, 3]), np.array([1.0, 0.0]))
    assert force.tolist() == [0, 0, 0, 0, 2, 0, 1, 0]


def test_loads_with_another_number_of_values_are_refused():
    mesh = box_mesh((1.0, 1.0, 1.0), (1, 1, 1))
    skin = boundary_faces(mesh)
    with pytest.raises(ValueError, match="at 6 faces needs as many values, got 5"):
        pressure_vector(mesh, skin, np.ones(5))
    with pytest.raises(ValueError, match="at 8 nodes needs as many values, got 6"):
        traction_vector(mesh, skin, np.ones((6, 3)), at="nodes")
    with pytest.raises((ValueError, TypeError), match="cells"):
        pressure_operator(mesh, skin, at="cells")


def test_one_point_on_a_warped_face_of_a_wedge_sees_the_normal_in_its_middle():
    mesh = box_mesh((1.0, 1.0, 1.0), (1, 1, 1), "wedge6", formulation="abaqus:C3D6")
    nodes = mesh.nodes.copy()
    nodes[mesh.node_sets["x1y0z1"], 0] += 0.5
    warped = replace(mesh, nodes=nodes)
    force = pressure_vector(warped, warped.face_sets["x1"], np.ones(1)).reshape(-1, 3)
    loaded = face_nodes(warped, warped.face_sets["x1"])
    np.testing.assert_allclose(force[loaded], np.tile(force[loaded[0]], (4, 1)), atol=1e-15)
    np.testing.assert_allclose(force.sum(axis=0), [-1.0, -0.25, 0.25], atol=1e-14)
