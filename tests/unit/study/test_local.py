"""A study says, from cheap simulations, whether local models will pay."""

from __future__ import annotations

import json
import textwrap

import numpy as np
import pytest

from romnet.core.errors import StudyError
from romnet.reduction.criterion import Advice
from romnet.report.advice import advice_svg
from romnet.store import artefact
from romnet.study import commands
from romnet.study.candidates import simplified_study
from romnet.study.commands import advise
from romnet.study.local import ADVICE, costs_of, rows

STUDY = """
name: local
units: {length: mm, force: N, time: s, temperature: degC}
mesh: {box: {lengths: [1.0, 1.0, 1.0], divisions: [4, 4, 4]}}
materials:
  - law: j2_viscoplastic
    parameters: {young: 2.0e5, poisson: 0.3, yield_stress: 100.0, viscosity: 300.0, exponent: 10.0}
    expansion: {coefficient: 2.0e-5, reference: 20.0}
constraints:
  - {nodes: x0, u: [0.0, null, null]}
  - {nodes: x0y0, u: [null, 0.0, null]}
  - {nodes: x0y0z0, u: [null, null, 0.0]}
loads:
  - type: temperature
    keyframes:
      - {time: 0.0, field: 20.0}
      - {time: 1.0, field: {gaussian: {centre: [0.5, 0.5, 0.5], peak: 300.0, rate: 9.0}}}
training:
  - {name: first, results: hf, until: 1.0, increments: 2}
"""
LOCAL = """
local:
  simplified: {mesh: {box: {lengths: [1.0, 1.0, 1.0], divisions: [2, 2, 2]}}}
  clusters: [2]
  modes: [1, 2]
  smallest_cluster: 3
  candidates:
"""


def candidates():
    """Two families of hot spots, in opposite corners, of very different heights."""
    rng = np.random.default_rng(0)
    for number in range(16):
        place = 0.2 + 0.6 * (number % 2) + 0.02 * rng.normal(size=3)
        centre = ", ".join(f"{value:.4f}" for value in place)
        peak = 300.0 * 10 ** -rng.uniform(0, 1)
        spot = f"{{centre: [{centre}], base: 20.0, peak: {peak:.3f}, rate: 9.0}}"
        frames = f"[{{time: 0.0, field: 20.0}}, {{time: 1.0, field: {{gaussian: {spot}}}}}]"
        yield f"- {{name: c{number}, until: 1.0, loads: {{temperature: {{keyframes: {frames}}}}}}}"


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
    assert len(files) == 16
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
