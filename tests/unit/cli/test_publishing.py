"""What leaves romnet: citations, the schema, chosen fields; and how every command speaks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.main import get_command

import romnet as package
from romnet.cli.main import app
from romnet.study import published
from romnet.study.citing import PUBLICATIONS

ROOT = Path(__file__).parents[3]
Romnet = Callable[..., Any]


def every_command() -> Iterator[tuple[str, Any]]:
    """Every command with its words."""
    waiting = [("", get_command(app))]
    while waiting:
        words, found = waiting.pop()
        below = getattr(found, "commands", None)
        if below is None:
            yield words.strip(), found
        else:
            waiting += [(f"{words} {name}", one) for name, one in below.items()]


@pytest.mark.parametrize("found", [pytest.param(one, id=words) for words, one in every_command()])
def test_every_command_speaks_json(found: Any) -> None:
    assert "--json" in {name for option in found.params for name in option.opts}


def test_a_study_cites_what_it_uses(romnet: Romnet, computed: Path) -> None:
    found = romnet("cite", computed, "--json").json["citations"]
    keys = [one["key"] for one in found]
    assert keys == ["romnet", "Casenave2020", "Hernandez2017", "Yaghoobi2015"]
    assert "doi 10.1002/nme.6187" in found[1]["text"]
    everything = romnet("cite", "--bibtex").out
    assert everything.count("\n@article{") == len(PUBLICATIONS)
    assert everything.count("{") == everything.count("}")
    assert "version: " + package.__version__ in (ROOT / "CITATION.cff").read_text()


def test_every_key_that_a_stage_cites_is_known() -> None:
    from romnet.study.offline_stages import CUBATURE, INDICATOR, LOCAL, POD

    assert {*POD, *LOCAL, *INDICATOR, *CUBATURE} <= set(PUBLICATIONS)


def test_the_published_schema_is_that_of_the_code(romnet: Romnet, tmp_path: Path) -> None:
    kept = ROOT / "docs" / "reference" / "study.schema.json"
    assert kept.read_text() == published.schema_text(), "run: romnet schema -o " + str(kept)
    assert json.loads(romnet("schema").out) == json.loads(kept.read_text())
    romnet("init", tmp_path)
    first = (tmp_path / "study.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=./.study.schema.json"
    assert (tmp_path / ".study.schema.json").read_text() == kept.read_text()


def test_chosen_fields_open_in_vtk(romnet: Romnet, computed: Path, tmp_path: Path) -> None:
    vtk = pytest.importorskip("vtk")
    from vtk.util.numpy_support import vtk_to_numpy

    file = tmp_path / "some.vtkhdf"
    words = ("--field", "displacement", "--field", "stress", "--time", "0.5", "--time", "1.0")
    made = romnet("export", computed, "--case", "more", "-o", file, *words, "--json").json
    assert made["times"] == [0.5, 1.0]
    reader = vtk.vtkHDFReader()
    reader.SetFileName(str(file))
    reader.UpdateInformation()
    assert reader.GetNumberOfSteps() == 2
    whole = vtk.vtkHDFReader()
    whole.SetFileName(str(computed / "results" / "fields" / "more.vtkhdf"))
    for part, total in ((0, 2), (1, 4)):
        reader.SetStep(part)
        whole.SetStep(total)
        reader.Update()
        whole.Update()
        cells = reader.GetOutput().GetCellData()
        names = {cells.GetArrayName(n) for n in range(cells.GetNumberOfArrays())}
        assert names == {f"stress_{ij}" for ij in ("11", "22", "33", "12", "13", "23")}
        for name in names:
            expected = vtk_to_numpy(whole.GetOutput().GetCellData().GetArray(name))
            np.testing.assert_array_equal(vtk_to_numpy(cells.GetArray(name)), expected)
        moved = [one.GetOutput().GetPointData().GetArray("displacement") for one in (reader, whole)]
        np.testing.assert_array_equal(*map(vtk_to_numpy, moved))
    refused = romnet("export", computed, "--case", "more", "-o", file, "--field", "colour")
    assert refused.code == 2
    assert "there is no field 'colour'; there are: displacement, " in refused.err


def test_fields_from_python_are_those_of_the_files(computed: Path) -> None:
    context = package.open_study(computed)
    (last,) = package.fields(context, "more", names=("p",), times=(9.0,))
    assert (last.time, set(last.fields)) == (1.0, {"p"})
    assert last.fields["p"].shape == (64,)
    everything = list(package.fields(context, "more"))
    assert [one.time for one in everything] == [0.0, 0.25, 0.5, 0.75, 1.0]
    np.testing.assert_array_equal(everything[-1].fields["p"], last.fields["p"])


def test_names_of_the_package_do_not_change_when_its_parts_are_loaded() -> None:
    code = (
        "import romnet, importlib\n"
        "before = [getattr(romnet, name) for name in romnet.__all__]\n"
        "[importlib.import_module(f'romnet.{part}') for part in ('online', 'report', 'study')]\n"
        "after = [getattr(romnet, name) for name in romnet.__all__]\n"
        "print(before == after and all(map(callable, after[1:])))\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "True\n"


@pytest.mark.parametrize("words", [["--help"], ["status"], ["doctor", "--help"]])
def test_no_colours_where_nobody_looks(words: list[str]) -> None:
    command = [sys.executable, "-m", "romnet.cli.main", *words]
    plain = {n: v for n, v in os.environ.items() if n not in ("FORCE_COLOR", "TTY_COMPATIBLE")}
    said = subprocess.run(command, capture_output=True, text=True, check=False, env=plain)
    assert "\x1b" not in said.stdout + said.stderr


def test_quiet_leaves_errors_and_json(romnet: Romnet, computed: Path) -> None:
    said = romnet("--quiet", "offline", computed, "--json")
    assert said.err == ""
    assert said.json["modes"] > 0
    assert romnet("-q", "status", computed).out == ""
    assert "no case" in romnet("-q", "online", computed, "--case", "absent").err


def test_each_rank_has_its_log(romnet: Romnet, computed: Path, tmp_path: Path) -> None:
    romnet("--logs", tmp_path / "logs", "status", computed)
    assert [found.name for found in (tmp_path / "logs").iterdir()] == ["rank-0.log"]
