"""The tangents are the derivatives of the stresses: central differences converge to them."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.laws.contract import TimeStep
from romnet.laws.registry import build_law, law_model

YOUNG = {"temperature": [20.0, 400.0], "value": [2.0e5, 1.5e5]}
PLASTIC = {"young": YOUNG, "poisson": 0.3, "yield_stress": 10.0}
BACK = {
    0: [],
    1: [{"modulus": 1e5, "recall": 1000.0}],
    2: [{"modulus": 1e5, "recall": 1000.0}, {"modulus": 2e4, "recall": 50.0}],
}
VOCE = {"saturation": 60.0, "saturation_rate": 30.0, "hardening": 100.0}
NORTON = {"viscosity": 300.0, "exponent": 30.0}
ELASTIC = {"young": YOUNG, "poisson": 0.3}
AXES = {"first": [1.0, 0.4, 0.0], "second": [0.0, 0.0, 1.0]}  # may be in plane strain
DRAG = {"temperature": [20.0, 400.0], "value": [15.0, 10.0]}
CURVES = {
    "temperature": [20.0, 400.0],
    "p": [[0.0, 1e-3, 5e-3, 1.0], [0.0, 2e-3, 1.0]],
    "stress": [[100.0, 130.0, 170.0, 900.0], [80.0, 110.0, 500.0]],
}
CUBIC = {
    "c11": {"temperature": [20.0, 400.0], "value": [2.4e5, 2.2e5]},
    "c12": 1.5e5,
    "c44": {"temperature": [20.0, 400.0], "value": [1.2e5, 1.0e5]},
}
CRYSTAL = {
    **CUBIC,
    "critical_stress": {"temperature": [20.0, 400.0], "value": [90.0, 60.0]},
    "saturation": 15.0,
    "saturation_rate": 30.0,
    "viscosity": 150.0,
    "exponent": 8.0,
    "modulus": 5e4,
    "recall": {"temperature": [20.0, 400.0], "value": [900.0, 700.0]},
    "interaction": {"coplanar": 1.2, "collinear": 2.0, "hirth": 0.6},
}
LAWS = {
    "elastic": ("elastic", {"young": YOUNG, "poisson": 0.3}),
    "voce": ("j2_viscoplastic", {**PLASTIC, **VOCE}),
    "kinematic": ("j2_viscoplastic", {**PLASTIC, "kinematic": BACK[2]}),
    "norton": ("j2_viscoplastic", {**PLASTIC, "viscosity": 300.0, "exponent": 30.0}),
    "all": (
        "j2_viscoplastic",
        {**PLASTIC, **VOCE, "viscosity": 300.0, "exponent": 30.0, "kinematic": BACK[2]},
    ),
    "gentle": (
        "j2_viscoplastic",
        {**PLASTIC, "viscosity": 300.0, "exponent": 3.0, "kinematic": BACK[1]},
    ),
    "elastic_cubic": ("elastic_cubic", {**CUBIC, "axes": AXES}),
    "elastic_orthotropic": (
        "elastic_orthotropic",
        {**law_model("elastic_orthotropic").example, "young_1": YOUNG, "axes": AXES},
    ),
    "table": ("j2_table", {**ELASTIC, "hardening": CURVES}),
    "table, all": (
        "j2_table",
        {**ELASTIC, "hardening": CURVES, **NORTON, "kinematic": BACK[2]},
    ),
    "sinh": (
        "j2_sinh",
        {**PLASTIC, **VOCE, "rate": 1e-5, "drag_stress": DRAG, "exponent": 1.5,
         "kinematic": BACK[2]},
    ),
    "creep": ("norton_creep", {**ELASTIC, "coefficient": 1e-13, "exponent": 4.0}),
    "creep, time": (
        "norton_creep",
        {**ELASTIC, "coefficient": 1e-30, "exponent": 12.0, "time_exponent": -0.4},
    ),
    "crystal": ("crystal_plasticity", {**CRYSTAL, "axes": AXES}),
    "crystal, steep": ("crystal_plasticity", {**CRYSTAL, "exponent": 30.0, "axes": AXES}),
    "crystal, perfect": (
        "crystal_plasticity",
        {**CUBIC, "critical_stress": 80.0, "viscosity": 1.0, "exponent": 20.0, "axes": AXES},
    ),
}  # fmt: skip
SCALE = 2e-3
LENGTHS = SCALE * np.logspace(-1.0, -6.5, 12)


def increments(law):
    """Increments from a virgin, a strained and a reversed state: old, new, state."""
    rng = np.random.default_rng(0)
    # Far from the yield surface at both ends, where the stress has a kink, and not proportional,
    # for otherwise the tangent is symmetric.
    shape = (8, law.n_components)
    strain, further = (
        SCALE * rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1.0, shape) for _ in range(2)
    )
    warm, hot = np.full(8, 20.0), np.full(8, 150.0)
    virgin = law.initial_state(warm)
    loaded = law.integrate(0 * strain, strain, virgin, warm, hot, TimeStep(0.0, 0.2))
    assert loaded.ok
    return {
        "virgin": (0 * strain, strain, virgin),
        "strained": (strain, strain + further, loaded.state),
        "reversed": (strain, -strain - 0.5 * further, loaded.state),
    }


def mismatches(law, old, new, state):
    """Relative difference of the tangent and central differences, one row a length."""
    hot, step, n = np.full(len(old), 150.0), TimeStep(0.2, 0.2), law.n_components
    tangent = law.integrate(old, new, state, hot, hot, step).tangent
    rows = []
    for length in LENGTHS:
        columns = []
        for shift in length * np.eye(n):
            ahead = law.integrate(old, new + shift, state, hot, hot, step).stress
            behind = law.integrate(old, new - shift, state, hot, hot, step).stress
            columns.append((ahead - behind) / (2.0 * length))
        error = np.linalg.norm(np.stack(columns, axis=-1) - tangent, axis=(1, 2))
        rows.append(error / np.linalg.norm(tangent, axis=(1, 2)))
    return np.array(rows)


@pytest.mark.parametrize("n_components", [4, 6])
@pytest.mark.parametrize("start", ["virgin", "strained", "reversed"])
@pytest.mark.parametrize("name", LAWS)
def test_central_differences_of_the_stress_are_the_tangent(name, start, n_components):
    model, parameters = LAWS[name]
    law = build_law({"law": model, "parameters": parameters}, n_components=n_components)
    errors = mismatches(law, *increments(law)[start])
    assert errors.min(axis=0).max() < 1e-8
    if not name.startswith("elastic"):
        # Second order wherever rounding is far and no kink is between the two ends any more.
        seen = (errors[:-1] < 1e-4) & (errors[1:] > 1e-9)
        slopes = -2.0 * np.diff(np.log10(errors), axis=0)[seen]
        assert slopes.size >= 4
        assert np.median(slopes) == pytest.approx(2.0, abs=0.1)


def test_a_continuum_tangent_would_be_noticed():
    law = build_law({"law": "j2_viscoplastic", "parameters": PLASTIC}, n_components=6)
    old, new, state = increments(law)["virgin"]
    hot, step = np.full(len(old), 150.0), TimeStep(0.2, 0.2)
    answer = law.integrate(old, new, state, hot, hot, step)
    # Without hardening the continuum tangent removes the elastic stiffness along the flow only.
    shear = 2.0e5 * (1.0 - 0.25 * 130.0 / 380.0) / 2.6
    deviator = answer.stress.copy()
    deviator[:, :3] -= deviator[:, :3].mean(axis=1, keepdims=True)
    flow = 1.5 * deviator / 10.0
    elastic = build_law(
        {"law": "elastic", "parameters": {"young": YOUNG, "poisson": 0.3}}, n_components=6
    )
    stiffness = elastic.integrate(old, new, elastic.initial_state(hot), hot, hot, step).tangent
    continuum = stiffness - 4.0 * shear / 3.0 * flow[:, :, None] * flow[:, None, :]
    difference = np.linalg.norm(continuum - answer.tangent) / np.linalg.norm(answer.tangent)
    assert difference > 1e-2
