"""Replay: driving the law along a computed displacement gives back what was computed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from romnet.core.errors import LawError
from romnet.core.snapshots import ArraySource
from romnet.fe.history import SeparatedField
from romnet.laws.composite import Heterogeneous
from romnet.laws.contract import LawResponse
from romnet.reduction.replay import replay, stress_of


def replayed(cube, outcomes, loading):
    columns = [np.zeros(cube.mesh.n_dofs), *(outcome.committed.unknown for outcome in outcomes)]
    return replay(
        ArraySource(np.stack(columns, axis=1)),
        loading.times,
        loading.temperature,
        discretization=cube.discretization,
        laws=cube.laws,
    )


@pytest.mark.parametrize("law", ["elastic", "viscoplastic"])
def test_stresses_and_states_are_those_of_the_simulation(structure, law):
    cube = structure(law=law)
    loading = cube.loading(pull=150.0, heat=300.0, times=(0.0, 0.3, 0.6, 1.0))
    outcomes = cube.solve(loading)
    instants = list(replayed(cube, outcomes, loading))
    assert [instant.time for instant in instants] == loading.times.tolist()
    assert not instants[0].state[:, :6].any()
    for instant, outcome in zip(instants[1:], outcomes, strict=True):
        # The solver sums the strains cell by cell, the replay row by row: equal to rounding.
        for field in ("state", "strain"):
            found, exact = getattr(instant, field), getattr(outcome.committed, field)
            np.testing.assert_allclose(found, exact, rtol=0.0, atol=1e-13 * np.abs(exact).max())
    if law == "viscoplastic":
        assert cube.laws.field(instants[-1].state, "p").max() > 1e-5


def test_the_history_matters_not_only_the_last_displacement(structure):
    cube = structure()
    loading = cube.loading(pull=400.0, times=(0.0, 0.5, 1.0))
    outcomes = cube.solve(loading)
    *_, whole = replayed(cube, outcomes, loading)
    short = cube.loading(pull=400.0, times=(0.0, 1.0))
    *_, jump = replayed(cube, outcomes[-1:], short)
    assert np.abs(whole.state - jump.state).max() > 1e-3 * np.abs(whole.state).max()


def test_every_increment_starts_where_the_last_one_ended(structure, spied):
    cube = structure()
    loading = cube.loading(pull=200.0, heat=200.0, times=(0.0, 0.5, 1.0))
    outcomes = cube.solve(loading)
    laws, spy = spied(cube.laws)
    *_, last = replayed(replace(cube, laws=laws), outcomes, loading)
    first, second = spy.asked
    assert (first["step"].start, first["step"].end, second["step"].end) == (0.0, 0.5, 1.0)
    assert not first["strain_old"].any()
    np.testing.assert_array_equal(first["temperature_old"], loading.temperature.at(0.0))
    for name in ("strain", "temperature"):
        np.testing.assert_array_equal(second[f"{name}_old"], first[f"{name}_new"])
    np.testing.assert_array_equal(second["temperature_new"], loading.temperature.at(1.0))
    np.testing.assert_array_equal(second["strain_new"], last.strain)


def test_flat_stresses_are_point_by_point(structure):
    cube = structure(law="elastic")
    state = np.arange(float(cube.laws.n_points * cube.laws.n_state)).reshape(cube.laws.n_points, -1)
    flat = stress_of(state, cube.laws)
    assert flat.flags.c_contiguous
    np.testing.assert_array_equal(flat.reshape(-1, 6), state[:, :6])


class Fragile:
    """A law, except that one point refuses every increment but the first."""

    def __init__(self, law, point):
        self.law, self.point = law, point

    def __getattr__(self, name):
        return getattr(self.law, name)

    def integrate(self, *arguments):
        answer = self.law.integrate(*arguments)
        step = arguments[-1]
        bad = [self.point] if step.start > 0.0 else []
        return LawResponse(
            answer.stress, answer.state, answer.tangent, np.array(bad, dtype=np.int64), 0.5
        )


def test_a_point_that_cannot_follow_is_named_with_its_instant(structure):
    cube = structure(law="elastic")
    fragile = Heterogeneous((Fragile(cube.laws.laws[0], 5),), cube.laws.law_of_point)
    place = cube.discretization.positions[5].round(6).tolist()
    history = replay(
        ArraySource(np.zeros((cube.mesh.n_dofs, 3))),
        np.array([0.0, 0.25, 0.75]),
        SeparatedField.zero(cube.discretization.n_points),
        discretization=cube.discretization,
        laws=fragile,
    )
    next(history)
    next(history)
    with pytest.raises(LawError, match=r"fails at 1 points .* between t = 0\.25 and 0\.75") as e:
        next(history)
    assert str(place) in str(e.value)


def test_driving_points_in_parts_changes_nothing(structure, monkeypatch):
    cube = structure(law="viscoplastic")
    loading = cube.loading(pull=150.0, heat=300.0, times=(0.0, 0.5, 1.0))
    outcomes = cube.solve(loading)
    whole = list(replayed(cube, outcomes, loading))
    monkeypatch.setattr("romnet.reduction.replay._CHUNK_POINTS", 7)
    for one, other in zip(whole, replayed(cube, outcomes, loading), strict=True):
        np.testing.assert_array_equal(one.state, other.state)
