"""Triangular factor of a tall matrix that is seen by row blocks only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

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
# Largest condition that leaves ten of sixteen digits to every singular value.
_LARGEST_CONDITION = 1e6
# One row of so many is enough for a guess.
_STRIDE = 16
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

    Every sixteenth row is absorbed by Householder reflections; that triangle, :math:`G`, is almost
    the right one already. With :math:`X` the rows of triangle and block times :math:`G^{-1}` and
    the Cholesky factor :math:`X^T X = C^T C`, the new triangle is :math:`C G`. The matrix to
    factorise is well conditioned however small the singular values are, so nothing is squared that
    rounding could hide; where its condition exceeds 1e6 (the sample saw too little) reflections do
    the whole work.

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
    stride = min(_STRIDE, len(block) // (2 * n_columns))
    sample = np.sqrt(stride) * block[::stride]
    scale = max(float(np.abs(factor).max()), float(np.abs(sample).max()))
    if not (np.isfinite(scale) and scale > _SMALLEST):
        return None
    # Dependent columns have no inverse: what is added is below their rounding.
    factor = _by_reflections(factor, scale * _BELOW_ROUNDING * np.eye(n_columns))
    guess = _by_reflections(factor, sample)
    gram = np.zeros((n_columns, n_columns), order="F")
    solve = _Solver(guess)
    for panel in chain(_panels(np.triu(factor)), _panels(block)):
        gram = blas.dsyrk(1.0, solve(panel), beta=1.0, c=gram, trans=1, overwrite_c=True)
    if not np.isfinite(gram.trace()):
        return None
    extremes = np.linalg.eigvalsh(gram, UPLO="U")[[0, -1]]
    if not extremes[1] <= _LARGEST_CONDITION * extremes[0]:
        return None
    correction, _ = lapack.dpotrf(gram)
    return np.asfortranarray(np.triu(blas.dgemm(1.0, correction, guess)))


class _Solver:
    """Solves X R = B for many panels B by matrix products."""

    def __init__(self, factor: Array) -> None:
        size = len(factor)
        self._parts = [slice(s, min(s + _WIDTH, size)) for s in range(0, size, _WIDTH)]
        corners = (np.array(factor[part, part], order="F") for part in self._parts)
        self._inverses = [np.triu(lapack.dtrtri(corner)[0]) for corner in corners]
        self._above = [np.array(factor[: p.start, p], order="F") for p in self._parts]

    def __call__(self, panel: Array) -> Array:
        """Return X; overwrites the panel."""
        solved = np.empty_like(panel, order="F")
        for part, inverse, above in zip(self._parts, self._inverses, self._above, strict=True):
            rest = panel[:, part]
            if part.start:
                rest = blas.dgemm(
                    -1.0, solved[:, : part.start], above, beta=1.0, c=rest, overwrite_c=True
                )
            solved[:, part] = blas.dgemm(1.0, rest, inverse)
        return solved


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
