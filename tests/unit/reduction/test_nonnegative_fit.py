"""Non-negative least squares by updates, against scipy's solver and plain least squares."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

from romnet.reduction.nonnegative_fit import NonnegativeFit


def columns_and_target(n_rows=12, n_columns=30, seed=0):
    rng = np.random.default_rng(seed)
    columns = rng.uniform(size=(n_rows, n_columns))
    return columns, columns @ rng.uniform(size=n_columns)


@pytest.mark.parametrize("seed", range(5))
def test_columns_that_join_at_once_give_the_optimum_over_them(seed):
    columns, target = columns_and_target(seed=seed)
    fit = NonnegativeFit(target)
    fit.add_all(list(range(8)), columns[:, :8], np.ones(8))
    solution, norm = nnls(columns[:, fit.labels], target)
    np.testing.assert_allclose(fit.coefficients, solution, rtol=1e-8)
    assert fit.residual_norm == pytest.approx(norm, rel=1e-9)
    assert (fit.coefficients > 0.0).all()


def test_removing_a_column_is_never_having_had_it():
    columns, target = columns_and_target()
    fit = NonnegativeFit(target)
    for label in range(6):
        fit.add(label, columns[:, label])
    gone = fit.labels[1]
    rest = [label for label in fit.labels if label != gone]
    fit.remove(gone)
    solution, norm = nnls(columns[:, rest], target)
    assert fit.residual_norm == pytest.approx(norm, rel=1e-10)
    assert fit.labels == [label for label, x in zip(rest, solution, strict=True) if x > 0.0]


def test_the_cost_of_a_removal_is_what_the_squared_residual_grows_by():
    columns, target = columns_and_target(n_rows=20)
    fit = NonnegativeFit(target)
    for label in range(5):
        fit.add(label, columns[:, label])
    for position, cost in enumerate(fit.removal_costs()):
        rest = [label for k, label in enumerate(fit.labels) if k != position]
        free = np.linalg.lstsq(columns[:, rest], target, rcond=None)[0]
        grown = np.linalg.norm(target - columns[:, rest] @ free) ** 2 - fit.residual_norm**2
        assert cost == pytest.approx(grown, rel=1e-9)


def test_a_copy_goes_its_own_way():
    columns, target = columns_and_target()
    fit = NonnegativeFit(target)
    for label in range(4):
        fit.add(label, columns[:, label])
    before = list(fit.labels), fit.coefficients.copy(), fit.residual.copy()
    other = fit.copy()
    other.remove(other.labels[0])
    for label in range(10, 20):
        other.add(label, columns[:, label])
    assert fit.labels == before[0]
    assert (fit.coefficients == before[1]).all()
    assert (fit.residual == before[2]).all()
    inside = fit.outside(columns[:, fit.labels[0]])
    assert np.abs(inside).max() < 1e-13


def test_a_copy_that_refuses_a_column_leaves_the_others_alone():
    columns, target = columns_and_target(n_rows=20)
    fit = NonnegativeFit(target)
    for label in range(6):
        fit.add(label, columns[:, label])
    early = fit.copy()
    for label in range(6, 12):
        fit.add(label, columns[:, label])
    kept = fit.coefficients.copy(), fit.residual.copy()
    for label in range(12, 18):  # writes where the columns of the later one lie
        early.add(label, columns[:, label])
        early.add(label, -columns[:, label])
    assert not fit.add(99, -target)
    fit.remove(fit.labels[-1])
    fit.add(11, columns[:, 11])
    solution, norm = nnls(columns[:, fit.labels], target)
    np.testing.assert_allclose(fit.coefficients, solution, rtol=1e-8)
    assert fit.residual_norm == pytest.approx(norm, rel=1e-9)
    inside = columns[:, early.labels]
    np.testing.assert_allclose(early.residual, target - inside @ early.coefficients, atol=1e-12)
    assert kept[0].size > 0


@pytest.mark.parametrize("seed", range(5))
def test_pruning_drops_the_cheapest_columns_and_no_more(seed):
    columns, target = columns_and_target(n_rows=30, n_columns=60, seed=seed)
    target = target + np.random.default_rng(seed).normal(size=30)
    fit = NonnegativeFit(target)
    for label in range(60):
        fit.add(label, columns[:, label])
    size, goal = len(fit.labels), 1.3 * fit.residual_norm
    one_by_one = fit.copy()
    while True:
        costs = one_by_one.removal_costs()
        trial = one_by_one.copy()
        trial.remove(trial.labels[int(np.argmin(costs))])
        if trial.residual_norm > goal or len(trial.labels) < len(one_by_one.labels) - 1:
            break
        one_by_one = trial
    fit.prune(goal)
    assert len(fit.labels) < size
    assert fit.residual_norm <= goal
    assert fit.labels == one_by_one.labels
    solution, _ = nnls(columns[:, fit.labels], target)
    np.testing.assert_allclose(fit.coefficients, solution, rtol=1e-8)


def test_pruning_to_what_is_reached_changes_nothing():
    columns, target = columns_and_target(n_rows=30)
    fit = NonnegativeFit(target)
    for label in range(10):
        fit.add(label, columns[:, label])
    before = list(fit.labels)
    fit.prune(fit.residual_norm)
    assert fit.labels == before


def test_many_joins_and_leaves_keep_the_factors_orthogonal():
    rng = np.random.default_rng(1)
    columns = rng.normal(size=(60, 400))
    target = np.abs(columns) @ rng.uniform(size=400)
    fit = NonnegativeFit(target)
    for step in range(400):
        fit.add(step, columns[:, step])
        if step % 3 == 2 and len(fit.labels) > 1:
            fit.remove(fit.labels[0])
    inside = columns[:, fit.labels]
    assert np.abs(inside.T @ fit.residual).max() < 1e-10 * np.linalg.norm(target)
    np.testing.assert_allclose(fit.residual, target - inside @ fit.coefficients, atol=1e-10)


def test_no_more_columns_than_rows_are_independent():
    columns, target = columns_and_target(n_rows=3)
    fit = NonnegativeFit(target)
    for label in range(30):
        fit.add(label, columns[:, label])
    assert len(fit.labels) <= 3


def test_a_refused_column_leaves_the_factors_of_others_alone():
    columns, target = columns_and_target()
    first = NonnegativeFit(target).with_column(0, columns[:, 0])
    second = first.with_column(1, columns[:, 1])
    assert first.with_column(2, 2.0 * columns[:, 0]) is None
    third = first.with_column(3, columns[:, 3])
    assert second.with_column(4, np.zeros(len(target))) is None
    for fit in (second, third):
        larger = fit.with_column(5, columns[:, 5])
        solution, norm = nnls(columns[:, [*fit.labels, 5]], target)
        assert larger.residual_norm == pytest.approx(norm, rel=1e-9)
        np.testing.assert_allclose(larger.coefficients, solution[solution > 0.0], rtol=1e-7)
