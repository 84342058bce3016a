"""Elastic lifting of a study: when it happens, and what it makes exact."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.reduction.model import ReducedModel
from romnet.store import artefact
from romnet.study import commands
from romnet.study.lifting import Lifting, lifting_words

HOT_CORNER = {
    "temperature": {
        "keyframes": [
            {"time": 0.0, "field": 20.0},
            {
                "time": 1.0,
                "field": {
                    "gaussian": {"centre": [1.0, 1.0, 1.0], "base": 20, "peak": 200, "rate": 3}
                },
            },
        ]
    }
}


def case(name: str, **keys: object) -> dict[str, object]:
    """Return an online case with a new temperature map."""
    return {"name": name, "reference": "hf", "loads": HOT_CORNER, "fields": "replay"} | keys


@pytest.fixture(scope="module")
def answers(small, tmp_path_factory):
    """Return an elastic study, whose responses are exact sums of elastic ones, and its answers."""
    elastic = {"law": "elastic", "parameters": {"young": 2.0e5, "poisson": 0.3}}
    study = small.changed(
        small.STUDY,
        offline={"tolerance": 1e-8, "cubature": {"tolerance": 1e-7}, "dual": ["stress"]},
        online=[
            case("plain"),
            case("lifted", lifting="auto"),
            {"name": "stronger", "lifting": "auto", "loads": {"pressure": {"field": 0.7}}},
        ],
    )
    study["materials"][0] = {key: v for key, v in study["materials"][0].items() if key != "law"}
    study["materials"][0] |= elastic
    context = commands.open_study(small.write_study(tmp_path_factory.mktemp("lifted"), study))
    return context, {one.case: one for one in commands.online(context)}


def test_an_elastic_body_is_exact_once_lifted(answers):
    _, found = answers
    assert found["plain"].errors["u"] > 0.05
    assert found["lifted"].errors["u"] < 1e-6


def test_a_load_in_the_span_of_the_training_is_left_alone(answers):
    context, _ = answers
    lifting = artefact.load(context.folder / "lifting/stronger.h5", Lifting)
    assert max(lifting.temperature, lifting.force) < 1e-10
    assert lifting.instants.size == 0
    assert "used as it was trained" in lifting_words(context, "stronger")
    model = artefact.load(context.folder / "model.h5", ReducedModel)
    same = artefact.load(context.folder / "lifted/stronger.h5", ReducedModel)
    assert np.array_equal(same.points, model.points)
    assert np.array_equal(same.strain_modes, model.strain_modes)


def test_new_modes_keep_the_points_that_there_were(answers):
    context, _ = answers
    model = artefact.load(context.folder / "model.h5", ReducedModel)
    lifted = artefact.load(context.folder / "lifted/lifted.h5", ReducedModel)
    assert lifted.n_modes > model.n_modes
    assert lifted.n_modes <= model.n_modes + 3
    assert (lifted.weights > 0.0).all()
    assert "linear elastic solves" in lifting_words(context, "lifted")
