"""Triangular factor of a tall matrix that is seen by row blocks only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Float
from scipy.linalg import blas, lapack

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator

# Values of one panel: it stays in the cache of the processor while it is eliminated.
_PANEL_VALUES = 2**18
# Reflectors applied together; the sweet spot of tall panels.
_REFLECTORS = 16
# Columns of a triangle that are inverted together.
_WIDTH = 64
# Blocks of at least so many times their columns are worth the inverses.
_WORTH_PRODUCTS = 4
# Largest eigenvalue that costs no more than ten of sixteen digits.
_LARGEST_NEWS = 1e6
_BELOW_ROUNDING = 1e-17
_SMALLEST = 1e-280


def triangular_factor(
    blocks: Iterable[Float[Array, "_ n_columns"]], n_columns: int, comm: Communicator
) -> Float[Array, "n_columns n_columns"]:
    r"""Return R of the QR factorisation of row blocks that are never held together.

    Parameters
    ----------
    blocks
        Rows of this rank.
    n_columns
        Columns of every block.
    comm
        The ranks.

    Notes
    -----
    Collective: yes. Deterministic: yes; signs of rows depend on the number of ranks. Backward
    stable: singular values are exact to rounding of the largest one. Cost: ``2 n_rows n_columns^2``
    operations (`absorbed`); one gathering of ``size`` triangles.

    References
    ----------
    .. [1] J. Demmel, L. Grigori, M. Hoemmen, J. Langou, "Communication-optimal parallel and
       sequential QR and LU factorizations", SIAM J. Sci. Comput. 34 (2012) A206-A239.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> rows = np.vander(np.linspace(0.0, 1.0, 9), 3)
    >>> factor = triangular_factor([rows[:4], rows[4:]], 3, SerialCommunicator())
    >>> bool(np.allclose(factor.T @ factor, rows.T @ rows))
    True
    """
    factor = np.zeros((n_columns, n_columns), order="F")
    for block in blocks:
        factor = absorbed(factor, block)
    return gathered_factor(factor, comm)


def absorbed(
    factor: Float[Array, "n_columns n_columns"], block: Float[Array, "_ n_columns"]
) -> Float[Array, "n_columns n_columns"]:
    r"""Return the triangular factor of a triangle with more rows below it.

    A block that holds little news is absorbed by matrix products alone: with :math:`X = B R^{-1}`
    and the Cholesky factor :math:`I + X^T X = C^T C`, the new triangle is :math:`C R`. The matrix
    to factorise has no eigenvalue below one, so nothing is squared that rounding could hide; where
    it has one above 1e6 (first blocks, new phenomena) Householder reflections do the work.

    Parameters
    ----------
    factor
        Upper triangle, zero below its diagonal.
    block
        Rows.

    Notes
    -----
    Collective: no. Mutates nothing. Cost: ``2 n_rows n_columns^2`` operations either way, those of
    the products two to three times as fast.

    Examples
    --------
    >>> absorbed(np.array([[3.0]]), np.array([[4.0]])).round(12).tolist()
    [[-5.0]]
    """
    n_columns = factor.shape[1]
    if n_columns == 0:
        return factor
    if len(block) >= _WORTH_PRODUCTS * n_columns:
        found = _by_products(factor, block)
        if found is not None:
            return found
    return _by_reflections(factor, block)


def _by_reflections(factor: Array, block: Array) -> Array:
    """Eliminate a block by Householder reflections on panels that fit the cache."""
    factor = np.array(factor, order="F")
    for panel in _panels(block):
        factor, *_ = lapack.dtpqrt(
            0, min(_REFLECTORS, len(factor)), factor, panel, overwrite_a=True, overwrite_b=True
        )
    return factor


def _by_products(factor: Array, block: Array) -> Array | None:
    """Absorb a block by matrix products, or return nothing where that would lose digits."""
    n_columns = factor.shape[1]
    largest = float(np.abs(factor).max())
    if not (np.isfinite(largest) and largest > _SMALLEST):
        return None
    # Dependent columns have no inverse: what is added is below their rounding.
    factor = _by_reflections(factor, largest * _BELOW_ROUNDING * np.eye(n_columns))
    parts = [slice(s, min(s + _WIDTH, n_columns)) for s in range(0, n_columns, _WIDTH)]
    inverses = [lapack.dtrtri(np.array(factor[part, part], order="F"))[0] for part in parts]
    above = [np.array(factor[: part.start, part], order="F") for part in parts]
    gram = np.eye(n_columns, order="F")
    for panel in _panels(block):
        solved = np.empty_like(panel, order="F")
        for part, inverse, before in zip(parts, inverses, above, strict=True):
            rest = panel[:, part]
            if part.start:
                rest = blas.dgemm(
                    -1.0, solved[:, : part.start], before, beta=1.0, c=rest, overwrite_c=True
                )
            solved[:, part] = blas.dgemm(1.0, rest, inverse)
        gram = blas.dsyrk(1.0, solved, beta=1.0, c=gram, trans=1, overwrite_c=True)
        if not gram.trace() <= _LARGEST_NEWS:  # also where it is not finite
            return None
    news, _ = lapack.dpotrf(gram)
    return np.asfortranarray(np.triu(blas.dgemm(1.0, news, factor)))


def _panels(block: Array) -> Iterator[Array]:
    """Yield copies of consecutive rows that fit the cache, column by column."""
    n_columns = block.shape[1]
    size = max(n_columns, _PANEL_VALUES // n_columns)
    for start in range(0, len(block), size):
        yield np.array(block[start : start + size], order="F")


def gathered_factor(
    factor: Float[Array, "n_columns n_columns"], comm: Communicator
) -> Float[Array, "n_columns n_columns"]:
    """Return the triangular factor of the rows of all ranks from those of each.

    Notes
    -----
    Collective: yes.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> gathered_factor(np.array([[2.0]]), SerialCommunicator()).tolist()
    [[2.0]]
    """
    if comm.size == 1:
        return factor
    n_columns = factor.shape[1]
    return absorbed(np.zeros((n_columns, n_columns)), comm.concatenate(np.triu(factor)))
