"""A study of any size with snapshots made by a formula, and its offline stages on some ranks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
from cube import ROOT, study_in

N_SNAPSHOTS = 40
STAGES = ("mesh", "replay[seen]", "pod", "cubature", "dual_pod", "model")


def make_study(folder: Path, side: int) -> Path:
    """Write the study of the cube with `side` cells along each edge."""
    box = {"lengths": [1.0] * 3, "divisions": [side] * 3, "cell": "hex8"}
    training = [{"name": "seen", "results": "hf", "until": 2.0, "increments": N_SNAPSHOTS - 1}]
    changes = {
        "mesh": {"box": box},
        "training": training,
        "online": [],
        "offline": {"tolerance": 1e-5, "memory": "1 GiB", "dual": ["p", "stress"]},
    }
    return study_in(folder, changes)


def offline_on(ranks: int, study: Path, results: Path) -> dict[str, object]:
    """Run the offline stages on some ranks, from the mesh and the displacements on."""
    output = subprocess.run(
        [ROOT / "scripts" / "mpi", str(ranks), sys.executable, __file__, study, results],
        check=True,
        stdout=subprocess.PIPE,
        env=dict(os.environ),  # without what MPI of this process left for children
        timeout=3000,
    ).stdout
    return dict(json.loads(output))


def displacement(nodes: np.ndarray, time: float) -> np.ndarray:
    """Return a smooth displacement that vanishes at x = 0 and at the first instant."""
    x, y, z = nodes.T
    push, heat, turn = np.sin(0.5 * np.pi * time), np.sin(np.pi * time), time * (2.0 - time)
    field = np.empty_like(nodes)
    field[:, 0] = x * (push * (1.0 - 0.3 * y) + 0.4 * heat * np.cos(np.pi * z) + 0.2 * turn * x)
    field[:, 0] += 0.3 * x * push * np.exp(-4.0 * (z - 0.5 * time) ** 2)
    field[:, 1] = x * (0.3 * turn * y - 0.3 * push * y + 0.2 * heat**2 * np.sin(np.pi * x))
    field[:, 2] = x * (-0.3 * push * z + 0.2 * heat * push * y * z)
    return 4e-4 * field


def run(study: Path, results: Path) -> dict[str, object]:
    """Run the stages on this rank; collective."""
    from romnet.core.communicator import together
    from romnet.core.peak_memory import peak_memory
    from romnet.parallel.mpi import world
    from romnet.reduction.cubature import ReducedQuadrature
    from romnet.store import artefact
    from romnet.store.artefact import Manifest
    from romnet.store.modes import load_bases
    from romnet.store.snapshots import writing_snapshots
    from romnet.study.commands import open_study
    from romnet.study.jobs.predicting import prediction
    from romnet.study.runner import run as run_stages
    from romnet.study.runner import verdicts
    from romnet.study.training import displacement_info

    comm = world()
    if comm.size > 1:
        from romnet.parallel.petsc import petsc

        petsc()
    context = open_study(study, results=results, comm=comm)
    seconds = run_stages(context, ["mesh"])
    began = perf_counter()
    workspace = context.workspace
    seconds["workspace"] = perf_counter() - began
    path = results / "snapshots" / "seen.h5"
    if not path.exists():
        with together(comm):
            key = verdicts(context.located, results)["snapshots[seen]"].key
        nodes = workspace.part.mesh.nodes[workspace.part.owned]
        with writing_snapshots(
            path,
            {"displacement": displacement_info(context)},
            rows={"displacement": workspace.owned_dofs},
            manifest=Manifest(key=key),
            comm=comm,
        ) as writer:
            for time in np.linspace(0.0, 2.0, N_SNAPSHOTS):
                writer.append(float(time), {"displacement": displacement(nodes, time).ravel()})
    peaks = {}
    busy = process_time()
    for name in STAGES[1:]:
        seconds |= run_stages(context, [name])
        peaks[name] = peak_memory() / 2**20
    # What a quiet machine would take: waiting for other programs does not count.
    busy = comm.max(process_time() - busy)
    totals = comm.sum(np.array(list(peaks.values())))
    quadrature = artefact.load(results / "cubature.h5", ReducedQuadrature)
    dual = load_bases(results / "dual_pod.h5", np.zeros(0, dtype=np.int64))
    return {
        "points_mesh": workspace.part.n_global_points,
        "stages": seconds,
        "time": sum(seconds.values()),
        "cpu": busy,
        "peak_mb": float(totals[-1]),
        "peak_mb_after": dict(zip(peaks, totals.tolist(), strict=True)),
        "modes": load_bases(results / "pod.h5", np.zeros(0, dtype=np.int64))[
            "displacement"
        ].n_modes,
        "modes_dual": {name: basis.n_modes for name, basis in dual.items()},
        "points": len(quadrature.points),
        "predicted_mb_1_rank": prediction(workspace).offline.memory / 2**20,
        "predicted_s_1_rank": dict(prediction(workspace).offline.seconds),
    }


if __name__ == "__main__":
    found = run(Path(sys.argv[1]), Path(sys.argv[2]))
    from romnet.parallel.mpi import world

    if world().rank == 0:
        print(json.dumps(found))
