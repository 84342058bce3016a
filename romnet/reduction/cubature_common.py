"""One set of points for several integration problems, with weights of its own for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.errors import AccuracyError
from romnet.reduction.cubature import check_tolerance
from romnet.reduction.cubature_problem import CubatureProblem
from romnet.reduction.nonnegative_fit import NonnegativeFit
from romnet.reduction.selection import best_point


@dataclass(frozen=True)
class CommonQuadrature:
    """Points shared by several reduced quadratures.

    Attributes
    ----------
    points
        Global numbers, ascending (n_points,).
    weights
        Weights of each problem, not negative (n_problems, n_points) [volume].
    residuals
        Relative error of the integrals of each problem [-].
    """

    points: Int[Array, " n_points"]
    weights: Float[Array, "n_problems n_points"]
    residuals: Float[Array, " n_problems"]


def common_points(problems: Sequence[CubatureProblem], *, tolerance: float) -> CommonQuadrature:
    """Select points jointly: each one serves, on average, all problems best that are not done.

    Because the points are the same, a state of the material at these points means the same to all
    problems: changing from one local model to another needs no transfer of internal variables.

    Parameters
    ----------
    problems
        One for each cluster, on the same points.
    tolerance
        Largest accepted relative residual of each [-], in ``(0, 1)``.

    Returns
    -------
    CommonQuadrature
        Every residual is at most `tolerance`.

    Raises
    ------
    ValueError
        If `tolerance` lies outside ``(0, 1)`` or there is no problem.
    AccuracyError
        If no further point helps a problem.

    Notes
    -----
    Collective: yes. Deterministic: yes, for any number of ranks. Mutates nothing. Cost: for each
    point selected one pass over the integrands of every problem that is not done.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> first, second = (
    ...     CubatureProblem.build(np.array([values]), np.ones(3), np.arange(3),
    ...         SerialCommunicator())
    ...     for values in ([1.0, 2.0, 3.0], [3.0, 2.0, 1.0])
    ... )
    >>> rule = common_points([first, second], tolerance=1e-6)
    >>> rule.points.tolist(), rule.weights.round(9).tolist()
    ([1], [[3.0], [3.0]])
    """
    check_tolerance(tolerance)
    if not problems:
        message = "there is no problem to select points for."
        raise ValueError(message)
    fits = [NonnegativeFit(problem.target) for problem in problems]
    chosen: list[int] = []
    columns: list[dict[int, Array]] = [{} for _ in problems]
    while active := _unfinished(problems, fits, tolerance):
        scores = np.zeros(len(problems[0].numbers))
        for place in active:
            residual = fits[place].residual[:, None]
            own = problems[place].scores(residual)[:, 0] / fits[place].residual_norm
            # One that speaks against a point does not keep others from it.
            scores += np.maximum(own, 0.0)
        scores[np.isin(problems[0].numbers, chosen)] = -np.inf
        point, _ = best_point(scores, problems[0].numbers, problems[0].comm)
        if point < 0:
            worst = max(active, key=lambda place: fits[place].residual_norm / problems[place].scale)
            left = fits[worst].residual_norm / problems[worst].scale
            message = (
                f"cubature: no point of {len(chosen)} or more lowers the residual {left:.2e} of "
                f"problem {worst} to {tolerance:.1e}; try a larger tolerance."
            )
            raise AccuracyError(message)
        chosen.append(point)
        for place, problem in enumerate(problems):
            columns[place][point] = problem.columns(np.array([point]))[:, 0]
            _offer(fits[place], columns[place])
    points = np.sort(np.array(chosen, dtype=np.int64))
    weights = np.zeros((len(problems), points.size))
    for place, fit in enumerate(fits):
        weights[place, np.searchsorted(points, fit.labels)] = fit.coefficients
    used = weights.any(axis=0)
    return CommonQuadrature(
        points=points[used],
        weights=weights[:, used],
        residuals=np.array(
            [fit.residual_norm / p.scale for fit, p in zip(fits, problems, strict=True)]
        ),
    )


def _unfinished(
    problems: Sequence[CubatureProblem], fits: Sequence[NonnegativeFit], tolerance: float
) -> list[int]:
    """Return which problems are not integrated well enough."""
    return [
        place
        for place, (problem, fit) in enumerate(zip(problems, fits, strict=True))
        if fit.residual_norm > tolerance * problem.scale
    ]


def _offer(fit: NonnegativeFit, columns: dict[int, Array]) -> None:
    """Let points join that lower the residual now, the one that was just selected first."""
    for label in reversed(columns):
        if label not in fit.labels and columns[label] @ fit.residual > 0.0:
            fit.add(label, columns[label])
