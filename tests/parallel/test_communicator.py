"""Reductions over ranks against numpy on the parts of all of them."""

from __future__ import annotations

from time import sleep

import numpy as np
import pytest

from romnet.core.communicator import Communicator, together
from romnet.core.errors import RomnetError


def part_of(rank, shape=(3, 2)):
    return np.random.default_rng(rank).normal(size=shape)


def test_the_protocol_is_kept(comm):
    assert isinstance(comm, Communicator)
    assert 0 <= comm.rank < comm.size


def test_every_rank_has_its_own_number(comm):
    numbers = comm.concatenate(np.array([comm.rank]))
    assert numbers.tolist() == list(range(comm.size))


@pytest.mark.parametrize("shape", [(), (4,), (3, 2), (0,), (2, 0)])
def test_sums(comm, shape):
    expected = sum(part_of(rank, shape) for rank in range(comm.size))
    total = comm.sum(part_of(comm.rank, shape))
    assert total.shape == shape
    np.testing.assert_allclose(total, expected, rtol=1e-14)


def test_sums_of_transposed_and_strided_parts(comm):
    whole = sum(part_of(rank, (4, 6)) for rank in range(comm.size))
    mine = part_of(comm.rank, (4, 6))
    np.testing.assert_allclose(comm.sum(mine.T), whole.T, rtol=1e-13)
    np.testing.assert_allclose(comm.sum(mine[::2, 1::2]), whole[::2, 1::2], rtol=1e-13)


def test_sums_of_integers_stay_integers(comm):
    total = comm.sum(np.array([comm.rank, 2**40]))
    assert total.dtype == np.int64
    assert total.tolist() == [sum(range(comm.size)), comm.size * 2**40]


def test_extremes(comm):
    assert comm.max(float(comm.rank)) == comm.size - 1
    assert comm.min(float(comm.rank)) == 0
    assert comm.max(-np.inf) == -np.inf


def test_nan_of_one_rank_is_seen_by_all(comm):
    value = np.nan if comm.rank == comm.size - 1 else 1.0
    assert np.isnan(comm.max(value))
    assert np.isnan(comm.min(value))


@pytest.mark.parametrize("columns", [None, 3, 0])
@pytest.mark.parametrize("dtype", [float, np.int64, np.uint8])
def test_rows_are_stacked_in_the_order_of_the_ranks_however_many_each_has(comm, columns, dtype):
    def rows_of(rank):
        shape = (2 * rank,) if columns is None else (2 * rank, columns)  # rank 0 has none
        return np.full(shape, rank + 1, dtype=dtype)

    stacked = comm.concatenate(rows_of(comm.rank))
    expected = np.concatenate([rows_of(rank) for rank in range(comm.size)])
    assert stacked.dtype == expected.dtype
    np.testing.assert_array_equal(stacked, expected)
    gathered = comm.gather(rows_of(comm.rank))
    assert gathered.dtype == expected.dtype
    np.testing.assert_array_equal(gathered, expected if comm.rank == 0 else expected[:0])


def test_every_task_comes_up_once(comm):
    for n in (0, 1, 37):
        with comm.shared(n) as numbers:
            mine = np.array(list(numbers), dtype=np.int64)
        assert mine.tolist() == sorted(mine)
        assert sorted(comm.concatenate(mine)) == list(range(n))


def test_a_slow_rank_gets_fewer_tasks(comm):
    with comm.shared(12 * comm.size) as numbers:
        mine = sum(1 for _ in numbers if sleep(0.05 if comm.rank == 0 else 0.002) is None)
    every = comm.concatenate(np.array([mine]))
    assert every.sum() == 12 * comm.size
    assert comm.size == 1 or every[0] < every[1:].min()


def test_a_rank_that_fails_takes_the_rest_from_the_others(comm):
    done = []

    def work():
        with together(comm), comm.shared(10_000) as numbers:
            for number in numbers:
                sleep(0.01)
                if number == 5:
                    message = "task 5 is too hard"
                    raise RomnetError(message)
                done.append(number)

    with pytest.raises(RomnetError, match="task 5"):
        work()
    assert comm.sum(np.array([len(done)])) < 200


def test_every_rank_can_be_the_root(comm):
    for root in range(comm.size):
        mine = part_of(comm.rank)
        np.testing.assert_array_equal(comm.broadcast(mine, root=root), part_of(root))
        np.testing.assert_array_equal(mine, part_of(comm.rank))


def test_parts_are_left_alone_and_answers_are_new(comm):
    mine = part_of(comm.rank)
    for answer in (comm.sum(mine), comm.concatenate(mine)):
        answer[:] = 0.0
    np.testing.assert_array_equal(mine, part_of(comm.rank))
