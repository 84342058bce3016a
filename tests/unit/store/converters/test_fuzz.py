"""Damaged files are refused or read; they never crash, hang or ask for much memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from romnet.core.errors import ConversionError

FORMATS = ("inp", "frd", "frd_binary", "dat", "geof", "zset", "zset_deck")


@pytest.mark.parametrize("name", FORMATS)
def test_the_undamaged_file_is_read(name: str, seeds, tmp_path: Path) -> None:
    seed = seeds.all_seeds(tmp_path)[name]
    for file, content in seed.files.items():
        (tmp_path / file).write_bytes(content)
    assert seed.read(tmp_path / seed.main)


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_files_raise_conversion_errors_only(
    name: str, seeds, mutated, tmp_path: Path
) -> None:
    seed = seeds.all_seeds(tmp_path)[name]
    (tmp_path / "damaged").mkdir()
    found = mutated.failures(
        seed.files, seed.read, tmp_path / "damaged", main=seed.main, cases=45, seed=1
    )
    assert list(found) == []


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("frd", b"          12 ", b"  2000000000 "),
        ("frd_binary", b"          12 ", b"  2000000000 "),
        ("inp", b"10, 11, 1", b"10, 2000000000, 1"),
        ("inp", b"0.5, 1.\n*BOUNDARY", b"1e-12, 1.\n*BOUNDARY"),
    ],
)
def test_huge_numbers_ask_for_no_memory(
    name: str, old: bytes, new: bytes, seeds, tmp_path: Path
) -> None:
    seed = seeds.all_seeds(tmp_path)[name]
    content = seed.files[seed.main]
    assert old in content
    for file, good in seed.files.items():
        (tmp_path / file).write_bytes(good)
    (tmp_path / seed.main).write_bytes(content.replace(old, new, 1))
    tracemalloc.start()
    try:
        seed.read(tmp_path / seed.main)
    except ConversionError:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 50e6
