"""From the files of other codes alone to a reduced answer on their own load.

The parts do not depend on one another: each runs in a process of its own, two at a time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import ingest_ccx
import ingest_frd
import ingest_fuzz
import numpy as np
from cube import foreign_files, foreign_study

from romnet.study import commands
from romnet.study.context import Context

AT_ONCE = 2


def measure(data: Path | None) -> dict[str, object]:
    """Return replay, offline and online figures, speed of reading, and what damaged files do."""
    files = foreign_files(data)

    def apart(name: str) -> dict[str, object]:
        """Run one part in a process."""
        done = subprocess.run(
            [sys.executable, __file__, name, str(files)],
            env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return dict(json.loads(done.stdout))

    fuzz = [f"fuzz {name}" for name in ingest_fuzz.FORMATS]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip([*PARTS, *fuzz], pool.map(apart, [*PARTS, *fuzz]), strict=True))
    figures = {key: value for name in PARTS for key, value in found[name].items()}
    damaged = {name: found[f"fuzz {name}"] for name in ingest_fuzz.FORMATS}
    return figures | ingest_fuzz.summary(damaged)


def _chain(files: Path) -> dict[str, object]:
    """Learn from the stored cycle, ask for it again and for a second one."""
    with TemporaryDirectory() as folder:
        context = commands.open_study(foreign_study(Path(folder), files, {}))
        summary = commands.offline(context)
        if summary is None:
            message = "the offline stage made no model"
            raise SystemExit(message)
        again = commands.online(context, case="again")[0]
        cycle2 = commands.online(context, case="cycle2")[0]
        return {
            "replayed_stress": _replayed_stress(context),
            "modes": summary.modes,
            "points": summary.points,
            "points_dual": summary.points_dual,
            "weights_sum_error": summary.weights_sum_error,
            "cubature_residual": summary.cubature_residual,
            "u": again.errors["u"],
            "p": again.errors["p"],
            "cycle2": {"u": cycle2.errors["u"], "p": cycle2.errors["p"]},
        }


def _third_cycle(files: Path) -> dict[str, object]:
    """Train on two cycles of the same mesh and fields, which no file holds, and ask for a third."""
    training = [{"name": "seen", "results": "hf", "until": 4.0, "increments": 20}]
    asked = {"name": "cycle3", "until": 6.0, "increments": 30, "reference": "hf"}
    with TemporaryDirectory() as folder:
        path = foreign_study(Path(folder), files, {"training": training, "online": [asked]})
        cycle3 = commands.online(commands.open_study(path))[0]
        return {"cycle3": {"u": cycle3.errors["u"], "p": cycle3.errors["p"]}}


def _replayed_stress(context: Context) -> float:
    """Return the largest relative L2 difference of replayed and stored stress over the instants."""
    weights = np.repeat(context.workspace.discretization.weights, 6)
    stored, replayed = context.snapshots("cycle1"), context.replayed("cycle1")
    differences = []
    for number in range(1, stored.n_times):
        exact = stored.source("stress").column(number)
        found = replayed.source("stress").column(number)
        ratio = (weights @ (found - exact) ** 2) / (weights @ exact**2)
        differences.append(float(np.sqrt(ratio)))
    return max(differences)


# The longest first.
PARTS: dict[str, Callable[[Path], dict[str, object]]] = {
    "ccx": lambda _: ingest_ccx.measure(),
    "cycle3": _third_cycle,
    "chain": _chain,
    "frd": lambda _: dict(ingest_frd.measure()),
}


def _part(name: str, files: Path) -> dict[str, object]:
    """Measure one part."""
    kind, _, which = name.partition(" ")
    return ingest_fuzz.measure(which) if kind == "fuzz" else PARTS[kind](files)


if __name__ == "__main__":
    print(json.dumps(_part(sys.argv[1], Path(sys.argv[2]))))
