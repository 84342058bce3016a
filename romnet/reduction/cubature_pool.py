"""The points that scored best at the last look, looked at quickly and decided upon exactly."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg.blas import sgemv

from romnet.core.arrays import Array
from romnet.reduction.cubature_problem import CubatureProblem
from romnet.reduction.selection import best_point, owned

# Unit roundoff of single precision.
_ROUNDOFF = 2.0**-24
# Points in a pool at least, of all ranks together.
_FEWEST = 256


class Pool:
    """The share of all points that scored best, a copy of their columns in single precision.

    A look computes the scores in single precision, half the memory traffic. Points that rounding
    may have kept from being the best are then compared in double precision: the answers are those
    of double precision throughout.

    Parameters
    ----------
    problem
        All points.
    scores
        Their scores, ``-inf`` for points that are no candidates.
    share
        Part of all points of all ranks that is wanted [-]; ties with the last one are in, so that
        the number of ranks does not matter.
    ties
        Relative width of a tie [-].

    Notes
    -----
    Collective: yes.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> problem = CubatureProblem.build(
    ...     np.array([[1.0, 2.0, 3.0]]), np.ones(3), np.arange(3), SerialCommunicator())
    >>> pool = Pool(problem, np.array([0.2, 0.3, -np.inf]), share=0.04, ties=1e-8)
    >>> pool.best(problem.target), pool.best(-problem.target)
    (1, -1)
    """

    def __init__(
        self,
        problem: CubatureProblem,
        scores: Float[Array, " n_points"],
        *,
        share: float,
        ties: float,
    ) -> None:
        self._problem = problem
        self._ties = ties
        self._kept = _best_share(problem, scores, share, ties)
        norms = problem.norms[self._kept, None]
        n = len(problem.integrands)
        # One column after the other: n_rows values each, of length one.
        self._columns = np.empty((len(self._kept), problem.n_rows), dtype=np.float32)
        np.divide(problem.integrands.T[self._kept], norms, out=self._columns[:, :n])
        self._columns[:, n:] = problem.constant / norms
        self._open = np.ones(len(self._kept), dtype=bool)

    def best(self, residual: Float[Array, " n_rows"]) -> int:
        """Return the global number of the point with the best score, or -1. Collective: yes."""
        numbers = self._problem.numbers[self._kept]
        length = float(np.linalg.norm(residual))
        if not (length > 0.0 and len(numbers)):
            return best_point(np.zeros(0), numbers[:0], self._problem.comm)[0]
        rough = sgemv(1.0, self._columns.T, (residual / length).astype(np.float32), trans=1)
        # Each is wrong by at most (n_rows + 3) roundoffs, as columns and residual have length one.
        doubt = 2.0 * (self._problem.n_rows + 3) * _ROUNDOFF + self._ties
        rough[~self._open] = -np.inf
        near = np.flatnonzero(rough >= rough.max() - doubt)
        near = near[self._open[near]]
        exact = self._problem.scores_at(self._kept[near], residual)
        return best_point(exact, numbers[near], self._problem.comm, tie_tolerance=self._ties)[0]

    def close(self, point: int) -> None:
        """Take a point out of the pool, on the rank that owns it."""
        self._open[owned(np.array([point]), self._problem.numbers[self._kept])[1]] = False


def _best_share(
    problem: CubatureProblem, scores: Array, share: float, ties: float
) -> Int[Array, " n"]:
    """Return the places of this rank's points in the share of all points that scored best."""
    comm = problem.comm
    n_points = int(comm.sum(np.array([float(len(scores))]))[0])
    size = min(n_points, max(_FEWEST, int(share * n_points)))
    mine = min(size, len(scores))
    best = np.partition(scores, len(scores) - mine)[len(scores) - mine :]
    every = comm.concatenate(best)
    last = float(np.partition(every, len(every) - size)[len(every) - size])
    return np.flatnonzero((scores >= last - ties * abs(last)) & np.isfinite(scores))
