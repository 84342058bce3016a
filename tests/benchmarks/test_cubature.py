"""The greedy rule costs less than refitting at each point; ratios within one run."""

from __future__ import annotations

import time

import numpy as np

from romnet.core.communicator import SerialCommunicator
from romnet.reduction.cubature import select_points
from romnet.reduction.cubature_baselines import refitted_cubature
from romnet.reduction.cubature_problem import CubatureProblem

ALONE = SerialCommunicator()


def busy(function):
    start = time.process_time()
    rule = function()
    return rule, time.process_time() - start


def test_batches_and_updates_beat_a_fresh_solve_for_each_point():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(12_000, 300)) * 10.0 ** -np.linspace(0.0, 3.0, 300)
    values[:, 0] += 3.0
    problem = CubatureProblem.build(
        values.T, np.full(12_000, 1.0 / 12_000), np.arange(12_000), ALONE
    )
    fast, cost = busy(lambda: select_points(problem, tolerance=1e-4))
    plain, plain_cost = busy(lambda: refitted_cubature(problem, tolerance=1e-4))
    assert fast.points.size <= plain.points.size
    assert cost < 0.5 * plain_cost
