"""From the files of other codes alone to a reduced answer on their own load."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import ingest_ccx
import ingest_frd
import ingest_fuzz
import numpy as np
from cube import foreign_files, foreign_study

from romnet.study import commands
from romnet.study.context import Context


def measure(data: Path | None) -> dict[str, object]:
    """Return replay, offline and online figures."""
    files = foreign_files(data)
    with TemporaryDirectory() as folder:
        context = commands.open_study(foreign_study(Path(folder) / "one", files, {}))
        summary = commands.offline(context)
        if summary is None:
            message = "the offline stage made no model"
            raise SystemExit(message)
        again = commands.online(context, case="again")[0]
        cycle2 = commands.online(context, case="cycle2")[0]
        cycle3 = _third_cycle(Path(folder) / "two", files)
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
            "cycle3": {"u": cycle3.errors["u"], "p": cycle3.errors["p"]},
            **ingest_frd.measure(),
            **ingest_ccx.measure(),
            **ingest_fuzz.measure(),
        }


def _third_cycle(folder: Path, files: Path) -> commands.OnlineSummary:
    """Train on two cycles of the same mesh and fields, which no file holds, and ask for a third."""
    training = [{"name": "seen", "results": "hf", "until": 4.0, "increments": 20}]
    asked = {"name": "cycle3", "until": 6.0, "increments": 30, "reference": "hf"}
    path = foreign_study(folder, files, {"training": training, "online": [asked]})
    return commands.online(commands.open_study(path))[0]


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
