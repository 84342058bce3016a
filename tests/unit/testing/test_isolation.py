"""Each fault of a plug-in is called by its name, and this process lives on."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from romnet.core.errors import PluginError, StudyError
from romnet.testing import isolation
from romnet.testing.isolation import FRESH, IN_TIME, SURVIVES, examine_in_child
from romnet.testing.laws import BOUNDS, FINITE, INSIDE, REPEATED, Probe
from romnet.testing.verdicts import Verdict

PROBE = Probe(n_points=3)
DESCRIPTORS = Path("/proc/self/fd")
TANGENT = "the tangent is the derivative of the stress, {}"


@pytest.mark.parametrize(
    ("fault", "blamed", "words"),
    [
        ("SEGFAULT", [SURVIVES], "SIGSEGV while examining: a UMAT leaves its inputs alone"),
        ("ENDS", [SURVIVES], "exit code 0 while examining: a UMAT leaves its inputs alone"),
        ("NAN_TANGENT", [FINITE], "virgin increment: tangent at 3 of 3 points"),
        (
            "TANGENT",
            [TANGENT.format(name) for name in ("virgin", "strained", "reversed")],
            "d stress 11 / d strain 11",
        ),
        ("INPUT", ["a UMAT leaves its inputs alone"], "changes DSTRAN"),
        ("STRAY", [BOUNDS], "writes after STATEV"),
        ("OUTSIDE", [INSIDE], "6 of 6 answers differ"),
        ("MEMORY", [REPEATED], "stress, state, tangent differ"),
        ("FIRST", [FRESH], ""),
    ],
)
def test_a_fault_is_called_by_its_name_and_nothing_else_is_blamed(faulty, fault, blamed, words):
    report = examine_in_child(faulty(fault), probe=PROBE)
    assert [check.name for check in report.failures] == blamed
    assert words in report.failures[0].detail
    assert all(check.advice and check.error > check.limit for check in report.failures)


def test_a_law_that_hangs_is_ended(faulty):
    report = examine_in_child(faulty("HANG"), probe=PROBE, time_limit=2.0)
    (late,) = report.failures
    assert late.name == IN_TIME
    assert late.detail == "no answer while examining: a UMAT leaves its inputs alone"
    assert report.checks[0].passed


def test_threads_are_tried_only_if_the_law_claims_to_bear_them(faulty):
    silent = faulty("THREADS")
    assert examine_in_child(silent, probe=PROBE).passed
    claims = {"law": {**silent["law"], "thread_safe": True, "threads": 2}}
    report = examine_in_child(claims, probe=PROBE)
    assert [check.name for check in report.failures] == [
        "two threads at once get the answers of one"
    ]


@pytest.mark.parametrize("n_components", [4, 6])
def test_the_same_plug_in_without_its_fault_passes_everything(faulty, n_components):
    claimed = dataclasses.replace(PROBE, thread_safe=True)
    report = examine_in_child(faulty("NONE"), n_components=n_components, probe=claimed)
    assert report.passed, str(report)
    assert len(report.checks) == 24


def test_entries_of_the_state_that_were_not_declared_are_missed(faulty):
    law = {**faulty("NONE")["law"], "n_state": 0}
    report = examine_in_child({"law": law}, probe=PROBE)
    assert [check.name for check in report.failures] == [BOUNDS]
    assert report.failures[0].detail == "writes after STATEV"
    assert report.checks[-1].detail == f"it needs: {BOUNDS}"


def test_after_a_crash_the_rest_is_not_examined(faulty):
    report = examine_in_child(faulty("SEGFAULT"), probe=PROBE)
    assert len(report.checks) == 23
    assert {check.verdict for check in report.checks[2:]} == {Verdict.NOT_EXAMINED}
    assert all(math.isnan(check.error) for check in report.checks[2:])
    assert f"not examined, it needs: {SURVIVES}" in str(report.checks[2])


def test_what_a_law_says_before_it_dies_is_passed_on():
    child, (survives, _) = isolation._run({"task": "examine"}, 20.0)
    assert not child.ended
    words = "exit code 1 while examining: loading the law; last words: KeyError: 'probe'"
    assert survives.detail == words


def test_a_law_that_cannot_be_built_is_refused_as_in_this_process(tmp_path):
    with pytest.raises(StudyError, match="'elastik' is unknown; did you mean 'elastic'"):
        examine_in_child({"law": "elastik"})
    missing = {"umat": str(tmp_path / "no.so"), "properties": [], "n_state": 0}
    with pytest.raises(PluginError, match="there is no such shared library"):
        examine_in_child({"law": missing})


def test_no_file_descriptor_is_left_open(faulty):
    before = len(list(DESCRIPTORS.iterdir()))
    examine_in_child(faulty("SEGFAULT"), probe=PROBE)
    assert len(list(DESCRIPTORS.iterdir())) == before
