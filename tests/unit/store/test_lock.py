"""Two runs never compute the same artefact, and a dead one stops nobody."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from romnet.core.errors import StoreError
from romnet.store import lock
from romnet.store.lock import holding, lock_path

HOLDS = """
import sys, time
from pathlib import Path
from romnet.store.lock import holding
with holding(Path(sys.argv[1])):
    print("mine", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Return another process that holds the lock of pod.h5."""
    words = [sys.executable, "-c", HOLDS, str(tmp_path / "pod.h5")]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"mine\n"
        yield run
        run.kill()


def left_by(path: Path, *, silent_s: float, **owner: object) -> None:
    """Write the lock of another run."""
    known = {"user": "ada", "host": "node7", "process": 4711, "job": "", "started": time.time()}
    lock_path(path).write_text(json.dumps({**known, **owner}))
    then = time.time() - silent_s
    os.utime(lock_path(path), (then, then))


def taken(path: Path) -> bool:
    """Whether the lock can be had."""
    try:
        with holding(path):
            return True
    except StoreError:
        return False


def test_the_second_run_is_told_who_is_first_and_since_when(
    holder: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    expected = (
        rf"pod\.h5 is being computed by .*, process {holder.pid} on {os.uname().nodename}, "
        rf"since \d+ s, last heard of \d+ s ago; wait .*remove .*pod\.h5\.lock"
    )
    with pytest.raises(StoreError, match=expected), holding(tmp_path / "pod.h5"):
        pass
    assert taken(tmp_path / "model.h5")


def test_the_lock_of_a_killed_run_is_taken_over_and_logged(
    holder: subprocess.Popen[bytes], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert lock_path(tmp_path / "pod.h5").exists()
    assert taken(tmp_path / "pod.h5")
    assert re.search(rf"ended before it was finished \(.*process {holder.pid}", caplog.text)
    assert list(tmp_path.iterdir()) == []


def test_a_run_on_another_machine_lives_as_long_as_it_touches_its_lock(tmp_path: Path) -> None:
    path = tmp_path / "pod.h5"
    left_by(path, silent_s=30.0)
    with pytest.raises(StoreError, match=r"ada, process 4711 on node7.* ago"), holding(path):
        pass
    left_by(path, silent_s=2.0 * lock.SILENT_AFTER_S)
    assert taken(path)


def test_a_job_that_was_queued_again_takes_its_own_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pod.h5"
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    left_by(path, silent_s=0.0, job="76")
    assert not taken(path)
    left_by(path, silent_s=0.0, job="77")
    assert taken(path)


def test_without_locks_of_the_kernel_a_living_process_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    path, here = tmp_path / "pod.h5", os.uname().nodename
    left_by(path, silent_s=0.0, host=here, process=os.getppid())
    assert not taken(path)
    left_by(path, silent_s=0.0, host=here, process=999_999_999)
    assert taken(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"host": 1}', b"\xff"])
def test_a_lock_that_says_nothing_stops_nobody(content: bytes, tmp_path: Path) -> None:
    lock_path(tmp_path / "pod.h5").write_bytes(content)
    assert taken(tmp_path / "pod.h5")


def test_a_folder_that_cannot_be_written_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"), holding(tmp_path / "file/pod.h5"):
        pass
