"""The sentence on top says what the numbers say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from romnet.core.status import Status
from romnet.report.words import error_words, judged_cases, verdict


def test_the_verdict_names_size_speed_and_errors(data):
    sentence = verdict(data).replace("\u202f", " ").replace("\u00a0", " ")
    for part in ("4 modes", "91 of 1 728 integration points", "195 times", "1.3 %", "5.4 %"):
        assert part in sentence
    assert sentence.count(".") == 1 + sentence.count("1.3") + sentence.count("5.4")


def test_new_loads_are_judged_before_trained_ones(case):
    new, trained = case("new"), case("trained", in_training=True)
    assert judged_cases([trained, new]) == [new]
    assert judged_cases([trained]) == [trained]
    assert judged_cases([replace(new, status=Status.SINGULAR)]) == []


def test_a_run_that_stopped_is_said_first_and_not_counted_in_the_errors(bare, case):
    stopped = case("hot", status=Status.MAX_ITERATIONS, displacement_error=np.full(5, 0.9))
    sentence = verdict(replace(bare, cases=(case("cold"), stopped)))
    assert "answered 1 of 2 load cases (hot stopped early)" in sentence
    assert "90" not in sentence
    assert stopped.speedup is None


def test_without_reference_nothing_is_claimed(bare, case):
    alone = case(
        reference="", error_times=np.zeros(0), displacement_error=np.zeros(0), hf_seconds=None
    )
    sentence = verdict(replace(bare, cases=(replace(alone, dual_error={}),)))
    assert sentence == "The reduced model answered its load case."


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (3.0, "300 %"),
        (0.9999, "100 %"),
        (0.5, "50 %"),
        (1e-3, "0.1 %"),
        (9.9e-4, "9.9 · 10⁻⁴"),
        (0.0, "0"),
        (np.inf, "inf"),
    ],
)
def test_errors_are_read_in_percent_unless_small(error, expected):
    assert error_words(error).replace("\u202f", " ") == expected
