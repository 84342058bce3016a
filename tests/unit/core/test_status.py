"""Outcomes: one of them is good, each has advice, each survives its label."""

from __future__ import annotations

import pytest

from romnet.core.status import Status


def test_only_convergence_is_good():
    assert [status for status in Status if status.ok] == [Status.CONVERGED]


@pytest.mark.parametrize("status", Status)
def test_labels_are_lower_case_and_lead_back(status):
    assert status.label == status.label.lower()
    assert Status.from_name(status.label) is status


def test_no_two_outcomes_give_the_same_advice():
    assert len({status.advice for status in Status}) == len(Status)


def test_an_unknown_label_is_refused():
    with pytest.raises(KeyError):
        Status.from_name("fine")
