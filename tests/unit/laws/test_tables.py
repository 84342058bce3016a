"""Tables say between their points what a straight line says, and refuse what is no function."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from romnet.core.errors import LawError, StudyError
from romnet.laws.tables import PropertyTable, Table, ThermalExpansion


@st.composite
def tables(draw):
    grid = draw(st.lists(st.integers(-300, 1500), min_size=2, max_size=6, unique=True))
    values = draw(st.lists(st.floats(-1e3, 1e3), min_size=len(grid), max_size=len(grid)))
    return Table(np.sort(np.array(grid, dtype=float)), np.array(values))


@given(st.lists(tables(), min_size=1, max_size=4), st.floats(-400.0, 1600.0))
def test_merged_tables_say_what_each_said(parts, temperature):
    merged = PropertyTable.merge(parts).at(temperature)
    alone = [part.at(temperature) for part in parts]
    np.testing.assert_allclose(merged, alone, rtol=0, atol=1e-9)


def test_merged_grid_is_the_union_of_the_grids_of_tables():
    merged = PropertyTable.merge(
        [
            Table(np.array([0.0, 10.0]), np.array([1.0, 2.0])),
            Table.constant(5.0),
            Table(np.array([10.0, 30.0]), np.array([4.0, 2.0])),
        ]
    )
    assert merged.temperatures.tolist() == [0.0, 10.0, 30.0]
    assert merged.values[:, 1].tolist() == [5.0, 5.0, 5.0]


def test_no_properties_make_an_empty_row():
    assert PropertyTable.merge([]).values.shape == (1, 0)


@pytest.mark.parametrize(
    ("given_value", "error", "words"),
    [
        ("steel", StudyError, "young: must be a number or a table"),
        (True, StudyError, "young: must be a number or a table"),
        ({"temperature": [1.0]}, StudyError, "young: must be a number or a table"),
        ({"temperature": [1.0], "value": [2.0]}, StudyError, "two temperatures or more"),
        ({"temperature": [1.0, 2.0], "value": "ab"}, StudyError, "value must be a list of numbers"),
        ({"temperature": [1.0, 2.0], "value": [1.0]}, StudyError, "as many values as temperatures"),
        ({"temperature": [2.0, 1.0], "value": [1.0, 1.0]}, LawError, "must ascend"),
        ({"temperature": [1.0, 1.0], "value": [1.0, 1.0]}, LawError, "must ascend"),
        (float("nan"), LawError, "must be finite"),
    ],
)
def test_what_is_no_property_is_refused_by_name(given_value, error, words):
    with pytest.raises(error, match=words):
        Table.read(given_value, "young")


def test_limits_are_infinite_for_a_number_only():
    assert Table.read(3, "x").limits == (-inf, inf)
    assert Table.read({"temperature": [1, 4], "value": [0, 0]}, "x").limits == (1.0, 4.0)


@pytest.mark.parametrize(
    ("expansion", "words"),
    [
        ({"coefficient": 1e-5}, "must give coefficient and reference"),
        ({"coefficient": 1e-5, "reference": 20.0, "kind": 1}, "must give coefficient"),
        (
            {"coefficient": 1e-5, "reference": {"temperature": [1, 2], "value": [1, 2]}},
            "must be one temperature",
        ),
    ],
)
def test_an_incomplete_expansion_is_refused(expansion, words):
    with pytest.raises(StudyError, match=words):
        ThermalExpansion.read(expansion)
