"""The offline stages: the model of the cube, and a million points with formula-made snapshots."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from cube import study_in
from large import N_SNAPSHOTS, make_study, offline_on
from parts import draw, rules_by_parts

from romnet.study import commands

__all__ = ["draw", "measure"]

# Cells along each edge of the box; eight points each: 1e4, 1e5 and 1e6 points.
SIDES = (11, 23, 50)
MEMORY_MB = 6144
BLADE_POINTS, BLADE_RANKS = 5.7e6, 48
# What every rank holds whatever its share: libraries, and connectivity and nodes of all cells.
LIBRARIES_MB, MESH_MB_PER_POINT = 150.0, 16e-6


def measure(_: Path | None) -> dict[str, object]:
    """Return the summary of the cube, and time and memory against the size of the mesh."""
    with TemporaryDirectory() as folder:
        context = commands.open_study(study_in(Path(folder), {}))
        summary = commands.offline(context)
    sizes = [_offline(side, 2) for side in SIDES]
    alone = _offline(SIDES[-1], 1)
    largest = sizes[-1]
    exponent = _slope(sizes, "time")
    return {
        "points_mesh": largest["points_mesh"],
        "snapshots": N_SNAPSHOTS,
        "peak_mb": largest["peak_mb"],
        "memory_limit_mb": MEMORY_MB,
        "time": largest["time"],
        "time_1_rank": alone["time"],
        "speedup_2_ranks": float(alone["time"]) / float(largest["time"]),
        "speedup_2_ranks_cpu": float(alone["cpu"]) / float(largest["cpu"]),
        "growth_exponent": exponent,
        "growth_exponent_cpu": _slope(sizes, "cpu"),
        "stages": largest["stages"],
        "stages_1_rank": alone["stages"],
        "peak_mb_after": largest["peak_mb_after"],
        "peak_mb_1_rank": alone["peak_mb"],
        "predicted_mb_1_rank": alone["predicted_mb_1_rank"],
        "predicted_s_1_rank": alone["predicted_s_1_rank"],
        "sizes": [
            {name: one[name] for name in ("points_mesh", "time", "cpu", "peak_mb")} for one in sizes
        ],
        "modes": largest["modes"],
        "modes_dual": largest["modes_dual"],
        "points": largest["points"],
        "extrapolated": extrapolated(alone, largest),
        "table": rules_by_parts(SIDES[1]),
        "cube": asdict(summary) if summary is not None else {},
    }


def extrapolated(alone: dict, shared: dict) -> dict[str, float]:
    """Extrapolate to a blade: time = a N / P + b N, from one and two ranks.

    Processor time, which other programs on the machine hardly change. What does not shrink with
    the ranks (cutting the mesh, writing by one rank, waiting) keeps its share b; the gathering of
    small triangles is left out. Memory: as much per point as measured, and once per rank the
    libraries and the whole mesh.
    """
    n_points = float(shared["points_mesh"])
    parallel = 2.0 * (float(alone["cpu"]) - float(shared["cpu"])) / n_points
    serial = max(0.0, (2.0 * float(shared["cpu"]) - float(alone["cpu"])) / n_points)
    per_point = (float(shared["peak_mb"]) - 2 * LIBRARIES_MB) / n_points - 2 * MESH_MB_PER_POINT
    per_rank = LIBRARIES_MB + MESH_MB_PER_POINT * BLADE_POINTS
    return {
        "points_mesh": BLADE_POINTS,
        "ranks": BLADE_RANKS,
        "parallel_us_per_point": 1e6 * parallel,
        "serial_us_per_point": 1e6 * serial,
        "time": BLADE_POINTS * (parallel / BLADE_RANKS + serial),
        "peak_mb": BLADE_POINTS * per_point + BLADE_RANKS * per_rank,
    }


def _offline(side: int, ranks: int) -> dict:
    """Run the offline stages on a box."""
    with TemporaryDirectory() as folder:
        study = make_study(Path(folder), side)
        return offline_on(ranks, study, Path(folder) / "results")


def _slope(sizes: list[dict], name: str) -> float:
    """Return the exponent of growth with the number of points."""
    points = np.log([float(one["points_mesh"]) for one in sizes])
    return float(np.polyfit(points, np.log([float(one[name]) for one in sizes]), 1)[0])
