"""Non-negative least squares over a set of columns that grows and shrinks, by QR updates."""

from __future__ import annotations

import copy

import numpy as np
import scipy.linalg
from jaxtyping import Float

from romnet.core.arrays import Array

# A column whose part outside the span of the others is smaller than this belongs to the span.
_DEPENDENT = 1e-13


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
        self._factors = _Factors(len(target))
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
        free = self._factors.solution(self._target)
        if not (free > 0.0).all():
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
        self._settle(self._factors.solution(self._target))

    def remove(self, label: int) -> None:
        """Let a column leave and refit; others may leave too."""
        self._drop(self.labels.index(label))
        self._settle(self._factors.solution(self._target))

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
            free = self._factors.solution(self._target)
        self.coefficients = free
        self.residual = self._factors.outside(self._target)

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
    """QR factors of columns, in arrays that are allocated ahead."""

    def __init__(self, n_rows: int, capacity: int = 32) -> None:
        self.n_rows = n_rows
        self.size = 0
        self._q = np.empty((n_rows, min(n_rows, capacity)), order="F")
        self._r = np.zeros((self._q.shape[1],) * 2, order="F")

    @property
    def orthogonal(self) -> Array:
        """Q (n_rows, size)."""
        return self._q[:, : self.size]

    @property
    def triangular(self) -> Array:
        """R (size, size)."""
        return self._r[: self.size, : self.size]

    def copy(self) -> _Factors:
        """Return an independent copy."""
        other = _Factors(self.n_rows, self._q.shape[1])
        other.size = self.size
        other.orthogonal[:] = self.orthogonal
        other.triangular[:] = self.triangular
        return other

    def append(self, column: Array) -> bool:
        """Extend the factors, unless the column depends on those that are in."""
        if self.size == self.n_rows:
            return False
        inside = self.orthogonal.T @ column
        outside: Array = column - self.orthogonal @ inside
        correction = self.orthogonal.T @ outside  # a second pass keeps Q orthogonal
        outside -= self.orthogonal @ correction
        length = float(np.linalg.norm(outside))
        if length <= _DEPENDENT * float(np.linalg.norm(column)):
            return False
        if self.size == self._q.shape[1]:
            self._grow()
        size = self.size
        self.size += 1
        self._q[:, size] = outside / length
        self._r[:size, size] = inside + correction
        self._r[size, size] = length
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
            np.array(self.triangular, order="F"),
            position,
            which="col",
            overwrite_qr=True,
            check_finite=False,
        )
        self.size -= 1
        if orthogonal.ctypes.data != self._q.ctypes.data:
            self.orthogonal[:] = orthogonal[:, : self.size]
        self.triangular[:] = triangular[: self.size]

    def solution(self, target: Array) -> Array:
        """Return the coefficients of the unconstrained least squares."""
        projected = self.orthogonal.T @ target
        return np.asarray(
            scipy.linalg.solve_triangular(self.triangular, projected, check_finite=False)
        )

    def inverse(self) -> Array:
        """Return the inverse of R."""
        identity = np.eye(self.size)
        return np.asarray(
            scipy.linalg.solve_triangular(self.triangular, identity, check_finite=False)
        )

    def outside(self, vector: Array) -> Array:
        """Return the part of a vector that is orthogonal to the columns."""
        rest: Array = vector - self.orthogonal @ (self.orthogonal.T @ vector)
        # Once more: small residuals must stay orthogonal, their products choose the next point.
        return np.asarray(rest - self.orthogonal @ (self.orthogonal.T @ rest))

    def _grow(self) -> None:
        """Make room for twice as many columns."""
        larger = _Factors(self.n_rows, 2 * self.size)
        larger.size = self.size
        larger.orthogonal[:] = self.orthogonal
        larger.triangular[:] = self.triangular
        self._q, self._r = larger._q, larger._r
