"""The report of a computed study: its costs are those of the manifests, its data those on disk."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

from romnet.report.page import render_page
from romnet.store import artefact
from romnet.store.manifest import read_manifest
from romnet.store.snapshots import SnapshotStore, writing_snapshots
from romnet.study import commands
from romnet.study.answers import Comparison
from romnet.study.checks.data_quality import data_facts
from romnet.study.reporting import report_data


@pytest.fixture(scope="module")
def data(hf_study):
    return report_data(commands.open_study(hf_study))


def test_the_ledger_is_the_sum_of_the_manifests(data, hf_study):
    results = hf_study.parent / "results"
    manifests = [read_manifest(path.with_suffix("")) for path in results.rglob("*.json")]
    assert sum(stage.seconds for stage in data.stages) == pytest.approx(
        sum(manifest.wall_s for manifest in manifests)
    )
    assert sum(stage.cpu_seconds for stage in data.stages) == pytest.approx(
        sum(manifest.cpu_s for manifest in manifests)
    )
    assert all(manifest.cpu_s > 0.0 for manifest in manifests)


def test_a_stage_is_told_by_what_it_is_for(data):
    kinds = {stage.name: stage.kind for stage in data.stages}
    assert kinds.pop("snapshots[one]") == "training"
    questions = {"online[more]", "export[more]"}
    assert {name for name, kind in kinds.items() if kind == "online"} == questions
    assert {name for name, kind in kinds.items() if kind == "comparison"} == {"fields[more]"}
    assert set(kinds.values()) == {"offline", "online", "comparison"}


def test_a_model_whose_training_loads_were_never_asked_is_reported(hf_study, tmp_path):
    study = tmp_path / "study"
    shutil.copytree(hf_study.parent, study)
    for left in (study / "results" / "fields").glob("one.*"):
        left.unlink()
    data = report_data(commands.open_study(study / hf_study.name))
    assert not data.validation
    assert [case.name for case in data.cases] == ["more"]


def test_the_model_has_paid_after_as_many_questions_as_by_hand(data, hf_study):
    results = hf_study.parent / "results"

    def seconds(name):
        return read_manifest(results / f"{name}.h5").wall_s

    online = sum(stage.seconds for stage in data.stages if stage.kind == "online")
    made = sum(stage.seconds for stage in data.stages if stage.kind in {"training", "offline"})
    # A simulation of so few nodes may take less than an answer: make it last an hour.
    stages = tuple(
        replace(stage, seconds=3600.0) if stage.kind == "training" else stage
        for stage in data.stages
    )
    ledger = replace(data, stages=stages).ledger
    made += 3600.0 - seconds("snapshots/one")
    assert ledger.made == pytest.approx(made)
    assert ledger.asked == pytest.approx(online)
    even = ledger.break_even
    assert made + even * online <= even * 3600.0
    assert made + (even - 1) * online > (even - 1) * 3600.0


def test_errors_over_time_end_at_those_of_the_last_instant(data, hf_study):
    case = next(case for case in data.cases if case.name == "more")
    stored = artefact.load(hf_study.parent / "results/fields/more.h5", Comparison)
    assert case.dual_history.keys() == stored.dual.keys()
    for name, errors in case.dual_history.items():
        assert errors.shape == case.error_times.shape
        assert errors[-1] == pytest.approx(stored.dual[name])
    assert "Dual fields against one" in render_page(data)


def test_sound_data_have_no_remarks(data):
    (facts,) = data.learned
    assert (facts.source, facts.instants, facts.zero, facts.repeated) == ("romnet", 5, 0, 0)
    assert facts.remarks == ()
    assert facts.moved < 1e-12
    assert facts.temperatures[0] == pytest.approx(20.0)
    # 20 + 380 exp(-4 r^2) at the nodes, interpolated to the Gauss points next to the middle.
    middle = 0.5 + 0.5 / np.sqrt(3.0)
    highest = 20.0 + 380.0 * (middle + (1.0 - middle) * np.exp(-1.0)) ** 3
    assert facts.temperatures[1] == pytest.approx(highest)


def test_single_precision_is_seen_in_results_of_another_code(foreign_study):
    facts = data_facts(commands.open_study(foreign_study), "one")
    assert facts.source == "cube.ut"
    assert 1e-8 < facts.noise < 1e-5


def test_damaged_snapshots_are_told(hf_study, tmp_path):
    study = tmp_path / "study"
    shutil.copytree(hf_study.parent, study)
    path = study / "results/snapshots/one.h5"
    store = SnapshotStore.open(path)
    info = {"displacement": store.fields["displacement"].info}
    columns = [store.source("displacement").column(k) for k in range(store.n_times)]
    columns[2] = 0.0 * columns[2]
    columns[3] = columns[4] = columns[4] + 1.0
    with writing_snapshots(path, info) as writer:
        for time, column in zip(store.times.tolist(), columns, strict=True):
            writer.append(time, {"displacement": column})
    facts = data_facts(commands.open_study(study / "study.yaml"), "one")
    assert (facts.zero, facts.repeated) == (1, 1)
    assert facts.moved > 0.1
    told = "; ".join(facts.remarks)
    for words in ("1 instants after the first are zero", "1 instants repeat", "constrained nodes"):
        assert words in told
