"""What a reduced quadrature must integrate: columns, target and scale, shared among the ranks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg.blas import dgemm, dgemv

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.core.errors import AccuracyError
from romnet.reduction.selection import TIE_TOLERANCE, best_points, owned

# Integrals below this part of what is integrated count as balanced.
_BALANCED = 1e-2


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


@dataclass(frozen=True, eq=False)
class CubatureProblem:
    r"""Integrals :math:`b = G w` that few points with other weights must reproduce.

    The last row of *G* is the constant one, weighing as much as all integrals together, unless the
    volume is left out. It is not stored: the integrands are never copied.

    Attributes
    ----------
    integrands
        Training integrands at the points of this rank [stress].
    numbers
        Global numbers of the points of this rank, ascending.
    comm
        The ranks.
    constant
        Value of the last row; zero without it.
    target
        Integrals of all rows over the whole mesh.
    scale
        What residuals are relative to.
    volume
        Of the whole mesh [volume].
    norms
        Norm of the column of each point of this rank; infinite where it vanishes.
    """

    integrands: Float[Array, "n_integrands n_points"]
    numbers: Int[Array, " n_points"]
    comm: Communicator
    constant: float
    target: Float[Array, " n_rows"]
    scale: float
    volume: float
    norms: Float[Array, " n_points"]

    @classmethod
    def build(
        cls,
        integrands: Float[Array, "n_integrands n_points"],
        weights: Float[Array, " n_points"],
        numbers: Int[Array, " n_points"],
        comm: Communicator,
        *,
        volume: bool = True,
    ) -> CubatureProblem:
        """Integrate over the whole mesh.

        Where stresses balance one another, as under heat or prescribed motion alone, the integrals
        vanish and cannot be a scale: then a part of what is integrated takes their place.

        Parameters
        ----------
        integrands
            Training integrands at the points of this rank [stress].
        weights
            Full quadrature weights of this rank [volume]; some rules have negative ones.
        numbers
            Global numbers of the points of this rank, ascending.
        comm
            The ranks.
        volume
            Whether the rule must integrate the constant one as well.

        Raises
        ------
        AccuracyError
            If an integrand is not finite.

        Notes
        -----
        Collective: yes. Mutates nothing.
        """
        squares = np.einsum("ij,ij->j", integrands, integrands)
        *integrals, total, square = comm.sum(
            np.concatenate([integrands @ weights, [weights.sum(), squares @ np.abs(weights)]])
        )
        loaded = float(np.linalg.norm(integrals))
        balanced = _BALANCED * float(np.sqrt(np.abs(total) * square))
        if not np.isfinite(loaded + balanced):
            message = (
                "cubature: an integrand holds NaN or infinite values; compute the stresses again."
            )
            raise AccuracyError(message)
        level = max(loaded, balanced) or float(total)
        constant = level / float(total) if volume else 0.0
        norms = np.sqrt(squares + constant**2)
        return cls(
            integrands=integrands,
            numbers=numbers,
            comm=comm,
            constant=constant,
            target=np.array([*integrals, level]) if volume else np.array(integrals),
            scale=float(np.hypot(loaded, level)) if volume else level,
            volume=float(total),
            norms=np.where(norms > 0.0, norms, np.inf),
        )

    @property
    def n_rows(self) -> int:
        """Rows, the constant one included."""
        return len(self.target)

    def scores(self, residuals: Float[Array, "n_rows n"]) -> Float[Array, "n_points n"]:
        """Return the cosines of residuals with this rank's columns, times the residuals' norms.

        Notes
        -----
        Collective: no. Cost: one pass over the integrands, whatever the number of residuals.
        """
        products = self.products(residuals)
        products /= self.norms[:, None]
        return products

    def scores_at(
        self, places: Int[Array, " n"], residual: Float[Array, " n_rows"]
    ) -> Float[Array, " n"]:
        """Return the scores of some of this rank's points, given by their places.

        Notes
        -----
        Collective: no.
        """
        n = len(self.integrands)
        products = residual[:n] @ self.integrands[:, places] + self.constant * residual[n:].sum()
        return np.asarray(products / self.norms[places])

    def products(self, vectors: Float[Array, "n_rows n"]) -> Float[Array, "n_points n"]:
        """Return the products of vectors with this rank's columns. Collective: no."""
        n = len(self.integrands)
        products = _transposed_product(self.integrands, vectors[:n])
        if len(vectors) > n:
            products += self.constant * vectors[n]
        return products

    def columns(self, points: Int[Array, " n"]) -> Float[Array, "n_rows n"]:
        """Give every rank the columns of some points of any rank. Collective: yes."""
        found, mine = owned(points, self.numbers)
        part = np.zeros((self.n_rows, len(points)), order="F")
        n = len(self.integrands)
        part[:n, found] = self.integrands[:, mine]
        part[n:, found] = self.constant
        return self.comm.sum(part)

    def best(
        self,
        scores: Float[Array, "n_points n"],
        excluded: list[Int[Array, " _"]],
        tie_tolerance: float = TIE_TOLERANCE,
    ) -> Int[Array, " n"]:
        """Return the best point of all ranks for each column of scores, or -1.

        Columns of `scores` are changed where points are `excluded`. Collective: yes.
        """
        for column, points in enumerate(excluded):
            scores[owned(points, self.numbers)[1], column] = -np.inf
        return best_points(scores, self.numbers, self.comm, tie_tolerance=tie_tolerance)

    def rule(
        self,
        points: Int[Array, " n_selected"],
        weights: Float[Array, " n_selected"],
        residual: Float[Array, " n_rows"],
        history: list[float],
    ) -> ReducedQuadrature:
        """Return selected points, given in any order, as a rule. Collective: no."""
        order = np.argsort(points)
        return ReducedQuadrature(
            points=np.asarray(points, dtype=np.int64)[order],
            weights=np.asarray(weights)[order],
            residual=float(np.linalg.norm(residual)) / self.scale,
            volume_error=abs(float(np.sum(weights)) - self.volume) / self.volume,
            history=np.array(history, dtype=float),
        )


def _transposed_product(matrix: Array, vectors: Array) -> Array:
    """Return matrix^T vectors, in one pass and without a copy of the matrix."""
    by_points, by_rows = matrix.flags.f_contiguous, matrix.flags.c_contiguous
    if 0 in matrix.shape or not (by_points or by_rows):
        return np.asarray(matrix.T @ vectors)
    if vectors.shape[1] == 1:
        vector = vectors[:, 0]
        product = dgemv(1.0, matrix, vector, trans=1) if by_points else dgemv(1.0, matrix.T, vector)
        return np.asarray(product[:, None])
    vectors = np.asfortranarray(vectors)
    if by_points:
        return np.asarray(dgemm(1.0, matrix, vectors, trans_a=1))
    return np.asarray(dgemm(1.0, matrix.T, vectors))
