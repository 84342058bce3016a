"""Several ranks speak with one voice, and end together."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]
PROGRAM = [sys.executable, "-m", "romnet.cli.main"]

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("mpi4py") is None and not os.environ.get("ROMNET_CI"),
    reason="mpi4py is not installed (optional dependency 'parallel')",
)


def on_two_ranks(*words: object) -> subprocess.CompletedProcess[str]:
    """Run a command on two ranks."""
    # Inside mpiexec, as when this suite runs on several ranks itself, another cannot start.
    plain = {n: v for n, v in os.environ.items() if not n.startswith(("OMPI_", "PMI", "PMIX"))}
    return subprocess.run(
        [ROOT / "scripts" / "mpi", "2", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=plain,
    )


@pytest.mark.slow
def test_ranks_do_not_matter(small: ModuleType, computed: Path, tmp_path: Path) -> None:
    study = shutil.copytree(computed, tmp_path / "study")
    again = on_two_ranks(*PROGRAM, "offline", study, "--json")
    assert again.returncode == 0, again.stderr
    summary = json.loads(again.stdout)  # one object, of one rank
    assert "replay" not in again.stderr  # what one rank computed is good for two

    small.write_study(study, small.changed(small.STUDY, offline__cubature__tolerance=1.1e-5))
    fresh = on_two_ranks(*PROGRAM, "offline", study, "--json")
    assert fresh.returncode == 0, fresh.stderr
    assert "cubature" in fresh.stderr
    found = json.loads(fresh.stdout)
    assert (found["modes"], found["points_full"]) == (summary["modes"], summary["points_full"])
    assert found["training_errors"]["u"] < 1e-4


@pytest.mark.parametrize(
    ("pattern", "new", "words"),
    [
        (r"name: small", "name: small\ncolour: red", r"study\.yaml:2 colour: unknown key"),
        (r"faces: x1", "faces: x9", r"study\.yaml:\d+ loads\.1\.faces: .*no face set 'x9'"),
    ],
)
def test_one_message_for_a_mistake_that_all_ranks_see(
    small: ModuleType, computed: Path, tmp_path: Path, pattern: str, new: str, words: str
) -> None:
    study = Path(shutil.copytree(computed, tmp_path / "study"))
    path = small.write_study(study, small.STUDY)
    path.write_text(re.sub(pattern, new, path.read_text(), count=1))
    said = on_two_ranks(*PROGRAM, "offline", study, "--json")
    assert said.returncode == 2
    (message,) = [line for line in said.stderr.splitlines() if line.startswith("romnet: ")]
    assert re.search(words, message)
    assert "Traceback" not in said.stderr
    assert json.loads(said.stdout)["exit_code"] == 2


FAILING = """
import sys
from romnet.cli import main
from romnet.core.errors import StoreError

def offline(context, *, until, observer):
    if context.comm.rank == {rank}:
        raise {error}("the disk of rank {rank} is full")
    context.comm.barrier()

from romnet.study import commands
commands.offline = offline
sys.argv = ["romnet", "offline", {study!r}]
main.main()
"""


@pytest.mark.parametrize(
    ("rank", "error", "code"), [(0, "StoreError", 2), (1, "StoreError", 2), (1, "ValueError", 1)]
)
def test_an_error_on_one_rank_ends_all(computed: Path, rank: int, error: str, code: int) -> None:
    program = FAILING.format(rank=rank, study=str(computed), error=error)
    said = on_two_ranks(sys.executable, "-c", program)
    assert said.returncode == code
    messages = [line for line in said.stderr.splitlines() if f"disk of rank {rank}" in line]
    if error == "StoreError":
        assert messages == [f"romnet: the disk of rank {rank} is full"]
        assert "Traceback" not in said.stderr
    else:  # a mistake in romnet: it shows where, and nobody waits
        assert "Traceback" in said.stderr
        assert messages
