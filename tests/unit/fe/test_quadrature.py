"""Degree of the integration rules and order of their points."""

from __future__ import annotations

from itertools import product
from math import factorial

import numpy as np
import pytest

from romnet.fe.cells import CELLS
from romnet.fe.quadrature import RULES


def line(power: int) -> float:
    """Integral of x^power over [-1, 1]."""
    return 0.0 if power % 2 else 2.0 / (power + 1)


def simplex(*powers: int) -> float:
    """Integral of a monomial over the unit simplex (Dirichlet's formula)."""
    top = np.prod([factorial(power) for power in powers])
    return float(top) / factorial(sum(powers) + len(powers))


def pyramid(a: int, b: int, c: int) -> float:
    """Slices at height z are squares of half side 1-z: a beta function."""
    n = a + b + 2
    return line(a) * line(b) * factorial(c) * factorial(n) / factorial(c + n + 1)


EXACT = {
    "line": line,
    "quad": lambda a, b: line(a) * line(b),
    "hex": lambda a, b, c: line(a) * line(b) * line(c),
    "tri": simplex,
    "tet": simplex,
    "wedge": lambda a, b, c: simplex(a, b) * line(c),
    "pyramid": pyramid,
}
MEASURE = {"line": 2, "quad": 4, "hex": 8, "tri": 0.5, "tet": 1 / 6, "wedge": 1, "pyramid": 4 / 3}


@pytest.mark.parametrize("name", sorted(RULES))
def test_polynomials_up_to_the_degree_are_integrated_exactly(name):
    rule = RULES[name]
    for powers in product(range(rule.degree + 1), repeat=rule.points.shape[1]):
        if sum(powers) <= rule.degree:
            value = rule.weights @ np.prod(rule.points ** np.array(powers), axis=1)
            assert value == pytest.approx(EXACT[rule.geometry](*powers), abs=2e-15, rel=1e-13)


@pytest.mark.parametrize("name", sorted(RULES))
def test_the_degree_is_not_understated(name):
    rule = RULES[name]
    errors = []
    for powers in product(range(rule.degree + 2), repeat=rule.points.shape[1]):
        if sum(powers) == rule.degree + 1:
            value = rule.weights @ np.prod(rule.points ** np.array(powers), axis=1)
            errors.append(abs(value - EXACT[rule.geometry](*powers)))
    assert max(errors) > 1e-6


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("geometry", ["quad", "hex"])
def test_tensor_rules_are_exact_in_each_variable_separately(geometry, n):
    n_dim = {"quad": 2, "hex": 3}[geometry]
    rule = RULES[f"{geometry}:{n**n_dim}"]
    for powers in product(range(2 * n), repeat=n_dim):
        value = rule.weights @ np.prod(rule.points ** np.array(powers), axis=1)
        assert value == pytest.approx(EXACT[geometry](*powers), abs=1e-14)


@pytest.mark.parametrize("name", sorted(RULES))
def test_weights_sum_to_the_measure_and_names_tell_the_count(name):
    rule = RULES[name]
    assert rule.weights.sum() == pytest.approx(MEASURE[rule.geometry], rel=1e-14)
    assert name.split(":")[:2] == [rule.geometry, str(rule.n_points)]


def test_only_the_five_point_tetrahedron_has_a_negative_weight():
    assert [name for name, rule in RULES.items() if not rule.positive] == ["tet:5"]


@pytest.mark.parametrize("name", ["quad:4", "quad:9", "hex:8", "hex:27"])
def test_tensor_points_run_along_x_then_y_then_z(name):
    points = RULES[name].points
    assert np.lexsort(points.T).tolist() == list(range(len(points)))


@pytest.mark.parametrize("name", ["quad:4", "quad:9"])
def test_the_same_points_are_also_listed_along_y_first(name):
    rule, other = RULES[name], RULES[f"{name}:y_first"]
    order = np.lexsort(rule.points.T[::-1])
    assert order.tolist() != list(range(rule.n_points))
    np.testing.assert_array_equal(other.points, rule.points[order])
    np.testing.assert_array_equal(other.weights, rule.weights[order])


def test_the_five_points_of_the_pyramid_are_inside_and_begin_with_the_corners():
    points, corners = RULES["pyramid:5"].points, CELLS["pyramid5"].nodes
    assert (np.abs(points[:, :2]).max(axis=1) < 1 - points[:, 2]).all()
    distances = np.linalg.norm(points[:, None] - corners[None], axis=2)
    assert distances.argmin(axis=1).tolist() == [0, 1, 2, 3, 4]


def test_the_five_point_tetrahedron_is_that_of_zset():
    rule = RULES["tet:5"]
    barycentric = np.column_stack([1 - rule.points.sum(axis=1), rule.points])
    expected = np.full((4, 4), 1 / 6) + np.eye(4) / 3
    np.testing.assert_allclose(barycentric[:4], expected, atol=1e-15)
    np.testing.assert_allclose(barycentric[4], 0.25, atol=1e-15)
    np.testing.assert_allclose(rule.weights, [0.075] * 4 + [-2 / 15], atol=1e-16)


def test_wedge_points_run_through_the_triangle_first():
    points = RULES["wedge:9"].points
    np.testing.assert_allclose(points[:3, 2], -np.sqrt(0.6))
    np.testing.assert_allclose(points[:3, :2], [[1 / 6, 1 / 6], [2 / 3, 1 / 6], [1 / 6, 2 / 3]])
