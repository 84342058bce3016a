"""What goes wrong on one rank is raised on all, and none waits for another."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.core.communicator import together
from romnet.core.errors import AccuracyError, LawError, RomnetError
from romnet.core.snapshots import ArraySource
from romnet.core.status import Status
from romnet.fe.inner_products import identity
from romnet.hf.problem import solve_high_fidelity
from romnet.online.solve import solve
from romnet.reduction.basis import Truncation
from romnet.reduction.cubature import empirical_cubature
from romnet.reduction.pod import pod


def fail_on(comm, rank, error):
    """Raise on one rank, inside a block that all ranks run together."""
    with together(comm):
        if comm.rank == rank:
            raise error


def test_the_error_of_the_last_rank_is_raised_on_all(comm):
    with pytest.raises(LawError, match="point 7") as caught:
        fail_on(comm, comm.size - 1, LawError("point 7 fails"))
    if comm.size > 1:
        assert f"rank {comm.size - 1} of {comm.size}" in str(caught.value)


def test_of_several_errors_the_one_of_the_lowest_rank_is_raised(comm):
    kinds = [AccuracyError, LawError]
    with pytest.raises(AccuracyError, match="from 0"), together(comm):
        raise kinds[min(comm.rank, 1)](f"from {comm.rank}")


def test_a_foreign_error_is_quoted(comm):
    expected = ZeroDivisionError if comm.size == 1 else RomnetError
    with pytest.raises(expected, match="division"):
        fail_on(comm, 0, ZeroDivisionError("division"))


def test_after_an_error_the_ranks_still_work_together(comm):
    with pytest.raises(LawError, match="once"):
        fail_on(comm, 0, LawError("once"))
    assert comm.sum(np.ones(1))[0] == comm.size


def test_a_snapshot_that_is_not_finite_on_one_rank_is_refused_on_all(comm):
    values = np.ones((4, 2))
    if comm.rank == comm.size - 1:
        values[1, 1] = np.nan
    with pytest.raises(AccuracyError, match="NaN"):
        pod(
            ArraySource(values),
            identity(np.ones(4, dtype=bool)),
            truncation=Truncation(),
            comm=comm,
        )


def test_integrands_that_are_not_finite_on_one_rank_are_refused_on_all(comm):
    values = np.ones((2, 3))
    if comm.rank == 0:
        values[0, 1] = np.inf
    numbers = 3 * comm.rank + np.arange(3)
    with pytest.raises(AccuracyError, match="NaN or infinite"):
        empirical_cubature(values, np.ones(3), numbers, tolerance=1e-3, comm=comm)


def test_a_tolerance_out_of_reach_is_said_on_all(comm):
    # The function is positive where the weights are negative, on every rank.
    values, weights = np.array([[1.0, 0.0]]), np.array([-1.0, 2.0])
    numbers = 2 * comm.rank + np.arange(2)
    with pytest.raises(AccuracyError, match="no further point"):
        empirical_cubature(values, weights, numbers, tolerance=1e-6, comm=comm)


def test_a_law_that_fails_on_one_rank_stops_the_reduced_model_on_all(comm, structure):
    cube = structure(divisions=(1, 1, 1))
    loading = cube.loading(pull=10.0, times=(0.0, 1.0))
    model = cube.reduced(loading, np.eye(24)[:, ~loading.constrained])
    reduced = model.loadings["test"]
    reduced.temperature.vectors[1, 7] = np.nan  # a point of the last rank
    solution = solve(model, reduced, comm=comm)
    assert (solution.status, solution.reason) == (Status.STEP_TOO_SMALL, Status.LAW_FAILED)
    assert solution.cuts.tolist() == [10]


def test_heat_that_is_not_finite_on_one_rank_stops_the_structure_on_all(comm, structure):
    cube = structure(comm, divisions=(4, 2, 2))
    loading = cube.loading(heat=100.0, times=(0.0, 1.0))
    if comm.rank == comm.size - 1:
        loading.temperature.vectors[1, 3] = np.nan
    *_, last = solve_high_fidelity(cube.problem(loading))
    assert (last.status, last.reason) == (Status.STEP_TOO_SMALL, Status.LAW_FAILED)
    assert comm.max(float(last.cuts)) == comm.min(float(last.cuts)) == 10
