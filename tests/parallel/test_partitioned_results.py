"""Z-set results in subdomains: a study reads them the same on any number of ranks."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

from romnet.fe.partition import bisect_cells, subdomain
from romnet.store.converters.zset import CONVERTER


@pytest.fixture
def examples() -> Path:
    found = importlib.util.find_spec("Muscat")
    if found is None or found.origin is None:
        words = "muscat is not installed; scripts/setup does it"
        if os.environ.get("ROMNET_CI") == "1":
            pytest.fail(words)
        pytest.skip(words)
    return Path(found.origin).parent / "TestData"


def test_rows_of_all_ranks_are_the_sequential_field(comm, examples: Path) -> None:
    alone = examples / "UtExample" / "cube.ut"
    cut = examples / "UtParExample" / "cube.cut"
    mesh = CONVERTER.read_mesh(cut)
    part = subdomain(mesh, bisect_cells(mesh, comm.size), comm.rank)
    mine = CONVERTER.read_results(cut, mesh).instant(3, ("displacement", "stress"))
    nodes = part.nodes[part.owned]
    whole = CONVERTER.read_results(alone, CONVERTER.read_mesh(alone)).instant(3)
    found = comm.concatenate(mine["displacement"].reshape(-1, 3)[nodes])
    order = np.argsort(comm.concatenate(nodes))
    scale = np.abs(whole["displacement"]).max()
    np.testing.assert_allclose(found[order].ravel(), whole["displacement"], atol=2e-5 * scale)
    stress = comm.concatenate(mine["stress"][part.points])
    order = np.argsort(comm.concatenate(part.points))
    scale = np.abs(whole["stress"]).max()
    np.testing.assert_allclose(stress[order], whole["stress"], atol=2e-5 * scale)
