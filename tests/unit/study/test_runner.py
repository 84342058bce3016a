"""The cache of stages: nothing runs twice, and what changed runs again, with the reason."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from romnet.core.errors import StudyError
from romnet.store.manifest import manifest_path
from romnet.study import commands
from romnet.study.runner import closure, run
from romnet.study.stages import stages_of

SIMULATION = {"snapshots[one]", "replay[one]"}
ANSWERS = {"online[one]", "fields[one]", "online[more]", "fields[more]", "export[more]"}
MORE = {"online[more]", "fields[more]", "export[more]"}
FROM_MODEL = {"model", *ANSWERS}
FROM_CUBATURE = {"cubature", *FROM_MODEL}
FROM_REPLAY = {"replay[one]", "dual_pod", *FROM_CUBATURE}
EVERYTHING = {"mesh", "snapshots[one]", "pod", *FROM_REPLAY}

# What must run again when one key of the study with foreign results changes.
CHANGES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "name": ({"name": "other"}, set()),
    "tolerance": ({"offline__tolerance": 1e-2}, {"pod", "dual_pod", *FROM_CUBATURE}),
    "cubature": ({"offline__cubature__tolerance": 1e-2}, FROM_CUBATURE),
    "inner product": (
        {"offline__inner_product": "h1"},
        {"pod", *FROM_CUBATURE},
    ),
    "dual": ({"offline__dual": ["p"]}, EVERYTHING - {"mesh"}),
    "young": ({"materials__0__parameters__young": 1.9e5}, FROM_REPLAY),
    "expansion": ({"materials__0__expansion__coefficient": 1e-5}, FROM_REPLAY),
    "density": ({"materials__0__density": 0.9e-8}, FROM_MODEL),
    "amplitude": ({"amplitudes__push__values": [0.0, 90.0, 90.0]}, FROM_MODEL),
    "unused amplitude": ({"amplitudes__idle": {"times": [0.0], "values": [1.0]}}, set()),
    "load": ({"loads__0__omega": 1.4e4}, FROM_MODEL),
    "temperature": ({"loads__2__keyframes__0__field": 25.0}, FROM_REPLAY),
    "online load": ({"online__0__loads__pressure__field": 0.7}, MORE),
    "online instants": ({"online__0__until": 0.8}, MORE),
    "online reference": ({"online__0__reference": None}, {"fields[more]"}),
    "newton": ({"newton": {"tolerance": 1e-3}}, ANSWERS),
    "constraints": ({"constraints__0__u": [1e-4, None, None]}, {"pod", *FROM_CUBATURE}),
    "unit of time": ({"units__time": "h"}, FROM_MODEL),
    "unit of length": ({"units__length": "m"}, FROM_REPLAY),
}
# ... and of the study whose training romnet computes.
COMPUTED_CHANGES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "increments": ({"training__0__increments": 5}, EVERYTHING - {"mesh"}),
    "newton": ({"newton": {"tolerance": 1e-7}}, EVERYTHING - {"mesh"}),
    "amplitude": ({"amplitudes__push__after": "repeat"}, EVERYTHING - {"mesh"}),
    "density": ({"materials__0__density": 2e-8}, EVERYTHING - {"mesh"}),
    "mesh": ({"mesh__box__lengths": [1.0, 1.0, 2.0]}, EVERYTHING),
    "cubature": ({"offline__cubature__tolerance": 1e-4}, FROM_CUBATURE),
    "unit of length": ({"units__length": "m"}, EVERYTHING - {"mesh"}),
    "unit of time": ({"units__time": "h"}, FROM_MODEL),
}


def stale(small: ModuleType, path: Path, results: Path) -> set[str]:
    """Return the stages that would run."""
    return {name for name, state in small.states(path, results).items() if state != "fresh"}


def copied(study: Path, folder: Path) -> Path:
    """Copy a computed study, results included."""
    shutil.copytree(study.parent, folder)
    return folder / "study.yaml"


def test_nothing_runs_twice(foreign_study: Path) -> None:
    context = commands.open_study(foreign_study)
    assert run(context, stages_of(context.located)) == {}


@pytest.mark.parametrize("change", CHANGES)
def test_one_key_makes_stale_what_depends_on_it(
    change: str, small: ModuleType, foreign_study: Path, tmp_path: Path
) -> None:
    changes, expected = CHANGES[change]
    for name in ("cube.geof", "cube.ut", "cube.node", "cube.integ", "hot.node", "cold.node"):
        shutil.copy(foreign_study.parent / name, tmp_path)
    path = small.write_study(tmp_path, small.changed(small.foreign_study(), **changes))
    assert stale(small, path, foreign_study.parent / "results") == expected


@pytest.mark.parametrize("change", COMPUTED_CHANGES)
def test_one_key_of_a_computed_training(
    change: str, small: ModuleType, hf_study: Path, tmp_path: Path
) -> None:
    changes, expected = COMPUTED_CHANGES[change]
    path = small.write_study(tmp_path, small.changed(small.STUDY, **changes))
    assert stale(small, path, hf_study.parent / "results") == expected


@pytest.mark.parametrize("change", ["young", "density", "constraints"])
def test_no_artefact_changes_unseen(
    change: str, small: ModuleType, foreign_study: Path, tmp_path: Path
) -> None:
    changes, expected = CHANGES[change]
    path = copied(foreign_study, tmp_path / "study")
    shutil.rmtree(path.parent / "results")
    small.write_study(path.parent, small.changed(small.foreign_study(), **changes))
    small.computed(path)
    before = foreign_study.parent / "results"
    table = stages_of(commands.open_study(path).located)
    different = {
        name
        for name, stage in table.items()
        if small.contents(before / stage.path)
        != small.contents(path.parent / "results" / stage.path)
    }
    assert different <= expected
    # The stage that declares the key is not declared in vain.
    assert any(stage in different for stage in expected)


def test_mass_counts_only_where_a_load_acts_on_it(small: ModuleType, tmp_path: Path) -> None:
    weightless = small.changed(small.STUDY, loads=small.STUDY["loads"][1:])
    keys = []
    for density in (1e-8, 2e-8):
        study = small.changed(weightless, materials__0__density=density)
        located = commands.open_study(small.write_study(tmp_path, study)).located
        keys.append([stage.parameters for stage in stages_of(located).values()])
    assert keys[0] == keys[1]


def test_status_says_why(small: ModuleType, hf_study: Path, tmp_path: Path) -> None:
    study = small.changed(
        small.STUDY, offline__cubature__tolerance=1e-4, materials__0__parameters__poisson=0.25
    )
    context = commands.open_study(
        small.write_study(tmp_path, study), results=hf_study.parent / "results"
    )
    found = commands.status(context)
    assert found["mesh"] == {"state": "fresh", "reason": "up to date"}
    assert found["cubature"]["state"] == "stale"
    assert "offline.cubature.tolerance 1e-05 → 0.0001" in found["cubature"]["reason"]
    assert "materials.0.parameters.poisson 0.3 → 0.25" in found["replay[one]"]["reason"]
    assert "snapshots[one] is stale" in found["pod"]["reason"]
    fresh = commands.status(commands.open_study(hf_study, results=tmp_path / "nowhere"))
    assert set(fresh["mesh"].values()) == {"missing", "not computed yet"}


def test_what_ran_is_what_was_stale(small: ModuleType, foreign_study: Path, tmp_path: Path) -> None:
    path = copied(foreign_study, tmp_path / "study")
    study = small.changed(small.foreign_study(), offline__cubature__tolerance=1e-3)
    context = commands.open_study(small.write_study(path.parent, study))
    assert set(run(context, stages_of(context.located))) == FROM_CUBATURE
    assert run(context, stages_of(context.located)) == {}


def test_comments_and_folders_do_not_matter(
    small: ModuleType, foreign_study: Path, tmp_path: Path
) -> None:
    path = copied(foreign_study, tmp_path / "elsewhere")
    path.write_text("# a comment\n\n" + path.read_text().replace("1.0e-06", "1e-6"))
    assert stale(small, path, path.parent / "results") == set()


def test_contents_of_foreign_files_matter_and_times_do_not(
    small: ModuleType, foreign_study: Path, tmp_path: Path
) -> None:
    path = copied(foreign_study, tmp_path / "study")
    results, folder = path.parent / "results", path.parent
    for name in ("cube.node", "cube.geof", "hot.node"):
        os.utime(folder / name, (1.0, 1.0))
    assert stale(small, path, results) == set()

    nodal = bytearray((folder / "cube.node").read_bytes())
    nodal[-1] ^= 1
    (folder / "cube.node").write_bytes(nodal)
    assert stale(small, path, results) == EVERYTHING - {"mesh"}
    reasons = commands.status(commands.open_study(path))
    assert reasons["snapshots[one]"]["reason"] == "file cube.node changed"

    shutil.copy(foreign_study.parent / "cube.node", folder)
    shutil.copy(folder / "cold.node", folder / "hot.node")
    assert stale(small, path, results) == FROM_REPLAY


def test_files_of_equal_name_are_told_apart(
    small: ModuleType, foreign_study: Path, tmp_path: Path
) -> None:
    path = copied(foreign_study, tmp_path / "study")
    for name in ("cold", "hot"):
        (path.parent / name).mkdir()
        shutil.move(path.parent / f"{name}.node", path.parent / name / "t.node")
    study = small.foreign_study()
    for number, name in enumerate(("cold", "hot")):
        study["loads"][2]["keyframes"][number]["field"] = f"{name}/t.node"
    located = commands.open_study(small.write_study(path.parent, study)).located
    files = stages_of(located)["replay[one]"].files
    assert {file.parent.name for file in files.values()} == {"cold", "hot"}


def test_the_study_is_no_result_file(foreign_study: Path, tmp_path: Path) -> None:
    path = copied(foreign_study, tmp_path / "study").rename(tmp_path / "study" / "cube.yaml")
    files = stages_of(commands.open_study(path).located)["snapshots[one]"].files
    assert set(files) == {"cube.geof", "cube.integ", "cube.node", "cube.ut"}


def test_a_result_without_manifest_is_computed_again(
    small: ModuleType, hf_study: Path, tmp_path: Path
) -> None:
    # as after a kill between the file and its manifest
    path = copied(hf_study, tmp_path / "study")
    before = small.contents(path.parent / "results" / "pod.h5")
    manifest_path(path.parent / "results" / "pod.h5").unlink()
    context = commands.open_study(path)
    assert list(run(context, ["model"])) == ["pod"]
    assert small.contents(path.parent / "results" / "pod.h5") == before
    assert "pod.h5.json" in {found.name for found in (path.parent / "results").iterdir()}


def test_only_what_a_target_needs_runs(small: ModuleType, tmp_path: Path) -> None:
    context = commands.open_study(small.write_study(tmp_path, small.STUDY))
    assert commands.offline(context, until="mesh") is None
    assert [name for name, state in small.states(tmp_path).items() if state == "fresh"] == ["mesh"]
    table = stages_of(context.located)
    assert closure(table, ["pod"]) == ["mesh", "snapshots[one]", "pod"]
    with pytest.raises(StudyError, match="no stage 'x'"):
        closure(table, ["x"])


def test_the_observer_hears_of_every_stage(small: ModuleType, tmp_path: Path) -> None:
    heard: list[tuple[str, Any]] = []

    class Observer:
        def started(self, name: str) -> None:
            heard.append(("started", name))

        def progressed(self, part: float) -> None:
            heard.append(("progressed", part))

        def finished(self, name: str, seconds: float) -> None:
            assert seconds > 0.0
            heard.append(("finished", name))

    context = commands.open_study(small.write_study(tmp_path, small.STUDY))
    commands.offline(context, until="snapshots[one]", observer=Observer())
    assert [item for item in heard if item[0] != "progressed"] == [
        (what, name) for name in ("mesh", "snapshots[one]") for what in ("started", "finished")
    ]
    parts = [part for what, part in heard if what == "progressed"]
    assert parts == sorted(parts)
    assert parts[-1] == 1.0
