"""Newton iterations on equations small enough to know the answer; every outcome is reached."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from romnet.core.status import Status
from romnet.online.newton import (
    Increment,
    NewtonOptions,
    SingularTangentError,
    Trial,
    newton,
)

OPTIONS = NewtonOptions()


class Scalar:
    """External force minus force(x) = 0 in one unknown, with its tangent."""

    def __init__(self, force, tangent, external, *, guess=0.0):
        self.force, self.tangent, self.external = force, tangent, external
        self.guess = np.array([guess])
        self.tried = []

    def evaluate(self, unknown):
        self.tried.append(float(unknown[0]))
        internal = float(self.force(unknown[0]))
        residual = self.external - internal
        return Trial(
            residual=abs(residual),
            scale=max(abs(self.external), abs(internal)),
            strain=unknown[None],
            state=unknown[None],
            failed=False,
            step_factor=1.0,
            correction=lambda: self.solve(residual, unknown[0]),
            law_seconds=0.25,
        )

    def solve(self, residual, unknown):
        tangent = self.tangent(unknown)
        if tangent == 0.0:
            raise SingularTangentError
        return np.array([residual / tangent])


class Failing(Scalar):
    """Cannot be evaluated where the unknown exceeds a limit."""

    def __init__(self, *arguments, limit, **options):
        super().__init__(*arguments, **options)
        self.limit = limit

    def evaluate(self, unknown):
        trial = super().evaluate(unknown)
        if unknown[0] <= self.limit:
            return trial
        return Trial(
            np.nan, trial.scale, trial.strain, trial.state, True, 0.3, trial.correction, 0.25
        )


def linear(external=3.0, **options):
    return Scalar(lambda x: 2.0 * x, lambda _: 2.0, external, **options)


def cubic(**options):
    return Scalar(lambda x: x**3, lambda x: 3.0 * x**2, 8.0, **options)


def test_a_linear_problem_takes_one_correction():
    result = newton(linear(), scale=0.0, options=OPTIONS)
    assert result.status is Status.CONVERGED
    assert result.iterations == 1
    assert result.unknown.tolist() == [1.5]
    assert result.residuals == (1.0, 0.0)
    assert result.scale == 3.0
    assert result.law_seconds == 0.5


def test_an_increment_in_balance_takes_no_correction():
    result = newton(linear(guess=1.5), scale=0.0, options=OPTIONS)
    assert (result.status, result.iterations) == (Status.CONVERGED, 0)


def test_without_any_force_there_is_balance():
    result = newton(linear(0.0), scale=0.0, options=OPTIONS)
    assert (result.status, result.scale) == (Status.CONVERGED, 0.0)


def test_convergence_is_quadratic():
    options = NewtonOptions(tolerance=1e-14)
    result = newton(cubic(guess=3.0), scale=0.0, options=options)
    logs = np.log(np.array(result.residuals[-4:-1]))
    assert (logs[2] - logs[1]) / (logs[1] - logs[0]) == pytest.approx(2.0, abs=0.2)


@given(st.floats(0.05, 50.0), st.floats(-12.0, -3.0))
def test_what_converges_is_a_root_to_the_tolerance(guess, digits):
    options = NewtonOptions(tolerance=10.0**digits, max_iterations=200)
    result = newton(cubic(guess=guess), scale=0.0, options=options)
    assert result.status is Status.CONVERGED
    first = max(8.0, guess**3)
    assert abs(result.unknown[0] ** 3 - 8.0) <= 10.0**digits * first * 1.001


def test_an_iterate_that_goes_astray_does_not_loosen_the_tolerance():
    # The first correction leads from 0.01 to 26 667, where the force is 1.9e13.
    result = newton(cubic(guess=0.01), scale=0.0, options=NewtonOptions(max_iterations=100))
    assert result.unknown[0] == pytest.approx(2.0, rel=1e-8)
    assert result.scale == pytest.approx(8.0)


def test_an_unloaded_instant_is_judged_by_what_was_borne_before():
    rest = linear(0.0, guess=1e-9)
    assert newton(rest, scale=1.0, options=OPTIONS).iterations == 0
    assert newton(rest, scale=0.0, options=OPTIONS).iterations == 1


def test_too_few_iterations_are_said():
    options = NewtonOptions(max_iterations=3)
    result = newton(cubic(guess=50.0), scale=0.0, options=options)
    assert (result.status, result.iterations) == (Status.MAX_ITERATIONS, 3)


def test_the_last_allowed_correction_may_converge():
    assert newton(linear(), scale=0.0, options=NewtonOptions(max_iterations=1)).status.ok


def test_a_singular_tangent_is_said():
    result = newton(cubic(guess=0.0), scale=0.0, options=OPTIONS)
    assert (result.status, result.iterations) == (Status.SINGULAR, 0)


@pytest.mark.parametrize("force", [np.nan, np.inf])
def test_forces_that_are_not_finite_are_said(force):
    with np.errstate(invalid="ignore"):
        result = newton(linear(force), scale=0.0, options=OPTIONS)
    assert (result.status, result.iterations) == (Status.NOT_FINITE, 0)


def test_a_law_that_fails_at_the_start_is_said_with_its_factor():
    failing = Failing(lambda x: 2.0 * x, lambda _: 2.0, 3.0, limit=-1.0)
    result = newton(failing, scale=0.0, options=OPTIONS)
    assert (result.status, result.trial.step_factor) == (Status.LAW_FAILED, 0.3)


def test_a_law_that_fails_after_the_whole_correction_may_bear_a_part_of_it():
    # The first correction from 0.7 leads to 5.9; the law fails above 4, the root is 2.
    failing = Failing(lambda x: x**3, lambda x: 3.0 * x**2, 8.0, guess=0.7, limit=4.0)
    result = newton(failing, scale=0.0, options=OPTIONS)
    assert result.status is Status.CONVERGED
    assert result.unknown[0] == pytest.approx(2.0, rel=1e-8)


def test_a_law_that_fails_on_all_parts_of_the_correction_is_said():
    failing = Failing(lambda x: 2.0 * x, lambda _: 2.0, 3.0, limit=0.0)
    result = newton(failing, scale=0.0, options=OPTIONS)
    assert (result.status, result.iterations) == (Status.LAW_FAILED, 1)


def test_across_a_kink_the_line_search_ends_the_jumping_to_and_fro():
    # Whole corrections lead from x to -x.
    def force(x):
        return np.sign(x) * np.sqrt(abs(x))

    root = Scalar(force, lambda x: 0.5 / np.sqrt(abs(x)), 0.0, guess=1.0)
    result = newton(root, scale=1.0, options=OPTIONS)
    assert result.status is Status.CONVERGED
    assert root.tried[:2] == [1.0, -1.0]


def test_a_part_of_the_correction_that_gives_nan_is_never_preferred():
    def force(x):  # finite after the whole correction (x = 8), NaN on all parts of the way
        return np.nan if 0.2 < x < 5.0 else 10.0 * np.sign(x - 1.0) * abs(x - 1.0) ** 0.5 + 8.0

    scalar = Scalar(force, lambda _: 1.25, 8.0, guess=0.0)
    result = newton(scalar, scale=0.0, options=NewtonOptions(max_iterations=1))
    assert scalar.tried == [0.0, 8.0, 4.0, 2.0, 1.0, 0.5]
    assert result.unknown.tolist() == [8.0]


def test_the_prescribed_displacement_counts_as_unbalanced_until_it_is_met():
    class Gripped(Scalar):
        def evaluate(self, unknown):
            trial = super().evaluate(unknown)
            met = unknown[0] != 0.0
            return trial if met else Trial(np.inf, *list(vars(trial).values())[1:])

    result = newton(Gripped(lambda x: 2.0 * x, lambda _: 2.0, 3.0), scale=0.0, options=OPTIONS)
    assert result.status is Status.CONVERGED
    assert result.residuals[0] == np.inf


def test_the_fakes_keep_the_protocol():
    assert isinstance(linear(), Increment)
