"""The same inputs give the same bytes; on two ranks or threads answers differ by rounding."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from failing_laws import romnet
from judging import tried
from outcome import Outcome
from study_bases import bar, write

from romnet.online.solve import ReducedSolution
from romnet.store import artefact
from romnet.store.manifest import manifest_path

_KIND = "determinism"
_MPI = Path(__file__).parents[1] / "mpi"
# Of the largest value: another order of summation leaves 1e-10 after Newton iterations.
RANKS = 1e-9
_THREADS = ["env", "OMP_NUM_THREADS=2", "OPENBLAS_NUM_THREADS=2"]


def run(folder: Path, *, short: bool, seed: int) -> Iterator[Outcome]:
    """Build one study twice, and once each on two ranks and with two threads."""
    del seed
    paths = [write(folder / name / "study", bar()) for name in ("first", "second")]
    for path in paths:
        ran = romnet("online", path)
        if ran.returncode:
            raise RuntimeError(ran.stderr)
    one, other = (path.parent / "results" for path in paths)
    for found in sorted(one.rglob("*.h5")):
        name = found.relative_to(one)
        yield tried(_KIND, str(name), partial(_alike, found, other / name))
    mpi = [str(_MPI), "2"]
    for name, before in {"two ranks": mpi, "two threads": _THREADS}.items():
        if name == "two ranks" or not short:
            other_way = partial(_near, one, write(folder / name, bar()), before)
            yield tried(_KIND, name, other_way)


def _alike(one: Path, other: Path) -> str:
    """Compare keys and bytes; answers tell their wall time, all else must be alike."""
    if one.parent.name == "online":
        return _distance(one, other, 0.0)
    keys = [json.loads(manifest_path(path).read_text())["key"] for path in (one, other)]
    hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (one, other)]
    return "" if len(set(keys)) == len(set(hashes)) == 1 else f"keys {keys}, bytes {hashes}"


def _near(results: Path, path: Path, before: list[str]) -> str:
    """Answer with some words before the command and compare the fields."""
    command = [*before, sys.executable, "-m", "romnet.cli.main", "online", str(path)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if ran.returncode:
        return ran.stderr[-300:]
    name = Path("online", "more.h5")
    return _distance(results / name, path.parent / "results" / name, RANKS)


def _distance(one: Path, other: Path, allowed: float) -> str:
    """Compare dual fields at the mask; modes may differ in sign."""
    first, second = (artefact.load(path, ReducedSolution) for path in (one, other))
    worst = 0.0
    for name, values in first.dual.items():
        if values.shape != second.dual[name].shape:
            return f"{name}: other points"
        scale = float(np.abs(values).max()) or 1.0
        worst = max(worst, float(np.abs(values - second.dual[name]).max()) / scale)
    if allowed:
        print(f"  {other.parents[2].name}: answers differ by {worst:.1e}", file=sys.stderr)
    return "" if worst <= allowed else f"answers differ by {worst:.1e}"
