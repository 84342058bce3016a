"""One writer for each artefact: a lock file that says who computes it and since when.

The lock of the kernel on ``<artefact>.lock`` ends with the process that holds it, however that
ends. What is written in the file is for people, and for file systems whose locks do not reach
other machines: there a run is believed to live as long as it touches its file.
"""

from __future__ import annotations

import errno
import fcntl
import getpass
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from romnet.core.errors import StoreError

TOUCHED_EVERY_S = 30.0
# Compiled code may keep the thread that touches the file waiting for minutes.
SILENT_AFTER_S = 600.0
_JOBS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID")
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL)
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Owner:
    """Who computes an artefact.

    Attributes
    ----------
    user, host, process
        The run.
    job
        Its number at a batch system; empty outside.
    started
        When it began with this artefact, of the clock of its machine [s].
    """

    user: str
    host: str
    process: int
    job: str
    started: float

    def words(self, silent_s: float) -> str:
        """Say who it is, since when, and when it was last heard of.

        Examples
        --------
        >>> Owner("ada", "node7", 4711, "", time.time() - 7260.0).words(12.0)
        'ada, process 4711 on node7, since 2.0 h, last heard of 12 s ago'
        """
        job = f", job {self.job}" if self.job else ""
        since = _duration(time.time() - self.started)
        return (
            f"{self.user}, process {self.process} on {self.host}{job}, since {since}, "
            f"last heard of {_duration(silent_s)} ago"
        )


def lock_path(path: Path) -> Path:
    """Return where the lock of an artefact is.

    Examples
    --------
    >>> lock_path(Path("results/pod.h5")).name
    'pod.h5.lock'
    """
    return path.with_name(f"{path.name}.lock")


@contextmanager
def holding(path: Path) -> Iterator[None]:
    """Be the only run that computes an artefact.

    Parameters
    ----------
    path
        The artefact; the lock file appears beside it and goes at the end of the block.

    Raises
    ------
    StoreError
        If another run computes it, with its owner and age and what to do, or if the folder cannot
        be written.

    Notes
    -----
    Collective: no; rank 0 holds it for all. A lock that a dead run left is taken over and logged:
    one of this machine at once, one of another machine when it is of the same job, or was not
    touched for ten minutes.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with holding(Path(folder) / "pod.h5"):
    ...         inside = [found.name for found in Path(folder).iterdir()]
    ...     inside, list(Path(folder).iterdir())
    (['pod.h5.lock'], [])
    """
    lock = lock_path(path)
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _taken(path, lock)
    except OSError as problem:
        message = f"{lock.parent} cannot be written ({problem})."
        raise StoreError(message) from problem
    done = threading.Event()
    beat = threading.Thread(target=_touch, args=(descriptor, done), daemon=True)
    beat.start()
    try:
        yield
    finally:
        done.set()
        beat.join()
        with suppress(OSError):
            lock.unlink()
        os.close(descriptor)


def _taken(path: Path, lock: Path) -> int:
    """Return an open descriptor of the lock file, once it is ours."""
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            free = _is_free(descriptor)
            if free is not False and _is_gone(descriptor, lock):
                os.close(descriptor)  # its owner finished and removed it meanwhile
                continue
            _claim(path, lock, descriptor, free=free)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor


def _claim(path: Path, lock: Path, descriptor: int, *, free: bool | None) -> None:
    """Write who we are, unless another run lives."""
    owner, silent = _owner(descriptor), _silence(descriptor)
    if free is False or (owner is not None and _may_live(owner, silent, free=free)):
        named = "another run" if owner is None else owner.words(silent)
        message = (
            f"{path} is being computed by {named}; wait for that run or end it. "
            f"If it is gone for certain, remove {lock}."
        )
        raise StoreError(message)
    if owner is not None:
        logger.warning("%s: a run ended before it was finished (%s).", path, owner.words(silent))
    me = Owner(_user(), socket.gethostname(), os.getpid(), _job(), time.time())
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(asdict(me)).encode(), 0)


def _is_free(descriptor: int) -> bool | None:
    """Take the lock of the kernel; None where the file system has none."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as problem:
        if problem.errno in _NO_LOCKS:
            return None
        raise
    return True


def _is_gone(descriptor: int, lock: Path) -> bool:
    """Whether the open file is no longer the one of that name."""
    try:
        found = lock.stat()
    except FileNotFoundError:
        return True
    return not os.path.samestat(found, os.fstat(descriptor))


def _may_live(owner: Owner, silent_s: float, *, free: bool | None) -> bool:
    """Whether the run that wrote a lock may still be at work."""
    if owner.host == socket.gethostname():
        return free is None and is_alive(owner.process)
    if owner.job and owner.job == _job():
        return False  # the same job, started again elsewhere
    return silent_s < SILENT_AFTER_S


def _owner(descriptor: int) -> Owner | None:
    """Read who wrote a lock; None if nobody did."""
    try:
        content = json.loads(os.pread(descriptor, 4096, 0))
        found = {name: kind(content[name]) for name, kind in _FIELDS.items()}
        return Owner(**found)
    except (ValueError, TypeError, KeyError):
        return None


def _silence(descriptor: int) -> float:
    """Return how long ago a lock was touched, by the clock of this machine [s]."""
    return max(0.0, time.time() - os.fstat(descriptor).st_mtime)


def _touch(descriptor: int, done: threading.Event) -> None:
    """Touch a file until the run has done."""
    while not done.wait(TOUCHED_EVERY_S):
        with suppress(OSError):
            os.utime(descriptor)


def _user() -> str:
    """Return the name of the user, or the number of one without a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _job() -> str:
    """Return the number of the job that this process belongs to."""
    return next((os.environ[name] for name in _JOBS if os.environ.get(name)), "")


def is_alive(process: int) -> bool:
    """Whether another process of this machine has this number.

    Examples
    --------
    >>> is_alive(os.getppid()), is_alive(os.getpid())
    (True, False)
    """
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _duration(seconds: float) -> str:
    """Say a time in the unit that suits it."""
    for name, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2.0 * size:
            return f"{seconds / size:.1f} {name}"
    return f"{max(0.0, seconds):.0f} s"


_FIELDS = {"user": str, "host": str, "process": int, "job": str, "started": float}
