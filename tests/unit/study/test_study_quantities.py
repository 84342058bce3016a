"""Quantities of interest of a study, beside what the stored fields say."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.core.errors import StudyError
from romnet.study import commands
from romnet.study.quantities import quantity
from romnet.study.reporting import write_report


@pytest.fixture(scope="module")
def asked(small, tmp_path_factory):
    """Return a study that asks for quantities of its own training load, and its answer."""
    study = small.changed(
        small.STUDY,
        online=[{"name": "same", "reference": "one"}],
        quantities=[
            {"name": "top", "type": "maximum", "options": {"field": "p"}},
            {
                "name": "life",
                "type": "coffin_manson",
                "options": {"ductility": 0.2, "exponent": -0.5},
            },
        ],
    )
    context = commands.open_study(small.write_study(tmp_path_factory.mktemp("asked"), study))
    return context, commands.online(context)[0]


def test_the_peak_is_that_of_the_simulation(asked):
    context, answer = asked
    points = context.workspace.component_rows(1)
    p = context.snapshots("one").source("p", points).column(4)
    assert answer.quantities["top"]["value"] == pytest.approx(p.max(), rel=1e-4)
    place = [answer.quantities["top"][axis] for axis in "xyz"]
    assert place == pytest.approx(context.workspace.discretization.positions[p.argmax()])


def test_life_follows_from_the_peak(asked):
    _, answer = asked
    top, life = answer.quantities["top"], answer.quantities["life"]
    assert life["cycles"] == pytest.approx(0.5 * (top["value"] / 4.0 / 0.2) ** -2.0)
    assert np.isfinite(life["cycles"])


def test_the_report_shows_them(asked):
    context, _ = asked
    commands.offline(context)
    assert "Quantities of interest" in write_report(context).read_text()


def test_unknown_quantities_and_options_are_told(small, tmp_path):
    with pytest.raises(StudyError, match=r"there are: .*maximum"):
        quantity("median")
    study = small.changed(
        small.STUDY,
        quantities=[{"name": "top", "type": "maximum", "options": {"fields": "p"}}],
    )
    context = commands.open_study(small.write_study(tmp_path, study))
    with pytest.raises(StudyError, match=r"maximum: .*field"):
        commands.online(context)
