"""Commands asked on damaged studies, and two runs at work in one folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import commands_run
import numpy as np
from outcome import End, Outcome

ASKED = ("online", "report", "offline", "export")
# Figures of an answer that are clock times.
_TIMES = re.compile(r"(wall|law|reference)_s$|^time$|seconds")


def damaged_studies(
    first: Path, second: Path, folder: Path, *, short: bool, rng: np.random.Generator
) -> Iterator[Outcome]:
    """Damage one file of a computed study and ask a command for what it then says."""
    answers = {name: answer(name, first, folder / "asked") for name in ("online", "offline")}
    paths = [found for found in sorted((first / "results").rglob("*")) if found.suffix in KINDS]
    for number in range(8 if short else 60):
        path = paths[number % len(paths)]
        name = ("online", "offline")[number % 2]
        study = Path(shutil.copytree(first, folder / f"study-{number}"))
        copy = study / path.relative_to(first)
        fault = damage(copy, second / path.relative_to(first), rng)
        yield judged(f"command: {fault}", f"{name}, {path.name}", name, study, answers[name])
        shutil.rmtree(study)


KINDS = (".h5", ".json")


def damage(copy: Path, twin: Path, rng: np.random.Generator) -> str:
    """Damage a file of a study in one of three ways; return which."""
    content = bytearray(copy.read_bytes())
    place = int(rng.integers(len(content)))
    choice = int(rng.integers(3))
    if choice == 0:
        copy.write_bytes(content[:place])
        return "truncated file"
    if choice == 1:
        content[place] ^= 1 << int(rng.integers(8))
        copy.write_bytes(content)
        return "flipped bit"
    partner = twin.with_name(f"{twin.name}.json" if twin.suffix == ".h5" else twin.stem)
    for source in (twin, partner):
        shutil.copy(source, copy.with_name(source.name))
    return "files of another study"


def judged(kind: str, fault: str, name: str, study: Path, expected: str) -> Outcome:
    """Ask a command and compare its answer."""
    ended = commands_run.run([name, str(study), "--json"], study / "log")
    if ended.code == 0:
        same = plain(ended.out) == expected
        return Outcome(kind, fault, End.SURVIVED if same else End.WRONG, ended.out[:300])
    if ended.clear:
        return Outcome(kind, fault, End.REFUSED)
    return Outcome(kind, fault, End.WRONG, f"code {ended.code}: {ended.err[-300:]}")


def answer(name: str, study: Path, log: Path) -> str:
    """Return what a command answers on the whole study, without its clock times."""
    return plain(commands_run.run([name, str(study), "--json"], log).out)


def plain(text: str) -> str:
    """Return the JSON answer of a command without its clock times."""

    def kept(value: object) -> object:
        if isinstance(value, dict):
            return {name: kept(one) for name, one in value.items() if not _TIMES.search(name)}
        return [kept(one) for one in value] if isinstance(value, list) else value

    return json.dumps(kept(json.loads(text)), sort_keys=True)


def two_runs(
    small: ModuleType, first: Path, folder: Path, *, count: int, rng: np.random.Generator
) -> Iterator[Outcome]:
    """Start two runs in one folder; the second waits a random time, and one may be refused."""
    for number in range(count):
        study = folder / f"shared-{number}"
        small.write_study(study, small.STUDY)
        log = folder / f"other-{number}"
        other = os.fork()
        if other == 0:
            commands_run.run(["offline", str(study)], log)
            os._exit(0)
        delay = float(rng.uniform(0.0, 0.5))
        mine = commands_run.run(
            ["offline", str(study)], folder / f"mine-{number}", first=partial(time.sleep, delay)
        )
        os.waitpid(other, 0)
        theirs = log.with_suffix(".err").read_text()
        yield _together(small, study, first, mine, theirs)
        shutil.rmtree(study)


def _together(
    small: ModuleType, study: Path, first: Path, mine: commands_run.Ended, theirs: str
) -> Outcome:
    """Judge two runs in one folder: right results, and words for the one that was refused."""
    kind = "two runs in one folder"
    said = [line for text in (mine.err, theirs) for line in text.splitlines() if "romnet: " in line]
    if any("is being computed by" not in line for line in said) or "Traceback" in mine.err + theirs:
        return Outcome(kind, "offline", End.WRONG, "; ".join(said) or mine.err[-300:])
    if len(said) == 2:  # noqa: PLR2004
        return Outcome(kind, "offline", End.WRONG, "both were refused")
    for name in ("mesh", "snapshots/one", "pod", "cubature", "model", "fields/one"):
        left, right = (place / "results" / f"{name}.h5" for place in (study, first))
        if small.contents(left) != small.contents(right):
            return Outcome(kind, "offline", End.WRONG, f"{name}.h5 differs")
    return Outcome(kind, "offline", End.REFUSED if said else End.SURVIVED)
