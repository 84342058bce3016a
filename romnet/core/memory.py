"""Arrays whose memory is used again: fresh pages cost as much as reading or a simple law."""

from __future__ import annotations

import weakref
from math import prod

import numpy as np

from romnet.core.arrays import Array

_SMALLEST, _LARGEST = 1 << 16, 1 << 26  # bytes; beyond, memory is worth more than time
_SPARE_PER_SIZE, _SIZES = 2, 6
_ROOMY = 4  # times what is asked for


class Recycler:
    """Hands out uninitialised arrays and takes back the memory of those that nobody holds.

    Notes
    -----
    An array is free when it and every view of it are gone, so what a caller keeps never changes.
    At most two free blocks of each of six sizes between 64 KiB and 64 MiB are kept; one of up to
    four times the size asked for serves as well.

    Examples
    --------
    >>> recycler = Recycler()
    >>> address = recycler.empty((100, 100)).ctypes.data
    >>> recycler.empty((90, 100)).ctypes.data == address
    True
    """

    def __init__(self) -> None:
        self._spare: dict[int, list[memoryview]] = {}

    def empty(self, shape: tuple[int, ...]) -> Array:
        """Return an array of any contents.

        Parameters
        ----------
        shape
            Its shape.

        Returns
        -------
        ndarray
            C-ordered float64.

        Notes
        -----
        Safe in threads.
        """
        size = prod(shape)
        if not _SMALLEST <= 8 * size <= _LARGEST:
            return np.empty(shape)
        # The last block of a pass is smaller than the others, and finds its place in one of theirs.
        fitting = [held for held in list(self._spare) if size <= held <= _ROOMY * size]
        try:
            block = self._spare[min(fitting)].pop()
        except (KeyError, IndexError, ValueError):
            block = np.empty(size).data
        # Views of the array refer to `owner`, never past it, as `block` is no array.
        owner = np.frombuffer(block)
        weakref.finalize(owner, _put_back, self._spare, len(block), block).atexit = False
        return owner[:size].reshape(shape)


def _put_back(spare: dict[int, list[memoryview]], size: int, block: memoryview) -> None:
    """Keep a block that became free, unless there are enough."""
    if size not in spare and len(spare) >= _SIZES:
        spare.clear()
    blocks = spare.setdefault(size, [])
    if len(blocks) < _SPARE_PER_SIZE:
        blocks.append(block)
