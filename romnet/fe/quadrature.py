"""Integration rules of the reference cells: points in a declared order, and weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from types import MappingProxyType

import numpy as np
import scipy.special
from jaxtyping import Float

from romnet.core.arrays import Array


@dataclass(frozen=True, eq=False)
class QuadratureRule:
    """Points and weights on a reference cell.

    Attributes
    ----------
    name
        Key of `RULES`: geometry and number of points, such as ``"hex:8"``; then the order of the
        points where one rule is listed in two orders, such as ``"quad:4:y_first"``.
    geometry
        Reference cell it integrates (`romnet.fe.cells.ReferenceCell.geometry`).
    points
        Reference coordinates (n_points, n_dim) [-]. Tensor rules run along x first, then y, then
        z, unless named ``y_first``; wedges run through the triangle first; simplex orbits, and
        the five points of the pyramid, start with the point nearest to node 0, then node 1, ...
    weights
        They sum to the measure of the reference cell; one rule has a negative one.
    degree
        Polynomials up to this total degree are integrated exactly.
    """

    name: str
    geometry: str
    points: Float[Array, "n_points n_dim"]
    weights: Float[Array, " n_points"]
    degree: int

    @property
    def n_points(self) -> int:
        """Number of points."""
        return int(self.weights.size)

    @property
    def positive(self) -> bool:
        """Whether all weights are positive."""
        return bool((self.weights > 0.0).all())


# Points, weights, degree.
_Rule = tuple[Array, Array, int]


def _line(n_points: int) -> _Rule:
    """Return the Gauss-Legendre rule on [-1, 1]."""
    if n_points == 1:
        points, weights = [0.0], [2.0]
    elif n_points == 2:  # noqa: PLR2004
        points, weights = [-sqrt(1 / 3), sqrt(1 / 3)], [1.0, 1.0]
    else:
        points, weights = [-sqrt(3 / 5), 0.0, sqrt(3 / 5)], [5 / 9, 8 / 9, 5 / 9]
    return np.array(points)[:, None], np.array(weights), 2 * n_points - 1


def _tensor(first: _Rule, second: _Rule) -> _Rule:
    """Return the product of two rules; the points of the first run fastest."""
    points = [np.append(p, q) for q in second[0] for p in first[0]]
    weights = np.outer(second[1], first[1]).ravel()
    return np.array(points), weights, min(first[2], second[2])


def _vertices(n_dim: int, small: float) -> Array:
    """Return one point for each vertex: barycentric `small` for the other vertices."""
    barycentric = np.full((n_dim + 1, n_dim + 1), small)
    np.fill_diagonal(barycentric, 1.0 - n_dim * small)
    return barycentric[:, 1:]


def _tet_edges(small: float) -> Array:
    """Return one point for each edge of a tetrahedron: `small` for the two other vertices."""
    pairs = ((0, 1), (1, 2), (0, 2), (0, 3), (1, 3), (2, 3))
    barycentric = np.full((6, 4), small)
    for row, pair in zip(barycentric, pairs, strict=True):
        row[list(pair)] = 0.5 - small
    return barycentric[:, 1:]


def _orbits(degree: int, *orbits: tuple[Array, float]) -> _Rule:
    """Return a rule of symmetric orbits, each with one weight."""
    points = np.vstack([orbit for orbit, _ in orbits])
    weights = np.concatenate([np.full(len(orbit), weight) for orbit, weight in orbits])
    return points, weights, degree


def _tri(n_points: int) -> _Rule:
    """Return a symmetric rule on the unit triangle."""
    centre = np.full((1, 2), 1 / 3)
    if n_points == 1:
        return _orbits(1, (centre, 1 / 2))
    if n_points == 3:  # noqa: PLR2004
        return _orbits(2, (_vertices(2, 1 / 6), 1 / 6))
    if n_points == 6:  # noqa: PLR2004
        place, weight = sqrt(38 - 44 * sqrt(2 / 5)), sqrt(213125 - 53320 * sqrt(10))
        return _orbits(
            4,
            (_vertices(2, (8 - sqrt(10) + place) / 18), (620 + weight) / 7440),
            (_vertices(2, (8 - sqrt(10) - place) / 18), (620 - weight) / 7440),
        )
    return _orbits(
        5,
        (centre, 9 / 80),
        (_vertices(2, (6 - sqrt(15)) / 21), (155 - sqrt(15)) / 2400),
        (_vertices(2, (6 + sqrt(15)) / 21), (155 + sqrt(15)) / 2400),
    )


def _tet(n_points: int) -> _Rule:
    """Return a symmetric rule on the unit tetrahedron."""
    centre = np.full((1, 3), 1 / 4)
    if n_points == 1:
        return _orbits(1, (centre, 1 / 6))
    if n_points == 4:  # noqa: PLR2004
        return _orbits(2, (_vertices(3, (5 - sqrt(5)) / 20), 1 / 24))
    if n_points == 5:  # noqa: PLR2004
        return _orbits(3, (_vertices(3, 1 / 6), 3 / 40), (centre, -2 / 15))
    return _orbits(
        5,
        (_vertices(3, 0.092735250310891226402), 0.073493043116361949544 / 6),
        (_vertices(3, 0.31088591926330060980), 0.11268792571801585080 / 6),
        (_tet_edges(0.045503704125649649492), 0.042546020777081466438 / 6),
    )


def _quad(n_line: int) -> _Rule:
    """Return the tensor rule on the square."""
    return _tensor(_line(n_line), _line(n_line))


def _quad_y_first(n_line: int) -> _Rule:
    """Return the tensor rule on the square, its points running along y first."""
    points, weights, degree = _quad(n_line)
    return points[:, ::-1].copy(), weights, degree


def _hex(n_line: int) -> _Rule:
    """Return the tensor rule on the cube."""
    return _tensor(_quad(n_line), _line(n_line))


def _hex_14() -> _Rule:
    """Return the rule of degree 5 with eight points near the corners and six near the faces."""
    near_corners = sqrt(19 / 33) * np.sign(_hex(2)[0])
    near_faces = sqrt(19 / 30) * np.kron(np.eye(3), [[-1.0], [1.0]])
    return _orbits(5, (near_corners, 121 / 361), (near_faces, 320 / 361))


def _pyramid(n_line: int) -> _Rule:
    """Return the conical product: Gauss on the shrinking square, Gauss-Jacobi to the apex.

    It is also exact for the rational gradients of the pyramid, polynomial once collapsed.
    """
    square, square_weights, degree = _quad(n_line)
    heights, height_weights = scipy.special.roots_jacobi(n_line, 2.0, 0.0)
    heights = (heights + 1.0) / 2.0
    points = [np.append(p * (1.0 - height), height) for height in heights for p in square]
    return np.array(points), np.outer(height_weights / 8.0, square_weights).ravel(), degree


def _pyramid_5() -> _Rule:
    """Return the rule of degree 2 with four points towards the corners and one on the axis.

    With equal weights 4/15, four points at height a and one at b: the integrals of z and z**2
    ask for 4 a + b = 5/4 and 4 a**2 + b**2 = 1/2; that of x**2 puts the four at x, y = +-1/2.
    """
    low, high = (10 - sqrt(15)) / 40, (10 + 4 * sqrt(15)) / 40
    corners = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    around = np.column_stack([corners / 2, np.full(4, low)])
    return _orbits(2, (around, 4 / 15), (np.array([[0.0, 0.0, high]]), 4 / 15))


def _all_rules() -> dict[str, QuadratureRule]:
    """Build every rule."""
    rules: dict[str, _Rule] = {f"line:{n}": _line(n) for n in (1, 2, 3)}
    rules |= {f"tri:{n}": _tri(n) for n in (1, 3, 6, 7)}
    rules |= {f"quad:{n**2}": _quad(n) for n in (1, 2, 3)}
    rules |= {f"quad:{n**2}:y_first": _quad_y_first(n) for n in (2, 3)}
    rules |= {f"tet:{n}": _tet(n) for n in (1, 4, 5, 14)}
    rules |= {f"pyramid:{n**3}": _pyramid(n) for n in (1, 2, 3)}
    rules |= {
        f"wedge:{in_plane * along}": _tensor(_tri(in_plane), _line(along))
        for in_plane, along in ((1, 1), (1, 2), (3, 2), (3, 3), (6, 3), (7, 3))
    }
    rules |= {f"hex:{n**3}": _hex(n) for n in (1, 2, 3)}
    rules["hex:14"] = _hex_14()
    rules["pyramid:5"] = _pyramid_5()
    return {name: QuadratureRule(name, name.split(":")[0], *rule) for name, rule in rules.items()}


RULES: Mapping[str, QuadratureRule] = MappingProxyType(_all_rules())
"""Every rule by its name."""
