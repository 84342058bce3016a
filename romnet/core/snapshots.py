"""Snapshots as columns, read by blocks of rows or one at a time, wherever they are kept."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from romnet.core.arrays import Array

T = TypeVar("T")
_END = object()
# The first rows of so many: runs that disks read well, everywhere on the mesh.
_RUN, _EVERY = 2**9, 2**15


def in_sample(numbers: Int[Array, " n"]) -> Bool[Array, " n"]:
    """Whether rows belong to the small sample that stands for all: 512 of every 32 768.

    Parameters
    ----------
    numbers
        Global numbers of rows: the sample does not depend on who owns them.

    Examples
    --------
    >>> in_sample(np.array([0, 511, 512, 40000, 32768 + 7])).tolist()
    [True, True, False, False, True]
    """
    return np.asarray(numbers % _EVERY < _RUN)


def place_in_sample(numbers: Int[Array, " n"]) -> Int[Array, " n"]:
    """Return the places of rows of the sample among all of its rows.

    Examples
    --------
    >>> place_in_sample(np.array([0, 511, 32768 + 7])).tolist()
    [0, 511, 519]
    """
    return np.asarray(numbers // _EVERY * _RUN + numbers % _EVERY)


@runtime_checkable
class SnapshotSource(Protocol):
    """Snapshots of one field on one rank: ``n_rows`` rows, one column for each instant."""

    @property
    def n_rows(self) -> int:
        """Rows on this rank (dofs, or points times components)."""

    @property
    def n_snapshots(self) -> int:
        """Columns."""

    def rows(self, numbers: Int[Array, " n"]) -> Float[Array, "n n_snapshots"]:
        """Read some rows of all snapshots; `numbers` are this rank's own, ascending."""

    def column(self, number: int) -> Float[Array, " n_rows"]:
        """Read one snapshot."""


@dataclass(frozen=True)
class ArraySource:
    """Snapshots held in memory.

    Attributes
    ----------
    values
        One column for each snapshot (n_rows, n_snapshots).

    Examples
    --------
    >>> source = ArraySource(np.arange(6.0).reshape(3, 2))
    >>> source.rows(np.array([0, 2])).tolist()
    [[0.0, 1.0], [4.0, 5.0]]
    """

    values: Float[Array, "n_rows n_snapshots"]

    @property
    def n_rows(self) -> int:
        """Rows on this rank."""
        return int(self.values.shape[0])

    @property
    def n_snapshots(self) -> int:
        """Columns."""
        return int(self.values.shape[1])

    def rows(self, numbers: Int[Array, " n"]) -> Float[Array, "n n_snapshots"]:
        """Read some rows of all snapshots; a view where they follow each other."""
        if numbers.size and numbers[-1] - numbers[0] + 1 == numbers.size:
            return self.values[numbers[0] : numbers[-1] + 1]
        return np.asarray(self.values[numbers])

    def column(self, number: int) -> Float[Array, " n_rows"]:
        """Read one snapshot."""
        return np.ascontiguousarray(self.values[:, number])


@dataclass(frozen=True)
class StackedSource:
    """Several sources side by side, such as the simulations of one training set.

    Attributes
    ----------
    parts
        The sources, of equally many rows; their columns follow each other in this order.

    Raises
    ------
    ValueError
        When built from no source, or from sources of unequal length.

    Examples
    --------
    >>> one = ArraySource(np.ones((2, 1)))
    >>> StackedSource((one, one)).n_snapshots
    2
    """

    parts: tuple[SnapshotSource, ...]

    def __post_init__(self) -> None:
        """Refuse parts of unequal length."""
        sizes = [part.n_rows for part in self.parts]
        if len(set(sizes)) != 1:
            message = f"snapshot sources (at least one) need the same rows, got {sizes}."
            raise ValueError(message)

    @property
    def n_rows(self) -> int:
        """Rows on this rank."""
        return self.parts[0].n_rows

    @property
    def n_snapshots(self) -> int:
        """Columns of all parts."""
        return sum(part.n_snapshots for part in self.parts)

    def rows(self, numbers: Int[Array, " n"]) -> Float[Array, "n n_snapshots"]:
        """Read some rows of all snapshots."""
        if len(self.parts) == 1:
            return self.parts[0].rows(numbers)
        return np.hstack([part.rows(numbers) for part in self.parts])

    def column(self, number: int) -> Float[Array, " n_rows"]:
        """Read one snapshot."""
        place = number
        for part in self.parts:
            if 0 <= place < part.n_snapshots:
                return part.column(place)
            place -= part.n_snapshots
        message = f"there are {self.n_snapshots} snapshots, none has the number {number}."
        raise IndexError(message)


def read_ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield items while a thread already makes the next one.

    Parameters
    ----------
    items
        Whose making is slow but leaves the interpreter free, such as reading.

    Yields
    ------
    T
        The same items in the same order; at most two exist at a time.

    Raises
    ------
    Exception
        Whatever making an item raises, in the thread of the caller.

    Notes
    -----
    Collective: no; `items` must not communicate.

    Examples
    --------
    >>> list(read_ahead(iter("abc")))
    ['a', 'b', 'c']
    """
    with ThreadPoolExecutor(max_workers=1) as reader:
        coming = reader.submit(next, items, _END)
        while (item := coming.result()) is not _END:
            coming = reader.submit(next, items, _END)
            yield item  # type: ignore[misc]
            del item
