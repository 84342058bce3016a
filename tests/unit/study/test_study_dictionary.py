"""A study makes a dictionary of local models, asks it, and says which model answered."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.core.errors import AccuracyError
from romnet.reduction.dictionary import FALLBACK
from romnet.report.advice import clusters_svg, clusters_table
from romnet.store import artefact
from romnet.study import commands
from romnet.study.local.dictionary import Clusters
from romnet.study.models import LocalModels, chosen_of
from romnet.study.reporting import report_data
from romnet.study.runner import Silence
from tests.unit.study.two_corners import LOCAL, STUDY, candidates


def question(name, place, peak, **keys):
    """A hot spot in the corner that a place is close to."""
    words = "".join(f"{key}: {value}, " for key, value in keys.items())
    spot = f"{{centre: [{place}, {place}, {place}], base: 20.0, peak: {peak}, rate: 9.0}}"
    frames = f"[{{time: 0.0, field: 20.0}}, {{time: 1.0, field: {{gaussian: {spot}}}}}]"
    loads = f"loads: {{temperature: {{keyframes: {frames}}}}}"
    return f"  - {{name: {name}, {words}until: 1.0, increments: 2, {loads}}}\n"


QUESTIONS = (
    "online:\n"
    + question("low", 0.21, 250.0, reference="hf")
    + question("high", 0.79, 90.0)
    + question("plain", 0.79, 90.0, model="global")
    + question("between", 0.5, 250.0)
    + question("fierce", 0.21, 2000.0)
)


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """Function that opens the study with other keys of its dictionary; results are kept."""
    folder = tmp_path_factory.mktemp("dictionary")

    def open_with(keys, changes=("", "")):
        listing = "".join(f"    {line}\n" for line in candidates())
        listing = listing.replace("until: 1.0,", "until: 1.0, increments: 2,")
        local = LOCAL.replace("clusters: [2]", f"clusters: [2]\n  dictionary: {keys}")
        (folder / "study.yaml").write_text((STUDY + QUESTIONS + local + listing).replace(*changes))
        return commands.open_study(folder)

    return open_with


@pytest.fixture(scope="module")
def answered(opened):
    """The study, its dictionary made and every question answered."""
    context = opened("{runs: 3}")
    summary = commands.offline(context).dictionary
    answers = {one.case: one for one in commands.online(context)}
    return context, summary, answers


def test_each_cluster_has_a_model_of_its_own_runs(answered):
    context, summary, _ = answered
    clusters = artefact.load(context.folder / "clusters.h5", Clusters)
    assert summary.sizes == (6, 6)
    assert [len(group) for group in clusters.training] == [3, 3]
    assert all(
        int(name[1:]) % 2 == int(group[0][1:]) % 2 for group in clusters.training for name in group
    )
    found = artefact.load(context.folder / "dictionary.h5", LocalModels).dictionary
    assert [model.n_modes for model in found.models] == [clusters.expected.n_modes] * 2
    assert summary.accuracy > 0.9


def test_questions_go_to_the_model_of_their_corner(answered):
    _, _, answers = answered
    clusters = {name: answers[name].choice.cluster for name in ("low", "high")}
    assert set(clusters.values()) == {0, 1}
    assert answers["low"].choice.probability > 0.9
    assert answers["low"].errors["u"] < 0.2
    assert "probability" in answers["low"].choice.words
    assert answers["plain"].choice is None


@pytest.mark.parametrize(
    ("name", "reason"), [("between", "as far from those learnt"), ("fierce", "rises by")]
)
def test_strange_temperatures_go_to_the_global_model(answered, name, reason):
    context, _, answers = answered
    assert answers[name].choice.cluster is None
    assert reason in answers[name].choice.reason
    assert chosen_of(context, name).model == "dictionary/global"


def test_report_shows_criterion_and_clusters(answered):
    context, *_ = answered
    facts = report_data(context).local
    clusters = artefact.load(context.folder / "clusters.h5", Clusters)
    picture = clusters_svg(facts).decode()
    assert all(facts.names[medoid] in picture for medoid in clusters.medoids)
    listing = clusters_table(facts).rows
    assert [row[1] for row in listing] == [str(label) for label in clusters.labels]


def test_outside_may_be_refused_and_nothing_is_computed_again(answered, opened):
    context, *_ = answered
    whole = sorted((context.folder / "snapshots").glob("*.h5"))
    before = [path.stat().st_mtime_ns for path in whole]
    strict = opened("{runs: 3, outside: refuse}")
    with pytest.raises(AccuracyError, match="outside of what the dictionary learnt"):
        commands.online(strict, case="between")
    assert [path.stat().st_mtime_ns for path in whole] == before


class Killing(Silence):
    """Stops everything within a stage, when a part of it is done."""

    def __init__(self, stage, part):
        self.stage, self.part, self.name = stage, part, ""

    def started(self, name):
        self.name = name

    def progressed(self, part):
        if self.name == self.stage and part >= self.part:
            raise KeyboardInterrupt


def test_a_killed_dictionary_goes_on_with_the_simulations_that_it_has(answered, opened):
    context, *_ = answered
    kept = artefact.load(context.folder / "dictionary.h5", LocalModels).dictionary
    folder = context.folder / "snapshots"
    for path in [*folder.glob("c*.h5"), context.folder / "dictionary.h5"]:
        path.unlink()
    with pytest.raises(KeyboardInterrupt):
        commands.offline(opened("{runs: 3}"), observer=Killing("dictionary", 0.5))
    before = {path: path.stat().st_mtime_ns for path in folder.glob("c*.h5")}
    assert 0 < len(before) < 6
    commands.offline(opened("{runs: 3}"), until="dictionary")
    assert len(list(folder.glob("c*.h5"))) == 6
    assert {path: path.stat().st_mtime_ns for path in before} == before
    again = artefact.load(context.folder / "dictionary.h5", LocalModels).dictionary
    for one, other in zip(kept.models, again.models, strict=True):
        assert one.points.tolist() == other.points.tolist()
        np.testing.assert_array_equal(one.weights, other.weights)


def test_simulations_of_candidates_may_be_imported(answered, tmp_path, monkeypatch):
    """Those of another folder are brought in, both simplified and whole: nothing is computed."""
    context, *_ = answered
    text = (context.located.folder / "study.yaml").read_text()
    text = text.replace("results: hf", f"results: {context.folder}/snapshots/first.h5")
    for number in range(12):
        keys = f"results: {context.folder}/simplified/snapshots/c{number}.h5"
        whole = context.folder / "snapshots" / f"c{number}.h5"
        if whole.exists():
            keys += f", training: {whole}"
        text = text.replace(f"name: c{number},", f"name: c{number}, {keys},")
    (tmp_path / "study.yaml").write_text(text)
    monkeypatch.delattr("romnet.hf.problem.solve_high_fidelity")
    other = commands.open_study(tmp_path)
    commands.offline(other, until="dictionary")
    clusters = [artefact.load(one.folder / "clusters.h5", Clusters) for one in (context, other)]
    assert clusters[0].training == clusters[1].training
    found = artefact.load(other.folder / "dictionary.h5", LocalModels).dictionary
    made = artefact.load(context.folder / "dictionary.h5", LocalModels).dictionary
    for one, same in zip(made.models, found.models, strict=True):
        assert one.points.tolist() == same.points.tolist()


def test_points_may_be_separate(answered, opened):
    context, *_ = answered
    commands.offline(opened("{runs: 3, points: separate}"), until="dictionary")
    found = artefact.load(context.folder / "dictionary.h5", LocalModels).dictionary
    for model in found.models:
        np.testing.assert_allclose(model.weights.sum(), 1.0, rtol=1e-3)


def test_without_gain_the_global_model_answers_and_says_why(opened):
    context = opened("{}", ("smallest_cluster: 3", "smallest_cluster: 3\n  smallest_gain: 50.0"))
    assert "Not worth it" in commands.offline(context).dictionary.words
    (answer,) = commands.online(context, case="high")
    assert answer.choice.cluster is None
    assert "Not worth it" in answer.choice.reason
    assert chosen_of(context, "high").choice.cluster == FALLBACK
    assert chosen_of(context, "high").model == ""
