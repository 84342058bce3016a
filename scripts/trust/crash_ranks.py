"""A run on two ranks loses one, or an error is raised on one of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import commands_run
import h5py
import numpy as np
from commands_run import ROOT
from outcome import End, Outcome

LIMIT_S = 90.0
CLOSE = 1e-6
# The command line, whose rank 1 is struck or raises when it begins some stage.
STRUCK = """
import os, signal, sys
how, place, words = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
from romnet.cli.main import app
from romnet.core.communicator import together
from romnet.core.errors import AccuracyError
from romnet.parallel.mpi import world
from romnet.study import context
counted = [0]
asked = context.Context.stops.fget
def stops(self):
    counted[0] += 1
    if counted[0] == place:
        if how == "killed" and world().rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "raising":
            try:
                with together(self.comm):
                    if self.comm.rank == 1:
                        raise AccuracyError("injected")
            except AccuracyError as error:
                sys.stderr.write(f"seen on {self.comm.rank}: {error}\\n")
                raise
        if how == "raising alone" and world().rank == 1:
            raise ZeroDivisionError("injected")
    return asked(self)
context.Context.stops = property(stops)
app(words)
"""


def run(folder: Path, *, short: bool, seed: int) -> Iterator[Outcome]:
    """Strike rank 1 of 2 at random safe points; a rerun alone gives the same to rounding."""
    small = commands_run.small_study()
    rng = np.random.default_rng(seed)
    folder.mkdir()
    whole = small.write_study(folder / "whole", small.STUDY).parent
    commands_run.run(["offline", str(whole)], folder / "log")
    for how, count in (("killed", 1 if short else 6), ("raising", 1 if short else 4)) + (
        () if short else (("raising alone", 2),)
    ):
        for number in range(count):
            study = small.write_study(folder / f"{how}-{number}", small.STUDY).parent
            yield _one(how, int(rng.integers(2, 12)), study, whole)


def _one(how: str, place: int, study: Path, whole: Path) -> Outcome:
    """Strike one run and judge its end, and that of another run on one rank."""
    kind, fault = f"rank {how}", f"safe point {place}"
    words = [str(ROOT / "scripts/mpi"), "2", sys.executable, "-c", STRUCK, how, str(place)]
    # Inside mpiexec another cannot start.
    plain = {n: v for n, v in os.environ.items() if not n.startswith(("OMPI_", "PMI", "PMIX"))}
    try:
        ended = subprocess.run(
            [*words, "offline", str(study)],
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
            env=plain,
        )
    except subprocess.TimeoutExpired:
        return Outcome(kind, fault, End.WRONG, f"hangs for {LIMIT_S:g} s")
    if ended.returncode == 0:
        return Outcome(kind, fault, End.WRONG, "it ended well")
    if how == "raising" and len(set(re.findall(SEEN, ended.stderr))) != 2:  # noqa: PLR2004
        return Outcome(kind, fault, End.WRONG, ended.stderr[-400:])
    again = commands_run.run(["offline", str(study)], study / "log")
    if again.code != 0:
        return Outcome(kind, fault, End.WRONG, f"rerun: {again.err[-400:]}")
    apart = difference(study, whole)
    if apart > CLOSE:
        return Outcome(kind, fault, End.WRONG, f"rerun: relative difference {apart:.1e}")
    return Outcome(kind, fault, End.REFUSED if how == "raising" else End.SURVIVED)


SEEN = r"seen on ([01]): rank 1 of 2: injected"


def difference(study: Path, whole: Path) -> float:
    """Return the largest relative difference of a field of the simulation and its replay."""
    largest = 0.0
    for name in ("snapshots/one.h5", "replay/one.h5"):
        paths = (place / "results" / name for place in (study, whole))
        with h5py.File(next(paths)) as left, h5py.File(next(paths)) as right:
            for field in right["fields"]:
                values = right["fields"][field][()]
                apart = abs(left["fields"][field][()] - values).max()
                largest = max(largest, float(apart / abs(values).max()))
    return largest
