"""Gappy POD: exact on the span of the modes, honest about masks that see too little."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from romnet.core.communicator import SerialCommunicator
from romnet.core.errors import AccuracyError
from romnet.reduction.gappy import GappyOperator, further_points, interpolation_points

ALONE = SerialCommunicator()


def modes_of(n_points, n_modes, seed=0):
    rng = np.random.default_rng(seed)
    return np.linalg.qr(rng.normal(size=(n_points, n_modes)))[0]


@given(st.integers(1, 8), st.integers(0, 50))
def test_a_field_in_the_span_of_the_modes_is_rebuilt_from_as_many_points(n_modes, seed):
    modes = modes_of(60, n_modes, seed)
    points = interpolation_points(modes, np.arange(60), ALONE)
    operator = GappyOperator.build(modes[points], largest_norm=1.0)
    field = modes @ np.random.default_rng(seed).normal(size=n_modes)
    np.testing.assert_allclose(modes @ (operator.inverse @ field[points]), field, atol=1e-9)
    assert operator.residual(field[points]) < 1e-9


def test_more_points_give_the_least_squares_coefficients():
    modes = modes_of(60, 4)
    values = np.random.default_rng(1).normal(size=20)
    operator = GappyOperator.build(modes[:20], largest_norm=1.0)
    expected, rest, _, singular = np.linalg.lstsq(modes[:20], values, rcond=None)
    np.testing.assert_allclose(operator.inverse @ values, expected, rtol=1e-9)
    assert operator.condition == pytest.approx(singular[0] / singular[-1], rel=1e-10)
    relative = np.sqrt(rest[0]) / np.linalg.norm(values)
    assert operator.residual(values) == pytest.approx(relative, rel=1e-9)


def test_the_residual_of_a_negligible_field_is_measured_against_training():
    operator = GappyOperator.build(np.array([[1.0], [0.0]]), largest_norm=1e3)
    assert operator.residual(np.array([0.0, 1e-6])) == pytest.approx(1e-6)
    assert operator.residual(np.zeros(2)) == 0.0
    silent = GappyOperator.build(np.array([[1.0], [0.0]]), largest_norm=0.0)
    assert silent.residual(np.zeros(2)) == 0.0


@pytest.mark.parametrize(
    "mask_modes",
    [np.ones((1, 2)), np.ones((3, 2)), np.zeros((3, 1)), np.ones((4, 2)) + [[0, 1e-15]] * 4],
    ids=["too few points", "equal columns", "nothing seen", "equal up to rounding"],
)
def test_a_mask_that_cannot_tell_the_modes_apart_is_refused(mask_modes):
    with pytest.raises(AccuracyError, match=r"\d points cannot identify \d modes"):
        GappyOperator.build(mask_modes, largest_norm=1.0)


@given(st.integers(1, 10), st.integers(0, 50))
def test_points_are_the_pivots_of_the_qr_factorisation(n_modes, seed):
    modes = modes_of(40, n_modes, seed)
    _, _, pivots = scipy.linalg.qr(modes.T, pivoting=True)
    points = interpolation_points(modes, np.arange(40), ALONE)
    assert points.tolist() == sorted(pivots[:n_modes])


def test_points_carry_the_global_numbers():
    modes = modes_of(40, 5)
    numbers = np.arange(40) * 7 + 3
    plain = interpolation_points(modes, np.arange(40), ALONE)
    assert interpolation_points(modes, numbers, ALONE).tolist() == numbers[plain].tolist()


def test_a_symmetric_mode_takes_the_point_of_the_smallest_number():
    axis = np.linspace(-1.0, 1.0, 11)
    modes = np.stack([axis**2, axis], axis=1)
    for seed in range(10):
        noise = 1.0 + 1e-14 * np.random.default_rng(seed).uniform(-1.0, 1.0, modes.shape)
        points = interpolation_points(modes * noise, np.arange(11), ALONE)
        assert points.tolist() == [0, 10]


def test_no_mode_needs_no_point():
    assert interpolation_points(np.zeros((5, 0)), np.arange(5), ALONE).size == 0


def test_dependent_modes_are_refused_even_if_rounding_leaves_something():
    modes = modes_of(40, 3)
    dependent = np.column_stack([modes, modes @ [0.3, 0.2, 0.1]])
    with pytest.raises(AccuracyError, match="only 3 of 4 modes are independent"):
        interpolation_points(dependent, np.arange(40), ALONE)


def test_the_modes_are_not_changed():
    modes = modes_of(20, 3)
    kept = modes.copy()
    interpolation_points(modes, np.arange(20), ALONE)
    assert (modes == kept).all()


def test_points_that_tell_modes_apart_need_no_others():
    modes = np.linalg.qr(np.random.default_rng(2).normal(size=(60, 6)))[0]
    numbers, alone = np.arange(60), SerialCommunicator()
    assert further_points(modes, numbers, alone, known=np.arange(0, 60, 2)).size == 0
    blind = modes.copy()
    blind[:30, 5] = 0.0
    for some, known in ((modes, np.arange(5)), (blind, np.arange(30))):
        found = further_points(some, numbers, alone, known=known)
        assert found.tolist() == interpolation_points(some, numbers, alone).tolist()
