"""Non-negative least squares over a set of columns that grows and shrinks, by QR updates."""

from __future__ import annotations

import copy

import numpy as np
from jaxtyping import Float
from scipy.linalg.blas import daxpy, ddot, dger, dnrm2

from romnet.core.arrays import Array
from romnet.reduction.growing_factors import GrowingFactors

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
        self._factors = GrowingFactors(target)
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
