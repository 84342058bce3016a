"""Products of dense matrices that leave the interpreter free for other threads.

SciPy's own wrappers hold the interpreter while BLAS computes, so a thread that reads the next block
would wait for the product of this one. Here the same routines are called through the table of
functions that SciPy publishes for compiled code.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array

_CHAR, _INT, _REAL, _ARRAY = (
    ctypes.c_char_p,
    ctypes.POINTER(ctypes.c_int),
    ctypes.POINTER(ctypes.c_double),
    ctypes.c_void_p,
)
_PIECE = 2000  # rows; pieces of both factors and of the product stay in the cache
_SIGNATURES = {
    "dsyrk": (_CHAR, _CHAR, _INT, _INT, _REAL, _ARRAY, _INT, _REAL, _ARRAY, _INT),
    "dgemm": (_CHAR, _CHAR, *3 * (_INT,), _REAL, _ARRAY, _INT, _ARRAY, _INT, _REAL, _ARRAY, _INT),
}


def add_gram(gram: Float[Array, "n n"], rows: Float[Array, "m n"]) -> None:
    """Add A^T A to the upper triangle of a matrix, in place.

    Parameters
    ----------
    gram
        Fortran-ordered; its lower triangle is left alone.
    rows
        A, of either order.

    Raises
    ------
    ValueError
        If `gram` is not Fortran-ordered.

    Notes
    -----
    Collective: no. Deterministic: yes. Other threads run meanwhile. Cost: ``m n^2`` operations.

    Examples
    --------
    >>> gram = np.zeros((2, 2), order="F")
    >>> add_gram(gram, np.array([[1.0, 2.0], [3.0, 4.0]]))
    >>> gram.tolist()
    [[10.0, 14.0], [0.0, 20.0]]
    """
    if not gram.flags.f_contiguous:
        message = "the sum of correlations must be Fortran-ordered."
        raise ValueError(message)
    if not rows.size:
        return
    trans, values, leading = _operand(rows)
    # A^T A of A itself wants "T"; an array in C order is A^T to Fortran, and wants "N".
    flag = b"T" if trans == b"N" else b"N"
    size, depth = gram.shape[0], rows.shape[0]
    _routine("dsyrk")(
        b"U", flag, _int(size), _int(depth), _real(1.0), values.ctypes.data, _int(leading),
        _real(1.0), gram.ctypes.data, _int(max(1, size)),
    )  # fmt: skip


def multiply_into(
    target: Float[Array, "m n"], left: Float[Array, "m k"], right: Float[Array, "k n"]
) -> None:
    """Write the product of two matrices to its place.

    Parameters
    ----------
    target
        C-ordered; overwritten.
    left, right
        Factors, of either order. The left one may be `target` itself; else neither shares memory
        with it.

    Raises
    ------
    ValueError
        If `target` is not C-ordered.

    Notes
    -----
    Collective: no. Deterministic: yes. Other threads run meanwhile. Cost: ``2 m k n`` operations.

    Examples
    --------
    >>> product = np.empty((1, 2))
    >>> multiply_into(product, np.array([[1.0, 2.0]]), np.eye(2))
    >>> product.tolist()
    [[1.0, 2.0]]
    """
    if not target.flags.c_contiguous:
        message = "the product must be C-ordered."
        raise ValueError(message)
    # BLAS writes columns faster than rows, and pieces that stay in the cache are turned at no cost.
    scratch = np.empty((min(_PIECE, target.shape[0]), target.shape[1]), order="F")
    for start in range(0, target.shape[0], _PIECE):
        part = target[start : start + _PIECE]
        _multiply(scratch[: len(part)], left[start : start + _PIECE], right)
        part[:] = scratch[: len(part)]


def _multiply(target: Array, left: Array, right: Array) -> None:
    """Write the product of two matrices to columns."""
    if not target.size:
        return
    (of_left, left_values, leading_left), (of_right, right_values, leading_right) = (
        _operand(left),
        _operand(right),
    )
    n_rows, n_columns = target.shape
    _routine("dgemm")(
        of_left, of_right, _int(n_rows), _int(n_columns), _int(left.shape[1]), _real(1.0),
        left_values.ctypes.data, _int(leading_left), right_values.ctypes.data,
        _int(leading_right), _real(0.0), target.ctypes.data, _int(target.strides[1] // 8),
    )  # fmt: skip


def _operand(matrix: Array) -> tuple[bytes, Array, int]:
    """Return how Fortran has to take a matrix, the values, and their leading dimension."""
    steps = [stride // matrix.itemsize for stride in matrix.strides]
    if steps[0] == 1 and steps[1] >= max(1, matrix.shape[0]):
        return b"N", matrix, steps[1]
    if steps[1] == 1 and steps[0] >= max(1, matrix.shape[1]):
        return b"T", matrix, steps[0]
    copied = np.asfortranarray(matrix)
    return b"N", copied, max(1, matrix.shape[0])


@cache
def _routine(name: str) -> Any:  # noqa: ANN401  (a foreign function)
    """Return a routine of the BLAS that SciPy uses."""
    from scipy.linalg import cython_blas

    capsule = cython_blas.__pyx_capi__[name]
    interface = ctypes.pythonapi
    interface.PyCapsule_GetName.restype = ctypes.c_char_p
    interface.PyCapsule_GetName.argtypes = [ctypes.py_object]
    interface.PyCapsule_GetPointer.restype = ctypes.c_void_p
    interface.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    address = interface.PyCapsule_GetPointer(capsule, interface.PyCapsule_GetName(capsule))
    return ctypes.CFUNCTYPE(None, *_SIGNATURES[name])(address)


def _int(value: int) -> Any:  # noqa: ANN401  (a reference of ctypes)
    """Return a reference to an integer, as Fortran takes it."""
    return ctypes.byref(ctypes.c_int(value))


def _real(value: float) -> Any:  # noqa: ANN401  (a reference of ctypes)
    """Return a reference to a number, as Fortran takes it."""
    return ctypes.byref(ctypes.c_double(value))
