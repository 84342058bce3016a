"""Inner products: known integrals, factor and Gram matrix, streaming by blocks."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.fe.cells import CELLS
from romnet.fe.discretization import discretize
from romnet.fe.inner_products import energy, h1_seminorm, identity, l2_mass, point_l2
from romnet.fe.structured import box_mesh

CELL_TYPES = [name for name, cell in CELLS.items() if cell.n_dim > 1]
QUADRATIC = [name for name in CELL_TYPES if CELLS[name].n_nodes > CELLS[name].n_corners]


def unit_box(cell_type):
    n_dim = CELLS[cell_type].n_dim
    return box_mesh((1.0,) * n_dim, (2,) * n_dim, cell_type)


def square(product, vector):
    return float(np.sum((product.factor @ vector) ** 2))


@pytest.mark.parametrize("cell_type", CELL_TYPES)
def test_l2_norm_of_a_linear_field_is_its_integral(cell_type):
    mesh = unit_box(cell_type)
    x, y = mesh.nodes[:, 0], mesh.nodes[:, 1]
    field = np.zeros_like(mesh.nodes)
    field[:, 0], field[:, 1] = x, 1 - y
    # Integrals of x^2 and of (1-y)^2 over the unit box.
    assert square(l2_mass(mesh), field.ravel()) == pytest.approx(2 / 3, rel=1e-12)


@pytest.mark.parametrize("cell_type", QUADRATIC)
def test_l2_norm_of_a_quadratic_field_is_its_integral(cell_type):
    mesh = unit_box(cell_type)
    field = np.zeros_like(mesh.nodes)
    field[:, 0] = mesh.nodes[:, 0] ** 2 - mesh.nodes[:, 0] * mesh.nodes[:, 1]
    # Integral of (x^2 - x y)^2 = 1/5 - 2 (1/4)(1/2) + (1/3)(1/3).
    exact = 1 / 5 - 1 / 4 + 1 / 9
    assert square(l2_mass(mesh), field.ravel()) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("cell_type", CELL_TYPES)
def test_l2_mass_is_definite_and_h1_vanishes_on_translations_only(cell_type):
    mesh = unit_box(cell_type)
    n_dim = mesh.n_dim
    assert np.linalg.eigvalsh(l2_mass(mesh).gram.toarray())[0] > 1e-6
    values = np.linalg.eigvalsh(h1_seminorm(mesh).gram.toarray())
    assert np.abs(values[:n_dim]).max() < 1e-12
    assert values[n_dim] > 1e-3


@pytest.mark.parametrize("formulation", ["zset:c3d10", "zset:c3d10_4", "abaqus:C3D10"])
def test_l2_mass_does_not_depend_on_the_rule_of_the_formulation(formulation):
    mesh = box_mesh((1.0, 1.0, 1.0), (1, 1, 1), "tet10", formulation=formulation)
    same = l2_mass(box_mesh((1.0, 1.0, 1.0), (1, 1, 1), "tet10"))
    np.testing.assert_allclose(l2_mass(mesh).factor.toarray(), same.factor.toarray())


@pytest.mark.parametrize("formulation", ["zset:c3d8", "zset:c3d10"])
def test_energy_of_a_strain_is_that_of_the_material(formulation):
    cell_type = {"zset:c3d8": "hex8", "zset:c3d10": "tet10"}[formulation]
    mesh = box_mesh((1.0, 2.0, 1.0), (1, 2, 1), cell_type, formulation=formulation)
    young, poisson = 200.0, 0.3
    shear = young / 2 / (1 + poisson)
    stiffness = np.diag([2 * shear] * 3 + [shear] * 3)
    stiffness[:3, :3] += young * poisson / (1 + poisson) / (1 - 2 * poisson)
    # Uniaxial stress: energy density E e^2.
    stretch = mesh.nodes * np.array([0.1, -0.1 * poisson, -0.1 * poisson])
    product = energy(discretize(mesh), stiffness)
    assert square(product, stretch.ravel()) == pytest.approx(2 * young * 0.01, rel=1e-12)


def test_energy_accepts_a_singular_stiffness_and_refuses_an_indefinite_one():
    points = discretize(box_mesh((1.0, 1.0, 1.0), (1, 1, 1)))
    deviator = np.diag([2.0, 2, 2, 1, 1, 1])
    deviator[:3, :3] -= 2 / 3
    swelling = points.mesh.nodes.ravel()
    assert square(energy(points, deviator), swelling) < 1e-24
    with pytest.raises(ValueError, match="negative eigenvalue"):
        energy(points, -np.eye(6))
    with pytest.raises(ValueError, match="symmetric"):
        energy(points, np.triu(np.ones((6, 6))))


def test_identity_counts_owned_dofs_only():
    assert square(identity(np.array([True, False, True])), np.array([1.0, 10.0, 2.0])) == 5.0


def test_point_product_takes_the_absolute_value_of_negative_weights():
    product = point_l2(np.array([2.0, -3.0]), 2)
    assert square(product, np.array([1.0, 2.0, 1.0, 0.0])) == pytest.approx(2 * 5 + 3)


@pytest.mark.parametrize("max_rows", [1, 7, 64, 10**6])
def test_blocks_put_together_are_the_factor(max_rows):
    product = l2_mass(unit_box("hex8"))
    vectors = np.random.default_rng(0).normal(size=(product.n_dofs, 3))
    rows = []
    for columns, chunk in product.blocks(max_rows):
        assert (np.diff(columns) > 0).all()
        assert chunk.shape[0] <= max(max_rows, 3)
        assert chunk.shape[1] == columns.size
        rows.append(chunk @ vectors[columns])
    np.testing.assert_allclose(np.vstack(rows), product.factor @ vectors, atol=1e-15)


def test_blocks_need_at_least_one_row():
    with pytest.raises(ValueError, match="max_rows must be positive, got 0"):
        next(point_l2(np.ones(2)).blocks(0))
