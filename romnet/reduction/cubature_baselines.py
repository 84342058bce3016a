"""Other ways to select a reduced quadrature, to compare with: published rules and plain solvers."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linprog, nnls

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator, SerialCommunicator
from romnet.core.errors import AccuracyError
from romnet.reduction.cubature import check_tolerance, out_of_reach, select_points
from romnet.reduction.cubature_problem import CubatureProblem, ReducedQuadrature
from romnet.reduction.nonnegative_fit import NonnegativeFit
from romnet.reduction.selection import NOTHING

# Weights below this part of the volume are those of points that a solver left out.
_LEFT_OUT = 1e-12
# Steps for each point that scipy may take before it gives up.
_MOST_STEPS = 100


def per_rank_cubature(
    integrands: Float[Array, "n_integrands n_points"],
    weights: Float[Array, " n_points"],
    numbers: Int[Array, " n_points"],
    *,
    tolerance: float,
    comm: Communicator,
    volume: bool = True,
) -> ReducedQuadrature:
    """Let every rank select alone for the integrals over its own part, as published in [1]_.

    Parameters
    ----------
    integrands
        Training integrands at the points of this rank [stress].
    weights
        Full quadrature weights of this rank [volume].
    numbers
        Global numbers of the points of this rank, ascending.
    tolerance
        Largest accepted relative residual of each rank [-], in ``(0, 1)``.
    comm
        The ranks.
    volume
        Whether each rank must integrate its volume as well.

    Returns
    -------
    ReducedQuadrature
        Points of all ranks. Its residual is that of the whole, which `tolerance` does not bound.

    Raises
    ------
    ValueError, AccuracyError
        As `empirical_cubature`.

    Notes
    -----
    Collective: yes, at the end only. The points depend on the partition. Mutates nothing.

    References
    ----------
    .. [1] F. Casenave, N. Akkari, F. Bordeu, C. Rey, D. Ryckelynck, "A nonintrusive distributed
       reduced-order modeling framework for nonlinear structural mechanics", Int. J. Numer.
       Methods Eng. 121 (2020) 32-53.

    Examples
    --------
    >>> rule = per_rank_cubature(np.array([[1.0, 2.0, 3.0]]), np.ones(3), np.arange(3),
    ...     tolerance=1e-6, comm=SerialCommunicator())
    >>> rule.points.tolist(), rule.weights.round(9).tolist()
    ([1], [3.0])
    """
    check_tolerance(tolerance)
    alone = CubatureProblem.build(integrands, weights, numbers, SerialCommunicator(), volume=volume)
    rule = select_points(alone, tolerance=tolerance)
    problem = CubatureProblem.build(integrands, weights, numbers, comm, volume=volume)
    return _measured(problem, comm.concatenate(rule.points), comm.concatenate(rule.weights))


def refitted_cubature(problem: CubatureProblem, *, tolerance: float) -> ReducedQuadrature:
    """Select greedily with a fresh non-negative least-squares solve for each point.

    The slow reference of `select_points`, whose points it shares: all points are looked at for
    each selection, and the weights come from `scipy.optimize.nnls`.

    Parameters
    ----------
    problem
        Columns and target.
    tolerance
        Largest accepted relative residual [-], in ``(0, 1)``.

    Raises
    ------
    ValueError, AccuracyError
        As `select_points`; also where scipy's solver does not end, as it sometimes does on nearly
        dependent columns.

    Notes
    -----
    Collective: yes. Deterministic: yes. Mutates nothing. Cost: one pass over all points and one
    whole solve for each selected point.

    Examples
    --------
    >>> problem = CubatureProblem.build(
    ...     np.array([[1.0, 2.0, 3.0]]), np.ones(3), np.arange(3), SerialCommunicator())
    >>> refitted_cubature(problem, tolerance=1e-6).points.tolist()
    [1]
    """
    check_tolerance(tolerance)
    inside, columns = np.zeros(0, dtype=np.int64), np.zeros((problem.n_rows, 0))
    weights, residual, history = np.zeros(0), problem.target, list[float]()
    while np.linalg.norm(residual) > tolerance * problem.scale:
        point = problem.best(problem.scores(residual[:, None]), [inside])
        if point[0] == NOTHING:
            raise out_of_reach(problem, NonnegativeFit(problem.target), tolerance)
        inside = np.append(inside, point)
        columns = np.hstack([columns, problem.columns(point)])
        try:
            weights, norm = nnls(columns, problem.target, maxiter=_MOST_STEPS * len(inside))
        except RuntimeError as problem_of_scipy:
            message = (
                f"cubature: scipy's non-negative least squares gives up on {len(inside)} points "
                f"({problem_of_scipy})."
            )
            raise AccuracyError(message) from problem_of_scipy
        if norm >= np.linalg.norm(residual):
            raise out_of_reach(problem, NonnegativeFit(problem.target), tolerance)
        kept = weights > 0.0
        inside, columns, weights = inside[kept], columns[:, kept], weights[kept]
        residual = problem.target - columns @ weights
        history.append(float(np.linalg.norm(residual)) / problem.scale)
    return problem.rule(inside, weights, residual, history)


def least_squares_cubature(problem: CubatureProblem) -> ReducedQuadrature:
    """Fit non-negative weights to all points at once; most vanish.

    There is no tolerance: the solver ends at the smallest residual, with about as many points as
    there are rows.

    Parameters
    ----------
    problem
        Columns and target.

    Notes
    -----
    Collective: yes; every rank gathers all columns and solves the same problem. Mutates nothing.

    References
    ----------
    .. [1] C.L. Lawson, R.J. Hanson, "Solving Least Squares Problems", SIAM (1995), chapter 23.

    Examples
    --------
    >>> problem = CubatureProblem.build(
    ...     np.array([[1.0, 2.0, 3.0]]), np.ones(3), np.arange(3), SerialCommunicator())
    >>> rule = least_squares_cubature(problem)
    >>> bool(rule.residual < 1e-12), rule.points.size <= 2
    (True, True)
    """
    numbers, columns = _gathered(problem)
    weights, _ = nnls(columns, problem.target)
    return _measured(problem, numbers[weights > 0.0], weights[weights > 0.0])


def linear_programming_cubature(problem: CubatureProblem, *, tolerance: float) -> ReducedQuadrature:
    r"""Minimise the sum of non-negative weights under bounds on the error of every row [1]_.

    The bounds are equal, :math:`\|b\| \, \mathrm{tolerance} / \sqrt{n}`, so that the residual keeps
    the tolerance in the norm of the other rules. A vertex of the simplex method has at most as many
    points as there are rows.

    Parameters
    ----------
    problem
        Columns and target.
    tolerance
        Largest accepted relative residual [-], in ``(0, 1)``.

    Raises
    ------
    ValueError
        If `tolerance` lies outside ``(0, 1)``.
    AccuracyError
        If the solver finds no weights within the bounds.

    Notes
    -----
    Collective: yes; every rank gathers all columns and solves the same problem. The bounds belong
    to the rows, so that points depend on how integrands were rotated when they were compressed.
    Mutates nothing.

    References
    ----------
    .. [1] M. Yano, A.T. Patera, "An LP empirical quadrature procedure for reduced basis treatment
       of parametrized nonlinear PDEs", Comput. Methods Appl. Mech. Eng. 344 (2019) 1104-1123.

    Examples
    --------
    >>> problem = CubatureProblem.build(
    ...     np.array([[1.0, 2.0, 3.0]]), np.ones(3), np.arange(3), SerialCommunicator())
    >>> rule = linear_programming_cubature(problem, tolerance=1e-4)
    >>> bool(rule.residual < 1e-4), rule.points.size <= 2
    (True, True)
    """
    check_tolerance(tolerance)
    numbers, columns = _gathered(problem)
    columns, target = columns / problem.scale, problem.target / problem.scale
    slack = 0.999 * tolerance / np.sqrt(problem.n_rows)  # the solver meets bounds to 1e-10 only
    answer = linprog(
        np.ones(len(numbers)) / problem.volume,
        A_ub=np.vstack([columns, -columns]),
        b_ub=np.concatenate([target + slack, slack - target]),
        bounds=(0.0, None),
        method="highs-ds",
        options={"primal_feasibility_tolerance": 1e-10},
    )
    if answer.x is None:
        message = f"cubature: linear programming finds no weights ({answer.message})."
        raise AccuracyError(message)
    kept = answer.x > _LEFT_OUT * problem.volume
    return _measured(problem, numbers[kept], answer.x[kept])


def _gathered(problem: CubatureProblem) -> tuple[Array, Array]:
    """Return numbers and columns of all points of all ranks. Collective: yes."""
    comm = problem.comm
    numbers = comm.concatenate(problem.numbers)
    columns = comm.concatenate(np.ascontiguousarray(problem.integrands.T))
    order = np.argsort(numbers)
    rows = columns[order].T
    if problem.n_rows > len(rows):
        rows = np.vstack([rows, np.full((1, len(numbers)), problem.constant)])
    return numbers[order], rows


def _measured(problem: CubatureProblem, points: Array, weights: Array) -> ReducedQuadrature:
    """Return a rule with the residual of the whole. Collective: yes."""
    residual: Array = problem.target - problem.columns(points) @ weights
    history = [float(np.linalg.norm(residual)) / problem.scale]
    return problem.rule(points, weights, residual, history)
