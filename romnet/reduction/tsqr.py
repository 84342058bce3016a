"""Triangular factor of a tall matrix that is seen by row blocks only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Float
from scipy.linalg import lapack

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator

# Values of one panel: it stays in the cache of the processor while it is eliminated.
_PANEL_VALUES = 2**18
# Reflectors applied together; the sweet spot of tall panels.
_REFLECTORS = 16


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

    The rows are eliminated by Householder reflections on panels that fit the cache.

    Parameters
    ----------
    factor
        Upper triangle, zero below its diagonal.
    block
        Rows.

    Notes
    -----
    Collective: no. Mutates nothing. Cost: ``2 n_rows n_columns^2`` operations.

    Examples
    --------
    >>> absorbed(np.array([[3.0]]), np.array([[4.0]])).round(12).tolist()
    [[-5.0]]
    """
    if factor.shape[1] == 0:
        return factor
    factor = np.array(factor, order="F")
    for panel in _panels(block):
        factor, *_ = lapack.dtpqrt(
            0, min(_REFLECTORS, len(factor)), factor, panel, overwrite_a=True, overwrite_b=True
        )
    return factor


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
