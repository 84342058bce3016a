"""Patch test: a state of constant strain is exact, at every point and in every inner node."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse.linalg

from romnet.fe.cells import CELLS
from romnet.fe.discretization import discretize
from romnet.fe.faces import boundary_faces, face_nodes
from romnet.fe.formulations import FORMULATIONS
from romnet.fe.structured import box_mesh

# One point in a distorted hexahedron does not integrate the shape gradients (the codes average them
# over the cell instead): these pass on parallelepipeds only.
CONSTANT_JACOBIAN_ONLY = {name for name, row in FORMULATIONS.items() if row.rule == "hex:1"}


def patch(name: str):
    """Box of 3 boxes a side, inner corner nodes moved, edges of the cells kept straight."""
    row = FORMULATIONS[name]
    n_dim = row.cell.n_dim
    first_order = f"{row.cell.geometry}{row.cell.n_corners}"
    coarse = box_mesh((1.0,) * n_dim, (3,) * n_dim, first_order)
    moves = 0.06 * np.random.default_rng(3).uniform(-1, 1, coarse.nodes.shape)
    if name in CONSTANT_JACOBIAN_ONLY:
        moves[:] = coarse.nodes @ (0.2 * np.ones((n_dim, n_dim)))
    else:
        moves[face_nodes(coarse, boundary_faces(coarse))] = 0.0
    mesh = box_mesh((1.0,) * n_dim, (3,) * n_dim, row.cell_type, formulation=name)
    moved = mesh.nodes.copy()
    shape = CELLS[first_order].shape(row.cell.nodes)
    for fine, corners in zip(
        mesh.blocks[0].connectivity, coarse.blocks[0].connectivity, strict=True
    ):
        moved[fine] = mesh.nodes[fine] + shape @ moves[corners]
    return replace(mesh, nodes=moved)


def inner_dofs(mesh):
    """Dofs of the nodes that are not on the skin."""
    inner = np.ones(mesh.n_nodes, dtype=bool)
    inner[face_nodes(mesh, boundary_faces(mesh))] = False
    assert inner.any()
    return np.repeat(inner, mesh.n_dim)


@pytest.mark.parametrize("name", sorted(FORMULATIONS))
def test_linear_displacement_gives_constant_strain_and_constant_stress_no_inner_force(name):
    mesh = patch(name)
    points = discretize(mesh)
    gradient = np.random.default_rng(0).normal(size=(mesh.n_dim, mesh.n_dim))
    displacement = (mesh.nodes @ gradient.T).ravel()
    strain = (points.strain_operator @ displacement).reshape(points.n_points, -1)
    assert np.abs(strain - strain.mean(axis=0)).max() < 1e-12 * np.abs(strain).max()
    assert strain[0, 0] == pytest.approx(gradient[0, 0], rel=1e-12)

    stress = np.tile(np.random.default_rng(1).normal(size=points.n_components), points.n_points)
    weights = np.repeat(points.weights, points.n_components)
    force = points.strain_operator.T @ (weights * stress)
    assert np.abs(force[inner_dofs(mesh)]).max() < 1e-12 * np.abs(force).max()


# Formulations with a stiffness of full rank; the others need hourglass control.
@pytest.mark.parametrize(
    "name",
    ["zset:c3d8", "zset:c3d20r", "zset:c3d10", "abaqus:C3D10", "abaqus:C3D15", "zset:c2d8r",
     "abaqus:CPE4", "romnet:pyramid5", "romnet:hex27", "romnet:tri6"],
)  # fmt: skip
def test_elastic_solution_with_linear_boundary_values_is_that_linear_field(name):
    mesh = patch(name)
    points = discretize(mesh)
    stiffness = np.eye(points.n_components)
    stiffness[:3, :3] += 1.5
    weighted = scipy.sparse.kron(scipy.sparse.diags(points.weights), stiffness)
    operator = (points.strain_operator.T @ weighted @ points.strain_operator).tocsr()
    gradient = np.random.default_rng(2).normal(size=(mesh.n_dim, mesh.n_dim))
    exact = (mesh.nodes @ gradient.T).ravel()
    free = inner_dofs(mesh)
    right = -operator[free][:, ~free] @ exact[~free]
    found = scipy.sparse.linalg.spsolve(operator[free][:, free].tocsc(), right)
    np.testing.assert_allclose(found, exact[free], atol=1e-11)
