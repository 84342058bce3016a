"""Quantities of interest against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.core.communicator import SerialCommunicator
from romnet.reduction.life import coffin_manson_cycles, creep_damage_rate, von_mises
from romnet.reduction.quantities import (
    FieldHistory,
    coffin_manson,
    creep_fatigue,
    hottest,
    maximum,
    percentile,
)

TIMES = np.linspace(0.0, 2.0, 21)
PLACES = np.stack([np.linspace(0.5, 9.5, 10), np.zeros(10), np.ones(10)], axis=1)


def history(fields, *, cycle=0):
    """Return the history of fields that are functions of time."""

    def instants(numbers):
        for number in numbers:
            yield {name: values(TIMES[number]) for name, values in fields.items()}

    volumes = np.full(10, 0.1)
    return FieldHistory(TIMES, cycle, volumes, PLACES, instants, SerialCommunicator())


RAMP = history({"p": lambda time: time * np.arange(10.0)})


def test_the_maximum_is_found_with_its_place():
    assert maximum(RAMP, field="p") == {"value": 18.0, "x": 9.5, "y": 0.0, "z": 1.0}


@pytest.mark.parametrize(("percent", "value"), [(10.0, 0.0), (50.0, 8.0), (100.0, 18.0)])
def test_percentiles_are_parts_of_the_volume(percent, value):
    assert percentile(RAMP, field="p", percent=percent) == {"value": value}


def test_the_hottest_region_has_volume_and_centroid():
    found = hottest(RAMP, field="p", above=13.0)  # the last three points
    assert found == pytest.approx({"volume": 0.3, "x": 8.5, "y": 0.0, "z": 1.0})
    assert hottest(RAMP, field="p", above=99.0) == {"volume": 0.0}


def test_an_unknown_field_is_told():
    with pytest.raises(ValueError, match="no field 'q' is rebuilt; there are: p"):
        maximum(RAMP, field="q")


def test_coffin_manson_satisfies_its_equation():
    strain = np.array([1e-3, 5e-3, 2e-2])
    cycles = coffin_manson_cycles(strain, ductility=0.3, exponent=-0.6)
    assert 0.3 * (2.0 * cycles) ** -0.6 == pytest.approx(strain / 2.0)


def test_life_is_that_of_the_last_cycle():
    # p grows by 0.04 in the first half and by 0.008 in the second: range 0.004
    growing = {"p": lambda time: np.full(10, 0.04 * min(time, 1.0) + 0.008 * max(time - 1.0, 0.0))}
    found = coffin_manson(history(growing, cycle=10), ductility=0.2, exponent=-0.5)
    assert found["cycles"] == pytest.approx(0.5 * (0.002 / 0.2) ** -2.0)


def test_damage_adds_up_linearly():
    def fields(stress):
        flow = {"p": lambda time: np.full(10, 0.004 * time)}
        names = [f"stress_{one}" for one in ("11", "22", "33", "12", "13", "23")]
        flow |= {name: lambda _: np.zeros(10) for name in names}
        flow["stress_11"] = lambda _: np.full(10, stress)
        return history(flow)

    options = {"ductility": 0.2, "fatigue_exponent": -0.5, "strength": 400.0, "creep_exponent": 4.0}
    fatigue = 1.0 / coffin_manson(fields(0.0), ductility=0.2, exponent=-0.5)["cycles"]
    both = 1.0 / creep_fatigue(fields(100.0), **options)["cycles"]
    # constant stress: the integral is the period times the rate
    assert both - fatigue == pytest.approx(2.0 * 0.25**4)


def test_nothing_that_flows_lives_for_ever():
    still = history({"p": lambda _: np.zeros(10)})
    assert coffin_manson(still, ductility=0.2, exponent=-0.5) == {"cycles": np.inf}


def test_von_mises_ignores_pressure():
    stress = np.array([[5.0, 2.0, -1.0, 3.0, 0.5, -2.0]])
    moved = stress + np.array([[7.0, 7.0, 7.0, 0.0, 0.0, 0.0]])
    assert von_mises(moved) == pytest.approx(von_mises(stress))


def test_parameters_of_wrong_sign_are_refused():
    with pytest.raises(ValueError, match="exponent negative"):
        coffin_manson_cycles(np.ones(1), ductility=0.2, exponent=0.5)
    with pytest.raises(ValueError, match="must be positive"):
        creep_damage_rate(np.ones(1), strength=-1.0, exponent=2.0)
