"""Choosing points: ties, exclusions, several ranks imitated in one process."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from romnet.core.communicator import SerialCommunicator
from romnet.reduction.selection import NOTHING, at_points, best_point, owned

ALONE = SerialCommunicator()


class Others(SerialCommunicator):
    """One rank, when the reductions of the others are already known."""

    def __init__(self, *, best=-np.inf, number=np.inf, values=0.0):
        self.best, self.number, self.values = best, number, values

    def max(self, value):
        return max(value, self.best)

    def min(self, value):
        return min(value, self.number)

    def sum(self, part):
        return part + self.values


def test_the_largest_score_wins():
    assert best_point(np.array([1.0, 3.0, 2.0]), np.array([4, 5, 6]), ALONE) == (5, 3.0)


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]])
def test_the_smallest_number_wins_a_tie(order):
    scores, numbers = np.array([2.0, 2.0 - 1e-9, 1.0]), np.array([8, 3, 1])
    assert best_point(scores[order], numbers[order], ALONE) == (3, 2.0)


def test_a_score_outside_the_tie_loses_however_small_its_number():
    assert best_point(np.array([2.0, 2.0 - 1e-7]), np.array([8, 3]), ALONE) == (8, 2.0)
    wide = best_point(np.array([2.0, 2.0 - 1e-7]), np.array([8, 3]), ALONE, tie_tolerance=1e-6)
    assert wide == (3, 2.0)


@pytest.mark.parametrize("scores", [[-np.inf, -np.inf], [0.0, -1.0], []])
def test_there_may_be_nothing_to_choose(scores):
    numbers = np.arange(len(scores))
    assert best_point(np.array(scores, dtype=float), numbers, ALONE)[0] == NOTHING


def test_a_better_point_of_another_rank_is_taken_over():
    here = best_point(np.array([1.0]), np.array([5]), Others(best=3.0, number=40.0))
    assert here == (40, 3.0)


def test_a_tie_across_ranks_goes_to_the_smallest_number():
    scores, numbers = np.array([3.0 - 1e-12]), np.array([5])
    assert best_point(scores, numbers, Others(best=3.0, number=40.0)) == (5, 3.0)


def test_a_rank_without_points_follows_the_others():
    empty = best_point(np.zeros(0), np.zeros(0, dtype=int), Others(best=3.0, number=40.0))
    assert empty == (40, 3.0)


@given(st.sets(st.integers(0, 60), min_size=1), st.lists(st.integers(0, 60), max_size=9))
def test_owned_finds_what_a_search_finds(numbers, wanted):
    numbers = np.array(sorted(numbers))
    wanted = np.array(wanted, dtype=np.int64)
    found, places = owned(wanted, numbers)
    assert found.tolist() == [k for k, point in enumerate(wanted) if point in numbers]
    assert numbers[places].tolist() == wanted[found].tolist()


def test_a_rank_without_points_owns_nothing():
    found, places = owned(np.array([1, 2]), np.zeros(0, dtype=np.int64))
    assert found.size == places.size == 0


@given(st.integers(1, 4), st.permutations(range(12)))
def test_values_at_points_are_gathered_from_all_ranks_in_the_order_asked_for(n_ranks, asked):
    values = np.random.default_rng(0).normal(size=(12, 3))
    asked = np.array(asked[:7])
    shares = [np.arange(rank, 12, n_ranks) for rank in range(n_ranks)]
    parts = [at_points(asked, values[mine], mine, ALONE) for mine in shares]
    np.testing.assert_array_equal(reduce(np.add, parts), values[asked])
