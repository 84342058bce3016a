"""The page as a browser reads it: complete, self-contained, safe."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from romnet.core.status import Status
from romnet.fe.structured import box_mesh
from romnet.report import album
from romnet.report.case_values import NodalField
from romnet.report.cost_values import StageFacts
from romnet.report.model_values import CubatureFacts, SelectedPoints, Spectrum, TrainedField
from romnet.report.page import render_page
from romnet.report.skin import skin_of
from romnet.report.tables import MOST_ROWS

HOSTILE = '<script>alert("$x_$")</script> & \u4e2d'
NONE = "\N{EN DASH}"
VOID = {"meta", "img", "br", "link"}
LOADING = {"src", "srcset", "href", "data", "action", "poster", "background"}


class Page(HTMLParser):
    """Open elements, attributes, tables and text of a page."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.tables, self.words = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"td", "th"}:
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)
        if self.open and self.open[-1] in {"td", "th"}:
            self.tables[-1][-1][-1] += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def table(self, *columns):
        """Return the rows of the first table whose heading starts so, after the heading."""
        for rows in self.tables:
            if [text.split(" [")[0] for text in rows[0][: len(columns)]] == list(columns):
                return rows[1:]
        message = f"no table {columns}"
        raise AssertionError(message)


@pytest.fixture(scope="module")
def parsed(page):
    return Page(page)


def test_every_element_is_closed(parsed):
    assert parsed.open == []
    assert parsed.all("html") == [{"lang": "en"}]
    for tag in ("title", "h1", "header", "main"):
        assert len(parsed.all(tag)) == 1


def test_every_picture_has_alt_text_and_its_numbers(parsed):
    images = parsed.all("img")
    # A field and its close view, errors of u and of dual fields and iterations of two cases,
    # three of the model, one of the cost.
    assert len(images) == 12
    assert all(len(image["alt"]) > 20 for image in images)
    assert len(parsed.all("figure")) == len(images)
    assert len(parsed.all("details")) >= len(images)


def test_nothing_is_loaded_from_anywhere(page, parsed):
    for tag, attributes in parsed.elements:
        for name in LOADING & attributes.keys():
            value = attributes[name]
            assert value.startswith("data:") or (
                tag == "a" and re.match(r"#|https://doi\.org/", value)
            )
        assert tag not in {"script", "link", "iframe", "object", "form"}
        assert not any(name.startswith("on") for name in attributes)
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    for image in parsed.all("img"):
        kind, content = image["src"].split(",", 1)
        if "svg" in kind:
            drawing = base64.b64decode(content)
            assert not re.search(rb'href="(?!#)', drawing)
            assert b"<script" not in drawing


def test_names_are_text_and_never_markup(data, case):
    hostile = case(
        HOSTILE, reference=HOSTILE, picture=replace(data.cases[1].picture, name=HOSTILE, unit="$")
    )
    page = render_page(
        replace(
            data,
            study=HOSTILE,
            asked=HOSTILE,
            units={"length": HOSTILE, "time": HOSTILE},
            spectra=(Spectrum(HOSTILE, np.array([1.0, 0.1]), 1),),
            validation=(TrainedField(HOSTILE, 0.1, 0.2),),
            cases=(hostile,),
            points=None,
            citations={HOSTILE: HOSTILE},
            versions={HOSTILE: HOSTILE},
        )
    )
    parsed = Page(page)
    assert parsed.open == []
    assert parsed.all("script") == []
    assert "".join(parsed.words).count(HOSTILE) >= 9


def test_tables_hold_the_numbers_of_the_data(data, parsed):
    spectra = parsed.table("mode", "displacement (4 kept)")
    assert [float(row[1]) for row in spectra] == pytest.approx(
        data.spectra[0].singular_values, 1e-4
    )
    assert [row[2] for row in spectra][3:] == [NONE, NONE]
    residuals = [float(row[1]) for row in parsed.table("selection")]
    assert residuals == pytest.approx(data.cubature.history, 1e-4)
    errors = [float(row[1]) for row in parsed.table("time", "relative error")]
    assert errors == pytest.approx(data.cases[0].displacement_error, 1e-4)
    assert parsed.table("dual field", "modes")[0] == ["p", "9", "3.852"]
    assert parsed.table("dual field", "error, all points")[1] == ["stress_11", "0.03079", "0.01762"]
    trained = parsed.table("field", "predicted", "found, all points", "found, hottest 1 %")
    assert trained == [["u", "7.1e-06", "8.2e-06", "–"], ["p", "3.4e-06", "9.9e-06", "5.5e-05"]]  # noqa: RUF001
    assert parsed.table("stage", "state")[2] == ["cubature", "stale", "0.3238", NONE, "156.5", "2"]
    assert parsed.table("stage", "key")[1] == ["pod", "11d020d671b1"]
    histories = parsed.table("time", "p", "stress_11", "p, hottest 1 %")
    assert histories[-1] == ["2", "0.05403", "0.03", "0.03058"]
    hottest = [float(row[3]) for row in parsed.table("x", "y", "z", "value")]
    field = data.cases[1].picture
    assert hottest == pytest.approx(np.sort(field.values)[::-1][:10], 1e-4)
    weights = [float(row[3]) for row in parsed.table("x", "y", "z", "weight")]
    assert weights == pytest.approx(sorted(data.points.weights, reverse=True), 1e-4)


def test_the_row_of_a_case_is_its_answer(parsed):
    row = parsed.table("case", "load", "outcome")[1]
    assert row[:6] == ["cycle2", "new", "converged", "4", "10", "1"]
    assert [float(text) for text in [row[6], *row[9:]]] == pytest.approx(
        [0.0185, 3.609, 3.609 / 0.0185, 1.302e-2, 0.05403, 0.03058], 1e-4
    )


def test_the_cost_is_added_up_by_kind(parsed):
    rows = {row[0]: row[1:] for row in parsed.table("what for", "stages")}
    assert rows["simulations to learn from"] == ["1", "3.4", NONE, "210"]
    assert rows["building and testing the model"] == ["2", "0.4358", NONE, "156.5"]
    assert rows["questions to the model"] == ["1", "0.2", NONE, "140"]
    # 3.8358 s before the first question, each of which saves 3.4 - 0.2 s.
    assert [row[0] for row in parsed.table("questions", "in full")] == ["0", "1", "2", "3", "4"]
    assert "after 2 questions the model has paid" in " ".join("".join(parsed.words).split())
    one = parsed.table("a question", "wall time", "speed-up")
    assert [row[2] for row in one] == [NONE, "183.78", "17"]


def test_a_model_that_never_pays_is_said_to(bare, case):
    slow = (
        StageFacts("snapshots[a]", 1.0, 1.0, "fresh", kind="training"),
        StageFacts("online[b]", 2.0, 1.0, "fresh", kind="online"),
    )
    text = "".join(Page(render_page(replace(bare, stages=slow, cases=(case(),)))).words)
    assert "this model does not pay" in text


def test_what_looks_wrong_in_the_data_is_said(data, parsed):
    row = parsed.table("simulation", "from")[0]
    assert row[:8] == [
        "cycle1",
        "cube.ut",
        "41",
        "6 significant digits",
        "0.002",
        "1",
        "2",
        "1e-09",
    ]
    assert row[8:] == ["20 to 400", NONE]
    text = "".join(parsed.words)
    assert "its digits are few" in text
    good = replace(data, learned=(replace(data.learned[0], remarks=()),))
    assert "Nothing looks wrong" in render_page(good)


def test_the_study_file_is_shown_as_it_is(bare):
    asked = "name: a\n  b: [1, 2]   # <x>\n"
    assert asked in "".join(Page(render_page(replace(bare, asked=asked))).words)


def test_a_study_without_anything_has_a_page(bare):
    parsed = Page(render_page(bare))
    assert parsed.open == []
    assert parsed.all("img") == []
    assert "No load case has been asked yet." in "".join(parsed.words)


def test_a_case_without_reference_and_dual_fields_has_no_errors(bare, case):
    none = np.zeros(0)
    alone = case(reference="", error_times=none, displacement_error=none, hf_seconds=None)
    alone = replace(alone, dual_error={}, hottest_error={})
    parsed = Page(render_page(replace(bare, cases=(alone,))))
    assert parsed.table("case", "load")[0][8:] == [NONE] * 6
    assert len(parsed.all("img")) == 1
    assert "there is no reference to compare with" in "".join(parsed.words)


def test_a_run_that_stopped_is_said_with_advice(bare, case):
    stopped = case(
        "hot",
        status=Status.STEP_TOO_SMALL,
        reason=Status.LAW_FAILED,
        times=np.linspace(0.0, 1.5, 4),
        error_times=np.zeros(0),
        displacement_error=np.zeros(0),
    )
    parsed = Page(render_page(replace(bare, cases=(stopped,))))
    text = "".join(parsed.words)
    assert "stopped at time 1.5: step_too_small" in text
    assert Status.STEP_TOO_SMALL.advice in text
    assert Status.LAW_FAILED.advice in text
    assert parsed.table("step")[-1] == ["4", NONE, "2", "0"]


def test_an_empty_skin_is_not_drawn(bare, data):
    skin, _ = skin_of(replace(box_mesh((1.0, 1.0, 1.0), (1, 1, 1)), blocks=(), face_sets={}))
    none = SelectedPoints(np.zeros((0, 3)), np.zeros(0))
    case = replace(data.cases[0], picture=NodalField("p", "-", np.zeros(0)))
    page = render_page(replace(bare, skin=skin, points=none, cases=(case,)))
    assert "image/png" not in page


def test_many_long_runs_do_not_make_a_page_of_more_than_five_megabytes(bare, case, monkeypatch):
    room = 150_000
    others = 5_000_000 - album.MOST_BYTES * 4 // 3
    monkeypatch.setattr(album, "MOST_BYTES", room)
    n_steps = 5_000
    noise = np.random.default_rng(0).uniform(size=n_steps)
    long = {
        "newton_iterations": (9 * noise).astype(np.int64),
        "cuts": (2 * noise).astype(np.int64),
        "times": np.arange(n_steps + 1.0),
        "error_times": np.arange(n_steps) + 1.0,
        "displacement_error": noise,
    }
    cases = tuple(case(f"case{number}", **long) for number in range(100))
    rule = CubatureFacts(1e-5, 1e-6, 0.0, 4000, 4000, np.geomspace(1.0, 1e-6, 9000))
    page = render_page(replace(bare, cases=cases, cubature=rule))
    parsed = Page(page)
    drawn = sum(len(image["src"]) for image in parsed.all("img"))
    assert 0 < drawn <= room * 4 // 3 + 1000
    assert len(page.encode()) - drawn < others
    text = "".join(parsed.words)
    assert len(parsed.table("selection")) <= MOST_ROWS + 1
    assert parsed.table("selection")[-1][0] == "9000"
    assert "one in 23, and the last" in text
    assert "Left out to keep the page small" in text
    assert "40 more cases are in the table of load cases only" in text


def test_the_page_of_a_usual_study_is_far_below_five_megabytes(page):
    assert len(page.encode()) < 2_000_000


def test_the_same_data_give_the_same_page(bare, case):
    data = replace(bare, cases=(case(),))
    assert render_page(data) == render_page(data)
