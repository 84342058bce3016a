"""A run that is asked to stop does so where it can go on; the next one ends with the same bits."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from romnet.cli.signals import listening
from romnet.study import commands
from romnet.study.runner import run

SCRIPTS = Path(__file__).parents[3] / "scripts"
TRAINING = [{"name": "one", "results": "hf", "until": 1.0, "increments": 6}]
# The command line, which a signal reaches on one rank right after one of the instants.
SIGNALLED = """
import os, signal, sys
from romnet.cli.main import main
from romnet.parallel.mpi import world
from romnet.study import context
name, place, rank = getattr(signal, sys.argv[1]), sys.argv[2], int(sys.argv[3])
counted = {}
progress = context.Context.stops.fget
def stops(self):
    counted[0] = counted.get(0, 0) + 1
    if counted[0] == int(place) and world().rank == rank:
        os.kill(os.getpid(), name)
    return progress(self)
context.Context.stops = property(stops)
sys.argv = ["romnet", *sys.argv[4:]]
main()
"""


def signalled(
    path: Path, *, name: str = "SIGTERM", place: int, ranks: int = 1, rank: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run the offline stages until a signal comes at the n-th safe point."""
    command = [sys.executable, "-c", SIGNALLED, name, str(place), str(rank), "offline", str(path)]
    if ranks > 1:
        command = [str(SCRIPTS / "mpi"), str(ranks), *command]
    # Inside mpiexec, or where this process has loaded MPI, another cannot start.
    plain = {n: v for n, v in os.environ.items() if not n.startswith(("OMPI_", "PMI", "PMIX"))}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, env=plain
    )


def fields_of(path: Path) -> dict[str, np.ndarray]:
    """All recorded fields of the training simulation."""
    store = commands.open_study(path).snapshots("one")
    sources = {name: store.source(name) for name in store.fields}
    return {name: source.rows(np.arange(source.n_rows)) for name, source in sources.items()}


@pytest.fixture(scope="module")
def whole(small: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """Fields of the simulation that nothing stopped."""
    folder = tmp_path_factory.mktemp("whole")
    path = small.write_study(folder, small.changed(small.STUDY, training=TRAINING))
    run(commands.open_study(path), ["snapshots[one]"])
    return fields_of(path)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1"])
def test_a_simulation_saves_its_state_and_goes_on(
    small: ModuleType, tmp_path: Path, whole: dict[str, np.ndarray], name: str
) -> None:
    path = small.write_study(tmp_path, small.changed(small.STUDY, training=TRAINING))
    # Safe points: before the mesh, before the simulation, then one after each instant.
    ended = signalled(path, name=name, place=5)
    assert ended.returncode == 75
    assert "stopped in snapshots[one], at t = 0.5, as asked" in ended.stderr
    assert small.states(path)["snapshots[one]"] == "missing"
    assert [found.name for found in (tmp_path / "results/checkpoints/one").glob("state-*.h5")] == [
        "state-000001.h5"
    ]
    # The second stop finds what the first one left; then nobody asks any more.
    assert signalled(path, name=name, place=2).returncode == 75
    parts: list[float] = []

    class Watch:
        def started(self, name: str) -> None: ...
        def progressed(self, part: float) -> None:
            parts.append(part)

        def finished(self, name: str, seconds: float) -> None: ...

    run(commands.open_study(path), ["snapshots[one]"], observer=Watch())
    assert [round(6 * part) for part in parts] == [5, 6]
    for field, values in fields_of(path).items():
        np.testing.assert_array_equal(values, whole[field])
    assert not (tmp_path / "results" / "checkpoints" / "one").exists()


def test_two_ranks_stop_together_when_one_is_asked(
    small: ModuleType, tmp_path: Path, whole: dict[str, np.ndarray], needed
) -> None:
    needed("mpiexec")
    path = small.write_study(tmp_path, small.changed(small.STUDY, training=TRAINING))
    ended = signalled(path, place=5, ranks=2, rank=1)
    assert ended.returncode == 75, ended.stderr
    assert "stopped in snapshots[one], at t = 0.5, as asked" in ended.stderr
    # One rank goes on where two left off, within what the solver promises.
    run(commands.open_study(path), ["snapshots[one]"])
    for field, values in fields_of(path).items():
        scale = abs(whole[field]).max()
        np.testing.assert_allclose(values, whole[field], rtol=0.0, atol=1e-6 * scale)


def test_what_is_copied_or_replayed_is_left_and_redone(
    small: ModuleType, imported: Path, tmp_path: Path
) -> None:
    study = Path(shutil.copytree(imported, tmp_path / "study"))
    shutil.rmtree(study / "results")
    # Safe points: before the mesh, before the copy, after each of its five instants.
    ended = signalled(study, place=4)
    assert ended.returncode == 75
    assert "stopped in snapshots[one]" in ended.stderr
    assert {"mesh": "fresh", "snapshots[one]": "missing"}.items() <= small.states(study).items()
    commands.offline(commands.open_study(study))
    left, right = (folder / "results" / "model.h5" for folder in (study, imported))
    assert small.contents(left) == small.contents(right)


def test_signals_mean_afterwards_what_they_meant_before() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with listening() as request:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert request.asked
    assert signal.getsignal(signal.SIGTERM) is before
