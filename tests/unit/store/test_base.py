"""The registry of converters, and the check of the order of nodes."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from romnet.core.errors import ConversionError, PluginError
from romnet.fe.cells import CELLS
from romnet.store.converters import base, zset
from romnet.store.converters.base import check_node_order, find_converter

QUADRATIC = [
    name for name, cell in CELLS.items() if cell.n_dim > 1 and cell.n_nodes > cell.n_corners
]


def test_built_in_converters_are_found_by_suffix() -> None:
    for name, converter in (
        *(("a.geof", "zset"), ("a.UT", "zset"), ("b.node", "zset")),
        *(("a.vtu", "meshio"), ("a.pvd", "meshio"), ("a.msh", "meshio")),
    ):
        assert find_converter(Path(name)).name == converter


def test_an_unknown_suffix_lists_the_known_ones() -> None:
    with pytest.raises(ConversionError, match=r"a\.cgx: no converter reads '\.cgx'.*'\.geof'"):
        find_converter(Path("a.cgx"))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("romnet.store.converters.zset:CONVERTER", r"\['other', 'zset'\] all claim '\.geof'"),
        ("romnet.absent:CONVERTER", "cannot be loaded: ModuleNotFoundError"),
        ("romnet.store.converters.zset:SINGLE", "other .* is a "),
    ],
)
def test_broken_plugins_are_named(value: str, words: str, monkeypatch) -> None:
    points = [
        EntryPoint("other", value, base.GROUP),
        EntryPoint("zset", "romnet.store.converters.zset:CONVERTER", base.GROUP),
    ]
    monkeypatch.setattr(base, "installed", lambda _: tuple(points))
    with pytest.raises(PluginError, match=words):
        find_converter(Path("a.geof"))


@pytest.mark.parametrize("name", QUADRATIC)
def test_straight_and_moderately_curved_cells_pass(name: str) -> None:
    cell = CELLS[name]
    rng = np.random.default_rng(0)
    stretch = np.diag([1.0, 0.05, 20.0][: cell.n_dim])
    nodes = cell.nodes @ stretch
    check_node_order(Path("a"), name, nodes, np.arange(cell.n_nodes)[None])
    bulged = cell.nodes + 0.05 * rng.standard_normal(cell.nodes.shape)
    check_node_order(Path("a"), name, bulged, np.arange(cell.n_nodes)[None])


@given(st.sampled_from(QUADRATIC), st.data())
def test_any_swap_of_a_corner_and_a_further_node_is_seen(name: str, data) -> None:
    cell = CELLS[name]
    corner = data.draw(st.integers(0, cell.n_corners - 1))
    further = data.draw(st.integers(cell.n_corners, cell.n_nodes - 1))
    order = np.arange(cell.n_nodes)
    order[[corner, further]] = order[[further, corner]]
    with pytest.raises(ConversionError, match=rf"1 of 1 {name} cells"):
        check_node_order(Path("a"), name, cell.nodes, order[None])


def test_a_few_bad_cells_among_many_are_left_to_the_jacobian() -> None:
    cell = CELLS["tri6"]
    order = np.tile(np.arange(6), (20, 1))
    order[0] = [0, 3, 1, 4, 2, 5]
    check_node_order(Path("a"), "tri6", cell.nodes, order)


def test_a_converter_is_a_value() -> None:
    assert replace(zset.CONVERTER, name="other").suffixes == zset.CONVERTER.suffixes
