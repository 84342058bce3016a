"""First, elastic increment of the cube benchmark against figures of an independent solver."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import spsolve

from romnet.core.tensors import von_mises
from romnet.fe.discretization import discretize
from romnet.fe.faces import face_centres
from romnet.fe.inner_products import l2_mass
from romnet.fe.loads import centrifugal_vector, traction_vector
from romnet.fe.structured import box_mesh


def test_thermal_centrifugal_and_surface_loads_give_the_reference_displacement():
    mesh = box_mesh((1.0, 1.0, 1.0), (6, 6, 6), formulation="zset:c3d8")
    points = discretize(mesh)
    young, poisson = 2e5, 0.3
    shear = young / 2 / (1 + poisson)
    stiffness = np.diag([2 * shear] * 3 + [shear] * 3)
    stiffness[:3, :3] += young * poisson / (1 + poisson) / (1 - 2 * poisson)

    time = 0.2
    heating = time * 380 * np.exp(-4 * ((mesh.nodes - 0.5) ** 2).sum(axis=1))
    expansion = np.outer(
        points.temperature_interpolation @ heating, 2e-5 * np.array([1, 1, 1, 0, 0, 0])
    )

    faces = mesh.face_sets["x1"]
    centres = face_centres(mesh, faces)
    size = 0.5451606619 * np.exp(-((centres[:, 1] - 1) ** 2) - (centres[:, 2] - 1) ** 2)
    traction = -100.0 * np.outer(size, [1.0, 0.0, 0.0])
    force = traction_vector(mesh, faces, traction)
    force += (1.5e4 * time) ** 2 * centrifugal_vector(
        points,
        np.full(points.n_points, 1e-8),
        point=np.array([3.5, -20.0, 1.5]),
        direction=np.array([0.0, 0.0, 1.0]),
    )

    strain_operator = points.strain_operator
    weighted = sparse.kron(sparse.diags(points.weights), stiffness)
    force += strain_operator.T @ (weighted @ expansion.ravel())
    fixed = [
        3 * mesh.node_sets["x0"],
        3 * mesh.node_sets["x0y0"] + 1,
        3 * mesh.node_sets["x0y1z1"] + 2,
    ]
    free = np.setdiff1d(np.arange(mesh.n_dofs), np.concatenate(fixed))
    operator = (strain_operator.T @ weighted @ strain_operator).tocsc()
    displacement = np.zeros(mesh.n_dofs)
    displacement[free] = spsolve(operator[free][:, free], force[free])

    stress = ((strain_operator @ displacement).reshape(-1, 6) - expansion) @ stiffness
    assert np.abs(displacement).max() == pytest.approx(7.763502e-4, rel=1e-6)
    norm = np.linalg.norm(l2_mass(mesh).factor @ displacement)
    assert norm == pytest.approx(5.688722e-4, rel=1e-6)
    assert von_mises(stress).max() == pytest.approx(137.134, rel=1e-5)
