"""A whole study on several ranks gives the artefacts that one rank gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from romnet.core.communicator import SerialCommunicator
from romnet.core.errors import RomnetError
from romnet.online.solve import ReducedSolution
from romnet.reduction.model import ReducedModel
from romnet.store import artefact
from romnet.study.context import Context
from romnet.study.read import read_study
from romnet.study.runner import State, run, verdicts

CUBE = Path(__file__).parents[2] / "cases" / "cube" / "study.yaml"


def small_study(folder: Path, **changes) -> Path:
    """The cube of 3 x 3 x 3 cells, five increments of training, one question."""
    study = yaml.safe_load(CUBE.read_text())
    study["mesh"]["box"]["divisions"] = [3, 3, 3]
    study["training"] = [{"name": "cycle1", "results": "hf", "until": 2.0, "increments": 5}]
    study["online"] = [{"name": "cycle2", "until": 4.0, "increments": 10}]
    study |= changes
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(study, sort_keys=False))
    return path


def targets(located, folder):
    return [name for name in verdicts(located, folder) if "export" not in name]


@pytest.fixture
def located(comm, shared_folder):
    if comm.rank == 0:
        small_study(shared_folder)
    comm.barrier()
    return read_study(shared_folder / "study.yaml")


def test_the_model_and_the_answers_do_not_depend_on_the_number_of_ranks(
    comm, shared_folder, located
):
    many, one = shared_folder / "many", shared_folder / "one"
    wanted = targets(located, many)
    ran = run(Context(located, many, comm), wanted)
    assert set(ran) == set(wanted)
    if comm.rank == 0:
        alone = Context(located, one, SerialCommunicator())
        run(alone, wanted)
        # One rank can go on where several left off, and has nothing to do.
        assert run(Context(located, many, SerialCommunicator()), wanted) == {}
        keys = [{n: v.key for n, v in verdicts(located, where).items()} for where in (many, one)]
        assert keys[0] == keys[1]
    comm.barrier()

    model, expected = (artefact.load(where / "model.h5", ReducedModel) for where in (many, one))
    assert model.points.tolist() == expected.points.tolist()
    np.testing.assert_allclose(model.weights, expected.weights, rtol=1e-6)
    size = np.abs(expected.strain_modes).max()
    np.testing.assert_allclose(model.strain_modes, expected.strain_modes, atol=1e-6 * size)
    assert sorted(model.gappy) == sorted(expected.gappy)
    for name in ("cycle1", "cycle2"):
        found, truth = (
            artefact.load(where / f"online/{name}.h5", ReducedSolution) for where in (many, one)
        )
        assert found.status.ok
        size = np.abs(truth.coefficients).max()
        np.testing.assert_allclose(found.coefficients, truth.coefficients, atol=1e-7 * size)


def test_all_ranks_see_a_study_that_cannot_run(comm, shared_folder):
    if comm.rank == 0:
        small_study(shared_folder, newton={"max_iterations": 1, "smallest_step": 0.5})
    comm.barrier()
    located = read_study(shared_folder / "study.yaml")
    context = Context(located, shared_folder / "results", comm)
    with pytest.raises(RomnetError, match=r"snapshots\[cycle1\]: stopped after t"):
        run(context, ["model"])
    # Nothing unfinished is left under a final name.
    if comm.rank == 0:
        states = verdicts(located, shared_folder / "results")
        assert states["mesh"].state is State.FRESH
        assert states["snapshots[cycle1]"].state is State.MISSING
