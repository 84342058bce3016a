"""High-fidelity solutions that are known in closed form, and linear solvers that agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse.linalg

from romnet.core.errors import StudyError
from romnet.core.status import Status
from romnet.fe.discretization import discretize
from romnet.fe.history import Amplitude
from romnet.fe.partition import whole
from romnet.hf.assembly import StiffnessPattern, stiffness
from romnet.hf.problem import solve_high_fidelity
from romnet.laws.contract import TimeStep
from romnet.online.increments import IncrementControl
from romnet.online.newton import NewtonOptions
from romnet.parallel import linear
from romnet.parallel.preconditioners import Aggregates

YOUNG, POISSON = 2.0e5, 0.3
LENGTHS = (2.0, 1.0, 0.5)
RAMP = Amplitude(np.array([0.0, 1.0]), np.array([0.0, 1.0]), after="hold")


def uniaxial(nodes, stress):
    """Displacement of a bar under uniaxial stress along x."""
    return (nodes * np.array([1.0, -POISSON, -POISSON]) * stress / YOUNG).ravel()


@pytest.mark.parametrize("cell", ["hex8", "tet10", "hex20"])
def test_a_bar_under_traction_answers_hooke_s_law(structure, cell):
    bar = structure(law="elastic", lengths=LENGTHS, cell=cell)
    outcomes = bar.solve(bar.loading(pull=80.0))
    assert [outcome.iterations for outcome in outcomes] == [1, 0]  # then it goes on as before
    for outcome, stress in zip(outcomes, (40.0, 80.0), strict=True):
        expected = uniaxial(bar.mesh.nodes, stress)
        np.testing.assert_allclose(
            outcome.committed.unknown, expected, atol=1e-11 * np.abs(expected).max()
        )
        field = bar.laws.field(outcome.committed.state, "stress")
        expected = np.tile([stress, 0.0, 0.0, 0.0, 0.0, 0.0], (len(field), 1))
        np.testing.assert_allclose(field, expected, atol=1e-9)


@pytest.mark.parametrize("cell", ["quad4", "tri6"])
def test_a_plate_in_plane_strain_answers_hooke_s_law(structure, cell):
    plate = structure(law="elastic", lengths=LENGTHS[:2], divisions=(3, 2), cell=cell)
    *_, last = plate.solve(plate.loading(pull=80.0))
    strain = np.array([1.0 - POISSON**2, -POISSON * (1.0 + POISSON)]) * 80.0 / YOUNG
    np.testing.assert_allclose(
        last.committed.unknown, (plate.mesh.nodes * strain).ravel(), atol=1e-14
    )
    field = plate.laws.field(last.committed.state, "stress")
    expected = np.tile([80.0, 0.0, POISSON * 80.0, 0.0], (len(field), 1))
    np.testing.assert_allclose(field, expected, atol=1e-9)


@pytest.mark.parametrize("n_dim", [2, 3])
def test_multigrid_knows_rigid_motions_in_the_plane_and_in_space(structure, monkeypatch, n_dim):
    monkeypatch.setattr(linear, "DIRECT_LIMIT", 0)
    cell = {2: "quad4", 3: "hex8"}[n_dim]
    body = structure(law="elastic", lengths=LENGTHS[:n_dim], divisions=(8,) * n_dim, cell=cell)
    loading = body.loading(pull=80.0)
    problem = body.problem(loading)
    rigid = problem.linear_solver._preconditioner._rigid.getVecs()
    assert len(rigid) == {2: 3, 3: 6}[n_dim]
    list(solve_high_fidelity(problem))
    assert problem.linear_solver._solver.getIterationNumber() < 40


def test_a_bar_pulled_by_its_end_answers_hooke_s_law_whatever_the_history(structure):
    bar = structure(law="elastic", lengths=LENGTHS)
    cycle = Amplitude(np.array([0.0, 0.3, 0.6, 1.0]), np.array([0.0, 2.0, -1.0, 0.0]))
    times = (0.0, 0.1, 0.3, 0.45, 0.6, 0.8, 1.0)
    outcomes = bar.solve(bar.loading(stretch=1e-3, times=times, ramp=cycle))
    for outcome in outcomes:
        assert outcome.iterations <= 1
        stress = YOUNG * 1e-3 * cycle.at(outcome.committed.time) / LENGTHS[0]
        field = bar.laws.field(outcome.committed.state, "stress")
        np.testing.assert_allclose(field[:, 0], stress, atol=1e-9 * YOUNG)
        np.testing.assert_allclose(
            outcome.committed.unknown, uniaxial(bar.mesh.nodes, stress), atol=1e-14
        )


def test_prescribed_displacements_are_met_exactly(structure):
    bar = structure(lengths=LENGTHS)
    loading = bar.loading(stretch=4e-3, heat=100.0)
    for outcome in bar.solve(loading):
        held = loading.constrained
        prescribed = loading.prescribed.at(outcome.committed.time)
        np.testing.assert_allclose(
            outcome.committed.unknown[held], prescribed[held], rtol=1e-15, atol=0.0
        )
    assert bar.laws.field(outcome.committed.state, "p").max() > 1e-4


def test_a_body_that_expands_freely_bears_no_stress(structure):
    cube = structure()
    loading = cube.loading(uniform_heat=300.0)
    outcomes = cube.solve(loading)
    for outcome in outcomes:
        growth = 2.0e-5 * 300.0 * outcome.committed.time
        expected = (growth * cube.mesh.nodes).ravel()
        np.testing.assert_allclose(outcome.committed.unknown, expected, atol=1e-12)
        assert np.abs(cube.laws.field(outcome.committed.state, "stress")).max() < 1e-6
    assert cube.laws.field(outcomes[-1].committed.state, "p").max() < 1e-12


def test_a_body_held_by_its_ends_bears_the_thermal_stress(structure):
    bar = structure(law="elastic", spec=None, lengths=LENGTHS)
    spec = {**bar.spec, "expansion": {"coefficient": 1.0e-5, "reference": 20.0}}
    bar = structure(spec=spec, lengths=LENGTHS)
    loading = bar.loading(uniform_heat=100.0, stretch=1e-30)  # the end is held, all but still
    *_, last = bar.solve(loading)
    field = bar.laws.field(last.committed.state, "stress")
    np.testing.assert_allclose(field[:, 0], -YOUNG * 1.0e-5 * 100.0, rtol=1e-9)


def test_the_law_is_asked_from_the_committed_state_and_temperature(structure, spied):
    cube = structure()
    loading = cube.loading(pull=100.0, heat=100.0)
    laws, spy = spied(cube.laws)
    problem = replace(cube, laws=laws).problem(loading)
    start = problem.start()
    rng = np.random.default_rng(0)
    strain, state = 1e-5 * rng.normal(size=start.strain.shape), start.state + 1e-3
    committed = replace(start, time=0.2, strain=strain, state=state)
    unknown = 1e-5 * rng.normal(size=cube.mesh.n_dofs)
    problem.increment(committed, TimeStep(0.2, 0.3)).evaluate(unknown)
    (asked,) = spy.asked
    np.testing.assert_array_equal(asked["strain_old"], strain)
    np.testing.assert_array_equal(asked["state_old"], state)
    np.testing.assert_allclose(
        asked["strain_new"].ravel(), cube.discretization.strain_operator @ unknown, rtol=1e-12
    )
    np.testing.assert_array_equal(asked["temperature_old"], loading.temperature.at(0.2))
    np.testing.assert_array_equal(asked["temperature_new"], loading.temperature.at(0.5))
    assert asked["step"] == TimeStep(0.2, 0.3)


def test_reactions_balance_the_loads(structure):
    cube = structure()
    loading = cube.loading(pull=200.0, heat=200.0)
    *_, last = cube.solve(loading)
    stress = cube.laws.field(last.committed.state, "stress")
    points = cube.discretization
    internal = points.strain_operator.T @ (points.weights[:, None] * stress).ravel()
    unbalanced = internal - loading.force.at(1.0)
    assert np.abs(unbalanced[~loading.constrained]).max() < 1e-8 * np.abs(internal).max()
    # The sum of all reactions and forces vanishes along each axis.
    assert np.abs(internal.reshape(-1, 3).sum(axis=0)).max() < 1e-9
    assert internal.reshape(-1, 3)[cube.mesh.node_sets["x0"], 0].sum() == pytest.approx(-200.0)


def test_multigrid_answers_what_the_direct_solver_does(structure, monkeypatch):
    cube = structure(divisions=(4, 3, 3))
    loading = cube.loading(heat=150.0, stretch=2e-3)
    direct = [outcome.committed for outcome in cube.solve(loading, tolerance=1e-11)]
    monkeypatch.setattr(linear, "DIRECT_LIMIT", 0)
    problem = cube.problem(loading)
    assert isinstance(problem.linear_solver._preconditioner, Aggregates)
    options = NewtonOptions(tolerance=1e-11)
    for outcome, expected in zip(
        solve_high_fidelity(problem, options=options), direct, strict=True
    ):
        assert outcome.status is Status.CONVERGED
        found = outcome.committed
        size = np.abs(expected.unknown).max()
        assert np.abs(found.unknown - expected.unknown).max() < 1e-8 * size
        assert np.abs(found.state - expected.state).max() < 1e-8 * np.abs(expected.state).max()


def test_two_levels_answer_what_the_direct_solver_does(structure, monkeypatch):
    body = structure(divisions=(3, 2, 2), cell="tet10")
    loading = body.loading(heat=150.0, stretch=2e-3)
    *_, expected = (outcome.committed for outcome in body.solve(loading, tolerance=1e-11))
    monkeypatch.setattr(linear, "DIRECT_LIMIT", 0)
    problem = body.problem(loading)
    assert problem.linear_solver._solver.getPC().getType() == "mg"
    *_, last = solve_high_fidelity(problem, options=NewtonOptions(tolerance=1e-11))
    size = np.abs(expected.unknown).max()
    assert np.abs(last.committed.unknown - expected.unknown).max() < 1e-8 * size


@pytest.mark.parametrize(("law", "method"), [("elastic", "cg"), ("viscoplastic", "gmres")])
def test_the_krylov_method_suits_the_symmetry_of_the_tangent(structure, monkeypatch, law, method):
    monkeypatch.setattr(linear, "DIRECT_LIMIT", 0)
    cube = structure(law=law)
    assert cube.laws.symmetric_tangent == (method == "cg")
    solver = cube.problem(cube.loading(pull=1.0)).linear_solver
    assert solver._solver.getType() == method


@pytest.mark.parametrize("limit", [0, 30_000], ids=["multigrid", "direct"])
def test_the_linear_solver_solves_the_held_system_and_leaves_held_dofs_at_zero(
    structure, monkeypatch, limit
):
    monkeypatch.setattr(linear, "DIRECT_LIMIT", limit)
    cube = structure(law="elastic", divisions=(3, 3, 3))
    loading = cube.loading(pull=1.0)
    problem = cube.problem(loading)
    points = cube.discretization
    tangent = np.random.default_rng(0).normal(size=(points.n_points, 6, 6))
    tangent = tangent @ tangent.transpose(0, 2, 1) + 5.0 * np.eye(6)
    matrix = stiffness(points, StiffnessPattern.build(points), tangent)
    load = np.random.default_rng(1).normal(size=points.n_dofs)
    problem.linear_solver.update(matrix)
    answer = problem.linear_solver.solve(load)
    free = ~loading.constrained
    assert not answer[loading.constrained].any()
    expected = scipy.sparse.linalg.spsolve(matrix[free][:, free].tocsc(), load[free])
    np.testing.assert_allclose(answer[free], expected, atol=1e-7 * np.abs(expected).max())


def test_a_preconditioner_serves_until_it_does_badly(structure, monkeypatch):
    monkeypatch.setattr(linear, "DIRECT_LIMIT", 0)
    cube = structure(law="elastic", divisions=(4, 4, 4))
    loading = cube.loading(pull=1.0)
    solver = cube.problem(loading).linear_solver
    points = cube.discretization
    pattern = StiffnessPattern.build(points)
    soft_half = np.where(points.positions[:, 0] < 0.5, 1e-4, 1.0)
    for factor, preparations in ((1.0, 1), (1.1, 1), (soft_half, 1), (soft_half, 2)):
        tangent = np.multiply.outer(np.broadcast_to(factor, points.n_points), np.eye(6))
        matrix = stiffness(points, pattern, tangent)
        solver.update(matrix)
        answer = solver.solve(loading.force.at(1.0), rtol=1e-9)
        free = ~loading.constrained
        left = (matrix @ answer - loading.force.at(1.0))[free]
        assert np.linalg.norm(left) < 1e-8 * np.linalg.norm(loading.force.at(1.0))
        assert solver.preparations == preparations


def test_a_second_factorisation_replaces_the_first(structure):
    cube = structure(law="elastic")
    loading = cube.loading(pull=1.0)
    solver = cube.problem(loading).linear_solver
    points = cube.discretization
    tangent = np.tile(np.eye(6), (points.n_points, 1, 1))
    matrix = stiffness(points, StiffnessPattern.build(points), tangent)
    load = loading.force.at(1.0)
    answers = []
    for factor in (1.0, 4.0):
        solver.update(factor * matrix)
        answers.append(solver.solve(load))
    np.testing.assert_allclose(answers[1], answers[0] / 4.0, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("limit", [0, 30_000], ids=["multigrid", "direct"])
def test_a_matrix_of_zeros_cannot_be_solved(structure, monkeypatch, limit):
    monkeypatch.setattr(linear, "DIRECT_LIMIT", limit)
    cube = structure(law="elastic")
    problem = cube.problem(cube.loading(pull=1.0))
    points = cube.discretization
    nothing = stiffness(points, problem.pattern, np.zeros((points.n_points, 6, 6)))
    problem.linear_solver.update(nothing)
    with pytest.raises(ArithmeticError, match="linear solver"):
        problem.linear_solver.solve(np.ones(points.n_dofs))


def test_nodes_without_cells_stay_where_they_are(structure):
    cube = structure(law="elastic")
    mesh = cube.mesh
    more = replace(
        mesh,
        nodes=np.vstack([mesh.nodes, [[5.0, 5.0, 5.0], [6.0, 5.0, 5.0]]]),
        node_ids=np.arange(mesh.n_nodes + 2),
    )
    part = whole(more)
    lonely = replace(cube, subdomain=part, discretization=discretize(part.mesh))
    (_, expected), (_, found) = (body.solve(body.loading(pull=80.0)) for body in (cube, lonely))
    np.testing.assert_allclose(found.committed.unknown[:-6], expected.committed.unknown, atol=1e-15)
    assert not found.committed.unknown[-6:].any()


@pytest.mark.parametrize("limit", [0, 30_000], ids=["iterative", "direct"])
def test_a_body_that_is_not_held_is_refused_by_naming_its_motions(structure, monkeypatch, limit):
    monkeypatch.setattr(linear, "DIRECT_LIMIT", limit)
    cube = structure(law="elastic")
    loading = cube.loading(pull=1.0)
    loose = replace(loading, constrained=np.zeros_like(loading.constrained))
    with pytest.raises(StudyError, match=r"shift along x, .*, spin about x.*constraints"):
        next(solve_high_fidelity(cube.problem(loose)))


def test_a_force_that_is_not_finite_ends_in_a_status(structure):
    cube = structure(law="elastic")
    loading = cube.loading(pull=np.nan)
    *_, last = solve_high_fidelity(cube.problem(loading))
    assert (last.status, last.reason) == (Status.STEP_TOO_SMALL, Status.NOT_FINITE)


def test_a_hard_step_asked_in_one_increment_is_subdivided(structure):
    cube = structure()
    loading = cube.loading(stretch=0.05, heat=300.0, times=(0.0, 1.0))
    whole = NewtonOptions(max_iterations=3, smallest_step=0.9)
    (last,) = solve_high_fidelity(cube.problem(loading), options=whole)
    assert last.reason is Status.MAX_ITERATIONS
    options = NewtonOptions(max_iterations=3, increments=IncrementControl(easy=2, hard=3))
    (last,) = solve_high_fidelity(cube.problem(loading), options=options)
    assert last.status is Status.CONVERGED
    assert last.committed.time == 1.0
    assert last.cuts > 0
    assert last.increments > 2
    assert cube.laws.field(last.committed.state, "p").max() > 0.01


def test_points_that_answer_nan_are_told_with_the_smallest_increment(structure, spied):
    cube = structure(law="elastic")
    laws, spy = spied(cube.laws)
    ask = spy.law.integrate

    class Tears:
        def __getattr__(self, name):
            return getattr(spy.law, name)

        def integrate(self, strain_old, strain_new, *rest):
            answer = ask(strain_old, strain_new, *rest)
            answer.stress[5] = np.where(strain_new[5, 0] > 3e-4, np.nan, answer.stress[5])
            return answer

    torn = replace(cube, laws=replace(laws, laws=(Tears(),)))
    loading = torn.loading(pull=80.0, times=(0.0, 0.5, 1.0))
    outcomes = list(solve_high_fidelity(torn.problem(loading)))
    last = outcomes[-1]
    assert (last.status, last.reason) == (Status.STEP_TOO_SMALL, Status.LAW_FAILED)
    assert last.rejected.points.tolist() == [5]
    assert last.rejected.strain[5, 0] > 3e-4
    assert last.committed.strain[5, 0] < 3e-4 * (1.0 + 1e-12)
    assert last.rejected.step.start == last.committed.time == pytest.approx(0.75, abs=1e-3)
