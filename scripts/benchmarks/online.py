"""Unseen cycles of the cube against the high-fidelity solver."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from cube import study_in

from romnet.study import commands


def measure(_: Path | None) -> dict[str, object]:
    """Return the errors of extrapolated cycles and the cost of a step."""
    with TemporaryDirectory() as folder:
        second = _extrapolated(Path(folder) / "one", trained=1)
        third = _extrapolated(Path(folder) / "two", trained=2)
    return {"cycle2": second, "cycle3": third}


def _extrapolated(folder: Path, *, trained: int) -> dict[str, object]:
    """Train on some cycles and ask for one more."""
    until = 2.0 * trained
    training = [{"name": "seen", "results": "hf", "until": until, "increments": 10 * trained}]
    asked = {"name": "next", "until": until + 2.0, "increments": 10 * (trained + 1)}
    changes = {"training": training, "online": [asked | {"reference": "hf"}]}
    context = commands.open_study(study_in(folder, changes))
    summary = commands.offline(context)
    answer = commands.online(context)[0]
    return {
        "modes": summary.modes if summary else None,
        "points": summary.points if summary else None,
        **answer.errors,
        "newton_iterations": answer.newton_iterations,
        "wall_s": answer.wall_s,
        "law_s": answer.law_s,
        "over_law": answer.wall_s / answer.law_s,
        "reference_over_wall": (answer.reference_s or 0.0) / answer.wall_s,
    }
