"""Norton creep against the closed forms of textbooks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from romnet.laws.contract import TimeStep
from romnet.laws.registry import build_law

YOUNG, A, N = 2.0e5, 1e-14, 5.0


def creep(n_components=6, **parameters):
    given = {"young": YOUNG, "poisson": 0.3, "coefficient": A, "exponent": N, **parameters}
    return build_law({"law": "norton_creep", "parameters": given}, n_components=n_components)


@pytest.mark.parametrize("m", [0.0, -0.6, 0.5])
def test_the_creep_strain_under_constant_stress_is_exact_for_any_increments(load, m):
    times = [0.5, 2.0, 100.0, 1e3]
    for (axial, answer), time in zip(
        load(creep(time_exponent=m), [100.0] * 4, times), times, strict=True
    ):
        expected = A * 100.0**N * time ** (1.0 + m) / (1.0 + m)
        assert axial - 100.0 / YOUNG == pytest.approx(expected, rel=1e-9)
        assert answer.state[0, 7] == pytest.approx(expected, rel=1e-9)
        # Creep keeps the volume: the creep strains across are minus half.
        np.testing.assert_allclose(answer.state[0, 9:11], -0.5 * expected, rtol=1e-8)


def test_held_shear_relaxes_by_the_equation_of_one_step():
    strain = np.array([[0.0, 0, 0, 2e-3, 0, 0]])
    warm, law = np.array([20.0]), creep()
    step = TimeStep(0.0, 1e-3)
    first = law.integrate(0 * strain, strain, law.initial_state(warm), warm, warm, step)
    second = law.integrate(strain, strain, first.state, warm, warm, TimeStep(1e-3, 1e4))
    shear, before = YOUNG / 2.6, np.sqrt(3.0) * first.stress[0, 3]
    after = brentq(lambda s: before - s - 3.0 * shear * A * s**N * 1e4, 0.0, before, rtol=1e-14)
    assert np.sqrt(3.0) * second.stress[0, 3] == pytest.approx(after, rel=1e-11)


def test_without_a_coefficient_nothing_creeps(load):
    cold = {"temperature": [0.0, 100.0], "value": [0.0, A]}
    axial, _ = load(creep(coefficient=cold), [100.0], [1e6], temperature=0.0)[0]
    assert axial == pytest.approx(100.0 / YOUNG, rel=1e-12)
    axial, _ = load(creep(coefficient=cold), [100.0], [1e3], temperature=50.0)[0]
    assert axial == pytest.approx(100.0 / YOUNG + 0.5 * A * 1e10 * 1e3, rel=1e-9)


@pytest.mark.parametrize("exponent", [1.0, 3.0, 12.0, 30.0])
@pytest.mark.parametrize("length", [1e-9, 1.0, 1e9])
def test_no_increment_is_too_long_or_too_large(exponent, length):
    law = creep(coefficient=100.0**-exponent * 1e-6, exponent=exponent)
    rng = np.random.default_rng(0)
    strains = rng.normal(size=(200, 6)) * 10.0 ** rng.uniform(-8.0, 0.0, (200, 1))
    warm = np.full(200, 20.0)
    step = TimeStep(0.0, length)
    answer = law.integrate(0 * strains, strains, law.initial_state(warm), warm, warm, step)
    assert answer.ok
    deviator = answer.stress.copy()
    deviator[:, :3] -= deviator[:, :3].mean(axis=1, keepdims=True)
    mises = np.sqrt(1.5 * (deviator**2 * [1, 1, 1, 2, 2, 2]).sum(axis=1))
    rate = 100.0**-exponent * 1e-6 * mises**exponent
    np.testing.assert_allclose(answer.state[:, 7], rate * length, rtol=1e-6, atol=1e-300)


def test_creep_and_a_threshold_are_the_table_law_with_the_viscosity_of_the_coefficient(load):
    given = {"young": YOUNG, "poisson": 0.3, "viscosity": A ** (-1.0 / N), "exponent": N}
    given["hardening"] = {"p": [0.0], "stress": [0.0]}
    table = build_law({"law": "j2_table", "parameters": given}, n_components=6)
    (one, _), (other, _) = (load(law, [100.0], [1e3])[0] for law in (creep(), table))
    assert one == pytest.approx(other, rel=1e-12)
