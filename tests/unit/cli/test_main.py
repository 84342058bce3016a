"""Every command: words for people, one JSON object for machines, exit codes for scripts."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any

import pytest

import romnet as package
from romnet.cli.console import _finite

Romnet = Callable[..., Any]
COMMANDS = Path(__file__).parents[3] / "docs" / "reference" / "commands.md"


def promised(command: str) -> set[str]:
    """Return the keys that the reference lists in the table of a command."""
    table = COMMANDS.read_text().partition(f"\n`{command}")[2].partition("|\n\n")[0]
    names = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    return {key for several in names for key in re.findall(r"`(\w+)`", several)}


def median_seconds(*words: str) -> float:
    """Return the median wall time of five processes."""
    seconds = []
    for _ in range(5):
        began = perf_counter()
        subprocess.run([sys.executable, *words], check=True, capture_output=True)
        seconds.append(perf_counter() - began)
    return statistics.median(seconds)


def test_init(romnet: Romnet, tmp_path: Path) -> None:
    assert romnet("init", tmp_path, "--json").json == {"study": str(tmp_path / "study.yaml")}
    said = romnet("init", tmp_path)
    assert said.code == 2
    assert "exists already" in said.err


def test_init_from_a_deck(romnet: Romnet, tmp_path: Path) -> None:
    deck = tmp_path / "one.inp"
    deck.write_text(
        "*NODE\n1,0,0,0\n2,1,0,0\n3,0,1,0\n4,0,0,1\n*ELEMENT,TYPE=C3D4,ELSET=E\n1,1,2,3,4\n"
        "*MATERIAL,NAME=M\n*ELASTIC\n2e5,0.3\n*DAMPING\n*SOLID SECTION,ELSET=E,MATERIAL=M\n"
        "*STEP\n*STATIC,DIRECT\n1,1\n*BOUNDARY\n1,1,3\n2,2,3\n3,3\n*END STEP\n"
    )
    made = romnet("init", tmp_path / "study", "--from", deck, "--json").json
    assert made["study"] == str(tmp_path / "study" / "study.yaml")
    assert made["notes"] == [{"place": "one.inp:11", "text": "*DAMPING of material M"}]
    assert romnet("check", tmp_path / "study").code == 0
    said = romnet("init", tmp_path / "other", "--from", tmp_path / "absent.inp")
    assert said.code == 2
    assert "absent.inp" in said.err


@pytest.mark.parametrize("template", ["bar", "import"])
def test_check_of_templates(romnet: Romnet, tmp_path: Path, template: str) -> None:
    romnet("init", tmp_path, "--template", template)
    found = romnet("check", tmp_path, "--json")
    assert set(found.json) == {"ok", "messages", "warnings", "errors", "figures"}
    assert found.json["ok"] == (found.code == 0) == (template == "bar")
    assert ("MESH.geof" in found.json["messages"][-1]) == (template == "import")


def test_check_for_people(romnet: Romnet, imported: Path) -> None:
    said = romnet("check", imported)
    assert said.code == 0
    assert said.out.endswith("The study can be computed.\n")
    assert said.err == ""


def test_offline(romnet: Romnet, computed: Path) -> None:
    said = romnet("offline", computed, "--json")
    assert said.code == 0
    assert set(said.json) == promised("offline`:")
    assert set(said.json["training_errors"]) == {"u", "p"}
    assert "cubature" in said.json["time"]
    assert "modes," in said.err  # words for people go to stderr
    assert romnet("offline", computed, "--until", "pod", "--json").json == {"until": "pod"}
    assert romnet("offline", computed, "--until", "podd").code == 2


def test_online(romnet: Romnet, computed: Path) -> None:
    every = romnet("online", computed, "--json")
    (case,) = every.json["cases"]
    one = romnet("online", computed, "--case", "more", "--json")
    assert one.json == case
    assert set(case) == promised("online --case NAME`")
    assert set(case["errors"]) == {"u", "p", "p_hot"}
    assert romnet("online", computed, "--case", "one", "--json").json["status"] == "converged"
    said = romnet("online", computed, "--case", "absent")
    assert said.code == 2
    assert "there is no case 'absent'; there are: more" in said.err
    people = romnet("online", computed)
    assert people.out.startswith("more: converged, 4 steps")


def test_status(romnet: Romnet, computed: Path, tmp_path: Path) -> None:
    found = romnet("status", computed, "--json").json
    assert set(found["cubature"]) == {"state", "reason"}
    assert {verdict["state"] for verdict in found.values()} == {"fresh"}
    found = romnet("status", computed, "--results", tmp_path, "--json").json
    assert {verdict["state"] for verdict in found.values()} == {"missing"}
    assert "cubature" in romnet("status", computed).out


@pytest.mark.slow
def test_report(romnet: Romnet, study: Path) -> None:
    found = romnet("report", study, "--json")
    assert found.code == 0
    assert set(found.json) == {"report"}
    page = Path(found.json["report"]).read_text()
    assert page.lstrip().lower().startswith("<!doctype html>")


def test_doctor(romnet: Romnet) -> None:
    found = romnet("doctor", "--json")
    assert set(found.json) == {"ok", "checks"}
    assert found.json["ok"] == (found.code == 0)
    for check in found.json["checks"]:
        assert set(check) == {"name", "ok", "found", "remedy"}
    assert {"python", "laws", "converters", "mpi", "petsc"} <= {
        check["name"] for check in found.json["checks"]
    }


def test_progress_goes_to_stderr(romnet: Romnet, small: ModuleType, tmp_path: Path) -> None:
    path = small.write_study(tmp_path, small.STUDY)
    said = romnet("offline", path, "--until", "mesh")
    assert said.out == ""
    assert "mesh" in said.err


def test_a_case_that_does_not_converge(romnet: Romnet, small: ModuleType, study: Path) -> None:
    # Fifty times the load, and no patience: the law still answers, Newton's method does not.
    changes = {
        "online__0__loads__pressure__field": 30.0,
        "online__0__reference": None,
        "newton": {"max_iterations": 3, "smallest_step": 0.5},
    }
    small.write_study(study, small.changed(small.foreign_study(), **changes))
    said = romnet("online", study, "--json")
    assert said.code == 3
    (case,) = said.json["cases"]
    assert case["status"] != "converged"
    assert case["steps"] < 4
    assert case["advice"] != "nothing to do"
    assert case["advice"] in said.err
    assert (study / "results" / "online" / "more.h5").is_file()
    assert (study / "results" / "fields" / "more.vtkhdf").is_file()
    again = romnet("online", study, "--case", "more", "--json")
    assert (again.code, again.json) == (3, case)


def test_a_training_that_does_not_converge(
    romnet: Romnet, small: ModuleType, tmp_path: Path
) -> None:
    changes = {
        "loads__1__field": 25.0,
        "newton": {"max_iterations": 2, "smallest_step": 0.5},
    }
    path = small.write_study(tmp_path, small.changed(small.STUDY, **changes))
    said = romnet("offline", path, "--json")
    assert said.code == 3
    assert said.json["exit_code"] == 3
    assert "snapshots[one]: stopped after t = " in said.json["error"]
    assert "Traceback" not in said.err
    # what was finished is kept, what was not is not there
    kept = {str(found.relative_to(tmp_path)) for found in tmp_path.rglob("*.h5*")}
    assert kept == {"results/mesh.h5", "results/mesh.h5.json"}


def test_usage(romnet: Romnet) -> None:
    assert romnet("--help").code == 0
    assert romnet("--version").out.strip() == package.__version__
    assert romnet("offlin").code == 2


def test_json_has_no_nan() -> None:
    assert _finite({"a": [1.0, float("nan")], "b": (float("inf"), "x")}) == {
        "a": [1.0, None],
        "b": [None, "x"],
    }


def test_a_process_of_its_own_says_the_same(process: Romnet, computed: Path) -> None:
    said = process("online", computed, "--json")
    assert said.code == 0
    assert said.json["cases"][0]["status"] == "converged"


def test_nothing_heavy_is_loaded_for_help() -> None:
    # a bare interpreter is the clock of this machine: ten of them, or half a second
    bare = median_seconds("-c", "pass")
    assert median_seconds("-c", "import romnet") < max(0.3, 10 * bare)
    assert median_seconds("-m", "romnet.cli.main", "--help") < max(0.5, 20 * bare)
    code = "import sys, romnet.cli.main; print([m for m in ('numpy', 'h5py', 'yaml', 'scipy')"
    loaded = subprocess.run(
        [sys.executable, "-c", f"{code} if m in sys.modules])"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert loaded.stdout.strip() == "[]"
