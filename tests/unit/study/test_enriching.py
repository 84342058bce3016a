"""Sweeps: full steps teach the modes, and the load case is asked again from its beginning."""

from __future__ import annotations

import sys

import pytest
import yaml

from romnet.core.errors import ConversionError, StudyError
from romnet.reduction.model import ReducedModel
from romnet.store import artefact
from romnet.study import commands
from romnet.study.answers import Comparison
from romnet.study.enrichment.enriching import EnrichmentRecord
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
    folder.mkdir(parents=True, exist_ok=True)
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


# Another code: all that it knows of romnet is the file that it writes.
ELSEWHERE = """
import shutil, sys
from pathlib import Path
import numpy as np
from romnet.study import commands
from romnet.study.runner import run
from romnet.store.snapshots import SnapshotStore, writing_snapshots
from romnet.store.mesh_file import save_mesh
end = float(sys.argv[1])
context = commands.open_study(Path("whole/study.yaml"))
run(context, ["snapshots[hot]"])
store = SnapshotStore.open(context.folder / "snapshots/hot.h5")
info = {"displacement": store.fields["displacement"].info}
source = store.source("displacement")
save_mesh(Path("hot.mesh.h5"), context.workspace.mesh)
with writing_snapshots(Path("hot.h5"), info) as writer:
    for number, time in enumerate(store.times):
        if time <= end:
            writer.append(float(time), {"displacement": source.column(number)})
with open("asked.txt", "a") as log:
    print(end, file=log)
"""


def test_another_code_teaches_what_romnets_own_solver_teaches(tmp_path):
    asked(tmp_path / "study" / "whole", tolerance=1e-6)
    (tmp_path / "study" / "elsewhere.py").write_text(ELSEWHERE)
    solver = {"command": [sys.executable, "elsewhere.py", "{time}"], "results": "hot.h5"}
    other = asked(tmp_path / "study", tolerance=1e-6, most_steps=2, solver=solver)
    own = asked(tmp_path / "own", tolerance=1e-6, most_steps=2)
    found = []
    for context in (other, own):
        run(context, ["enrich[hot]"])
        record = artefact.load(context.folder / "enriched/hot/record.h5", EnrichmentRecord)
        found.append(record)
    assert found[0].full_steps[0] == found[1].full_steps[0]
    assert found[0].comparison.dual["p"] < 0.05
    assert found[0].comparison.dual["p"] < 2.0 * found[1].comparison.dual["p"]
    # The load case was computed anew up to each instant that was wanted and not there yet.
    wanted = [found[0].times[number] for number in found[0].full_steps]
    computed = [float(line) for line in (tmp_path / "study" / "asked.txt").read_text().split()]
    assert computed[0] == wanted[0]
    assert computed == sorted(set(computed))


def test_a_code_that_fails_is_quoted(tmp_path):
    failing = [sys.executable, "-c", "import sys; sys.exit('no licence for {case}')"]
    solver = {"command": failing, "results": "hot.h5"}
    context = asked(tmp_path, tolerance=1e-6, solver=solver)
    with pytest.raises(
        ConversionError, match=r"exit code 1 and did not write .*no licence for hot"
    ):
        run(context, ["enrich[hot]"])


def test_results_of_an_earlier_run_are_not_taken_for_those_of_this_one(tmp_path):
    (tmp_path / "hot.h5").write_bytes(b"of yesterday")
    solver = {"command": [sys.executable, "-c", "pass"], "results": "hot.h5"}
    context = asked(tmp_path, tolerance=1e-6, solver=solver)
    with pytest.raises(ConversionError, match="exit code 0 and did not write"):
        run(context, ["enrich[hot]"])


def test_only_known_words_of_a_command_are_filled_in(tmp_path):
    with pytest.raises(StudyError, match=r"only \{time\} and \{case\} are filled in"):
        asked(tmp_path, solver={"command": ["solve", "{load}"], "results": "hot.h5"})
