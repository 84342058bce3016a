"""Rules beside the plain greedy one: batches, warm starts, refinement, cells, baselines."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

from romnet.core.communicator import SerialCommunicator
from romnet.core.errors import AccuracyError
from romnet.reduction import cubature
from romnet.reduction.cubature import CubatureOptions, empirical_cubature, select_points
from romnet.reduction.cubature_baselines import (
    least_squares_cubature,
    linear_programming_cubature,
    per_rank_cubature,
    refitted_cubature,
)
from romnet.reduction.cubature_cells import CellMeans, expanded
from romnet.reduction.cubature_problem import CubatureProblem
from romnet.reduction.cubature_refinement import refined_cubature

ALONE = SerialCommunicator()


def integrands(n_functions=40, n_points=1500, *, decay=3.0, seed=0):
    """Integrands of random directions whose sizes fall over `decay` decades; weights."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n_functions, n_points))
    values[0] += 2.0
    values *= 10.0 ** -np.linspace(0.0, decay, n_functions)[:, None]
    return values, rng.uniform(0.5, 1.5, n_points)


def build(values, weights, *, volume=True):
    return CubatureProblem.build(values, weights, np.arange(len(weights)), ALONE, volume=volume)


def residual_of(rule, values, weights):
    """Residual from the definition, the volume as a row of equal importance."""
    level = np.linalg.norm(values @ weights) / weights.sum()
    rows = np.vstack([values, np.full(len(weights), level)])
    target = rows @ weights
    return np.linalg.norm(rows[:, rule.points] @ rule.weights - target) / np.linalg.norm(target)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("seed", range(3))
def test_points_and_weights_are_those_of_refitting_by_scipy(seed, order):
    values, weights = integrands(80, 4000, seed=seed)
    problem = build(np.array(values, order=order), weights)
    plain = refitted_cubature(problem, tolerance=1e-4)
    rule = select_points(problem, tolerance=1e-4)
    assert rule.points.tolist() == plain.points.tolist()
    np.testing.assert_allclose(rule.weights, plain.weights, rtol=1e-7)
    np.testing.assert_allclose(rule.history, plain.history, rtol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_batches_meet_the_tolerance_with_as_many_points_give_or_take_a_twentieth(monkeypatch, seed):
    values, weights = integrands(80, 4000, seed=seed)
    problem = build(values, weights)
    plain = select_points(problem, tolerance=1e-4)
    monkeypatch.setattr(cubature, "_SMALL", 0)
    batches = select_points(problem, tolerance=1e-4)
    assert residual_of(batches, values, weights) <= 1e-4
    assert abs(batches.points.size / plain.points.size - 1.0) <= 0.05


def test_batches_look_at_all_points_less_often_than_they_select(monkeypatch):
    values, weights = integrands(80, 4000)
    looks = []
    scores = CubatureProblem.scores

    def counted(self, residuals):
        looks.append(len(self.numbers) == 4000)
        return scores(self, residuals)

    monkeypatch.setattr(CubatureProblem, "scores", counted)
    monkeypatch.setattr(cubature, "_SMALL", 0)
    rule = select_points(build(values, weights), tolerance=1e-4)
    assert 1.3 * sum(looks) < len(rule.history)


def test_a_start_from_the_rule_of_the_same_integrands_has_nothing_left_to_do():
    values, weights = integrands()
    rule = select_points(build(values, weights), tolerance=1e-3)
    again = select_points(
        build(values, weights), tolerance=1e-3, options=CubatureOptions(start=rule)
    )
    assert again.points.tolist() == rule.points.tolist()
    np.testing.assert_allclose(again.weights, rule.weights, rtol=1e-9)
    assert again.history.size == 0


def test_enrichment_keeps_most_points_of_the_rule_it_starts_from():
    values, weights = integrands(40)
    more = np.vstack([values, integrands(5, seed=9)[0]])
    rule = select_points(build(values, weights), tolerance=1e-3)
    enriched = select_points(
        build(more, weights), tolerance=1e-3, options=CubatureOptions(start=rule)
    )
    fresh = select_points(build(more, weights), tolerance=1e-3)
    assert residual_of(enriched, more, weights) <= 1e-3 * (1.0 + 1e-9)
    kept = len(np.intersect1d(enriched.points, rule.points))
    assert kept > 0.6 * len(rule.points)
    assert len(enriched.history) < 0.7 * len(fresh.history)


def test_without_the_volume_row_the_rule_has_the_integrands_alone():
    values, weights = integrands()
    options = CubatureOptions(volume=False)
    numbers = np.arange(len(weights))
    rule = empirical_cubature(values, weights, numbers, tolerance=1e-6, comm=ALONE, options=options)
    error = np.linalg.norm(values[:, rule.points] @ rule.weights - values @ weights)
    assert error <= 1e-6 * np.linalg.norm(values @ weights) * (1.0 + 1e-6)
    assert rule.volume_error > 1e-4


@pytest.mark.parametrize("tolerance", [1e-2, 1e-3, 1e-5])
@pytest.mark.parametrize("seed", range(2))
def test_refinement_keeps_the_tolerance_with_fewer_points(seed, tolerance):
    values, weights = integrands(seed=seed)
    problem = build(values, weights)
    plain = select_points(problem, tolerance=tolerance)
    rule = refined_cubature(problem, tolerance=tolerance)
    assert (rule.weights > 0.0).all()
    assert rule.residual <= tolerance
    assert rule.residual == pytest.approx(residual_of(rule, values, weights), rel=1e-6)
    assert len(rule.points) < len(plain.points)
    # The weights are the best ones of these points.
    level = np.linalg.norm(values @ weights) / weights.sum()
    rows = np.vstack([values, np.full(len(weights), level)])
    best, _ = nnls(rows[:, rule.points], rows @ weights)
    np.testing.assert_allclose(rule.weights, best, rtol=1e-5)


def test_refinement_of_a_given_rule_never_makes_it_larger():
    values, weights = integrands()
    problem = build(values, weights)
    plain = select_points(problem, tolerance=1e-2)
    rule = refined_cubature(problem, tolerance=1e-2, start=plain)
    assert len(rule.points) <= len(plain.points)
    assert rule.residual <= 1e-2


def test_refinement_finds_the_quadrature_of_gauss():
    # Polynomials of degree 5 on a fine grid: three points do, and no two.
    nodes = np.linspace(-1.0, 1.0, 401)
    values = np.polynomial.legendre.legvander(nodes, 5).T
    weights = np.full(401, 2.0 / 401)
    rule = refined_cubature(build(values, weights), tolerance=1e-2)
    assert len(rule.points) == 3
    np.testing.assert_allclose(nodes[rule.points], [-np.sqrt(0.6), 0.0, np.sqrt(0.6)], atol=0.06)


def test_refinement_of_symmetric_integrands_gives_one_set_under_rounding():
    axis = np.linspace(-1.0, 1.0, 12)
    x, y = (grid.ravel() for grid in np.meshgrid(axis, axis))
    values = np.stack([np.cos(k * x) * np.cos(m * y) for k in range(4) for m in range(4)])
    weights = np.full(x.size, 4.0 / x.size)
    sets = set()
    for seed in range(4):
        noise = np.random.default_rng(seed).uniform(-1.0, 1.0, values.shape)
        problem = build(values * (1.0 + 1e-15 * noise), weights)
        sets.add(tuple(refined_cubature(problem, tolerance=1e-3).points))
    assert len(sets) == 1


def test_refinement_says_when_the_tolerance_is_out_of_reach():
    values = np.array([[0.1, 2.0, 0.3, 0.2], [1.0, -1.0, 0.5, 2.0]])
    problem = build(values, np.array([1.0, -2.0, 2.5, 1.5]))
    with pytest.raises(AccuracyError, match="no further point lowers"):
        refined_cubature(problem, tolerance=1e-6)


def test_a_rule_on_cells_is_the_full_rule_on_some_cells_with_one_factor_each():
    values, weights = integrands(15, 800)
    weights[::8] *= -0.1  # as in rules with a negative point
    cells = np.repeat(np.arange(100), 8)
    means = CellMeans.of(values, weights, cells)
    np.testing.assert_allclose(means.means @ means.volumes, values @ weights, atol=1e-10)
    problem = CubatureProblem.build(means.means, means.volumes, means.cells, ALONE)
    chosen = select_points(problem, tolerance=1e-3)
    rule = expanded(chosen, weights, np.arange(800), cells, ALONE)
    assert rule.points.tolist() == [p for c in chosen.points for p in range(8 * c, 8 * c + 8)]
    factors = (rule.weights / weights[rule.points]).reshape(-1, 8)
    assert (factors > 0.0).all()
    np.testing.assert_allclose(factors, factors[:, :1] * np.ones(8), rtol=1e-12)
    assert residual_of(rule, values, weights) == pytest.approx(rule.residual, rel=1e-6)
    assert rule.residual <= 1e-3


@pytest.mark.parametrize("tolerance", [1e-1, 1e-3])
def test_linear_programming_keeps_the_tolerance_at_a_vertex(tolerance):
    values, weights = integrands(20, 300)
    rule = linear_programming_cubature(build(values, weights), tolerance=tolerance)
    assert residual_of(rule, values, weights) <= tolerance
    assert len(rule.points) <= 21
    assert (rule.weights > 0.0).all()


def test_least_squares_of_all_points_is_as_exact_as_rounding():
    values, weights = integrands(20, 300)
    rule = least_squares_cubature(build(values, weights))
    assert residual_of(rule, values, weights) < 1e-12
    assert len(rule.points) <= 21


def test_ranks_that_select_alone_need_more_points():
    values, weights = integrands()
    numbers = np.arange(len(weights))
    halves = [
        per_rank_cubature(values[:, part], weights[part], numbers[part], tolerance=1e-3, comm=ALONE)
        for part in (slice(0, 750), slice(750, 1500))
    ]
    together = select_points(build(values, weights), tolerance=1e-3)
    assert sum(len(half.points) for half in halves) > 1.3 * len(together.points)
    assert halves[1].points.min() >= 750


@pytest.mark.parametrize(
    "rule", [select_points, refined_cubature, refitted_cubature, linear_programming_cubature]
)
@pytest.mark.parametrize("tolerance", [0.0, 1.0, np.nan])
def test_every_rule_refuses_a_tolerance_outside_its_range(rule, tolerance):
    with pytest.raises(ValueError, match=r"must lie in \(0, 1\)"):
        rule(build(*integrands(5, 40)), tolerance=tolerance)
