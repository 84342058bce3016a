"""The reduced quadrature against other rules: points on the cube, speed, growth, ranks."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from cube import ROOT, study_in
from threadpoolctl import threadpool_limits

from romnet.core.communicator import SerialCommunicator
from romnet.fe.partition import bisect_cells
from romnet.reduction.basis import Truncation
from romnet.reduction.compression import compressed
from romnet.reduction.cubature import ReducedQuadrature, select_points
from romnet.reduction.cubature_baselines import (
    least_squares_cubature,
    linear_programming_cubature,
    per_rank_cubature,
    refitted_cubature,
)
from romnet.reduction.cubature_problem import CubatureProblem
from romnet.reduction.cubature_refinement import refined_cubature
from romnet.reduction.integrands import VirtualWork
from romnet.reduction.pod import pod
from romnet.store import artefact
from romnet.study import commands
from romnet.study.training import training_displacement, training_field

ALONE = SerialCommunicator()
TOLERANCES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
MODES = (3, 7, 10)
# Functions and points of a notched bar of 20 787 dofs in a peer's benchmark.
LARGE = (839, 22_552)
LARGE_DECADES, LARGE_TOLERANCE = 3.0, 1e-4
GROWTH_POINTS = (20_000, 40_000, 80_000, 160_000)
RANKS = (1, 2, 3)


def measure(_: Path | None) -> dict[str, object]:
    """Return points by rule and tolerance, speed against refitting, growth, and the ranks."""
    table = _cube_table()
    refined = [1.0 - row["refined"] / row["global"] for row in table]
    with threadpool_limits(1):
        speed = _speed()
    return {
        **speed,
        "points_saved_by_refinement": float(np.mean(refined)),
        "growth_exponent": _growth(),
        **_ranks(),
        "table": table,
    }


def synthetic(n_functions: int, n_points: int, decades: float) -> CubatureProblem:
    """Return random integrands whose singular values fall evenly over some decades."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((n_points, n_functions))
    values[:, 0] += 3.0  # something to integrate
    values *= 10.0 ** -np.linspace(0.0, decades, n_functions)
    weights = rng.uniform(0.5, 1.5, n_points) / n_points
    return CubatureProblem.build(values.T, weights, np.arange(n_points), ALONE)


def _timed(function: Callable[[], ReducedQuadrature]) -> tuple[ReducedQuadrature, float, float]:
    """Return a rule, the wall time and the processor time of finding it."""
    wall, busy = time.perf_counter(), time.process_time()
    rule = function()
    return rule, time.perf_counter() - wall, time.process_time() - busy


def _speed() -> dict[str, object]:
    """Compare with a fresh solve for each added point, in the same process, on one thread."""
    problem = synthetic(*LARGE, LARGE_DECADES)
    runs = [_timed(lambda: select_points(problem, tolerance=LARGE_TOLERANCE)) for _ in range(3)]
    fast, wall, busy = min(runs, key=lambda run: run[2])
    plain, plain_wall, plain_busy = _timed(
        lambda: refitted_cubature(problem, tolerance=LARGE_TOLERANCE)
    )
    refined, _, refined_busy = _timed(lambda: refined_cubature(problem, tolerance=LARGE_TOLERANCE))
    return {
        "functions": LARGE[0],
        "integration_points": LARGE[1],
        "tolerance": LARGE_TOLERANCE,
        "speedup_vs_refit": plain_wall / wall,
        "speedup_vs_refit_cpu": plain_busy / busy,
        "wall_s": wall,
        "wall_s_refit": plain_wall,
        "cpu_s": busy,
        "cpu_s_refit": plain_busy,
        "cpu_s_refined": refined_busy,
        "points": len(fast.points),
        "points_plain": len(plain.points),
        "points_refined": len(refined.points),
        "selections": len(fast.history),
    }


def _growth() -> float:
    """Return the exponent of processor time per selection over integration points."""
    costs = []
    for n_points in GROWTH_POINTS:
        problem = synthetic(150, n_points, 2.0)
        runs = [_timed(lambda p=problem: select_points(p, tolerance=1e-2)) for _ in range(3)]
        costs.append(min(busy / len(rule.history) for rule, _, busy in runs))
    return float(np.polyfit(np.log(GROWTH_POINTS), np.log(costs), 1)[0])


def _cube_table() -> list[dict[str, object]]:
    """Return the points of every rule on the cube."""
    rows = []
    with TemporaryDirectory() as folder:
        context = commands.open_study(study_in(Path(folder), {}))
        commands.offline(context, until="cubature")
        workspace = context.workspace
        points = workspace.discretization
        halves = bisect_cells(workspace.mesh, 2)[points.cell_of_point]
        for n_modes in MODES:
            basis = pod(
                training_displacement(context),
                workspace.inner_product(),
                truncation=Truncation(modes=n_modes),
                comm=ALONE,
            )
            work = VirtualWork(training_field(context, "stress"), basis.modes, points)
            functions = compressed(work, points.weights, ALONE)
            rows += _rules(functions, points.weights, halves)
            rows[-len(TOLERANCES) :] = [
                {"modes": n_modes, **row} for row in rows[-len(TOLERANCES) :]
            ]
    return rows


def _rules(
    functions: np.ndarray, weights: np.ndarray, halves: np.ndarray
) -> list[dict[str, object]]:
    """Return points and residuals of every rule at every tolerance."""
    numbers = np.arange(len(weights))
    problem = CubatureProblem.build(functions, weights, numbers, ALONE)
    whole = least_squares_cubature(problem)
    rows = []
    for tolerance in TOLERANCES:
        rule, wall, _ = _timed(lambda t=tolerance: select_points(problem, tolerance=t))
        refined, refined_wall, _ = _timed(
            lambda t=tolerance: refined_cubature(problem, tolerance=t)
        )
        linear = linear_programming_cubature(problem, tolerance=tolerance)
        parts = [
            per_rank_cubature(
                np.ascontiguousarray(functions[:, halves == half]),
                weights[halves == half],
                numbers[halves == half],
                tolerance=tolerance,
                comm=ALONE,
            )
            for half in (0, 1)
        ]
        rows.append(
            {
                "tolerance": tolerance,
                "functions": len(functions),
                "global": len(rule.points),
                "refined": len(refined.points),
                "two_subdomains_alone": sum(len(part.points) for part in parts),
                "linear_programming": len(linear.points),
                "least_squares": len(whole.points),
                "residual": rule.residual,
                "residual_refined": refined.residual,
                "volume_error": rule.volume_error,
                "ms": 1e3 * wall,
                "ms_refined": 1e3 * refined_wall,
            }
        )
    return rows


def _ranks() -> dict[str, object]:
    """Tell whether 1, 2 and 3 ranks select the same points, refined or not."""
    same = {}
    program = Path(sys.executable).with_name("romnet")
    for name, refine in (("same_points", False), ("same_points_refined", True)):
        with TemporaryDirectory() as temporary:
            offline = {"tolerance": 1e-6, "cubature": {"tolerance": 1e-5, "refine": refine}}
            study = study_in(Path(temporary), {"offline": offline, "online": []})
            found = []
            for ranks in RANKS:
                results = Path(temporary, f"r{ranks}")
                words = (program, "offline", study, "--until", "cubature", "--results", results)
                subprocess.run(
                    [ROOT / "scripts" / "mpi", str(ranks), *words],
                    check=True,
                    stdout=subprocess.DEVNULL,
                    env=dict(os.environ),  # without what MPI of this process left for children
                    timeout=300,
                )
                found.append(artefact.load(results / "cubature.h5", ReducedQuadrature).points)
            same[name] = all(np.array_equal(found[0], other) for other in found)
    return same
