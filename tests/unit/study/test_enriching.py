"""Sweeps: full steps teach the modes, and the load case is asked again from its beginning."""

from __future__ import annotations

import pytest
import yaml

from romnet.core.errors import StudyError
from romnet.reduction.model import ReducedModel
from romnet.store import artefact
from romnet.study import commands
from romnet.study.answers import Comparison
from romnet.study.enriching import EnrichmentRecord
from romnet.study.runner import run
from tests.unit.study.test_indicating import CUBE

HOT = {"centre": [0.7, 0.5, 0.4], "base": 20.0, "peak": 450.0, "rate": 4.0}


def asked(folder, **indicator):
    """The cube of 2 x 2 x 2 cells, trained on one load and asked for another hot spot."""
    content = yaml.safe_load(CUBE.read_text())
    content["mesh"]["box"]["divisions"] = [2, 2, 2]
    content["training"] = [{"name": "cycle1", "results": "hf", "until": 2.0, "increments": 5}]
    frames = [(0.0, 20.0), (1.0, {"gaussian": HOT}), (2.0, 20.0)]
    loads = {"temperature": {"keyframes": [{"time": t, "field": f} for t, f in frames]}}
    grid = {"until": 2.0, "increments": 5, "reference": "hf"}
    content["online"] = [{"name": "hot", "loads": loads, **grid}]
    content["indicator"] = {
        "action": "enrich",
        "learning": "sweeps",
        "calibration": {"loads": 3, "modes": [1.0]},
        **indicator,
    }
    folder.mkdir(exist_ok=True)
    (folder / "study.yaml").write_text(yaml.safe_dump(content))
    return commands.open_study(folder / "study.yaml")


def test_each_full_step_of_a_sweep_mends_the_whole_answer(tmp_path):
    context = asked(tmp_path, tolerance=1e-6, most_steps=2)
    run(context, ["fields[hot]", "enrich[hot]"])
    before = artefact.load(context.folder / "fields" / "hot.h5", Comparison)
    own = context.folder / "enriched" / "hot"
    record = artefact.load(own / "record.h5", EnrichmentRecord)
    assert len(record.full_steps) == 2
    assert record.replayed_steps == ()
    assert record.comparison.dual["p"] < 0.2 * before.dual["p"]
    # Also the instants before the first full step.
    first = min(record.full_steps)
    assert (record.comparison.displacement[1:first] < before.displacement[1:first]).all()
    model = artefact.load(own / "model.h5", ReducedModel)
    old = artefact.load(context.folder / "model.h5", ReducedModel)
    assert model.n_modes == old.n_modes + 2
    assert set(model.gappy) >= set(old.gappy)


def test_an_answer_that_is_good_enough_is_left_as_it_is(tmp_path):
    context = asked(tmp_path, tolerance=10.0)
    run(context, ["fields[hot]", "enrich[hot]"])
    before = artefact.load(context.folder / "fields" / "hot.h5", Comparison)
    record = artefact.load(context.folder / "enriched" / "hot" / "record.h5", EnrichmentRecord)
    assert record.full_steps == ()
    assert record.comparison.dual["p"] == pytest.approx(before.dual["p"], rel=1e-10)


def test_sweeps_need_a_dual_field_to_watch(tmp_path):
    with pytest.raises(StudyError, match="sweeps"):
        asked(tmp_path, field="u")
