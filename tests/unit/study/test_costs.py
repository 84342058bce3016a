"""Predicted costs: proportional to what they should be."""

from __future__ import annotations

import pytest

from romnet.study.jobs.costs import LIBRARIES, predicted_costs

SIZES = {"n_points": 80_000, "n_dofs": 33_000, "n_snapshots": 20, "cell_nodes": 8}


def test_twice_the_mesh_costs_twice_the_time_and_ranks_share_it():
    one = predicted_costs(**SIZES, blocks=0)
    twice = predicted_costs(**SIZES | {"n_points": 160_000, "n_dofs": 66_000}, blocks=0)
    shared = predicted_costs(**SIZES, blocks=0, ranks=4)
    for name, seconds in one.seconds.items():
        assert twice.seconds[name] == pytest.approx(2.0 * seconds)
        assert shared.seconds[name] == pytest.approx(seconds / 4.0)
    assert twice.memory - LIBRARIES == pytest.approx(2.0 * (one.memory - LIBRARIES))


def test_the_memory_of_blocks_is_what_the_study_grants():
    less, more = (predicted_costs(**SIZES, blocks=size).memory for size in (2**20, 2**30))
    assert more - less == 2**30 - 2**20
