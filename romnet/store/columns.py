"""Rows of a dataset that is kept column by column, read without a detour.

The HDF5 library copies a block of rows value by value when each column is a run of its own. Where
such runs lie in the file is known, so they are read straight to their places; reading then runs at
the speed of the disk and leaves the interpreter free for another thread.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from itertools import pairwise

import h5py
import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.memory import Recycler

# Of blocks that were worked on: the next one is read into the same pages.
_MEMORY = Recycler()
_LINE, _PAGE = 8, 512  # values
_NOWHERE = -1
_WORTH = 8  # of the rows of a chunk, one in so many must be wanted to announce it
_ANNOUNCED = 2**27  # B of all columns together, which the system is told to read in advance
SLAB_BYTES = 2**26
LARGEST_GAP = 1024


def read_rows(dataset: h5py.Dataset, numbers: Int[Array, " n"]) -> Float[Array, "n n_columns"]:
    """Read some rows of all columns.

    Parameters
    ----------
    dataset
        Two-dimensional; fast where its chunks are single columns of plain float64.
    numbers
        Row numbers, ascending.

    Returns
    -------
    ndarray
        Column by column in memory (Fortran order).

    Raises
    ------
    OSError
        If the file ends too early.

    Notes
    -----
    Collective: no. Memory: the result and, where rows are missing in between, one slab of a column.
    Cost: rows that lie at most `LARGEST_GAP` apart are read in one go.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryFile() as place, h5py.File(place, "w") as file:
    ...     read_rows(file.create_dataset("a", data=np.eye(3)), np.array([0, 2])).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if not _is_plain(dataset):
        return _by_library(dataset, numbers)
    # Columns a whole number of pages apart would share the same few places of the cache.
    apart = numbers.size + (_LINE if numbers.size % _PAGE == 0 else 0)
    values = _MEMORY.empty((dataset.shape[1], apart))[:, : numbers.size].T
    runs = _Runs(dataset)
    # A few rows of a chunk are no reason to fetch it whole.
    long = _WORTH * numbers.size >= dataset.chunks[0]
    if long and numbers[-1] - numbers[0] == numbers.size - 1:
        runs.announce(int(numbers[0]), int(numbers[-1]) + 1)
    for part in slabs(numbers, row_bytes=8):
        first, stop = int(numbers[part.start]), int(numbers[part.stop - 1]) + 1
        whole = stop - first == part.stop - part.start
        slab = np.empty(0 if whole else stop - first)
        chosen = numbers[part] - first
        for column in range(dataset.shape[1]):
            runs.read(first, column, values[part, column] if whole else slab)
            if not whole:
                np.take(slab, chosen, out=values[part, column])
    return values


def slabs(numbers: Int[Array, " n"], *, row_bytes: int) -> Iterator[slice]:
    """Cut ascending row numbers into parts that are cheap to read at once.

    Parameters
    ----------
    numbers
        Row numbers, ascending.
    row_bytes
        Size of one row [B].

    Returns
    -------
    iterator of slice
        Positions in `numbers`. Within a part no gap exceeds `LARGEST_GAP` rows, and the rows from
        the first to the last hold at most `SLAB_BYTES`.

    Examples
    --------
    >>> [(part.start, part.stop) for part in slabs(np.array([0, 1, 5, 900000]), row_bytes=8)]
    [(0, 3), (3, 4)]
    """
    if numbers.size == 0:
        return
    slab_rows = max(1, SLAB_BYTES // row_bytes)
    cut = (np.diff(numbers) > LARGEST_GAP) | (np.diff(numbers // slab_rows) > 0)
    bounds = [0, *(np.flatnonzero(cut) + 1).tolist(), int(numbers.size)]
    for start, stop in pairwise(bounds):
        yield slice(start, stop)


def _is_plain(dataset: h5py.Dataset) -> bool:
    """Whether the values lie in the file as they are in memory, in chunks of one column."""
    return bool(
        dataset.dtype == np.dtype("<f8")
        and np.dtype("<f8") == np.dtype(float)
        and dataset.chunks is not None
        and dataset.chunks[1:] == (1,)
        and dataset.id.get_create_plist().get_nfilters() == 0
        and dataset.file.driver == "sec2"
        and dataset.file.mode == "r"  # of an open writer, values may not be in the file yet
    )


def _by_library(dataset: h5py.Dataset, numbers: Array) -> Array:
    """Read rows as the HDF5 library does."""
    values = np.empty((numbers.size, dataset.shape[1]), order="F")
    for part in slabs(numbers, row_bytes=8 * max(1, dataset.shape[1])):
        first, last = int(numbers[part.start]), int(numbers[part.stop - 1])
        values[part] = dataset[first : last + 1][numbers[part] - first]
    return values


class _Runs:
    """Consecutive rows of single columns, read from the places of their chunks."""

    def __init__(self, dataset: h5py.Dataset) -> None:
        self._file = dataset.file.id.get_vfd_handle()
        self._size = dataset.chunks[0]
        self._fill_value = dataset.fillvalue
        found = os.fstat(self._file)
        stamp = (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)
        self._places = _places(dataset.file.filename, dataset.name, stamp)

    def announce(self, first: int, stop: int) -> None:
        """Tell the system that these rows of all columns are wanted, and which come after them.

        Blocks of columns look like random access, of which it fetches little in advance. What
        follows is announced in windows of many rows, one whenever the window before is entered:
        short runs of columns would cost the disk more than what they hold.
        """
        if not hasattr(os, "posix_fadvise"):
            return
        self._want(first // self._size, -(-stop // self._size))
        width = max(1, _ANNOUNCED // (8 * self._places.shape[1] * self._size))
        entered = -(-first // (width * self._size))
        if entered * width * self._size < stop:
            self._want((entered + 1) * width, (entered + 2) * width)

    def _want(self, first: int, stop: int) -> None:
        """Announce some chunks of every column, those that follow each other in one piece."""
        for places in self._places[first:stop].T.tolist():
            for begin, end in _joined(places, 8 * self._size):
                with suppress(OSError):  # it is advice only
                    os.posix_fadvise(self._file, begin, end - begin, os.POSIX_FADV_WILLNEED)

    def read(self, first: int, column: int, target: Array) -> None:
        """Fill `target` with rows of one column."""
        done = 0
        while done < target.size:
            chunk, inside = divmod(first + done, self._size)
            count = min(self._size - inside, target.size - done)
            place = int(self._places[chunk, column])
            part = target[done : done + count]
            if place == _NOWHERE:
                part[:] = self._fill_value
            else:
                _fill(self._file, part, place + 8 * inside)
            done += count


def _joined(places: list[int], size: int) -> Iterator[tuple[int, int]]:
    """Join chunks that follow each other in the file to runs [B]."""
    begin = end = _NOWHERE
    for place in places:
        if place == _NOWHERE:
            continue
        if place != end:
            if end > begin:
                yield begin, end
            begin = place
        end = place + size
    if end > begin:
        yield begin, end


@lru_cache(maxsize=16)
def _places(path: str, name: str, stamp: tuple[int, ...]) -> Int[Array, "n_chunks n_columns"]:  # noqa: ARG001
    """Return where the chunks of a dataset begin [B]; `stamp` tells a file from its successor."""
    with h5py.File(path, "r") as file:
        dataset = file[name]
        size, (n_rows, n_columns) = dataset.chunks[0], dataset.shape
        places = np.full((-(-n_rows // size), n_columns), _NOWHERE, dtype=np.int64)

        def note(chunk: h5py.h5d.StoreInfo) -> None:
            row, column = chunk.chunk_offset
            places[row // size, column] = chunk.byte_offset

        dataset.id.chunk_iter(note)
    return places


def _fill(file: int, target: Array, offset: int) -> None:
    """Read a run of bytes to its place."""
    left: Array = target.view(np.uint8)
    while left.size:
        count = os.preadv(file, [left.data], offset)
        if count == 0:
            message = "the file ends before its values do"
            raise OSError(message)
        left, offset = left[count:], offset + count
