"""The online computation: overhead, meshes of any size, batches, cycles, new maps, the notched bar.

``scripts/bench online --json`` takes about a quarter of an hour on two cores, most of it for
high-fidelity runs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TypeVar

import online_bar
import online_cost
import online_uq
from cube import study_in
from online_cycles import measure_cycles
from online_lifting import measure_lifting

from romnet.study import commands

_T = TypeVar("_T")


def measure(_: Path | None) -> dict[str, object]:
    """Return what the online computation costs and how accurate it is.

    Overheads compare the CPU time of `solve` on a prepared model, in one thread, with the same law
    calls made alone, see `law_calls`.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        cube = _told(
            "cube, 1e-6 and 1e-5",
            lambda: online_cost.cube(folder / "cube", tolerance=1e-6, cubature=1e-5),
        )
        few = _told(
            "cube on some 30 points",
            lambda: online_cost.cube(folder / "few", tolerance=1e-3, cubature=1e-2),
        )
        flat = _told("meshes of 1e3 to 1e6 points", online_cost.flatness)
        second = _told("second cycle", lambda: _extrapolated(folder / "one", trained=1))
        third = _told("third cycle", lambda: _extrapolated(folder / "two", trained=2))
        cycles = _told("fifty cycles", measure_cycles)
        bar = _told("notched bar", lambda: online_bar.measure(folder / "bar"))
        lifting = _told("lifting on three maps", measure_lifting)
        blade = _told("random temperatures", lambda: online_uq.measure(folder / "blade"))
    return {
        "over_law_cube": cube.ratio,
        "over_law_cube_detail": cube.told(),
        "over_law_30_points": few.ratio,
        "over_law_30_points_detail": few.told(),
        "flatness": flat["spread"],
        "flatness_detail": flat,
        "cycle2": second,
        "cycle3": third,
        "cycles_50_p_error": cycles["cycles_50_p_error"],
        "cycles_50_detail": cycles,
        "bar": bar,
        "lifting": lifting,
        **blade,
    }


def _told(title: str, work: Callable[[], _T]) -> _T:
    """Do one part, and say on standard error how long it took and what came out."""
    began = perf_counter()
    print(f"{title} ...", end=" ", file=sys.stderr, flush=True)
    found = work()
    print(f"{perf_counter() - began:.0f} s: {found}", file=sys.stderr, flush=True)
    return found


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
