"""Curves: drawable whatever the numbers, the same bytes each time."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from romnet.core.status import Status
from romnet.report.answer_figures import error_limits, error_svg, newton_svg
from romnet.report.figures import cubature_svg, spectra_svg
from romnet.report.model_values import CubatureFacts, Spectrum


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 0.0], [1.0, 1e-3, 1e-17]])
@pytest.mark.parametrize("tolerance", [0.0, 1e-6])
def test_any_spectrum_can_be_drawn(values, tolerance):
    spectra = (Spectrum("a$b", np.array(values), min(1, len(values))),) * 2
    assert ET.fromstring(spectra_svg(spectra, tolerance)).tag.endswith("svg")


@pytest.mark.parametrize("history", [[], [0.0], [0.5], [0.5, 1e-3, 0.0]])
def test_any_history_can_be_drawn(history):
    facts = CubatureFacts(1e-5, 0.0, 0.0, 3, 4, np.array(history))
    assert ET.fromstring(cubature_svg(facts)).tag.endswith("svg")


@pytest.mark.parametrize("errors", [[0.0], [np.nan, np.inf], [1e-9, 1.0]])
def test_any_error_can_be_drawn(case, errors):
    facts = case(error_times=np.arange(len(errors)) + 0.0, displacement_error=np.array(errors))
    content = error_svg(facts, time_unit="$", limits=error_limits([facts]))
    assert ET.fromstring(content).tag.endswith("svg")


def test_a_run_that_stopped_at_once_can_be_drawn(case):
    facts = case(
        status=Status.LAW_FAILED,
        times=np.zeros(1),
        newton_iterations=np.array([0]),
        cuts=np.array([9]),
    )
    assert ET.fromstring(newton_svg(facts)).tag.endswith("svg")


def test_a_figure_has_the_same_bytes_each_time(data):
    assert newton_svg(data.cases[0]) == newton_svg(data.cases[0])


def test_limits_hold_all_errors_of_all_cases(case):
    low, high = error_limits([case(), case(displacement_error=np.full(5, 0.5))])
    assert low < 3.186e-6
    assert high > 0.5
    assert error_limits([case(displacement_error=np.zeros(5))]) is None
