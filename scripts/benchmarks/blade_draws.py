"""The blade with random temperatures, shared by the measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import meshio
import numpy as np
import yaml
from cube import ROOT, maker_of

from romnet.fe.random_field import KarhunenLoeve

CASE = ROOT / "cases" / "blade"
TIMES = [0.0, 5.0, 10.0, 15.0, 20.0, 40.0, 80.0, 120.0, 180.0, 190.0, 200.0]
# What is uncertain: 20 K about the map, over some 40 mm.
FIELD = {"amplitude": 20.0, "length": 40.0, "modes": 5}
REACH = 1.7  # of the training along each mode, in standard deviations
TEST_SEED = 12


def blade_in(folder: Path, *, cell_size: float, n_test: int, changes: dict[str, Any]) -> Path:
    """Write a blade study: trained on the map and along each mode of its uncertainty.

    The draws asked for are random. All are files: map `a` plus a field at its full amplitude in
    flight.
    """
    maker = maker_of("blade")
    maker.SIZES["bench"] = cell_size
    study = maker.make("bench", folder)
    content = yaml.safe_load(study.read_text(encoding="utf-8"))
    raw = meshio.read(folder / "map_a.vtu")
    modes = KarhunenLoeve.build(raw.points, **FIELD).at(raw.points)
    star = REACH * np.vstack([np.eye(FIELD["modes"]), -np.eye(FIELD["modes"])])
    asked = np.random.default_rng(TEST_SEED).normal(size=(n_test, FIELD["modes"]))
    for kind, numbers in (("train", star), ("test", asked)):
        for draw, xi in enumerate(numbers):
            hot = raw.point_data["temperature"] + modes @ xi
            path = folder / f"{kind}{draw}.vtu"
            meshio.Mesh(raw.points, raw.cells, {"temperature": hot}).write(path)
    content["training"] = [
        _case("map_a") | {"results": "hf"},
        *(_case(f"train{draw}") | {"results": "hf"} for draw in range(len(star))),
    ]
    content["online"] = [
        _case(f"test{draw}") | {"reference": "hf", "fields": "replay"} for draw in range(n_test)
    ]
    content["offline"]["tolerance"] = 1e-4
    content |= changes
    study.write_text(yaml.safe_dump(content), encoding="utf-8")
    return study


def _case(name: str) -> dict[str, Any]:
    """Return the case of one map."""
    hot = f"{name}.vtu"
    frames = [(0.0, 400.0), (20.0, hot), (180.0, hot), (200.0, 400.0)]
    keyframes = [{"time": time, "field": field} for time, field in frames]
    return {
        "name": name,
        "times": TIMES,
        "loads": {"temperature": {"keyframes": keyframes}},
    }
