"""Numbers in fixed columns against Python's own reading of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from romnet.store.converters.native import Layout, MalformedRowError, as_numbers, read_columns

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=64)


@given(st.lists(FINITE.filter(lambda x: x == 0.0 or 1e-290 < abs(x) < 1e290), min_size=1))
def test_numbers_are_those_that_python_reads(values: list[float]) -> None:
    text = "".join(f"{value:16.8E}"[-16:] + "\n" for value in values)
    found = read_columns(text.encode(), Layout.of([16, "\n"]))[:, 0]
    np.testing.assert_allclose(found, [float(line) for line in text.split()], rtol=4e-16)


@given(st.lists(st.floats(-9e5, 9e5).filter(lambda x: x == 0.0 or abs(x) > 1e-20), min_size=1))
def test_six_digits_are_read_exactly(values: list[float]) -> None:
    text = "".join(f"{value:12.5E}\n" for value in values)
    found = read_columns(text.encode(), Layout.of([12, "\n"]))[:, 0]
    assert found.tolist() == [float(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("1", 1.0), ("-.5", -0.5), ("5.", 5.0), ("+1.5E3", 1500.0), ("1.5D-3", 0.0015),
        ("1.234-101", 1.234e-101), ("1e+05", 1e5), ("-0.00000E+00", -0.0),
        ("123456789012345678901234", 1.2345678901234568e23), ("1.00000E-45", 1e-45),
        ("0.000000000000000000000000012", 1.2e-26), ("0E9999", 0.0), ("1E-9999", 0.0),
    ],
)  # fmt: skip
def test_spellings_of_numbers(word: str, value: float) -> None:
    found = read_columns(f"{word:>32}".encode(), Layout.of([32]))
    assert found[0, 0] == pytest.approx(value, rel=4e-16, abs=0.0)


@pytest.mark.parametrize(
    "word",
    ["", ".", "-", "NAN", "inf", "1E999", "1 2", "1E", "1E+", "0x10", "1..2", "--1", "1,5", "1\t"],
)
def test_what_is_no_finite_number_is_refused(word: str) -> None:
    with pytest.raises(MalformedRowError) as caught:
        read_columns(f"{'1':>8}{'2':>8}\n{'3':>8}{word:>8}\n".encode(), Layout.of([8, 8, "\n"]))
    assert caught.value.row == 1


def test_rows_must_follow_the_template() -> None:
    layout = Layout.of([" -1", 4, "\n"])
    assert read_columns(b" -1   7\n -1   8\n", layout).tolist() == [[7.0], [8.0]]
    with pytest.raises(MalformedRowError, match="row 1 ' -2   8'"):
        read_columns(b" -1   7\n -2   8\n", layout)
    with pytest.raises(ValueError, match="9 bytes are no whole number of rows of 8"):
        read_columns(b" -1   7\n ", layout)
    assert read_columns(b"", layout).shape == (0, 1)


def test_fields_must_lie_in_the_row() -> None:
    with pytest.raises(ValueError, match="leave"):
        Layout("####", (2,), (3,))


@pytest.mark.parametrize("value", [0.5, 1e300, np.nan])
def test_numbers_of_nodes_are_integers(value: float) -> None:
    with pytest.raises(ValueError, match="is no number of a node"):
        as_numbers(np.array([1.0, value]))
