"""All that a converter needs as a test: files of yours, and what is in them."""  # noqa: INP001

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from romnet_jsonl import CONVERTER

from romnet.testing.converters import Expected, check_converter

CORNERS = [[0, 0, 0], [2, 0, 0], [2, 1, 0], [0, 1, 0], [0, 0, 1], [2, 0, 1], [2, 1, 1], [0, 1, 1]]
# Foreign numbers, neither ordered nor from zero.
NUMBERS = [11, 5, 7, 20, 3, 8, 9, 40]
STRESS = [1.0, 2.0, 3.0, 12.0, 23.0, 31.0]


def write(folder: Path) -> tuple[Path, Path]:
    """Write a brick that is stretched, with a stress that is the same at its eight points."""
    mesh = {
        "format": "jmesh",
        "nodes": dict(zip(map(str, NUMBERS), CORNERS, strict=True)),
        "cells": {"7": ["hex8", NUMBERS]},
        "node_sets": {"left": [11, 20, 3, 40]},
        "cell_sets": {"all": [7]},
    }
    mesh_path, results_path = folder / "brick.jmesh", folder / "brick.jresults"
    mesh_path.write_text(json.dumps(mesh))
    lines: list[object] = [{"format": "jresults", "times": [0.0, 1.0]}]
    for time in (0.0, 1.0):
        moved = {str(n): [0.1 * time * x[0], 0, 0] for n, x in zip(NUMBERS, CORNERS, strict=True)}
        lines.append({"displacement": moved, "stress": {"7": [[time * s for s in STRESS]] * 8}})
    results_path.write_text("\n".join(map(json.dumps, lines)))
    return mesh_path, results_path


# Romnet's order is 11, 22, 33, 12, 13, 23.
EXPECTED = Expected(
    sets={"left": 4, "all": 1},
    last={
        "displacement": np.ravel(np.array(CORNERS) * [0.1, 0.0, 0.0]),
        "stress": np.tile([1.0, 2.0, 3.0, 12.0, 31.0, 23.0], (8, 1)),
    },
)


def test_the_converter_conforms(tmp_path: Path) -> None:
    """Keep every rule of romnet."""
    mesh, results = write(tmp_path)
    check_converter(CONVERTER, mesh, results, expected=EXPECTED)
