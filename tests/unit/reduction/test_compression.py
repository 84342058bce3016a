"""Compression within a budget of memory, by every method, against the plain products."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass

import numpy as np
import pytest

from romnet.core.communicator import SerialCommunicator
from romnet.core.snapshots import ArraySource
from romnet.reduction.compression import Compression, Factorisation, compress, compressed
from romnet.reduction.cubature import empirical_cubature
from romnet.reduction.integrands import (
    ElasticWork,
    StackedIntegrands,
    TableIntegrands,
    VirtualWork,
    integrals,
)

ALONE = SerialCommunicator()


def decaying(n_functions=60, n_points=400, *, decay=4.0, seed=0):
    rng = np.random.default_rng(seed)
    left, _ = np.linalg.qr(rng.normal(size=(n_functions, n_functions)))
    values = (left * 10.0 ** -np.linspace(0.0, decay, n_functions)) @ (
        rng.normal(size=(n_functions, n_points)) + 0.5
    )
    return values, rng.uniform(0.5, 1.5, n_points)


@pytest.mark.parametrize("method", Factorisation)
def test_every_method_keeps_the_products_of_columns(method):
    values, weights = decaying()
    few = compressed(TableIntegrands(values), weights, ALONE, Compression(method=method))
    np.testing.assert_allclose(few.T @ few, values.T @ values, atol=1e-8)


@pytest.mark.parametrize("method", Factorisation)
def test_every_method_leaves_the_selection_as_it_is(method):
    values, weights = decaying()
    few = compressed(TableIntegrands(values), weights, ALONE, Compression(method=method))
    rules = [
        empirical_cubature(rows, weights, np.arange(400), tolerance=1e-3, comm=ALONE)
        for rows in (values, few)
    ]
    assert rules[0].points.tolist() == rules[1].points.tolist()


@pytest.mark.parametrize("method", [Factorisation.TSQR, Factorisation.SKETCH])
@pytest.mark.parametrize("rtol", [1e-1, 1e-2, 1e-3])
def test_what_is_lost_is_below_what_may_be(method, rtol):
    values, weights = decaying(n_functions=100)
    options = Compression(method=method, rtol=rtol)
    few = compressed(TableIntegrands(values), weights, ALONE, options)
    assert len(few) < 100
    whole, kept = (np.sqrt(((rows**2) @ weights).sum()) for rows in (values, few))
    assert np.sqrt(max(whole**2 - kept**2, 0.0)) <= 1.5 * rtol * whole


def test_another_seed_gives_another_sketch_of_the_same_span():
    values, weights = decaying()
    first, second = (
        compressed(
            TableIntegrands(values),
            weights,
            ALONE,
            Compression(method=Factorisation.SKETCH, seed=seed),
        )
        for seed in (0, 1)
    )
    np.testing.assert_allclose(first.T @ first, second.T @ second, atol=1e-9)


@dataclass(frozen=True)
class Streamed:
    """Rank-`rank` integrands that are never held together."""

    n_functions: int
    n_points: int
    rank: int

    def at(self, points):
        left = np.random.default_rng(0).normal(size=(self.n_functions, self.rank))
        return left @ np.cos(np.outer(np.arange(self.rank), points))

    def chunks(self, n_points):
        left = np.random.default_rng(0).normal(size=(self.n_functions, self.rank))
        for start in range(0, self.n_points, n_points):
            size = min(n_points, self.n_points - start)
            yield left @ np.cos(np.outer(np.arange(self.rank), np.arange(start, start + size)))


@pytest.mark.parametrize("n_functions", [200, 1500], ids=["factor", "sketch"])
def test_the_peak_stays_within_the_memory(n_functions):
    # All integrands: 5 and 36 MB; six copies of the square factor of 1500: 108 MB.
    work, memory = Streamed(n_functions, 3_000, 20), 8 * 2**20
    weights = np.ones(3_000)
    tracemalloc.start()
    few = compressed(work, weights, ALONE, Compression(memory=memory))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(few) == 20
    assert peak < memory


def test_a_result_beyond_the_memory_needs_a_scratch_folder(tmp_path):
    work, weights = Streamed(40, 20_000, 40), np.ones(20_000)
    with pytest.raises(ValueError, match=r"take 6 MiB, more than half .* scratch"):
        compressed(work, weights, ALONE, Compression(memory=2**22))
    few = compressed(work, weights, ALONE, Compression(memory=2**22, scratch=tmp_path))
    held = compressed(work, weights, ALONE)
    np.testing.assert_allclose(np.abs(few), np.abs(held), atol=1e-9 * np.abs(held).max())
    assert list(tmp_path.iterdir()) == []
    rules = [
        empirical_cubature(rows, weights, np.arange(20_000), tolerance=1e-2, comm=ALONE)
        for rows in (few, held)
    ]
    assert rules[0].points.tolist() == rules[1].points.tolist()


def test_a_sketch_that_cannot_grow_says_what_it_loses():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(400, 500))
    options = Compression(method=Factorisation.SKETCH, memory=400 * 32 * 80)
    with pytest.raises(ValueError, match=r"80 combinations of 400 integrands lose \d"):
        compressed(TableIntegrands(values), np.ones(500), ALONE, options)


@pytest.fixture
def work(structure):
    cube = structure(divisions=(3, 2, 2))
    rng = np.random.default_rng(0)
    fields = rng.normal(size=(cube.discretization.n_points * 6, 3))
    stress = fields @ rng.normal(size=(3, 20))
    modes = rng.normal(size=(cube.mesh.n_dofs, 4))
    return VirtualWork(ArraySource(stress), modes, cube.discretization)


def test_dependent_stresses_are_replaced_by_independent_ones(work):
    weights = work.discretization.weights
    few = work.condensed(weights, ALONE)
    assert work.n_functions == 80
    assert few.n_functions == 12
    all_values, values = (np.hstack(list(case.chunks(50))) for case in (work, few))
    np.testing.assert_allclose(values.T @ values, all_values.T @ all_values, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(few.stress.column(1), few.stress.rows(np.arange(576))[:, 1])
    # And that happens by itself where the square factor of all functions is too large.
    small = compressed(work, weights, ALONE, Compression(memory=120_000))
    np.testing.assert_allclose(small.T @ small, all_values.T @ all_values, rtol=1e-8, atol=1e-8)


def test_the_elastic_rows_make_the_reduced_stiffness_exact(work):
    points, weights = work.discretization, work.discretization.weights
    n_points, n_modes = points.n_points, work.modes.shape[1]
    rng = np.random.default_rng(1)
    root = rng.normal(size=(n_points, 6, 6))
    tangent = root @ root.transpose(0, 2, 1)
    elastic = ElasticWork.balanced(tangent, work, weights, ALONE)
    # Together they weigh as much as the integrals of the virtual work.
    size = np.linalg.norm(integrals(elastic, weights))
    assert size == pytest.approx(np.linalg.norm(integrals(work, weights)), rel=1e-10)

    few = compressed(StackedIntegrands((work, elastic)), weights, ALONE)
    rule = empirical_cubature(few, weights, np.arange(n_points), tolerance=1e-8, comm=ALONE)
    strain = (points.strain_operator @ work.modes).reshape(n_points, 6, n_modes)
    energy = np.einsum("kci,kcd,kdj->kij", strain, tangent, strain)
    full = np.einsum("k,kij->ij", weights, energy)
    reduced = np.einsum("k,kij->ij", rule.weights, energy[rule.points])
    np.testing.assert_allclose(reduced, full, rtol=1e-5, atol=1e-7 * np.abs(full).max())


def test_the_lost_error_makes_up_the_error_of_all_integrands():
    rng = np.random.default_rng(11)
    values = np.logspace(0, -6, 12)[:, None] * rng.normal(size=(12, 80))
    weights = rng.uniform(0.5, 1.5, size=80)
    few = compress(TableIntegrands(values), weights, ALONE, Compression(rtol=1e-3))
    assert 0 < len(few.functions) < 12
    points, rule = np.array([70, 3, 41]), np.array([20.0, 30.0, 31.0])
    kept = np.linalg.norm(few.functions[:, points] @ rule - few.functions @ weights)
    lost = few.lost_error(points, rule, np.arange(80), ALONE)
    whole = np.linalg.norm(values[:, points] @ rule - values @ weights)
    assert lost > 0.0
    assert np.hypot(kept, lost) == pytest.approx(whole, rel=1e-12)


def test_chunks_do_not_change_what_is_kept():
    rng = np.random.default_rng(5)
    table = TableIntegrands(rng.normal(size=(700, 9)) @ rng.normal(size=(9, 4000)))
    weights = rng.uniform(0.5, 1.5, size=4000)
    few = compressed(table, weights, ALONE)  # 2995 points to a chunk: two of them
    assert few.shape == (9, 4000)
    exact = table.values.T @ table.values
    np.testing.assert_allclose(few.T @ few, exact, atol=1e-9 * exact.max())
