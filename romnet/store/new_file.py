"""New HDF5 files on disks that may be full.

HDF5 keeps what it could not write and tries again at every chance, the last one the end of the
process; h5py closes objects where no error can be raised, and the process may crash. So HDF5 never
hears of a failed write: it is remembered here, and raised where it can be told.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

import h5py


class _Disk(FileIO):
    """A file that takes every write, and remembers the first one that failed."""

    problem: OSError | None = None

    def write(self, content: Any, /) -> int:  # noqa: ANN401  (a buffer)
        """Write all of it, or remember why not."""
        left = memoryview(content).cast("B")
        size = len(left)
        try:
            while len(left) and self.problem is None:
                left = left[super().write(left) :]
        except OSError as problem:
            self.problem = problem
        return size

    def truncate(self, size: int | None = None, /) -> int:
        """Set the size, or remember why not."""
        try:
            return super().truncate(size)
        except OSError as problem:
            self.problem = self.problem or problem
            return 0 if size is None else size


class NewFile(h5py.File):  # type: ignore[misc]
    """An HDF5 file that is being written; see `new_file`."""

    def __init__(self, disk: _Disk, *, ordered: bool) -> None:
        super().__init__(disk, "w", track_order=ordered)
        self._disk = disk

    def refuse_loss(self) -> None:
        """Raise what the disk said, if something could not be written.

        Raises
        ------
        OSError
            Such as that there is no space left.
        """
        if self._disk.problem is not None:
            raise self._disk.problem


@contextmanager
def new_file(path: Path, *, ordered: bool = False) -> Iterator[NewFile]:
    """Open a new HDF5 file.

    Parameters
    ----------
    path
        Where; what is there is lost.
    ordered
        Whether members keep the order in which they were made.

    Raises
    ------
    OSError
        At the end of the block, if the disk did not take everything; also in the place of any
        error of the block that this led to.

    Notes
    -----
    Collective: no. `NewFile.refuse_loss` tells earlier, between long steps.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with new_file(Path(folder) / "a.h5") as file:
    ...         file["gain"] = 2.5
    ...     with h5py.File(Path(folder) / "a.h5") as found:
    ...         float(found["gain"][()])
    2.5
    """
    with _Disk(path, "w+") as disk:
        try:
            with NewFile(disk, ordered=ordered) as file:
                yield file
        except Exception:
            if disk.problem is not None:
                raise disk.problem from None
            raise
        if disk.problem is not None:
            raise disk.problem
