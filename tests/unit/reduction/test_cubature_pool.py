"""Pools answer in double precision although they look in single precision."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.core.communicator import SerialCommunicator
from romnet.reduction.cubature_pool import Pool
from romnet.reduction.cubature_problem import CubatureProblem

ALONE = SerialCommunicator()
N_POINTS = 600


def problem(values, *, volume=True):
    n_points = values.shape[1]
    return CubatureProblem.build(
        values, np.ones(n_points), 3 * np.arange(n_points), ALONE, volume=volume
    )


def pool_of_all(whole, *, ties=1e-8):
    return Pool(whole, np.ones(len(whole.numbers)), share=1.0, ties=ties)


@pytest.mark.parametrize("volume", [True, False])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_points_are_offered_in_the_order_of_their_scores(volume, scale):
    rng = np.random.default_rng(0)
    whole = problem(scale * (rng.normal(size=(30, N_POINTS)) + 0.2), volume=volume)
    residual = whole.target + whole.scale * rng.normal(size=whole.n_rows)
    scores = whole.scores(residual[:, None])[:, 0]
    pool, found = pool_of_all(whole), []
    while (point := pool.best(residual)) >= 0:
        found.append(point)
        pool.close(point)
    positive = np.flatnonzero(scores > 0.0)
    assert found == whole.numbers[positive[np.argsort(-scores[positive])]].tolist()


def test_differences_below_single_precision_decide_and_ties_go_to_the_smallest_number():
    rng = np.random.default_rng(1)
    column, direction = rng.normal(size=(2, 40))
    # Turned away from the residual by ever larger angles, 1e-10 of a cosine and less.
    columns = np.stack([column + 1e-5 * k * direction for k in (3, 2, 0, 1)], axis=1)
    whole = problem(columns, volume=False)
    scores = whole.scores(column[:, None])[:, 0]
    assert np.ptp(scores) < 1e-8 * scores.max()
    assert pool_of_all(whole, ties=1e-15).best(column) == 6
    assert pool_of_all(whole, ties=1e-8).best(column) == 0


def test_a_pool_holds_the_best_share_of_the_candidates_and_what_ties_with_its_last():
    scores = np.tile(np.arange(500.0), 2)
    scores[999] = -np.inf
    whole = problem(np.random.default_rng(2).uniform(1.0, 2.0, size=(4, 1000)))
    pool, found = Pool(whole, scores, share=0.3, ties=1e-8), []
    while (point := pool.best(whole.target)) >= 0:
        found.append(point // 3)
        pool.close(point)
    # 300 of 1000: 499 once, 498 to 350 twice make 299; 349 ties with itself.
    assert sorted(found) == [*range(349, 500), *range(849, 999)]
