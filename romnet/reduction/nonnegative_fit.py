"""Non-negative least squares over a set of columns that grows and shrinks, by QR updates."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from jaxtyping import Float
from scipy.linalg.blas import daxpy, ddot, dgemv, dger, dnrm2
from scipy.linalg.lapack import dtrtri, dtrtrs

from romnet.core.arrays import Array

# A column whose part outside the span of the others is smaller than this belongs to the span.
_DEPENDENT = 1e-13
# A column with a larger part outside loses nothing that matters in one pass.
_MOSTLY_INSIDE = 0.2
# Once the residual has shrunk to this part, rounding along the columns is taken out of it.
_SHRUNK = 0.1


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
        self._clean = self.residual_norm

    @property
    def residual_norm(self) -> float:
        """Euclidean norm of the residual."""
        return float(dnrm2(self.residual))

    def outside(self, vector: Float[Array, " n_rows"]) -> Float[Array, " n_rows"]:
        """Return the part of a vector that is orthogonal to the columns that are in."""
        return self._factors.outside(vector)

    def directions(self, columns: Float[Array, "n_rows n"]) -> Float[Array, "n_rows n"]:
        """Return an orthonormal basis of the columns' part outside the span of those inside."""
        if columns.shape[1] == 0:
            return columns
        outside = np.stack([self.outside(column) for column in columns.T], axis=1)
        return np.asarray(np.linalg.qr(outside)[0])

    def copy(self) -> NonnegativeFit:
        """Return an independent copy; factors are shared until one of the two needs others."""
        other = copy.copy(self)  # labels, coefficients and residual are replaced, never changed
        other._factors = self._factors.copy()  # noqa: SLF001
        return other

    def add(self, label: int, column: Float[Array, " n_rows"]) -> bool:
        """Let a column join and refit; answer whether that lowered the residual."""
        after = self.with_column(label, column)
        if after is None:
            return False
        vars(self).update(vars(after))
        return True

    def with_column(self, label: int, column: Float[Array, " n_rows"]) -> NonnegativeFit | None:
        """Return the fit that a column joined, or nothing where that lowers no residual."""
        after = self.copy()
        return after if after._joined(label, column, self) else None  # noqa: SLF001

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

    def prune(self, goal: float, *, ties: float = 0.0) -> None:
        """Let the cheapest columns leave as long as the residual stays within a goal.

        Costs within `ties` (relatively) of the smallest count as tied; the smallest label leaves.
        """
        before = self.copy()
        for label in self._dispensable(goal, ties):
            self._drop(self.labels.index(label))
        self._settle(self._factors.solution())
        if self.residual_norm > goal:  # by rounding
            vars(self).update(vars(before))

    def _dispensable(self, goal: float, ties: float) -> list[int]:
        """Return labels that can leave together, by the algebra of the normal equations."""
        inverse = self._factors.inverse()
        gram = inverse @ inverse.T
        weights, labels = self.coefficients.copy(), np.array(self.labels)
        inside = np.ones(len(labels), dtype=bool)
        square = self.residual_norm**2
        while inside.sum() > 1:
            costs = np.where(inside, weights**2 / np.diag(gram), np.inf)
            tied = np.flatnonzero(costs <= costs.min() * (1.0 + ties))
            leaving = tied[np.argmin(labels[tied])]
            direction = gram[leaving] / gram[leaving, leaving]
            moved = weights - weights[leaving] * direction
            inside[leaving] = False
            if square + costs[leaving] > goal**2 or not (moved[inside] > 0.0).all():
                inside[leaving] = True
                break
            square, weights = square + costs[leaving], moved
            gram = dger(-1.0, gram[leaving], direction, a=gram)
            gram[leaving, leaving] = 1.0
        return [int(label) for label in labels[~inside]]

    def removal_costs(self) -> Float[Array, " n_columns"]:
        """Return by how much the square of the residual grows when each column leaves.

        Exact as long as the coefficients of the others stay positive, a lower bound otherwise.
        """
        inverse = self._factors.inverse()
        return np.asarray(self.coefficients**2 / (inverse**2).sum(axis=1))

    def _joined(self, label: int, column: Array, before: NonnegativeFit) -> bool:
        """Let a column join and refit; where that lowers no residual, the fit is spoilt."""
        if not self._factors.append(column):
            return False
        self.labels = [*self.labels, label]
        self.coefficients = np.append(self.coefficients, 0.0)
        free = self._factors.solution()
        if free.min() > 0.0:
            self._extend(free)
        elif free[-1] > 0.0:
            self._settle(free)
        if self.residual_norm < before.residual_norm:
            return True
        self._factors.give_back(before._factors)
        return False

    def _extend(self, free: Array) -> None:
        """Go to the optimum after a column joined and none leaves."""
        direction = self._factors.orthogonal[:, -1]
        self.coefficients = free
        # The old residual has no part inside but along the new column.
        self.residual = daxpy(direction, self.residual.copy(), a=-ddot(direction, self.residual))
        if self.residual_norm < _SHRUNK * self._clean:
            self.residual = self._factors.outside(self.residual)
            self._clean = self.residual_norm

    def _settle(self, free: Array) -> None:
        """Go to the optimum over the columns inside; those that would turn negative leave."""
        while not (free > 0.0).all():
            self._retreat(free)
            free = self._factors.solution()
        self.coefficients = free
        rest = self._factors.residual()
        # Once more: small residuals must stay orthogonal, their products choose the next point.
        self.residual = self._factors.outside(rest)
        self._clean = self.residual_norm

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


class _Factors:
    """QR factors of columns, and Q^T b, in arrays that are allocated ahead.

    Copies share the arrays: a column that joins one of them lies beyond what the other looks at.
    The arrays are copied when two would write at one place, or when a column leaves.
    """

    def __init__(self, target: Array, capacity: int = 32) -> None:
        self._target = target
        self.size = 0
        self._arrays = _Arrays.empty(len(target), capacity)
        self._shared = False

    @property
    def orthogonal(self) -> Array:
        """Q (n_rows, size)."""
        return self._arrays.q[:, : self.size]

    @property
    def triangular(self) -> Array:
        """R (size, size); what lies below the diagonal means nothing."""
        return self._arrays.r[: self.size, : self.size]

    def copy(self) -> _Factors:
        """Return an independent copy that shares the arrays."""
        self._shared = True
        return copy.copy(self)

    def append(self, column: Array) -> bool:
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

    def give_back(self, before: _Factors) -> None:
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

    def solution(self) -> Array:
        """Return the coefficients of the unconstrained least squares."""
        if self.size == 0:
            return np.zeros(0)
        columns = self._arrays.r[:, : self.size]  # whole ones: LAPACK takes them where they are
        return np.asarray(dtrtrs(columns, self._arrays.projected[: self.size])[0])

    def inverse(self) -> Array:
        """Return the inverse of R."""
        return np.asarray(dtrtri(np.triu(self.triangular), overwrite_c=True)[0])

    def outside(self, vector: Array) -> Array:
        """Return the part of a vector that is orthogonal to the columns."""
        return self._split(vector)[1]

    def residual(self) -> Array:
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
