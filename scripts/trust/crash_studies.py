"""Small studies at the point where a command is given, and what it makes when nothing disturbs."""

from __future__ import annotations

import importlib
import shutil
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import commands_run
from commands_run import ROOT

from romnet.core.errors import StoreError
from romnet.store.artefact import verify
from romnet.store.manifest import manifest_path


@dataclass(frozen=True)
class Command:
    """A command, in whose words {} stands for the study, and the files that are its result."""

    name: str
    template: str
    made: tuple[str, ...]

    def words(self, study: Path) -> list[str]:
        """Return what is given to romnet."""
        return [word.replace("{}", str(study)) for word in self.template.split()]


COMMANDS = {
    command.name: command
    for command in (
        Command("offline", "offline {}", ("results/**/*.h5",)),
        Command("online", "online {}", ("results/**/*.h5", "results/**/*.vtkhdf")),
        Command("report", "report {}", ("results/report.html",)),
        Command("export", "export {} --case more -o {}/out.vtkhdf", ("out.vtkhdf",)),
        Command("convert", "convert {}/results/snapshots/one.h5 -o {}/c.h5 --force", ("c.h5",)),
        Command("check", "check {}", ()),
        Command("advise", "advise {}", ("results/**/*.h5", "results/advice.svg")),
    )
}


@dataclass(frozen=True)
class Undisturbed:
    """A command that nothing disturbed.

    ``start`` is the folder it is given in, ``results`` a hash of each file it makes; it takes
    ``seconds``, does ``operations`` on files and leaves ``kilobytes`` in its folder.
    """

    start: Path
    results: dict[str, str]
    seconds: float
    operations: int
    kilobytes: int

    def difference(self, command: Command, study: Path) -> str:
        """Say in what another run of the command differs, or nothing."""
        found = results_of(command, study)
        if found.keys() != self.results.keys():
            return f"other files: {sorted(found.keys() ^ self.results.keys())}"
        others = [name for name, value in found.items() if value != self.results[name]]
        if others:
            return f"other contents: {others}"
        left = [
            one.name for one in study.rglob("*") if ".tmp-" in one.name or one.suffix == ".lock"
        ]
        return f"left: {left}" if left else damage_seen(study)


def prepared(folder: Path, names: list[str]) -> dict[str, Undisturbed]:
    """Compute the studies that some commands are given in, and time each command."""
    small = commands_run.small_study()
    folder.mkdir()
    fresh = small.write_study(folder / "fresh", small.STUDY).parent
    trained = Path(shutil.copytree(fresh, folder / "trained"))
    commands_run.run(["offline", str(trained)], folder / "log")
    answered = Path(shutil.copytree(trained, folder / "answered"))
    commands_run.run(["online", str(answered)], folder / "log")
    starts = dict.fromkeys(("report", "export", "convert", "check"), answered)
    starts |= {"offline": fresh, "online": trained}
    starts["advise"] = two_corners(folder / "corners")
    return {name: undisturbed(COMMANDS[name], starts[name], folder) for name in names}


def two_corners(folder: Path) -> Path:
    """Write a study of the tests that asks for advice."""
    sys.path.insert(0, str(ROOT))
    given = importlib.import_module("tests.unit.study.two_corners")
    folder.mkdir()
    listing = textwrap.indent("\n".join(given.candidates()), "    ")
    (folder / "study.yaml").write_text(f"{given.STUDY}{given.LOCAL}{listing}\n")
    return folder


def undisturbed(command: Command, start: Path, folder: Path) -> Undisturbed:
    """Give a command in copies of a study; the shorter time counts, of a busy machine."""
    first = Path(shutil.copytree(start, folder / f"{command.name}-first"))
    once = commands_run.run(command.words(first), folder / "log").seconds
    study = Path(shutil.copytree(start, folder / f"{command.name}-study"))
    counted = folder / "operations"
    ended = commands_run.run(
        command.words(study), folder / "log", first=commands_run.counting(counted)
    )
    if ended.code != 0:
        message = f"{command.name}: exit code {ended.code}: {ended.err}"
        raise RuntimeError(message)
    size = sum(one.stat().st_size for one in study.rglob("*") if one.is_file())
    return Undisturbed(
        start,
        results_of(command, study),
        min(once, ended.seconds),
        counted.stat().st_size,
        size // 1024,
    )


def results_of(command: Command, study: Path) -> dict[str, str]:
    """Return a hash of the contents of each file that a command makes, clock times left out."""
    small = commands_run.small_study()
    found = [path for pattern in command.made for path in sorted(study.glob(pattern))]
    return {
        str(path.relative_to(study)): (
            small.contents(path) if path.suffix in (".h5", ".vtkhdf") else text_of(path, study)
        )
        for path in found
    }


def text_of(path: Path, study: Path) -> str:
    """Return a text without the place of the study."""
    return path.read_text().replace(str(study), "")


def damage_seen(study: Path) -> str:
    """Say which file has its final name and a manifest and is not whole."""
    for path in study.rglob("*.h5"):
        try:
            if manifest_path(path).exists():
                verify(path)
        except StoreError as problem:
            return str(problem)
    return ""
