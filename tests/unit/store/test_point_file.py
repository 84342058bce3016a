"""An increment of a point survives its file."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.core.errors import ConversionError
from romnet.laws.contract import TimeStep
from romnet.laws.points import PointLocations
from romnet.laws.registry import build_law
from romnet.store.point_file import PointIncrement, read_increment, write_increment

STEP = TimeStep(0.1, 1.0 / 3.0, 4)


def test_every_bit_survives(tmp_path):
    old, new, state = np.random.default_rng(0).normal(size=(3, 6))
    file = tmp_path / "point.json"
    write_increment(file, PointIncrement(old, new, state, (20.0, 1.0 / 7.0), STEP))
    read = read_increment(file)
    for given, found in ((old, read.strain_old), (new, read.strain_new), (state, read.state_old)):
        np.testing.assert_array_equal(found, given)
    assert (read.temperatures, read.step) == ((20.0, 1.0 / 7.0), STEP)


def test_another_law_is_refused():
    spec = {"law": "elastic", "parameters": {"young": 1.0, "poisson": 0.0}}
    increment = PointIncrement(np.zeros(6), np.zeros(6), np.zeros(9), (0.0, 0.0), STEP)
    with pytest.raises(ConversionError, match="a state of 9 columns; the law needs 6 and 7"):
        increment.put_to(build_law(spec, n_components=6))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "has no strain_old; needs strain_old, strain_new"),
        ("[1]", "is no increment"),
        ("no json", "is no increment"),
    ],
)
def test_what_is_no_increment_is_refused(tmp_path, text, words):
    file = tmp_path / "point.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConversionError, match=words):
        read_increment(file)


def test_the_place_survives(tmp_path):
    location = PointLocations(np.array([[0.1, 0.2, 0.3]]), np.array([7]), np.array([4]))
    file, zeros = tmp_path / "point.json", np.zeros(6)
    write_increment(
        file,
        PointIncrement(zeros, zeros, zeros, (0.0, 0.0), STEP, point=55, cell=7, location=location),
    )
    read = read_increment(file)
    assert (read.point, read.cell) == (55, 7)
    assert read.location.coordinates.tolist() == [[0.1, 0.2, 0.3]]
    assert (read.location.elements[0], read.location.numbers[0]) == (7, 4)
