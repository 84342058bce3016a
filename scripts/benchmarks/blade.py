"""The blade in two sizes: high-fidelity solver, CalculiX, offline and online; time and errors.

Also the program of the processes that are measured: ``blade.py stages STUDY STAGE...`` on each
rank, ``blade.py calculix FOLDER``; both print what they took.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import meshio
import numpy as np
import yaml
from cube import ROOT

if TYPE_CHECKING:
    from romnet.fe.mesh import Mesh
    from romnet.reduction.model import ReducedModel
    from romnet.study.context import Context

sys.path[:0] = [str(ROOT / "cases"), str(ROOT / "cases" / "blade")]

SIZES = ("S", "M")
RANKS = 2
TRAINED, ASKED = ("cool", "hot", "high"), "between"
TIMES = [0.0, 5.0, 10.0, 15.0, 20.0, 40.0, 80.0, 120.0, 180.0, 190.0, 200.0]
TOLERANCE = 1e-5
_ANSWERS = 20


def measure(_: Path | None) -> dict[str, object]:
    """Return what each size takes, and how far the answers are apart."""
    from referee import deck

    if not deck.available():
        message = "ccx is not installed (Debian 12: apt-get install calculix-ccx)."
        raise SystemExit(message)
    with TemporaryDirectory() as folder:
        return {size: _measure(size, Path(folder) / size) for size in SIZES}


def _measure(size: str, folder: Path) -> dict[str, object]:
    """Measure one size."""
    import romnet
    from romnet.study import commands

    study = make_study(size, folder)
    training = _stages(study, RANKS, ["mesh", *(f"snapshots[{name}]" for name in TRAINED)])
    _tell(size, "training", training)
    offline = _stages(study, RANKS, ["model"])
    _tell(size, "offline", offline)
    reference = _stages(study, RANKS, [f"snapshots[{ASKED}]"])
    _tell(size, "high fidelity", reference)
    online = _stages(study, 1, [f"online[{ASKED}]", f"export[{ASKED}]"])
    _tell(size, "online", online)
    compared = _stages(study, RANKS, [f"fields[{ASKED}]"])
    _tell(size, "comparison", compared)
    ccx = _calculix(study)
    _tell(size, "CalculiX", ccx)
    context = commands.open_study(study)
    summary = commands.online_summary(context, ASKED)
    model = romnet.load_model(context.folder / "model.h5")
    step = _answer_seconds(context, model)
    steps = len(TIMES) - 1
    whole = sum(online["stages"].values())
    made = sum(training["stages"].values()) + sum(offline["stages"].values())
    hf = sum(reference["stages"].values())
    return {
        "dofs": context.workspace.mesh.n_dofs,
        "points": context.workspace.part.n_global_points,
        "steps": steps,
        "modes": model.n_modes,
        "points_model": len(model.points),
        "hf_s": hf,
        "hf_cpu_s": reference["cpu_s"],
        "ccx_s": ccx["s"],
        "ccx_cpu_s": ccx["cpu_s"],
        "ccx_gap": ccx["gap"],
        "training_s": sum(training["stages"].values()),
        "offline_s": sum(offline["stages"].values()),
        "offline_cpu_s": offline["cpu_s"],
        "online_s": step,
        "online_whole_s": whole,
        "errors": summary.errors,
        "peak_mb": {
            "hf": reference["peak_mb"],
            "ccx": ccx["peak_mb"],
            "offline": offline["peak_mb"],
            "online": online["peak_mb"],
        },
        "speed_up_step": hf / step,
        "speed_up_step_ccx": ccx["s"] / step,
        "speed_up_end_to_end": hf / whole,
        "break_even": made / (hf - whole),
        "load_average": os.getloadavg()[0],
    }


def make_study(size: str, folder: Path) -> Path:
    """Write the study of one size: three maps to learn from, one to ask for."""
    from calculix import material
    from make import make

    study = make(size, folder)
    content = yaml.safe_load(study.read_text(encoding="utf-8"))
    content["materials"] = [material()]
    content["training"] = [_case(name) | {"results": "hf"} for name in TRAINED]
    content["online"] = [_case(ASKED) | {"reference": "hf", "fields": "replay"}]
    content["offline"]["tolerance"] = TOLERANCE
    study.write_text(yaml.safe_dump(content), encoding="utf-8")
    return study


def _case(name: str) -> dict[str, Any]:
    """Return the flight with one map."""
    hot = f"map_{name}.vtu"
    frames = [(0.0, 400.0), (20.0, hot), (180.0, hot), (200.0, 400.0)]
    keyframes = [{"time": time, "field": field} for time, field in frames]
    return {"name": name, "times": TIMES, "loads": {"temperature": {"keyframes": keyframes}}}


def _stages(study: Path, ranks: int, names: list[str]) -> dict[str, Any]:
    """Run stages on some ranks."""
    launch = [str(ROOT / "scripts" / "mpi"), str(ranks)]
    return _measured([*launch, sys.executable, __file__, "stages", str(study), *names])


def _measured(words: list[str]) -> dict[str, Any]:
    """Run a process that prints what it took."""
    output = subprocess.run(words, check=True, stdout=subprocess.PIPE, timeout=3000).stdout
    return dict(json.loads(output.splitlines()[-1]))


def _calculix(study: Path) -> dict[str, Any]:
    """Compute the same with CalculiX on as many threads, and compare the last instants."""
    from calculix import Flight, write_deck
    from referee.compare import norm

    from romnet.store.converters.calculix_dat import read_dat
    from romnet.study import commands

    context = commands.open_study(study)
    mesh = _numbered(context.workspace.mesh)
    content = yaml.safe_load(study.read_text(encoding="utf-8"))
    spin, gas, _ = content["loads"]
    flight = content["amplitudes"]["flight"]
    raw = meshio.read(study.parent / f"map_{ASKED}.vtu")
    folder = study.parent / "calculix"
    folder.mkdir()
    level = np.interp(TIMES[1:], flight["times"], flight["values"]).tolist()
    write_deck(
        folder / "job.inp",
        Flight(
            mesh=mesh,
            times=TIMES[1:],
            level=level,
            cold=400.0,
            hot=raw.point_data["temperature"],
            omega=spin["omega"],
            axis=spin["axis"],
            pressure=gas["field"],
        ),
    )
    took = _measured([sys.executable, __file__, "calculix", str(folder)])
    found = read_dat(folder / "job.dat", mesh)
    theirs = found.instant(len(found.times) - 1, ("displacement", "p"))
    last = len(TIMES) - 1
    ours = {
        "displacement": context.displacement(ASKED).column(last),
        "p": context.point_field(context.snapshots(ASKED), "p").column(last),
    }
    weights = {
        "displacement": np.ones(mesh.n_nodes),
        "p": context.workspace.discretization.weights,
    }
    gap = {
        name: norm(np.ravel(ours[name]) - np.ravel(theirs[name]), weight)
        / norm(theirs[name], weight)
        for name, weight in weights.items()
    }
    return took | {"gap": gap}


def _numbered(mesh: Mesh) -> Mesh:
    """Return the mesh with nodes and cells numbered from one, as CalculiX wants them."""
    (block,) = mesh.blocks
    own = replace(block, ids=np.arange(1, len(block.ids) + 1))
    return replace(mesh, node_ids=np.arange(1, mesh.n_nodes + 1), blocks=(own,))


def _answer_seconds(context: Context, model: ReducedModel) -> float:
    """Return the wall time of an answer by a loaded model, the median of many [s]."""
    from romnet.online.solve import solve
    from romnet.study.answers import reduced_loading
    from romnet.study.models import displacement_modes

    modes = displacement_modes(context, ASKED)
    loading = reduced_loading(context, context.loading(ASKED), modes, model.points)
    seconds = []
    for _ in range(_ANSWERS):
        began = perf_counter()
        solve(model, loading, options=context.newton_options)
        seconds.append(perf_counter() - began)
    return median(seconds)


def _tell(size: str, what: str, found: dict[str, Any]) -> None:
    """Say how it goes."""
    sys.stderr.write(f"{size} {what}: {json.dumps(found)}\n")


def _run_stages(study: Path, names: list[str]) -> dict[str, object]:
    """Run stages, with what they need, on this rank; collective."""
    from romnet.core.peak_memory import peak_memory
    from romnet.parallel.mpi import world
    from romnet.study import commands
    from romnet.study.runner import run

    comm = world()
    if comm.size > 1:
        from romnet.parallel.petsc import petsc

        petsc()
    context = commands.open_study(study, comm=comm)
    began = process_time()
    seconds = run(context, names)
    totals = comm.sum(np.array([process_time() - began, peak_memory() / 2**20]))
    found = {"stages": seconds, "cpu_s": float(totals[0]), "peak_mb": float(totals[1])}
    return found if comm.rank == 0 else {}


def _run_calculix(folder: Path) -> dict[str, object]:
    """Run CalculiX on ``job.inp``."""
    from referee import deck

    seconds = deck.run(folder, "job", threads=RANKS, timeout=2900.0)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu, peak = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024.0
    return {"s": seconds, "cpu_s": cpu, "peak_mb": peak}


if __name__ == "__main__":
    what, where, *rest = sys.argv[1:]
    found = _run_stages(Path(where), rest) if what == "stages" else _run_calculix(Path(where))
    if found:
        print(json.dumps(found))
