"""Parallel projection of a skin onto a sheet, its triangles and its sharp edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from romnet.core.arrays import Array
from romnet.report.skin import Skin

_SHARP_DEGREES = 35.0


@dataclass(frozen=True)
class View:
    """Directions of the sheet in space; the third one points at the eye.

    Attributes
    ----------
    directions
        Rows: to the right, up, towards the eye; orthonormal.
    """

    directions: Float[Array, "3 3"]

    @classmethod
    def from_angles(cls, azimuth: float, elevation: float) -> View:
        """Look from an azimuth around the third axis and an elevation above the plane [degree].

        Examples
        --------
        >>> View.from_angles(-90.0, 0.0).directions.round(12).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]
        """
        turn, rise = np.radians([azimuth, elevation])
        right = [-np.sin(turn), np.cos(turn), 0.0]
        eye = [np.cos(rise) * np.cos(turn), np.cos(rise) * np.sin(turn), np.sin(rise)]
        return cls(np.array([right, np.cross(eye, right), eye]) + 0.0)

    @classmethod
    def of(cls, vertices: Float[Array, "n 3"]) -> View:
        """Choose a view: from above on a flat sheet, else from a raised corner."""
        flat = vertices.size == 0 or np.ptp(vertices[:, 2]) == 0.0
        return cls(np.eye(3)) if flat else cls.from_angles(-57.0, 24.0)

    @classmethod
    def facing(cls, skin: Skin, vertex: int) -> View:
        """Choose the raised or lowered corner that a vertex of a skin faces most.

        Examples
        --------
        >>> from romnet.fe.structured import box_mesh
        >>> from romnet.report.skin import skin_of
        >>> skin, _ = skin_of(box_mesh((1.0, 1.0, 1.0), (2, 2, 2)))
        >>> high = int(np.flatnonzero((skin.vertices == [1.0, 0.5, 0.5]).all(axis=1))[0])
        >>> bool(View.facing(skin, high).directions[2, 0] > 0.5)
        True
        """
        if np.ptp(skin.vertices[:, 2]) == 0.0:
            return cls(np.eye(3))
        facets = facets_of(skin)
        around = (facets.triangles == vertex).any(axis=1)
        normal = facets.normals[around].sum(axis=0)
        views = [
            cls.from_angles(azimuth, elevation)
            for elevation in (24.0, -24.0)
            for azimuth in (-57.0, 33.0, 123.0, -147.0)
        ]
        return max(views, key=lambda view: float(view.directions[2] @ normal))

    def project(self, vertices: Float[Array, "n 3"]) -> Float[Array, "n 3"]:
        """Return the coordinates on the sheet and the depth."""
        return np.asarray(vertices @ self.directions.T)


@dataclass(frozen=True)
class Facets:
    """Triangles that a skin is drawn with.

    A quadrilateral becomes four triangles around its centre, so that a field is drawn alike in
    every direction.

    Attributes
    ----------
    vertices
        The vertices, followed by the centres of the quadrilaterals (n, 3) [length].
    triangles
        Corners (n_triangles, 3).
    drawn
        Whether the edge opposite each corner is an edge of the skin (n_triangles, 3).
    """

    vertices: Float[Array, "n 3"]
    triangles: Int[Array, "n_triangles 3"]
    drawn: Bool[Array, "n_triangles 3"]

    @property
    def normals(self) -> Float[Array, "n_triangles 3"]:
        """Unit normals, zero where a triangle has no area."""
        corners = self.vertices[self.triangles]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        length = np.linalg.norm(normals, axis=1, keepdims=True)
        return np.asarray(normals / np.where(length > 0.0, length, 1.0))


def facets_of(skin: Skin) -> Facets:
    """Split the polygons of a skin into triangles.

    Examples
    --------
    >>> square = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    >>> facets = facets_of(Skin(square, np.array([[0, 1, 2, 3]]), np.zeros((0, 3), np.int64)))
    >>> facets.triangles.tolist()
    [[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]]
    """
    centres = len(skin.vertices) + np.arange(len(skin.quads))
    sides = np.stack([skin.quads, np.roll(skin.quads, -1, axis=1)], axis=2)
    hub = np.broadcast_to(centres[:, None, None], (*sides.shape[:2], 1))
    fans = np.concatenate([sides, hub], axis=2).reshape(-1, 3)
    drawn = np.ones((len(fans) + len(skin.triangles), 3), dtype=bool)
    drawn[: len(fans), :2] = False  # the spokes
    vertices = with_centres(skin, skin.vertices)
    return Facets(vertices, np.concatenate([fans, skin.triangles]), drawn)


def with_centres(
    skin: Skin, values: Float[Array, "n_vertices ..."]
) -> Float[Array, "n_vertices_and_quads ..."]:
    """Append the mean of the four corners of each quadrilateral to values on the vertices."""
    return np.concatenate([values, values[skin.quads].mean(axis=1)])


def sharp_edges(skin: Skin, view: View) -> tuple[Int[Array, "n_seen 2"], Int[Array, "n_behind 2"]]:
    """Return the edges where a skin ends or turns by more than 35 degrees.

    Parameters
    ----------
    skin
        The skin.
    view
        Where it is seen from.

    Returns
    -------
    seen
        Ends of the edges of a face that looks at the eye.
    behind
        Ends of the others.

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> from romnet.report.skin import skin_of
    >>> skin, _ = skin_of(box_mesh((1.0, 1.0, 1.0), (4, 4, 4)))
    >>> [len(edges) for edges in sharp_edges(skin, View.of(skin.vertices))]
    [36, 12]
    """
    facets = facets_of(skin)
    triangle, corner = np.nonzero(facets.drawn)
    following = np.stack([(corner + 1) % 3, (corner + 2) % 3], axis=1)
    ends = np.take_along_axis(facets.triangles[triangle], following, axis=1)
    edges, first, inverse, count = np.unique(
        np.sort(ends, axis=1), axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    edge = inverse.ravel()
    normals = facets.normals[triangle]
    flattest = np.ones(len(edges))
    np.minimum.at(flattest, edge, np.einsum("ni,ni->n", normals, normals[first[edge]]))
    sharp = (count == 1) | (flattest < np.cos(np.radians(_SHARP_DEGREES)))
    looking = np.full(len(edges), -np.inf)
    np.maximum.at(looking, edge, normals @ view.directions[2])
    return edges[sharp & (looking > 0.0)], edges[sharp & (looking <= 0.0)]
