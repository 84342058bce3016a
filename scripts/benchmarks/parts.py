"""The quadrature of the whole mesh beside the published one, where every rank selects alone."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
from large import make_study, run

from romnet.core.communicator import SerialCommunicator
from romnet.fe.partition import bisect_cells
from romnet.reduction.compression import Compression, compressed
from romnet.reduction.cubature import select_points
from romnet.reduction.cubature_baselines import per_rank_cubature
from romnet.reduction.cubature_problem import CubatureProblem
from romnet.reduction.integrands import VirtualWork
from romnet.study import commands
from romnet.study.training import displacement_basis, training_field

ALONE = SerialCommunicator()
PARTS = (1, 2, 4, 8, 16, 48)
TOLERANCE = 1e-4


def rules_by_parts(side: int) -> list[dict[str, object]]:
    """Return points, residuals and seconds of both rules, the mesh cut into ever more parts.

    Each part is selected in turn; the seconds are those of the slowest, as if each had a rank.
    """
    with TemporaryDirectory() as folder:
        study, results = make_study(Path(folder), side), Path(folder) / "results"
        run(study, results)
        context = commands.open_study(study, results=results)
        points = context.workspace.discretization
        work = VirtualWork(
            training_field(context, "stress"), displacement_basis(context).modes, points
        )
        functions = compressed(work, points.weights, ALONE, Compression(rtol=1e-3 * TOLERANCE))
        mesh = context.workspace.mesh
    numbers = np.arange(points.n_points)
    problem = CubatureProblem.build(functions, points.weights, numbers, ALONE)
    began = perf_counter()
    rule = select_points(problem, tolerance=TOLERANCE)
    whole = {
        "points_global": len(rule.points),
        "residual_global": rule.residual,
        "s_global_1_rank": perf_counter() - began,
    }
    rows = []
    for n_parts in PARTS:
        label = bisect_cells(mesh, n_parts)[points.cell_of_point]
        rows.append({"ranks": n_parts, **_per_rank(problem, points.weights, label), **whole})
    return rows


def draw(found: dict[str, object], path: Path) -> None:
    """Plot points and seconds of both rules against the ranks."""
    from matplotlib.figure import Figure

    rows = found["table"]
    ranks = [row["ranks"] for row in rows]
    figure = Figure(figsize=(9.0, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.loglog(ranks, [row["points_per_rank"] for row in rows], "o-", label="each rank alone")
    left.loglog(ranks, [row["points_global"] for row in rows], "s-", label="romnet: the whole mesh")
    left.set(xlabel="ranks", ylabel="selected points")
    right.loglog(ranks, [row["s_per_rank"] for row in rows], "o-", label="each rank alone, slowest")
    right.loglog(ranks, [row["s_global_1_rank"] for row in rows], "s-", label="romnet, on one rank")
    right.set(xlabel="ranks", ylabel="seconds of the selection")
    for axes in (left, right):
        axes.grid(visible=True, which="both", alpha=0.3)
        axes.legend()
    figure.savefig(path)


def _per_rank(problem: CubatureProblem, weights: np.ndarray, label: np.ndarray) -> dict:
    """Select in every part alone; the residual is that of all parts together."""
    selected, masses, slowest = [], [], 0.0
    for part in range(int(label.max()) + 1):
        mine = np.flatnonzero(label == part)
        functions = problem.integrands.T[mine].T
        began = perf_counter()
        rule = per_rank_cubature(functions, weights[mine], mine, tolerance=TOLERANCE, comm=ALONE)
        slowest = max(slowest, perf_counter() - began)
        selected.append(rule.points)
        masses.append(rule.weights)
    error = problem.columns(np.concatenate(selected)) @ np.concatenate(masses) - problem.target
    return {
        "points_per_rank": sum(len(points) for points in selected),
        "residual_per_rank": float(np.linalg.norm(error)) / problem.scale,
        "s_per_rank": slowest,
    }
