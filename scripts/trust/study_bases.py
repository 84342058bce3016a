"""Studies to start from: those of the cases, and one with every section that runs in seconds."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

CASES = Path(__file__).parents[2] / "cases"
BAR: dict[str, Any] = {
    "name": "bar",
    "units": {"length": "mm", "force": "N", "time": "s", "temperature": "degC"},
    "mesh": {"box": {"lengths": [2.0, 1.0, 1.0], "divisions": [2, 1, 1], "cell": "hex8"}},
    "materials": [
        {
            "cells": "ALL",
            "law": "j2_viscoplastic",
            "density": 8.0e-9,
            "parameters": {
                "young": {"temperature": [0.0, 500.0], "value": [2.0e5, 1.8e5]},
                "poisson": 0.3,
                "yield_stress": 100.0,
                "viscosity": 300.0,
                "exponent": 10.0,
                "kinematic": [{"modulus": 1.0e5, "recall": 1000.0}],
            },
            "expansion": {"coefficient": 2.0e-5, "reference": 20.0},
        }
    ],
    "constraints": [
        {"nodes": "x0", "u": [0.0, None, None]},
        {"nodes": "x0y0", "u": [None, 0.0, None]},
        {"nodes": "x0y1z1", "u": [None, None, 0.0]},
    ],
    "amplitudes": {
        "ramp": {"times": [0.0, 1.0, 2.0], "values": [0.0, 1.0, 0.0], "after": "repeat"}
    },
    "loads": [
        {"type": "traction", "faces": "x1", "vector": [180.0, 0.0, 0.0], "amplitude": "ramp"},
        {
            "type": "centrifugal",
            "axis": {"point": [-20.0, 0.0, 0.0], "direction": [0.0, 0.0, 1.0]},
            "omega": 1000.0,
            "amplitude": "ramp",
        },
        {
            "type": "temperature",
            "keyframes": [{"time": 0.0, "field": 20.0}, {"time": 1.0, "field": 120.0}],
            "after": "hold",
        },
    ],
    "training": [{"name": "one", "results": "hf", "until": 1.0, "increments": 4}],
    "offline": {"tolerance": 1.0e-6, "dual": ["p", "stress"]},
    "online": [{"name": "more", "loads": {"traction": {"vector": [170.0, 0.0, 0.0]}}}],
}
MORE: dict[str, Any] = {
    "newton": {"tolerance": 1.0e-8, "max_iterations": 20, "smallest_step": 0.01},
    "increments": {"initial": 0.1, "largest": 0.5, "growth": 1.5, "cut": 0.5},
    "checkpoint": {"instants": 2},
    "indicator": {
        "field": "p",
        "tolerance": 0.1,
        "action": "warn",
        "calibration": {"loads": 4, "spread": 1.5, "weakest": 0.1, "modes": [1.0], "seed": 0},
    },
    "online": [
        {"name": "more", "loads": {"traction": {"vector": [170.0, 0.0, 0.0]}}, "reference": "one"},
        {
            "name": "cycles",
            "cycles": {"period": 2.0, "count": 4, "increments": 4, "store": [1, 4]},
        },
        {
            "name": "draws",
            "until": 1.0,
            "increments": 4,
            "design": {
                "kind": "sobol",
                "n": 4,
                "seed": 1,
                "parameters": {"traction.scale": [0.9, 1.1]},
            },
        },
    ],
    "quantities": [
        {"name": "largest", "type": "maximum", "options": {"field": "p"}},
        {"name": "hot", "type": "hottest", "options": {"field": "stress_11", "part": 0.1}},
    ],
}
TIED = {"nodes": "x1", "equal": "x"}


def bar(**changes: Any) -> dict[str, Any]:
    """Return a small study; ``a__0__b`` stands for ``a[0].b``."""
    new = copy.deepcopy(BAR)
    for name, value in changes.items():
        *path, last = [int(part) if part.isdigit() else part for part in name.split("__")]
        parent: Any = new
        for part in path:
            parent = parent[part]
        parent[last] = value
    return new


def with_umat() -> dict[str, Any]:
    """Return a study whose law is a UMAT in a library."""
    from romnet.laws.native import library_path

    umat = {
        "umat": str(library_path("elastic")),
        "function": "umat_",
        "properties": [{"temperature": [0.0, 500.0], "value": [2.0e5, 1.8e5]}, 0.3],
        "n_state": 0,
        "predefined": {"humidity": {"time": [0.0, 1.0], "value": [0.0, 1.0]}},
    }
    study = bar(offline__dual=["stress"])
    study["materials"][0] = {"cells": "ALL", "law": umat, "density": 8.0e-9}
    return study


def write(folder: Path, study: Any) -> Path:
    """Write a study into a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "study.yaml"
    text = study if isinstance(study, str) else yaml.safe_dump(study, sort_keys=False)
    path.write_text(text, encoding="utf-8")
    return path


def texts() -> list[str]:
    """Return the studies to mutate."""
    whole = {**bar(), **MORE}
    whole["constraints"] = [*whole["constraints"], TIED]
    made = [yaml.safe_dump(tree, sort_keys=False) for tree in (bar(), whole, with_umat())]
    files = [CASES / f"{name}/study.yaml" for name in ("bar", "cube", "blade")]
    cases = [path.read_text(encoding="utf-8") for path in files]
    # The small ones can be looked at with everything they name; they come more often.
    return [*made, *made, *(text.replace("[6, 6, 6]", "[2, 2, 2]") for text in cases)]
