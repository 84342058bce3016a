"""Rows of column-wise datasets: the direct way finds what the HDF5 library finds."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from romnet.store import columns
from romnet.store.columns import read_rows, slabs


@given(
    st.sets(st.integers(0, 10**7), max_size=60).map(sorted),
    st.sampled_from([8, 4096, 2**20, 2**27]),
)
def test_slabs_cover_all_rows_once_within_their_size(numbers, row_bytes):
    rows = np.array(numbers, dtype=np.int64)
    parts = list(slabs(rows, row_bytes=row_bytes))
    covered = [place for part in parts for place in range(part.start, part.stop)]
    assert covered == list(range(rows.size))
    for part in parts:
        span = int(rows[part.stop - 1] - rows[part.start]) + 1
        assert span * row_bytes <= max(columns.SLAB_BYTES, row_bytes)


def stored(path: Path, values, **layout) -> h5py.File:
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset(
            "a", shape=(len(values), 0), maxshape=(len(values), None), **layout
        )
        for number in range(values.shape[1]):
            dataset.resize(number + 1, axis=1)
            dataset[:, number] = values[:, number]
    return h5py.File(path, "r")


LAYOUTS = {
    "plain": {"chunks": (16, 1), "dtype": "<f8"},
    "compressed": {"chunks": (16, 1), "dtype": "<f8", "compression": "gzip"},
    "several columns": {"chunks": (16, 2), "dtype": "<f8"},
    "other byte order": {"chunks": (16, 1), "dtype": ">f8"},
    "single precision": {"chunks": (16, 1), "dtype": "<f4"},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "rows", [[], [0], [49], range(50), [0, 1, 2, 15, 16, 47, 49], range(3, 50, 5)], ids=str
)
@pytest.mark.parametrize("gap", [1, 4, 1024])
def test_any_rows_of_any_layout_are_those_that_were_written(
    layout, rows, gap, tmp_path, monkeypatch
):
    monkeypatch.setattr(columns, "LARGEST_GAP", gap)
    values = np.random.default_rng(1).integers(-9, 9, (50, 3)).astype(float)
    numbers = np.array(rows, dtype=np.int64)
    with stored(tmp_path / "a.h5", values, **LAYOUTS[layout]) as file:
        np.testing.assert_array_equal(read_rows(file["a"], numbers), values[numbers])


def test_chunks_that_were_never_written_hold_the_fill_value(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a", (40, 2), "<f8", chunks=(16, 1), fillvalue=7.0)
    with h5py.File(path, "r") as file:
        assert (read_rows(file["a"], np.arange(40)) == 7.0).all()


def test_a_file_cut_short_is_an_error_and_no_zeros(tmp_path):
    path = tmp_path / "a.h5"
    with stored(path, np.ones((4096, 2)), chunks=(4096, 1), dtype="<f8") as file:
        with path.open("r+b") as raw:
            raw.truncate(path.stat().st_size - 4096 * 8)
        with pytest.raises(OSError, match="ends before"):
            read_rows(file["a"], np.arange(4096))
