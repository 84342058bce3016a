"""CalculiX as an independent referee of the high-fidelity solver."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "cases"))

from referee.body import referee
from referee.compare import compare, instants_of_romnet, norm

from romnet.fe.discretization import discretize

DIVISIONS = (4, 1, 2)
# Every element once, every law at least twice.
PAIRS = [
    ("C3D4", "plastic"),
    ("C3D6", "creep"),
    ("C3D8", "viscoplastic"),
    ("C3D10", "plastic"),
    ("C3D15", "viscoplastic"),
    ("C3D20", "creep"),
    ("C3D20R", "plastic"),
]


@pytest.mark.parametrize(
    ("element", "law"),
    [("C3D6", "plastic"), ("C3D8", "creep"), ("C3D10", "viscoplastic"), ("C3D20", "plastic")],
)
def test_both_codes_give_the_same_fields(
    element: str, law: str, tmp_path: Path, needed: Callable[[str], str]
) -> None:
    needed("ccx")
    gaps = compare(referee(element, law, DIVISIONS), tmp_path)
    assert gaps.displacement <= 1e-6
    assert gaps.point_fields <= 1e-5
    assert gaps.largest_p > 1e-3  # or nothing was compared


def test_romnet_gives_the_numbers_that_calculix_gave(
    agrees: Callable[[str, dict[str, float]], None],
) -> None:
    numbers = {}
    for element, law in PAIRS:
        case = referee(element, law, DIVISIONS)
        last = list(instants_of_romnet(case))[-1]
        numbers[f"{element} {law} displacement"] = float(np.abs(last["displacement"]).max())
        numbers[f"{element} {law} p"] = norm(last["p"], discretize(case.mesh).weights)
    agrees("referee", numbers)
