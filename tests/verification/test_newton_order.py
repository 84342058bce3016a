"""Newton iterations with the consistent tangent are quadratic on a plastic step."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.laws.contract import TimeStep
from romnet.online.equilibrium import ReducedProblem
from romnet.online.newton import NewtonOptions, newton


def order(residuals):
    """Order of convergence of the last three residuals."""
    first, second, third = np.log(residuals[-3:])
    return (third - second) / (second - first)


def last_step(problem, loading):
    """March to the last but one instant, then iterate to rounding."""
    committed, scale = problem.start(), 0.0
    for start, end in zip(loading.times[:-1], loading.times[1:], strict=True):
        increment = problem.increment(committed, TimeStep(float(start), float(end - start)))
        result = newton(increment, scale=scale, options=NewtonOptions(tolerance=1e-13))
        scale = result.scale
        committed = type(committed)(
            float(end),
            result.unknown,
            (result.unknown - committed.unknown) / (end - start),
            result.trial.strain,
            result.trial.state,
        )
    return result, committed


@pytest.fixture
def case(structure):
    cube = structure(divisions=(3, 3, 3))
    return cube, cube.loading(pull=300.0, heat=200.0, times=(0.0, 0.5, 1.0))


def above_rounding(residuals):
    return [residual for residual in residuals if residual > 1e-13]


def test_high_fidelity(case):
    cube, loading = case
    result, committed = last_step(cube.problem(loading), loading)
    assert cube.laws.field(committed.state, "p").max() > 1e-3
    assert order(above_rounding(result.residuals)) > 1.8


def test_reduced(case):
    cube, loading = case
    rng = np.random.default_rng(0)
    smooth = cube.mesh.nodes
    functions = [smooth[:, [k]] ** n for k in range(3) for n in (1, 2)]
    modes = np.stack(
        [(function * np.eye(3)[axis]).ravel() for function in functions for axis in range(3)],
        axis=1,
    )
    modes[loading.constrained] = 0.0
    modes = np.linalg.qr(modes @ rng.normal(size=(18, 8)))[0]
    model = cube.reduced(loading, modes)
    problem = ReducedProblem.build(model, model.loadings["test"], cube.comm)
    result, committed = last_step(problem, loading)
    assert cube.laws.field(committed.state, "p").max() > 1e-4
    assert order(above_rounding(result.residuals)) > 1.8
