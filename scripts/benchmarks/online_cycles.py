"""Fifty cycles of the cube from two: drift, and the gain end to end."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from cube import study_in

from romnet.study import commands

PERIOD, INCREMENTS, COUNT = 2.0, 10, 50


def measure(_: Path | None) -> dict[str, object]:
    """Return what `scripts/bench online-cycles` prints."""
    return measure_cycles()


def measure_cycles(*, trained: int = 2) -> dict[str, object]:
    """Train on some cycles and ask for fifty, dual fields rebuilt by the laws."""
    every = {"period": PERIOD, "increments": INCREMENTS}
    stored = sorted({trained, trained + 1, 5, 10, 20, 30, 40, COUNT})
    changes = {
        "training": [{"name": "seen", "results": "hf", "cycles": every | {"count": trained}}],
        "online": [
            {
                "name": "long",
                "cycles": every | {"count": COUNT, "store": stored},
                "fields": "replay",
                "reference": "hf",
            }
        ],
    }
    with TemporaryDirectory() as folder:
        context = commands.open_study(study_in(Path(folder), changes))
        summary = commands.offline(context)
        answer = commands.online(context)[0]
    found = answer.cycles
    if found is None or found.gain is None or summary is None:
        message = "the case is not cyclic, or has no reference."
        raise SystemExit(message)
    return {
        "modes": summary.modes,
        "points": summary.points,
        "cycles_50_p_error": answer.errors["p"],
        "cycles_50_p_hot_error": answer.errors["p_hot"],
        "cycles_50_p_error_from_modes": answer.errors["p_from_modes"],
        "drift": [{"cycle": one.cycle, "u": one.u, "p": one.p} for one in found.drift],
        "stable_from": found.stable_from,
        "wall_s": answer.wall_s,
        "reference_s": answer.reference_s,
        "gain_wall": found.gain.wall,
        "gain_core_hours": found.gain.core_hours,
    }
