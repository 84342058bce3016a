"""Manufactured solutions: choose the displacement, compute the force, solve for it again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from romnet.core.snapshots import ArraySource
from romnet.fe.history import Amplitude, SeparatedField
from romnet.fe.loads import body_force_vector
from romnet.hf.assembly import internal_force
from romnet.laws.contract import TimeStep
from romnet.online.newton import NewtonOptions
from romnet.online.solve import solve
from romnet.reduction.replay import replay, stress_of

TIMES = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
# Up, over, and back through zero: flow in both senses.
PATH = np.array([0.0, 0.7, 1.0, -0.5, 0.3])
TIGHT = NewtonOptions(tolerance=1e-11)


def chosen(nodes, constrained):
    """Two smooth displacement fields that vanish where the body is held."""
    x, y, z = nodes.T
    first = np.stack([x * (1 + y), x * y * z, x * z**2], axis=1)
    second = np.stack([np.sin(x), x**2, x * y], axis=1)
    fields = 4e-3 * np.stack([first.ravel(), second.ravel()], axis=1)
    fields[constrained] = 0.0
    return fields


@pytest.fixture(params=["elastic", "viscoplastic"])
def manufactured(request, structure):
    """A structure, a displacement history and the load that must produce it."""
    cube = structure(law=request.param, divisions=(3, 2, 2))
    loading = cube.loading(heat=150.0, times=TIMES)
    fields = chosen(cube.mesh.nodes, loading.constrained)
    displacement = fields @ np.stack([PATH, PATH**2])
    instants = list(
        replay(
            ArraySource(displacement),
            TIMES,
            loading.temperature,
            discretization=cube.discretization,
            laws=cube.laws,
        )
    )
    forces = np.stack(
        [
            internal_force(cube.discretization, stress_of(instant.state, cube.laws).reshape(-1, 6))
            for instant in instants
        ]
    )
    load = SeparatedField.from_keyframes(TIMES, forces)
    return cube, replace(loading, force=load), fields, displacement, instants


def test_the_high_fidelity_solver_returns_the_chosen_displacement(manufactured):
    cube, loading, _, displacement, instants = manufactured
    outcomes = cube.solve(loading, tolerance=1e-11)
    for number, outcome in enumerate(outcomes, start=1):
        error = outcome.committed.unknown - displacement[:, number]
        assert np.abs(error).max() < 1e-8 * np.abs(displacement).max()
        np.testing.assert_allclose(
            outcome.committed.state, instants[number].state, rtol=1e-6, atol=1e-6
        )


def test_a_basis_that_holds_the_chosen_displacement_returns_it(manufactured):
    cube, loading, fields, displacement, _ = manufactured
    more = np.random.default_rng(0).normal(size=(len(fields), 4))
    more[loading.constrained] = 0.0
    modes = np.linalg.qr(np.column_stack([fields, more]))[0]
    model = cube.reduced(loading, modes)
    solution = solve(model, model.loadings["test"], options=TIGHT)
    found = modes @ solution.coefficients
    assert np.abs(found - displacement).max() < 1e-8 * np.abs(displacement).max()


def test_a_basis_without_it_gives_the_best_in_energy(structure):
    cube = structure(law="elastic")
    loading = cube.loading(pull=100.0, times=(0.0, 1.0))
    (outcome,) = cube.solve(loading, tolerance=1e-12)
    exact = outcome.committed.unknown
    modes = np.random.default_rng(1).normal(size=(len(exact), 5))
    modes[loading.constrained] = 0.0
    model = cube.reduced(loading, modes)
    found = modes @ solve(model, model.loadings["test"], options=TIGHT).coefficients[:, -1]
    # Galerkin: the error is orthogonal to the basis in energy.
    points = cube.discretization
    cold = np.full(points.n_points, 20.0)
    still = np.zeros((points.n_points, 6))
    tangent = cube.laws.integrate(
        still, still, cube.laws.initial_state(cold), cold, cold, TimeStep(0.0, 1.0)
    ).tangent

    def force(displacement):
        strain = (points.strain_operator @ displacement).reshape(-1, 6)
        return internal_force(points, np.einsum("kcd,kd->kc", tangent, strain))

    scale = np.abs(modes.T @ force(exact)).max()
    assert np.abs(modes.T @ force(exact - found)).max() < 1e-9 * scale


@pytest.mark.parametrize(("cell", "least"), [("hex8", 1.8), ("hex20", 2.7), ("tet10", 2.7)])
def test_displacements_converge_with_the_order_of_the_element(structure, cell, least):
    """A bar that stretches under its own weight along x: u = g x (2 L - x) / 2 E, nu = 0.

    The points of `u` at nodes are exact in one dimension; the error is measured at the centres of
    cells, by interpolation.
    """
    spec = {"law": "elastic", "parameters": {"young": 10.0, "poisson": 0.0}}
    errors = []
    always = Amplitude(np.array([0.0, 1.0]), np.array([0.0, 1.0]), after="hold")
    for n in (2, 4):
        bar = structure(spec=spec, divisions=(n, 1, 1), cell=cell)
        points = bar.discretization
        weight = cubic_weight(points)
        load = replace(bar.loading(times=(0.0, 1.0)), force=SeparatedField((always,), weight[None]))
        (outcome,) = bar.solve(load)
        values = points.interpolation @ outcome.committed.unknown.reshape(-1, 3)[:, 0]
        x = points.positions[:, 0]
        # E u'' = -x^2, u(0) = 0, u'(1) = 0.
        exact = (x / 3.0 - x**4 / 12.0) / 10.0
        errors.append(np.sqrt(points.weights @ (values - exact) ** 2))
    assert np.log2(errors[0] / errors[1]) > least


def cubic_weight(points):
    """Load of the body force x^2 along x."""
    return body_force_vector(points, points.positions[:, 0] ** 2, np.array([1.0, 0.0, 0.0]))
