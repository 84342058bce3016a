"""The set of one rank, and failing together."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.core import errors
from romnet.core.communicator import (
    Communicator,
    SerialCommunicator,
    raise_together,
    together,
)
from romnet.core.errors import AccuracyError, LawError, RomnetError


class OneOfThree(SerialCommunicator):
    """Rank 1 of three, as if the others had answered what is given here."""

    rank = 1
    size = 3

    def __init__(self, lowest, words=b""):
        self.lowest = lowest
        self.words = np.frombuffer(words, dtype=np.uint8)

    def min(self, value):
        return min(value, self.lowest)

    def concatenate(self, part):
        return np.concatenate([self.words, part])


def test_the_set_of_one_keeps_the_protocol(alone):
    assert isinstance(alone, Communicator)
    assert (alone.rank, alone.size) == (0, 1)


def test_reductions_alone_give_copies(alone):
    part = np.ones(3)
    for reduced in (alone.sum(part), alone.concatenate(part), alone.gather(part)):
        reduced[:] = 2.0
    assert (part == 1.0).all()
    assert (alone.max(2.0), alone.min(2.0)) == (2.0, 2.0)
    assert alone.broadcast(part).tolist() == [1.0, 1.0, 1.0]
    alone.barrier()
    alone.abort(1)


def test_alone_the_error_itself_is_raised(alone):
    with pytest.raises(ZeroDivisionError), together(alone):
        _ = 1 / 0


def test_alone_nothing_is_raised_when_nothing_went_wrong(alone):
    raise_together(alone, None)
    with together(alone):
        done = True
    assert done


def test_the_error_of_another_rank_is_raised_here_with_its_class_and_number():
    comm = OneOfThree(lowest=0, words=b"LawError\npoint 7 fails")
    with pytest.raises(LawError, match="rank 0 of 3: point 7 fails") as caught:
        raise_together(comm, None)
    assert caught.value.on_all_ranks


def test_the_error_of_this_rank_is_the_cause_of_the_shared_one():
    comm = OneOfThree(lowest=3)
    with pytest.raises(AccuracyError, match="rank 1 of 3: too rough") as caught, together(comm):
        raise AccuracyError("too rough")
    assert isinstance(caught.value.__cause__, AccuracyError)


def test_an_error_of_another_kind_becomes_a_romnet_error_that_quotes_it():
    words = r"rank 1 of 3: ZeroDivisionError\('division"
    with pytest.raises(RomnetError, match=words) as caught, together(OneOfThree(lowest=3)):
        _ = 1 / 0
    assert type(caught.value) is RomnetError


def test_ranks_that_are_well_go_on_together():
    with together(OneOfThree(lowest=3)):
        done = True
    assert done


@pytest.mark.parametrize("name", [name for name in vars(errors) if name.endswith("Error")])
def test_every_class_of_errors_has_one_root(name):
    assert issubclass(getattr(errors, name), RomnetError)
