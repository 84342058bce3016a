"""Every global rule selects the same points on any number of ranks."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.core.communicator import SerialCommunicator
from romnet.core.errors import RomnetError
from romnet.reduction import cubature
from romnet.reduction.compression import Compression, Factorisation, compressed
from romnet.reduction.cubature import CubatureOptions, select_points
from romnet.reduction.cubature_baselines import (
    per_rank_cubature,
    refitted_cubature,
)
from romnet.reduction.cubature_cells import CellMeans, expanded
from romnet.reduction.cubature_problem import CubatureProblem
from romnet.reduction.cubature_refinement import refined_cubature
from romnet.reduction.integrands import TableIntegrands

ALONE = SerialCommunicator()
N_POINTS = 1600


def integrands(*, symmetric=False):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(48, N_POINTS)) * 10.0 ** -np.linspace(0.0, 3.0, 48)[:, None]
    values[0] += 2.0
    if symmetric:
        values[:, N_POINTS // 2 :] = values[:, : N_POINTS // 2][:, ::-1]
    return values, np.ones(N_POINTS)


def mine(comm):
    """Blocks of eight points, dealt to the ranks in turn."""
    return np.flatnonzero((np.arange(N_POINTS) // 8) % comm.size == comm.rank)


def problems(comm, **options):
    """The problem shared among the ranks, compressed there, and the same alone."""
    values, weights = integrands(**options)
    for ranks, part in ((comm, mine(comm)), (ALONE, np.arange(N_POINTS))):
        few = compressed(TableIntegrands(values[:, part]), weights[part], ranks)
        yield CubatureProblem.build(few, weights[part], part, ranks)


RULES = {
    "greedy": lambda problem: select_points(problem, tolerance=1e-3),
    "refined": lambda problem: refined_cubature(problem, tolerance=1e-3),
    "refitted": lambda problem: refitted_cubature(problem, tolerance=1e-3),
}


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("name", RULES)
def test_rules(comm, name, symmetric):
    rule, alone = (RULES[name](problem) for problem in problems(comm, symmetric=symmetric))
    assert rule.points.tolist() == alone.points.tolist()
    np.testing.assert_allclose(rule.weights, alone.weights, rtol=1e-6)
    assert (comm.concatenate(rule.weights[None]) == rule.weights).all()


def test_selections_in_batches(comm, monkeypatch):
    monkeypatch.setattr(cubature, "_SMALL", 0)
    rule, alone = (select_points(problem, tolerance=1e-3) for problem in problems(comm))
    assert rule.points.tolist() == alone.points.tolist()


def test_a_warm_start(comm):
    coarse = [select_points(problem, tolerance=1e-1) for problem in problems(comm)]
    rules = [
        select_points(problem, tolerance=1e-3, options=CubatureOptions(start=start))
        for problem, start in zip(problems(comm), coarse, strict=True)
    ]
    assert rules[0].points.tolist() == rules[1].points.tolist()


def test_cells(comm):
    values, weights = integrands()
    found = []
    for ranks, part in ((comm, mine(comm)), (ALONE, np.arange(N_POINTS))):
        means = CellMeans.of(values[:, part], weights[part], part // 8)
        problem = CubatureProblem.build(means.means, means.volumes, means.cells, ranks)
        rule = select_points(problem, tolerance=1e-2)
        found.append(expanded(rule, weights[part], part, part // 8, ranks))
    assert found[0].points.tolist() == found[1].points.tolist()
    np.testing.assert_allclose(found[0].weights, found[1].weights, rtol=1e-8)


@pytest.mark.parametrize("method", Factorisation)
def test_compression(comm, method):
    values, weights = integrands()
    part = mine(comm)
    options = Compression(method=method)
    few = compressed(TableIntegrands(values[:, part]), weights[part], comm, options)
    own = values[:, part]
    np.testing.assert_allclose(few.T @ few, own.T @ own, atol=1e-9)


def test_the_published_rule_covers_the_whole_in_the_end(comm):
    values, weights = integrands()
    part = mine(comm)
    rule = per_rank_cubature(values[:, part], weights[part], part, tolerance=1e-3, comm=comm)
    assert rule.volume_error < 5e-3
    everywhere = comm.concatenate(rule.points[None])
    assert (everywhere == rule.points).all()


def test_a_result_too_large_on_one_rank_is_refused_by_all(comm):
    values, weights = integrands()
    part = mine(comm) if comm.rank else np.arange(N_POINTS)
    size = max(8 * 48 * 1600, 1) + 8 * 6 * 48**2 * 2
    few = Compression(memory=size)
    with pytest.raises((ValueError, RomnetError), match="scratch"):
        compressed(TableIntegrands(values[:, part]), weights[part], comm, few)
