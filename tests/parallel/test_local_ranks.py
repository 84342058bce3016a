"""Simulations are as unlike on several ranks as on one."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.core.communicator import SerialCommunicator
from romnet.core.snapshots import ArraySource
from romnet.fe.inner_products import point_l2
from romnet.reduction.basis import Truncation
from romnet.reduction.cubature_common import common_points
from romnet.reduction.cubature_problem import CubatureProblem
from romnet.reduction.dissimilarity import Dissimilarity, dissimilarities
from romnet.reduction.local_errors import coordinates
from romnet.reduction.medoids import k_medoids
from romnet.reduction.pod import pod

N_ROWS = 900


def trajectories():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(N_ROWS, 3)) for _ in range(8)], rng.uniform(1.0, 2.0, N_ROWS)


def mine(comm):
    return np.flatnonzero(np.arange(N_ROWS) // 7 % comm.size == comm.rank)


@pytest.mark.parametrize("kind", Dissimilarity)
def test_dissimilarities_and_medoids(comm, kind):
    fields, weights = trajectories()
    found = []
    for ranks, rows in ((comm, mine(comm)), (SerialCommunicator(), np.arange(N_ROWS))):
        sources = [ArraySource(values[rows]) for values in fields]
        found.append(
            dissimilarities(
                sources, point_l2(weights[rows]), kind=kind, rank=2, comm=ranks, memory=2**12
            )
        )
    np.testing.assert_allclose(*found, atol=1e-7)
    chosen = [k_medoids(matrix, 3, rng=np.random.default_rng(0)).members for matrix in found]
    assert chosen[0].tolist() == chosen[1].tolist()


def test_coordinates_keep_lengths(comm):
    fields, weights = trajectories()
    rows = mine(comm)
    sources = tuple(ArraySource(values[rows]) for values in fields)
    product = point_l2(weights[rows])
    basis = pod(
        ArraySource(np.hstack([values[rows] for values in fields])),
        product,
        truncation=Truncation(rtol=1e-12),
        comm=comm,
    )
    found = coordinates(sources, basis, product, comm)
    energies = [weights @ (values**2).sum(axis=1) for values in fields]
    np.testing.assert_allclose((found**2).sum(axis=(1, 2)), energies, rtol=1e-9)


def test_common_points(comm):
    rng = np.random.default_rng(0)
    tables = [rng.normal(size=(8, N_ROWS)) + 0.5 for _ in range(3)]
    rules = []
    for ranks, points in ((comm, mine(comm)), (SerialCommunicator(), np.arange(N_ROWS))):
        problems = [
            CubatureProblem.build(table[:, points], np.ones(points.size), points, ranks)
            for table in tables
        ]
        rules.append(common_points(problems, tolerance=1e-3))
    assert rules[0].points.tolist() == rules[1].points.tolist()
    np.testing.assert_allclose(rules[0].weights, rules[1].weights, rtol=1e-6, atol=1e-6)
