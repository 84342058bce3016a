"""Internal forces and stiffness against the sparse strain operator and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from romnet.fe.discretization import discretize
from romnet.fe.mesh import Mesh
from romnet.fe.structured import box_mesh
from romnet.hf import assembly
from romnet.hf.assembly import StiffnessPattern, internal_force, stiffness
from romnet.laws.contract import TimeStep

_STEP = TimeStep(0.0, 1.0)
CELLS = ["hex8", "tet10", "wedge6", "hex20"]


def tangents(n_points, seed=0):
    return np.random.default_rng(seed).normal(size=(n_points, 6, 6))


def direct(points, tangent):
    """B^T W C B with sparse products."""
    blocks = scipy.sparse.block_diag(points.weights[:, None, None] * tangent, format="csr")
    return (points.strain_operator.T @ blocks @ points.strain_operator).toarray()


@pytest.mark.parametrize("cell", CELLS)
def test_the_stiffness_is_the_sum_over_points(cell):
    points = discretize(box_mesh((1.0, 0.7, 1.3), (2, 1, 2), cell))
    tangent = tangents(points.n_points)
    matrix = stiffness(points, StiffnessPattern.build(points), tangent)
    np.testing.assert_allclose(matrix.toarray(), direct(points, tangent), atol=1e-11)


def two_blocks():
    """A mesh whose cells lie in two blocks of different kinds of rules."""
    mesh = box_mesh((2.0, 1.0, 1.0), (2, 1, 1), "tet10")
    (block,) = mesh.blocks
    first, second = slice(0, 7), slice(7, None)
    parts = (
        type(block)(block.cell_type, block.connectivity[rows], name, block.ids[rows])
        for rows, name in ((first, block.formulation), (second, "zset:c3d10"))
    )
    return Mesh(mesh.nodes, tuple(parts), mesh.node_ids)


def test_blocks_of_several_formulations_add_up():
    points = discretize(two_blocks())
    tangent = tangents(points.n_points)
    matrix = stiffness(points, StiffnessPattern.build(points), tangent)
    np.testing.assert_allclose(matrix.toarray(), direct(points, tangent), atol=1e-10)


@pytest.mark.parametrize("size", [1, 5000])
def test_chunks_of_cells_of_any_size_give_the_same(size, monkeypatch):
    points = discretize(box_mesh((1.0, 1.0, 1.0), (3, 1, 1)))
    tangent = tangents(points.n_points)
    pattern = StiffnessPattern.build(points)
    whole = stiffness(points, pattern, tangent)
    monkeypatch.setattr(assembly, "_CHUNK_POINTS", size)
    assert abs(stiffness(points, pattern, tangent) - whole).max() < 1e-12


def test_the_pattern_holds_a_diagonal_and_ascending_columns():
    points = discretize(box_mesh((1.0, 1.0, 1.0), (2, 1, 1)))
    matrix = stiffness(points, StiffnessPattern.build(points), 0.0 * tangents(points.n_points))
    assert matrix.has_sorted_indices
    for row in range(points.n_dofs):
        columns = matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]
        assert row in columns


def test_internal_force_is_the_derivative_of_elastic_energy(structure):
    cube = structure(law="elastic")
    points = cube.discretization
    elastic = cube.laws.integrate(
        *(2 * [np.zeros((points.n_points, 6))]),
        cube.laws.initial_state(np.full(points.n_points, 20.0)),
        *(2 * [np.full(points.n_points, 20.0)]),
        _STEP,
    ).tangent

    def energy(u):
        strain = (points.strain_operator @ u).reshape(-1, 6)
        return 0.5 * points.weights @ np.einsum("kc,kcd,kd->k", strain, elastic, strain)

    rng = np.random.default_rng(0)
    u, v = rng.normal(size=(2, points.n_dofs))
    strain = (points.strain_operator @ u).reshape(-1, 6)
    force = internal_force(points, np.einsum("kcd,kd->kc", elastic, strain))
    # Exact for a quadratic energy.
    assert force @ v == pytest.approx((energy(u + v) - energy(u - v)) / 2.0, rel=1e-10)


def test_a_node_without_cells_has_its_place_on_the_diagonal():
    mesh = box_mesh((1.0, 1.0, 1.0), (1, 1, 1))
    mesh = Mesh(np.vstack([mesh.nodes, [[9.0, 9.0, 9.0]]]), mesh.blocks, np.arange(9))
    points = discretize(mesh)
    matrix = stiffness(points, StiffnessPattern.build(points), tangents(points.n_points))
    assert matrix[24:, :].nnz == matrix[:, 24:].nnz == 9
    assert matrix[24:].indices.tolist() == 3 * [24, 25, 26]
    assert not matrix[24:].data.any()


def test_rigid_motions_cost_no_force():
    points = discretize(box_mesh((1.0, 1.0, 1.0), (2, 2, 2)))
    tangent = np.tile(np.eye(6), (points.n_points, 1, 1))
    matrix = stiffness(points, StiffnessPattern.build(points), tangent)
    x = points.mesh.nodes
    spins = [np.cross(axis, x).ravel() for axis in np.eye(3)]
    shifts = [np.tile(axis, len(x)) for axis in np.eye(3)]
    for motion in (*spins, *shifts):
        assert np.abs(matrix @ motion).max() < 1e-13
    assert np.linalg.matrix_rank(matrix.toarray()) == points.n_dofs - 6
