"""A run that is killed at any moment is taken up again and gives the same result."""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import sys
from pathlib import Path
from threading import Timer
from types import ModuleType

import pytest

from romnet.store.artefact import verify
from romnet.study import commands
from romnet.study.stages import stages_of

OFFLINE = [sys.executable, "-m", "romnet.cli.main", "offline"]


def killed_after_a_stage(folder: Path) -> str:
    """Start a run, kill it as soon as it has finished one more stage, return its name."""
    words = [*OFFLINE, str(folder)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as run:
        assert run.stderr is not None
        line = run.stderr.readline().decode()
        while "a run ended before it was finished" in line:  # the one killed before
            line = run.stderr.readline().decode()
        run.send_signal(signal.SIGKILL)
    return line.split("  ")[0].strip()


def killed_after(seconds: float, folder: Path) -> None:
    """Start a run and kill it after some time, if it still lives."""
    words = [*OFFLINE, str(folder)]
    with subprocess.Popen(
        words, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
    ) as run:
        timer = Timer(seconds, run.kill)
        timer.start()
        run.wait(60)
        timer.cancel()


def readable(folder: Path) -> None:
    """Check that whatever has its final name and a manifest is whole."""
    for found in folder.rglob("*.h5"):
        if found.with_name(f"{found.name}.json").exists():
            verify(found)


def same_results(small: ModuleType, study: Path, reference: Path) -> None:
    """Check that two computations agree bit for bit, and left no temporaries."""
    for stage in stages_of(commands.open_study(study).located).values():
        if stage.offline:
            place = Path("results") / stage.path
            assert small.contents(study / place) == small.contents(reference / place)
    assert not [found for found in study.rglob("*") if ".tmp-" in found.name]


@pytest.mark.slow
def test_killed_in_every_stage(small: ModuleType, computed: Path, tmp_path: Path) -> None:
    path = small.write_study(tmp_path, small.STUDY)
    finished = []
    while line := killed_after_a_stage(tmp_path):
        finished.append(line)
        readable(tmp_path)
        if len(finished) > 20 or "modes" in line:
            break
    table = stages_of(commands.open_study(path).located)
    offline = [name for name, stage in table.items() if stage.offline]
    # A kill may come after the next stage has ended; none is ever lost.
    assert len(finished) >= 0.5 * len(offline)
    assert [name for name in offline if name in finished] == finished
    commands.offline(commands.open_study(path))
    same_results(small, tmp_path, computed)


@pytest.mark.slow
def test_killed_at_any_time(small: ModuleType, computed: Path, tmp_path: Path) -> None:
    path = small.write_study(tmp_path, small.STUDY)
    rng = random.Random(5)
    for _ in range(2):
        killed_after(rng.uniform(0.5, 1.5), tmp_path)
        readable(tmp_path)
    commands.offline(commands.open_study(path))
    same_results(small, tmp_path, computed)


def test_leftovers_are_never_read(small: ModuleType, computed: Path, tmp_path: Path) -> None:
    # what a kill leaves while a file is written: half of it, under a temporary name
    path = small.write_study(tmp_path, small.STUDY)
    whole = (computed / "results" / "mesh.h5").read_bytes()
    (tmp_path / "results").mkdir()
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = tmp_path / "results" / f"mesh.h5.tmp-{socket.gethostname()}-{dead.pid}"
    left.write_bytes(whole[: len(whole) // 2])
    assert small.states(path)["mesh"] == "missing"
    commands.offline(commands.open_study(path), until="mesh")
    assert small.contents(tmp_path / "results" / "mesh.h5") == small.contents(
        computed / "results" / "mesh.h5"
    )
    assert not left.exists()
