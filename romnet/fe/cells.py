"""Reference cells: nodes, shape functions and faces, one formula for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from types import MappingProxyType

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array

_Powers = Sequence[tuple[int, ...]]
# Shape function coefficients are multiples of this; rounding to it removes the inversion noise.
_COEFFICIENT_STEP = 0.125


@dataclass(frozen=True, eq=False)
class ReferenceCell:
    r"""Reference cell of one type, nodes in VTK order.

    Shape functions are combinations of monomials :math:`m_j`, fixed by the Kronecker property
    at the nodes: :math:`N(x) = m(x) V^{-1}` with :math:`V_{ij} = m_j(x_i)`. The pyramid has
    :math:`1/(1-z)` as a fourth variable.

    Attributes
    ----------
    name
        Type, a key of `CELLS`.
    geometry
        Shape without the nodes: ``line``, ``tri``, ``quad``, ``tet``, ``pyramid``, ``wedge``,
        ``hex``.
    n_dim
        Dimension of the reference coordinates.
    nodes
        Reference coordinates [-]: ``[-1, 1]`` along tensor directions, the unit simplex along
        the others; the pyramid has its apex at ``(0, 0, 1)``.
    powers
        Exponents of each monomial, one column for each variable.
    faces
        Cell type and local nodes of each face. Corners turn around the *outward* normal by the
        right-hand rule; edges of plane cells keep the cell on their left.
    """

    name: str
    geometry: str
    n_dim: int
    nodes: Float[Array, "n_nodes n_dim"]
    powers: Int[Array, "n_nodes n_variables"]
    faces: tuple[tuple[str, tuple[int, ...]], ...]

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return int(self.nodes.shape[0])

    @property
    def n_corners(self) -> int:
        """Number of corner nodes, which come first."""
        return len(_CORNERS[self.geometry])

    def shape(self, points: Float[Array, "n_points n_dim"]) -> Float[Array, "n_points n_nodes"]:
        """Return the shape functions at reference points.

        Examples
        --------
        >>> CELLS["quad4"].shape(np.array([[0.0, 0.0], [1.0, -1.0]])).tolist()
        [[0.25, 0.25, 0.25, 0.25], [0.0, 1.0, 0.0, 0.0]]
        """
        return np.asarray(_monomials(self._variables(points), self.powers) @ self._coefficients)

    def gradient(
        self, points: Float[Array, "n_points n_dim"]
    ) -> Float[Array, "n_points n_nodes n_dim"]:
        """Return the derivatives of the shape functions in the reference coordinates.

        Notes
        -----
        At the apex of the pyramid, where it does not exist, one of its limits is returned.

        Examples
        --------
        >>> CELLS["line2"].gradient(np.array([[0.3]])).tolist()
        [[[-0.5], [0.5]]]
        """
        variables = self._variables(points)
        slopes = [_derivative(variables, self.powers, number) for number in range(self.n_dim)]
        if self.geometry == "pyramid":
            inverse_height = variables[:, 3:]
            slopes[2] = slopes[2] + _derivative(variables, self.powers, 3) * inverse_height**2
        return np.stack([slope @ self._coefficients for slope in slopes], axis=-1)

    @cached_property
    def _coefficients(self) -> Array:
        """Coefficients of the shape functions (n_monomials, n_nodes)."""
        inverse = np.linalg.inv(_monomials(self._variables(self.nodes), self.powers))
        return np.asarray(np.round(inverse / _COEFFICIENT_STEP) * _COEFFICIENT_STEP)

    def _variables(self, points: Array) -> Array:
        """Return what the monomials are made of: the coordinates, and 1/(1-z) in a pyramid."""
        if self.geometry != "pyramid":
            return points
        height = 1.0 - points[:, 2]
        apex = height < np.finfo(float).eps
        # x y / (1-z) tends to zero at the apex, so zero is the right value there.
        inverse = np.where(apex, 0.0, 1.0 / np.where(apex, 1.0, height))
        return np.column_stack([points, inverse])


def _monomials(variables: Array, powers: Array) -> Array:
    """Return the monomials at each point (n_points, n_monomials)."""
    return np.asarray(np.prod(variables[:, None, :] ** powers, axis=-1))


def _derivative(variables: Array, powers: Array, number: int) -> Array:
    """Return the derivatives of the monomials in one variable."""
    lowered = powers.copy()
    lowered[:, number] = np.maximum(powers[:, number] - 1, 0)
    return np.asarray(powers[:, number] * _monomials(variables, lowered))


_SQUARE = ((-1, -1), (1, -1), (1, 1), (-1, 1))
_TRIANGLE = ((0, 0), (1, 0), (0, 1))
_CORNERS: dict[str, tuple[tuple[int, ...], ...]] = {
    "line": ((-1,), (1,)),
    "tri": _TRIANGLE,
    "quad": _SQUARE,
    "tet": ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "pyramid": (*((x, y, 0) for x, y in _SQUARE), (0, 0, 1)),
    "wedge": tuple((x, y, z) for z in (-1, 1) for x, y in _TRIANGLE),
    "hex": tuple((x, y, z) for z in (-1, 1) for x, y in _SQUARE),
}
_RING = ((0, 1), (1, 2), (2, 3), (3, 0))
_EDGES: dict[str, tuple[tuple[int, int], ...]] = {
    "line": ((0, 1),),
    "tri": ((0, 1), (1, 2), (2, 0)),
    "quad": _RING,
    "tet": ((0, 1), (1, 2), (2, 0), (0, 3), (1, 3), (2, 3)),
    "wedge": (
        *((0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)),
        *((0, 3), (1, 4), (2, 5)),
    ),
    "hex": (
        *_RING,
        *((first + 4, second + 4) for first, second in _RING),
        *((0, 4), (1, 5), (2, 6), (3, 7)),
    ),
}
_FACES: dict[str, tuple[tuple[int, ...], ...]] = {
    "line": (),
    "tri": _EDGES["tri"],
    "quad": _EDGES["quad"],
    "tet": ((0, 1, 3), (1, 2, 3), (2, 0, 3), (0, 2, 1)),
    "pyramid": ((0, 3, 2, 1), (0, 1, 4), (1, 2, 4), (2, 3, 4), (3, 0, 4)),
    "wedge": ((0, 2, 1), (3, 4, 5), (0, 1, 4, 3), (1, 2, 5, 4), (2, 0, 3, 5)),
    "hex": (
        *((0, 4, 7, 3), (1, 2, 6, 5), (0, 1, 5, 4)),
        *((2, 3, 7, 6), (0, 3, 2, 1), (4, 5, 6, 7)),
    ),
}


def _corner_nodes(geometry: str) -> Array:
    """Return the reference coordinates of the corners."""
    return np.array(_CORNERS[geometry], dtype=float)


def _with_midpoints(geometry: str) -> Array:
    """Return the corners, then the middle of each edge."""
    corners = _corner_nodes(geometry)
    middles = [corners[list(edge)].mean(axis=0) for edge in _EDGES[geometry]]
    return np.vstack([corners, *middles])


def _with_face_centres(geometry: str) -> Array:
    """Return corners, middles of edges, middles of faces in VTK order, and the centre."""
    faces = [[0.0] * axis + [side] + [0.0] * (2 - axis) for axis in range(3) for side in (-1, 1)]
    centres = faces if geometry == "hex" else []
    centre = np.zeros(len(_CORNERS[geometry][0]))
    return np.vstack([_with_midpoints(geometry), *centres, centre])


def _up_to(limit: int, n_variables: int) -> _Powers:
    """Return the exponents of each variable up to `limit` (tensor product)."""
    return list(product(range(limit + 1), repeat=n_variables))


def _complete(degree: int, n_variables: int) -> _Powers:
    """Return the exponents of total degree up to `degree`."""
    return [powers for powers in _up_to(degree, n_variables) if sum(powers) <= degree]


def _serendipity(n_variables: int) -> _Powers:
    """Return the quadratic exponents with at most one square."""
    return [powers for powers in _up_to(2, n_variables) if powers.count(2) <= 1]


_WEDGE_6 = [(i, j, k) for k in range(2) for i, j in _complete(1, 2)]
# Quadratic in the triangle and along the axis, without (quadratic) x (quadratic).
_WEDGE_15 = [
    (i, j, k)
    for k in range(3)
    for i, j in _complete(2, 2)
    if i + j + max(k - 1, 0) <= 2  # noqa: PLR2004
]
# 1, x, y, z, x y / (1-z): linear on every triangular face, bilinear on the base.
_PYRAMID_5 = [(0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (1, 1, 0, 1)]


def _cell(
    name: str,
    nodes: Array,
    powers: _Powers,
    face_types: Mapping[int, str],
    table: Mapping[str, ReferenceCell],
) -> ReferenceCell:
    """Build a cell whose faces of 2, 3 or 4 corners are of the given types, from `table`."""
    geometry = name.rstrip("0123456789")
    faces = []
    for corners in _FACES[geometry]:
        face = table[face_types[len(corners)]]
        flat = table[f"{face.geometry}{face.n_corners}"]
        places = flat.shape(face.nodes) @ nodes[list(corners)]
        local = [int(np.linalg.norm(nodes - place, axis=1).argmin()) for place in places]
        faces.append((face.name, tuple(local)))
    return ReferenceCell(
        name=name,
        geometry=geometry,
        n_dim=nodes.shape[1],
        nodes=nodes,
        powers=np.array(powers, dtype=np.int64),
        faces=tuple(faces),
    )


_FIRST_ORDER = {2: "line2", 3: "tri3", 4: "quad4"}
_SECOND_ORDER = {2: "line3", 3: "tri6", 4: "quad8"}


def _all_cells() -> dict[str, ReferenceCell]:
    """Build every cell, faces before the cells that they bound."""
    table: dict[str, ReferenceCell] = {}
    recipes: tuple[tuple[str, Array, _Powers, Mapping[int, str]], ...] = (
        ("line2", _corner_nodes("line"), _up_to(1, 1), {}),
        ("line3", _with_midpoints("line"), _up_to(2, 1), {}),
        ("tri3", _corner_nodes("tri"), _complete(1, 2), _FIRST_ORDER),
        ("tri6", _with_midpoints("tri"), _complete(2, 2), _SECOND_ORDER),
        ("quad4", _corner_nodes("quad"), _up_to(1, 2), _FIRST_ORDER),
        ("quad8", _with_midpoints("quad"), _serendipity(2), _SECOND_ORDER),
        ("quad9", _with_face_centres("quad"), _up_to(2, 2), _SECOND_ORDER),
        ("tet4", _corner_nodes("tet"), _complete(1, 3), _FIRST_ORDER),
        ("tet10", _with_midpoints("tet"), _complete(2, 3), _SECOND_ORDER),
        ("pyramid5", _corner_nodes("pyramid"), _PYRAMID_5, _FIRST_ORDER),
        ("wedge6", _corner_nodes("wedge"), _WEDGE_6, _FIRST_ORDER),
        ("wedge15", _with_midpoints("wedge"), _WEDGE_15, _SECOND_ORDER),
        ("hex8", _corner_nodes("hex"), _up_to(1, 3), _FIRST_ORDER),
        ("hex20", _with_midpoints("hex"), _serendipity(3), _SECOND_ORDER),
        ("hex27", _with_face_centres("hex"), _up_to(2, 3), {**_SECOND_ORDER, 4: "quad9"}),
    )
    for name, nodes, powers, face_types in recipes:
        table[name] = _cell(name, nodes, powers, face_types, table)
    return table


CELLS: Mapping[str, ReferenceCell] = MappingProxyType(_all_cells())
"""Every reference cell by its type."""
