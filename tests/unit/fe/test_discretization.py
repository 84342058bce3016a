"""Weights, positions and operators at integration points."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from romnet.core.errors import StudyError
from romnet.fe.cells import CELLS
from romnet.fe.discretization import discretize, discretize_for_mass, element_strain_matrices
from romnet.fe.formulations import FORMULATIONS
from romnet.fe.mesh import Mesh
from romnet.fe.structured import box_mesh

CELL_TYPES = [name for name, cell in CELLS.items() if cell.n_dim > 1]


def rigid_modes(nodes):
    """Translations and infinitesimal rotations, one column each."""
    n_nodes, n_dim = nodes.shape
    modes = [np.tile(axis, n_nodes) for axis in np.eye(n_dim)]
    for i in range(n_dim):
        for j in range(i):
            spin = np.zeros((n_dim, n_dim))
            spin[i, j], spin[j, i] = 1.0, -1.0
            modes.append((nodes @ spin.T).ravel())
    return np.array(modes).T


def mixed_mesh():
    """A hexahedron beside two wedges: two blocks of different formulations."""
    left = box_mesh((1.0, 1.0, 1.0), (1, 1, 1), "hex8", formulation="zset:c3d8")
    right = box_mesh((1.0, 1.0, 1.0), (1, 1, 1), "wedge6")
    moved = right.nodes + np.array([1.0, 0.0, 0.0])
    nodes, inverse = np.unique(np.vstack([left.nodes, moved]), axis=0, return_inverse=True)
    inverse = inverse.ravel()
    hexes, wedges = left.blocks[0], right.blocks[0]
    blocks = (
        replace(hexes, connectivity=inverse[hexes.connectivity]),
        replace(wedges, connectivity=inverse[8 + wedges.connectivity], ids=np.array([7, 8])),
    )
    return Mesh(nodes, blocks, np.arange(len(nodes)))


@pytest.mark.parametrize("name", sorted(FORMULATIONS))
def test_weights_sum_to_the_volume_and_rigid_motions_give_no_strain(name, sheared):
    mesh, volume = sheared(FORMULATIONS[name].cell_type, formulation=name)
    points = discretize(mesh)
    assert points.n_points == mesh.n_cells * FORMULATIONS[name].n_points
    assert points.weights.sum() == pytest.approx(volume, rel=1e-12)
    strain = points.strain_operator @ rigid_modes(mesh.nodes)
    assert np.abs(strain).max() < 1e-12


@pytest.mark.parametrize("cell_type", CELL_TYPES)
def test_strain_of_a_linear_displacement_is_its_symmetric_gradient(cell_type, bent):
    mesh = bent(cell_type)
    n_dim = mesh.n_dim
    g = np.random.default_rng(0).normal(size=(n_dim, n_dim))
    points = discretize(mesh)
    strain = (points.strain_operator @ (mesh.nodes @ g.T).ravel()).reshape(points.n_points, -1)
    full = np.zeros((3, 3))
    full[:n_dim, :n_dim] = g
    voigt = [full[i, i] for i in range(3)]
    voigt += [full[i, j] + full[j, i] for i, j in ((0, 1), (0, 2), (1, 2))]
    expected = voigt[: points.n_components]
    np.testing.assert_allclose(strain, np.tile(expected, (points.n_points, 1)), atol=1e-12)


@pytest.mark.parametrize("cell_type", ["tet10", "hex20", "hex27", "wedge15", "tri6", "quad8"])
def test_quadratic_displacements_are_strained_exactly_on_sheared_quadratic_cells(
    cell_type, sheared
):
    mesh, _ = sheared(cell_type)
    points = discretize(mesh)
    # u_1 = x y gives strains 11 = y and 12 = x.
    displacement = np.zeros_like(mesh.nodes)
    displacement[:, 0] = mesh.nodes[:, 0] * mesh.nodes[:, 1]
    strain = (points.strain_operator @ displacement.ravel()).reshape(points.n_points, -1)
    np.testing.assert_allclose(strain[:, 0], points.positions[:, 1], atol=1e-12)
    np.testing.assert_allclose(strain[:, 3], points.positions[:, 0], atol=1e-12)


@pytest.mark.parametrize("cell_type", CELL_TYPES)
def test_interpolation_takes_coordinates_to_positions(cell_type, bent):
    mesh = bent(cell_type)
    points = discretize(mesh)
    np.testing.assert_allclose(points.interpolation @ mesh.nodes, points.positions, atol=1e-14)


def test_points_run_cell_by_cell_through_the_blocks():
    points = discretize(mixed_mesh())
    assert points.cell_of_point.tolist() == [0] * 8 + [1] * 6 + [2] * 6
    assert (points.positions[:8, 0] < 1).all()
    assert (points.positions[8:, 0] > 1).all()
    assert points.weights.sum() == pytest.approx(2.0)


def test_brick_points_of_zset_run_along_x_first():
    positions = discretize(box_mesh((1.0, 1.0, 1.0), (1, 1, 1), formulation="zset:c3d8")).positions
    assert np.lexsort(positions.T).tolist() == list(range(8))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 19), max_size=12))
def test_rows_of_selected_points_are_those_of_the_whole_operator(selected):
    points = discretize(mixed_mesh())
    numbers = np.array(selected, dtype=np.int64)
    rows = (numbers[:, None] * 6 + np.arange(6)).ravel()
    part = points.strain_operator_of(numbers)
    np.testing.assert_array_equal(part.toarray(), points.strain_operator.toarray()[rows])
    part = points.interpolation_of(numbers)
    np.testing.assert_array_equal(part.toarray(), points.interpolation.toarray()[numbers])


def test_a_point_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"points must lie in \[0, 20\), got 3..20"):
        discretize(mixed_mesh()).strain_operator_of(np.array([3, 20]))


@pytest.mark.parametrize("cell_type", ["hex8", "tet10", "quad8"])
def test_element_matrices_give_the_strain_of_the_sparse_operator(cell_type, bent):
    points = discretize(bent(cell_type))
    block = points.blocks[0]
    displacement = np.random.default_rng(0).normal(size=points.n_dofs)
    dense = np.einsum("eqcd,ed->eqc", element_strain_matrices(block), displacement[block.cell_dofs])
    np.testing.assert_allclose(dense.ravel(), points.strain_operator @ displacement, atol=1e-12)
    part = element_strain_matrices(block, slice(1, 3))
    np.testing.assert_array_equal(part, element_strain_matrices(block)[1:3])


def test_mean_temperature_of_the_cell_reaches_its_points_where_the_code_does_so():
    mesh = box_mesh((1.0, 1.0, 1.0), (1, 1, 1), formulation="abaqus:C3D8")
    temperature = np.arange(8.0) ** 2
    values = discretize(mesh).temperature_interpolation @ temperature
    np.testing.assert_allclose(values, temperature.mean())
    other = box_mesh((1.0, 1.0, 1.0), (1, 1, 1), formulation="zset:c3d8")
    points = discretize(other)
    np.testing.assert_array_equal(
        (points.temperature_interpolation - points.interpolation).toarray(), 0.0
    )


def test_an_inverted_cell_is_refused_by_its_foreign_number():
    mesh = box_mesh((1.0, 1.0, 1.0), (3, 1, 1), formulation="zset:c3d8")
    block = mesh.blocks[0]
    connectivity = block.connectivity.copy()
    connectivity[1:] = connectivity[1:, [4, 5, 6, 7, 0, 1, 2, 3]]
    broken = replace(block, connectivity=connectivity, ids=np.array([10, 20, 30]))
    message = (
        r"zset:c3d8 cell 20: Jacobian determinant -4\.167e-02 at its point 0 must be positive "
        r"\(2 of 3 cells .*nodes are in another order"
    )
    with pytest.raises(StudyError, match=message):
        discretize(replace(mesh, blocks=(broken,)))


@pytest.mark.parametrize("bad", [0.0, np.nan])
def test_flat_cells_and_missing_coordinates_are_refused(bad):
    mesh = box_mesh((1.0, 1.0, 1.0), (1, 1, 1))
    nodes = mesh.nodes.copy()
    nodes[:, 2] = bad
    with pytest.raises(StudyError, match=r"1 of 1 cells"):
        discretize(replace(mesh, nodes=nodes))


def test_a_formulation_of_another_cell_is_refused():
    mesh = box_mesh((1.0, 1.0, 1.0), (1, 1, 1), "hex8", formulation="zset:c3d20")
    with pytest.raises(StudyError, match="c3d20 is a hex20 of 20 nodes in 3-D, but the mesh has"):
        discretize(mesh)


def test_points_for_masses_have_positive_weights_that_sum_to_the_volume(sheared):
    mesh, volume = sheared("tet10", formulation="zset:c3d10")
    assert discretize(mesh).weights.min() < 0
    points = discretize_for_mass(mesh)
    assert points.weights.min() > 0
    assert points.weights.sum() == pytest.approx(volume, rel=1e-12)


def test_a_mesh_without_cells_has_no_points():
    mesh = Mesh(np.zeros((2, 3)), (), np.arange(2))
    points = discretize(mesh)
    assert points.n_points == 0
    assert points.strain_operator.shape == (0, 6)
