"""What reduction buys, as ratios and exponents within one run: no seconds are asserted."""

from __future__ import annotations

import time

import numpy as np
import pytest

from romnet.core.communicator import SerialCommunicator
from romnet.core.snapshots import ArraySource
from romnet.fe.inner_products import point_l2
from romnet.hf.assembly import internal_force
from romnet.laws.contract import TimeStep
from romnet.online.equilibrium import ReducedProblem
from romnet.reduction.basis import Truncation
from romnet.reduction.cubature import empirical_cubature
from romnet.reduction.pod import pod

ALONE = SerialCommunicator()
STEP = TimeStep(0.0, 0.5)
N_MODES = 10


def fastest(*functions, repeats=9):
    """Shortest of several runs of each [seconds], in turns: other work disturbs all alike."""
    times = []
    for _ in range(repeats):
        for function in functions:
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
    return np.array(times).reshape(repeats, -1).min(axis=0)


def reduced_evaluation(cube, n_points):
    """Residual and tangent of a reduced model of so many points, as a function."""
    loading = cube.loading(pull=200.0, heat=200.0)
    modes = np.random.default_rng(0).normal(size=(cube.mesh.n_dofs, N_MODES))
    points = np.linspace(0, cube.discretization.n_points - 1, n_points).astype(np.int64)
    model = cube.reduced(loading, modes, points=points, weights=np.full(n_points, 1.0 / n_points))
    problem = ReducedProblem.build(model, model.loadings["test"], ALONE)
    increment = problem.increment(problem.start(), STEP)
    unknown = np.full(N_MODES, 1e-4)
    return lambda: increment.evaluate(unknown)


def full_evaluation(cube):
    """Internal force of the whole mesh, without any tangent, as a function."""
    points, laws = cube.discretization, cube.laws
    operator = points.strain_operator
    still = np.zeros((points.n_points, 6))
    warm = np.full(points.n_points, 20.0)
    virgin = laws.initial_state(warm)
    displacement = 1e-3 * np.random.default_rng(0).normal(size=cube.mesh.n_dofs)

    def evaluate():
        strain = (operator @ displacement).reshape(-1, 6)
        answer = laws.integrate(still, strain, virgin, warm, warm, STEP)
        return internal_force(points, answer.stress)

    return evaluate


@pytest.mark.benchmark(group="forces")
def test_forces_of_few_points_cost_little_of_those_of_the_mesh(structure, benchmark):
    cube = structure(divisions=(12, 12, 12))  # 13 824 points
    reduced, full = reduced_evaluation(cube, 100), full_evaluation(cube)
    benchmark.pedantic(reduced, rounds=5, iterations=5)
    few, every = fastest(reduced, full)
    assert every > 8.0 * few


def test_the_cost_of_an_iteration_is_at_most_proportional_to_the_points(structure):
    cube = structure(divisions=(8, 8, 8))
    sizes = np.array([400, 3200])
    times = fastest(*(reduced_evaluation(cube, n) for n in sizes))
    exponent = np.log(times[1] / times[0]) / np.log(8.0)
    assert exponent < 1.25


def test_the_cost_of_an_iteration_does_not_see_the_mesh(structure):
    coarse, fine = (reduced_evaluation(structure(divisions=(n, n, n)), 150) for n in (3, 9))
    few, many = fastest(coarse, fine, repeats=25)
    assert many / few < 2.0  # 27 times the cells


@pytest.mark.benchmark(group="pod")
def test_pod_grows_no_faster_than_the_rows(benchmark):
    def decomposition(n_rows):
        values = np.random.default_rng(0).normal(size=(n_rows, 12))
        source, product = ArraySource(values), point_l2(np.ones(n_rows))
        return lambda: pod(source, product, truncation=Truncation(modes=5), comm=ALONE)

    small, large = decomposition(50_000), decomposition(400_000)
    benchmark.pedantic(small, rounds=3)
    times = fastest(small, large, repeats=7)
    assert np.log(times[1] / times[0]) / np.log(8.0) < 1.5


@pytest.mark.benchmark(group="cubature")
def test_cubature_grows_no_faster_than_the_points_of_the_mesh(benchmark):
    def selection(n_points):
        rng = np.random.default_rng(0)
        integrands, weights = rng.normal(size=(30, n_points)), rng.uniform(0.5, 1.5, n_points)
        numbers = np.arange(n_points)
        return lambda: empirical_cubature(integrands, weights, numbers, tolerance=1e-2, comm=ALONE)

    small, large = selection(10_000), selection(80_000)
    benchmark.pedantic(small, rounds=3)
    # As many selections on both meshes, one product with all points each.
    costs = fastest(small, large, repeats=7) / [len(rule().history) for rule in (small, large)]
    assert np.log(costs[1] / costs[0]) / np.log(8.0) < 1.5
