"""Designs of experiments: draws, their loads, and answers that survive a kill."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import kstest

from romnet.core.errors import StudyError
from romnet.fe.random_field import KarhunenLoeve
from romnet.online.solve import solve
from romnet.store import artefact
from romnet.study import commands
from romnet.study.design import answering, parts
from romnet.study.design.answering import uncertain_load
from romnet.study.design.answers import field_statistics, load_answers
from romnet.study.design.draws import draws_of
from romnet.study.design.forecast import Forecast
from romnet.study.models import model_of
from romnet.study.rebuilding import rebuilt_instants
from romnet.study.schema import Design, RandomTemperature
from tests.unit.study.small_study import STUDY, changed, states, write_study

FIELD = {"deviation": 15.0, "length": 0.6, "modes": 3, "amplitude": "spin"}
DESIGN = {
    "kind": "sobol",
    "n": 10,
    "seed": 3,
    "parameters": {"pressure.scale": [0.8, 1.1], "centrifugal.omega": [0.95, 1.05]},
    "temperature": FIELD,
}
CASE = [{"name": "uq", "design": DESIGN}]


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    """The small study with a design, answered in chunks of four."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answering, "CHUNK", 4)
        path = write_study(tmp_path_factory.mktemp("uq"), changed(STUDY, online=CASE))
        context = commands.open_study(path)
        commands.offline(context)
        (summary,) = commands.online(context)
    return context, summary


def test_a_sobol_design_fills_its_ranges_and_draws_normal_factors():
    design = Design(
        kind="sobol",
        n=1000,
        parameters={"gas.scale": (0.5, 2.5)},
        temperature=RandomTemperature(deviation=1.0, length=1.0, modes=2),
    )
    draws = draws_of(design, Path())
    assert draws.names == ("gas.scale", "temperature.field1", "temperature.field2")
    assert kstest(draws.values[:, 0], "uniform", args=(0.5, 2.0)).statistic < 0.01
    for column in (1, 2):
        assert kstest(draws.values[:, column], "norm").statistic < 0.01
    assert abs(np.corrcoef(draws.values.T)[1, 2]) < 0.05
    np.testing.assert_array_equal(draws.values, draws_of(design, Path()).values)
    other = draws_of(design.model_copy(update={"seed": 1}), Path())
    assert (other.values != draws.values).all()


def test_a_latin_hypercube_has_one_draw_in_every_slice():
    design = Design(kind="lhs", n=50, parameters={"a.scale": (0.0, 1.0), "b.scale": (2.0, 4.0)})
    values = draws_of(design, Path()).values
    for column, (low, high) in zip(values.T, ((0.0, 1.0), (2.0, 4.0)), strict=True):
        slices = np.floor((column - low) / (high - low) * 50)
        assert sorted(slices) == list(range(50))


def test_a_table_gives_the_draws_by_the_names_of_its_columns(tmp_path):
    (tmp_path / "d.csv").write_text("b.scale,a.scale,remark\n4,1,x\n5,2,y\n")
    given = {"a.scale": (0.0, 9.0), "b.scale": (0.0, 9.0)}
    design = Design(kind="table", file=Path("d.csv"), parameters=given)
    assert draws_of(design, tmp_path).values.tolist() == [[1.0, 4.0], [2.0, 5.0]]
    (tmp_path / "d.csv").write_text("a.scale\n1\n")
    with pytest.raises(StudyError, match=r"missing: b\.scale"):
        draws_of(design, tmp_path)
    (tmp_path / "d.csv").write_text("a.scale,b.scale\n1,much\n")
    with pytest.raises(StudyError, match="much"):
        draws_of(design, tmp_path)
    with pytest.raises(StudyError, match="cannot be read"):
        draws_of(design, tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "table"}, "a table needs file"),
        ({"file": "a.csv"}, "a table needs file"),
        ({"parameters": {"a.scale": [2.0, 1.0]}}, "the lowest value comes first"),
        ({"parameters": {}}, "give parameters, temperature, or both"),
    ],
)
def test_designs_that_make_no_sense_are_refused(changes, words):
    with pytest.raises(ValidationError, match=words):
        Design(**({"kind": "lhs", "parameters": {"a.scale": [1.0, 2.0]}} | changes))


@pytest.mark.parametrize(
    ("design", "words"),
    [
        ({"parameters": {"presure.scale": [1, 2]}}, "there is no parameter 'presure.scale'"),
        ({"parameters": {"pressure.omega": [1, 2]}}, r"pressure\.scale, temperature\.scale"),
        ({"temperature": FIELD | {"amplitude": "spn"}}, "there is no amplitude 'spn'"),
    ],
)
def test_names_that_no_load_has_are_told_with_their_line(tmp_path, design, words):
    online = [{"name": "uq", "design": {"kind": "lhs", "n": 2} | design}]
    path = write_study(tmp_path, changed(STUDY, online=online))
    with pytest.raises(StudyError, match=rf"study\.yaml:\d+.*{words}"):
        commands.open_study(path)


def test_every_draw_is_answered_as_alone(answered):
    context, summary = answered
    answers = load_answers(context, "uq")
    assert summary.design.draws == summary.design.converged == 10
    assert summary.ok
    load = uncertain_load(
        context, "uq", answering.design_of(context, "uq"), model_of(context, "uq")
    )
    model = model_of(context, "uq")
    draws = draws_of(Design(**DESIGN), Path())
    np.testing.assert_array_equal(draws.values, answers.values)
    for k in (0, 4, 9):
        alone = solve(model, load.drawn("x", draws.of(k)), options=context.newton_options)
        size = np.abs(alone.coefficients).max()
        np.testing.assert_allclose(answers.coefficients[k], alone.coefficients, atol=1e-6 * size)
        gappy = model.gappy["p"].inverse @ alone.dual["p"]
        scale = np.abs(gappy).max()
        np.testing.assert_allclose(answers.dual["p"][k], gappy, atol=1e-5 * scale)


def test_a_draw_varies_what_it_names(answered):
    context, _ = answered
    load = uncertain_load(
        context, "uq", answering.design_of(context, "uq"), model_of(context, "uq")
    )
    assert load.forces == ("centrifugal", "pressure")
    still = {f"temperature.field{k}": 0.0 for k in (1, 2, 3)}
    pressed = load.drawn("x", still | {"pressure.scale": 2.0, "centrifugal.omega": 3.0})
    base = load.nominal
    np.testing.assert_allclose(pressed.force.vectors[0], 9.0 * base.force.vectors[0])
    np.testing.assert_allclose(pressed.force.vectors[1], 2.0 * base.force.vectors[1])
    at = base.temperature.at(1.0)
    warmer = load.drawn("x", still | {"temperature.shift": 7.0, "temperature.scale": 0.5})
    np.testing.assert_allclose(warmer.temperature.at(1.0), 20.0 + 0.5 * (at - 20.0) + 7.0)
    drawn = load.drawn("x", still | {"temperature.field2": 2.0})
    nodes = context.workspace.mesh.nodes
    modes = KarhunenLoeve.build(nodes, amplitude=15.0, length=0.6, modes=3).at(nodes)
    points = model_of(context, "uq").points
    everywhere = context.workspace.discretization.temperature_interpolation @ modes[:, 1]
    expected = at + 2.0 * everywhere[points]
    np.testing.assert_allclose(drawn.temperature.at(1.0), expected, atol=1e-10)


def test_statistics_are_those_of_the_rebuilt_fields(answered):
    context, summary = answered
    answers = load_answers(context, "uq")
    load = uncertain_load(
        context, "uq", answering.design_of(context, "uq"), model_of(context, "uq")
    )
    model, draws = model_of(context, "uq"), draws_of(Design(**DESIGN), Path())
    fields = []
    for k in range(10):
        alone = solve(model, load.drawn("uq", draws.of(k)), options=context.newton_options)
        last = len(answers.times) - 1
        ((_, rebuilt),) = rebuilt_instants(context, alone, np.array([last]), how="gappy")
        fields.append(rebuilt["p"])
    found = field_statistics(context, "uq")
    size = np.abs(fields).max()
    np.testing.assert_allclose(found.mean, np.mean(fields, axis=0), atol=1e-5 * size)
    np.testing.assert_allclose(found.high, np.quantile(fields, 0.95, axis=0), atol=1e-5 * size)
    np.testing.assert_allclose(found.largest, np.max(fields, axis=1), rtol=1e-4)
    assert summary.design.largest_p["mean"] == pytest.approx(found.largest.mean())


@pytest.fixture
def broken_off(answered, monkeypatch):
    """Ask for the design again in chunks of four and break off after two; put the answer back."""
    context, _ = answered
    path = context.folder / "designs" / "uq.h5"
    kept = {one: one.read_bytes() for one in (path, path.parent / "uq.h5.json")}
    solved, real = [], answering.solve_batch

    def dies(model, loadings, **options):
        if len(solved) == 2:
            raise KeyboardInterrupt
        solved.append(len(loadings))
        return real(model, loadings, **options)

    def ask():
        path.unlink()
        with monkeypatch.context() as patch:
            patch.setattr(answering, "solve_batch", dies)
            with pytest.raises(KeyboardInterrupt):
                commands.online(context)
        return path.parent / "uq.parts"

    monkeypatch.setattr(answering, "CHUNK", 4)
    yield ask
    for one, content in kept.items():
        one.write_bytes(content)


def test_a_killed_design_goes_on_where_it_stopped(answered, broken_off, monkeypatch):
    context, _ = answered
    whole = load_answers(context, "uq")
    monkeypatch.setattr(parts, "SAVED_EVERY_S", 0.0)
    folder = broken_off()
    assert not (context.folder / "designs/uq.h5").exists()
    assert states(context.located.yaml.path)["design[uq]"] == "missing"
    assert len(list(folder.glob("*.h5"))) == 2
    solved, real = [], answering.solve_batch

    def counts(model, loadings, **options):
        solved.append(len(loadings))
        return real(model, loadings, **options)

    monkeypatch.setattr(answering, "solve_batch", counts)
    commands.online(context)
    assert sum(solved) == 2
    assert not folder.exists()
    again = load_answers(context, "uq")
    size = np.abs(whole.coefficients).max()
    np.testing.assert_allclose(again.coefficients, whole.coefficients, atol=1e-6 * size)


def test_a_run_that_is_broken_off_keeps_what_it_answered_since_the_last_part(broken_off):
    (part,) = broken_off().glob("*.h5")
    assert artefact.load(part, parts.Part).numbers.tolist() == list(range(8))
    shutil.rmtree(part.parent)


def test_draws_that_fail_are_counted_and_make_the_answer_incomplete(answered):
    context, summary = answered
    answers = load_answers(context, "uq")
    path = context.folder / "designs" / "uq.h5"
    kept = path.read_bytes(), (path.parent / "uq.h5.json").read_bytes()
    status = ("step_too_small", *answers.status[1:])
    reached = answers.reached.copy()
    reached[0] = 2
    artefact.save(path, replace(answers, status=status, reached=reached))
    found = commands.online_summary(context, "uq")
    assert not found.ok
    assert found.design.statuses == {"converged": 9, "step_too_small": 1}
    assert summary.ok
    path.write_bytes(kept[0])
    (path.parent / "uq.h5.json").write_bytes(kept[1])


def test_nothing_is_learned_from_draws_that_all_failed():
    values = np.linspace(-1.0, 1.0, 9)[:, None]
    forecast = Forecast(values)
    forecast.learn(values, np.full((9, 2, 3), np.nan))
    assert forecast.of(values) is None


def test_regression_needs_enough_answers_and_reproduces_a_quadratic():
    rng = np.random.default_rng(0)
    known, asked = rng.normal(size=(40, 3)), rng.normal(size=(5, 3))

    def exact(x):
        return np.stack([1.0 + x[:, 0] * x[:, 1], x[:, 2] ** 2 - x[:, 0]], axis=1)[:, :, None]

    forecast = Forecast(np.vstack([known, asked]))
    forecast.learn(known[:5], exact(known[:5]))
    assert forecast.of(asked) is None
    forecast.learn(known[5:9], exact(known[5:9]))
    assert forecast.of(asked).shape == (5, 2, 1)
    forecast.learn(known[9:], exact(known[9:]))
    np.testing.assert_allclose(forecast.of(asked), exact(asked), atol=1e-7)
