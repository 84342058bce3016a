"""A material point does what theory says, under prescribed strains, stresses and temperatures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from romnet.core.status import Status
from romnet.laws.registry import build_law
from romnet.online.material_paths import (
    MaterialPath,
    Setup,
    creep,
    cyclic,
    relaxation,
    uniaxial,
)
from romnet.online.material_point import drive
from romnet.online.newton import NewtonOptions

YOUNG, POISSON = 2.0e5, 0.3


def law(name="j2_viscoplastic", n_components=6, expansion=None, **parameters):
    given = {"young": YOUNG, "poisson": POISSON, **parameters}
    spec = {"law": name, "parameters": given, "expansion": expansion}
    return build_law(spec, n_components=n_components)


def test_elastic_tension_is_hookes_law():
    driven = drive(law("elastic"), uniaxial(1e-3, duration=1.0, steps=5))
    assert driven.status.ok
    np.testing.assert_allclose(driven.stress[:, 0], YOUNG * driven.strain[:, 0], rtol=1e-12)
    np.testing.assert_allclose(driven.strain[:, 1], -POISSON * driven.strain[:, 0], rtol=1e-9)
    assert abs(driven.stress[:, 1:]).max() < 1e-9 * driven.stress.max()


def test_in_plane_strain_the_third_direction_is_held():
    path = uniaxial(1e-3, duration=1.0, steps=1, setup=Setup(n_components=4))
    driven = drive(law("elastic", 4), path)
    assert driven.strain[-1, 2] == 0.0
    assert driven.stress[-1, 2] == pytest.approx(POISSON * driven.stress[-1, 0], rel=1e-12)
    assert driven.stress[-1, 0] == pytest.approx(1e-3 * YOUNG / (1 - POISSON**2), rel=1e-12)


def test_shear_is_engineering_shear():
    path = uniaxial(1e-3, duration=1.0, steps=1, setup=Setup(component=4))
    driven = drive(law("elastic"), path)
    assert driven.stress[-1, 4] == pytest.approx(1e-3 * YOUNG / (2 * (1 + POISSON)), rel=1e-12)


def test_plastic_tension_follows_the_hardening_curve():
    hardening = {"yield_stress": 100.0, "hardening": 500.0}
    voce = {"saturation": 80.0, "saturation_rate": 60.0}
    driven = drive(law(**hardening, **voce), uniaxial(0.03, duration=1.0, steps=30))

    def radius(p):
        return 100.0 + 500.0 * p + 80.0 * (1.0 - np.exp(-60.0 * p))

    expected = []
    for strain in driven.strain[:, 0]:
        if YOUNG * strain <= 100.0:
            expected.append(YOUNG * strain)
            continue
        p = brentq(lambda p, e=strain: YOUNG * (e - p) - radius(p), 0.0, strain, xtol=1e-15)
        expected.append(radius(p))
    np.testing.assert_allclose(driven.stress[:, 0], expected, rtol=1e-8)
    np.testing.assert_allclose(
        driven.field("p")[:, 0], driven.strain[:, 0] - driven.stress[:, 0] / YOUNG, atol=1e-11
    )


def test_creep_under_constant_stress_has_the_norton_rate():
    viscous = law(yield_stress=0.0, viscosity=300.0, exponent=5.0)
    driven = drive(viscous, creep(100.0, ramp=1e-3, duration=50.0, steps=10))
    held = driven.times >= 1e-3
    rate = np.diff(driven.strain[held, 0]) / np.diff(driven.times[held])
    np.testing.assert_allclose(rate, (100.0 / 300.0) ** 5, rtol=1e-6)
    np.testing.assert_allclose(driven.stress[held, 0], 100.0, rtol=1e-8)


def test_relaxation_converges_to_the_differential_equation_with_first_order():
    viscous = law(yield_stress=20.0, viscosity=300.0, exponent=4.0)
    ramp, hold, strain = 0.1, 10.0, 2e-3

    def rate(_, stress, speed):
        flow = (max(stress[0] - 20.0, 0.0) / 300.0) ** 4
        return [YOUNG * (speed - flow)]

    tight = {"rtol": 1e-10, "atol": 1e-10}
    loaded = solve_ivp(rate, (0.0, ramp), [0.0], args=(strain / ramp,), **tight).y[0, -1]
    exact = solve_ivp(rate, (0.0, hold), [loaded], args=(0.0,), method="LSODA", **tight).y[0, -1]
    errors = []
    for steps in (20, 40, 80):
        path = relaxation(strain, ramp=ramp, duration=hold, steps=steps)
        driven = drive(viscous, path)
        assert driven.strain[-1, 0] == pytest.approx(strain, rel=1e-12)
        errors.append(driven.stress[-1, 0] / exact - 1.0)
    assert 0.0 < errors[2] < 5e-3
    assert np.log2(errors[0] / errors[1]) == pytest.approx(1.0, abs=0.15)
    assert np.log2(errors[1] / errors[2]) == pytest.approx(1.0, abs=0.1)


def test_linear_kinematic_cycles_close_and_are_symmetric():
    kinematic = law(yield_stress=100.0, kinematic=[{"modulus": 2.0e4, "recall": 0.0}])
    driven = drive(kinematic, cyclic(5e-3, cycles=3, duration=1.0, steps=18))
    steps = 20  # a multiple of four
    assert len(driven.times) == 3 * steps + 1
    peaks, valleys = (
        driven.stress[steps // 4 :: steps, 0],
        driven.stress[3 * steps // 4 :: steps, 0],
    )
    np.testing.assert_allclose(peaks, peaks[0], rtol=1e-9)
    np.testing.assert_allclose(valleys, -peaks, rtol=1e-9)
    tangent = YOUNG * 2.0e4 / (YOUNG + 2.0e4)  # modulus in tension: E C / (E + C)
    expected = 100.0 + tangent * (5e-3 - 100.0 / YOUNG)
    assert peaks[0] == pytest.approx(expected, rel=1e-9)


def test_a_free_point_that_is_heated_expands_without_stress():
    expanding = law("elastic", expansion={"coefficient": 1e-5, "reference": 20.0})
    path = MaterialPath(
        np.array([0.0, 1.0]), np.zeros((2, 6)), np.zeros(6, dtype=bool), np.array([20.0, 120.0])
    )
    driven = drive(expanding, path)
    np.testing.assert_allclose(driven.strain[-1], [1e-3] * 3 + [0.0] * 3, atol=1e-14)
    assert driven.temperatures.tolist() == [20.0, 120.0]


def test_stress_and_strain_control_are_inverse():
    plastic = law(yield_stress=100.0, hardening=2000.0)
    pulled = drive(plastic, uniaxial(5e-3, duration=1.0, steps=8))
    path = MaterialPath(
        pulled.times, pulled.stress.copy(), np.zeros(6, dtype=bool), pulled.temperatures
    )
    loaded = drive(plastic, path)
    np.testing.assert_allclose(loaded.strain, pulled.strain, atol=1e-9)
    held = MaterialPath(
        pulled.times, pulled.strain.copy(), np.ones(6, dtype=bool), pulled.temperatures
    )
    np.testing.assert_array_equal(drive(plastic, held).state, pulled.state)


@dataclass
class Timid:
    """A law that asks for increments of strain no larger than a limit."""

    law: Any
    limit: float
    n_components = 6
    symmetric_tangent = False

    @property
    def n_state(self):
        return self.law.n_state

    @property
    def state_fields(self):
        return self.law.state_fields

    def initial_state(self, temperature):
        return self.law.initial_state(temperature)

    def integrate(self, old, new, state, before, after, step):
        answer = self.law.integrate(old, new, state, before, after, step)
        if abs(new - old).max() > self.limit:
            return replace(answer, failed=np.array([0]), step_factor=0.5)
        return answer


def test_increments_that_the_law_refuses_are_cut():
    plastic = law(yield_stress=100.0, hardening=2000.0)
    once = uniaxial(8e-3, duration=1.0, steps=1)
    cut = drive(Timid(plastic, 2e-3), once)
    assert cut.status.ok
    assert cut.cuts[1] >= 2
    assert cut.stress[-1, 0] == pytest.approx(drive(plastic, once).stress[-1, 0], rel=1e-8)


def test_a_load_that_cannot_be_borne_ends_the_history_with_its_reason():
    perfect = law(yield_stress=100.0)
    path = creep(150.0, ramp=1.0, duration=1.0, steps=2)
    driven = drive(perfect, path, options=NewtonOptions(max_iterations=5))
    assert driven.status is Status.STEP_TOO_SMALL
    assert driven.reason in {Status.MAX_ITERATIONS, Status.SINGULAR, Status.NOT_FINITE}
    assert 0.5 < driven.times[-1] < 0.7
    assert driven.stress.max() <= 100.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"times": np.array([0.0, 0.0])}, "ascending"),
        ({"values": np.full((2, 6), np.nan)}, "must be finite"),
        ({"values": np.ones((2, 6))}, "begins with the virgin state"),
    ],
)
def test_a_path_that_is_no_history_is_refused(change, words):
    good = {
        "times": np.array([0.0, 1.0]),
        "values": np.zeros((2, 6)),
        "by_strain": np.ones(6, dtype=bool),
        "temperatures": np.zeros(2),
    }
    with pytest.raises(ValueError, match=words):
        MaterialPath(**{**good, **change})


def test_numbers_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="component 5 of 4"):
        Setup(component=5, n_components=4)
    with pytest.raises(ValueError, match="steps must be 1 or more, got 0"):
        uniaxial(1.0, duration=1.0, steps=0)
    with pytest.raises(ValueError, match="has 4 components, the path prescribes 6"):
        drive(law("elastic", 4), uniaxial(1.0, duration=1.0, steps=1))
    with pytest.raises(KeyError, match="no field 'q'; it has: stress"):
        drive(law("elastic"), uniaxial(1.0, duration=1.0, steps=1)).field("q")
