"""What a user sees of the indicator: words, exit code, answers that end, refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from romnet.cli.main import app
from romnet.core.errors import StudyError
from romnet.online.indicator import Calibrations
from romnet.online.solve import ReducedSolution
from romnet.store import artefact
from romnet.study import commands
from romnet.study.runner import run

CUBE = Path(__file__).parents[3] / "cases" / "cube" / "study.yaml"
HOT = {"centre": [1.0, 1.0, 1.0], "base": 20.0, "peak": 380.0, "rate": 4.0}


def context(folder, **indicator):
    """The cube of 2 x 2 x 2 cells, asked for a hot spot in its corner."""
    content = yaml.safe_load(CUBE.read_text())
    content["mesh"]["box"]["divisions"] = [2, 2, 2]
    content["training"] = [{"name": "cycle1", "results": "hf", "until": 2.0, "increments": 5}]
    frames = [(0.0, 20.0), (1.0, {"gaussian": HOT}), (2.0, 20.0)]
    loads = {"temperature": {"keyframes": [{"time": t, "field": f} for t, f in frames]}}
    content["online"] = [{"name": "hot", "loads": loads, "until": 2.0, "increments": 5}]
    content["indicator"] = {"calibration": {"loads": 3, "modes": [1.0]}, **indicator}
    (folder / "study.yaml").write_text(yaml.safe_dump(content))
    return commands.open_study(folder / "study.yaml")


def test_an_answer_that_stops_ends_at_the_first_alarm(tmp_path):
    study = context(tmp_path, action="stop", tolerance=0.05)
    (summary,) = commands.online(study)
    assert summary.indicator is not None
    assert summary.indicator.above
    solution = artefact.load(study.folder / "online" / "hot.h5", ReducedSolution)
    # The first step is elastic: p alone could not have told.
    assert len(solution.times) == 2
    assert solution.dual["p"].shape[1] == 2
    assert any("leaves those of the training" in text for text in summary.indicator.warnings)


def test_an_alarm_ends_the_command_with_four_and_is_drawn_in_the_report(tmp_path):
    context(tmp_path, action="warn", tolerance=0.05)
    path = str(tmp_path / "study.yaml")
    assert CliRunner().invoke(app, ["offline", path]).exit_code == 0
    result = CliRunner().invoke(app, ["online", path])
    assert result.exit_code == 4
    assert CliRunner().invoke(app, ["report", path]).exit_code == 0
    page = (tmp_path / "results" / "report.html").read_text()
    assert "Estimated error of p, at most" in page
    assert "above from t = 0.4 the tolerance 0.05" in page


def test_a_training_load_left_out_gives_pairs_without_a_computation(tmp_path):
    study = context(tmp_path)
    content = yaml.safe_load((tmp_path / "study.yaml").read_text())
    milder = HOT | {"peak": 200.0}
    frames = [(0.0, 20.0), (1.0, {"gaussian": milder}), (2.0, 20.0)]
    loads = {"temperature": {"keyframes": [{"time": t, "field": f} for t, f in frames]}}
    content["training"].append(content["training"][0] | {"name": "mild", "loads": loads})
    content["indicator"]["calibration"]["loads"] = 2
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(content))
    study = commands.open_study(tmp_path / "study.yaml")
    run(study, ["calibrate"])
    found = artefact.load(study.folder / "calibration.h5", Calibrations)
    assert found.loads == 4
    stress = found.fields["stress"]
    # Each model does not know what the other load does, so these errors are the largest.
    assert stress.pair_errors[stress.pair_loads >= 2].max() == stress.pair_errors.max()
    assert not (study.folder / "left_out").exists()


def test_another_solver_needs_its_command(tmp_path):
    with pytest.raises(StudyError, match=r"study.yaml:\d+ indicator.solver.*'hf', got 'zset'"):
        context(tmp_path, action="enrich", solver="zset")
