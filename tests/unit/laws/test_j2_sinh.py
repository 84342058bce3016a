"""Hyperbolic-sine flow: its steady state, and the Norton law near the threshold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from romnet.laws.contract import TimeStep
from romnet.laws.registry import build_law

YOUNG = 2.0e5


def sinh(**parameters):
    given = {"young": YOUNG, "poisson": 0.3, "yield_stress": 40.0, "rate": 1e-5,
             "drag_stress": 15.0, "exponent": 1.5, **parameters}  # fmt: skip
    return build_law({"law": "j2_sinh", "parameters": given}, n_components=6)


@pytest.mark.parametrize("rate", [1e-9, 1e-5, 1e-1])
def test_steady_flow_has_the_stress_of_the_inverse_hyperbolic_sine(stretch, rate):
    answer = stretch(sinh(), np.linspace(0.005, 0.2, 40), dt=0.005 / rate)
    expected = 40.0 + 15.0 * np.arcsinh((rate / 1e-5) ** (1.0 / 1.5))
    assert answer.stress[0, 0] == pytest.approx(expected, rel=1e-8)


def test_small_overstresses_flow_as_norton_does(j2, drive):
    path = 2e-3 * np.random.default_rng(0).normal(size=(3, 6, 6))
    kinematic = [{"modulus": 1e5, "recall": 1000.0}]
    near = drive(sinh(rate=1e3, drag_stress=1e4, kinematic=kinematic, yield_stress=10.0), path)
    norton = drive(j2(viscosity=1e4 * 1e3 ** (-1 / 1.5), exponent=1.5, kinematic=kinematic), path)
    np.testing.assert_allclose(near.stress, norton.stress, rtol=0, atol=1e-4)


@settings(deadline=None)
@given(
    strain=st.lists(st.floats(-1.0, 1.0), min_size=6, max_size=6),
    scale=st.floats(-7.0, 0.0),
    rate=st.floats(-20.0, 5.0),
    drag=st.floats(-1.0, 3.0),
    exponent=st.floats(1.0, 20.0),
    dt=st.floats(-6.0, 6.0),
)
def test_no_ordinary_point_fails(strain, scale, rate, drag, exponent, dt):
    kinematic = [{"modulus": 1e5, "recall": 1e3}]
    law = sinh(rate=10.0**rate, drag_stress=10.0**drag, exponent=exponent, kinematic=kinematic)
    warm, step = np.array([20.0]), TimeStep(0.0, 10.0**dt)
    new = 10.0**scale * np.array([strain])
    first = law.integrate(0 * new, new, law.initial_state(warm), warm, warm, step)
    assert first.ok
    back = law.integrate(new, -new, first.state, warm, warm, step)
    assert back.ok
    # The stress satisfies the flow rule it was computed from.
    dp = first.state[0, 7]
    relative = first.stress[0].copy()
    relative[:3] -= relative[:3].mean()
    relative -= (
        2.0
        / 3.0
        * 1e5
        * first.state[0, law.state_fields["back_strain_1"]]
        * (np.array([1, 1, 1, 0.5, 0.5, 0.5]))
    )
    overstress = np.sqrt(1.5 * (relative**2 * [1, 1, 1, 2, 2, 2]).sum()) - 40.0
    tolerance = 1e-9 * np.abs(first.stress).max()
    if dp > 0.0:
        logarithm = (np.log(dp) - np.log(10.0) * (rate + dt)) / exponent
        expected = 10.0**drag * np.arcsinh(np.exp(logarithm))
        assert overstress == pytest.approx(expected, rel=1e-8, abs=tolerance)
    else:
        assert overstress <= tolerance
