"""Writers of small Z-set files, independent of the readers under test."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

GAUSS = 1.0 / np.sqrt(3.0)
VERTICES = np.array(
    [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]]
)
# Two cubes side by side along x; node ids are neither contiguous nor ordered.
NODES = np.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1, 2)], dtype=float)
NODE_IDS = np.array([101, 7, 8, 20, 21, 3, 40, 41, 42, 50, 60, 70])
CELL_IDS = np.array([30, 5])
GEOF = """***geometry
**node
12 3
{nodes}
**element
2
{cells}
***group
% a comment
**nset left
 101 20
 40 50
**elset right
 5
**faset ends
q4 101 40 50 20
q4 8 42 70 3
**liset edge
line 101 7
line 7 8
***return
"""


def corner_ids() -> np.ndarray:
    """Return the node ids of both hexahedra in VTK order."""
    cells = []
    for shift in (0, 1):
        wanted = VERTICES + np.array([shift, 0, 0])
        cells.append(
            [NODE_IDS[np.flatnonzero((place == NODES).all(axis=1))[0]] for place in wanted]
        )
    return np.array(cells)


def write_geof(path: Path, text: str = GEOF) -> Path:
    """Write the two cubes."""
    nodes = "\n".join(
        f"{number} {x:.15e} {y:.15e} {z:.15e}"
        for number, (x, y, z) in zip(NODE_IDS, NODES, strict=True)
    )
    cells = "\n".join(
        f"{number} c3d8 " + " ".join(map(str, corners))
        for number, corners in zip(CELL_IDS, corner_ids(), strict=True)
    )
    path.write_text(text.format(nodes=nodes, cells=cells))
    return path


def displacement(points: np.ndarray, time: float) -> np.ndarray:
    """Return a quadratic displacement field that trilinear cubes represent exactly."""
    x, y, z = points.T
    return 1e-3 * time * np.stack([x * y + 2 * z, x * z - y, y * z + 3 * x * y * z], axis=1)


def tensor_strain(points: np.ndarray, time: float) -> np.ndarray:
    """Return its strain with tensor shear, order 11 22 33 12 23 31."""
    x, y, z = points.T
    zero, one = np.zeros_like(x), np.ones_like(x)
    slope = np.array(
        [
            [y, x, 2 * one],
            [z, -one, x],
            [3 * y * z, z + 3 * x * z, y + 3 * x * y],
        ]
    )
    strain = 0.5e-3 * time * (slope + slope.transpose(1, 0, 2)) + zero
    pairs = [(0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (2, 0)]
    return np.stack([strain[pair] for pair in pairs], axis=1)


def gauss_points() -> np.ndarray:
    """Return the points of both cubes: x fastest, then y, then z."""
    line = 0.5 + 0.5 * np.array([-GAUSS, GAUSS])
    cube = np.array([[x, y, z] for z in line for y in line for x in line])
    return np.concatenate([cube, cube + np.array([1, 0, 0])])


TIMES = [0.5, 1.0, 2.0]
POINT_VARIABLES = [
    *(f"eto{pair}" for pair in ("11", "22", "33", "12", "23", "31")),
    *(f"sig{pair}" for pair in ("11", "22", "33", "12", "23", "31")),
    "evrcum",
]


def write_results(folder: Path, name: str = "job") -> Path:
    """Write index, nodal and integration-point files for the two cubes."""
    index = folder / f"{name}.ut"
    lines = "\n".join(f"{k + 1} 1 1 {k} {time:.15e}" for k, time in enumerate(TIMES))
    index.write_text(
        "**meshfile cubes.geof\n**node U1 U2 U3 RU1 RU2 RU3 flux\n"
        f"**integ {' '.join(POINT_VARIABLES)}\n**element\n{lines}\n"
    )
    nodal, integ = [], []
    for time in TIMES:
        u = displacement(NODES, time)
        nodal += [*u.T, *(2.0 * u.T), NODES[:, 0]]
        values = np.concatenate(
            [
                tensor_strain(gauss_points(), time),
                1e5 * tensor_strain(gauss_points(), time),
                gauss_points()[:, :1] * time,
            ],
            axis=1,
        )
        integ += [values[8 * cell : 8 * cell + 8].T.ravel() for cell in range(2)]
    np.concatenate(nodal).astype(">f4").tofile(index.with_suffix(".node"))
    np.concatenate(integ).astype(">f4").tofile(index.with_suffix(".integ"))
    return index


def third_party_cube() -> Path:
    """Return the folder of a commercial code's cube, or skip."""
    default = Path(__file__).parents[4] / "shared"
    folder = Path(os.environ.get("ROMNET_SHARED", default)) / "data" / "zset_cube"
    if not folder.is_dir():
        pytest.skip(f"third-party cube not at {folder}; set ROMNET_SHARED")
    return folder
