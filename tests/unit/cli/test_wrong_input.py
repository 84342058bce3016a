"""Wrong input ends with exit code 2 and one clear message, and spoils nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from romnet.fe.structured import box_mesh

Spoil = Callable[[Path, ModuleType], None]


def edited(folder: Path, name: str, pattern: str, new: str) -> None:
    """Replace a piece of a text file."""
    text = (folder / name).read_text()
    assert re.search(pattern, text)
    (folder / name).write_text(re.sub(pattern, new, text, count=1))


def cut(folder: Path, name: str) -> None:
    """Take the last bytes of a file away."""
    (folder / name).write_bytes((folder / name).read_bytes()[:-8])


def not_a_number(folder: Path, _: ModuleType) -> None:
    """Put NaN at instant 2, node 7, direction 2 of 27 nodes."""
    values = np.fromfile(folder / "cube.node", ">f4").reshape(5, 3, 27)
    values[2, 1, 7] = np.nan
    values.tofile(folder / "cube.node")


def other_mesh(folder: Path, small: ModuleType) -> None:
    """Take a mesh of fewer cells."""
    small.write_geof(folder / "cube.geof", box_mesh((1.0, 1.0, 1.0), (2, 2, 1)))


def turned_cell(folder: Path, _: ModuleType) -> None:
    """Turn the third cell inside out."""
    pattern = r"\n3 c3d8 (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)"
    edited(folder, "cube.geof", pattern, r"\n3 c3d8 \5 \6 \7 \8 \1 \2 \3 \4")


def changed(**changes: Any) -> Spoil:
    """Change the study."""

    def spoil(folder: Path, small: ModuleType) -> None:
        small.write_study(folder, small.changed(small.foreign_study(), **changes))

    return spoil


def no_temperature(folder: Path, small: ModuleType) -> None:
    """Leave the temperature out."""
    study = small.foreign_study()
    study["loads"] = study["loads"][:2]
    small.write_study(folder, study)


YOUNG = {"temperature": [0.0, 300.0], "value": [2.0e5, 1.8e5]}
SPOILS: dict[str, tuple[Spoil, str]] = {
    "NaN in a snapshot": (
        not_a_number,
        r"cube\.ut: displacement is not finite at instant 2 \(t = 0\.5\), node 7.*; 1 such",
    ),
    "no displacement": (
        lambda folder, _: edited(folder, "cube.ut", "U1 U2 U3", "X1 X2 X3"),
        r"study\.yaml:\d+ training\.0\.results: .*cube\.ut holds no displacement; it holds X1",
    ),
    "another mesh": (other_mesh, r"\.node: .*bytes"),
    "inverted cell": (
        turned_cell,
        r"study\.yaml:\d+ mesh: .*cube\.geof: zset:c3d8 cell 3: Jacobian determinant -",
    ),
    "short mesh": (
        lambda folder, _: edited(folder, "cube.geof", r"(?s)\n20 [^\n]*\n.*\*\*\*return", "\n"),
        r"cube\.geof:23: ends without \*\*\*return, the file is truncated",
    ),
    "short nodal file": (lambda folder, _: cut(folder, "cube.node"), r"cube\.node: .*bytes"),
    "short point file": (lambda folder, _: cut(folder, "cube.integ"), r"cube\.integ: .*bytes"),
    "short field": (
        lambda folder, _: cut(folder, "hot.node"),
        r"study\.yaml:\d+ loads\.2\.keyframes: .*hot\.node: .*bytes",
    ),
    "no mesh": (lambda folder, _: (folder / "cube.geof").unlink(), r"cube\.geof: cannot be read"),
    "no nodal file": (lambda folder, _: (folder / "cube.node").unlink(), r"cube\.node: "),
    "no results": (
        lambda folder, _: (folder / "cube.ut").unlink(),
        r"study\.yaml:\d+ training\.0\.results: there is no result file .*cube\.ut",
    ),
    "no field": (lambda folder, _: (folder / "hot.node").unlink(), r"hot\.node: cannot be read"),
    "bad index": (
        lambda folder, _: edited(folder, "cube.ut", "5 1 1 4 1", "5 1 1 4 soon"),
        r"cube\.ut:9",
    ),
    "temperature outside the tables": (
        changed(materials__0__parameters__young=YOUNG),
        r"study\.yaml:\d+ loads\.2\.keyframes: case 'one': temperatures 20 \.\.\. 400 leave",
    ),
    "no temperature": (
        no_temperature,
        r"study\.yaml:\d+ loads: case 'one' gives no temperature, and a law depends on it",
    ),
    "unknown key": (changed(colour="red"), r"study\.yaml:\d+ colour: unknown key"),
    "unknown parameter": (
        changed(materials__0__parameters__yung=1.0),
        r"study\.yaml:\d+ materials\.0: .*'yung' is unknown; did you mean 'young'",
    ),
    "unknown field": (
        changed(offline__dual=["q"]),
        r"study\.yaml:\d+ offline\.dual: no material has a field 'q'; there are: .*stress",
    ),
    "no study": (
        lambda folder, _: (folder / "study.yaml").unlink(),
        r"study\.yaml: cannot be read",
    ),
}


@pytest.mark.parametrize("spoil", SPOILS)
def test_wrong_input(
    spoil: str, romnet: Callable[..., Any], study: Path, small: ModuleType
) -> None:
    action, words = SPOILS[spoil]
    action(study, small)
    before = small.bytes_in(study)

    said = romnet("offline", study)
    assert (said.code, said.out) == (2, "")
    (message,) = [line for line in said.err.splitlines() if line.startswith("romnet: ")]
    assert re.search(words, message)
    assert "Traceback" not in said.err
    after = small.bytes_in(study)
    if spoil == "another mesh":
        # It is right in itself, and takes its place before the results are seen not to fit.
        before |= {name: data for name, data in after.items() if "mesh.h5" in name}
    assert after == before

    as_json = romnet("offline", study, "--json")
    assert as_json.code == 2
    assert as_json.json == {"error": message.removeprefix("romnet: "), "exit_code": 2}

    checked = romnet("check", study, "--json")
    assert checked.code == 2
    assert not checked.json["ok"]
    assert any(re.search(words, text) for text in checked.json["messages"])


def test_damaged_results_are_named(
    romnet: Callable[..., Any], study: Path, small: ModuleType
) -> None:
    cut(study / "results", "pod.h5")
    small.write_study(study, small.changed(small.foreign_study(), online__0__until=0.5))
    said = romnet("online", study)
    assert said.code == 2
    assert re.search(r"romnet: .*results/pod\.h5 .*compute it again", said.err)


def test_results_that_cannot_be_written(romnet: Callable[..., Any], study: Path) -> None:
    (study / "file").write_text("no folder")
    said = romnet("offline", study, "--results", study / "file")
    assert said.code == 2
    assert re.search(r"romnet: .*file cannot be written", said.err)
