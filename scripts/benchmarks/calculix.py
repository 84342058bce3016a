"""The high-fidelity solver against CalculiX: each element and law, and time of a large body."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "cases"))

from referee import deck  # noqa: E402
from referee.body import LAWS, referee  # noqa: E402
from referee.compare import compare  # noqa: E402
from referee.large import compare_last, large, write_deck  # noqa: E402

DIVISIONS = {
    "C3D4": (6, 2, 3),
    "C3D10": (6, 2, 3),
    "C3D6": (8, 2, 4),
    "C3D15": (8, 2, 4),
    "C3D8": (8, 4, 4),
    "C3D20": (8, 4, 4),
    "C3D20R": (8, 4, 4),
}
THREADS = 2


def measure(_: Path | None) -> dict[str, object]:
    """Return how far both codes are apart for each element and law."""
    _demand()
    found: dict[str, dict[str, float]] = {}
    with TemporaryDirectory() as folder:
        for element, divisions in DIVISIONS.items():
            for law in LAWS:
                gaps = compare(referee(element, law, divisions), Path(folder) / element / law)
                found[f"{element} {law}"] = asdict(gaps)
    return {
        "referee_worst_u": max(gaps["displacement"] for gaps in found.values()),
        "referee_worst_point_fields": max(max(g["stress"], g["p"]) for g in found.values()),
        "referee": found,
    }


def measure_large() -> dict[str, object]:
    """Return the wall time of both codes, one after the other, on two cores, and their gaps."""
    _demand()
    case = large()
    before = os.getloadavg()[0]
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_deck(folder, case)
        ccx = _timed(lambda: deck.run(folder, "job", threads=THREADS, timeout=7200.0))
        hf = _timed(lambda: _run_romnet(folder))
        gaps = compare_last(folder, case)
    return {
        "hf_over_ccx": hf["s"] / ccx["s"],
        "dofs": case.mesh.n_dofs,
        "ccx_s": ccx["s"],
        "ccx_cpu_s": ccx["cpu_s"],
        "hf_s": hf["s"],
        "hf_cpu_s": hf["cpu_s"],
        "large_gaps": asdict(gaps),
        "load_before": before,
        "load_after": os.getloadavg()[0],
    }


def _demand() -> None:
    """Stop where CalculiX is missing."""
    if not deck.available():
        message = "ccx is not installed (Debian 12: apt-get install calculix-ccx)."
        raise SystemExit(message)


def _run_romnet(folder: Path) -> None:
    """Compute the large body on two ranks."""
    words = [str(ROOT / "scripts" / "mpi"), str(THREADS), sys.executable]
    paths = os.pathsep.join([str(ROOT / "cases"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [*words, "-m", "referee.large", "romnet", str(folder)],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    json.loads(done.stdout.splitlines()[-1])


def _timed(run: Callable[[], object]) -> dict[str, float]:
    """Return wall and processor time of something that starts processes."""
    used = _processor_seconds()
    began = perf_counter()
    run()
    return {"s": perf_counter() - began, "cpu_s": _processor_seconds() - used}


def _processor_seconds() -> float:
    """Return the processor time of the processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
