"""Fewer points at equal tolerance: better-chosen additions, exact removals, exchanges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.reduction.cubature import check_tolerance, out_of_reach
from romnet.reduction.cubature_problem import CubatureProblem, ReducedQuadrature
from romnet.reduction.nonnegative_fit import NonnegativeFit
from romnet.reduction.selection import TIE_TOLERANCE, best_point, owned

# Squares of deflated norms below this part of the norms' are rounding.
_DEPENDENT = 1e-10
# Candidates this close to the best are compared again without rounding of updated norms.
_CLOSE = 1e-3
_MOST_CONTENDERS = 64
# So many candidates in a row that do not lower the residual: only rounding is left of it.
_PATIENCE = 30
# An exchange must lower the residual by this part to count as progress.
_PROGRESS = 1e-6


def refined_cubature(
    problem: CubatureProblem,
    *,
    tolerance: float,
    start: ReducedQuadrature | None = None,
    depth: int = 6,
) -> ReducedQuadrature:
    r"""Select fewer points than the greedy rule does at equal tolerance, with more work.

    Points join by the residual that is left after the refit: the largest
    :math:`g^T r / \|(I - Q Q^T) g\|` instead of the largest cosine, *Q* being an orthonormal basis
    of the columns inside. Then the point that costs least leaves, again and again; where that
    lifts the residual above the tolerance, one to `depth` points join and as many of the
    cheapest leave, as long as that lowers the residual. A point is lost for good when such
    exchanges bring the residual below the tolerance again. (The rules and their combination are
    this package's own choice; exchanges of this kind are known from subset selection.)

    Parameters
    ----------
    problem
        Columns and target.
    tolerance
        Largest accepted relative residual [-], in ``(0, 1)``.
    start
        Rule to refine, such as that of the greedy selection; selected here if left out.
    depth
        Most points exchanged at once.

    Returns
    -------
    ReducedQuadrature
        Positive weights; ``residual <= tolerance``.

    Raises
    ------
    ValueError
        If `tolerance` lies outside ``(0, 1)``.
    AccuracyError
        If the tolerance is out of reach.

    Notes
    -----
    Collective: yes. Deterministic: yes, for any number of ranks. Mutates nothing. Cost: one product
    of the integrands with a few vectors for each point that joins or leaves; in all some two to
    four for each point of the rule, where the greedy rule needs a fraction of one.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> nodes = np.linspace(-1.0, 1.0, 41)
    >>> problem = CubatureProblem.build(
    ...     np.vander(nodes, 4).T, np.full(41, 2.0 / 41), np.arange(41), SerialCommunicator()
    ... )
    >>> rule = refined_cubature(problem, tolerance=1e-2)
    >>> bool(rule.weights.min() > 0.0), rule.residual <= 1e-2, rule.points.size
    (True, True, 3)
    """
    check_tolerance(tolerance)
    goal = tolerance * problem.scale
    state = _Candidates.of(problem)
    if start is not None:
        state = state.started(start)
    history: list[float] = []
    while state.fit.residual_norm > goal:
        larger = state.grown()
        if larger is None:
            raise out_of_reach(problem, state.fit, tolerance)
        state = larger
        history.append(state.fit.residual_norm / problem.scale)
    while (smaller := _with_fewer(state, goal, depth)) is not None:
        state = smaller
        history.append(state.fit.residual_norm / problem.scale)
    fit = state.fit
    points = np.array(fit.labels, dtype=np.int64)
    return problem.rule(points, fit.coefficients, fit.residual, history)


def _with_fewer(state: _Candidates, goal: float, depth: int) -> _Candidates | None:
    """Return a set of fewer points that still meets the goal, if exchanges find one."""
    if len(state.fit.labels) < 2:  # noqa: PLR2004  (a single point cannot leave)
        return None
    best = state.shrunk()
    exchanged = 1
    while best.fit.residual_norm > goal:
        if exchanged > depth:
            return None
        trial = _exchanged(best, exchanged)
        if trial.fit.residual_norm < best.fit.residual_norm * (1.0 - _PROGRESS):
            best, exchanged = trial, 1
        else:
            exchanged += 1
    return best


def _exchanged(state: _Candidates, n: int) -> _Candidates:
    """Let some points join, then let points leave until there are as many as before."""
    size = len(state.fit.labels)
    trial: _Candidates | None = state
    for _ in range(n):
        larger = trial.grown() if trial is not None else None
        if larger is None:
            break
        trial = larger
    trial = trial or state
    while len(trial.fit.labels) > size:
        trial = trial.shrunk()
    return trial


@dataclass(frozen=True, eq=False)
class _Candidates:
    """A fit, and the squared norms of this rank's columns outside the span of its columns."""

    problem: CubatureProblem
    fit: NonnegativeFit
    outside: Float[Array, " n_points"]

    @classmethod
    def of(cls, problem: CubatureProblem) -> _Candidates:
        """Start from no point."""
        squares = np.where(np.isfinite(problem.norms), problem.norms, 0.0) ** 2
        return cls(problem, NonnegativeFit(problem.target), squares)

    def started(self, rule: ReducedQuadrature) -> _Candidates:
        """Let the points of a rule join at once."""
        fit = self.fit.copy()
        fit.add_all(rule.points.tolist(), self.problem.columns(rule.points), rule.weights)
        return self._moved(fit)

    def grown(self) -> _Candidates | None:
        """Let the point join that lowers the residual most, if any does."""
        # Products that are rounding would otherwise be taken for gains of dependent columns.
        products = self.problem.products(self.fit.residual[:, None])[:, 0]
        usable = self.outside > _DEPENDENT * self.problem.norms**2
        gains = np.full(len(products), -np.inf)
        np.divide(products, np.sqrt(np.abs(self.outside)), out=gains, where=usable)
        refused: list[int] = []
        while len(refused) < _PATIENCE:
            taken = np.array([*self.fit.labels, *refused], dtype=np.int64)
            gains[owned(taken, self.problem.numbers)[1]] = -np.inf
            contenders = self._contenders(gains)
            if len(contenders) == 0:
                return None
            columns = self.problem.columns(contenders)
            winner = self._winner(contenders, columns)
            fit = self.fit.copy()
            if fit.add(int(contenders[winner]), columns[:, winner]):
                return self._moved(fit)
            refused.append(int(contenders[winner]))
        return None

    def shrunk(self) -> _Candidates:
        """Let the point leave whose loss costs least after the refit of the others."""
        costs = self.fit.removal_costs()
        base = self.fit.residual_norm**2
        trials: dict[int, NonnegativeFit] = {}
        least = np.inf
        for position in np.argsort(costs, kind="stable"):
            if np.sqrt(base + costs[position]) > least * (1.0 + TIE_TOLERANCE):
                break  # costs are lower bounds: no other can be cheaper
            label = self.fit.labels[position]
            trials[label] = self.fit.copy()
            trials[label].remove(label)
            least = min(least, trials[label].residual_norm)
        tied = [
            label
            for label, fit in trials.items()
            if fit.residual_norm <= least * (1.0 + TIE_TOLERANCE)
        ]
        return self._moved(trials[min(tied)])

    def _contenders(self, gains: Array) -> Int[Array, " n"]:
        """Return the points whose gain is close to the largest, the same on every rank."""
        comm, numbers = self.problem.comm, self.problem.numbers
        _, best = best_point(gains, numbers, comm)
        if not best > 0.0:
            return np.zeros(0, dtype=np.int64)
        close = np.flatnonzero(gains >= best * (1.0 - _CLOSE))
        table = comm.concatenate(np.stack([-gains[close], numbers[close]], axis=1))
        order = np.lexsort((table[:, 1], table[:, 0]))[:_MOST_CONTENDERS]
        return np.sort(table[order, 1].astype(np.int64))

    def _winner(self, contenders: Array, columns: Array) -> int:
        """Return the position of the contender that lowers the residual most."""
        lengths = np.array(
            [np.linalg.norm(self.fit.outside(columns[:, k])) for k in range(len(contenders))]
        )
        gains = (self.fit.residual @ columns) / lengths
        return int(np.flatnonzero(gains >= gains.max() * (1.0 - TIE_TOLERANCE))[0])

    def _moved(self, fit: NonnegativeFit) -> _Candidates:
        """Return the state of another fit; the norms are updated, not computed again."""
        before, after = set(self.fit.labels), set(fit.labels)
        joined = np.array(sorted(after - before), dtype=np.int64)
        left = np.array(sorted(before - after), dtype=np.int64)
        gained = self.fit.directions(self.problem.columns(joined))
        lost = fit.directions(self.problem.columns(left))
        if gained.shape[1] + lost.shape[1] == 0:
            return _Candidates(self.problem, fit, self.outside)
        products = self.problem.products(np.hstack([gained, lost]))
        products *= products
        n = gained.shape[1]
        change = products[:, n:].sum(axis=1) - products[:, :n].sum(axis=1)
        return _Candidates(self.problem, fit, self.outside + change)
