"""Three equalities that pin the whole pipeline.

Full basis and full quadrature = high fidelity; reduced quadrature with its tolerance at zero = full
quadrature; the reduced model on its training load = the training results.
"""

from __future__ import annotations

import numpy as np
import pytest

from romnet.core.snapshots import ArraySource
from romnet.core.status import Status
from romnet.fe.inner_products import l2_mass
from romnet.online.newton import NewtonOptions
from romnet.online.solve import solve
from romnet.reduction.basis import Truncation
from romnet.reduction.compression import compressed
from romnet.reduction.cubature import empirical_cubature
from romnet.reduction.integrands import VirtualWork
from romnet.reduction.pod import pod

TIMES = (0.0, 0.25, 0.5, 0.75, 1.0)
TIGHT = NewtonOptions(tolerance=1e-11)


def columns(outcomes, of):
    return np.stack([of(outcome.committed) for outcome in outcomes], axis=1)


def biggest_difference(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("stretch", [0.0, 3e-3], ids=["pulled", "gripped"])
def test_full_basis_and_full_quadrature_are_the_high_fidelity_model(structure, stretch):
    cube = structure()
    loading = cube.loading(pull=200.0, heat=200.0, stretch=stretch, times=TIMES)
    outcomes = cube.solve(loading, tolerance=1e-11)
    modes = np.eye(cube.mesh.n_dofs)[:, ~loading.constrained]
    model = cube.reduced(loading, modes, dual=("p", "stress"))
    solution = solve(model, model.loadings["test"], options=TIGHT)

    assert solution.status is Status.CONVERGED
    lift = np.stack([loading.prescribed.at(time) for time in TIMES[1:]], axis=1)
    displacement = lift + modes @ solution.coefficients[:, 1:]
    assert biggest_difference(displacement, columns(outcomes, lambda c: c.unknown)) < 1e-8
    for name, column in (("p", 0), ("stress_11", 0), ("stress_23", 5)):
        field = name.split("_")[0]
        expected = columns(outcomes, lambda c: cube.laws.field(c.state, field)[:, column])  # noqa: B023
        assert biggest_difference(solution.dual[name][:, 1:], expected) < 1e-8
    assert solution.dual["p"].max() > 1e-4


@pytest.fixture(scope="module")
def trained():
    """A simulation, its displacement modes and its stresses, made once."""
    return {}


@pytest.fixture
def training(structure, trained):
    if not trained:
        cube = structure(divisions=(3, 3, 3))
        loading = cube.loading(pull=200.0, heat=200.0, times=TIMES)
        outcomes = cube.solve(loading, tolerance=1e-11)
        displacement = columns(outcomes, lambda c: c.unknown)
        basis = pod(
            ArraySource(displacement),
            l2_mass(cube.mesh),
            truncation=Truncation(rtol=1e-12),
            comm=cube.comm,
        )
        stress = columns(outcomes, lambda c: cube.laws.field(c.state, "stress").ravel())
        trained.update(
            cube=cube, loading=loading, displacement=displacement, basis=basis, stress=stress
        )
    return trained


def quadrature(training, tolerance):
    cube = training["cube"]
    points = cube.discretization
    work = VirtualWork(ArraySource(training["stress"]), training["basis"].modes, points)
    return empirical_cubature(
        compressed(work, points.weights, cube.comm),
        points.weights,
        np.arange(points.n_points),
        tolerance=tolerance,
        comm=cube.comm,
    )


def answer(training, rule=None):
    model = training["cube"].reduced(
        training["loading"],
        training["basis"].modes,
        points=None if rule is None else rule.points,
        weights=None if rule is None else rule.weights,
    )
    solution = solve(model, model.loadings["test"], options=TIGHT)
    assert solution.status is Status.CONVERGED
    return solution.coefficients[:, 1:]


def test_the_training_load_is_reproduced_with_the_full_quadrature(training):
    found = training["basis"].modes @ answer(training)
    assert biggest_difference(found, training["displacement"]) < 1e-8


def test_the_reduced_quadrature_tends_to_the_full_one_with_its_tolerance(training):
    full = answer(training)
    rules = [quadrature(training, tolerance) for tolerance in (1e-2, 1e-4, 1e-12)]
    errors = [biggest_difference(answer(training, rule), full) for rule in rules]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-8
    sizes = [len(rule.points) for rule in rules]
    assert sizes == sorted(sizes)
    assert sizes[-1] < 0.2 * training["cube"].discretization.n_points


def test_on_the_training_path_the_integrated_stresses_are_exact(training):
    # Forces of the training stresses by the rule of few points, and by all points.
    rule = quadrature(training, 1e-10)
    points = training["cube"].discretization
    modes, stress = training["basis"].modes, training["stress"]
    strain = points.strain_operator_of(rule.points) @ modes
    at = stress.reshape(points.n_points, 6, -1)[rule.points] * rule.weights[:, None, None]
    few = strain.T @ at.reshape(-1, stress.shape[1])
    weights = np.repeat(points.weights, 6)[:, None]
    every = modes.T @ (points.strain_operator.T @ (weights * stress))
    assert biggest_difference(few, every) < 1e-8
