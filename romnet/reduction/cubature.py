"""Empirical cubature: few integration points with non-negative weights instead of all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.core.errors import AccuracyError
from romnet.reduction.cubature_batch import Batch, Selection
from romnet.reduction.cubature_pool import Pool
from romnet.reduction.cubature_problem import CubatureProblem, ReducedQuadrature
from romnet.reduction.nonnegative_fit import NonnegativeFit
from romnet.reduction.selection import NOTHING, TIE_TOLERANCE

__all__ = ["CubatureOptions", "ReducedQuadrature", "empirical_cubature", "select_points"]

# So many candidates in a row that do not lower the residual: only rounding is left of it.
_PATIENCE = 100
# Below so many values of integrands on all ranks, looking at all points each time is cheapest.
_SMALL = 2_000_000
# Points looked at between two passes over all, and how many selections there may be between them.
_POOL_SHARE = 0.04
_WIDEST = 64
# A selection between two passes stands if its score is at least this part of the best one.
_GOOD_ENOUGH = 0.6
# Batches go on to this part of the tolerance; then points that cost least leave.
_FURTHER = 0.9


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
    each among the points that were best at the last pass. The next pass verifies them: where what
    would be selected next falls short of 60 % of the best of all points, some of the selections are
    looked at again and undone from the first one on that fell short too. This is a weak greedy
    algorithm [1]_. It goes on to 90 % of the tolerance; then the points that cost least leave as
    long as the residual stays within the tolerance, so that there are no more points than the
    plain rule needs, usually fewer. With few values all points are looked at each time.

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
    state = Selection(_started(problem, options.start))
    widest = _widest(problem)
    width = 1
    scores = problem.scores(state.fit.residual[:, None])
    aim = goal if widest == 1 else _FURTHER * goal
    while state.fit.residual_norm > aim:
        point = int(problem.best(scores, [state.taken()], ties)[0])
        if point == NOTHING or len(state.refused) >= _PATIENCE:
            if state.fit.residual_norm <= goal:
                break
            raise out_of_reach(problem, state.fit, tolerance)
        if width == 1:
            state = state.with_point(point, problem)
            scores = problem.scores(state.fit.residual[:, None])
            width = min(2, widest)
            continue
        batch = Batch(state, problem)
        pool = Pool(problem, scores[:, 0], share=_POOL_SHARE, ties=ties)
        batch.run(pool, goal=aim, width=width)
        right, scores = batch.verified(pool, _GOOD_ENOUGH)
        state = batch.states[right]
        width = min(width + 1 + width // 2, widest) if right == len(batch.points) else right + 1
    if widest > 1:
        state.fit.prune(goal, ties=ties)
    return problem.rule(
        np.array(state.fit.labels, dtype=np.int64),
        state.fit.coefficients,
        state.fit.residual,
        list(state.history),
    )


def check_tolerance(tolerance: float) -> None:
    """Refuse a tolerance outside (0, 1)."""
    if not 0.0 < tolerance < 1.0:
        message = f"cubature tolerance must lie in (0, 1), got {tolerance:g}."
        raise ValueError(message)


def _started(problem: CubatureProblem, start: ReducedQuadrature | None) -> NonnegativeFit:
    """Return the fit over the points of a rule, or over none."""
    fit = NonnegativeFit(problem.target)
    if start is not None:
        fit.add_all(start.points.tolist(), problem.columns(start.points), start.weights)
    return fit


def _widest(problem: CubatureProblem) -> int:
    """Return how many selections may be made between two passes over all points."""
    if problem.comm.sum(np.array([problem.integrands.size]))[0] <= _SMALL:
        return 1
    # The scores kept must stay small beside the integrands.
    return max(1, min(_WIDEST, len(problem.integrands) // 8))


def out_of_reach(problem: CubatureProblem, fit: NonnegativeFit, tolerance: float) -> AccuracyError:
    """Say where the selection ended."""
    return AccuracyError(
        f"cubature: no further point lowers the relative residual "
        f"{fit.residual_norm / problem.scale:.2e} (tolerance {tolerance:.1e}) with "
        f"{len(fit.labels)} points; try a tolerance above this residual."
    )
