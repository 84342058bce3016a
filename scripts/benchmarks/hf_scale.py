"""One linear high-fidelity computation of half a million unknowns, phase by phase, on two ranks."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import numpy as np
import yaml

ROOT = Path(__file__).resolve().parents[2]
RANKS = 2
# A block of stretched cells, some 500 000 unknowns of quadratic tetrahedra or hexahedra.
BODIES = {
    "tet10": {"lengths": [3.0, 1.0, 0.5], "divisions": [41, 27, 18]},
    "hex20": {"lengths": [3.0, 1.0, 0.5], "divisions": [56, 30, 23]},
    "hex8": {"lengths": [3.0, 1.0, 0.5], "divisions": [86, 54, 34]},
}


def measure(_: Path | None) -> dict[str, object]:
    """Return unknowns, seconds of each phase, peak memory of all ranks, for each kind of cell."""
    found: dict[str, object] = {}
    for cell in BODIES:
        with tempfile.TemporaryDirectory() as folder:
            study = _study(Path(folder), cell)
            output = subprocess.run(
                [ROOT / "scripts" / "mpi", str(RANKS), sys.executable, __file__, study],
                check=True,
                stdout=subprocess.PIPE,
                timeout=3000,
            ).stdout
        found |= {f"{cell}_{name}": value for name, value in json.loads(output).items()}
    return found


def _study(folder: Path, cell: str) -> Path:
    """Write the study of a bent, spun and warm elastic block."""
    path = folder / "study.yaml"
    elastic = {"law": "elastic", "density": 8e-9, "parameters": {"young": 2e5, "poisson": 0.3}}
    axis = {"point": [0.0, -5.0, 0.0], "direction": [0.0, 0.0, 1.0]}
    content = {
        "name": "block",
        "units": {"length": "mm", "force": "N", "time": "s", "temperature": "degC"},
        "mesh": {"box": {**BODIES[cell], "cell": cell}},
        "materials": [{"cells": "ALL", **elastic}],
        "constraints": [{"nodes": "x0", "u": [0.0, 0.0, 0.0]}],
        "loads": [
            {"type": "centrifugal", "axis": axis, "omega": 1000.0},
            {"type": "traction", "faces": "x1", "vector": [1.0, 0.5, -1.0]},
        ],
        "offline": {"dual": ["stress"]},
        "training": [{"name": "bend", "results": "hf", "until": 1.0, "increments": 1}],
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def run(study: Path) -> dict[str, object]:
    """Compute on this rank, through the same calls as a stage of a study; collective."""
    from romnet.hf.problem import HighFidelityProblem, solve_high_fidelity
    from romnet.parallel.mpi import world
    from romnet.parallel.petsc import petsc
    from romnet.study.loadcases import loading_of
    from romnet.study.read import read_study
    from romnet.study.workspace import build_workspace, read_mesh

    comm = world()
    petsc()
    seconds: dict[str, float] = {}

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        began = perf_counter()
        yield
        comm.barrier()
        seconds[name] = perf_counter() - began

    with timed("mesh"):
        located = read_study(study)
        mesh = read_mesh(located)
    with timed("partition_and_discretise"):
        workspace = build_workspace(located, mesh, comm)
    with timed("loads"):
        loading = loading_of(workspace, located.cases["bend"], np.array([0.0, 1.0]))
    part = workspace.part
    problem = HighFidelityProblem(part, workspace.discretization, workspace.laws, loading, comm)
    with timed("gradients"):
        _ = problem.cells
    with timed("pattern"):
        _ = problem.pattern
    with timed("solver"):
        _ = problem.linear_solver
    with timed("solve"):
        (outcome,) = solve_high_fidelity(problem)
    if not outcome.status.ok:
        message = f"stopped: {outcome.reason.label}"
        raise RuntimeError(message)
    peak = np.array([resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0**2])
    solver = problem.linear_solver
    return {
        "dofs": part.n_global_dofs,
        "cells": part.n_global_cells,
        "newton": outcome.iterations,
        "krylov": solver.iterations,
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "total_s": sum(seconds.values()),
        "peak_gib": float(comm.sum(peak)[0]),
        "largest_displacement": comm.max(float(np.abs(outcome.committed.unknown).max())),
    }


if __name__ == "__main__":
    result = run(Path(sys.argv[1]))
    from romnet.parallel.mpi import world

    if world().rank == 0:
        print(json.dumps(result))
