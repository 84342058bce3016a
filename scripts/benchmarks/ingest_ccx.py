"""From a CalculiX deck and its results to a reduced answer, without a line edited."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from loading import load_test_file

from romnet.study import commands
from romnet.study.from_deck.init import init_from_deck

DIVISIONS = (16, 7, 7)
INCREMENTS = 5


def measure(divisions: tuple[int, int, int] = DIVISIONS) -> dict[str, object]:
    """Return errors against CalculiX on the training load: displacement, plastic strain.

    The displacement is compared at the nodes at every instant, the plastic strain with what
    CalculiX prints at its integration points at the last one.
    """
    if shutil.which("ccx") is None:
        message = "ccx is not installed (Debian: apt-get install calculix-ccx)"
        raise SystemExit(message)
    bars = load_test_file("ccx_deck")
    with TemporaryDirectory() as name:
        folder = Path(name)
        deck = bars.write_bar(folder, divisions, increments=INCREMENTS)
        began = perf_counter()
        bars.run_ccx(deck, timeout=1800.0)
        seconds = perf_counter() - began
        made = init_from_deck(deck, folder / "study")
        context = commands.open_study(made.path)
        began = perf_counter()
        summary = commands.offline(context)
        offline = perf_counter() - began
        again = commands.online(context)[0]
        return {
            "ccx_dofs": context.workspace.mesh.n_dofs,
            "ccx_s": seconds,
            "ccx_offline_s": offline,
            "ccx_modes": None if summary is None else summary.modes,
            "ccx_points": None if summary is None else summary.points,
            "ccx_u": again.errors["u"],
            "ccx_p": again.errors["p"],
            "ccx_not_taken_over": len(made.notes),
            "ccx_lines_edited": 0,
        }
