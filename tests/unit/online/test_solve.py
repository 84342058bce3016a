"""Answers of tiny reduced models, made without any file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from romnet.core.snapshots import ArraySource
from romnet.core.status import Status
from romnet.fe.history import Amplitude
from romnet.fe.inner_products import l2_mass
from romnet.online.newton import NewtonOptions
from romnet.online.solve import rebuilt, solve
from romnet.reduction.basis import Truncation
from romnet.reduction.gappy import GappyOperator
from romnet.reduction.pod import pod

TIGHT = NewtonOptions(tolerance=1e-11)
TIMES = (0.0, 0.25, 0.5, 0.75, 1.0)


@pytest.fixture
def cube(structure):
    return structure()


def training(cube, loading):
    """High-fidelity displacements, a column an instant, and the modes of what they leave free."""
    outcomes = cube.solve(loading)
    values = np.stack(
        [np.zeros(cube.mesh.n_dofs), *(o.committed.unknown for o in outcomes)], axis=1
    )
    lift = np.stack([loading.prescribed.at(time) for time in loading.times], axis=1)
    basis = pod(
        ArraySource(values - lift),
        l2_mass(cube.mesh),
        truncation=Truncation(rtol=1e-12),
        comm=cube.comm,
    )
    return outcomes, values, lift, basis


def test_the_training_load_is_reproduced(cube):
    loading = cube.loading(pull=200.0, heat=200.0, times=TIMES)
    outcomes, values, _, basis = training(cube, loading)
    model = cube.reduced(loading, basis.modes, dual=("p", "stress"))
    solution = solve(model, model.loadings["test"], options=TIGHT)
    assert solution.status is Status.CONVERGED
    np.testing.assert_allclose(solution.times, TIMES, atol=1e-15)
    found = basis.modes @ solution.coefficients
    assert np.abs(found - values).max() < 1e-7 * np.abs(values).max()
    for number, outcome in enumerate(outcomes, start=1):
        p = cube.laws.field(outcome.committed.state, "p")[:, 0]
        np.testing.assert_allclose(solution.dual["p"][:, number], p, atol=1e-8)
        stress = cube.laws.field(outcome.committed.state, "stress")
        np.testing.assert_allclose(solution.dual["stress_12"][:, number], stress[:, 3], atol=1e-3)
    assert solution.dual["p"][:, -1].max() > 1e-4


def test_prescribed_displacements_come_on_top_of_the_modes(cube):
    loading = cube.loading(stretch=2e-3, heat=50.0, times=TIMES)
    _, values, lift, basis = training(cube, loading)
    constrained = loading.constrained
    assert np.abs(basis.modes[constrained]).max() < 1e-10
    model = cube.reduced(loading, basis.modes)
    solution = solve(model, model.loadings["test"], options=TIGHT)
    found = lift + basis.modes @ solution.coefficients
    assert np.abs(found - values).max() < 1e-7 * np.abs(values).max()


def test_a_displacement_prescribed_from_the_beginning_is_reached_in_the_first_increment(cube):
    always = Amplitude(np.array([0.0]), np.array([1.0]), after="hold")
    loading = cube.loading(stretch=2e-3, ramp=always, times=(0.0, 0.5, 1.0))
    outcomes = cube.solve(loading, tolerance=1e-11)
    modes = np.eye(cube.mesh.n_dofs)[:, ~loading.constrained]
    model = cube.reduced(loading, modes, dual=("p",))
    solution = solve(model, model.loadings["test"], options=TIGHT)
    for number, outcome in enumerate(outcomes, start=1):
        found = loading.prescribed.at(1.0) + modes @ solution.coefficients[:, number]
        np.testing.assert_allclose(found, outcome.committed.unknown, atol=1e-10)
        p = cube.laws.field(outcome.committed.state, "p")[:, 0]
        np.testing.assert_allclose(solution.dual["p"][:, number], p, rtol=1e-6)
    assert solution.dual["p"].max() > 1e-5


def test_the_answer_counts_its_corrections_and_cuts(cube):
    loading = cube.loading(pull=50.0, times=TIMES)
    *_, basis = training(cube, loading)
    model = cube.reduced(loading, basis.modes)
    told = []
    solution = solve(model, model.loadings["test"], options=TIGHT, on_step=told.append)
    assert told == list(TIMES[1:])
    assert solution.newton_iterations.shape == solution.cuts.shape == (4,)
    # Elastic: once the first increment is known, its extrapolation is the answer.
    assert solution.newton_iterations.tolist() == [1, 0, 0, 0]
    assert not solution.cuts.any()
    assert solution.case == "test"
    assert 0.0 < solution.law_seconds < solution.wall_seconds


def test_a_run_that_cannot_go_on_keeps_what_it_reached_and_says_why(cube):
    loading = cube.loading(pull=150.0, times=TIMES)
    *_, basis = training(cube, loading)
    model = cube.reduced(loading, basis.modes, dual=("p",))
    # From t = 0.5 on the force is not finite.
    reduced = model.loadings["test"]
    ramp = reduced.force.amplitudes[0]
    broken = replace(
        ramp, times=np.array([0.0, 0.5, 0.6, 1.0]), values=np.array([0.0, 0.5, np.nan, np.nan])
    )
    poisoned = replace(reduced, force=replace(reduced.force, amplitudes=(broken,)))
    with np.errstate(invalid="ignore"):
        solution = solve(model, poisoned, options=TIGHT)
    assert (solution.status, solution.reason) == (Status.STEP_TOO_SMALL, Status.NOT_FINITE)
    assert solution.times.tolist() == [0.0, 0.25, 0.5]
    assert solution.coefficients.shape[1] == solution.dual["p"].shape[1] == 3
    assert solution.cuts.tolist()[-1] > 0
    whole = solve(model, reduced, options=TIGHT)
    np.testing.assert_array_equal(solution.coefficients, whole.coefficients[:, :3])


def test_a_case_of_one_instant_is_answered_by_the_virgin_state(cube):
    loading = cube.loading(pull=150.0, times=(0.0,))
    model = cube.reduced(loading, np.eye(cube.mesh.n_dofs)[:, ~loading.constrained][:, :3])
    solution = solve(model, model.loadings["test"])
    assert solution.status is Status.CONVERGED
    assert solution.coefficients.tolist() == [[0.0]] * 3
    assert solution.newton_iterations.size == 0


def test_nothing_of_the_model_is_changed(cube):
    loading = cube.loading(pull=150.0, times=TIMES)
    *_, basis = training(cube, loading)
    model = cube.reduced(loading, basis.modes)
    kept = model.strain_modes.copy(), model.weights.copy()
    solve(model, model.loadings["test"])
    np.testing.assert_array_equal(model.strain_modes, kept[0])
    np.testing.assert_array_equal(model.weights, kept[1])


def test_a_dual_field_in_the_span_of_its_modes_is_rebuilt_everywhere(cube):
    loading = cube.loading(pull=200.0, heat=200.0, times=TIMES)
    outcomes, _, _, basis = training(cube, loading)
    p = np.stack(
        [cube.laws.field(outcome.committed.state, "p")[:, 0] for outcome in outcomes], axis=1
    )
    modes = np.linalg.svd(p, full_matrices=False)[0]
    points = np.arange(0, 64, 3)
    model = cube.reduced(loading, basis.modes, dual=("p",))
    solution = solve(model, model.loadings["test"], options=TIGHT)
    masked = replace(model, gappy={"p": GappyOperator.build(modes[points], largest_norm=1.0)})
    seen = replace(solution, dual={"p": solution.dual["p"][points]})
    field = rebuilt(modes, masked, seen, "p")
    np.testing.assert_allclose(field[:, 1:], p, atol=1e-6 * p.max())
