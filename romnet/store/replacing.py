"""Files that appear whole under their name, or not at all."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from romnet.core.errors import StoreError
from romnet.store.lock import is_alive

STALE_AFTER_S = 24 * 3600.0
logger = logging.getLogger(__name__)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`, renamed to it when the block ends well.

    Notes
    -----
    Temporaries of dead runs for the same target are removed first: those of this machine whose
    process is gone, and those of other machines untouched for a day.

    Raises
    ------
    StoreError
        If the folder or the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(Path(folder) / "a.txt") as temporary:
    ...         _ = temporary.write_text("whole")
    ...         before = (Path(folder) / "a.txt").exists()
    ...     before, (Path(folder) / "a.txt").read_text()
    (False, 'whole')
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_stale(path)
    except OSError as problem:
        message = f"{path.parent} cannot be written ({problem})."
        raise StoreError(message) from problem
    temporary = path.with_name(f"{path.name}.tmp-{socket.gethostname()}-{os.getpid()}")
    try:
        yield temporary
        flush_to_disk(temporary)
        temporary.replace(path)
        flush_to_disk(path.parent)
    except OSError as problem:
        message = f"{path} was not written ({problem})."
        raise StoreError(message) from problem
    finally:
        with suppress(OSError):  # where nothing can be written, nothing can be removed
            temporary.unlink(missing_ok=True)


def flush_to_disk(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_stale(path: Path) -> None:
    """Remove temporaries that dead runs left for this target."""
    prefix = f"{path.name}.tmp-"
    for found in path.parent.iterdir():
        if not found.name.startswith(prefix):
            continue
        host, _, process = found.name.removeprefix(prefix).rpartition("-")
        if host == socket.gethostname():
            stale = not process.isdigit() or not is_alive(int(process))
        else:
            stale = time.time() - found.stat().st_mtime > STALE_AFTER_S
        if stale:
            logger.info("removing %s, left by a run that ended", found)
            found.unlink(missing_ok=True)
