"""Several selections between two looks at all points: chosen in a pool, verified afterwards."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int

from romnet.core.arrays import Array
from romnet.reduction.cubature_pool import Pool
from romnet.reduction.cubature_problem import CubatureProblem
from romnet.reduction.nonnegative_fit import NonnegativeFit
from romnet.reduction.selection import NOTHING, owned

# Factors are copied for each choice that makes points leave: so many at most are kept.
_MOST_COPIES = 8
# Choices looked at when the pool fell short.
_MOST_LOOKS = 4


@dataclass(frozen=True, eq=False)
class Selection:
    """A greedy selection under way.

    Attributes
    ----------
    fit
        Points inside and their weights.
    refused
        Points that were of no use since the last one that was.
    history
        Residual after each selection [-].
    """

    fit: NonnegativeFit
    refused: tuple[int, ...] = ()
    history: tuple[float, ...] = ()

    def taken(self) -> Int[Array, " n"]:
        """Return the points that are no candidates."""
        return np.array([*self.fit.labels, *self.refused], dtype=np.int64)

    def with_point(self, point: int, problem: CubatureProblem) -> Selection:
        """Return the selection after a point was offered. Collective: yes."""
        fit = self.fit.with_column(point, problem.columns(np.array([point]))[:, 0])
        if fit is None:
            return replace(self, refused=(*self.refused, point))
        return Selection(fit, (), (*self.history, fit.residual_norm / problem.scale))


class Batch:
    """Choices in a pool of points, one after the other, and the states between them.

    Attributes
    ----------
    points
        Chosen, in this order.
    states
        Before the first choice, and after each.
    """

    def __init__(self, start: Selection, problem: CubatureProblem) -> None:
        self._problem = problem
        self.points: list[int] = []
        self.states = [start]

    def run(self, pool: Pool, *, goal: float, width: int) -> None:
        """Choose until the residual meets the goal, `width` times at most. Collective: yes."""
        copies = 0
        while len(self.points) < width and copies < _MOST_COPIES:
            state = self.states[-1]
            point = pool.best(state.fit.residual)
            if point == NOTHING:
                return
            after = state.with_point(point, self._problem)
            copies += len(after.fit.labels) <= len(state.fit.labels)
            pool.close(point)
            self.points.append(point)
            self.states.append(after)
            if after.fit.residual_norm <= goal:
                return

    def verified(self, pool: Pool, enough: float) -> tuple[int, Array]:
        """Return how many choices stand, and the scores of all points after them (n_points, 1).

        Where what the pool would offer next scores at least `enough` of the best of all points,
        all choices stand. Else some of them, evenly spread, are looked at, and the first that fell
        short is undone with all that came after it. The very first choice stands in any case.

        Notes
        -----
        Collective: yes. Cost: one pass over all points, two where the pool fell short.
        """
        n = len(self.points)
        state = self.states[n]
        scores = self._problem.scores(state.fit.residual[:, None])
        offered = pool.best(state.fit.residual)
        if n == 1 or (offered != NOTHING and self._near([n], [offered], scores, enough).all()):
            return n, scores
        steps = np.unique(np.linspace(1, n - 1, _MOST_LOOKS).astype(int)).tolist()
        residuals = [self.states[step].fit.residual for step in steps]
        earlier = self._problem.scores(np.stack(residuals, axis=1))
        near = self._near(steps, [self.points[step] for step in steps], earlier, enough)
        if near.all():
            return n, scores
        first = int(np.argmin(near))
        return steps[first], earlier[:, first : first + 1]

    def _near(self, steps: list[int], chosen: list[int], scores: Array, enough: float) -> Array:
        """Whether the scores of chosen points come near the best ones. Collective: yes."""
        best = self._problem.best(scores, [self.states[step].taken() for step in steps])
        found, mine = owned(np.concatenate([best, chosen]), self._problem.numbers)
        values = np.zeros(2 * len(steps))
        values[found] = scores[mine, np.tile(np.arange(len(steps)), 2)[found]]
        top, own = self._problem.comm.sum(values).reshape(2, -1)
        return np.asarray(own >= enough * top)
