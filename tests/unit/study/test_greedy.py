"""Greedy training: the worst candidate is computed first, and once only."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from romnet.core.errors import StudyError
from romnet.store import artefact
from romnet.study import commands
from romnet.study.greedy import GreedyRecord
from romnet.study.runner import run
from tests.unit.study.test_indicating import CUBE


def hot(name, centre, peak, **keys):
    """A question about a hot spot."""
    spot = {"centre": centre, "base": 20.0, "peak": peak, "rate": 4.0}
    frames = [(0.0, 20.0), (1.0, {"gaussian": spot}), (2.0, 20.0)]
    loads = {"temperature": {"keyframes": [{"time": t, "field": f} for t, f in frames]}}
    return {"name": name, "loads": loads, "until": 2.0, "increments": 5, **keys}


def study(folder, online, **greedy):
    """The cube of 2 x 2 x 2 cells with candidates for its training."""
    content = yaml.safe_load(CUBE.read_text())
    content["mesh"]["box"]["divisions"] = [2, 2, 2]
    content["training"] = [{"name": "cycle1", "results": "hf", "until": 2.0, "increments": 5}]
    content["online"] = online
    content["indicator"] = {"calibration": {"loads": 2, "modes": [1.0, 0.7]}}
    content["offline"]["greedy"] = greedy
    (folder / "study.yaml").write_text(yaml.safe_dump(content))
    return commands.open_study(folder / "study.yaml")


NEAR = hot("near", [0.5, 0.5, 0.5], 385.0, reference="hf")
CORNER = hot("corner", [1.0, 1.0, 1.0], 380.0, reference="hf")


def test_the_load_that_is_least_known_is_computed_and_known_thereafter(tmp_path):
    context = study(
        tmp_path, [NEAR, CORNER], candidates=["near", "corner"], tolerance=1e-5, budget=1
    )
    run(context, ["greedy"])
    record = artefact.load(context.folder / "greedy.h5", GreedyRecord)
    assert record.chosen == ("corner",)
    first, second = record.estimates
    assert first[1] > 3.0 * first[0]
    assert second[1] == 0.0
    assert record.modes[1] > record.modes[0]
    assert "training on corner as well" in record.words
    # A run that was interrupted goes on from the simulations that are there.
    simulation = context.folder / "snapshots" / "corner.h5"
    written = simulation.stat().st_mtime_ns
    (context.folder / "greedy.h5").unlink()
    run(context, ["greedy"])
    assert simulation.stat().st_mtime_ns == written
    again = artefact.load(context.folder / "greedy.h5", GreedyRecord)
    np.testing.assert_array_equal(again.estimates, record.estimates)
    assert not (context.folder / "greedy").exists()


def test_a_load_of_another_code_is_asked_for(tmp_path):
    corner = {key: value for key, value in CORNER.items() if key != "reference"}
    context = study(tmp_path, [corner], candidates=["corner"], tolerance=1e-5)
    run(context, ["greedy"])
    record = artefact.load(context.folder / "greedy.h5", GreedyRecord)
    assert record.chosen == ()
    assert record.wanted == "corner"
    assert "compute corner next" in record.words


def test_a_candidate_must_be_an_online_case(tmp_path):
    context = study(tmp_path, [NEAR], candidates=["far"])
    with pytest.raises(StudyError, match=r"no online case 'far'; there are: near"):
        run(context, ["greedy"])
