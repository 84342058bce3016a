"""A distributed matrix of fixed pattern, given again and again as parts of the ranks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from jaxtyping import Bool, Int

from romnet.core.arrays import Array
from romnet.parallel.layout import Layout
from romnet.parallel.petsc import petsc


@dataclass(frozen=True)
class _Blocks:
    """Blocks of n_dim x n_dim entries within the values of a sparse matrix.

    Attributes
    ----------
    first
        Position of the first entry of each block.
    step
        From there to the next row of the block.
    """

    first: Int[Array, " n"]
    step: Int[Array, " n"]

    @classmethod
    def of(cls, starts: Array, rows: Array, pairs: Array, n_dim: int) -> _Blocks:
        """Find the blocks `pairs`, which lie in node rows `rows`, of a matrix of nodes."""
        step = (starts[rows + 1] - starts[rows]) * n_dim
        return cls(starts[rows] * n_dim**2 + (pairs - starts[rows]) * n_dim, step)

    def entries(self, n_dim: int) -> Int[Array, "n n_dim n_dim"]:
        """Return the positions of all their entries."""
        last = int(self.first.max(initial=0)) + n_dim * int(self.step.max(initial=0)) + n_dim
        dtype = np.int32 if last < np.iinfo(np.int32).max else np.int64
        first, step = self.first.astype(dtype), self.step.astype(dtype)
        along = np.arange(n_dim, dtype=dtype)
        rows = first[:, None] + np.multiply.outer(step, along)
        return np.asarray(rows[:, :, None] + along)


class DistributedMatrix:
    """Sum of the parts of all ranks, some dofs held: their rows and columns are a diagonal.

    The places of all entries, and what goes to other ranks, are found once.

    Parameters
    ----------
    layout
        Numbering.
    nodes, node_starts
        Pairs of coupled nodes of this rank's part: columns and row starts, columns ascending.
    held
        Which dofs of this rank are held.

    Notes
    -----
    Collective: building and `assemble`. Memory: twelve bytes for each entry beside the matrix.
    """

    def __init__(
        self,
        layout: Layout,
        nodes: Int[Array, " n_pairs"],
        node_starts: Int[Array, " n_rows"],
        held: Bool[Array, " n_dofs"],
    ) -> None:
        n_dim, comm = layout.n_dim, layout.comm
        n_nodes = layout.n_global // n_dim
        ends = np.cumsum(comm.concatenate(np.array([layout.n_owned // n_dim])))
        first = int(ends[comm.rank]) - layout.n_owned // n_dim
        rows = np.repeat(np.arange(len(node_starts) - 1), np.diff(node_starts))
        keys = layout.numbers[rows] * n_nodes + layout.numbers[nodes]
        owner = np.searchsorted(ends, layout.numbers[rows], side="right")
        mine = np.flatnonzero(owner == comm.rank)
        others = np.flatnonzero(owner != comm.rank)
        others = others[np.argsort(owner[others], kind="stable")]
        self._layout = layout
        self._sent = _Sent.plan(layout, np.bincount(owner[others], minlength=comm.size))
        received = self._sent.exchange(keys[others])

        pairs = np.unique(np.concatenate([keys[mine], received]))
        starts = np.searchsorted(pairs, (first + np.arange(layout.n_owned // n_dim + 1)) * n_nodes)
        columns = pairs % n_nodes
        part = _Blocks.of(node_starts, rows, np.arange(nodes.size), n_dim).entries(n_dim)
        free = ~held.reshape(-1, n_dim)
        kept = free[rows][:, :, None] & free[nodes][:, None, :]

        def places(of: Array) -> Array:
            """Return the places of blocks among the owned values."""
            found = _Blocks.of(starts, of // n_nodes - first, np.searchsorted(pairs, of), n_dim)
            return found.entries(n_dim)

        self._source = part[mine][kept[mine]]
        self._target = places(keys[mine])[kept[mine]]
        self._foreign_source = part[others]
        self._foreign_kept = kept[others]
        self._foreign_target = places(received)
        own = first + np.arange(layout.n_owned // n_dim)
        self._diagonal = np.diagonal(places(own * n_nodes + own), axis1=1, axis2=2).ravel()
        self._held = np.flatnonzero(held[layout.owned])
        lengths = np.repeat(np.diff(starts) * n_dim, n_dim)
        integer = petsc().IntType
        self._indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(integer)
        self._indices = _columns(columns, starts, n_dim).astype(integer, copy=False)
        self._matrix: Any = None

    def assemble(self, part: scipy.sparse.csr_matrix) -> Any:  # noqa: ANN401  (a PETSc matrix)
        """Return the sum of the parts: always the same PETSc matrix, its values overwritten."""
        values = np.zeros(self._indices.size)
        values[self._target] = part.data[self._source]
        foreign = np.where(self._foreign_kept, part.data[self._foreign_source], 0.0)
        np.add.at(values, self._foreign_target, self._sent.exchange(foreign))
        diagonal = np.abs(values[self._diagonal])
        values[self._diagonal[self._held]] = diagonal.mean() if diagonal.any() else 1.0
        csr = self._indptr, self._indices, values
        if self._matrix is None:
            layout, PETSc = self._layout, petsc()
            sizes = (layout.sizes, layout.sizes)
            self._matrix = PETSc.Mat().createAIJ(
                sizes, bsize=layout.n_dim, csr=csr, comm=layout.raw_comm
            )
        else:
            self._matrix.setValuesCSR(*csr)
            self._matrix.assemble()
        return self._matrix


@dataclass(frozen=True)
class _Sent:
    """Rows of an array that other ranks get, in the order of these ranks."""

    layout: Layout
    sent: Int[Array, " n_ranks"]
    received: Int[Array, " n_ranks"]

    @classmethod
    def plan(cls, layout: Layout, sent: Array) -> _Sent:
        """Tell every rank how much it gets from each other. Collective: yes."""
        received = np.zeros_like(sent)
        if layout.comm.size > 1:
            layout.raw_comm.Alltoall(sent, received)
        return cls(layout, sent, received)

    def exchange(self, rows: Array) -> Array:
        """Send rows and return those received, by rank. Collective: yes."""
        if self.layout.comm.size == 1:
            return rows[:0]
        got = np.empty((int(self.received.sum()), *rows.shape[1:]), dtype=rows.dtype)
        width = int(np.prod(rows.shape[1:], dtype=np.int64))
        self.layout.raw_comm.Alltoallv(
            [np.ascontiguousarray(rows), self.sent * width], [got, self.received * width]
        )
        return got


def _columns(nodes: Array, starts: Array, n_dim: int) -> Array:
    """Return the columns over dofs, each row of a node having those of all its neighbours."""
    blocks = _Blocks.of(
        starts, np.repeat(np.arange(len(starts) - 1), np.diff(starts)), np.arange(nodes.size), n_dim
    )
    places = blocks.entries(n_dim)
    columns = np.empty(nodes.size * n_dim**2, dtype=np.int64)
    columns[places] = (nodes[:, None] * n_dim + np.arange(n_dim))[:, None, :]
    return columns
