"""Elasticity: Lame's formula, and a stress that follows the modulus of the day."""

from __future__ import annotations

import numpy as np

from romnet.laws.contract import TimeStep
from romnet.laws.registry import build_law


def elastic(n_components=6, expansion=None, **parameters):
    given = {"young": 2.0e5, "poisson": 0.3, **parameters}
    spec = {"law": "elastic", "parameters": given, "expansion": expansion}
    return build_law(spec, n_components=n_components)


def lame(strain, young, poisson):
    """Stress of engineering strains, by Lame's formula."""
    shear = young / (2.0 * (1.0 + poisson))
    first = young * poisson / ((1.0 + poisson) * (1.0 - 2.0 * poisson))
    trace = strain[:, :3].sum(axis=1, keepdims=True)
    normal = first * trace + 2.0 * shear * strain[:, :3]
    return np.hstack([normal, shear * strain[:, 3:]])


def test_stress_and_tangent_are_those_of_lame():
    rng = np.random.default_rng(0)
    for n in (4, 6):
        law, warm = elastic(n), np.full(5, 20.0)
        old, new = rng.normal(size=(2, 5, n)) * 1e-3
        answer = law.integrate(old, new, law.initial_state(warm), warm, warm, TimeStep(0.0, 1.0))
        np.testing.assert_allclose(answer.stress, lame(new, 2e5, 0.3), rtol=1e-12, atol=1e-10)
        columns = np.stack([lame(row[None], 2e5, 0.3)[0] for row in np.eye(n)], axis=1)
        np.testing.assert_allclose(answer.tangent[3], columns, rtol=1e-14)


def test_the_stress_uses_the_modulus_at_the_end_of_the_increment():
    law = elastic(young={"temperature": [0.0, 100.0], "value": [2e5, 1e5]})
    strain = np.full((1, 6), 1e-3)
    cold, hot = np.zeros(1), np.full(1, 100.0)
    step = TimeStep(0.0, 1.0)
    first = law.integrate(0 * strain, strain, law.initial_state(cold), cold, cold, step)
    second = law.integrate(strain, strain, first.state, cold, hot, step)
    np.testing.assert_allclose(second.stress, 0.5 * first.stress, rtol=1e-14)


def test_a_free_body_expands_without_stress_from_its_initial_temperature():
    coefficient = {"temperature": [0.0, 200.0], "value": [1e-5, 3e-5]}
    law = elastic(expansion={"coefficient": coefficient, "reference": 20.0})
    initial, hot = np.full(1, 50.0), np.full(1, 150.0)
    # Secant coefficients 1.5e-5 at 50 and 2.5e-5 at 150, both from 20.
    expanded = (2.5e-5 * 130.0 - 1.5e-5 * 30.0) * np.array([[1.0, 1, 1, 0, 0, 0]])
    state = law.initial_state(initial)
    answer = law.integrate(0 * expanded, expanded, state, initial, hot, TimeStep(0.0, 1.0))
    assert np.abs(answer.stress).max() < 1e-12 * 2e5
    clamped = law.integrate(0 * expanded, 0 * expanded, state, initial, hot, TimeStep(0.0, 1.0))
    pressure = -2e5 / (1.0 - 2.0 * 0.3) * expanded[0, 0]
    np.testing.assert_allclose(clamped.stress[0, :3], pressure, rtol=1e-12)
