"""The communicator over MPI, and the choice between it and the set of one rank."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, takewhile
from typing import TYPE_CHECKING

import numpy as np

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator, SerialCommunicator

if TYPE_CHECKING:
    from mpi4py import MPI

# Variables that the launchers of Open MPI, MPICH, PMIx and Slurm set for their children.
_LAUNCHERS = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK", "MPI_LOCALNRANKS")


class MpiCommunicator:
    """Ranks of an MPI communicator.

    Only buffers travel, never Python objects, so nothing is pickled.

    Attributes
    ----------
    raw
        The mpi4py communicator, for libraries that want it.
    """

    def __init__(self, raw: MPI.Intracomm) -> None:
        self.raw = raw

    @property
    def rank(self) -> int:
        """Number of this rank, from 0."""
        return int(self.raw.Get_rank())

    @property
    def size(self) -> int:
        """How many ranks there are."""
        return int(self.raw.Get_size())

    def sum(self, part: Array) -> Array:
        """Sum arrays of equal shape over the ranks."""
        part = np.asarray(part, order="C")
        total = np.empty_like(part)
        self.raw.Allreduce(part, total)
        return total

    def max(self, value: float) -> float:
        """Return the largest value of all ranks."""
        return float(np.max(self.concatenate(np.array([value], dtype=float))))

    def min(self, value: float) -> float:
        """Return the smallest value of all ranks."""
        return float(np.min(self.concatenate(np.array([value], dtype=float))))

    def concatenate(self, part: Array) -> Array:
        """Stack the rows of all ranks, in rank order, on every rank."""
        part = np.ascontiguousarray(part)
        counts = np.empty(self.size, dtype=np.int64)
        self.raw.Allgather(np.array([part.shape[0]], dtype=np.int64), counts)
        stacked = np.empty((int(counts.sum()), *part.shape[1:]), dtype=part.dtype)
        row_size = int(np.prod(part.shape[1:], dtype=np.int64))
        self.raw.Allgatherv(part, [stacked, counts * row_size])
        return stacked

    def gather(self, part: Array) -> Array:
        """Stack the rows of all ranks, in rank order, on rank 0; the others get no row."""
        part = np.ascontiguousarray(part)
        counts = self.concatenate(np.array([part.shape[0]], dtype=np.int64))
        rows = int(counts.sum()) if self.rank == 0 else 0
        stacked = np.empty((rows, *part.shape[1:]), dtype=part.dtype)
        row_size = int(np.prod(part.shape[1:], dtype=np.int64))
        self.raw.Gatherv(part, [stacked, counts * row_size] if self.rank == 0 else None)
        return stacked

    def broadcast(self, array: Array, root: int = 0) -> Array:
        """Return the array of `root`; the other ranks pass one of equal shape and type."""
        received = np.array(array, order="C")
        self.raw.Bcast(received, root=root)
        return received

    @contextmanager
    def shared(self, n: int) -> Iterator[Iterator[int]]:
        """Share `n` tasks as ranks get to them: each number comes up once, on one rank."""
        counter = _Counter(self.raw)
        try:
            yield takewhile(lambda number: number < n, (counter.add(1) for _ in count()))
        finally:
            counter.add(n)  # whoever leaves early takes the rest from the others
            counter.free()

    def barrier(self) -> None:
        """Wait for every rank."""
        self.raw.Barrier()

    def abort(self, code: int) -> None:
        """End all ranks at once."""
        self.raw.Abort(code)


class _Counter:
    """A number on rank 0 that every rank reads and raises without the help of the others."""

    def __init__(self, raw: MPI.Intracomm) -> None:
        from mpi4py import MPI

        self._sum, self._lock = MPI.SUM, MPI.LOCK_SHARED
        size = np.dtype(np.int64).itemsize
        self._window = MPI.Win.Allocate(size if raw.Get_rank() == 0 else 0, size, comm=raw)
        if raw.Get_rank() == 0:
            self._window.Lock(0)
            self._window.Put(np.zeros(1, dtype=np.int64), 0)
            self._window.Unlock(0)
        raw.Barrier()

    def add(self, more: int) -> int:
        """Raise the number; return what it was before."""
        before = np.empty(1, dtype=np.int64)
        self._window.Lock(0, self._lock)
        self._window.Fetch_and_op(np.array([more], dtype=np.int64), before, 0, op=self._sum)
        self._window.Unlock(0)
        return int(before[0])

    def free(self) -> None:
        """Give the memory back. Collective: yes."""
        self._window.Free()


def world() -> Communicator:
    """Return all ranks of this run: those of ``mpiexec``, or the one there is.

    MPI is loaded only when a launcher started this process, so that a serial run neither needs
    it nor pays for it.

    Notes
    -----
    Collective: no.

    Examples
    --------
    >>> world().size >= 1
    True
    """
    if not any(name in os.environ for name in _LAUNCHERS):
        return SerialCommunicator()
    from mpi4py import MPI

    return MpiCommunicator(MPI.COMM_WORLD)  # noqa: TID251  (the one place)
