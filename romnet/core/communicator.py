"""What the numerics ask of a set of ranks, and the set of one.

Every reduction goes through this small protocol, so that the same algorithm runs alone, under
MPI, or inside a test. All methods are collective: every rank calls them in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np

from romnet.core import errors
from romnet.core.arrays import Array
from romnet.core.errors import RomnetError

T = TypeVar("T")


@runtime_checkable
class Communicator(Protocol):
    """Ranks that own one part of a problem each."""

    @property
    def rank(self) -> int:
        """Number of this rank, from 0."""

    @property
    def size(self) -> int:
        """How many ranks there are."""

    def sum(self, part: Array) -> Array:
        """Sum arrays of equal shape over the ranks."""

    def max(self, value: float) -> float:
        """Return the largest value of all ranks."""

    def min(self, value: float) -> float:
        """Return the smallest value of all ranks."""

    def concatenate(self, part: Array) -> Array:
        """Stack the rows of all ranks, in rank order, on every rank."""

    def gather(self, part: Array) -> Array:
        """Stack the rows of all ranks, in rank order, on rank 0; the others get no row."""

    def broadcast(self, array: Array, root: int = 0) -> Array:
        """Return the array of `root`; the other ranks pass one of equal shape and type."""

    def shared(self, n: int) -> AbstractContextManager[Iterator[int]]:
        """Share `n` tasks as ranks get to them: each number comes up once, on one rank.

        Leaving the block early, as by an error, takes what is left from the others; then it waits.
        """

    def barrier(self) -> None:
        """Wait for every rank."""

    def abort(self, code: int) -> None:
        """End all ranks at once, for a failure that the others cannot know of."""


class SerialCommunicator:
    """The set of one rank: every reduction is a copy.

    Examples
    --------
    >>> alone = SerialCommunicator()
    >>> alone.sum(np.array([1.0, 2.0])).tolist(), alone.size
    ([1.0, 2.0], 1)
    """

    rank = 0
    size = 1

    def sum(self, part: Array) -> Array:
        """Return a copy of `part`."""
        return np.array(part)

    def max(self, value: float) -> float:
        """Return `value`."""
        return value

    def min(self, value: float) -> float:
        """Return `value`."""
        return value

    def concatenate(self, part: Array) -> Array:
        """Return a copy of `part`."""
        return np.array(part)

    def gather(self, part: Array) -> Array:
        """Return a copy of `part`."""
        return np.array(part)

    def broadcast(self, array: Array, root: int = 0) -> Array:  # noqa: ARG002
        """Return `array`."""
        return array

    def shared(self, n: int) -> AbstractContextManager[Iterator[int]]:
        """Give every number to this rank."""
        return nullcontext(iter(range(n)))

    def barrier(self) -> None:
        """Return at once."""

    def abort(self, code: int) -> None:
        """Leave it to the caller: there is no other rank."""


def raise_together(comm: Communicator, error: Exception | None) -> None:
    """Raise on every rank what was raised on one.

    Parameters
    ----------
    comm
        The ranks.
    error
        What went wrong on this rank, or nothing.

    Raises
    ------
    RomnetError
        On all ranks when it was given on any. Among several ranks: of the class given on the lowest
        failing one, whose number the message names, if that is a class of `romnet.core.errors`; a
        plain `RomnetError` that quotes it otherwise. A single rank raises the error itself.

    Notes
    -----
    Collective: yes. Without it the healthy ranks would wait for ever in the next reduction.

    Examples
    --------
    >>> raise_together(SerialCommunicator(), None)
    """
    if comm.size == 1:
        if error is not None:
            raise error
        return
    failed = comm.min(float(comm.rank if error is not None else comm.size))
    if failed == comm.size:
        return
    kind = type(error).__name__ if isinstance(error, RomnetError) else "RomnetError"
    words = f"{kind}\n{error}" if kind != "RomnetError" else f"RomnetError\n{error!r}"
    text = words.encode() if comm.rank == failed else b""
    encoded = comm.concatenate(np.frombuffer(text, dtype=np.uint8))
    name, message = encoded.tobytes().decode().split("\n", 1)
    kind_of = getattr(errors, name, RomnetError)
    shared: RomnetError = kind_of(f"rank {failed:g} of {comm.size}: {message}")
    shared.on_all_ranks = True
    raise shared from error


@contextmanager
def together(comm: Communicator) -> Iterator[None]:
    """Run a block that must succeed on every rank or fail on every rank.

    The block itself must not call collective operations after a point where one rank alone may
    fail; wrap the local work, leave the reductions outside.

    Examples
    --------
    >>> with together(SerialCommunicator()):
    ...     local = 1.0
    """
    problem: Exception | None = None
    try:
        yield
    except Exception as error:  # noqa: BLE001  (re-raised on all ranks just below)
        problem = error
    raise_together(comm, problem)


@contextmanager
def on_first(manager: AbstractContextManager[T], comm: Communicator) -> Iterator[T | None]:
    """Enter a context on rank 0 only, for files that one rank writes; the others get None.

    Parameters
    ----------
    manager
        What rank 0 enters and leaves.
    comm
        The ranks.

    Raises
    ------
    RomnetError
        On all ranks, when rank 0 cannot enter or leave.

    Notes
    -----
    Collective: yes.

    Examples
    --------
    >>> from contextlib import nullcontext
    >>> with on_first(nullcontext("file"), SerialCommunicator()) as file:
    ...     file
    'file'
    """
    with ExitStack() as stack:
        entered = None
        with together(comm):
            if comm.rank == 0:
                entered = stack.enter_context(manager)
        yield entered
        with together(comm):
            stack.close()
