"""Mistakes in a study are told with file, line and key, several at once."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from romnet.core.errors import LawError, RomnetError, StudyError
from romnet.study import commands
from romnet.study.read import HF, read_study

CUBE = Path(__file__).parents[3] / "cases" / "cube" / "study.yaml"
# One change of the cube's study: text, what replaces it, key that is told, and in which words.
MISTAKES = {
    "unknown top key": ("mesh:\n", "mehs: x\nmesh:\n", "mehs", "unknown key"),
    "missing": ("    omega: 1.5e4\n", "", "loads.0.omega", "is missing"),
    "type of a number": ("omega: 1.5e4", "omega: fast", "loads.0.omega", "number.*got 'fast'"),
    "type of a list": ("lengths: [1.0, 1.0, 1.0]", "lengths: 1.0", "mesh.box.lengths", "tuple"),
    "literal": ("after: repeat", "after: again", "loads.2.after", "'hold', 'repeat' or 'error'"),
    "load type": ("type: pressure", "type: presure", "loads.1", "'presure' found using 'type'"),
    "amplitude": ("amplitude: spin", "amplitude: spinn", "loads.0.amplitude", "are: spin, push"),
    "load of a case": ("    loads:\n      temp", "    loads:\n      x", "online.1.loads.xerature",
                       "no load 'xerature'; there are: centrifugal, pressure, temperature"),
    "changed load": ("base: 20.0, peak: 456.0", "base: 20.0, peak: hot",
                     "online.1.loads.temperature.keyframes.1.field.gaussian.peak", "got 'hot'"),
    "name twice": ("name: hotter", "name: cycle1", "online.1.name", "two cases are named 'cycle1'"),
    "name of a file": ("name: hotter", "name: ../hotter", "online.1.name", "match pattern"),
    "reference": ("reference: hf}", "reference: cycel1}", "online.0.reference",
                  "'cycel1' is neither hf.*these are: cycle1"),
    "instants": (", until: 2.0, increments: 10}", ", until: 2.0}", "training.0",
                 "hf needs times, or until and increments"),
    "truth for a number": ("omega: 1.5e4", "omega: true", "loads.0.omega",
                           "must be a number, got true"),
    "truth in a changed load": ("base: 20.0, peak: 456.0", "base: 20.0, peak: true",
                                "online.1.loads.temperature.keyframes.1.field.gaussian.peak",
                                "must be a number, got true"),
    "overflow": ("omega: 1.5e4", "omega: 1.0e+200", "loads.0.omega", r"at most 1e\+60"),
    "parameter not finite": ("young: 2.0e5", "young: .nan", "materials.0.parameters.young",
                             "finite number, got nan"),
    "huge box": ("divisions: [2, 2, 2]", "divisions: [9999, 9999, 9999]", "mesh.box",
                 r"1e\+12 boxes, 1e\+08 at most"),
    "both grids": ("until: 4.0, increments", "times: [0.0, 1.0], until: 4.0, increments",
                   "online.0.times", "either times or until"),
    "late start": ("until: 4.0, increments: 20", "times: [1.0, 2.0]", "online.0.times",
                   "start from zero"),
    "increments alone": ("until: 4.0, increments", "increments", "online.0.increments",
                         "needs until"),
    "tolerance": ("tolerance: 1.0e-6", "tolerance: 2", "offline.tolerance", "less than 1"),
    "keyframes": ("time: 2.0, field: 20.0", "time: 0.5, field: 20.0", "loads.2",
                  "times must increase"),
}  # fmt: skip
# ... and of things that only the mesh and the laws know.
MISTAKES_OF_MEANING = {
    "node set": ("nodes: x0y0,", "nodes: x9,", "constraints.1.nodes", "no node set 'x9'; it has"),
    "face set": ("faces: x1", "faces: x9", "loads.1.faces", "no face set 'x9'; it has: x0, x1"),
    "cell set": ("cells: ALL", "cells: BLADE", "materials.0.cells", "no cell set 'BLADE'"),
    "components": ("[0.0, null, null]", "[0.0, null]", "constraints.0.u", "needs 3 components"),
    "axis": ("point: [3.5, -20.0, 1.5]", "point: [3.5, -20.0]", "loads.0.axis", "needs 3 comp"),
    "law": ("law: j2_viscoplastic", "law: j2_viscoplastik", "materials.0", "did you mean 'j2_"),
    "parameter": ("young: 2.0e5", "yung: 2.0e5", "materials.0", "'yung' is unknown.*'young'"),
    "value": ("poisson: 0.3", "poisson: 0.7", "materials.0", "poisson"),
    "expansion": ("reference: 20.0}", "referenz: 20.0}", "materials.0", "referenz"),
    "dual": ("dual: [p, stress]", "dual: [p, stres]", "offline.dual",
             "no material has a field 'stres'"),
    "formulation": ("zset:c3d8", "zset:c3d99", "mesh", "c3d99"),
    "file": ("field: {gaussian: {centre: [1.0, 1.0, 1.0], peak: 0.5451606619, rate: 1.0}}",
             "field: pressure.node", "loads.1.faces", r"pressure\.node"),
    "centre": ("centre: [1.0, 1.0, 1.0]", "centre: [1.0]", "loads.1.faces", "needs 3 coordinates"),
    "outside the tables": ("young: 2.0e5", "young: {temperature: [0, 300], value: [2e5, 1e5]}",
                           "loads.2.keyframes", "20 ... 400 leave the tables.*0 ... 300"),
}  # fmt: skip


def written(folder: Path, old: str, new: str) -> tuple[Path, int]:
    """Write the cube's study with one change and return the line of the change."""
    text = CUBE.read_text().replace("[6, 6, 6]", "[2, 2, 2]")
    assert old in text
    path = folder / "study.yaml"
    path.write_text(text.replace(old, new, 1))
    return path, text[: text.index(old)].count("\n") + 1


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_told_with_line_and_key(mistake: str, tmp_path: Path) -> None:
    old, new, key, words = MISTAKES[mistake]
    path, line = written(tmp_path, old, new)
    with pytest.raises(StudyError, match=words) as caught:
        read_study(path)
    (message,) = str(caught.value).splitlines()
    where, told, _ = message.removeprefix(f"{path}:").split(" ", 2)
    assert told == f"{key}:"
    # What is missing, or wrong as a whole, has the line where its mapping starts.
    whole = {
        "missing": 2,
        "instants": 0,
        "keyframes": 4,
        "load of a case": -1,
        "unknown top key": 0,
    }
    assert int(where) == line - whole.get(mistake, 0)


@pytest.mark.parametrize("mistake", MISTAKES_OF_MEANING)
def test_what_mesh_and_laws_do_not_know(mistake: str, tmp_path: Path) -> None:
    old, new, key, words = MISTAKES_OF_MEANING[mistake]
    path, line = written(tmp_path, old, new)
    report = commands.check(path)
    assert not report.ok
    (message,) = [text for text in report.messages if text.startswith("error: ")]
    with pytest.raises(StudyError, match=words):
        raise StudyError(message)
    if key is not None:
        where, told, _ = message.removeprefix(f"error: {path}:").split(" ", 2)
        assert told == f"{key}:"
        # The materials are right; it is the temperature that leaves them.
        assert abs(int(where) - line) <= (27 if mistake == "outside the tables" else 10)


def test_an_unknown_parameter_is_told_by_the_law(tmp_path: Path) -> None:
    path, _ = written(tmp_path, "viscosity: 300.0", "viscosity: 300.0\n      colour: red")
    (problem,) = [text for text in commands.check(path).messages if "error" in text]
    assert "'colour' is unknown" in problem


def test_several_mistakes_are_told_at_once(tmp_path: Path) -> None:
    path, _ = written(tmp_path, "omega: 1.5e4", "omega: fast\n    colour: red")
    path.write_text(path.read_text().replace("units: {length: mm, ", "units: {"))
    with pytest.raises(StudyError) as caught:
        read_study(path)
    messages = str(caught.value).splitlines()
    assert len(messages) == 3
    for key in ("units.length: is missing", "loads.0.omega", "loads.0.colour: unknown key"):
        assert sum(key in message for message in messages) == 1

    path, _ = written(tmp_path, "amplitude: spin", "amplitude: a")
    path.write_text(path.read_text().replace("amplitude: push", "amplitude: b"))
    with pytest.raises(StudyError) as caught:
        read_study(path)
    assert len(str(caught.value).splitlines()) == 2


def test_cases_have_their_own_loads(tmp_path: Path) -> None:
    path, _ = written(tmp_path, "name: cube", "name: cube")
    study = read_study(tmp_path)
    assert study.yaml.path == path
    assert list(study.cases) == ["cycle1", "cycle2", "hotter"]
    assert study.cases["cycle2"].loads == study.cases["cycle1"].loads == study.study.loads
    hotter = study.cases["hotter"].loads
    assert hotter[:2] == study.study.loads[:2]
    assert hotter[2].keyframes[1].field.gaussian.peak == 456.0
    assert hotter[2].after == "repeat"  # what a case does not name stays
    assert study.training("cycle1").results == HF
    assert study.online("hotter").name == "hotter"


def places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the places of all values."""
    found = [place] if place else []
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            found += places(inner, (*place, key))
    return found


STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([10**400, 1e308, float("nan"), float("inf"), -1e-300]),
    st.floats(),
    st.sampled_from(["", " ", "/", "..", "hf", "x0", "spin", "1e-5", "ALL", "cube.ut", "é\n"]),
    st.sampled_from([[], {}, [[]], [1, "a"], {"a": {}}, {1: 2}, {"temperature": [], "value": []}]),
    st.recursive(st.integers(), lambda inner: st.lists(inner, max_size=3), max_leaves=4),
)


def mutated(small: ModuleType, data: st.DataObject) -> dict[str, Any]:
    """Return the study with one or two values replaced, removed or added."""
    study = copy.deepcopy(small.STUDY)
    for _ in range(data.draw(st.integers(1, 2))):
        *path, last = data.draw(st.sampled_from(places(study)))
        parent = study
        for key in path:
            parent = parent[key]
        action = data.draw(st.sampled_from(["replace", "remove", "add"]))
        if action == "remove":
            del parent[last]
        elif action == "add" and isinstance(parent, dict):
            parent[data.draw(st.sampled_from(["x", "after", "name", 3, None, ""]))] = 1
        else:
            parent[last] = copy.deepcopy(data.draw(STRANGE))
    return study


def write_json(path: Path, study: dict[str, Any]) -> None:
    """Write a study; JSON is YAML, but for its words for what is not finite."""
    text = json.dumps(study)
    for word, yaml in (("NaN", ".nan"), ("-Infinity", "-.inf"), ("Infinity", ".inf")):
        text = text.replace(word, yaml)
    path.write_text(text)


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_any_mutation_is_a_study_or_a_study_error(
    data: st.DataObject, small: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.yaml"
    write_json(path, mutated(small, data))
    try:
        read_study(path)
    except StudyError as problem:
        for line in str(problem).splitlines():
            assert line.startswith(f"{path}:1")


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_mutation_can_be_checked(
    data: st.DataObject, small: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "checked.yaml"
    write_json(path, mutated(small, data))
    report = commands.check(path)  # no exception whatever the study
    assert report.ok or any(text.startswith("error: ") for text in report.messages)
    if report.ok:
        commands.status(commands.open_study(path))


def test_errors_of_laws_keep_their_class(tmp_path: Path) -> None:
    path, _ = written(tmp_path, "poisson: 0.3", "poisson: 0.7")
    with pytest.raises(RomnetError) as caught:
        commands.offline(commands.open_study(path), until="snapshots[cycle1]")
    assert isinstance(caught.value, LawError)
