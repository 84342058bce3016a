"""The conformity suite passes good laws and names what is wrong with bad ones."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from romnet.core.errors import PluginError
from romnet.laws.registry import build_law
from romnet.testing.laws import LawCheck, Probe, check_law, examine_law

PLASTIC = {
    "young": 2.0e5,
    "poisson": 0.3,
    "yield_stress": 10.0,
    "saturation": 50.0,
    "saturation_rate": 30.0,
    "viscosity": 300.0,
    "exponent": 30.0,
    "kinematic": [{"modulus": 1e5, "recall": 1000.0}, {"modulus": 1e4, "recall": 50.0}],
}
SPECS = {
    "elastic": {"law": "elastic", "parameters": {"young": 2.0e5, "poisson": 0.3}},
    "viscoplastic": {"law": "j2_viscoplastic", "parameters": PLASTIC},
    "plastic": {
        "law": "j2_viscoplastic",
        "parameters": {**PLASTIC, "viscosity": 0.0},
        "expansion": {"coefficient": 2e-5, "reference": 0.0},
    },
}


@pytest.mark.parametrize("n_components", [4, 6])
@pytest.mark.parametrize("name", SPECS)
def test_the_reference_laws_keep_the_contract(name, n_components):
    law = build_law(SPECS[name], n_components=n_components)
    check_law(law, Probe(temperatures=(20.0, 35.0), n_points=4))


@dataclass
class Broken:
    """The elastic law with something wrong."""

    fault: str
    law: object = field(default_factory=lambda: build_law(SPECS["plastic"], n_components=6))
    calls: int = 0

    def __getattr__(self, name):
        return getattr(self.law, name)

    @property
    def symmetric_tangent(self):
        return self.fault == "symmetry"

    n_components = 6

    @property
    def n_state(self):
        return self.law.n_state

    @property
    def state_fields(self):
        return self.law.state_fields

    def initial_state(self, temperature):
        state = self.law.initial_state(temperature)
        if self.fault == "virgin":
            state[:, 0] = 1.0
        return state

    def integrate(self, old, new, state, before, after, step):
        self.calls += 1
        answer = self.law.integrate(old, new, state, before, after, step)
        if self.fault == "arguments":
            new += 1e-6
        stress, state, tangent = answer.stress, answer.state, answer.tangent
        wrong = {
            "tangent": lambda: {"tangent": tangent.transpose(0, 2, 1).copy()},
            "stress": lambda: {"stress": stress * (1.0 + 1e-12)},
            "memory": lambda: {"state": state + 1e-12 * self.calls},
            "neighbours": lambda: {"state": state + 1e-9 * state.mean(axis=0)},
            "order": lambda: {"state": state * (1.0 + np.arange(len(new))[:, None])},
            "drift": lambda: {"stress": stress * 1.01, "state": state * 1.01},
            "silence": lambda: {"failed": np.empty(0, dtype=np.int64), "step_factor": 1.0},
        }
        return replace(answer, **wrong.get(self.fault, dict)())


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("virgin", "the virgin state is free of stress"),
        ("tangent", "the tangent is the derivative of the stress, reversed"),
        ("symmetry", "the tangent is symmetric if declared so, reversed"),
        ("stress", "the state holds the stress"),
        ("arguments", "arguments stay untouched"),
        ("memory", "the same question gets the same answer"),
        ("neighbours", "a point answers alone as in a batch"),
        ("order", "the order of the points does not matter"),
        ("drift", "a vanishing increment keeps the stress"),
        ("silence", "a point that fails is named and harms no other"),
    ],
)
def test_a_broken_law_is_refused_for_what_is_broken(fault, words):
    with pytest.raises(PluginError, match=f"FAIL {words}"):
        check_law(Broken(fault), Probe(n_points=3))


def test_a_sound_law_behind_the_same_wrapper_passes():
    assert examine_law(Broken("nothing"), Probe(n_points=3)).failures == ()


def test_a_law_that_fails_on_ordinary_increments_is_refused_at_once():
    law = build_law(SPECS["elastic"], n_components=6)
    with pytest.raises(PluginError, match=r"FAIL ordinary increments are accepted.*6 of 6 points"):
        check_law(law, Probe(strain=float("nan")))


def test_a_violation_that_is_no_number_does_not_pass():
    assert not LawCheck("x", float("nan"), 1.0).passed
