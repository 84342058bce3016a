"""Perturbed loads stay within what the laws know, and their strength grows."""

from __future__ import annotations

import numpy as np

from romnet.fe.history import Amplitude, SeparatedField
from romnet.fe.loading import Loading
from romnet.study.indicator.perturbing import Perturbation, perturbations

TIMES = np.array([0.0, 1.0])


def loading():
    """Two points that go from 20 to 420 and from 20 to 120 degrees, one force."""
    keyframes = np.array([[20.0, 20.0], [420.0, 120.0]])
    ramp = Amplitude(TIMES, TIMES)
    return Loading(
        name="load",
        times=TIMES,
        force=SeparatedField((ramp,), np.ones((1, 6))),
        temperature=SeparatedField.from_keyframes(TIMES, keyframes),
        prescribed=SeparatedField.zero(6),
        constrained=np.zeros(6, dtype=bool),
    )


PLACES = np.array([[0.0], [1.0]])


def changed(*, heat=1.0, tilt=0.0, force=1.0, top=1e9):
    change = Perturbation(heat, np.array([tilt]), np.array([force]))
    return change.of(loading(), PLACES, (0.0, top))


def test_the_start_stays_and_the_change_is_scaled_and_tilted():
    warm = changed(heat=1.5, tilt=0.5).temperature
    np.testing.assert_allclose(warm.at(0.0), [20.0, 20.0])
    np.testing.assert_allclose(warm.at(1.0), [20.0 + 1.5 * 400.0, 20.0 + 1.5 * 1.5 * 100.0])


def test_no_temperature_leaves_the_tables_of_the_laws():
    warm = changed(heat=2.0, top=500.0).temperature
    np.testing.assert_allclose(warm.at(1.0), [500.0, 220.0])


def test_forces_are_scaled():
    assert changed(force=1.2).force.at(1.0)[0] == 1.2


def test_strength_grows_and_directions_repeat_with_the_seed():
    def made(seed):
        return list(perturbations(5, n_dim=3, n_forces=2, strengths=(0.1, 1.5), seed=seed))

    sizes = [
        np.abs([np.log(c.heat) / np.log(1.5), *c.tilt, *(2 * np.log(c.forces) / np.log(1.5))]).max()
        for c in made(0)
    ]
    np.testing.assert_allclose(sizes, np.geomspace(0.1, 1.0, 5), rtol=1e-9)
    assert made(0)[2].heat == made(0)[2].heat != made(1)[2].heat
