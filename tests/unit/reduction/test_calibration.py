"""Estimates are monotone, and bounds cover what was left out."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.core.errors import AccuracyError
from romnet.reduction.calibration import FLOOR, calibrated


def pairs(*, seed=0, n_loads=20, spread=0.3):
    """Errors that are twice one signal plus half another, scattered log-normally."""
    rng = np.random.default_rng(seed)
    signals = {name: 10.0 ** rng.uniform(-3.0, 0.0, 10 * n_loads) for name in ("p", "stress")}
    errors = (2.0 * signals["p"] + 0.5 * signals["stress"]) * np.exp(
        spread * rng.normal(size=10 * n_loads)
    )
    return signals, errors, np.repeat(np.arange(n_loads), 10)


def test_coefficients_of_the_law_behind_the_pairs_are_found():
    found = calibrated("p", *pairs(spread=1e-6))
    np.testing.assert_allclose(found.coefficients, [2.0, 0.5], rtol=0.05)


def test_the_bound_covers_new_pairs_as_often_as_asked():
    signals, errors, loads = pairs(seed=1)
    fresh, truth, _ = pairs(seed=2)
    for confidence in (0.8, 0.95):
        found = calibrated("p", signals, errors, loads, confidence=confidence)
        covered = float(np.mean(truth <= found.bound(fresh)))
        assert covered == pytest.approx(confidence, abs=0.08)


def test_a_larger_signal_never_lowers_the_estimate():
    found = calibrated("p", *pairs())
    grid = np.geomspace(1e-6, 10.0, 30)
    for name in found.signals:
        signals = {other: np.full(30, 1e-3) for other in found.signals} | {name: grid}
        assert (np.diff(found.estimate(signals)) >= 0.0).all()


def test_no_signal_is_no_error():
    found = calibrated("p", *pairs())
    assert found.estimate({name: np.zeros(1) for name in found.signals})[0] == FLOOR


def test_a_pair_above_the_bound_widens_it():
    found = calibrated("p", *pairs())
    worse = found.extended(np.full((30, 2), 1e-2), np.full(30, 0.5))
    assert worse.margin >= found.margin
    assert len(worse.pair_errors) == len(found.pair_errors) + 30


def test_too_few_pairs_are_refused():
    signals, errors, loads = pairs()
    few = {name: values[:5] for name, values in signals.items()}
    with pytest.raises(AccuracyError, match="5 pairs"):
        calibrated("p", few, errors[:5], loads[:5])


def test_a_load_to_come_is_covered_although_its_instants_resemble_each_other():
    """Nine instants of ten stay below the bound where each load has an error of its own.

    Were the instants taken for independent, the bound of ten loads would cover 9 / 11 of them.
    """
    rng = np.random.default_rng(4)
    covered = []
    for _ in range(60):
        own = np.repeat(rng.normal(0.0, 0.8, 11), 12)
        signal = 10.0 ** rng.uniform(-2.0, 0.0, own.size)
        errors = signal * np.exp(own + rng.normal(0.0, 0.01, own.size))
        seen = np.arange(own.size) < own.size - 12
        found = calibrated("p", {"s": signal[seen]}, errors[seen], np.arange(120) // 12)
        covered.append(np.mean(errors[~seen] <= found.bound({"s": signal[~seen]})))
    assert 0.86 < np.mean(covered) < 0.97
