"""Numbers in the wrong unit, and temperatures that no table knows: told before solving."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from looks import looked
from outcome import Outcome
from study_bases import bar, write

_KIND = "input: plausibility"
_HOT = {"time": 1.0, "field": 1200.0}
KELVIN = [{"time": 0.0, "field": 293.15}, {"time": 1.0, "field": 1393.15}]
# Changes of the study, what must be said, and whether it is refused.
ODD: dict[str, tuple[dict[str, Any], str, bool]] = {
    "nothing wrong": ({}, r"case one: loads and constraints are complete", False),
    "density in kg/m^3": (
        {"materials__0__density": 8000.0},
        r"density 8000 .* is 8e\+15 kg/m\^3 if",
        False,
    ),
    "density in g/cm^3": ({"materials__0__density": 8.0}, r"is 8e\+12 kg/m\^3 if", False),
    "density far too small": ({"materials__0__density": 8e-15}, r"is 0\.008 kg/m\^3 if", False),
    "Young's modulus in Pa": (
        {"materials__0__parameters__young": 2e11},
        r"modulus 2e\+11 .* is 2e\+17 Pa",
        False,
    ),
    "Young's modulus in TPa": (
        {"materials__0__parameters__young": 2e-7},
        r"modulus 2e-07 .* is 0\.2 Pa",
        False,
    ),
    "lengths in m": ({"units__length": "m"}, r"is 8e-09 kg/m\^3 if", False),
    "force in kN and length in cm": (
        {"units__length": "m", "units__force": "kN"},
        r"is 8e-06 kg/m\^3 if",
        False,
    ),
    "omega in rad/min": ({"loads__1__omega": 6e4}, r"omega\^2 r\^2 is 0\.0\d+ of Young", False),
    "expansion in 1e-6": (
        {"materials__0__expansion": {"coefficient": 12.0, "reference": 20.0}},
        r"expand by 1\.2e\+03",
        False,
    ),
    "temperatures above the tables": (
        {"loads__2__keyframes": [{"time": 0.0, "field": 20.0}, _HOT]},
        r"20 \.\.\. 1200 leave the tables of the laws, 0 \.\.\. 500; extend",
        True,
    ),
    "temperatures below the tables": (
        {"loads__2__keyframes": [{"time": 0.0, "field": -50.0}]},
        r"-50 \.\.\. -50 leave the tables of the laws, 0 \.\.\. 500; extend",
        True,
    ),
    "temperatures in kelvin": (
        {"loads__2__keyframes": KELVIN},
        r"293\.15 \.\.\. 1393\.15 leave the tables",
        True,
    ),
    "temperatures above the tables, which is allowed": (
        {"loads__2__keyframes": [{"time": 0.0, "field": 20.0}, {"time": 1.0, "field": 600.0}]},
        r"20 \.\.\. 600 leave the tables of the laws, 0 \.\.\. 500, whose ends hold",
        False,
    ),
    "temperature of an online case above the tables": (
        {"online__0__loads": {"temperature": {"keyframes": [{"time": 0.0, "field": 1080.0}]}}},
        r"'more'.* 1080 leave the tables of the laws, 0 \.\.\. 500; extend",
        True,
    ),
    "temperature that ends before the case": (
        {"loads__2__after": "error", "training__0__until": 2.0},
        r"case 'one'",
        True,
    ),
    "amplitude that ends before the case": (
        {"amplitudes__ramp__after": "error", "training__0__until": 3.0},
        r"case 'one'",
        True,
    ),
    "negative density": ({"materials__0__density": -8e-9}, r"materials\.0\.density", True),
    "negative modulus": (
        {"materials__0__parameters__young": -2e5},
        r"young",
        True,
    ),
    "Poisson's ratio above a half": ({"materials__0__parameters__poisson": 0.6}, r"poisson", True),
    "Poisson's ratio of a half": ({"materials__0__parameters__poisson": 0.5}, r"poisson", True),
    "negative yield stress": (
        {"materials__0__parameters__yield_stress": -100.0},
        r"yield_stress",
        True,
    ),
}


def run(folder: Path) -> Iterator[Outcome]:
    """Look at each study, and compute where nothing stands in the way."""
    for name, row in ODD.items():
        asked = partial(_asked, folder / name.replace("/", " per "), name, row)
        stage = "online[more]" if "online" in name else "snapshots[one]"
        yield looked(_KIND, name, asked, stage=stage)


def _asked(
    folder: Path, name: str, row: tuple[dict[str, Any], str, bool]
) -> tuple[Path, str, bool]:
    """Write the study; return it, the words it must be met with, and whether it is refused."""
    changes, says, refused = row
    study = bar(**changes)
    if name.endswith("which is allowed"):
        study["outside_tables"] = "hold"
    return write(folder, study), says, refused
