"""The reduced equilibrium: forces, tangents and the share of each rank."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from romnet.core.communicator import SerialCommunicator
from romnet.fe.history import Amplitude
from romnet.hf.assembly import StiffnessPattern, internal_force, stiffness
from romnet.laws.contract import TimeStep
from romnet.online.equilibrium import ReducedProblem
from romnet.online.newton import SingularTangentError
from romnet.online.stepping import Committed

ALONE = SerialCommunicator()


def quadrature_modes(problem):
    """Strain modes at the points that carry a weight, a row for each mode."""
    prepared = problem.prepared
    chosen = prepared.model.strain_modes[prepared.share[: prepared.n_quadrature]]
    return chosen.reshape(-1, prepared.model.n_modes).T


class Share(SerialCommunicator):
    """One of several ranks, asked for its own part only."""

    def __init__(self, rank, size):
        self.rank, self.size = rank, size


@pytest.fixture
def cube(structure):
    return structure(divisions=(2, 1, 1))


@pytest.fixture
def loading(cube):
    return cube.loading(pull=300.0, heat=100.0, stretch=1e-3)


@pytest.fixture
def modes(cube):
    return np.random.default_rng(0).normal(size=(cube.mesh.n_dofs, 4))


def test_with_the_full_quadrature_force_and_tangent_are_projections_of_the_full_ones(
    cube, loading, modes
):
    model = cube.reduced(loading, modes)
    problem = ReducedProblem.build(model, model.loadings["test"], ALONE)
    step = TimeStep(0.0, 0.5)
    increment = problem.increment(problem.start(), step)
    unknown = 1e-4 * np.arange(1.0, 5.0)
    trial = increment.evaluate(unknown)

    displacement = modes @ unknown + loading.prescribed.at(0.5)
    points = cube.discretization
    strain = (points.strain_operator @ displacement).reshape(points.n_points, 6)
    cold, warm = loading.temperature.at(0.0), loading.temperature.at(0.5)
    answer = cube.laws.integrate(
        np.zeros_like(strain), strain, cube.laws.initial_state(cold), cold, warm, step
    )
    assert cube.laws.field(answer.state, "p").max() > 0.0
    residual = modes.T @ (loading.force.at(0.5) - internal_force(points, answer.stress))
    np.testing.assert_allclose(trial.strain, strain, atol=1e-16)
    np.testing.assert_allclose(trial.state, answer.state, atol=1e-12)
    assert trial.residual == pytest.approx(np.linalg.norm(residual), rel=1e-10)
    pattern = StiffnessPattern.build(points)
    tangent = modes.T @ (stiffness(points, pattern, answer.tangent) @ modes)
    np.testing.assert_allclose(trial.correction(), np.linalg.solve(tangent, residual), rtol=1e-8)


def test_the_correction_is_that_of_finite_differences(cube, loading, modes):
    model = cube.reduced(loading, modes)
    problem = ReducedProblem.build(model, model.loadings["test"], ALONE)
    increment = problem.increment(problem.start(), TimeStep(0.0, 0.5))
    unknown = 1e-4 * np.arange(1.0, 5.0)

    def force(at):
        state = increment.evaluate(at).state
        stress = problem.prepared.laws.field(state, "stress")
        return quadrature_modes(problem) @ (problem.prepared.weights[:, None] * stress).ravel()

    h = 1e-9
    tangent = np.stack(
        [(force(unknown + h * e) - force(unknown - h * e)) / (2 * h) for e in np.eye(4)], axis=1
    )
    residual = increment.given.external - force(unknown)
    correction = increment.evaluate(unknown).correction()
    np.testing.assert_allclose(
        tangent @ correction, residual, rtol=1e-5, atol=1e-5 * abs(residual).max()
    )


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_the_ranks_share_every_point_once_and_their_forces_add_up(cube, loading, modes, size):
    weights = cube.discretization.weights[[0, 3, 8, 9, 14]]
    points = np.array([0, 3, 8, 9, 14, 2, 6, 11])
    model = cube.reduced(loading, modes, points=points, weights=weights)
    shares = [
        ReducedProblem.build(model, model.loadings["test"], Share(rank, size))
        for rank in range(size)
    ]
    owned = np.concatenate([share.prepared.share for share in shares])
    assert sorted(owned) == list(range(8))
    assert sum(share.prepared.n_quadrature for share in shares) == 5
    for share in shares:
        assert (share.prepared.share[: share.prepared.n_quadrature] < 5).all()
        assert (share.prepared.share[share.prepared.n_quadrature :] >= 5).all()

    def contribution(problem):
        increment = problem.increment(problem.start(), TimeStep(0.0, 0.5))
        state = increment.evaluate(np.full(4, 1e-4)).state
        stress = problem.prepared.laws.field(state, "stress")[: problem.prepared.n_quadrature]
        return quadrature_modes(problem) @ (problem.prepared.weights[:, None] * stress).ravel()

    whole = contribution(ReducedProblem.build(model, model.loadings["test"], ALONE))
    parts = sum(contribution(share) for share in shares)
    np.testing.assert_allclose(parts, whole, rtol=1e-10)


def test_points_without_weight_do_not_change_the_forces(cube, loading, modes):
    weights = np.array([0.1, 0.2])
    few = cube.reduced(loading, modes, points=np.array([1, 5]), weights=weights)
    more = cube.reduced(loading, modes, points=np.array([1, 5, 7, 9]), weights=weights)
    residuals = []
    for model in (few, more):
        problem = ReducedProblem.build(model, model.loadings["test"], ALONE)
        increment = problem.increment(problem.start(), TimeStep(0.0, 0.5))
        trial = increment.evaluate(np.full(4, 1e-4))
        residuals.append(trial.residual)
        assert len(trial.state) == len(model.points)
    assert residuals[0] == pytest.approx(residuals[1], rel=1e-13)


def test_dependent_modes_make_the_tangent_singular(cube, loading, modes):
    model = cube.reduced(loading, np.zeros_like(modes))
    problem = ReducedProblem.build(model, model.loadings["test"], ALONE)
    trial = problem.increment(problem.start(), TimeStep(0.0, 0.5)).evaluate(np.zeros(4))
    with pytest.raises(SingularTangentError):
        trial.correction()


def test_evaluating_twice_gives_the_same_and_changes_nothing(cube, loading, modes):
    model = cube.reduced(loading, modes)
    problem = ReducedProblem.build(model, model.loadings["test"], ALONE)
    start = problem.start()
    kept = start.state.copy()
    increment = problem.increment(start, TimeStep(0.0, 0.5))
    unknown = np.full(4, 1e-3)
    first, second = increment.evaluate(unknown), increment.evaluate(unknown)
    np.testing.assert_array_equal(first.state, second.state)
    assert first.residual == second.residual
    np.testing.assert_array_equal(start.state, kept)
    assert (unknown == 1e-3).all()


def test_the_law_is_asked_from_the_committed_state_and_temperature(cube, loading, modes, spied):
    model = cube.reduced(loading, modes)
    problem = ReducedProblem.build(model, model.loadings["test"], ALONE)
    laws, spy = spied(problem.prepared.laws)
    problem = replace(problem, prepared=replace(problem.prepared, laws=laws))
    start = problem.start()
    committed = Committed(0.2, np.ones(4), np.ones(4), start.strain + 1e-5, start.state + 1e-3)
    problem.increment(committed, TimeStep(0.2, 0.3)).evaluate(np.full(4, 1e-5))
    (asked,) = spy.asked
    np.testing.assert_array_equal(asked["strain_old"], committed.strain)
    np.testing.assert_array_equal(asked["state_old"], committed.state)
    np.testing.assert_allclose(asked["temperature_old"], loading.temperature.at(0.2))
    np.testing.assert_allclose(asked["temperature_new"], loading.temperature.at(0.5))
    assert asked["step"] == TimeStep(0.2, 0.3)


def test_the_guess_extrapolates_the_last_increment(cube, loading, modes):
    model = cube.reduced(loading, modes)
    problem = ReducedProblem.build(model, model.loadings["test"], ALONE)
    start = problem.start()
    moving = Committed(0.5, np.ones(4), np.full(4, 2.0), start.strain, start.state)
    assert problem.increment(moving, TimeStep(0.5, 0.25)).guess.tolist() == [1.5] * 4


def test_nothing_is_strained_at_the_start_whatever_is_prescribed(cube, modes):
    always = Amplitude(np.array([0.0]), np.array([1.0]), after="hold")
    loading = cube.loading(stretch=1e-3, ramp=always)
    model = cube.reduced(loading, modes)
    problem = ReducedProblem.build(model, model.loadings["test"], ALONE)
    assert not problem.start().strain.any()
    assert problem.lift_strain(0.0).any()


def test_the_compiled_increment_equals_the_one_in_python(cube, loading, modes, spied):
    model = cube.reduced(loading, modes)
    problem = ReducedProblem.build(model, model.loadings["test"], ALONE)
    laws, spy = spied(problem.prepared.laws)
    watched = replace(problem, prepared=replace(problem.prepared, laws=laws))
    unknown, step = 1e-4 * np.arange(1.0, 5.0), TimeStep(0.0, 0.5)
    fast, plain = (
        each.increment(each.start(), step).evaluate(unknown) for each in (problem, watched)
    )
    assert len(spy.asked) == 1
    np.testing.assert_array_equal(fast.strain, plain.strain)
    np.testing.assert_array_equal(fast.state, plain.state)
    assert fast.residual == pytest.approx(plain.residual, rel=1e-12)
    assert fast.scale == pytest.approx(plain.scale, rel=1e-12)
    np.testing.assert_allclose(fast.correction(), plain.correction(), rtol=1e-9)


def test_points_that_fail_are_told_by_the_compiled_increment(cube, loading, modes):
    model = cube.reduced(loading, modes)
    problem = ReducedProblem.build(model, model.loadings["test"], ALONE)
    trial = problem.increment(problem.start(), TimeStep(0.0, 0.5)).evaluate(np.full(4, 1e200))
    assert trial.failed
    assert trial.step_factor < 1.0
