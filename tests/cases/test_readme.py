"""The numbers on the first page are those of the cube."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_first_page_tells_the_numbers_of_the_reference():
    page = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    reference = json.loads((ROOT / "cases" / "cube" / "reference.json").read_text())
    value = {name: entry["value"] for name, entry in reference.items()}
    modes, points = re.search(r"(\d+) modes and (\d+) of 1 728", page).groups()
    assert (int(modes), int(points)) == (value["modes"], value["points"])
    u, p = re.search(r"errors of ([\d.]+) % and ([\d.]+) %", page).groups()
    assert float(u) == round(100.0 * value["cycle2 u"], 1)
    # Which modes there are depends on rounding, and p on them.
    assert abs(float(p) - 100.0 * value["cycle2 p"]) < 0.2
    trained = re.search(r"training load \*\*(1e-5)\*\* in displacement and \*\*(1e-6)\*\*", page)
    assert [float(error) for error in trained.groups()] == [
        float(f"{value['training u']:.0e}"),
        float(f"{value['training p']:.0e}"),
    ]
