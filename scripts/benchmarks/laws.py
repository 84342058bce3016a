"""Speed of the law driver on plastic points and mismatch of the consistent tangents."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import numpy as np

from romnet.laws.contract import TimeStep
from romnet.laws.registry import build_law
from romnet.testing.laws import examine_law

_POINTS = 100_000
_SPEC = {
    "law": "j2_viscoplastic",
    "parameters": {
        "young": 2.0e5,
        "poisson": 0.3,
        "yield_stress": 10.0,
        "viscosity": 300.0,
        "exponent": 30.0,
        "kinematic": [{"modulus": 1.0e5, "recall": 1000.0}],
    },
}


def measure(_: Path | None) -> dict[str, object]:
    """Return the time per plastic point and the worst tangent."""
    law = build_law(_SPEC, n_components=6)
    rng = np.random.default_rng(0)
    strain = 2e-3 * rng.standard_normal((_POINTS, 6))
    warm, still = np.full(_POINTS, 20.0), np.zeros((_POINTS, 6))
    virgin = law.initial_state(warm)
    times = []
    for _run in range(5):
        began = perf_counter()
        response = law.integrate(still, strain, virgin, warm, warm, TimeStep(0.0, 0.2))
        times.append(perf_counter() - began)
    plastic = response.state[:, law.state_fields["p"]] > 0.0
    tangents = [check.error for check in examine_law(law).checks if "tangent" in check.name]
    return {
        "j2_norton_us_per_point": 1e6 * min(times) / _POINTS,
        "plastic_part": float(plastic.mean()),
        "tangent_mismatch_max": max(tangents),
    }
