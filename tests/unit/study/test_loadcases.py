"""Loads of a study against resultants and bars whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from romnet.core.errors import StudyError
from romnet.hf.problem import HighFidelityProblem, solve_high_fidelity
from romnet.study.loadcases import loading_of
from romnet.study.read import read_study
from romnet.study.workspace import build_workspace, read_mesh

YOUNG, DENSITY, LENGTHS = 2.0e5, 7.8e-9, (4.0, 1.0, 2.0)
BAR = {
    "name": "bar",
    "units": {"length": "mm", "force": "N", "time": "s", "temperature": "degC"},
    "mesh": {"box": {"lengths": list(LENGTHS), "divisions": [3, 1, 2], "cell": "hex20"}},
    "materials": [
        {"law": "elastic", "density": DENSITY, "parameters": {"young": YOUNG, "poisson": 0.0}}
    ],
    "constraints": [
        {"nodes": "x0", "u": [0.0, None, None]},
        {"nodes": "x0y0", "u": [None, 0.0, None]},
        {"nodes": "x0y0z0", "u": [None, None, 0.0]},
    ],
    "amplitudes": {"ramp": {"times": [0.0, 1.0], "values": [0.0, 1.0], "after": "hold"}},
    "offline": {"dual": ["stress"]},
    "training": [{"name": "case", "results": "hf", "until": 1.0, "increments": 2}],
}


@pytest.fixture
def workspace_of(alone, tmp_path):
    """Function that makes the bar under some loads."""

    def make(*loads):
        path = tmp_path / "study.yaml"
        path.write_text(yaml.safe_dump({**BAR, "loads": list(loads)}))
        located = read_study(path)
        return build_workspace(located, read_mesh(located), alone)

    return make


def loading(workspace):
    return loading_of(workspace, workspace.located.cases["case"], np.array([0.0, 0.5, 1.0]))


def answer(workspace):
    """Displacement at the last instant, by node."""
    problem = HighFidelityProblem(
        workspace.part, workspace.discretization, workspace.laws, loading(workspace), workspace.comm
    )
    *_, last = solve_high_fidelity(problem)
    return last.committed.unknown.reshape(-1, 3)


def test_a_body_force_weighs_density_times_volume(workspace_of):
    gravity = [0.0, -9810.0, 12.0]
    bar = workspace_of({"type": "body_force", "acceleration": gravity, "amplitude": "ramp"})
    for time in (0.5, 1.0):
        total = loading(bar).force.at(time).reshape(-1, 3).sum(axis=0)
        expected = DENSITY * np.prod(LENGTHS) * np.array(gravity) * time
        np.testing.assert_allclose(total, expected, rtol=1e-12, atol=1e-18)


def test_a_bar_hanging_under_its_own_weight(workspace_of):
    bar = workspace_of({"type": "body_force", "acceleration": [9810.0, 0.0, 0.0]})
    x = bar.mesh.nodes[:, 0]
    expected = DENSITY * 9810.0 / YOUNG * (LENGTHS[0] * x - 0.5 * x**2)
    np.testing.assert_allclose(answer(bar)[:, 0], expected, rtol=1e-8, atol=1e-20)


def test_nodal_forces_stretch_a_bar_like_their_sum(workspace_of):
    bar = workspace_of(
        {"type": "force", "nodes": "x1", "vector": [3.0, 0.0, 0.0], "amplitude": "ramp"}
    )
    end = bar.mesh.node_sets["x1"]
    total = loading(bar).force.at(0.5).reshape(-1, 3).sum(axis=0)
    np.testing.assert_allclose(total, [0.5 * 3.0 * len(end), 0.0, 0.0])
    field = answer(bar)
    # The work of the forces on a uniform stretch equals that of the uniform stress.
    area = LENGTHS[1] * LENGTHS[2]
    middle = np.isclose(bar.mesh.nodes[:, 0], LENGTHS[0] / 3.0)
    stretch = 3.0 * len(end) * LENGTHS[0] / 3.0 / (YOUNG * area)
    assert field[middle, 0].mean() == pytest.approx(stretch, rel=0.05)


@pytest.mark.parametrize(
    ("load", "message"),
    [
        ({"type": "body_force", "acceleration": [1.0, 0.0]}, "acceleration needs 3 components"),
        ({"type": "force", "nodes": "nowhere", "vector": [1.0, 0.0, 0.0]}, "no node set 'nowhere'"),
        ({"type": "force", "nodes": "x1", "vector": [1.0]}, "vector needs 3 components"),
    ],
)
def test_loads_that_do_not_fit_the_mesh_are_refused(workspace_of, load, message):
    bar = workspace_of(load)
    with pytest.raises(StudyError, match=message):
        loading(bar)
