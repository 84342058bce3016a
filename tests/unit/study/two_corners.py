"""A study whose candidates are hot spots in two opposite corners of a cube."""

from __future__ import annotations

import numpy as np

STUDY = """
name: local
units: {length: mm, force: N, time: s, temperature: degC}
mesh: {box: {lengths: [1.0, 1.0, 1.0], divisions: [4, 4, 4]}}
materials:
  - law: j2_viscoplastic
    parameters: {young: 2.0e5, poisson: 0.3, yield_stress: 100.0, viscosity: 300.0, exponent: 10.0}
    expansion: {coefficient: 2.0e-5, reference: 20.0}
constraints:
  - {nodes: x0, u: [0.0, null, null]}
  - {nodes: x0y0, u: [null, 0.0, null]}
  - {nodes: x0y0z0, u: [null, null, 0.0]}
loads:
  - type: temperature
    keyframes:
      - {time: 0.0, field: 20.0}
      - {time: 1.0, field: {gaussian: {centre: [0.5, 0.5, 0.5], peak: 300.0, rate: 9.0}}}
offline: {dual: []}
training:
  - {name: first, results: hf, until: 1.0, increments: 2}
"""
LOCAL = """
local:
  simplified: {mesh: {box: {lengths: [1.0, 1.0, 1.0], divisions: [2, 2, 2]}}}
  clusters: [2]
  modes: [1, 2]
  smallest_cluster: 3
  candidates:
"""


def candidates():
    """Two families of hot spots, in opposite corners, of very different heights."""
    rng = np.random.default_rng(0)
    for number in range(12):
        place = 0.2 + 0.6 * (number % 2) + 0.02 * rng.normal(size=3)
        centre = ", ".join(f"{value:.4f}" for value in place)
        peak = 300.0 * 10 ** -rng.uniform(0, 1)
        spot = f"{{centre: [{centre}], base: 20.0, peak: {peak:.3f}, rate: 9.0}}"
        frames = f"[{{time: 0.0, field: 20.0}}, {{time: 1.0, field: {{gaussian: {spot}}}}}]"
        yield f"- {{name: c{number}, until: 1.0, loads: {{temperature: {{keyframes: {frames}}}}}}}"
