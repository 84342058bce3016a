"""QR factors of a set of columns that grows and shrinks, by updates."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from jaxtyping import Float
from scipy.linalg.blas import ddot, dgemv, dnrm2
from scipy.linalg.lapack import dtrtri, dtrtrs

from romnet.core.arrays import Array

# A column whose part outside the span of the others is smaller than this belongs to the span.
_DEPENDENT = 1e-13
# A column with a larger part outside loses nothing that matters in one pass.
_MOSTLY_INSIDE = 0.2


@dataclass(eq=False)
class _Arrays:
    """Room for factors: Q, R in a square, Q^T b; and how many columns are taken."""

    q: Float[Array, "n_rows capacity"]
    r: Float[Array, "capacity capacity"]
    projected: Float[Array, " capacity"]
    used: int = 0

    @classmethod
    def empty(cls, n_rows: int, capacity: int) -> _Arrays:
        """Allocate; one more column is one more run of memory in Q and in R."""
        capacity = min(n_rows, capacity)
        q = np.empty((n_rows, capacity), order="F")
        return cls(q, np.empty((capacity, capacity), order="F"), np.empty(capacity))

    def copy(self, size: int, capacity: int) -> _Arrays:
        """Return a copy of the first columns, with room for more."""
        other = _Arrays.empty(len(self.q), max(capacity, size))
        other.q[:, :size] = self.q[:, :size]
        other.r[:size, :size] = self.r[:size, :size]
        other.projected[:size] = self.projected[:size]
        other.used = size
        return other


class GrowingFactors:
    """QR factors of columns that join and leave, and Q^T b, in arrays that are allocated ahead.

    Copies share the arrays: a column that joins one of them lies beyond what the other looks at.
    The arrays are copied when two would write at one place, or when a column leaves.

    Parameters
    ----------
    target
        b, at least as long as there will be columns.
    capacity
        Columns there is room for at first.

    Attributes
    ----------
    size
        Columns inside.

    Examples
    --------
    >>> factors = GrowingFactors(np.array([1.0, 2.0]))
    >>> factors.append(np.array([2.0, 0.0])), factors.append(np.array([4.0, 0.0]))
    (True, False)
    >>> factors.solution().tolist(), factors.residual().tolist()
    ([0.5], [0.0, 2.0])
    """

    def __init__(self, target: Float[Array, " n_rows"], capacity: int = 32) -> None:
        self._target = target
        self.size = 0
        self._arrays = _Arrays.empty(len(target), capacity)
        self._shared = False

    @property
    def orthogonal(self) -> Float[Array, "n_rows size"]:
        """Q (n_rows, size)."""
        return self._arrays.q[:, : self.size]

    @property
    def triangular(self) -> Float[Array, "size size"]:
        """R (size, size); what lies below the diagonal means nothing."""
        return self._arrays.r[: self.size, : self.size]

    def copy(self) -> GrowingFactors:
        """Return an independent copy that shares the arrays."""
        self._shared = True
        return copy.copy(self)

    def append(self, column: Float[Array, " n_rows"]) -> bool:
        """Extend the factors, unless the column depends on those that are in."""
        size = self.size
        if size == len(self._target):
            return False
        inside, outside = self._split(column)
        whole, length = float(dnrm2(column)), float(dnrm2(outside))
        if length < _MOSTLY_INSIDE * whole:  # a second pass keeps Q orthogonal
            correction, outside = self._split(outside)
            inside, length = inside + correction, float(dnrm2(outside))
        if length <= _DEPENDENT * whole:
            return False
        capacity = len(self._arrays.projected)
        if size == capacity or size < self._arrays.used:
            self._renew(2 * size if size == capacity else capacity)
        arrays = self._arrays
        arrays.r[:size, size] = inside
        arrays.r[size, size] = length
        arrays.q[:, size] = outside / length
        arrays.projected[size] = ddot(arrays.q[:, size], self._target)
        self.size = arrays.used = size + 1
        return True

    def give_back(self, before: GrowingFactors) -> None:
        """Give up the place of a column that joined since a copy was made."""
        if self._arrays is before._arrays:
            self._arrays.used = before.size

    def delete(self, position: int) -> None:
        """Take a column out by rotations."""
        if position == self.size - 1:
            self.size -= 1
            return
        if self._shared:
            self._renew(len(self._arrays.projected))
        rotated = scipy.linalg.qr_delete(
            self.orthogonal,
            self.triangular,
            position,
            which="col",
            overwrite_qr=True,
            check_finite=False,
        )
        arrays = self._arrays
        size = self.size = arrays.used = self.size - 1
        for values, place in zip(rotated, (self.orthogonal, self.triangular), strict=True):
            if values.ctypes.data != place.ctypes.data:  # SciPy may rotate a copy
                place[:] = values
        behind = arrays.q[:, position:size]  # columns before the one that left stay as they are
        arrays.projected[position:size] = dgemv(1.0, behind, self._target, trans=1)

    def solution(self) -> Float[Array, " size"]:
        """Return the coefficients of the unconstrained least squares."""
        if self.size == 0:
            return np.zeros(0)
        columns = self._arrays.r[:, : self.size]  # whole ones: LAPACK takes them where they are
        return np.asarray(dtrtrs(columns, self._arrays.projected[: self.size])[0])

    def inverse(self) -> Float[Array, "size size"]:
        """Return the inverse of R."""
        return np.asarray(dtrtri(np.triu(self.triangular), overwrite_c=True)[0])

    def outside(self, vector: Float[Array, " n_rows"]) -> Float[Array, " n_rows"]:
        """Return the part of a vector that is orthogonal to the columns."""
        return self._split(vector)[1]

    def residual(self) -> Float[Array, " n_rows"]:
        """Return the part of b that is orthogonal to the columns."""
        if self.size == 0:
            return self._target.copy()
        projected = self._arrays.projected[: self.size]
        return np.asarray(dgemv(-1.0, self.orthogonal, projected, beta=1.0, y=self._target))

    def _inside(self, vector: Array) -> Array:
        """Return the products with Q."""
        if self.size == 0:
            return np.zeros(0)
        return np.asarray(dgemv(1.0, self.orthogonal, vector, trans=1))

    def _split(self, vector: Array) -> tuple[Array, Array]:
        """Return the products with Q, and what is left of a vector without them."""
        inside = self._inside(vector)
        if self.size == 0:
            return inside, vector.copy()
        return inside, dgemv(-1.0, self.orthogonal, inside, beta=1.0, y=vector)

    def _renew(self, capacity: int) -> None:
        """Go on in arrays of its own."""
        self._arrays = self._arrays.copy(self.size, capacity)
        self._shared = False
