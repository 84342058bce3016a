"""Enriched models and answers do not depend on the ranks, and reproduce what they learnt from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from romnet.core.communicator import SerialCommunicator
from romnet.reduction.model import ReducedModel
from romnet.store import artefact
from romnet.study.answers import Comparison
from romnet.study.context import Context
from romnet.study.enrichment.enriching import EnrichmentRecord
from romnet.study.read import read_study
from romnet.study.runner import run

CUBE = Path(__file__).parents[2] / "cases" / "cube" / "study.yaml"
HOT = {"centre": [0.7, 0.5, 0.4], "base": 20.0, "peak": 450.0, "rate": 4.0}
CALIBRATION = {"loads": 3, "modes": [1.0]}


def write_study(path: Path, **keys: object) -> None:
    """The cube of 3 x 3 x 3 cells, trained on one load and asked for another hot spot."""
    content = yaml.safe_load(CUBE.read_text())
    content["mesh"]["box"]["divisions"] = [3, 3, 3]
    content["training"] = [{"name": "cycle1", "results": "hf", "until": 2.0, "increments": 5}]
    frames = [(0.0, 20.0), (1.0, {"gaussian": HOT}), (2.0, 20.0)]
    loads = {"temperature": {"keyframes": [{"time": t, "field": f} for t, f in frames]}}
    content["online"] = [
        {"name": "hot", "loads": loads, "until": 2.0, "increments": 5, "reference": "hf"}
    ]
    content["indicator"] = {"action": "enrich", "calibration": CALIBRATION, **keys}
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def enriched(comm, path, results):
    """Run the study; return the record, the enriched model, and the errors without enrichment."""
    context = Context(read_study(path), path.parent / results, comm)
    run(context, ["enrich[hot]", "fields[hot]"])
    own = context.folder / "enriched" / "hot"
    return (
        artefact.load(own / "record.h5", EnrichmentRecord),
        artefact.load(own / "model.h5", ReducedModel),
        artefact.load(context.folder / "fields" / "hot.h5", Comparison),
    )


@pytest.fixture(scope="module")
def folder(new_shared_folder):
    """A folder where the studies share the model to begin with and its calibration."""
    return new_shared_folder()


@pytest.fixture
def study(comm, folder, request):
    """The study, its indicator as asked."""
    path = folder / "study.yaml"
    if comm.rank == 0:
        write_study(path, **request.param)
    comm.barrier()
    return path


@pytest.mark.parametrize("study", [{"tolerance": 1e-9}], indirect=True)
def test_a_model_that_always_learns_is_the_high_fidelity_one(comm, study):
    record, _, _ = enriched(comm, study, "many")
    assert record.full_steps == (1, 2, 3, 4, 5)
    assert record.comparison.displacement.max() <= 1e-8
    assert record.comparison.dual["p"] <= 1e-8


@pytest.mark.parametrize(
    "study",
    [{"tolerance": 0.02}, {"tolerance": 1e-6, "learning": "sweeps", "most_steps": 2}],
    ids=["forward", "sweeps"],
    indirect=True,
)
def test_learning_lowers_the_error_alike_on_any_number_of_ranks(comm, study):
    record, model, before = enriched(comm, study, "many")
    assert len(record.full_steps) > 0
    assert record.comparison.dual["p"] < 0.3 * before.dual["p"]
    if comm.rank == 0:
        alone, expected, _ = enriched(SerialCommunicator(), study, "one")
        assert record.full_steps == alone.full_steps
        assert record.replayed_steps == alone.replayed_steps
        assert model.points.tolist() == expected.points.tolist()
        np.testing.assert_allclose(model.weights, expected.weights, rtol=1e-5)
        assert record.comparison.dual["p"] == pytest.approx(alone.comparison.dual["p"], rel=1e-3)
    comm.barrier()
