"""Tabulated hardening: a bar follows its table, in plastic strain and in temperature."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.core.errors import LawError, StudyError
from romnet.laws.registry import build_law, temperature_range

YOUNG = 2.0e5
P, COLD, WARM = [0.0, 0.002, 0.01, 0.05], [200.0, 260.0, 300.0, 320.0], [100.0, 120.0, 150.0, 155.0]
ONE = {"p": P, "stress": COLD}
TWO = {"temperature": [20.0, 420.0], "p": P, "stress": [COLD, WARM]}
BASE = {"young": YOUNG, "poisson": 0.3}


def table(hardening, n_components=6, **parameters):
    given = {**BASE, "hardening": hardening, **parameters}
    return build_law({"law": "j2_table", "parameters": given}, n_components=n_components)


def test_a_bar_follows_the_table_and_stays_on_its_last_value(stretch):
    def compare(axial, answer):
        p = answer.state[0, 7]
        assert p == pytest.approx(axial - answer.stress[0, 0] / YOUNG, abs=1e-13)
        assert answer.stress[0, 0] == pytest.approx(np.interp(p, P, COLD), rel=1e-12)

    stretch(table(ONE), np.linspace(0.0013, 0.09, 23), dt=1.0, each=compare)


def test_the_corner_of_the_table_is_reached_exactly(load):
    axial, answer = load(table(ONE), [259.0, 260.0], [1.0, 2.0])[-1]
    assert answer.state[0, 7] == pytest.approx(0.002, rel=1e-10)
    assert axial == pytest.approx(0.002 + 260.0 / YOUNG, rel=1e-10)


@pytest.mark.parametrize("temperature", [20.0, 95.0, 420.0])
def test_between_temperatures_the_yield_stress_at_given_p_is_on_a_straight_line(load, temperature):
    # Each temperature has its own points.
    grids = [P, [0.0, 0.004, 0.03]]
    warm = [100.0, 130.0, 160.0]
    law = table({"temperature": [20.0, 420.0], "p": grids, "stress": [COLD, warm]})
    share = (temperature - 20.0) / 400.0
    for stress in (150.0, 155.0):
        _, answer = load(law, [stress], [1.0], temperature=temperature)[0]
        p = answer.state[0, 7]
        expected = (1 - share) * np.interp(p, P, COLD) + share * np.interp(p, grids[1], warm)
        if p > 0.0:
            assert expected == pytest.approx(stress, rel=1e-11)
        else:
            assert expected >= stress


def test_a_straight_table_is_linear_hardening(j2, drive):
    path = 3e-3 * np.random.default_rng(0).normal(size=(4, 6, 6))
    extra = {"viscosity": 200.0, "exponent": 8.0, "kinematic": [{"modulus": 1e5, "recall": 900.0}]}
    straight = drive(table({"p": [0.0, 1.0], "stress": [10.0, 510.0]}, **extra), path)
    linear = drive(j2(hardening=500.0, **extra), path)
    np.testing.assert_allclose(straight.stress, linear.stress, rtol=1e-12)
    np.testing.assert_allclose(straight.tangent, linear.tangent, rtol=1e-9, atol=1e-6)


def test_a_fine_table_of_the_voce_curve_converges_to_it_at_second_order(j2, drive):
    path = 3e-3 * np.random.default_rng(0).normal(size=(3, 6, 6))
    exact = drive(j2(saturation=80.0, saturation_rate=60.0), path).stress

    def error(intervals):
        p = np.linspace(0.0, 0.1, intervals + 1)
        curve = {"p": p.tolist(), "stress": (10.0 + 80.0 * (1.0 - np.exp(-60.0 * p))).tolist()}
        return abs(drive(table(curve), path).stress - exact).max()

    assert error(200) < error(50) / 10.0
    assert error(200) < 1e-3 * 80.0


def test_the_temperatures_of_the_table_limit_the_law():
    assert temperature_range({"law": "j2_table", "parameters": {**BASE, "hardening": TWO}}) == (
        20.0,
        420.0,
    )


def test_one_point_is_perfect_plasticity(stretch):
    answer = stretch(table({"p": [0.0], "stress": [150.0]}), [0.002, 0.02], dt=1.0)
    assert answer.stress[0, 0] == pytest.approx(150.0, rel=1e-12)


@pytest.mark.parametrize(
    ("hardening", "error", "words"),
    [
        (1.0, StudyError, "hardening: must be {p"),
        ({"p": P}, StudyError, "hardening: must be {p"),
        ({**ONE, "q": 1}, StudyError, "hardening: must be {p"),
        ({"p": P, "stress": COLD[:3]}, StudyError, "as many stresses as values of p"),
        ({"p": P, "stress": ["a"] * 4}, StudyError, "as many stresses as values of p"),
        ({**TWO, "stress": [COLD]}, StudyError, "for each of the 2 temperatures"),
        ({**TWO, "stress": COLD}, StudyError, "for each of the 2 temperatures"),
        ({**TWO, "temperature": [20.0]}, StudyError, "needs two temperatures"),
        ({**TWO, "temperature": [20.0, 10.0]}, LawError, "must ascend"),
        ({"p": [0.1, 0.2], "stress": [1.0, 2.0]}, LawError, "must start at 0"),
        ({"p": [0.0, 0.0], "stress": [1.0, 2.0]}, LawError, "must start at 0 and ascend"),
        ({"p": [0.0, 0.1], "stress": [1.0, -2.0]}, LawError, "must not be negative"),
        ({"p": [0.0, 1e-4], "stress": [200.0, 150.0]}, LawError, "softens with -500000"),
    ],
)
def test_wrong_tables_are_refused_with_advice(hardening, error, words):
    with pytest.raises(error, match=words):
        table(hardening)
