"""Cases in a batch are answered as they are alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from romnet.core.status import Status
from romnet.laws.composite import Heterogeneous
from romnet.online.batch import solve_batch
from romnet.online.newton import NewtonOptions
from romnet.online.prepared import prepare
from romnet.online.solve import solve

TIMES = (0.0, 0.25, 0.5, 0.75, 1.0)
FACTORS = (1.0, 0.7, 1.4, -0.8)
TIGHT = NewtonOptions(tolerance=1e-11)


@pytest.fixture
def cube(structure):
    return structure(divisions=(2, 1, 1))


@pytest.fixture
def model(cube):
    """A model on smooth modes, with points that carry no weight."""
    loading = cube.loading(pull=350.0, heat=150.0, times=TIMES)
    nodes = cube.mesh.nodes
    functions = [nodes[:, [k]] ** n for k in range(3) for n in (1, 2)]
    modes = np.stack([(f * np.eye(3)[a]).ravel() for f in functions for a in range(3)], axis=1)
    modes[loading.constrained] = 0.0
    modes = np.linalg.qr(modes @ np.random.default_rng(0).normal(size=(18, 8)))[0]
    points = np.array([0, 3, 5, 8, 9, 10, 14, 15, 1, 12])
    return cube.reduced(loading, modes, points=points, weights=np.full(8, 0.125), dual=("p",))


def cases(model, factors=FACTORS):
    """The load of the model, its force times some factors."""
    base = model.loadings["test"]
    return [
        replace(
            base, name=f"f{factor}", force=replace(base.force, vectors=factor * base.force.vectors)
        )
        for factor in factors
    ]


def spoilt(loading):
    """The same case with a force that is not finite from t = 0.5 on."""
    (ramp,) = loading.force.amplitudes
    broken = replace(
        ramp, times=np.array([0.0, 0.5, 0.6, 1.0]), values=np.array([0.0, 0.5, np.nan, np.nan])
    )
    return replace(loading, force=replace(loading.force, amplitudes=(broken,)))


def in_python(model, spied):
    """The model with a law that only Python can call, and the spy in it."""
    prepared = prepare(model)
    laws, spy = spied(prepared.laws)
    return replace(prepared, laws=laws), spy


def same(batch, alone, k):
    """Compare one case of a batch with its answer alone."""
    size = np.abs(alone.coefficients).max()
    np.testing.assert_allclose(batch.coefficients[k], alone.coefficients, atol=1e-10 * size)
    p = alone.dual["p"]
    np.testing.assert_allclose(batch.dual["p"][k], p, atol=1e-8 * p.max())
    assert batch.newton_iterations[k].tolist() == alone.newton_iterations.tolist()


def test_each_case_is_answered_as_alone(model):
    batch = solve_batch(model, cases(model), options=TIGHT)
    for k, loading in enumerate(cases(model)):
        alone = solve(model, loading, options=TIGHT)
        assert alone.dual["p"].max() > 1e-5
        same(batch, alone, k)
    assert batch.status == (Status.CONVERGED,) * 4
    assert batch.reached.tolist() == [4] * 4
    assert not batch.cuts.any()


def test_a_law_in_python_sees_the_points_of_all_cases_at_once(model, spied):
    prepared, spy = in_python(model, spied)
    batch = solve_batch(prepared, cases(model), options=TIGHT)
    assert len(spy.asked[0]["strain_new"]) == 4 * len(model.points)
    for k, loading in enumerate(cases(model)):
        same(batch, solve(model, loading, options=TIGHT), k)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_case_that_needs_cuts_goes_alone_and_rejoins(model, spied, compiled):
    options = NewtonOptions(tolerance=1e-11, max_iterations=4)
    wanted = [solve(model, loading, options=options) for loading in cases(model)]
    counts = np.array([alone.cuts.sum() for alone in wanted])
    assert counts.any()
    assert not counts.all()
    prepared = model if compiled else in_python(model, spied)[0]
    batch = solve_batch(prepared, cases(model), options=options)
    np.testing.assert_array_equal(batch.cuts, counts)
    for k, alone in enumerate(wanted):
        size = np.abs(alone.coefficients).max()
        np.testing.assert_allclose(batch.coefficients[k], alone.coefficients, atol=1e-9 * size)


def test_a_case_that_fails_keeps_what_it_reached_and_disturbs_no_other(model):
    loadings = cases(model)
    loadings[1] = spoilt(loadings[1])
    with np.errstate(invalid="ignore"):
        batch = solve_batch(model, loadings, options=TIGHT)
    assert [status.ok for status in batch.status] == [True, False, True, True]
    assert (batch.status[1], batch.reason[1]) == (Status.STEP_TOO_SMALL, Status.NOT_FINITE)
    assert batch.reached.tolist() == [4, 2, 4, 4]
    assert np.isnan(batch.coefficients[1, :, 3:]).all()
    assert np.isnan(batch.dual["p"][1, :, 3:]).all()
    for k, loading in enumerate(loadings):
        if k != 1:
            same(batch, solve(model, loading, options=TIGHT), k)


def test_what_is_expected_saves_iterations_and_changes_no_answer(model):
    first = solve_batch(model, cases(model), options=TIGHT)
    again = solve_batch(model, cases(model), options=TIGHT, expected=first.coefficients)
    # The first increment says what the forces in balance are, from the usual guess.
    assert not again.newton_iterations[:, 1:].any()
    assert first.newton_iterations[:, 1:].any(axis=1).all()
    size = np.abs(first.coefficients).max()
    np.testing.assert_allclose(again.coefficients, first.coefficients, atol=1e-9 * size)
    misled = solve_batch(model, cases(model), options=TIGHT, expected=-first.coefficients)
    np.testing.assert_allclose(misled.coefficients, first.coefficients, atol=1e-9 * size)


def test_the_indicator_of_a_field_in_the_span_of_its_modes_is_zero(model):
    batch = solve_batch(model, cases(model)[:2], options=TIGHT)
    assert batch.indicator["p"].shape == (2, 5)
    assert batch.indicator["p"].max() < 1e-12  # every mask value has its mode


def test_singular_tangents_are_told(cube):
    loading = cube.loading(pull=200.0, times=TIMES)
    model = cube.reduced(loading, np.zeros((cube.mesh.n_dofs, 2)))
    force = replace(model.loadings["test"].force, vectors=np.ones((1, 2)))
    batch = solve_batch(model, [replace(model.loadings["test"], force=force)] * 2)
    assert batch.reason == (Status.SINGULAR,) * 2
    assert batch.reached.tolist() == [0, 0]


def test_cases_of_different_instants_are_refused(model):
    other = replace(model.loadings["test"], name="late", times=np.array([0.0, 0.5, 1.0]))
    with pytest.raises(ValueError, match="need the same instants; those of 'late' and 'test'"):
        solve_batch(model, [model.loadings["test"], other])
    with pytest.raises(ValueError, match="no load case"):
        solve_batch(model, [])


def test_points_of_several_materials(model):
    specs = (*model.law_specs, {"law": "elastic", "parameters": {"young": 1e5, "poisson": 0.2}})
    mixed = replace(model, law_specs=specs, law_of_point=np.arange(10) % 2, dual=(), gappy={})
    assert isinstance(prepare(mixed).laws, Heterogeneous)
    batch = solve_batch(mixed, cases(mixed), options=TIGHT)
    for k, loading in enumerate(cases(mixed)):
        alone = solve(mixed, loading, options=TIGHT)
        size = np.abs(alone.coefficients).max()
        np.testing.assert_allclose(batch.coefficients[k], alone.coefficients, atol=1e-10 * size)
