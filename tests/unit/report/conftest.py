"""A small study as the report sees it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from romnet.core.status import Status
from romnet.fe.structured import box_mesh
from romnet.report.case_values import CaseFacts, NodalField
from romnet.report.cost_values import StageFacts
from romnet.report.data_values import DataFacts
from romnet.report.model_values import (
    CubatureFacts,
    GappyFacts,
    MeshFacts,
    SelectedPoints,
    Spectrum,
    TrainedField,
)
from romnet.report.page import render_page
from romnet.report.skin import skin_of
from romnet.report.values import ReportData


def _bare() -> ReportData:
    """Return a study of which nothing is known yet."""
    return ReportData("plate", "0.1.0", {}, "name: plate\n", MeshFacts(343, 216, 1728, 1029), 1e-6)


def _case(name="cycle2", **changes) -> CaseFacts:
    """Return a converged case with a reference."""
    facts = CaseFacts(
        name=name,
        status=Status.CONVERGED,
        times=np.linspace(0.0, 2.0, 5),
        newton_iterations=np.array([1, 3, 4, 2]),
        cuts=np.array([0, 0, 1, 0]),
        wall_seconds=0.0185,
        law_seconds=0.0072,
        reference=name,
        error_times=np.linspace(0.0, 2.0, 5),
        displacement_error=np.array([0.0, 3.186e-6, 1.071e-3, 9.137e-3, 1.302e-2]),
        dual_error={"p": 0.05403, "stress_11": 0.03079},
        hottest_error={"p": 0.03058, "stress_11": 0.01762},
        hf_seconds=3.609,
    )
    return replace(facts, **changes)


def _full() -> ReportData:
    """Return a study with everything in it."""
    skin, _ = skin_of(box_mesh((1.0, 1.0, 1.0), (3, 3, 3)))
    field = NodalField("p at t = 2", "-", skin.vertices[:, 0] ** 2, 1e-3 * skin.vertices)
    histories = {
        "dual_history": {"p": np.geomspace(1e-4, 0.05403, 5), "stress_11": np.full(5, 0.03)},
        "hottest_history": {"p": np.geomspace(1e-5, 0.03058, 5)},
    }
    values = np.array([1.0, 0.25, 1.04e-2, 8.2e-6, 4.1e-7])
    return replace(
        _bare(),
        units={"length": "mm", "force": "N", "time": "s"},
        spectra=(Spectrum("displacement", values, 4), Spectrum("p", values[:3], 3)),
        cubature=CubatureFacts(1e-5, 8.55e-6, 1.1e-10, 91, 129, np.geomspace(0.9, 8.55e-6, 30)),
        gappy=(GappyFacts("p", 9, 3.852), GappyFacts("stress_11", 10, 3.836)),
        validation=(
            TrainedField("u", 7.1e-6, 8.2e-6),
            TrainedField("p", 3.4e-6, 9.9e-6, 5.5e-5),
        ),
        stages=(
            StageFacts("snapshots[cycle1]", 3.4, 210.0, "fresh", "77aa", kind="training"),
            StageFacts("pod", 0.112, 152.4, "fresh", "11d020d671b1", 1),
            StageFacts("cubature", 0.3238, 156.5, "stale", "8056e308db79", 2),
            StageFacts("online[cycle2]", 0.2, 140.0, "fresh", "5522", kind="online"),
        ),
        learned=(
            DataFacts(
                "cycle1",
                "cube.ut",
                41,
                "6 significant digits",
                2e-3,
                1,
                2,
                1e-9,
                (20.0, 400.0),
                (-np.inf, np.inf),
                ("its digits are few",),
            ),
        ),
        cases=(
            _case("cycle1", in_training=True, displacement_error=np.full(5, 1.1e-5), **histories),
            _case("cycle2", picture=field, **histories),
        ),
        skin=skin,
        points=SelectedPoints(skin.vertices[:9], np.linspace(0.01, 0.2, 9)),
        citations={"Key2020": "A. Author, Title, Journal 1 (2020) 2-3. doi:10.1000/abc.12"},
        versions={"romnet": "0.1.0", "python": "3.11.2"},
    )


@pytest.fixture
def bare():
    return _bare()


@pytest.fixture
def case():
    return _case


@pytest.fixture(scope="module")
def data():
    return _full()


@pytest.fixture(scope="session")
def page():
    return render_page(_full())
