"""``romnet laws``: what is listed, what is blamed, what is driven."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from romnet.laws.contract import TimeStep
from romnet.laws.native import library_path
from romnet.laws.registry import build_law, law_names
from romnet.store.point_file import PointIncrement, write_increment

Romnet = Callable[..., Any]
ELASTIC = str(library_path("elastic"))


def libc() -> str:
    """Path of the C library, which exports functions that are no laws."""
    maps = Path("/proc/self/maps").read_text(encoding="utf-8").split()
    return next(word for word in maps if "/libc.so" in word or "/libc-" in word)


def test_list_names_every_installed_law_with_units(romnet: Romnet) -> None:
    listed = {law["name"]: law for law in romnet("laws", "list", "--json").json["laws"]}
    assert set(listed) == set(law_names())
    young = listed["elastic"]["parameters"][0]
    assert (young["name"], young["unit"], young["required"]) == ("young", "stress", True)
    said = romnet("laws", "list").out
    assert all(name in said for name in law_names())
    assert "young [stress]" in said


def test_show_gives_an_example_that_builds(romnet: Romnet) -> None:
    import yaml

    said = romnet("laws", "show", "j2_viscoplastic").out
    assert "kinematic.modulus" in said
    (material,) = yaml.safe_load(said.split("In a study:")[1])["materials"]
    del material["cells"]
    assert build_law(material, n_components=6).n_components == 6
    assert romnet("laws", "show", "elastic", "--json").json["example"]["poisson"] == 0.3


def test_check_of_a_library_that_keeps_the_contract(romnet: Romnet) -> None:
    options = ["--properties", "2e5,0.3", "--symmetric", "--components", "4"]
    found = romnet("laws", "check", ELASTIC, *options, "--json")
    assert (found.code, found.json["ok"]) == (0, True)
    (law,) = found.json["laws"]
    assert {check["verdict"] for check in law["checks"]} == {"passed"}


def test_check_of_a_library_that_crashes_ends_with_2_and_says_what_to_try(romnet: Romnet) -> None:
    found = romnet("laws", "check", libc(), "--function", "abort")
    assert found.code == 2
    assert "the process survives\n  seen: SIGABRT while examining" in found.out
    assert "  try:  compile with" in found.out
    assert "The contract is broken." in found.out


def test_check_of_a_law_that_refuses_everything_is_told_apart_from_a_crash(romnet: Romnet) -> None:
    found = romnet("laws", "check", ELASTIC, "--properties", "1,2,3", "--json")
    assert found.code == 2
    checks = found.json["laws"][0]["checks"]
    failed = [check["name"] for check in checks if check["verdict"] == "failed"]
    assert failed == ["ordinary increments are accepted"]
    assert checks[-1]["verdict"] == "not_examined"
    assert checks[-1]["error"] is None


def test_check_of_a_study_looks_at_its_materials(
    romnet: Romnet, small: ModuleType, tmp_path: Path
) -> None:
    path = small.write_study(tmp_path, small.STUDY)
    found = romnet("laws", "check", path)
    assert found.code == 0
    assert "materials[0] (ALL): 6 components" in found.out
    assert "temperature 250 to 250" in found.out  # the middle of its table


def test_drive_writes_a_table_and_a_picture(romnet: Romnet, tmp_path: Path) -> None:
    table, picture = tmp_path / "out.csv", tmp_path / "out.png"
    options = ["--strain", "±0.001", "--path", "cyclic", "--cycles", "2", "--steps", "8"]
    found = romnet("laws", "drive", "elastic", *options, "--csv", table, "--plot", picture)
    assert found.code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 17
    assert max(float(row["e11"]) for row in rows) == 1e-3
    np.testing.assert_allclose(float(rows[2]["e22"]), -0.3e-3, rtol=1e-9)


def test_drive_follows_a_file(romnet: Romnet, tmp_path: Path) -> None:
    path = tmp_path / "path.csv"
    path.write_text("time,s11,temperature\n0,0,20\n1,100,20\n", encoding="utf-8")
    parameters = tmp_path / "steel.yaml"
    parameters.write_text("young: 2e5\npoisson: 0.25\n", encoding="utf-8")
    found = romnet("laws", "drive", "elastic", "--path", path, "--parameters", parameters, "--json")
    assert found.json["last"]["e11"] == pytest.approx(5e-4, rel=1e-9)
    assert found.json["last"]["temperature"] == 20.0


def test_a_load_that_cannot_be_borne_ends_with_3(romnet: Romnet, tmp_path: Path) -> None:
    parameters = tmp_path / "perfect.yaml"
    parameters.write_text("young: 2e5\npoisson: 0.3\nyield_stress: 100\n", encoding="utf-8")
    options = ["--parameters", parameters, "--path", "creep", "--stress", "200"]
    found = romnet("laws", "drive", "j2_viscoplastic", *options)
    assert found.code == 3
    assert "stopped after t = 0.00" in found.err


def test_replay_gives_the_answer_of_that_increment(romnet: Romnet, tmp_path: Path) -> None:
    spec = {"law": "elastic", "parameters": {"young": 2.0e5, "poisson": 0.3}}
    law = build_law(spec, n_components=6)
    new = np.array([1e-3, 2e-4, -3e-4, 1e-4, -2e-4, 5e-5])
    state = law.initial_state(np.array([20.0]))[0]
    step = TimeStep(2.0, 0.5, 7)
    increment = PointIncrement(0.0 * new, new, state, (20.0, 20.0), step)
    file = tmp_path / "point.json"
    write_increment(file, increment)
    found = romnet("laws", "drive", "elastic", "--replay", file, "--json").json
    assert found["ok"]
    assert found["stress"] == increment.put_to(law).stress[0].tolist()
    said = romnet("laws", "drive", "elastic", "--replay", file).out
    assert "the point is integrated" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["drive", "elastic"], "this path needs --strain"),
        (["drive", "elastic", "--path", "creep"], "this path needs --stress"),
        (["drive", "elastic", "--path", "zigzag", "--strain", "1"], "is none of uniaxial, cyclic"),
        (["drive", "elastic", "--strain", "much"], "must be numbers separated by commas"),
        (["drive", "elastic", "--strain", "1", "--steps", "0"], "steps must be 1 or more"),
        (["drive", "elastic", "--strain", "1", "--duration", "0"], "must be positive"),
        (["drive", "elastic", "--strain", "1", "--component", "31"], "must be one of 11, 22"),
        (["drive", "elastic", "--strain", "1", "--components", "5"], "must be 6, or 4"),
        (["drive", "elastic", "--strain", "1", "--material", "3"], "there is no material 3"),
        (["drive", "elastic", "--path", "no.csv"], "cannot be read"),
        (["drive", "elastic", "--replay", "no.json"], "is no increment of a material point"),
        (["check", "elastik"], "did you mean 'elastic'"),
        (["check", "no/lib.so"], "there is no such file"),
        (["show", "nothing"], "'nothing' is unknown"),
    ],
)
def test_wrong_words_are_told_with_2(romnet: Romnet, words: list[str], message: str) -> None:
    found = romnet("laws", *words)
    assert found.code == 2
    assert message in found.err


def test_a_law_that_depends_on_temperature_must_be_told_it(
    romnet: Romnet, small: ModuleType, tmp_path: Path
) -> None:
    path = small.write_study(tmp_path, small.STUDY)
    found = romnet("laws", "drive", path, "--strain", "1e-3")
    assert found.code == 2
    assert "give --temperature, 0 to 500" in found.err
    driven = romnet("laws", "drive", path, "--strain", "1e-5", "--temperature", "500", "--json")
    last = driven.json["last"]
    assert last["s11"] == pytest.approx(1.8e5 * (last["e11"] - last["viscoplastic_strain_11"]))


def test_an_answer_is_one_json_object(romnet: Romnet) -> None:
    said = romnet("laws", "drive", "elastic", "--strain", "1e-3", "--json")
    assert json.loads(said.out)["status"] == "converged"
