"""Tables of numbers: what is read is what was written, and what is wrong is told."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from romnet.core.errors import ConversionError
from romnet.laws.native import library_path
from romnet.laws.registry import build_law
from romnet.online.material_paths import uniaxial
from romnet.online.material_point import drive
from romnet.store.curves import columns_of, read_path, write_driven

PARAMETERS = {"young": 2.0e5, "poisson": 0.3, "yield_stress": 100.0, "hardening": 1e3}


@pytest.fixture(scope="module")
def driven():
    spec = {"law": "j2_viscoplastic", "parameters": PARAMETERS}
    return drive(build_law(spec, n_components=6), uniaxial(2e-3, duration=1.0, steps=3))


def test_every_digit_is_written(driven, tmp_path):
    file = tmp_path / "out.csv"
    write_driven(file, driven)
    with file.open(newline="") as text:
        rows = list(csv.reader(text))
    assert rows[0] == list(columns_of(driven))
    numbers = np.array(rows[1:], dtype=float)
    np.testing.assert_array_equal(numbers, np.array(list(columns_of(driven).values())).T)


def test_strains_written_and_read_again_drive_to_the_same_stress(driven, tmp_path):
    file = tmp_path / "strains.csv"
    columns = columns_of(driven)
    names = ["time", *(name for name in columns if name[0] == "e" and name[1:].isdigit())]
    rows = zip(*(columns[name].tolist() for name in names), strict=True)
    lines = ["# a comment", ",".join(names), *(",".join(map(repr, row)) for row in rows), ""]
    file.write_text("\n".join(lines), encoding="utf-8")
    path = read_path(file, n_components=6, temperature=0.0)
    assert path.by_strain.all()
    spec = {"law": "j2_viscoplastic", "parameters": PARAMETERS}
    again = drive(build_law(spec, n_components=6), path)
    np.testing.assert_array_equal(again.stress, driven.stress)


def test_fields_have_names_and_tensors_components(driven):
    columns = columns_of(driven)
    np.testing.assert_array_equal(columns["p"], driven.field("p")[:, 0])
    assert "viscoplastic_strain_23" in columns
    assert "initial_thermal_strain" not in columns


def test_a_state_without_names_is_numbered():
    law = {"umat": str(library_path("j2_viscoplastic")), "n_state": 7}
    law["properties"] = [2.0e5, 0.3, 100.0, 1e3, 0.0, 0.0, 0.0, 1.0]
    driven = drive(build_law({"law": law}, n_components=6), uniaxial(2e-3, duration=1.0, steps=1))
    columns = columns_of(driven)
    assert [name for name in columns if name.startswith("statev")][::6] == ["statev_1", "statev_7"]
    assert columns["statev_1"][-1] > 1e-3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("time,e44\n0,0\n", "unknown columns e44; known: e11"),
        ("e11\n0\n1\n", "has no column time"),
        ("time,e11,s11\n0,0,0\n1,1,1\n", "prescribes both e11 and s11"),
        ("time,e11,e11\n0,0,0\n", "names a column twice"),
        ("time,e11\n0,0\n1\n", "row 2 needs 2 numbers, got 1"),
        ("time,e11\n0,0\n1,a\n", "row 2 needs 2 numbers, got 1,a"),
        ("time,e11\n0,0.1\n1,1\n", "begins with the virgin state"),
        ("time,e11\n0,0\n", "two instants or more"),
    ],
)
def test_what_is_no_history_is_refused(tmp_path, text, words):
    file = tmp_path / "path.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConversionError, match=words):
        read_path(file, n_components=6, temperature=0.0)
