"""Empirical cubature: few integration points with non-negative weights instead of all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.core.errors import AccuracyError
from romnet.reduction.selection import NOTHING, TIE_TOLERANCE, at_points, best_point, owned

# Integrals below this part of what is integrated count as balanced.
_BALANCED = 1e-2
# So many candidates in a row that do not lower the residual: only rounding is left of it.
_PATIENCE = 100


@dataclass(frozen=True)
class ReducedQuadrature:
    """Selected points and weights, the same on every rank.

    Attributes
    ----------
    points
        Global numbers of the selected points, ascending.
    weights
        Their weights, positive [volume].
    residual
        Relative error of the integrals of the training integrands [-].
    volume_error
        Relative error of the integral of one [-].
    history
        Residual after each selection [-].
    """

    points: Int[Array, " n_selected"]
    weights: Float[Array, " n_selected"]
    residual: float
    volume_error: float
    history: Float[Array, " n_steps"]


def empirical_cubature(
    integrands: Float[Array, "n_integrands n_points"],
    weights: Float[Array, " n_points"],
    numbers: Int[Array, " n_points"],
    *,
    tolerance: float,
    comm: Communicator,
    tie_tolerance: float = TIE_TOLERANCE,
) -> ReducedQuadrature:
    r"""Select points and non-negative weights that reproduce given integrals.

    Greedy selection: the point whose integrand column has the largest cosine with the residual
    joins the set; then the weights of the set are refitted by non-negative least squares, where a
    point whose weight would become negative leaves. One row more makes the rule integrate the
    volume. The published rule lets every rank select alone; here the selection is global, so that
    the points do not depend on the number of ranks and the residual is that of the whole.

    Parameters
    ----------
    integrands
        Training integrands at the points of this rank [stress].
    weights
        Full quadrature weights of this rank [volume]; some rules have negative ones.
    numbers
        Global numbers of the points of this rank.
    tolerance
        Largest accepted relative residual :math:`\|Gx - Gw\|_2 / \|Gw\|_2` [-], in ``(0, 1)``;
        relative to 1 % of what is integrated where stresses balance one another and :math:`Gw`
        vanishes.
    comm
        The ranks.
    tie_tolerance
        Candidates this close (relatively) to the best score count as tied; the smallest point
        number wins.

    Returns
    -------
    ReducedQuadrature
        At most ``n_integrands + 1`` points; ``residual <= tolerance``.

    Raises
    ------
    ValueError
        If `tolerance` lies outside ``(0, 1)``.
    AccuracyError
        If an integrand is not finite, or if no further point lowers the residual; the message
        gives the residual.

    Notes
    -----
    Collective: yes. Deterministic: yes, for any number of ranks. Mutates nothing. Cost: one
    ``n_integrands x n_points`` product and one update of a QR factorisation for each selection.

    References
    ----------
    .. [1] J.A. Hernandez, M.A. Caicedo, A. Ferrer, "Dimensional hyper-reduction of nonlinear finite
       element models via empirical cubature", Comput. Methods Appl. Mech. Eng. 313 (2017) 687-722.
    .. [2] M. Yaghoobi, D. Wu, M.E. Davies, "Fast non-negative orthogonal matching pursuit", IEEE
       Signal Process. Lett. 22 (2015).

    Examples
    --------
    Cubic polynomials on 41 points need at most four:

    >>> from romnet.core.communicator import SerialCommunicator
    >>> nodes = np.linspace(-1.0, 1.0, 41)
    >>> full = np.full(41, 2.0 / 41)
    >>> rule = empirical_cubature(np.vander(nodes, 4).T, full, np.arange(41), tolerance=1e-6,
    ...     comm=SerialCommunicator())
    >>> bool(rule.weights.min() > 0.0), rule.points.size <= 5, rule.residual <= 1e-6
    (True, True, True)
    >>> round(float(rule.weights.sum()), 5)
    2.0
    """
    if not 0.0 < tolerance < 1.0:
        message = f"cubature tolerance must lie in (0, 1), got {tolerance:g}."
        raise ValueError(message)
    rows, target, scale = _with_volume(integrands, weights, comm)
    norms = np.sqrt((rows**2).sum(axis=0))
    if not np.isfinite(scale):
        message = "cubature: an integrand holds NaN or infinite values; compute the stresses again."
        raise AccuracyError(message)
    fit = NonnegativeFit(target)
    history: list[float] = []
    refused: set[int] = set()

    while fit.residual_norm > tolerance * scale:
        scores = (fit.residual @ rows) / np.where(norms > 0.0, norms, np.inf)
        taken = np.array([*fit.labels, *refused], dtype=np.int64)
        scores[owned(taken, numbers)[1]] = -np.inf
        point, _ = best_point(scores, numbers, comm, tie_tolerance=tie_tolerance)
        if point == NOTHING or len(refused) >= _PATIENCE:
            message = (
                f"cubature: no further point lowers the relative residual "
                f"{fit.residual_norm / scale:.2e} (tolerance {tolerance:.1e}) with "
                f"{len(fit.labels)} points; try a tolerance above this residual."
            )
            raise AccuracyError(message)
        if fit.add(point, at_points(np.array([point]), rows.T, numbers, comm)[0]):
            refused.clear()
            history.append(fit.residual_norm / scale)
        else:
            refused.add(point)

    order = np.argsort(fit.labels)
    volume = float(comm.sum(np.array([weights.sum()]))[0])
    return ReducedQuadrature(
        points=np.array(fit.labels, dtype=np.int64)[order],
        weights=fit.coefficients[order],
        residual=fit.residual_norm / scale,
        volume_error=abs(float(fit.coefficients.sum()) - volume) / volume,
        history=np.array(history),
    )


class NonnegativeFit:
    r"""Non-negative least squares over a growing set of columns, by QR updates.

    Solves :math:`\min_{x \ge 0} \|b - A x\|` for the columns added so far. A column that joins is
    appended to the factorisation; one whose coefficient would turn negative leaves by a sequence
    of rotations: O(rows x columns) work, never a new factorisation.

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
        self._orthogonal = np.zeros((len(target), 0))
        self._triangular = np.zeros((0, 0))
        self.labels: list[int] = []
        self.coefficients: Float[Array, " n_columns"] = np.zeros(0)
        self.residual: Float[Array, " n_rows"] = target.copy()

    @property
    def residual_norm(self) -> float:
        """Euclidean norm of the residual."""
        return float(np.linalg.norm(self.residual))

    def add(self, label: int, column: Float[Array, " n_rows"]) -> bool:
        """Let a column join and refit; answer whether that lowered the residual."""
        before = self._copy()
        if not self._append(label, column):
            return False
        while True:
            free = scipy.linalg.solve_triangular(
                self._triangular, self._orthogonal.T @ self._target
            )
            if (free > 0.0).all():
                break
            self._retreat(free)
        self.coefficients = free
        previous = self.residual_norm
        rest = self._target - self._orthogonal @ (self._orthogonal.T @ self._target)
        # Once more: small residuals must stay orthogonal, their products choose the next point.
        self.residual = rest - self._orthogonal @ (self._orthogonal.T @ rest)
        if self.residual_norm < previous:
            return True
        self._restore(before)
        return False

    def _append(self, label: int, column: Array) -> bool:
        """Extend the factorisation, unless the column depends on those that are in."""
        inside = self._orthogonal.T @ column
        outside = column - self._orthogonal @ inside
        correction = self._orthogonal.T @ outside  # a second pass keeps Q orthogonal
        outside -= self._orthogonal @ correction
        length = float(np.linalg.norm(outside))
        if length <= 1e-13 * float(np.linalg.norm(column)):
            return False
        size = len(self.labels)
        triangular = np.zeros((size + 1, size + 1))
        triangular[:size, :size] = self._triangular
        triangular[:size, size] = inside + correction
        triangular[size, size] = length
        self._triangular = triangular
        self._orthogonal = np.hstack([self._orthogonal, outside[:, None] / length])
        self.labels = [*self.labels, label]
        self.coefficients = np.append(self.coefficients, 0.0)
        return True

    def _retreat(self, free: Array) -> None:
        """Move towards the free optimum until a coefficient vanishes; its column leaves."""
        blocked = np.flatnonzero(free <= 0.0)
        now = self.coefficients[blocked]
        ratios = np.divide(now, now - free[blocked], out=np.zeros_like(now), where=now > 0.0)
        step = float(ratios.min())
        self.coefficients = self.coefficients + step * (free - self.coefficients)
        leaving = blocked[ratios <= step]
        for position in sorted(leaving.tolist(), reverse=True):
            self._orthogonal, self._triangular = scipy.linalg.qr_delete(
                self._orthogonal, self._triangular, position, which="col"
            )
            size = len(self.labels) - 1
            self._orthogonal = self._orthogonal[:, :size]
            self._triangular = self._triangular[:size]
            self.labels = self.labels[:position] + self.labels[position + 1 :]
            self.coefficients = np.delete(self.coefficients, position)

    def _copy(self) -> tuple[Array, Array, list[int], Array, Array]:
        """Remember the fit; every part is replaced, never changed in place."""
        return (
            self._orthogonal,
            self._triangular,
            self.labels,
            self.coefficients,
            self.residual,
        )

    def _restore(self, saved: tuple[Array, Array, list[int], Array, Array]) -> None:
        """Return to a remembered fit."""
        (
            self._orthogonal,
            self._triangular,
            self.labels,
            self.coefficients,
            self.residual,
        ) = saved


def _with_volume(
    integrands: Array, weights: Array, comm: Communicator
) -> tuple[Array, Array, float]:
    """Append a constant row; return rows, their integrals and the scale of residuals.

    The constant weighs as much as all integrals together. Where stresses balance one another, as
    under heat or prescribed motion alone, the integrals vanish and cannot be a scale: then a part
    of what is integrated takes their place.
    """
    squares = (integrands**2).sum(axis=0) @ np.abs(weights)
    *integrals, volume, square = comm.sum(
        np.concatenate([integrands @ weights, [weights.sum(), squares]])
    )
    loaded = float(np.linalg.norm(integrals))
    level = max(loaded, _BALANCED * float(np.sqrt(volume * square))) or float(volume)
    rows = np.vstack([integrands, np.full((1, integrands.shape[1]), level / volume)])
    return rows, np.array([*integrals, level]), float(np.hypot(loaded, level))
