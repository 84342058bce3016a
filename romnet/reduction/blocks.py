"""Snapshots by row blocks of bounded memory, the next one being read while one is worked on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.snapshots import SnapshotSource, read_ahead
from romnet.fe.inner_products import FactorBlock, InnerProduct

# What one rank holds in blocks where nothing else is said [B].
MEMORY = 2**28
# One block worked on, the next being read, and the working copies of both.
_COPIES = 4
_SMALLEST_ROWS = 256
# Values of a block where the memory allows more: the runs of columns that are read are long, and
# pages of this size are still used again.
_VALUES = 2**23
# Rows for each column that a block has all the same: factorising fewer takes longer.
_ROWS_PER_COLUMN = 64

Located = tuple[Array, FactorBlock]


def block_rows(memory: int, n_columns: int) -> int:
    """Return how many rows of float64 a block may have.

    Parameters
    ----------
    memory
        What all blocks that exist at a time may hold [B].
    n_columns
        Columns.

    Notes
    -----
    A power of two, so that blocks end where the chunks of files do. At least 256 rows, or the
    passes would spend their time between the blocks; no more than 64 MiB unless there are many
    columns, or they would spend it on fresh pages of memory.

    Examples
    --------
    >>> block_rows(2**30, 128)
    65536
    """
    columns = max(1, n_columns)
    enough = max(_VALUES // columns, _ROWS_PER_COLUMN * columns)
    affordable = min(memory // (8 * columns * _COPIES), enough)
    return max(_SMALLEST_ROWS, 1 << max(0, affordable.bit_length() - 1))


def weighted_rows(
    source: SnapshotSource, inner_product: InnerProduct, memory: int
) -> Iterator[tuple[Located, Float[Array, "n_rows n_snapshots"]]]:
    """Yield row blocks of S U, each with the dofs and the rows of the factor behind it.

    Notes
    -----
    Collective: no. Mutates nothing. A block may share memory with the snapshots: read only.

    Examples
    --------
    >>> from romnet.core.snapshots import ArraySource
    >>> from romnet.fe.inner_products import point_l2
    >>> source = ArraySource(np.ones((3, 1)))
    >>> product = point_l2(4 * np.ones(3))
    >>> [rows.ravel().tolist() for _, rows in weighted_rows(source, product, 2**20)]
    [[2.0, 2.0, 2.0]]
    """

    def read() -> Iterator[tuple[Located, Array]]:
        for columns, factor in inner_product.blocks(block_rows(memory, source.n_snapshots)):
            yield (columns, factor), source.rows(columns)

    for (columns, factor), values in read_ahead(read()):
        yield (columns, factor), factor @ values


def all_rows(
    source: SnapshotSource, memory: int, *, multiple_of: int = 1
) -> Iterator[tuple[slice, Float[Array, "n_rows n_snapshots"]]]:
    """Yield consecutive rows of the snapshots themselves, with their places.

    Parameters
    ----------
    source
        Snapshots of this rank.
    memory
        What all blocks that exist at a time may hold [B].
    multiple_of
        Of which the number of rows of a block is a multiple, such as the number of components.

    Notes
    -----
    Collective: no. Mutates nothing.

    Examples
    --------
    >>> from romnet.core.snapshots import ArraySource
    >>> [part for part, _ in all_rows(ArraySource(np.ones((600, 1))), 1, multiple_of=3)]
    [slice(0, 255, None), slice(255, 510, None), slice(510, 600, None)]
    """
    size = block_rows(memory, source.n_snapshots)
    size = max(1, size // multiple_of) * multiple_of

    def read() -> Iterator[tuple[slice, Array]]:
        for start in range(0, source.n_rows, size):
            part = slice(start, min(start + size, source.n_rows))
            yield part, source.rows(np.arange(part.start, part.stop))

    yield from read_ahead(read())
