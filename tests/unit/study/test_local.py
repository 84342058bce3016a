"""A study says, from cheap simulations, whether local models will pay."""

from __future__ import annotations

import json
import textwrap

import pytest

from romnet.core.errors import StudyError
from romnet.reduction.criterion import Advice
from romnet.report.advice import advice_svg
from romnet.store import artefact
from romnet.study import commands
from romnet.study.commands import advise
from romnet.study.local.candidates import simplified_study
from romnet.study.local.criterion import ADVICE, costs_of, rows
from tests.unit.study.two_corners import LOCAL, STUDY, candidates


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """Function that opens a study with some local keys changed; simulations are kept."""
    folder = tmp_path_factory.mktemp("local")

    def opened(old="", new="", text=None):
        listing = textwrap.indent("\n".join(candidates()), "    ")
        text = text or STUDY + LOCAL + listing + "\n"
        (folder / "study.yaml").write_text(text.replace(old, new))
        return commands.open_study(folder)

    return opened


def test_two_families_are_advised_two_clusters(context):
    opened = context()
    advice = advise(opened)
    assert advice.chosen is not None
    assert advice.candidates[advice.chosen].n_clusters == 2
    stored = artefact.load(opened.folder / ADVICE, Advice)
    assert stored.recommendation == advice.recommendation
    assert [row["gain"] for row in rows(advice)] == [c.gain for c in advice.candidates]
    assert advice_svg(advice).startswith(b"<svg")


def test_simulations_are_elastic_coarse_one_step_and_kept(context):
    opened = context()
    advise(opened)
    found = simplified_study(opened.located)
    assert found.study.materials[0].law == "elastic"
    files = sorted((opened.folder / "simplified" / "snapshots").glob("*.h5"))
    assert len(files) == 12
    before = [path.stat().st_mtime_ns for path in files]
    first, second = rows(advise(opened)), rows(advise(opened))
    assert [path.stat().st_mtime_ns for path in files] == before
    assert first == second


def test_budget_is_told(context):
    advice = advise(context("clusters: [2]", "clusters: [2]\n  budget: 1.5"))
    assert advice.chosen is None
    assert any("budget" in " ".join(found.reasons) for found in advice.candidates)


def test_hours_are_given_or_assumed(context):
    assert not costs_of(context()).measured
    given = costs_of(
        context("clusters: [2]", "clusters: [2]\n  training_hours: 5.0\n  online_hours: 0.1")
    )
    assert (given.training, given.online) == (5.0, 0.1)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("name: c1,", "name: c0,", "two cases are named 'c0'"),
        ("name: c1, until: 1.0,", "name: c1,", "needs until"),
        ("clusters: [2]", "clusters: [1]", "clusters must be two or more"),
        ("modes: [1, 2]", "modes: [0]", "modes must be one or more"),
        ("{temperature: {keyframes", "{heat: {keyframes", "no load 'heat'"),
    ],
)
def test_what_cannot_be_right_is_told_with_its_line(context, old, new, words):
    with pytest.raises(StudyError, match=words):
        simplified_study(context(old, new).located)


def test_a_study_without_candidates_is_told(context):
    with pytest.raises(StudyError, match="local is missing"):
        advise(context(text=STUDY))


def test_command_tells_the_table_and_the_recommendation(context):
    from typer.testing import CliRunner

    from romnet.cli.main import app

    opened = context()
    found = CliRunner().invoke(app, ["advise", str(opened.located.folder)])
    assert found.exit_code == 0, found.output
    assert "Use a dictionary of 2 clusters" in found.output
    assert (opened.folder / "advice.svg").is_file()
    found = CliRunner().invoke(app, ["advise", str(opened.located.folder), "--json"])
    answer = json.loads(found.stdout)
    assert answer["candidates"][answer["chosen"]]["worth_it"]
