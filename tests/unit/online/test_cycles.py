"""Cycles compared with each other, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.online.cycles import CycleHistory, cycle_history


def test_growth_that_halves_changes_by_its_own_size():
    p = np.cumsum(0.5 ** np.arange(12.0))[None] * np.array([[1.0], [3.0]])
    history = cycle_history({"p": np.hstack([np.zeros((2, 1)), p])}, np.arange(13))
    assert history.growth == pytest.approx(3.0 * 0.5 ** np.arange(12.0))
    # until growth is a thousandth of what has grown: 2^-n < 1e-3 * 2
    assert history.growth_change[1:9] == pytest.approx(1.0)
    assert history.growth_change[11] < 1.0


def test_constant_ratcheting_is_stable_from_the_second_cycle():
    p = np.arange(6.0)[None]
    assert cycle_history({"p": p}, np.arange(6)).stable_from(1e-9) == 2


def test_stress_range_sees_extremes_inside_the_cycle():
    phase = np.linspace(0.0, 4.0 * np.pi, 41)  # two cycles of twenty increments
    stress = {"stress_11": 3.0 * np.sin(phase)[None], "stress_12": np.cos(phase)[None]}
    history = cycle_history(stress, np.array([0, 20, 40]))
    assert history.stress_range == pytest.approx([6.0, 6.0])
    assert history.stress_change[1] == pytest.approx(0.0, abs=1e-12)
    assert np.isnan(history.growth).all()


def test_late_unrest_is_not_stable():
    change = np.array([np.nan, 1e-4, 1e-4, 0.5])
    calm = np.zeros(4)
    assert CycleHistory(calm, change, calm, calm).stable_from(1e-2) is None


def test_a_run_without_a_whole_cycle_has_no_history():
    history = cycle_history({"p": np.zeros((2, 3))}, np.array([0]))
    assert history.growth.size == 0
    assert history.stable_from(0.1) is None
