"""Load vectors: pressure and traction on faces, forces in the volume and at nodes.

Every function integrates over the cells and faces of the mesh it is given; on a subdomain it
returns the contribution of that rank, and the sum over ranks is the load.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import coo_matrix, csr_matrix

from romnet.core.arrays import Array
from romnet.fe.cells import CELLS
from romnet.fe.discretization import Discretization
from romnet.fe.faces import FaceGroup, face_connectivity
from romnet.fe.formulations import formulation
from romnet.fe.mesh import FaceSet, Mesh

# Where the values of a surface load are given.
Place = Literal["faces", "nodes"]


def pressure_operator(mesh: Mesh, faces: FaceSet, *, at: Place = "faces") -> csr_matrix:
    r"""Return the matrix that takes a pressure to its load vector.

    .. math:: F_{ai} = -\int N_a \, p \, n_i

    Positive pressure pushes *against* the outward normal.

    Parameters
    ----------
    mesh
        The mesh.
    faces
        Where the pressure acts.
    at
        Columns: one for each face of the set, or one for each node of the mesh (values in between
        by the shape functions of the face).

    Returns
    -------
    csr_matrix
        Shape (n_dofs, n_faces) or (n_dofs, n_nodes) [area].

    Notes
    -----
    Collective: no. Mutates nothing. Cost: one pass over the faces; afterwards a new pressure map
    costs one product. In 2-D the thickness is one.

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> mesh = box_mesh((1.0, 2.0, 3.0), (1, 1, 1))
    >>> push = pressure_operator(mesh, mesh.face_sets["x1"]) @ np.array([10.0])
    >>> push.reshape(-1, 3).sum(axis=0).round(9).tolist()
    [-60.0, 0.0, 0.0]
    """
    return _face_operator(mesh, faces, at=at, by="normal")


def pressure_vector(
    mesh: Mesh, faces: FaceSet, pressure: Float[Array, " n_values"], *, at: Place = "faces"
) -> Float[Array, " n_dofs"]:
    """Return the load of a pressure; positive values push *against* the outward normal.

    Parameters
    ----------
    mesh, faces
        Where the pressure acts.
    pressure
        One value for each face of the set, or for each node of the mesh [stress].
    at
        Which of the two.

    Raises
    ------
    ValueError
        If there are not as many values as faces (or nodes).

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> mesh = box_mesh((1.0, 2.0), (1, 1), "quad4")
    >>> pressure_vector(mesh, mesh.face_sets["y0"], np.array([3.0])).round(9).tolist()
    [0.0, 1.5, 0.0, 1.5, 0.0, 0.0, 0.0, 0.0]
    """
    operator = pressure_operator(mesh, faces, at=at)
    return np.asarray(operator @ _as_many(pressure, operator.shape[1], at))


def traction_vector(
    mesh: Mesh, faces: FaceSet, traction: Float[Array, "n_values n_dim"], *, at: Place = "faces"
) -> Float[Array, " n_dofs"]:
    r"""Return the load of a traction, :math:`F_{ai} = \int N_a t_i`.

    Parameters
    ----------
    mesh, faces
        Where the traction acts.
    traction
        One vector for each face of the set, or for each node of the mesh [stress].
    at
        Which of the two.

    Raises
    ------
    ValueError
        If there are not as many vectors as faces (or nodes).

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> mesh = box_mesh((1.0, 2.0), (1, 1), "quad4")
    >>> traction_vector(mesh, mesh.face_sets["x1"], np.array([[0.0, 5.0]])).round(9).tolist()
    [0.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 5.0]
    """
    operator = _face_operator(mesh, faces, at=at, by="area")
    return np.asarray((operator @ _as_many(traction, operator.shape[1], at)).ravel())


def face_areas(mesh: Mesh, faces: FaceSet) -> Float[Array, " n_faces"]:
    """Return the area of each face of a set (the length of each edge in 2-D).

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> mesh = box_mesh((1.0, 2.0, 3.0), (1, 1, 1))
    >>> face_areas(mesh, mesh.face_sets["x0"]).round(9).tolist()
    [6.0]
    """
    areas = np.zeros(len(faces.cells))
    for group, _, vectors in _face_points(mesh, faces):
        areas[group.positions] = np.linalg.norm(vectors, axis=2).sum(axis=1)
    return areas


def body_force_vector(
    discretization: Discretization,
    density: Float[Array, " n_points"],
    acceleration: Float[Array, " n_dim"],
) -> Float[Array, " n_dofs"]:
    r"""Return the load of a uniform acceleration, :math:`F_{ai} = \int \rho N_a g_i`.

    Parameters
    ----------
    discretization
        Points; their own rule integrates, as the code of the results does.
    density
        Density at each point [mass / volume].
    acceleration
        Acceleration, such as gravity [length / time^2].

    Examples
    --------
    >>> from romnet.fe.discretization import discretize
    >>> from romnet.fe.structured import box_mesh
    >>> points = discretize(box_mesh((1.0, 2.0, 3.0), (1, 1, 1)))
    >>> weight = body_force_vector(points, np.full(8, 7.0), np.array([0.0, 0.0, -1.0]))
    >>> round(float(weight.sum()), 9)
    -42.0
    """
    forces = density[:, None] * acceleration
    return _volume_vector(discretization, forces)


def centrifugal_vector(
    discretization: Discretization,
    density: Float[Array, " n_points"],
    *,
    point: Float[Array, " n_dim"],
    direction: Float[Array, " 3"],
) -> Float[Array, " n_dofs"]:
    r"""Return the centrifugal load at unit angular velocity, :math:`\int \rho N_a r_i`.

    Here :math:`r` is the part of the position seen from the axis that is orthogonal to it.

    Parameters
    ----------
    discretization
        Points; their own rule integrates, as the code of the results does.
    density
        Density at each point [mass / volume].
    point
        A point of the axis [length].
    direction
        Direction of the axis, of any length; in 2-D it must be normal to the plane.

    Returns
    -------
    ndarray
        To be multiplied by the square of the angular velocity [mass * length].

    Raises
    ------
    ValueError
        If `direction` is zero or, in 2-D, not normal to the plane.

    Examples
    --------
    >>> from romnet.fe.discretization import discretize
    >>> from romnet.fe.structured import box_mesh
    >>> points = discretize(box_mesh((2.0, 1.0, 1.0), (1, 1, 1)))
    >>> pull = centrifugal_vector(points, np.ones(8), point=np.array([0.0, 0.5, 9.0]),
    ...     direction=np.array([0.0, 0.0, 2.0]))
    >>> pull.reshape(-1, 3).sum(axis=0).round(9).tolist()
    [2.0, 0.0, 0.0]
    """
    length = float(np.linalg.norm(direction))
    n_dim = discretization.mesh.n_dim
    in_plane = direction[:n_dim] if n_dim < direction.size else np.zeros(1)
    if not length > 0.0 or in_plane.any():
        message = (
            f"the axis of rotation cannot point along {direction.tolist()}: the direction must "
            f"not be zero, and in 2-D it must be normal to the plane."
        )
        raise ValueError(message)
    axis = direction[:n_dim] / length
    arms = discretization.positions - point
    arms = arms - np.outer(arms @ axis, axis)
    return _volume_vector(discretization, density[:, None] * arms)


def nodal_force_vector(
    mesh: Mesh, nodes: Int[Array, " n"], force: Float[Array, " n_dim"]
) -> Float[Array, " n_dofs"]:
    """Return the load of one force at each of some nodes.

    Notes
    -----
    Under MPI give the nodes that the rank owns, or a force on an interface counts twice.

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> mesh = box_mesh((1.0, 1.0), (1, 1), "quad4")
    >>> nodal_force_vector(mesh, np.array([1]), np.array([0.0, -3.0])).tolist()
    [0.0, 0.0, 0.0, -3.0, 0.0, 0.0, 0.0, 0.0]
    """
    forces = np.zeros_like(mesh.nodes)
    np.add.at(forces, nodes, force)
    return forces.ravel()


def _volume_vector(discretization: Discretization, forces: Array) -> Array:
    """Integrate forces at points against the shape functions."""
    weighted = discretization.weights[:, None] * forces
    return np.asarray((discretization.interpolation.T @ weighted).ravel())


def _face_points(mesh: Mesh, faces: FaceSet) -> Iterator[tuple[FaceGroup, Array, Array]]:
    """Yield groups of faces, shape functions (n_q, n_nodes), area vectors (n_faces, n_q, n_dim).

    The area vector is the outward normal times weight and area; its length is the quadrature
    weight of the point.
    """
    for group in face_connectivity(mesh, faces):
        cell = CELLS[group.cell_type]
        rule = formulation(group.formulation).face_rule(group.cell_type)
        corners = np.swapaxes(mesh.nodes[group.nodes], 1, 2)
        tangents = corners[:, None] @ cell.gradient(rule.points)
        if cell.n_dim == 1:
            # The cell lies on the left of the edge: turn the tangent to the right.
            normals = np.stack([tangents[:, :, 1, 0], -tangents[:, :, 0, 0]], axis=-1)
        else:
            normals = np.cross(tangents[..., 0], tangents[..., 1])
        yield group, cell.shape(rule.points), normals * rule.weights[:, None]


def _face_operator(
    mesh: Mesh, faces: FaceSet, *, at: Place, by: Literal["normal", "area"]
) -> csr_matrix:
    """Return the matrix from values at faces or nodes to nodal forces.

    Rows are dofs when the load acts along the normal, nodes when it has its own direction.
    """
    if at not in ("faces", "nodes"):
        message = f"values of a surface load are given at 'faces' or 'nodes', not at {at!r}."
        raise ValueError(message)
    n_values = len(faces.cells) if at == "faces" else mesh.n_nodes
    n_rows = mesh.n_dofs if by == "normal" else mesh.n_nodes
    matrix = csr_matrix((n_rows, n_values))
    for group, shape, vectors in _face_points(mesh, faces):
        areas = -vectors if by == "normal" else np.linalg.norm(vectors, axis=2)[:, :, None]
        # Value at each point of a face: its own, or from the nodes of the face.
        given = np.ones((len(shape), 1)) if at == "faces" else shape
        columns = group.positions[:, None] if at == "faces" else group.nodes
        entries = np.einsum("fqi,qa,qb->faib", areas, shape, given, optimize=True)
        n_out = areas.shape[2]
        rows = group.nodes[:, :, None] * n_out + np.arange(n_out)
        rows, columns = np.broadcast_arrays(rows[:, :, :, None], columns[:, None, None, :])
        places = (rows.ravel(), columns.ravel())
        matrix = matrix + coo_matrix((entries.ravel(), places), shape=matrix.shape).tocsr()
    return matrix


def _as_many(values: Array, n_values: int, at: Place) -> Array:
    """Return `values`, which must be one for each face or node."""
    if len(values) != n_values:
        message = f"a surface load at {n_values} {at} needs as many values, got {len(values)}."
        raise ValueError(message)
    return values
