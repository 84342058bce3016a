"""Subspaces, points and answers do not depend on the number of ranks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from romnet.core.communicator import SerialCommunicator
from romnet.core.errors import StudyError
from romnet.core.snapshots import ArraySource
from romnet.fe.discretization import discretize
from romnet.fe.inner_products import h1_seminorm, identity, l2_mass, point_l2
from romnet.fe.partition import bisect_cells, subdomain
from romnet.hf.support import connected_parts, refuse_free_motions
from romnet.laws.composite import Heterogeneous
from romnet.laws.registry import build_law
from romnet.online import prepared
from romnet.online.newton import NewtonOptions
from romnet.online.solve import solve
from romnet.parallel import linear
from romnet.reduction.basis import Truncation
from romnet.reduction.compression import compressed
from romnet.reduction.cubature import empirical_cubature
from romnet.reduction.gappy import interpolation_points
from romnet.reduction.incremental import incremental_pod
from romnet.reduction.integrands import VirtualWork
from romnet.reduction.one_pass import one_pass_pod
from romnet.reduction.pod import Factorisation, component_pods, pod
from romnet.reduction.projection import project, projection_errors
from romnet.reduction.randomised import randomised_pod
from romnet.reduction.tsqr import triangular_factor

DIVISIONS = (4, 3, 3)
TIMES = (0.0, 0.25, 0.5, 0.75, 1.0)
PRODUCTS = {
    "identity": lambda part: identity(part.owned_dofs),
    "l2": lambda part: l2_mass(part.mesh),
    "h1": lambda part: h1_seminorm(part.mesh),
}


@pytest.fixture
def shared(comm, structure):
    """The cube, its cells shared among the ranks."""
    return structure(comm, divisions=DIVISIONS)


@pytest.fixture
def whole(structure):
    """The same cube, every rank for itself."""
    return structure(divisions=DIVISIONS)


def snapshots(n_rows, n=6, *, seed=0, spread=4.0):
    rng = np.random.default_rng(seed)
    left = np.linalg.qr(rng.normal(size=(n_rows, n)))[0]
    right = np.linalg.qr(rng.normal(size=(n, n)))[0]
    return left * 10.0 ** -np.linspace(0.0, spread, n) @ right.T


def test_every_cell_point_and_node_has_one_owner(comm, shared, whole):
    part = shared.subdomain
    assert sorted(comm.concatenate(part.cells)) == list(range(whole.mesh.n_cells))
    assert sorted(comm.concatenate(part.points)) == list(range(whole.discretization.n_points))
    assert sorted(comm.concatenate(part.nodes[part.owned])) == list(range(whole.mesh.n_nodes))


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("factorisation", Factorisation)
def test_pod(comm, shared, whole, gathered, name, factorisation):
    values, part = snapshots(whole.mesh.n_dofs), shared.subdomain
    options = {"truncation": Truncation(rtol=1e-3), "factorisation": factorisation}
    alone = pod(ArraySource(values), PRODUCTS[name](whole.subdomain), comm=whole.comm, **options)
    basis = pod(ArraySource(values[part.dofs]), PRODUCTS[name](part), comm=comm, **options)
    assert basis.n_modes == alone.n_modes
    np.testing.assert_allclose(basis.singular_values, alone.singular_values, rtol=1e-9, atol=1e-9)

    modes = gathered(basis.modes[part.owned_dofs], part.dofs[part.owned_dofs])
    factor = PRODUCTS[name](whole.subdomain).factor
    weighted, weighted_alone = factor @ modes, factor @ alone.modes
    assert np.abs(weighted.T @ weighted - np.eye(basis.n_modes)).max() < 1e-10
    difference = weighted @ weighted.T - weighted_alone @ weighted_alone.T
    assert np.abs(difference).max() < 1e-10
    # Ghosts carry the values of their owners.
    np.testing.assert_allclose(basis.modes, modes[part.dofs], atol=1e-12)


def test_projection_errors(comm, shared, whole):
    values, part = snapshots(whole.mesh.n_dofs), shared.subdomain
    product = l2_mass(part.mesh)
    basis = pod(ArraySource(values[part.dofs]), product, truncation=Truncation(modes=3), comm=comm)
    errors = projection_errors(basis, ArraySource(values[part.dofs]), product, comm)
    alone = l2_mass(whole.mesh)
    expected = projection_errors(
        pod(ArraySource(values), alone, truncation=Truncation(modes=3), comm=whole.comm),
        ArraySource(values),
        alone,
        whole.comm,
    )
    np.testing.assert_allclose(errors, expected, rtol=1e-9)


def test_triangular_factor_when_some_ranks_have_no_row(comm):
    mine = [] if comm.rank == 0 and comm.size > 1 else [np.eye(3)]
    factor = triangular_factor(mine, 3, comm)
    n_full = max(comm.size - 1, 1)
    np.testing.assert_allclose(factor.T @ factor, n_full * np.eye(3), atol=1e-13)


def virtual_work(cube, stress, modes):
    """Integrands of given global stresses and modes on the cells of a rank."""
    part = cube.subdomain
    rows = (part.points[:, None] * 6 + np.arange(6)).ravel()
    return VirtualWork(ArraySource(stress[rows]), modes[part.dofs], cube.discretization)


@pytest.mark.parametrize("kind", ["random", "symmetric"])
def test_cubature(comm, shared, whole, kind):
    modes = snapshots(whole.mesh.n_dofs, 4, seed=1)
    stress = snapshots(whole.discretization.n_points * 6, 5, seed=2)
    if kind == "symmetric":  # many points tie
        x = whole.mesh.nodes - 0.5
        fields = [x, x**3, np.abs(x)]
        modes = np.stack([field.ravel() for field in fields], axis=1)
        far = np.abs(whole.discretization.positions - 0.5)
        stress = np.stack([np.tile(far**k, (1, 2)).ravel() for k in range(3)], axis=1)
    rules = []
    for cube in (shared, whole):
        points = cube.discretization
        few = compressed(virtual_work(cube, stress, modes), points.weights, cube.comm)
        rules.append(
            empirical_cubature(
                few, points.weights, cube.subdomain.points, tolerance=1e-6, comm=cube.comm
            )
        )
    rule, alone = rules
    assert rule.points.tolist() == alone.points.tolist()
    np.testing.assert_allclose(rule.weights, alone.weights, rtol=1e-7)
    np.testing.assert_allclose(rule.residual, alone.residual, rtol=1e-4, atol=1e-12)
    # Every rank holds the same rule, to the last bit.
    everywhere = comm.concatenate(rule.weights[None])
    assert (everywhere == rule.weights).all()


def test_gappy_points(shared, whole):
    values = snapshots(whole.discretization.n_points, 6)
    found = []
    for cube in (shared, whole):
        points = cube.subdomain.points
        basis = pod(
            ArraySource(values[points]),
            point_l2(cube.discretization.weights),
            truncation=Truncation(rtol=1e-6),
            comm=cube.comm,
        )
        found.append(interpolation_points(basis.modes, points, cube.comm))
    assert found[0].tolist() == found[1].tolist()


def compare_outcomes(shared, outcomes, expected, tolerance=1e-9):
    """Displacement and state of all ranks beside those computed alone."""
    part = shared.subdomain
    for outcome, alone in zip(outcomes, expected, strict=True):
        assert outcome.iterations == alone.iterations
        found, truth = outcome.committed, alone.committed
        size = np.abs(truth.unknown).max()
        error = np.abs(found.unknown - truth.unknown[part.dofs])
        assert (error < tolerance * size).all()
        size = np.abs(truth.state).max(axis=0)
        error = np.abs(found.state - truth.state[part.points])
        assert (error <= 10 * tolerance * np.maximum(size, 1e-6)).all()


@pytest.mark.parametrize("stretch", [0.0, 2e-3], ids=["pulled", "gripped"])
def test_high_fidelity(shared, whole, stretch):
    case = {"pull": 200.0, "heat": 200.0, "stretch": stretch, "times": TIMES}
    outcomes = shared.solve(shared.loading(**case))
    expected = whole.solve(whole.loading(**case))
    assert whole.laws.field(expected[-1].committed.state, "p").max() > 1e-5
    compare_outcomes(shared, outcomes, expected)


def two_materials(cube):
    """Elastic beyond the middle: some ranks have symmetric tangents only."""
    elastic = build_law(
        {"law": "elastic", "parameters": {"young": 1.0e5, "poisson": 0.2}}, n_components=6
    )
    stiff = (cube.discretization.positions[:, 0] > 0.5).astype(np.int64)
    return replace(cube, laws=Heterogeneous((*cube.laws.laws, elastic), stiff))


@pytest.mark.parametrize("limit", [0, 30_000], ids=["multigrid", "direct"])
def test_high_fidelity_with_materials_that_not_every_rank_has(shared, whole, monkeypatch, limit):
    case = {"pull": 200.0, "heat": 200.0, "times": (0.0, 0.5, 1.0)}
    one, other = two_materials(shared), two_materials(whole)
    expected = other.solve(other.loading(**case), tolerance=1e-11)
    monkeypatch.setattr(linear, "DIRECT_LIMIT", limit)
    outcomes = one.solve(one.loading(**case), tolerance=1e-11)
    assert [o.committed.time for o in outcomes] == [0.5, 1.0]
    for outcome, alone in zip(outcomes, expected, strict=True):
        truth = alone.committed.unknown
        error = outcome.committed.unknown - truth[one.subdomain.dofs]
        assert np.abs(error).max() < 1e-8 * np.abs(truth).max()


def test_two_levels_on_quadratic_cells(comm, structure, alone, monkeypatch):
    bodies = [structure(ranks, divisions=(3, 2, 2), cell="tet10") for ranks in (alone, comm)]
    case = {"pull": 200.0, "heat": 200.0}
    truth = bodies[0].solve(bodies[0].loading(**case))[-1].committed.unknown
    monkeypatch.setattr(linear, "DIRECT_LIMIT", 0)
    shared = bodies[1]
    found = shared.solve(shared.loading(**case))[-1].committed.unknown
    assert np.abs(found - truth[shared.subdomain.dofs]).max() < 1e-8 * np.abs(truth).max()


def test_free_motions_of_a_shared_body_are_those_of_the_whole(comm, structure):
    body = structure(comm, divisions=(4, 2, 2))
    n_parts, part_of_node = connected_parts(body.subdomain, comm)
    assert n_parts == 1
    assert not part_of_node.any()
    held = body.constrained()
    held.reshape(-1, 3)[:, 2] = False
    with pytest.raises(StudyError, match="not held: shift along z; add"):
        refuse_free_motions(body.subdomain, held, comm)


@pytest.mark.parametrize("alone_below", [0, 2000], ids=["shared", "alone"])
def test_online(comm, whole, monkeypatch, alone_below):
    monkeypatch.setattr(prepared, "ALONE_BELOW", alone_below)
    loading = whole.loading(pull=200.0, heat=200.0, stretch=1e-3, times=TIMES)
    modes = snapshots(whole.mesh.n_dofs, 6, spread=0.0)
    modes[loading.constrained] = 0.0
    points = np.arange(0, whole.discretization.n_points, 7)
    weights = np.full(30, 1.0 / 30.0)
    model = whole.reduced(loading, modes, points=points[:30], weights=weights, dual=("p", "stress"))
    extra = whole.reduced(loading, modes, points=points, weights=weights, dual=("p", "stress"))
    for reduced in (model, extra):  # without and with points of gappy POD
        options = NewtonOptions(tolerance=1e-11)
        solution = solve(reduced, reduced.loadings["test"], comm=comm, options=options)
        alone = solve(reduced, reduced.loadings["test"], options=options)
        assert solution.status is alone.status
        assert solution.status.ok
        assert solution.newton_iterations.tolist() == alone.newton_iterations.tolist()
        size = np.abs(alone.coefficients).max()
        assert np.abs(solution.coefficients - alone.coefficients).max() < 1e-9 * size
        for name, values in alone.dual.items():
            assert np.abs(solution.dual[name] - values).max() <= 1e-8 * np.abs(values).max()
        assert alone.dual["p"].max() > 1e-6


def test_online_with_more_ranks_than_points(comm, whole, monkeypatch):
    monkeypatch.setattr(prepared, "ALONE_BELOW", 0)
    loading = whole.loading(pull=50.0, times=(0.0, 1.0))
    modes = snapshots(whole.mesh.n_dofs, 1)
    model = whole.reduced(
        loading, modes, points=np.array([3]), weights=np.ones(1), dual=("stress",)
    )
    solution = solve(model, model.loadings["test"], comm=comm)
    alone = solve(model, model.loadings["test"])
    np.testing.assert_allclose(solution.coefficients, alone.coefficients, rtol=1e-9)
    np.testing.assert_allclose(solution.dual["stress_11"], alone.dual["stress_11"], rtol=1e-9)


def test_a_rank_without_cells_takes_part(comm, structure):
    mesh = structure(divisions=(2, 2, 2)).subdomain.mesh
    labels = np.full(mesh.n_cells, comm.size - 1)  # all cells on the last rank
    part = subdomain(mesh, labels, comm.rank)
    points = discretize(part.mesh)
    whole = structure(divisions=(2, 2, 2))
    laws = Heterogeneous(whole.laws.laws, np.zeros(points.n_points, dtype=np.int64))
    shared = replace(whole, subdomain=part, discretization=points, laws=laws, comm=comm)
    case = {"pull": 100.0, "heat": 100.0, "times": (0.0, 1.0)}
    outcomes = shared.solve(shared.loading(**case))
    compare_outcomes(shared, outcomes, whole.solve(whole.loading(**case)))
    values = snapshots(mesh.n_dofs)
    basis = pod(
        ArraySource(values[part.dofs]),
        l2_mass(part.mesh),
        truncation=Truncation(rtol=1e-3),
        comm=comm,
    )
    assert basis.modes.shape[0] == part.mesh.n_dofs


@pytest.mark.parametrize("build", ["incremental", "randomised", "components"])
def test_other_pods_span_the_same_space_on_any_number_of_ranks(comm, shared, whole, build):
    values = snapshots(whole.mesh.n_dofs, seed=3)
    truncation = Truncation(rtol=1e-3)

    def basis(values, product, ranks):
        source = ArraySource(values)
        if build == "incremental":
            return incremental_pod(source, product, truncation=truncation, comm=ranks, batch=2)
        if build == "randomised":
            return randomised_pod(
                source, product, truncation=truncation, comm=ranks, sample=4
            ).basis
        return component_pods(source, product, 1, truncation=truncation, comm=ranks)[0]

    part = shared.subdomain
    mine = basis(values[part.dofs], l2_mass(part.mesh), comm)
    alone = basis(values, l2_mass(whole.mesh), SerialCommunicator())
    assert mine.n_modes == alone.n_modes
    np.testing.assert_allclose(mine.singular_values, alone.singular_values, rtol=1e-6, atol=1e-12)
    inside = project(
        alone,
        ArraySource(mine_everywhere(mine, part, comm, whole)),
        l2_mass(whole.mesh),
        SerialCommunicator(),
    )
    np.testing.assert_allclose(np.linalg.svd(inside, compute_uv=False), 1.0, atol=1e-9)


def test_a_pod_that_reads_once_does_not_depend_on_the_number_of_ranks(comm, structure):
    mesh = structure(divisions=(9, 8, 8)).mesh
    waves = np.random.default_rng(5).uniform(-1.0, 1.0, size=(40, 3))
    fields = np.repeat(np.cos(mesh.nodes @ waves.T), 3, axis=0) * 10.0 ** -np.linspace(0, 9, 40)
    sampled = np.arange(mesh.n_dofs) % 8 == 0

    def basis(rows, owned, product, ranks):
        found = one_pass_pod(
            ArraySource(fields[rows]),
            product,
            sample=np.flatnonzero(sampled[rows] & owned),
            truncation=Truncation(rtol=1e-4),
            comm=ranks,
        )
        assert found is not None
        return found

    labels = bisect_cells(mesh, comm.size)
    part = subdomain(mesh, labels, comm.rank)
    mine = basis(part.dofs, part.owned_dofs, l2_mass(part.mesh), comm)
    every = np.ones(mesh.n_dofs, dtype=bool)
    alone = basis(np.arange(mesh.n_dofs), every, l2_mass(mesh), SerialCommunicator())
    np.testing.assert_allclose(mine.singular_values, alone.singular_values, rtol=1e-6, atol=1e-12)
    size = np.abs(alone.modes).max()
    np.testing.assert_allclose(mine.modes, alone.modes[part.dofs], atol=1e-6 * size)


def mine_everywhere(basis, part, comm, whole):
    """Modes of all ranks in the global order."""
    modes = np.empty((whole.mesh.n_dofs, basis.n_modes))
    modes[comm.concatenate(part.dofs)] = comm.concatenate(basis.modes)
    return modes
