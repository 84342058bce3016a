"""Bases on disk: whole or in part, whoever wrote them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from romnet.core.communicator import SerialCommunicator
from romnet.core.errors import StoreError
from romnet.reduction.basis import ReducedBasis
from romnet.store.manifest import Manifest, read_manifest
from romnet.store.modes import KIND, load_bases, save_bases
from tests.unit.store.rewriting import resealed, rewritten

N_ROWS = 40_000  # more than one chunk


def basis(n_rows: int, n_modes: int, seed: int = 0) -> ReducedBasis:
    """Return a basis of random modes."""
    rng = np.random.default_rng(seed)
    return ReducedBasis(
        modes=rng.normal(size=(n_rows, n_modes)),
        singular_values=np.sort(rng.uniform(1.0, 2.0, n_modes + 2))[::-1].copy(),
        inner_product="l2",
    )


def save(path: Path, bases: dict[str, ReducedBasis], rows: np.ndarray | None = None) -> None:
    """Save bases that one rank holds whole."""
    n_rows = next((len(one.modes) for one in bases.values()), 0)
    kept = np.arange(n_rows)
    save_bases(
        path,
        bases,
        kept if rows is None else rows,
        kept=kept,
        manifest=Manifest(key="k"),
        comm=SerialCommunicator(),
    )


def same(one: ReducedBasis, other: ReducedBasis) -> bool:
    """Whether two bases are equal bit for bit."""
    return (
        np.array_equal(one.modes, other.modes)
        and np.array_equal(one.singular_values, other.singular_values)
        and one.inner_product == other.inner_product
    )


def test_what_is_loaded_is_what_was_saved(tmp_path: Path) -> None:
    bases = {"displacement": basis(N_ROWS, 3), "stress/11": basis(N_ROWS, 1, seed=1)}
    save(tmp_path / "pod.h5", bases)
    found = load_bases(tmp_path / "pod.h5")
    assert list(found) == list(bases)
    assert all(same(found[name], bases[name]) for name in bases)
    assert read_manifest(tmp_path / "pod.h5").kind == KIND


@given(data=st.data())
def test_any_rows_can_be_read(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "modes.h5"
    whole = basis(300, 2)
    save(path, {"u": whole})
    wanted = data.draw(st.sets(st.integers(0, 299)))
    rows = np.array(sorted(wanted), dtype=np.int64)
    part = load_bases(path, rows)["u"]
    np.testing.assert_array_equal(part.modes, whole.modes[rows])
    np.testing.assert_array_equal(part.singular_values, whole.singular_values)


def test_rows_come_in_the_global_order(tmp_path: Path) -> None:
    whole = basis(50, 2)
    rows = np.random.default_rng(1).permutation(50)
    shuffled = ReducedBasis(whole.modes[rows], whole.singular_values, "l2")
    save(tmp_path / "pod.h5", {"u": shuffled}, rows)
    assert same(load_bases(tmp_path / "pod.h5")["u"], whole)


def test_ghost_rows_are_left_out(tmp_path: Path) -> None:
    local = basis(6, 2)
    save_bases(
        tmp_path / "pod.h5",
        {"u": local},
        np.array([2, 0, 1]),
        kept=np.array([0, 3, 5]),
        manifest=Manifest(),
        comm=SerialCommunicator(),
    )
    found = load_bases(tmp_path / "pod.h5")["u"].modes
    np.testing.assert_array_equal(found, local.modes[[3, 5, 0]])


def test_no_basis_and_no_mode(tmp_path: Path) -> None:
    save(tmp_path / "none.h5", {})
    assert load_bases(tmp_path / "none.h5") == {}
    assert load_bases(tmp_path / "none.h5", np.arange(3)) == {}
    save(tmp_path / "empty.h5", {"u": basis(5, 0)})
    assert load_bases(tmp_path / "empty.h5")["u"].modes.shape == (5, 0)


def test_damaged_files_are_told_with_their_name(tmp_path: Path) -> None:
    path = tmp_path / "pod.h5"
    with pytest.raises(StoreError, match=r"pod\.h5 does not exist"):
        load_bases(path)
    save(path, {"u": basis(N_ROWS, 2)})
    whole = path.read_bytes()
    for part in (0.1, 0.5, 0.99):
        path.write_bytes(whole[: int(part * len(whole))])
        with pytest.raises(StoreError, match=r"pod\.h5"):
            load_bases(path)
    path.write_bytes(b"no HDF5 at all")
    resealed(path)
    with pytest.raises(StoreError, match=r"pod\.h5 is no complete HDF5 file"):
        load_bases(path, np.arange(3))


@pytest.mark.parametrize("name", ["modes", "singular_values", "inner_product"])
def test_what_is_missing_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / "pod.h5"
    save(path, {"u": basis(5, 2)})
    with rewritten(path) as file:
        del file["u"][name]
    with pytest.raises(StoreError, match=rf"pod\.h5:/u/{name} is missing"):
        load_bases(path)


def test_rows_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "pod.h5"
    save(path, {"u": basis(5, 2)})
    with pytest.raises(StoreError, match=r"pod\.h5:/u.*it has 5 rows, asked for 3 ... 9"):
        load_bases(path, np.array([3, 9]))


def test_another_kind_of_artefact_is_refused(tmp_path: Path) -> None:
    from romnet.store import artefact

    with artefact.writing(tmp_path / "pod.h5", "snapshots"):
        pass
    with pytest.raises(StoreError, match="holds snapshots, expected bases"):
        load_bases(tmp_path / "pod.h5")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "pod.h5"
    good = basis(5, 2)
    save(path, {"u": good})
    with pytest.raises(IndexError):
        save(path, {"u": good, "v": basis(2, 2)})
    assert same(load_bases(path)["u"], good)
    assert sorted(found.name for found in tmp_path.iterdir()) == ["pod.h5", "pod.h5.json"]
