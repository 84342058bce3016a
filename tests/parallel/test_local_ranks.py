"""Simulations are as unlike on several ranks as on one."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from romnet.core.communicator import SerialCommunicator
from romnet.core.snapshots import ArraySource
from romnet.fe.inner_products import point_l2
from romnet.reduction.basis import Truncation
from romnet.reduction.cubature_common import common_points
from romnet.reduction.cubature_problem import CubatureProblem
from romnet.reduction.dissimilarity import Dissimilarity, dissimilarities
from romnet.reduction.local_errors import cluster_modes, coordinates
from romnet.reduction.medoids import k_medoids
from romnet.reduction.pod import pod
from romnet.store import artefact
from romnet.study import commands
from romnet.study.local.criterion import Simplified
from romnet.study.local.dictionary import Clusters
from romnet.study.models import LocalModels

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


def test_directions_that_no_run_has_are_no_modes():
    fields = np.zeros((2, 5, 1))
    fields[0, 0] = fields[1, 1] = 1.0
    assert cluster_modes(fields).shape == (5, 2)


def test_a_study_makes_the_same_dictionary(comm, shared_folder):
    """Criterion, runs, clusters and points: as one rank alone finds them."""
    found = []
    for ranks, name in ((comm, "all"), (SerialCommunicator(), f"rank{comm.rank}")):
        folder = shared_folder / name
        if ranks.rank == 0:
            folder.mkdir()
            (folder / "study.yaml").write_text(yaml.safe_dump(study()))
        ranks.barrier()
        context = commands.open_study(folder, comm=ranks)
        commands.offline(context, until="dictionary")
        simple = artefact.load(folder / "results" / "criterion.h5", Simplified)
        clusters = artefact.load(folder / "results" / "clusters.h5", Clusters)
        local = artefact.load(folder / "results" / "dictionary.h5", LocalModels).dictionary
        found.append((simple, clusters, local))
    (first, groups, models), (second, others, alone) = found
    for one, other in zip(first.table, second.table, strict=True):
        np.testing.assert_allclose(one.gain, other.gain, rtol=1e-9)
        assert (one.runs, one.global_runs) == (other.runs, other.global_runs)
        assert one.equivalent_modes == other.equivalent_modes
    assert groups.training == others.training
    assert groups.labels.tolist() == others.labels.tolist()
    for one, other in zip(models.models, alone.models, strict=True):
        assert one.points.tolist() == other.points.tolist()
        np.testing.assert_allclose(one.weights, other.weights, rtol=1e-6)


def study():
    """Hot spots in two opposite corners; the dictionary is made whatever the criterion says."""
    rng = np.random.default_rng(0)

    def case(number):
        centre = (0.2 + 0.6 * (number % 2) + 0.02 * rng.normal(size=3)).round(4).tolist()
        spot = {"centre": centre, "base": 20.0, "peak": 100.0 + 10.0 * number, "rate": 9.0}
        frames = [{"time": 0.0, "field": 20.0}, {"time": 1.0, "field": {"gaussian": spot}}]
        loads = {"heat": {"keyframes": frames}}
        return {"name": f"c{number}", "until": 1.0, "increments": 1, "loads": loads}

    held = {"x0": [0.0, None, None], "x0y0": [None, 0.0, None], "x0y0z0": [None, None, 0.0]}
    law = {"young": 2.0e5, "poisson": 0.3, "yield_stress": 100.0}
    return {
        "name": "two_corners",
        "units": {"length": "mm", "force": "N", "time": "s", "temperature": "degC"},
        "mesh": {"box": {"lengths": [1.0, 1.0, 1.0], "divisions": [2, 2, 2]}},
        "materials": [
            {
                "law": "j2_viscoplastic",
                "parameters": {**law, "viscosity": 300.0, "exponent": 10.0},
                "expansion": {"coefficient": 2.0e-5, "reference": 20.0},
            }
        ],
        "constraints": [{"nodes": nodes, "u": u} for nodes, u in held.items()],
        "loads": [
            {"type": "temperature", "name": "heat", "keyframes": [{"time": 0.0, "field": 20.0}]}
        ],
        "training": [{**case(0), "name": "first", "results": "hf"}],
        "offline": {"tolerance": 1.0e-4, "dual": []},
        "local": {
            "candidates": [case(number) for number in range(8)],
            "clusters": [2],
            "modes": [1, 2],
            "smallest_cluster": 2,
            "dictionary": {"clusters": 2, "modes": 2, "runs": 2},
        },
    }


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
