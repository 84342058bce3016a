"""Empirical cubature: few integration points with non-negative weights instead of all."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.core.errors import AccuracyError
from romnet.reduction.cubature_problem import CubatureProblem, ReducedQuadrature
from romnet.reduction.nonnegative_fit import NonnegativeFit
from romnet.reduction.selection import NOTHING, TIE_TOLERANCE, owned

__all__ = ["CubatureOptions", "ReducedQuadrature", "empirical_cubature", "select_points"]

# So many candidates in a row that do not lower the residual: only rounding is left of it.
_PATIENCE = 100
# Below so many values of integrands on every rank, looking at all points each time is cheapest.
_SMALL = 2_000_000
# Points looked at between two passes over all, and how many selections there may be between them.
_POOL_SHARE = 0.04
_WIDEST = 64
# A selection between two passes stands if its score is at least this part of the best one.
_GOOD_ENOUGH = 0.7


@dataclass(frozen=True)
class CubatureOptions:
    """What a selection does beyond the integrands.

    Attributes
    ----------
    volume
        Whether the rule integrates the constant one as well as all the rest.
    start
        Rule whose points are in from the beginning, for enrichment; its weights are refitted, and
        points that are of no more use leave.
    tie_tolerance
        Candidates this close (relatively) to the best score count as tied; the smallest point
        number wins [-].
    """

    volume: bool = True
    start: ReducedQuadrature | None = None
    tie_tolerance: float = TIE_TOLERANCE


_DEFAULT = CubatureOptions()


def empirical_cubature(
    integrands: Float[Array, "n_integrands n_points"],
    weights: Float[Array, " n_points"],
    numbers: Int[Array, " n_points"],
    *,
    tolerance: float,
    comm: Communicator,
    options: CubatureOptions = _DEFAULT,
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
        Global numbers of the points of this rank, ascending.
    tolerance
        Largest accepted relative residual :math:`\|Gx - Gw\|_2 / \|Gw\|_2` [-], in ``(0, 1)``;
        relative to 1 % of what is integrated where stresses balance one another and :math:`Gw`
        vanishes.
    comm
        The ranks.
    options
        Volume row, points to start from, width of ties.

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
    ``n_integrands x n_points`` product for several selections, and for each selection one update
    of a QR factorisation and a product with a share of the points. The integrands are not copied.

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
    check_tolerance(tolerance)
    problem = CubatureProblem.build(integrands, weights, numbers, comm, volume=options.volume)
    return select_points(problem, tolerance=tolerance, options=options)


def select_points(
    problem: CubatureProblem, *, tolerance: float, options: CubatureOptions = _DEFAULT
) -> ReducedQuadrature:
    """Select points for a problem that is set up already; see `empirical_cubature`.

    Where there are many values, several selections are made between two passes over all points,
    each among the points that were best at the last pass. The next pass gives the scores of all
    points at each of these steps, in one matrix product, and those from the first one on that
    fell short of 70 % of the best are undone: a weak greedy algorithm [1]_, which needs no more
    points in practice. With few values all points are looked at each time.

    Parameters
    ----------
    problem
        Columns and target; `options.volume` was used there.
    tolerance
        Largest accepted relative residual [-], in ``(0, 1)``.
    options
        Points to start from, width of ties.

    Raises
    ------
    ValueError, AccuracyError
        As `empirical_cubature`.

    Notes
    -----
    Collective: yes. Deterministic: yes, for any number of ranks. Mutates nothing.

    References
    ----------
    .. [1] V.N. Temlyakov, "Weak greedy algorithms", Adv. Comput. Math. 12 (2000) 213-227.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> problem = CubatureProblem.build(
    ...     np.array([[1.0, 2.0, 3.0]]), np.ones(3), np.arange(3), SerialCommunicator())
    >>> rule = select_points(problem, tolerance=1e-6)
    >>> rule.points.tolist(), rule.weights.round(9).tolist()
    ([1], [3.0])
    """
    check_tolerance(tolerance)
    goal = tolerance * problem.scale
    ties = options.tie_tolerance
    state = _Selection(NonnegativeFit(problem.target))
    if options.start is not None:
        points, weights = options.start.points, options.start.weights
        state.fit.add_all(points.tolist(), problem.columns(points), weights)
    widest = _widest(problem)
    width = 1
    scores = problem.scores(state.fit.residual[:, None])
    point = int(problem.best(scores, [state.taken()], ties)[0])
    while state.fit.residual_norm > goal:
        if point == NOTHING or len(state.refused) >= _PATIENCE:
            raise out_of_reach(problem, state.fit, tolerance)
        trial = _Trial(state.copy(), problem)
        trial.take(point)
        if width > 1:
            pool = problem.pool(scores[:, 0], _POOL_SHARE)
            trial.run(pool, goal=goal, width=width, ties=ties)
        exact = problem.scores(np.stack(trial.residuals, axis=1))
        best = problem.best(exact, trial.excluded, ties)
        right = 1 + _leading(_good_enough(problem, exact[:, :-1], best[:-1], trial.points[1:]))
        if right == len(trial.points):
            state = trial.state
            width = min(width + 1 + width // 2, widest)
        else:
            for taken in trial.points[:right]:
                state.take(taken, trial.columns[taken], problem.scale)
            width = max(right, 2) if width > 1 else 1
        point, scores = int(best[right - 1]), exact[:, right - 1 : right]
    return problem.rule(
        np.array(state.fit.labels, dtype=np.int64),
        state.fit.coefficients,
        state.fit.residual,
        state.history,
    )


def check_tolerance(tolerance: float) -> None:
    """Refuse a tolerance outside (0, 1)."""
    if not 0.0 < tolerance < 1.0:
        message = f"cubature tolerance must lie in (0, 1), got {tolerance:g}."
        raise ValueError(message)


@dataclass
class _Selection:
    """A greedy selection under way."""

    fit: NonnegativeFit
    refused: frozenset[int] = frozenset()
    history: list[float] = field(default_factory=list)

    def copy(self) -> _Selection:
        """Return an independent copy."""
        return _Selection(self.fit.copy(), self.refused, list(self.history))

    def taken(self) -> Array:
        """Return the points that are no candidates."""
        return np.array([*self.fit.labels, *self.refused], dtype=np.int64)

    def take(self, point: int, column: Array, scale: float) -> None:
        """Let a point join, unless that is of no use."""
        if self.fit.add(point, column):
            self.refused = frozenset()
            self.history.append(self.fit.residual_norm / scale)
        else:
            self.refused |= {point}


class _Trial:
    """Selections to be verified: the points, and what was known when the next one was chosen."""

    def __init__(self, state: _Selection, problem: CubatureProblem) -> None:
        self.state, self.problem = state, problem
        self.points: list[int] = []
        self.columns: dict[int, Array] = {}
        self.residuals: list[Array] = []
        self.excluded: list[Array] = []

    def take(self, point: int) -> None:
        """Let a point join."""
        self.points.append(point)
        self.columns[point] = self.problem.columns(np.array([point]))[:, 0]
        self.state.take(point, self.columns[point], self.problem.scale)
        self.residuals.append(self.state.fit.residual)
        self.excluded.append(self.state.taken())

    def run(self, pool: CubatureProblem, *, goal: float, width: int, ties: float) -> None:
        """Let the best points of a pool join, one after the other."""
        while len(self.points) < width and self.state.fit.residual_norm > goal:
            scores = pool.scores(self.residuals[-1][:, None])
            point = int(pool.best(scores, self.excluded[-1:], ties)[0])
            if point == NOTHING:
                return
            self.take(point)


def _widest(problem: CubatureProblem) -> int:
    """Return how many selections may be made between two passes over all points."""
    if problem.comm.max(float(problem.integrands.size)) <= _SMALL:
        return 1
    # The scores kept must stay small beside the integrands.
    return max(1, min(_WIDEST, len(problem.integrands) // 8))


def _good_enough(problem: CubatureProblem, scores: Array, best: Array, chosen: list[int]) -> Array:
    """Whether the score of each chosen point comes near that of the best one."""
    steps = np.arange(len(chosen))
    asked = np.concatenate([best, np.array(chosen, dtype=np.int64)])
    found, mine = owned(asked, problem.numbers)
    values = np.zeros(2 * len(chosen))
    values[found] = scores[mine, np.tile(steps, 2)[found]]
    top, own = problem.comm.sum(values).reshape(2, -1)
    return np.asarray(own >= _GOOD_ENOUGH * top)


def _leading(right: Array) -> int:
    """Return how many entries are true before the first that is not."""
    return int(np.argmin(right)) if not right.all() else len(right)


def out_of_reach(problem: CubatureProblem, fit: NonnegativeFit, tolerance: float) -> AccuracyError:
    """Say where the selection ended."""
    return AccuracyError(
        f"cubature: no further point lowers the relative residual "
        f"{fit.residual_norm / problem.scale:.2e} (tolerance {tolerance:.1e}) with "
        f"{len(fit.labels)} points; try a tolerance above this residual."
    )
