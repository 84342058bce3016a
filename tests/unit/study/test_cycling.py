"""Cyclic cases of a study: instants, what is kept, drift, and fields by replay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from romnet.core.errors import StudyError
from romnet.online.solve import ReducedSolution
from romnet.store import artefact
from romnet.study import commands
from romnet.study.answers import Comparison
from romnet.study.read import read_study
from romnet.study.reporting import write_report
from romnet.study.schema import Cycles, TimeGrid
from romnet.study.times import cycle_ends, instants, kept_instants

CYCLE = {"period": 1.0, "increments": 3}


def cyclic(small, **online):
    """Return the small study with a load that repeats itself."""
    study = small.changed(
        small.STUDY, training=[{"name": "one", "results": "hf", "cycles": CYCLE | {"count": 1}}]
    )
    study["amplitudes"] = {
        "spin": {"times": [0.0, 0.5, 1.0], "values": [0.0, 1.0, 0.2], "after": "repeat"},
        "push": {"times": [0.0, 0.5, 1.0], "values": [0.0, 100.0, 20.0], "after": "repeat"},
    }
    study["loads"][2]["after"] = "repeat"
    study["loads"][2]["keyframes"].append({"time": 2.0, "field": 20.0})
    for frame, time in zip(study["loads"][2]["keyframes"], (0.0, 0.5, 1.0), strict=True):
        frame["time"] = time
    case = {"name": "long", "cycles": CYCLE | {"count": 4, "store": [2, 4]}, "reference": "hf"}
    study["online"] = [case | online]
    return study


@pytest.fixture(scope="module")
def answered(small, tmp_path_factory):
    """Return a study whose cyclic case is answered, by replay."""
    folder = tmp_path_factory.mktemp("cyclic")
    context = commands.open_study(small.write_study(folder, cyclic(small, fields="replay")))
    return context, commands.online(context)[0]


def test_instants_of_training_are_repeated_period_by_period():
    grid = TimeGrid(cycles=Cycles(period=2.0, count=3))
    training = np.array([0.0, 0.5, 2.0, 2.5, 4.0])  # two cycles
    assert instants(grid, training).tolist() == [0.0, 0.5, 2.0, 2.5, 4.0, 4.5, 6.0]


def test_fields_are_kept_of_the_cycles_asked_for():
    grid = TimeGrid(cycles=Cycles(period=0.1, count=30, increments=3, every=10))
    times = instants(grid, None)
    kept = np.flatnonzero(kept_instants(grid, times)).tolist()
    assert kept == [0, 1, 2, 3, 28, 29, 30, 58, 59, 60, 88, 89, 90]
    assert cycle_ends(grid.cycles, times).tolist() == list(range(0, 91, 3))


def test_a_run_that_stopped_has_the_cycles_it_finished():
    cycles = Cycles(period=1.0, count=9, increments=2)
    assert cycle_ends(cycles, np.array([0.0, 0.5, 1.0, 1.5])).tolist() == [0, 2]


def test_the_reference_keeps_what_is_asked_for_and_is_compared_there(answered):
    context, summary = answered
    times = np.asarray(context.snapshots("long").times)
    assert times == pytest.approx([0.0, 4 / 3, 5 / 3, 2.0, 10 / 3, 11 / 3, 4.0])
    assert [one.cycle for one in summary.cycles.drift] == [2, 4]
    assert summary.steps == 12


def test_drift_ends_at_the_errors_of_the_summary(answered):
    _, summary = answered
    assert summary.cycles.drift[-1].p == pytest.approx(summary.errors["p"])
    assert summary.cycles.drift[-1].p_hot == pytest.approx(summary.errors["p_hot"])
    assert 0.0 < summary.errors["p"] < 0.2


def test_replay_on_the_training_load_agrees_with_the_modes(answered):
    context, _ = answered
    commands.offline(context)
    seen = artefact.load(context.folder / "fields/one.h5", Comparison)
    assert seen.rebuilt == "gappy"
    assert seen.from_modes == seen.dual


def test_growth_is_that_of_the_answer(answered):
    context, summary = answered
    solution = artefact.load(context.folder / "online/long.h5", ReducedSolution)
    p = solution.dual["p"][:, ::3]
    assert summary.cycles.changes[2].growth == pytest.approx((p[:, 3] - p[:, 2]).max())
    assert summary.cycles.changes[0].growth_change is None


def test_the_report_shows_the_drift(answered):
    context, _ = answered
    commands.offline(context)
    page = write_report(context).read_text()
    assert "Drift up to cycle 4" in page
    assert "Changes from cycle to cycle" in page


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"store": [5]}, "store must name cycles from 1 to 4"),
        ({"store": [1], "every": 2}, "not both"),
        ({"period": 0.0}, "greater than 0"),
    ],
)
def test_impossible_cycles_are_refused(small, tmp_path: Path, keys, words):
    cycles = CYCLE | {"count": 4} | keys
    with pytest.raises(StudyError, match=words):
        read_study(small.write_study(tmp_path, cyclic(small, cycles=cycles)))


def test_training_keeps_every_instant(small, tmp_path: Path):
    study = cyclic(small)
    study["training"][0]["cycles"] = CYCLE | {"count": 3, "every": 3}
    with pytest.raises(StudyError, match="training needs every instant"):
        read_study(small.write_study(tmp_path, study))
