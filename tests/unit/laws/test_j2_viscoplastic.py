"""The viscoplastic law against independent root finding and textbook solutions."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import special_ortho_group

from romnet.laws.contract import TimeStep
from romnet.laws.registry import build_law

YOUNG, POISSON = 2.0e5, 0.3
SHEAR = YOUNG / (2.0 * (1.0 + POISSON))


def tensor(voigt, *, strain):
    """Symmetric 3 x 3 tensor of six Voigt components."""
    half = 0.5 if strain else 1.0
    a, b, c, d, e, f = voigt
    return np.array([[a, half * d, half * e], [half * d, b, half * f], [half * e, half * f, c]])


def voigt(matrix, *, strain):
    """Six Voigt components of a symmetric tensor."""
    twice = 2.0 if strain else 1.0
    shear = [twice * matrix[0, 1], twice * matrix[0, 2], twice * matrix[1, 2]]
    return np.array([*np.diag(matrix), *shear])


def mises(matrix):
    deviator = matrix - np.trace(matrix) / 3.0 * np.eye(3)
    return np.sqrt(1.5 * (deviator * deviator).sum())


def reference_step(strain, p, plastic, backs, parameters, dt):
    """One backward Euler step with full tensors and Brent's method."""
    r0, h, q, b, viscosity, exponent, pairs = parameters
    elastic = strain - plastic
    trial = 2.0 * SHEAR * (elastic - np.trace(elastic) / 3.0 * np.eye(3))

    def driving(dp):
        back = sum(
            (2.0 / 3.0 * c / (1.0 + d * dp) * a for (c, d), a in zip(pairs, backs, strict=True)),
            start=np.zeros((3, 3)),
        )
        return trial - back

    def balance(dp):
        kinematic = sum(c * dp / (1.0 + d * dp) for c, d in pairs)
        radius = r0 + h * (p + dp) + q * (1.0 - np.exp(-b * (p + dp)))
        viscous = viscosity * (dp / dt) ** (1.0 / exponent) if viscosity else 0.0
        return mises(driving(dp)) - 3.0 * SHEAR * dp - kinematic - radius - viscous

    dp = 0.0
    if balance(0.0) > 0.0:
        dp = brentq(balance, 0.0, mises(trial) / SHEAR, xtol=1e-300, rtol=1e-15, maxiter=2000)
    flow = driving(dp)
    increment = 1.5 * dp * flow / mises(flow) if dp else np.zeros((3, 3))
    backs = [(a + increment) / (1.0 + d * dp) for (_, d), a in zip(pairs, backs, strict=True)]
    plastic = plastic + increment
    elastic = strain - plastic
    bulk = YOUNG / (3.0 * (1.0 - 2.0 * POISSON))
    deviator = elastic - np.trace(elastic) / 3.0 * np.eye(3)
    stress = bulk * np.trace(elastic) * np.eye(3) + 2.0 * SHEAR * deviator
    return stress, p + dp, plastic, backs


ONE = ((1e5, 1000.0),)
TWO = ((1e5, 1000.0), (2e4, 50.0))


@pytest.mark.parametrize("pairs", [(), ONE, TWO, (*TWO, (3e3, 0.0))], ids=["0", "1", "2", "3"])
@pytest.mark.parametrize(
    ("viscosity", "exponent", "dt"),
    [
        (300.0, 30.0, 0.2),
        (300.0, 5.0, 1e-3),
        (50.0, 1.0, 10.0),
        (300.0, 30.0, 1e8),
        (0.0, 1.0, 1.0),
    ],
)
def test_a_path_of_steps_agrees_with_brents_method(j2, pairs, viscosity, exponent, dt):
    kinematic = [{"modulus": c, "recall": d} for c, d in pairs]
    law = j2(hardening=500.0, saturation=40.0, saturation_rate=20.0, viscosity=viscosity,
             exponent=exponent, kinematic=kinematic)  # fmt: skip
    parameters = (10.0, 500.0, 40.0, 20.0, viscosity, exponent, pairs)
    rng = np.random.default_rng(1)
    warm = np.array([20.0])
    old, state = np.zeros((1, 6)), law.initial_state(warm)
    p, plastic, backs = 0.0, np.zeros((3, 3)), [np.zeros((3, 3)) for _ in pairs]
    for number in range(8):
        new = old + rng.normal(size=(1, 6)) * (1e-5, 1e-3, 5e-3)[number % 3]
        answer = law.integrate(old, new, state, warm, warm, TimeStep(number * dt, dt))
        stress, p, plastic, backs = reference_step(
            tensor(new[0], strain=True), p, plastic, backs, parameters, dt
        )
        assert answer.ok
        assert answer.state[0, law.state_fields["p"]][0] == pytest.approx(p, rel=1e-10)
        np.testing.assert_allclose(
            answer.stress[0], voigt(stress, strain=False), rtol=0, atol=1e-11 * abs(stress).max()
        )
        for i, back in enumerate(backs, start=1):
            stored = answer.state[0, law.state_fields[f"back_strain_{i}"]]
            np.testing.assert_allclose(stored, voigt(back, strain=True), rtol=0, atol=1e-13)
        old, state = new, answer.state


@settings(deadline=None)
@given(
    strain=st.lists(st.floats(-1.0, 1.0), min_size=6, max_size=6),
    scale=st.floats(-7.0, 0.0),
    viscosity=st.floats(-3.0, 4.0),
    exponent=st.floats(1.0, 60.0),
    dt=st.floats(-9.0, 9.0),
)
def test_no_ordinary_point_fails(strain, scale, viscosity, exponent, dt):
    parameters = {
        "young": YOUNG,
        "poisson": POISSON,
        "yield_stress": 10.0,
        "viscosity": 10.0**viscosity,
        "exponent": exponent,
        "kinematic": [{"modulus": 1e5, "recall": 1e3}],
    }
    law = build_law({"law": "j2_viscoplastic", "parameters": parameters}, n_components=6)
    warm, step = np.array([20.0]), TimeStep(0.0, 10.0**dt)
    new = 10.0**scale * np.array([strain])
    first = law.integrate(0 * new, new, law.initial_state(warm), warm, warm, step)
    assert first.ok
    back = law.integrate(new, -new, first.state, warm, warm, step)
    assert back.ok
    # The stress satisfies the flow rule it was computed from.
    for answer, before in ((first, 0.0), (back, first.state[0, 7])):
        dp = answer.state[0, 7] - before
        stress = tensor(answer.stress[0], strain=False)
        alpha = tensor(answer.state[0, law.state_fields["back_strain_1"]], strain=True)
        overstress = mises(stress - 2.0 / 3.0 * 1e5 * alpha) - 10.0
        if dp > 0.0:
            expected = 10.0**viscosity * (dp / 10.0**dt) ** (1.0 / exponent)
            assert overstress == pytest.approx(expected, rel=1e-9, abs=1e-9 * np.abs(stress).max())
        else:
            assert overstress <= 1e-9 * np.abs(stress).max()


def test_uniaxial_voce_hardening_without_viscosity(j2, stretch):
    law = j2(yield_stress=100.0, hardening=200.0, saturation=80.0, saturation_rate=30.0)

    def compare(axial, answer):
        p = axial - answer.stress[0, 0] / YOUNG
        expected = 100.0 + 200.0 * p + 80.0 * (1.0 - np.exp(-30.0 * p))
        assert answer.stress[0, 0] == pytest.approx(expected, rel=1e-9)

    stretch(law, np.linspace(0.01, 0.1, 7), dt=1.0, each=compare)


def test_a_back_stress_saturates_at_modulus_over_recall(j2, stretch):
    law = j2(kinematic=[{"modulus": 1e5, "recall": 1000.0}, {"modulus": 2e4, "recall": 500.0}])
    answer = stretch(law, np.linspace(0.002, 0.1, 30), dt=1.0)
    assert answer.stress[0, 0] == pytest.approx(10.0 + 100.0 + 40.0, rel=1e-6)


def test_a_back_stress_follows_the_armstrong_frederick_curve(j2, stretch):
    law = j2(kinematic=[{"modulus": 1e5, "recall": 1000.0}])
    answer = stretch(law, np.linspace(0.0, 0.004, 401)[1:], dt=1.0)
    p = 0.004 - answer.stress[0, 0] / YOUNG
    expected = 10.0 + 1e5 / 1000.0 * (1.0 - np.exp(-1000.0 * p))
    assert answer.stress[0, 0] == pytest.approx(expected, rel=3e-3)


@pytest.mark.parametrize("rate", [1e-6, 1e-3, 1.0])
def test_steady_creep_has_the_stress_of_norton(j2, stretch, rate):
    law = j2(viscosity=300.0, exponent=10.0)
    answer = stretch(law, np.linspace(0.005, 0.2, 40), dt=0.005 / rate)
    assert answer.stress[0, 0] == pytest.approx(10.0 + 300.0 * rate**0.1, rel=1e-8)


def test_a_vanishing_viscosity_is_the_rate_independent_law(j2, drive):
    rng = np.random.default_rng(3)
    path = 3e-3 * rng.normal(size=(3, 10, 6))
    kinematic = [{"modulus": 1e5, "recall": 1000.0}]
    plain = drive(j2(kinematic=kinematic), path)
    nearly = drive(j2(kinematic=kinematic, viscosity=1e-9, exponent=20.0), path)
    np.testing.assert_allclose(nearly.stress, plain.stress, rtol=0, atol=1e-7)
    np.testing.assert_allclose(nearly.tangent, plain.tangent, rtol=0, atol=1e-3)


def test_nothing_creeps_without_time(j2):
    law = j2(viscosity=300.0, exponent=30.0)
    warm, strain = np.array([20.0]), np.full((1, 6), 1e-2)
    answer = law.integrate(
        0 * strain, strain, law.initial_state(warm), warm, warm, TimeStep(0.0, 0.0)
    )
    assert answer.ok
    assert answer.state[0, 7] == 0.0


def rotate(rotation, strains, *, strain):
    return np.array(
        [
            voigt(rotation @ tensor(row, strain=strain) @ rotation.T, strain=strain)
            for row in strains
        ]
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_law_commutes_with_rotations(j2, drive, seed):
    rotation = special_ortho_group.rvs(3, random_state=seed)
    law = j2(viscosity=300.0, exponent=30.0, kinematic=[{"modulus": 1e5, "recall": 1000.0}])
    path = 2e-3 * np.random.default_rng(seed).normal(size=(3, 4, 6))
    turned = drive(law, [rotate(rotation, step, strain=True) for step in path])
    expected = rotate(rotation, drive(law, path).stress, strain=False)
    np.testing.assert_allclose(turned.stress, expected, rtol=0, atol=1e-12 * abs(expected).max())


def test_the_law_commutes_with_a_change_of_axes(j2, drive):
    # 1 -> 2 -> 3 -> 1 moves 11, 22, 33, 12, 13, 23 to these places.
    places = [1, 2, 0, 5, 3, 4]
    law = j2(kinematic=[{"modulus": 1e5, "recall": 1000.0}])
    path = 2e-3 * np.random.default_rng(5).normal(size=(3, 4, 6))
    moved = np.empty_like(path)
    moved[..., places] = path
    expected = np.empty((4, 6))
    expected[:, places] = drive(law, path).stress
    np.testing.assert_allclose(drive(law, moved).stress, expected, rtol=0, atol=1e-9)


def test_plane_strain_is_space_without_strain_across(j2, drive):
    options = {
        "viscosity": 300.0,
        "exponent": 30.0,
        "saturation": 30.0,
        "saturation_rate": 50.0,
        "kinematic": [{"modulus": 1e5, "recall": 1000.0}],
    }
    plane, space = j2(4, **options), j2(6, **options)
    path = np.zeros((4, 5, 6))
    path[..., [0, 1, 3]] = 3e-3 * np.random.default_rng(2).normal(size=(4, 5, 3))
    thin, thick = drive(plane, path[..., :4]), drive(space, path)
    np.testing.assert_allclose(thin.stress, thick.stress[:, :4], rtol=1e-12, atol=1e-10)
    np.testing.assert_allclose(thin.tangent, thick.tangent[:, :4, :4], rtol=1e-9, atol=1e-6)
    assert np.abs(thick.stress[:, 4:]).max() == 0.0


def test_time_integration_has_order_one(j2, drive):
    law = j2(viscosity=300.0, exponent=5.0, kinematic=[{"modulus": 2e4, "recall": 100.0}])
    end = 4e-3 * np.random.default_rng(0).normal(size=(1, 6))
    turn = 4e-3 * np.random.default_rng(1).normal(size=(1, 6))

    def stress(n):
        ramp = np.linspace(0.0, 1.0, n + 1)[1:, None, None]
        return drive(
            law, np.concatenate([ramp * end, end + ramp * (turn - end)]), dt=1.0 / n
        ).stress

    exact = stress(1600)
    errors = [np.abs(stress(n) - exact).max() for n in (25, 50, 100)]
    for coarse, fine in pairwise(errors):
        assert np.log2(coarse / fine) == pytest.approx(1.0, abs=0.1)


def test_unloading_remembers_the_path(j2, drive):
    law = j2(hardening=1e4)
    end = np.array([[2e-3, -1e-3, -1e-3, 0.0, 0.0, 0.0]])
    straight = drive(law, [end])
    detour = drive(law, [end, -end, end])
    assert np.abs(straight.stress - detour.stress).max() > 1.0
    assert detour.state[0, 7] > 2.0 * straight.state[0, 7]


def test_moduli_may_change_with_temperature_under_load(j2):
    hot_young = {"temperature": [20.0, 120.0], "value": [2e5, 1e5]}
    law = j2(young=hot_young, yield_stress=50.0)
    strain = np.array([[1e-3, -5e-4, -5e-4, 0.0, 0.0, 0.0]])
    cold, hot, step = np.array([20.0]), np.array([120.0]), TimeStep(0.0, 1.0)
    loaded = law.integrate(0 * strain, strain, law.initial_state(cold), cold, cold, step)
    warmed = law.integrate(strain, strain, loaded.state, cold, hot, step)
    assert mises(tensor(loaded.stress[0], strain=False)) == pytest.approx(50.0, rel=1e-12)
    np.testing.assert_allclose(warmed.stress, 0.5 * loaded.stress, rtol=1e-12)
    np.testing.assert_array_equal(warmed.state[:, 7:], loaded.state[:, 7:])


def test_linear_softening_is_followed(j2, stretch):
    law = j2(yield_stress=100.0, hardening=-300.0)
    answer = stretch(law, [0.05, 0.1], dt=1.0)
    p = 0.1 - answer.stress[0, 0] / YOUNG
    assert answer.stress[0, 0] == pytest.approx(100.0 - 300.0 * p, rel=1e-10)


@pytest.mark.parametrize(("recall", "symmetric"), [(0.0, True), (1000.0, False)])
def test_the_tangent_is_symmetric_exactly_without_recall(j2, drive, recall, symmetric):
    law = j2(kinematic=[{"modulus": 1e5, "recall": recall}])
    tangent = drive(law, 3e-3 * np.random.default_rng(0).normal(size=(2, 5, 6))).tangent
    skew = np.abs(tangent - tangent.transpose(0, 2, 1)).max() / np.abs(tangent).max()
    assert law.symmetric_tangent is symmetric
    assert bool(skew < 1e-13) is symmetric
