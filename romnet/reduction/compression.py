"""Few functions with the integrals and products of many, found while streaming within a budget."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator, together
from romnet.core.errors import AccuracyError
from romnet.reduction.integrands import CHUNK_VALUES, Integrands, VirtualWork, located
from romnet.reduction.selection import owned
from romnet.reduction.tsqr import triangular_factor

# Copies of the square factor that its making and its singular values need.
_FACTOR_COPIES = 6
# Functions beyond those expected that a random sketch takes.
_OVERSAMPLING = 10


class Factorisation(Enum):
    """How the functions are rotated to as few as are independent."""

    TSQR = "tsqr"
    """QR of blocks: to rounding; a square factor of all functions is held."""
    GRAM = "gram"
    """Matrix of all products: half the work, but nothing below 1e-8 of the largest is seen."""
    SKETCH = "sketch"
    """Random combinations of points: no square factor; the error is measured and bounded."""


@dataclass(frozen=True)
class Compression:
    """How integrands are compressed.

    Attributes
    ----------
    memory
        Most that may be held on a rank [bytes].
    scratch
        Folder for a file, removed at the end, that holds the result where it is larger than half
        of `memory`.
    method
        By size, if left out: QR where its factor fits, a sketch where it does not.
    rtol
        Part of the whole (root of the sum of squares) that may be lost [-]. Singular values below
        it are dropped; the default is rounding, which leaves the selection that of the whole set.
    seed
        Of the random sketch.
    """

    memory: int = 2**31
    scratch: Path | None = None
    method: Factorisation | None = None
    rtol: float = 1e-12
    seed: int = 0


_DEFAULT = Compression()


@dataclass(frozen=True, eq=False)
class CompressedIntegrands:
    """Few functions in place of many, and what the rest of them integrates to.

    Attributes
    ----------
    functions
        Values at the points of this rank; those of one point are neighbours in memory.
    rows
        Orthonormal combinations of the integrands that the functions are.
    integrals
        Of all the integrands over the whole mesh [stress * volume].
    integrands
        What was compressed.
    """

    functions: Float[Array, "n_rank n_points"]
    rows: Float[Array, "n_rank n_functions"]
    integrals: Float[Array, " n_functions"]
    integrands: Integrands

    def lost_error(
        self,
        points: Int[Array, " n_selected"],
        weights: Float[Array, " n_selected"],
        numbers: Int[Array, " n_points"],
        comm: Communicator,
    ) -> float:
        """Return the error of a rule in what the functions do not hold of the integrands.

        Parameters
        ----------
        points, weights
            The rule: global numbers and weights, the same on all ranks.
        numbers
            Global numbers of the points of this rank, ascending.
        comm
            The ranks.

        Returns
        -------
        float
            Euclidean norm, orthogonal to the error in the functions [stress * volume].

        Notes
        -----
        Collective: yes. Cost: the integrands at the selected points.
        """
        chosen, mine = owned(points, numbers)
        order = np.argsort(mine)
        values = np.zeros(self.rows.shape[1])
        if mine.size:
            values = self.integrands.at(mine[order]) @ weights[chosen[order]]
        error = comm.sum(values) - self.integrals
        return float(np.linalg.norm(error - self.rows.T @ (self.rows @ error)))


def compressed(
    integrands: Integrands,
    weights: Float[Array, " n_points"],
    comm: Communicator,
    options: Compression = _DEFAULT,
) -> Float[Array, "n_rank n_points"]:
    r"""Return few functions with the Gram matrix, hence the cubature, of all the integrands.

    With :math:`|W|^{1/2} G^T = Q R` and :math:`R = P \Sigma V^T`, the rows of :math:`V^T G` are
    orthogonal in :math:`L^2(|w|)` with norms :math:`\Sigma`; those above rounding are kept. Since
    *V* is orthonormal, residuals of the cubature keep their norm: the greedy selection is the one
    of the whole set, at the cost of its numerical rank. Where the square factor *R* does not fit
    the memory, stress snapshots are first replaced by as many fields as are independent; where it
    still does not, *V* comes from a random sketch [1]_, enlarged until what it loses, measured on
    all points, is below the tolerance.

    Parameters
    ----------
    integrands
        Functions on the points of this rank.
    weights
        Full quadrature weights of this rank [volume]; may be negative.
    comm
        The ranks.
    options
        Memory, method, what may be lost.

    Returns
    -------
    ndarray
        Values at the points of this rank, one row for each kept function; the values of one point
        are neighbours in memory.

    Raises
    ------
    AccuracyError
        If an integrand is not finite.
    ValueError
        If the result exceeds the memory and there is no scratch folder (`RomnetError` on several
        ranks), or if a sketch within the memory loses too much.

    Notes
    -----
    Collective: yes. Deterministic: yes; the rows depend on the number of ranks by rounding (and
    rows of equal norm by a rotation), their Gram matrix does not. Mutates nothing. Cost: two passes
    over the integrands, never more than one chunk of them held, and the singular values of one
    ``n_functions x n_functions`` matrix; the sketch: two passes for
    each of its sizes and two more.

    References
    ----------
    .. [1] N. Halko, P.G. Martinsson, J.A. Tropp, "Finding structure with randomness", SIAM Rev. 53
       (2011) 217-288.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> from romnet.reduction.integrands import TableIntegrands
    >>> table = TableIntegrands(np.outer([3.0, 4.0], [1.0, 2.0, 1.0]))
    >>> np.abs(compressed(table, np.ones(3), SerialCommunicator())).round(9).tolist()
    [[5.0, 10.0, 5.0]]
    """
    return compress(integrands, weights, comm, options).functions


def compress(
    integrands: Integrands,
    weights: Float[Array, " n_points"],
    comm: Communicator,
    options: Compression = _DEFAULT,
) -> CompressedIntegrands:
    """Do as `compressed`, and keep what tells the error in all the integrands.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> from romnet.reduction.integrands import TableIntegrands
    >>> alone = SerialCommunicator()
    >>> table = TableIntegrands(np.array([[1.0, 1.0, 1.0], [0.01, 0.0, 0.0]]))
    >>> few = compress(table, np.ones(3), alone, Compression(rtol=0.1))
    >>> lost = few.lost_error(np.array([1]), np.array([3.0]), np.arange(3), alone)
    >>> few.functions.shape, round(lost, 4)
    ((1, 3), 0.01)
    """
    if isinstance(integrands, VirtualWork) and not _factor_fits(integrands, options):
        integrands = integrands.condensed(weights, comm)
    method = options.method or (
        Factorisation.TSQR if _factor_fits(integrands, options) else Factorisation.SKETCH
    )
    if method is Factorisation.SKETCH:
        kept = _sketched(integrands, weights, comm, options)
    else:
        norms, right = _spectrum(integrands, weights, comm, method, options)
        kept = right[: _count(norms, options.rtol)]
    functions = _room(len(kept), len(weights), comm, options)
    integrals = np.zeros(integrands.n_functions)
    for points, chunk in located(integrands, _small_chunk(integrands, options)):
        functions[points] = chunk.T @ kept.T
        integrals += chunk @ weights[points]
    return CompressedIntegrands(functions.T, kept, comm.sum(integrals), integrands)


def _factor_fits(integrands: Integrands, options: Compression) -> bool:
    """Whether the square factor of all functions fits into half of the memory."""
    return 8 * _FACTOR_COPIES * integrands.n_functions**2 <= options.memory // 2


def _chunk_points(integrands: Integrands, options: Compression) -> int:
    """Return how many points to read at a time: an eighth of the memory, for a few copies."""
    return max(1, options.memory // (8 * 8 * max(integrands.n_functions, 1)))


def _small_chunk(integrands: Integrands, options: Compression) -> int:
    """Return how many points to read at a time where nothing speaks for many."""
    most = max(1, CHUNK_VALUES // max(integrands.n_functions, 1))
    return min(most, _chunk_points(integrands, options))


def _count(norms: Array, rtol: float) -> int:
    """Return how many singular values to keep, so that what is lost is below rtol of the whole."""
    tail = np.sqrt(np.cumsum(norms[::-1] ** 2))[::-1]
    return int(np.count_nonzero(tail > rtol * tail[0])) if tail.size and tail[0] > 0.0 else 0


def _spectrum(
    integrands: Integrands,
    weights: Array,
    comm: Communicator,
    method: Factorisation,
    options: Compression,
) -> tuple[Array, Array]:
    """Return singular values and right vectors (rows) of the weighted functions."""
    n = integrands.n_functions
    root = np.sqrt(np.abs(weights))
    # Not fewer points than functions: the factorisation costs as much for few as for many.
    size = max(n, _chunk_points(integrands, options))
    if isinstance(integrands, _Rotated):  # whose chunks need more memory than they show
        size = _chunk_points(integrands.integrands, options)

    def blocks() -> Iterator[Array]:
        room = np.empty((min(size, len(root)), n))
        filled = 0
        small = min(size, max(1, CHUNK_VALUES // max(n, 1)))
        for points, chunk in located(integrands, small):
            count = chunk.shape[1]
            if filled + count > len(room):
                yield room[:filled]
                filled = 0
            np.multiply(root[points, None], chunk.T, out=room[filled : filled + count])
            filled += count
        if filled:
            yield room[:filled]

    if method is Factorisation.TSQR:
        if comm.sum(np.array([float(len(root))]))[0] < n:
            # A triangle would be larger than the functions themselves, and most of it zero.
            factor = comm.concatenate(np.concatenate([np.zeros((0, n)), *map(np.copy, blocks())]))
        else:
            factor = triangular_factor(blocks(), n, comm)
        _refuse_infinite(factor)
        _, norms, right = np.linalg.svd(factor, full_matrices=False)
        return norms, right
    gram = np.zeros((n, n))
    for block in blocks():
        gram += block.T @ block
    gram = comm.sum(gram)
    _refuse_infinite(gram)
    energies, vectors = np.linalg.eigh(gram)
    rounding = np.finfo(float).eps * n * max(energies[-1], 0.0)
    norms = np.sqrt(np.where(energies > rounding, energies, 0.0))[::-1]
    return norms, vectors[:, ::-1].T


def _sketched(
    integrands: Integrands, weights: Array, comm: Communicator, options: Compression
) -> Array:
    """Return orthonormal rows that span the functions up to the tolerance."""
    n = integrands.n_functions
    most = min(n, options.memory // (4 * 8 * n))
    size = min(most, 64)
    root = np.sqrt(np.abs(weights))
    # Independent of how points are shared out, up to rounding: numbered through the ranks.
    counts = comm.concatenate(np.array([len(weights)]))
    first = int(counts[: comm.rank].sum())
    n_chunk = _chunk_points(integrands, options)
    while True:
        sample = np.zeros((n, size))
        for points, chunk in located(integrands, n_chunk):
            numbers = np.arange(first + points.start, first + points.stop)
            signs = random_signs(numbers, size, options.seed)
            sample += chunk @ (root[points, None] * signs)
        sample = comm.sum(sample)
        _refuse_infinite(sample)
        kept = np.linalg.qr(sample)[0].T
        lost, whole = _captured(integrands, kept, root, comm, n_chunk)
        if lost <= options.rtol * whole or size == n:
            rotated = _Rotated(integrands, kept)
            norms, right = _spectrum(rotated, weights, comm, Factorisation.TSQR, options)
            return np.asarray(right[: _count(norms, options.rtol)] @ kept)
        if size == most:
            message = (
                f"cubature: {size} combinations of {n} integrands lose {lost / whole:.1e} of "
                f"them and no more fit the memory of {options.memory / 2**20:.0f} MiB (allowed "
                f"{options.rtol:.1e}); raise the memory or the part that may be lost."
            )
            raise ValueError(message)
        size = min(most, 2 * size + _OVERSAMPLING)


def _captured(
    integrands: Integrands, kept: Array, root: Array, comm: Communicator, n_chunk: int
) -> tuple[float, float]:
    """Return the size of what rows lose of the functions, and of the whole."""
    squares = np.zeros(2)
    for points, chunk in located(integrands, n_chunk):
        weighted = chunk * root[points]
        squares[1] += float(np.einsum("ij,ij", weighted, weighted))
        weighted -= kept.T @ (kept @ weighted)
        squares[0] += float(np.einsum("ij,ij", weighted, weighted))
    lost, whole = np.sqrt(comm.sum(squares))
    return float(lost), float(whole)


@dataclass(frozen=True)
class _Rotated:
    """Combinations of integrands, formed when they are read."""

    integrands: Integrands
    rows: Float[Array, "n_kept n_functions"]

    @property
    def n_functions(self) -> int:
        """Number of combinations."""
        return len(self.rows)

    def chunks(self, n_points: int) -> Iterator[Float[Array, "n_kept _"]]:
        """Yield the values by chunks of points."""
        for chunk in self.integrands.chunks(n_points):
            yield self.rows @ chunk

    def at(self, points: Int[Array, " n"]) -> Float[Array, "n_kept n"]:
        """Return the values at some points."""
        return np.asarray(self.rows @ self.integrands.at(points))


def random_signs(
    numbers: Int[Array, " n_points"], n_columns: int, seed: int
) -> Float[Array, "n_points n_columns"]:
    """Return random signs that depend on point, column and seed alone.

    Parameters
    ----------
    numbers
        Global numbers of points.
    n_columns
        Signs of each point.
    seed
        Of all signs.

    Notes
    -----
    Collective: no. Deterministic: yes.

    Examples
    --------
    >>> signs = random_signs(np.arange(1000), 2, 0)
    >>> bool((np.abs(signs) == 1.0).all()), bool(abs(signs.mean()) < 0.1)
    (True, True)
    """
    bits = numbers.astype(np.uint64)[:, None] * np.uint64(0x9E3779B97F4A7C15)
    bits = bits + np.arange(1, n_columns + 1, dtype=np.uint64) * np.uint64(0xD1B54A32D192ED03)
    bits += np.uint64(seed) * np.uint64(0x8CB92BA72F3D8DD7)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        bits ^= bits >> np.uint64(shift)
        bits *= np.uint64(factor)
    return np.where(bits >> np.uint64(63), 1.0, -1.0)


def _room(n_functions: int, n_points: int, comm: Communicator, options: Compression) -> Array:
    """Return room for the result, a point in each row: in memory or in a file without a name."""
    size = 8 * n_functions * n_points
    shape = (n_points, n_functions)
    room = np.zeros(0)
    with together(comm):
        if size <= options.memory // 2:
            room = np.empty(shape)
        elif options.scratch is None:
            message = (
                f"cubature: {n_functions} functions at {n_points} points take "
                f"{size / 2**20:.0f} MiB, more than half of the memory of "
                f"{options.memory / 2**20:.0f} MiB; name a scratch folder, raise the memory, take "
                "more ranks or let more be lost."
            )
            raise ValueError(message)
        else:
            with tempfile.TemporaryFile(dir=options.scratch) as file:
                room = np.memmap(file, dtype=np.float64, mode="w+", shape=shape)
    return room


def _refuse_infinite(matrix: Array) -> None:
    """Refuse integrands that are not finite."""
    if not np.isfinite(matrix).all():
        message = "cubature: an integrand holds NaN or infinite values; compute the stresses again."
        raise AccuracyError(message)
