"""Snapshot sources read what numpy would."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.core.snapshots import ArraySource, SnapshotSource, StackedSource


@pytest.fixture
def parts():
    values = np.arange(24.0).reshape(4, 6)
    return values, StackedSource(tuple(ArraySource(values[:, c]) for c in ([0, 1], [2], [3, 4, 5])))


def test_sources_side_by_side_keep_the_order_of_their_columns(parts):
    values, source = parts
    assert source.n_snapshots == 6
    assert source.n_rows == 4
    assert (source.rows(np.arange(4)) == values).all()


def test_rows_and_columns_agree(parts):
    values, source = parts
    for number in range(6):
        assert (source.column(number) == values[:, number]).all()
    assert (source.rows(np.array([1, 3])) == values[[1, 3]]).all()


def test_both_kinds_keep_the_protocol(parts):
    _, source = parts
    assert isinstance(source, SnapshotSource)
    assert isinstance(source.parts[0], SnapshotSource)


@pytest.mark.parametrize("number", [6, -1])
def test_a_column_that_does_not_exist_is_refused(parts, number):
    with pytest.raises(IndexError, match="6 snapshots"):
        parts[1].column(number)


def test_parts_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match=r"same rows, got \[2, 3\]"):
        StackedSource((ArraySource(np.ones((2, 1))), ArraySource(np.ones((3, 1)))))


def test_nothing_side_by_side_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        StackedSource(())


def test_a_column_is_contiguous_and_no_view():
    values = np.zeros((3, 2))
    column = ArraySource(values).column(1)
    column[:] = 1.0
    assert column.flags.c_contiguous
    assert not values.any()
