"""Relative errors are never absolute ones, whatever the size of the reference."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.study.answers import relative_errors


@pytest.mark.parametrize("unit", [1.0, 1e-200, 1e200])
def test_relative_errors_do_not_depend_on_the_unit(unit: float) -> None:
    errors, norms = np.array([0.0, 3.0, 4.0]), np.array([0.0, 30.0, 40.0])
    each, whole = relative_errors(unit * errors, unit * norms)
    np.testing.assert_allclose(each, [0.0, 0.1, 0.1])
    assert whole == pytest.approx(0.1)


def test_an_instant_without_displacement_is_compared_with_the_largest() -> None:
    each, whole = relative_errors(np.array([0.0, 2e-3]), np.array([4e-3, 0.0]))
    np.testing.assert_allclose(each, [0.0, 0.5])
    assert whole == pytest.approx(0.5)


def test_an_answer_to_nothing_is_wholly_wrong() -> None:
    each, whole = relative_errors(np.array([0.0, 1e-5]), np.zeros(2))
    np.testing.assert_allclose(each, [0.0, 1.0])
    assert whole == pytest.approx(1.0)
    assert relative_errors(np.zeros(2), np.zeros(2))[1] == 0.0
