"""The draws of a design are answered alike however many ranks share them."""

from __future__ import annotations

from time import sleep

import numpy as np
import pytest

from romnet.core.communicator import SerialCommunicator
from romnet.core.errors import RomnetError
from romnet.store import artefact
from romnet.study.context import Context
from romnet.study.design import answering
from romnet.study.design.answers import DesignAnswers, load_answers
from romnet.study.design.parts import Part
from romnet.study.read import read_study
from romnet.study.runner import run
from tests.parallel.test_study import small_study

N_DRAWS = 41  # no multiple of 2 or 3: shares differ
DESIGN = {
    "kind": "lhs",
    "n": N_DRAWS,
    "parameters": {"centrifugal.omega": [0.9, 1.05]},
    "temperature": {"deviation": 10.0, "length": 1.0, "modes": 2, "amplitude": "spin"},
}


@pytest.fixture
def located(comm, shared_folder):
    question = {"name": "cycle2", "until": 4.0, "increments": 10, "design": DESIGN}
    if comm.rank == 0:
        small_study(shared_folder, online=[question])
    comm.barrier()
    return read_study(shared_folder / "study.yaml")


def asked_alone(located, folder) -> DesignAnswers:
    """Let one rank answer, from the model that is there."""
    (folder / "designs/cycle2.h5").unlink()
    alone = Context(located, folder, SerialCommunicator())
    run(alone, ["design[cycle2]"])
    return load_answers(alone, "cycle2")


def test_answers_do_not_depend_on_the_number_of_ranks(comm, shared_folder, located):
    context = Context(located, shared_folder / "results", comm)
    assert "design[cycle2]" in run(context, ["design[cycle2]"])
    found = load_answers(context, "cycle2")
    comm.barrier()
    if comm.rank > 0:
        return
    alone = asked_alone(located, shared_folder / "results")
    np.testing.assert_array_equal(found.values, alone.values)
    # Draws are foreseen from the same answers, so that even the iterations are the same.
    assert found.newton_iterations.tolist() == alone.newton_iterations.tolist()
    assert found.status == alone.status == ("converged",) * N_DRAWS
    size = np.abs(alone.coefficients).max()
    np.testing.assert_allclose(found.coefficients, alone.coefficients, atol=1e-12 * size)
    scale = np.abs(alone.dual["p"]).max()
    np.testing.assert_allclose(found.dual["p"], alone.dual["p"], atol=1e-12 * scale)


def test_who_answers_a_draw_changes_no_bit_of_it(comm, shared_folder, located, monkeypatch):
    context, real = Context(located, shared_folder / "results", comm), answering.solve_batch
    found, shares = [], []
    for slow in range(comm.size):
        answered: list[int] = []

        def delayed(model, loadings, slow=slow, answered=answered, **options):
            answered.append(len(loadings))
            sleep(0.2 * (comm.rank == slow))
            return real(model, loadings, **options)

        if comm.rank == 0:
            (shared_folder / "results/designs/cycle2.h5").unlink(missing_ok=True)
        comm.barrier()
        with monkeypatch.context() as patch:
            patch.setattr(answering, "solve_batch", delayed)
            run(context, ["design[cycle2]"])
        found.append(load_answers(context, "cycle2"))
        shares.append(sum(answered))
    for other in found[1:]:
        np.testing.assert_array_equal(other.coefficients, found[0].coefficients)
        np.testing.assert_array_equal(other.dual["p"], found[0].dual["p"])
    assert comm.sum(np.array(shares)).tolist() == [N_DRAWS] * comm.size


def test_what_ranks_answered_before_one_failed_is_kept(comm, shared_folder, located, monkeypatch):
    context = Context(located, shared_folder / "results", comm)
    real = answering.solve_batch
    answered: list[int] = []

    def fails(model, loadings, **options):
        if "cycle2-24" in {loading.name for loading in loadings}:  # on whichever rank it comes up
            message = "no memory is left"
            raise RomnetError(message)
        answered.append(len(loadings))
        return real(model, loadings, **options)

    with monkeypatch.context() as patch:
        patch.setattr(answering, "solve_batch", fails)
        with pytest.raises(RomnetError, match="no memory is left"):
            run(context, ["design[cycle2]"])
    comm.barrier()
    kept = np.zeros(1)
    if comm.rank == 0:
        parts = (shared_folder / "results/designs/cycle2.parts").glob("*.h5")
        kept[0] = sum(len(artefact.load(path, Part).numbers) for path in parts)
    assert comm.broadcast(kept) == comm.sum(np.array([sum(answered)]))
    comm.barrier()
    # One rank goes on where several left off.
    if comm.rank == 0:
        alone = Context(located, shared_folder / "results", SerialCommunicator())
        run(alone, ["design[cycle2]"])
        assert load_answers(alone, "cycle2").status == ("converged",) * N_DRAWS
