"""What the commands answer, on a small study and on the files of another code."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from romnet.core.errors import StudyError
from romnet.study import commands


def test_the_model_reproduces_its_training(hf_study: Path) -> None:
    summary = commands.offline_summary(commands.open_study(hf_study))
    assert 3 <= summary.modes <= 5  # at most one a loaded instant, and the elastic ones
    assert summary.points < summary.points_full == 64
    assert summary.weights_sum_error < 1e-4
    assert summary.training_errors["u"] < 1e-4
    assert summary.training_errors["p"] < 1e-3


def test_files_of_another_code_give_the_same_model(hf_study: Path, foreign_study: Path) -> None:
    here, there = (commands.open_study(path) for path in (hf_study, foreign_study))
    computed, imported = (commands.offline_summary(context) for context in (here, there))
    assert computed.modes == imported.modes
    # against the p that the other code stored, in single precision
    assert imported.training_errors["p"] < 1e-3
    p_here = here.replayed("one").source("p").column(4)
    p_there = there.replayed("one").source("p").column(4)
    assert np.linalg.norm(p_there - p_here) < 1e-3 * np.linalg.norm(p_here)


def test_answer(hf_study: Path) -> None:
    summary = commands.online_summary(commands.open_study(hf_study), "more")
    assert (summary.status, summary.ok, summary.steps) == ("converged", True, 4)
    assert 0.0 < summary.errors["u"] < 0.2


def test_check_tells_what_is_there(foreign_study: Path) -> None:
    report = commands.check(foreign_study)
    assert report.ok
    assert any("5 instants" in text and "displacement" in text for text in report.messages)
    assert any("64 points, volume 1" in text for text in report.messages)


def test_check_writes_nothing(small: ModuleType, foreign_study: Path, tmp_path: Path) -> None:
    shutil.copytree(foreign_study.parent, tmp_path / "copy")
    before = small.bytes_in(tmp_path)
    commands.check(tmp_path / "copy")
    assert small.bytes_in(tmp_path) == before


def test_check_refuses_amplitudes_that_end_early(small: ModuleType, tmp_path: Path) -> None:
    short = {"times": [0.0, 0.5], "values": [0.0, 1.0]}
    study = small.changed(small.STUDY, amplitudes__spin=short)
    report = commands.check(small.write_study(tmp_path, study))
    assert not report.ok
    assert "lies beyond the table, which ends at 0.5" in report.messages[-1]


def test_unknown_names_are_told(hf_study: Path) -> None:
    context = commands.open_study(hf_study)
    with pytest.raises(StudyError, match=r"study\.yaml:\d+ online: there is no case 'x'.*more"):
        commands.online(context, case="x")
    with pytest.raises(StudyError, match=r"no stage 'cubatur'; there are: mesh, snapshots\[one\]"):
        commands.offline(context, until="cubatur")


def test_templates(tmp_path: Path) -> None:
    for template in ("bar", "import"):
        path = commands.init(tmp_path / template, template=template)
        assert path == tmp_path / template / "study.yaml"
        with pytest.raises(StudyError, match="exists already"):
            commands.init(tmp_path / template)
    with pytest.raises(StudyError, match="no template 'blade'; there are: bar, import"):
        commands.init(tmp_path, template="blade")


def test_import_template_says_what_to_replace(foreign_study: Path, tmp_path: Path) -> None:
    shutil.copytree(foreign_study.parent, tmp_path / "new")
    (tmp_path / "new" / "study.yaml").unlink()
    path = commands.init(tmp_path / "new", template="import")
    replacements = {
        "MESH.geof": "cube.geof",
        "NODE_SET": "x0",
        "FACE_SET": "x1",
        "TEMPERATURE.node": "hot.node",
        "RESULTS.ut": "cube.ut",
    }
    for word, content in replacements.items():
        report = commands.check(path)
        assert not report.ok
        assert word in report.messages[-1]
        path.write_text(path.read_text().replace(word, content))
    assert commands.check(path).ok


@pytest.mark.slow
def test_bar_template_runs_as_it_is(tmp_path: Path) -> None:
    context = commands.open_study(commands.init(tmp_path))
    offline = commands.offline(context)
    # the largest over the instants, and the bar is nearly straight again at the last
    assert offline.training_errors["u"] < 1e-2
    (weaker,) = commands.online(context)
    assert weaker.ok
    assert weaker.errors["u"] < 0.1
