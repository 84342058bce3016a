"""The command line, called in this process or in one of its own, and studies to call it on."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from romnet.cli.main import app
from romnet.study import commands


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on stdout."""
        (line,) = self.out.splitlines()
        found: dict[str, Any] = json.loads(line)
        return found


@pytest.fixture
def romnet(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Return what runs a command in this process."""

    def call(*arguments: object) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            app([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Outcome(int(left.value.code or 0), said.out, said.err)

    return call


def romnet_command(*arguments: object) -> list[str]:
    """Return the words of a command in a process of its own."""
    return [sys.executable, "-m", "romnet.cli.main", *map(str, arguments)]


def alone(words: list[str], **environment: str) -> Outcome:
    """Run a process to its end."""
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def process() -> Callable[..., Outcome]:
    """Return what runs a command in a process of its own."""

    def call(*arguments: object) -> Outcome:
        return alone(romnet_command(*arguments))

    return call


@pytest.fixture(scope="session")
def small() -> ModuleType:
    """Return the helpers that write small studies."""
    place = Path(__file__).parents[1] / "study" / "small_study.py"
    spec = importlib.util.spec_from_file_location("small_study", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def computed(small: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a computed study."""
    path = small.write_study(tmp_path_factory.mktemp("computed"), small.STUDY)
    small.computed(path)
    return path.parent


@pytest.fixture(scope="session")
def imported(small: ModuleType, computed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a computed study on the files of another code."""
    folder = tmp_path_factory.mktemp("imported")
    small.computed(small.write_foreign(folder, commands.open_study(computed)))
    return folder


@pytest.fixture
def study(imported: Path, tmp_path: Path) -> Path:
    """Return a copy of the imported study, which a test may spoil."""
    return Path(shutil.copytree(imported, tmp_path / "study"))
