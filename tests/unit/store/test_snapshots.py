"""Snapshots on disk are the columns that were appended, whoever reads which rows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from romnet.core.errors import ConversionError, StoreError
from romnet.core.snapshots import SnapshotSource, in_sample
from romnet.store import columns, snapshots
from romnet.store.snapshots import FieldInfo, SnapshotStore, writing_snapshots
from tests.unit.store.rewriting import rewritten

INFOS = {
    "displacement": FieldInfo("node", ("1", "2", "3"), "displacement", "mm"),
    "stress": FieldInfo("point", ("11", "22", "33", "12", "13", "23"), "stress", "MPa"),
    "p": FieldInfo("point"),
}
TIMES = [0.0, 0.5, 2.0]


class Threads:
    """Ranks that are threads: enough of a communicator to write together."""

    def __init__(self, rank: int, size: int, slots: list, barrier: threading.Barrier) -> None:
        self.rank, self.size, self._slots, self._barrier = rank, size, slots, barrier

    def _all(self, value):
        self._slots[self.rank] = value
        self._barrier.wait(timeout=20)
        found = list(self._slots)
        self._barrier.wait(timeout=20)
        return found

    def sum(self, part):
        return np.sum(self._all(part), axis=0)

    def max(self, value):
        return max(self._all(value))

    def min(self, value):
        return min(self._all(value))

    def concatenate(self, part):
        return np.concatenate(self._all(part))

    def gather(self, part):
        every = np.concatenate(self._all(part))
        return every if self.rank == 0 else every[:0]

    def broadcast(self, array, root=0):
        return self._all(array)[root]

    def shared(self, n):
        return nullcontext(iter(range(self.rank, n, self.size)))

    def abort(self, code):
        raise SystemExit(code)

    def barrier(self):
        self._all(None)


def on_ranks(size: int, work: Callable[[Threads], object]) -> list:
    """Run a function on several ranks and return what each returned or raised."""
    slots, barrier, answers = [None] * size, threading.Barrier(size), [None] * size

    def run(rank: int) -> None:
        try:
            answers[rank] = work(Threads(rank, size, slots, barrier))
        except Exception as problem:  # noqa: BLE001  (what is raised is the answer)
            answers[rank] = problem

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def fields_at(number: int, n_nodes: int = 7, n_points: int = 16) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(number)
    return {
        "displacement": rng.random(3 * n_nodes),
        "stress": rng.random((n_points, 6)),
        "p": rng.random(n_points),
    }


def write(path: Path) -> SnapshotStore:
    with writing_snapshots(path, INFOS, parameters={"omega": 1.5}) as writer:
        for number, time in enumerate(TIMES):
            writer.append(time, fields_at(number))
    return SnapshotStore.open(path)


def test_columns_rows_and_header_come_back(tmp_path: Path) -> None:
    store = write(tmp_path / "cycle.h5")
    assert store.times.tolist() == TIMES
    assert store.parameters == {"omega": 1.5}
    assert {name: stored.info for name, stored in store.fields.items()} == INFOS
    for name in INFOS:
        whole = np.stack([np.ravel(fields_at(number)[name]) for number in range(3)], axis=1)
        source = store.source(name)
        assert isinstance(source, SnapshotSource)
        assert (source.n_rows, source.n_snapshots) == whole.shape
        np.testing.assert_array_equal(source.rows(np.arange(len(whole))), whole)
        for number in range(3):
            np.testing.assert_array_equal(source.column(number), whole[:, number])


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_restricted_sources_read_their_rows(data, tmp_path_factory) -> None:
    path = tmp_path_factory.mktemp("rows") / "a.h5"
    values = np.random.default_rng(0).random((60, 2))
    with writing_snapshots(path, {"p": FieldInfo("point")}) as writer:
        for number in range(2):
            writer.append(float(number), {"p": values[:, number]})
    mine = np.array(sorted(data.draw(st.sets(st.integers(0, 59)))), dtype=np.int64)
    source = SnapshotStore.open(path).source("p", mine)
    local = np.array(
        sorted(data.draw(st.sets(st.integers(0, max(0, mine.size - 1)), max_size=mine.size))),
        dtype=np.int64,
    )[: mine.size]
    np.testing.assert_array_equal(source.rows(local), values[mine[local]])
    np.testing.assert_array_equal(source.column(1), values[mine, 1])


def test_rows_of_the_sample_come_from_one_place_and_are_those_of_the_field(
    tmp_path: Path, monkeypatch
) -> None:
    path, values = tmp_path / "a.h5", np.random.default_rng(0).random((70_000, 3))
    with monkeypatch.context() as patch:
        patch.setattr(snapshots, "SAMPLED_ROWS", 70_000)
        with writing_snapshots(path, {"p": FieldInfo("point")}) as writer:
            for number in range(3):
                writer.append(float(number), {"p": values[:, number]})
    read: list[str] = []
    real = snapshots.read_rows

    def noted(dataset, numbers):
        read.append(dataset.name)
        return real(dataset, numbers)

    monkeypatch.setattr(snapshots, "read_rows", noted)
    mine = np.arange(30_000, 70_000)
    source = SnapshotStore.open(path).source("p", mine)
    sampled = np.flatnonzero(in_sample(mine))
    np.testing.assert_array_equal(source.rows(sampled), values[mine[sampled]])
    others = np.append(sampled[:5], sampled[-1] + 1)
    np.testing.assert_array_equal(source.rows(others), values[mine[others]])
    assert read == ["/samples/p", "/fields/p"]


def test_a_rank_does_not_read_the_whole_field(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(columns, "LARGEST_GAP", 4)
    store = write(tmp_path / "cycle.h5")
    read: list[int] = []
    original = columns._fill

    def counting(file, target, offset):
        read.append(target.size)
        original(file, target, offset)

    monkeypatch.setattr(columns, "_fill", counting)
    store.source("stress", np.array([0, 1, 90])).rows(np.arange(3))
    assert sum(read) == 9


@pytest.mark.parametrize("size", [2, 3])
def test_ranks_write_together_what_one_rank_writes(size: int, tmp_path: Path) -> None:
    alone = write(tmp_path / "alone.h5")
    owner = {
        name: np.random.default_rng(5).integers(0, size, stored.n_rows)
        for name, stored in alone.fields.items()
    }

    def work(comm: Threads) -> None:
        rows = {name: np.flatnonzero(found == comm.rank) for name, found in owner.items()}
        with writing_snapshots(
            tmp_path / "together.h5", INFOS, rows=rows, parameters={"omega": 1.5}, comm=comm
        ) as writer:
            for number, time in enumerate(TIMES):
                values = fields_at(number)
                writer.append(time, {name: np.ravel(values[name])[rows[name]] for name in values})

    assert on_ranks(size, work) == [None] * size
    found = SnapshotStore.open(tmp_path / "together.h5")
    for name in INFOS:
        everything = np.arange(alone.fields[name].n_rows)
        np.testing.assert_array_equal(
            found.source(name).rows(everything), alone.source(name).rows(everything)
        )


def test_nan_on_one_rank_is_an_error_on_all_that_names_the_global_node(tmp_path: Path) -> None:
    def work(comm: Threads) -> None:
        rows = np.arange(6).reshape(2, 3)[comm.rank]
        with writing_snapshots(
            tmp_path / "a.h5", {"u": FieldInfo("node", ("1", "2"))}, rows={"u": rows}, comm=comm
        ) as writer:
            writer.append(0.0, {"u": np.zeros(3)})
            writer.append(0.5, {"u": np.array([0.0, 0.0, np.nan if comm.rank else 1.0])})

    for answer in on_ranks(2, work):
        assert isinstance(answer, ConversionError)
        assert "field u is nan at time index 1 (t = 0.5), node 2, component 2" in str(answer)
    assert list(tmp_path.iterdir()) == []


def test_rows_that_make_no_whole_field_are_refused_on_all_ranks(tmp_path: Path) -> None:
    def work(comm: Threads) -> None:
        with writing_snapshots(
            tmp_path / "a.h5", {"p": FieldInfo("point")}, rows={"p": np.arange(3)}, comm=comm
        ):
            pass

    for answer in on_ranks(2, work):
        assert isinstance(answer, StoreError)
        assert "do not number a whole field" in str(answer)


@pytest.mark.parametrize(
    ("instants", "words"),
    [
        ([(0.0, {"p": np.array([0.0, np.inf])})], r"field p is inf at time index 0 .*point 1"),
        ([(0.0, {"p": np.full(3, np.nan)})], "so are 2 more values"),
        ([(0.0, {"q": np.zeros(2)})], "fields .*were announced"),
        ([(1.0, {"p": np.zeros(2)}), (1.0, {"p": np.zeros(2)})], "instants must increase"),
        ([(np.nan, {"p": np.zeros(2)})], "instants must increase"),
        ([(0.0, {"p": np.zeros(2)}), (1.0, {"p": np.zeros(3)})], "expected 2 rows, got 3"),
    ],
)
def test_what_cannot_be_a_snapshot_is_refused(instants, words: str, tmp_path: Path) -> None:
    def append_all() -> None:
        with writing_snapshots(tmp_path / "a.h5", {"p": FieldInfo("point")}) as writer:
            for time, values in instants:
                writer.append(time, values)

    with pytest.raises(ConversionError, match=words):
        append_all()
    assert list(tmp_path.iterdir()) == []


def test_absent_fields_rows_and_columns_are_named(tmp_path: Path) -> None:
    store = write(tmp_path / "cycle.h5")
    with pytest.raises(StoreError, match=r"no field 'q'; it holds \['displacement'"):
        store.source("q")
    with pytest.raises(ValueError, match="row numbers must ascend"):
        store.source("p", np.array([3, 3]))
    with pytest.raises(ValueError, match=r"within 0 ... 15, got 0 ... 16"):
        store.source("p", np.array([0, 16]))
    with pytest.raises(IndexError, match="3 snapshots only"):
        store.source("p").column(3)


def test_a_damaged_store_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cycle.h5"
    store = write(path)
    with rewritten(path) as file:
        del file["fields/p"]
    with pytest.raises(StoreError, match=r"cycle\.h5:/fields/p is missing"):
        SnapshotStore.open(path)
    with pytest.raises(StoreError, match=r"cycle\.h5:/fields/p is missing"):
        store.source("p").column(0)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(StoreError, match=r"cycle\.h5 is not the file of its manifest"):
        SnapshotStore.open(path)
