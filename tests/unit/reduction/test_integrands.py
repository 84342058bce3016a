"""Integrands of the virtual work, streamed and compressed, against one plain array."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.core.communicator import SerialCommunicator
from romnet.core.errors import AccuracyError
from romnet.core.snapshots import ArraySource
from romnet.reduction.compression import compressed
from romnet.reduction.cubature import empirical_cubature
from romnet.reduction.integrands import (
    Integrands,
    TableIntegrands,
    VirtualWork,
)

ALONE = SerialCommunicator()


@pytest.fixture
def work(structure):
    cube = structure(divisions=(3, 2, 2))
    rng = np.random.default_rng(0)
    stress = rng.normal(size=(cube.discretization.n_points * 6, 4))
    modes = rng.normal(size=(cube.mesh.n_dofs, 3))
    return VirtualWork(ArraySource(stress), modes, cube.discretization)


def dense(work):
    """The integrands from the definition, sum over components of stress times strain."""
    points = work.discretization
    strain = (points.strain_operator @ work.modes).reshape(points.n_points, 6, -1)
    stress = work.stress.values.reshape(points.n_points, 6, -1)
    return np.einsum("kcs,kci->sik", stress, strain).reshape(-1, points.n_points)


def test_virtual_work_is_stress_times_strain(work):
    values = np.hstack(list(work.chunks(7)))
    assert isinstance(work, Integrands)
    assert len(values) == work.n_functions == 12
    np.testing.assert_allclose(values, dense(work), atol=1e-12)


def test_its_integral_is_the_work_of_the_internal_force(work):
    points = work.discretization
    weighted = (points.weights[:, None] * work.stress.values.reshape(points.n_points, -1)).reshape(
        -1, 4
    )
    forces = points.strain_operator.T @ weighted
    integrals = np.hstack(list(work.chunks(7))) @ points.weights
    np.testing.assert_allclose(integrals.reshape(4, 3), forces.T @ work.modes, atol=1e-12)


@pytest.mark.parametrize("size", [1, 60, 10**9])
def test_chunks_of_any_size_cover_all_points_once(work, size):
    chunks = list(work.chunks(size))
    assert max(chunk.shape[1] for chunk in chunks) == min(size, 96)
    np.testing.assert_allclose(np.hstack(chunks), dense(work), atol=1e-12)


def low_rank(rank, n_functions=30, n_points=80, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n_functions, rank)) @ rng.normal(size=(rank, n_points))
    return values, rng.uniform(0.5, 1.5, n_points)


@pytest.mark.parametrize("rank", [1, 5, 20])
def test_compression_keeps_as_many_functions_as_there_are_independent_ones(rank):
    values, weights = low_rank(rank)
    few = compressed(TableIntegrands(values), weights, ALONE)
    assert few.shape == (rank, 80)
    # Orthogonal over the points, by decreasing norm.
    gram = (few * weights) @ few.T
    norms = np.sqrt(np.diag(gram))
    np.testing.assert_allclose(gram, np.diag(norms**2), atol=1e-10 * norms[0] ** 2)
    assert (np.diff(norms) <= 0.0).all()


def test_compression_keeps_every_product_of_columns():
    values, weights = low_rank(6)
    few = compressed(TableIntegrands(values), weights, ALONE)
    np.testing.assert_allclose(few.T @ few, values.T @ values, atol=1e-10)


@pytest.mark.parametrize("signs", ["positive", "mixed"])
def test_the_cubature_of_compressed_integrands_is_that_of_all(signs):
    values, weights = low_rank(12, n_functions=60, n_points=200)
    values += 3.0  # as stresses, with a mean
    if signs == "mixed":
        weights[::9] *= -0.1
    numbers = np.arange(200)
    few = compressed(TableIntegrands(values), weights, ALONE)
    rules = [
        empirical_cubature(functions, weights, numbers, tolerance=1e-5, comm=ALONE)
        for functions in (values, few)
    ]
    assert rules[0].points.tolist() == rules[1].points.tolist()
    np.testing.assert_allclose(rules[0].weights, rules[1].weights, rtol=1e-8)
    assert len(rules[1].points) <= len(few) + 1


def test_integrands_that_all_vanish_leave_no_function():
    assert compressed(TableIntegrands(np.zeros((3, 10))), np.ones(10), ALONE).shape == (0, 10)


def test_integrands_that_are_not_finite_are_refused():
    values, weights = low_rank(3)
    values[2, 5] = np.nan
    with pytest.raises(AccuracyError, match="NaN or infinite"):
        compressed(TableIntegrands(values), weights, ALONE)
