"""Foreign files reach into their own folder and no further."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from romnet.core.errors import ConversionError
from romnet.store.converters.base import find_converter
from romnet.store.converters.reach import beside, refuse_links


@pytest.mark.parametrize("named", ["../a", "b/../../a", "/a", "..", "a\0b", "./../a"])
def test_names_that_lead_out_are_refused(named: str) -> None:
    with pytest.raises(ConversionError, match="outside its folder"):
        beside(Path("runs/cube.ut"), named)


@pytest.mark.parametrize("named", ["a", "b/a", "./a", "b/../a", "..a"])
def test_names_within_are_kept(named: str) -> None:
    assert beside(Path("runs/cube.ut"), named) == Path("runs") / named


@pytest.mark.parametrize("kind", ["link", "virtual", "raw"])
@pytest.mark.parametrize("suffix", [".med", ".e", ".vtkhdf"])
def test_values_in_other_files_are_refused(tmp_path: Path, kind: str, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    with h5py.File(path, "w") as file:
        group = file.create_group("deep/down")
        if kind == "link":
            group["x"] = h5py.ExternalLink("b.h5", "x")
        elif kind == "virtual":
            layout = h5py.VirtualLayout((2,), "f8")
            layout[:] = h5py.VirtualSource("b.h5", "x", (2,))
            group.create_virtual_dataset("x", layout)
        else:
            group.create_dataset("x", (2,), "f8", external=[("/etc/hostname", 0, 16)])
    with pytest.raises(ConversionError, match="deep/down/x leads to another file"):
        find_converter(path).read_mesh(path)


def test_links_within_a_file_are_followed_once() -> None:
    with h5py.File("a.h5", "w", driver="core", backing_store=False) as file:
        file["a/x"] = np.zeros(2)
        file["a/again"] = file["a"]
        refuse_links(Path("a.h5"), file)
