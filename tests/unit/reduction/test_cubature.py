"""Empirical cubature against a naive greedy selection with scipy's non-negative least squares."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls

from romnet.core.communicator import SerialCommunicator
from romnet.core.errors import AccuracyError
from romnet.fe.discretization import discretize
from romnet.fe.structured import box_mesh
from romnet.reduction import cubature
from romnet.reduction.cubature import NonnegativeFit, empirical_cubature

ALONE = SerialCommunicator()


def problem(n_functions, n_points, *, decay=0.0, seed=0):
    """Random integrands whose singular values fall over `decay` decades, and positive weights."""
    rng = np.random.default_rng(seed)
    left, _ = np.linalg.qr(rng.normal(size=(n_functions, n_functions)))
    right, _ = np.linalg.qr(rng.normal(size=(n_points, n_functions)))
    integrands = left * 10.0 ** -np.linspace(0.0, decay, n_functions) @ right.T
    return integrands, rng.uniform(0.5, 1.5, n_points)


def select(integrands, weights, *, tolerance=1e-6, numbers=None):
    if numbers is None:
        numbers = np.arange(len(weights))
    return empirical_cubature(integrands, weights, numbers, tolerance=tolerance, comm=ALONE)


def with_volume(integrands, weights):
    """The rows that the rule must integrate, the last one being a constant of equal importance."""
    level = np.linalg.norm(integrands @ weights) / weights.sum()
    return np.vstack([integrands, np.full(len(weights), level)])


def naive(integrands, weights, tolerance):
    """Greedy selection with a fresh solve for each point: points joined, residuals, answer."""
    rows = with_volume(integrands, weights)
    target = rows @ weights
    columns = rows / np.linalg.norm(rows, axis=0)
    inside, joined, residuals = [], [], []
    residual, solution = target, np.zeros(0)
    while np.linalg.norm(residual) > tolerance * np.linalg.norm(target):
        scores = columns.T @ residual
        scores[inside] = -np.inf
        point = int(np.flatnonzero(scores >= (1.0 - 1e-8) * scores.max())[0])
        joined.append(point)
        inside.append(point)
        solution, _ = nnls(rows[:, inside], target)
        inside = [p for p, x in zip(inside, solution, strict=True) if x > 0.0]
        solution = solution[solution > 0.0]
        residual = target - rows[:, inside] @ solution
        residuals.append(np.linalg.norm(residual) / np.linalg.norm(target))
    return joined, residuals, dict(zip(inside, solution, strict=True))


@pytest.fixture
def joined(monkeypatch):
    """Points in the order in which they join."""
    labels = []

    class Recorded(NonnegativeFit):
        def with_column(self, label, column):
            labels.append(label)
            return super().with_column(label, column)

    monkeypatch.setattr(cubature, "NonnegativeFit", Recorded)
    return labels


@pytest.mark.parametrize("decay", [0.0, 3.0, 6.0])
@pytest.mark.parametrize("seed", range(4))
def test_each_selection_and_each_refit_is_the_naive_one(joined, decay, seed):
    integrands, weights = problem(15, 300, decay=decay, seed=seed)
    rule = select(integrands, weights)
    points, residuals, solution = naive(integrands, weights, 1e-6)
    assert joined == points
    np.testing.assert_allclose(rule.history, residuals, rtol=1e-6, atol=1e-14)
    assert rule.points.tolist() == sorted(solution)
    np.testing.assert_allclose(rule.weights, [solution[p] for p in rule.points], rtol=1e-6)


@given(st.integers(1, 20), st.integers(1, 200), st.integers(0, 99), st.sampled_from([1e-2, 1e-6]))
def test_the_rule_is_positive_small_accurate_and_ever_better(n, n_points, seed, tolerance):
    rng = np.random.default_rng(seed)
    integrands = rng.normal(size=(n, n_points))
    weights = rng.uniform(0.1, 1.0, n_points)
    rule = select(integrands, weights, tolerance=tolerance)
    rows = with_volume(integrands, weights)
    target = rows @ weights
    error = np.linalg.norm(rows[:, rule.points] @ rule.weights - target) / np.linalg.norm(target)
    assert (rule.weights > 0.0).all()
    assert (np.diff(rule.points) > 0).all()
    assert len(rule.points) <= np.linalg.matrix_rank(rows)
    assert error <= tolerance
    assert rule.residual == pytest.approx(error, abs=1e-13)
    assert (np.diff(np.concatenate([[1.0], rule.history])) < 0.0).all()


def test_the_volume_is_integrated_as_well_as_all_the_rest():
    integrands, weights = problem(20, 200, decay=3.0)
    rule = select(integrands, weights, tolerance=1e-3)
    truth = abs(rule.weights.sum() / weights.sum() - 1.0)
    assert rule.volume_error == pytest.approx(truth, abs=1e-15)
    # The volume row is as large as all others together: at most sqrt(2) times the residual.
    assert rule.volume_error <= np.sqrt(2.0) * rule.residual * (1.0 + 1e-6)


def test_integrands_that_all_vanish_leave_the_volume_to_integrate():
    rule = select(np.zeros((3, 8)), np.full(8, 0.25))
    assert rule.points.tolist() == [0]
    assert rule.weights[0] == pytest.approx(2.0, rel=1e-14)


def test_renumbering_the_points_renames_the_selected_ones():
    integrands, weights = problem(12, 100)
    rule = select(integrands, weights)
    numbers = np.sort(np.random.default_rng(3).choice(10_000, 100, replace=False))
    renamed = select(integrands, weights, numbers=numbers)
    assert renamed.points.tolist() == numbers[rule.points].tolist()
    np.testing.assert_allclose(renamed.weights, rule.weights, rtol=1e-12)


def test_permuting_the_points_permutes_the_rule():
    integrands, weights = problem(12, 100)
    rule = select(integrands, weights)
    order = np.random.default_rng(4).permutation(100)
    permuted = select(integrands[:, order], weights[order])
    assert sorted(order[permuted.points]) == rule.points.tolist()
    place = np.argsort(order[permuted.points])
    np.testing.assert_allclose(permuted.weights[place], rule.weights, rtol=1e-9)


def test_scaling_the_integrands_changes_nothing():
    integrands, weights = problem(12, 100)
    rule, scaled = select(integrands, weights), select(1e9 * integrands, weights)
    assert scaled.points.tolist() == rule.points.tolist()
    np.testing.assert_allclose(scaled.weights, rule.weights, rtol=1e-9)


def test_full_rules_with_negative_weights_give_positive_ones():
    points = discretize(box_mesh((1.0, 1.0, 1.0), (2, 2, 2), "tet10", formulation="zset:c3d10"))
    assert points.weights.min() < 0.0
    x, y, z = points.positions.T
    polynomials = np.stack([x, y, z, x * x, y * y, z * z, x * y, y * z, x * z])
    rule = select(polynomials, points.weights, tolerance=1e-10)
    assert (rule.weights > 0.0).all()
    # Integrals over the unit cube, known without any quadrature.
    exact = [1 / 2, 1 / 2, 1 / 2, 1 / 3, 1 / 3, 1 / 3, 1 / 4, 1 / 4, 1 / 4]
    np.testing.assert_allclose(polynomials[:, rule.points] @ rule.weights, exact, rtol=1e-8)
    assert rule.weights.sum() == pytest.approx(1.0, rel=1e-8)


def test_symmetric_integrands_give_one_set_under_rounding():
    axis = np.linspace(-1.0, 1.0, 12)
    x, y = (grid.ravel() for grid in np.meshgrid(axis, axis))
    integrands = np.stack([np.cos(k * x) * np.cos(m * y) for k in range(4) for m in range(4)])
    weights = np.full(x.size, 4.0 / x.size)
    sets = set()
    for seed in range(20):
        noise = np.random.default_rng(seed).uniform(-1.0, 1.0, integrands.shape)
        rule = select(integrands * (1.0 + 1e-15 * noise), weights, tolerance=1e-5)
        sets.add(tuple(rule.points))
    assert len(sets) == 1


def test_a_tolerance_out_of_reach_says_where_it_stopped():
    # A positive function whose integral is negative: no positive weights give that.
    integrands = np.array([[0.1, 2.0, 0.3, 0.2], [1.0, -1.0, 0.5, 2.0]])
    weights = np.array([1.0, -2.0, 2.5, 1.5])
    rows = with_volume(integrands, weights)
    _, best = nnls(rows, rows @ weights)
    with pytest.raises(AccuracyError, match=r"\(tolerance 1\.0e-06\) with \d points") as caught:
        select(integrands, weights)
    reached = float(re.search(r"residual (\S+)", str(caught.value))[1])
    assert reached == pytest.approx(best / np.linalg.norm(rows @ weights), abs=0.005)


@pytest.mark.parametrize("decay", [0.0, 6.0, 12.0])
def test_rounding_does_not_keep_the_selection_busy(joined, decay):
    integrands, weights = problem(20, 5000, decay=decay)
    try:
        select(integrands, weights, tolerance=1e-18)
    except AccuracyError as refusal:
        reached = float(re.search(r"residual (\S+)", str(refusal))[1])
        assert reached < 1e-14
    assert len(joined) < 200


def test_integrands_of_fast_decay_are_integrated_to_many_digits():
    integrands, weights = problem(20, 2000, decay=12.0)
    assert select(integrands, weights, tolerance=1e-11).residual <= 1e-11


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_integrands_that_are_not_finite_are_refused(bad):
    integrands, weights = problem(3, 20)
    integrands[1, 7] = bad
    with pytest.raises(AccuracyError, match="NaN or infinite"):
        select(integrands, weights)


@pytest.mark.parametrize("tolerance", [0.0, 1.0, -1.0, np.nan])
def test_a_tolerance_outside_its_range_is_refused(tolerance):
    with pytest.raises(ValueError, match=r"must lie in \(0, 1\)"):
        select(*problem(3, 20), tolerance=tolerance)


def test_the_arguments_are_not_changed():
    integrands, weights = problem(5, 40)
    kept = integrands.copy(), weights.copy()
    select(integrands, weights)
    assert (integrands == kept[0]).all()
    assert (weights == kept[1]).all()


@pytest.mark.parametrize("seed", range(5))
def test_columns_leave_when_others_do_better_and_the_fit_stays_optimal(seed):
    rng = np.random.default_rng(seed)
    columns = rng.uniform(size=(8, 40))
    target = columns @ rng.uniform(size=40)
    fit, inside, n_left = NonnegativeFit(target), [], 0
    for label in range(40):
        before = list(fit.labels)
        if not fit.add(label, columns[:, label]):
            assert fit.labels == before
            continue
        n_left += len(before) + 1 - len(fit.labels)
        inside = fit.labels
        solution, norm = nnls(columns[:, [*before, label]], target)
        assert fit.residual_norm == pytest.approx(norm, rel=1e-9, abs=1e-12)
        kept = dict(zip([*before, label], solution, strict=True))
        expected = [kept[name] for name in inside]
        np.testing.assert_allclose(fit.coefficients, expected, rtol=1e-7, atol=1e-12)
    assert n_left > 0
    rest = target - columns[:, inside] @ fit.coefficients
    np.testing.assert_allclose(fit.residual, rest, atol=1e-12)


def test_a_column_that_depends_on_those_inside_is_refused():
    fit = NonnegativeFit(np.array([1.0, 2.0, 3.0]))
    assert fit.add(0, np.array([1.0, 1.0, 0.0]))
    assert not fit.add(1, np.array([2.0, 2.0, 0.0]))
    assert fit.labels == [0]


def test_a_column_that_is_of_no_use_is_refused_and_leaves_no_trace():
    fit = NonnegativeFit(np.array([1.0, 0.0]))
    assert fit.add(0, np.array([1.0, 0.0]))
    for useless in ([0.0, 1.0], [-1.0, 1.0], [-1.0, 0.5]):
        assert not fit.add(1, np.array(useless))
        assert (fit.labels, fit.coefficients.tolist()) == ([0], [1.0])
