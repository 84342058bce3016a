"""Bytes of large result files: the whole as a map, parts as copies."""

from __future__ import annotations

import mmap
from pathlib import Path

from romnet.core.errors import ConversionError


def mapped(path: Path) -> mmap.mmap:
    """Map a file into memory without reading it.

    Raises
    ------
    ConversionError
        If it cannot be read or is empty.

    Examples
    --------
    >>> mapped(Path("absent.frd"))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.frd: cannot be read (No such file or directory).
    """
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as problem:
        raise _unreadable(path, problem) from problem


def forget_pages(text: mmap.mmap) -> None:
    """Give back the memory of what was looked at in a map; it can be looked at again."""
    if hasattr(mmap, "MADV_DONTNEED"):
        text.madvise(mmap.MADV_DONTNEED)


def part_of(path: Path, start: int, stop: int) -> bytes:
    """Read the bytes from `start` to `stop`.

    Raises
    ------
    ConversionError
        If the file cannot be read or has become shorter.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "a"
    ...     _ = path.write_bytes(b"0123456789")
    ...     part_of(path, 2, 5)
    b'234'
    """
    try:
        with path.open("rb") as file:
            file.seek(start)
            found = file.read(stop - start)
    except OSError as problem:
        raise _unreadable(path, problem) from problem
    if len(found) != stop - start:
        message = f"{path}: changed while it was read: {start + len(found)} bytes are left."
        raise ConversionError(message)
    return found


def _unreadable(path: Path, problem: Exception) -> ConversionError:
    """Return the error of a file that cannot be read."""
    reason = getattr(problem, "strerror", None) or problem
    return ConversionError(f"{path}: cannot be read ({reason}).")
