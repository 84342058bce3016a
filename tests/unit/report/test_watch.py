"""What the indicator says, as a picture and as numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from romnet.report.answer_figures import watch_svg
from romnet.report.case_values import WatchFacts
from romnet.report.page import render_page

FACTS = WatchFacts(
    field="p",
    tolerance=0.05,
    times=np.array([0.0, 1.0, 2.0]),
    estimate=np.array([0.0, 0.02, 0.08]),
    bound=np.array([0.0, 0.05, 0.2]),
    confidence=0.9,
    alarm=2,
)


def test_the_page_says_when_the_estimate_passes_the_tolerance(data):
    cases = tuple(replace(case, watch=FACTS) for case in data.cases)
    page = render_page(replace(data, cases=cases))
    assert "above from t = 2 the tolerance 0.05" in page
    assert "upper bound [-]" in page


def test_an_answer_that_is_good_enough_has_no_alarm_in_its_picture():
    assert b"alarm" in watch_svg(FACTS, time_unit="s")
    assert b"alarm" not in watch_svg(replace(FACTS, tolerance=0.5, alarm=None), time_unit="s")
