"""The online computation: overhead, meshes of any size, unseen cycles, batches, the notched bar.

``scripts/bench online --json`` takes about half an hour on two cores, most of it for the
high-fidelity runs of the blade.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import online_bar
import online_cost
import online_uq
from cube import study_in

from romnet.study import commands


def measure(_: Path | None) -> dict[str, object]:
    """Return what the online computation costs and how accurate it is.

    Overheads compare the wall time of `solve` on a prepared model with the same law calls made
    alone, see `law_calls`.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        second = _extrapolated(folder / "one", trained=1)
        third = _extrapolated(folder / "two", trained=2)
        cube = online_cost.cube(folder / "cube", tolerance=1e-6, cubature=1e-5)
        few = online_cost.cube(folder / "few", tolerance=1e-3, cubature=1e-2)
        flat = online_cost.flatness()
        bar = online_bar.measure(folder / "bar")
        blade = online_uq.measure(folder / "blade")
    return {
        "cycle2": second,
        "cycle3": third,
        "over_law_cube": cube.ratio,
        "over_law_cube_detail": cube.told(),
        "over_law_30_points": few.ratio,
        "over_law_30_points_detail": few.told(),
        "flatness": flat["spread"],
        "flatness_detail": flat,
        "bar": bar,
        **blade,
    }


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
        "reference_over_wall": (answer.reference_s or 0.0) / answer.wall_s,
    }
