"""Non-negative least squares over a set of columns that grows and shrinks, by QR updates."""

from __future__ import annotations

import copy

import numpy as np
import scipy.linalg
from jaxtyping import Float
from scipy.linalg.blas import dgemv, dtpsv
from scipy.linalg.lapack import dtpttr, dtrttp

from romnet.core.arrays import Array

# A column whose part outside the span of the others is smaller than this belongs to the span.
_DEPENDENT = 1e-13
# A column with a larger part outside loses nothing that matters in one pass.
_MOSTLY_INSIDE = 0.5


class NonnegativeFit:
    r"""Non-negative least squares over a set of columns that grows and shrinks, by QR updates.

    Solves :math:`\min_{x \ge 0} \|b - A x\|` for the columns added so far. A column that joins is
    appended to the factorisation; one whose coefficient would turn negative leaves by a sequence
    of rotations: O(rows x columns) work, never a new factorisation. The factors live in arrays
    that are allocated ahead.

    Attributes
    ----------
    labels
        What the caller called the columns that are in.
    coefficients
        Their coefficients, positive.
    residual
        :math:`b - A x`.

    Examples
    --------
    >>> fit = NonnegativeFit(np.array([1.0, 2.0]))
    >>> fit.add(5, np.array([1.0, 1.0])), fit.add(3, np.array([0.0, 1.0]))
    (True, True)
    >>> fit.labels, fit.coefficients.round(12).tolist()
    ([5, 3], [1.0, 1.0])
    """

    def __init__(self, target: Float[Array, " n_rows"]) -> None:
        self._target = target
        self._factors = _Factors(target)
        self.labels: list[int] = []
        self.coefficients: Float[Array, " n_columns"] = np.zeros(0)
        self.residual: Float[Array, " n_rows"] = target.copy()

    @property
    def residual_norm(self) -> float:
        """Euclidean norm of the residual."""
        return float(np.linalg.norm(self.residual))

    def outside(self, vector: Float[Array, " n_rows"]) -> Float[Array, " n_rows"]:
        """Return the part of a vector that is orthogonal to the columns that are in."""
        return self._factors.outside(vector)

    def copy(self) -> NonnegativeFit:
        """Return an independent copy."""
        other = copy.copy(self)  # labels, coefficients and residual are replaced, never changed
        other._factors = self._factors.copy()  # noqa: SLF001
        return other

    def add(self, label: int, column: Float[Array, " n_rows"]) -> bool:
        """Let a column join and refit; answer whether that lowered the residual."""
        if not self._factors.append(column):
            return False
        before = self.labels, self.coefficients, self.residual
        previous = self.residual_norm
        kept: _Factors | None = None
        self.labels = [*self.labels, label]
        self.coefficients = np.append(self.coefficients, 0.0)
        free = self._factors.solution()
        if (free > 0.0).all():
            # The old residual has no part inside but along the new column.
            self.coefficients, self.residual = free, self._factors.outside(self.residual)
        else:
            kept = self._factors.copy()
            self._settle(free)
        if self.residual_norm < previous:
            return True
        if kept is not None:
            self._factors = kept
        self._factors.pop()
        self.labels, self.coefficients, self.residual = before
        return False

    def add_all(
        self,
        labels: list[int],
        columns: Float[Array, "n_rows n_new"],
        coefficients: Float[Array, " n_new"],
    ) -> None:
        """Let columns join at coefficients that are not negative, then refit.

        Dependent columns stay out; those whose coefficient vanishes on the way leave again.
        """
        for number, label in enumerate(labels):
            if self._factors.append(columns[:, number]):
                self.labels = [*self.labels, label]
                self.coefficients = np.append(self.coefficients, coefficients[number])
        self._settle(self._factors.solution())

    def remove(self, label: int) -> None:
        """Let a column leave and refit; others may leave too."""
        self._drop(self.labels.index(label))
        self._settle(self._factors.solution())

    def removal_costs(self) -> Float[Array, " n_columns"]:
        """Return by how much the square of the residual grows when each column leaves.

        Exact as long as the coefficients of the others stay positive, a lower bound otherwise.
        """
        inverse = self._factors.inverse()
        return np.asarray(self.coefficients**2 / (inverse**2).sum(axis=1))

    def _settle(self, free: Array) -> None:
        """Go to the optimum over the columns inside; those that would turn negative leave."""
        while not (free > 0.0).all():
            self._retreat(free)
            free = self._factors.solution()
        self.coefficients = free
        rest = self._factors.outside(self._target)
        # Once more: small residuals must stay orthogonal, their products choose the next point.
        self.residual = self._factors.outside(rest)

    def _retreat(self, free: Array) -> None:
        """Move towards the free optimum until a coefficient vanishes; its column leaves."""
        blocked = np.flatnonzero(free <= 0.0)
        now = self.coefficients[blocked]
        ratios = np.divide(now, now - free[blocked], out=np.zeros_like(now), where=now > 0.0)
        step = float(ratios.min())
        self.coefficients = self.coefficients + step * (free - self.coefficients)
        leaving = blocked[ratios <= step]
        for position in sorted(leaving.tolist(), reverse=True):
            self._drop(position)

    def _drop(self, position: int) -> None:
        """Take one column out, without a new fit."""
        self._factors.delete(position)
        self.labels = self.labels[:position] + self.labels[position + 1 :]
        self.coefficients = np.delete(self.coefficients, position)


class _Factors:
    """QR factors of columns, and Q^T b, in arrays that are allocated ahead.

    The triangle is packed column by column: one more column is one more run of memory.
    """

    def __init__(self, target: Array, capacity: int = 32) -> None:
        self._target = target
        self.size = 0
        capacity = min(len(target), capacity)
        self._q = np.empty((len(target), capacity), order="F")
        self._r = np.empty(capacity * (capacity + 1) // 2)
        self._projected = np.empty(capacity)

    @property
    def orthogonal(self) -> Array:
        """Q (n_rows, size)."""
        return self._q[:, : self.size]

    @property
    def triangular(self) -> Array:
        """R (size, size)."""
        if self.size == 0:
            return np.zeros((0, 0))
        return np.asarray(dtpttr(self.size, self._r[: _packed(self.size)])[0])

    def copy(self, capacity: int = 0) -> _Factors:
        """Return an independent copy, with room for more columns if asked."""
        other = _Factors(self._target, max(capacity, len(self._projected)))
        size = other.size = self.size
        other.orthogonal[:] = self.orthogonal
        other._r[: _packed(size)] = self._r[: _packed(size)]
        other._projected[:size] = self._projected[:size]
        return other

    def append(self, column: Array) -> bool:
        """Extend the factors, unless the column depends on those that are in."""
        size = self.size
        if size == len(self._target):
            return False
        inside, outside = self._split(column)
        whole, length = float(np.linalg.norm(column)), float(np.linalg.norm(outside))
        if length < _MOSTLY_INSIDE * whole:  # a second pass keeps Q orthogonal
            correction, outside = self._split(outside)
            inside, length = inside + correction, float(np.linalg.norm(outside))
        if length <= _DEPENDENT * whole:
            return False
        if size == len(self._projected):
            vars(self).update(vars(self.copy(2 * size)))
        start = _packed(size)
        self._r[start : start + size] = inside
        self._r[start + size] = length
        self._q[:, size] = outside / length
        self._projected[size] = self._q[:, size] @ self._target
        self.size += 1
        return True

    def pop(self) -> None:
        """Forget the last column."""
        self.size -= 1

    def delete(self, position: int) -> None:
        """Take a column out by rotations."""
        if position == self.size - 1:
            self.pop()
            return
        orthogonal, triangular = scipy.linalg.qr_delete(
            self.orthogonal,
            self.triangular,
            position,
            which="col",
            overwrite_qr=True,
            check_finite=False,
        )
        size = self.size = self.size - 1
        if orthogonal.ctypes.data != self._q.ctypes.data:
            self.orthogonal[:] = orthogonal[:, :size]
        self._r[: _packed(size)] = dtrttp(np.asfortranarray(triangular[:size]))[0]
        self._projected[:size] = self.orthogonal.T @ self._target

    def solution(self) -> Array:
        """Return the coefficients of the unconstrained least squares."""
        size = self.size
        if size == 0:
            return np.zeros(0)
        return np.asarray(dtpsv(size, self._r[: _packed(size)], self._projected[:size]))

    def inverse(self) -> Array:
        """Return the inverse of R."""
        identity = np.eye(self.size)
        return np.asarray(
            scipy.linalg.solve_triangular(self.triangular, identity, check_finite=False)
        )

    def outside(self, vector: Array) -> Array:
        """Return the part of a vector that is orthogonal to the columns."""
        return self._split(vector)[1]

    def _split(self, vector: Array) -> tuple[Array, Array]:
        """Return the products with Q, and what is left of a vector without them."""
        if self.size == 0:
            return np.zeros(0), vector.copy()
        inside = dgemv(1.0, self.orthogonal, vector, trans=1)
        return inside, dgemv(-1.0, self.orthogonal, inside, beta=1.0, y=vector)


def _packed(size: int) -> int:
    """Return how many values a packed triangle has."""
    return size * (size + 1) // 2
