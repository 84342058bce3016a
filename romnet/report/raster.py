"""Hidden surfaces: triangles on a grid of pixels, the nearest one wins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array

# Pixels looked at together.
_CHUNK = 300_000
_NOTHING = -1
_DEPTH = 3  # the function that follows the three barycentric coordinates
_ROUNDING = 1e-9
_LEVEL = 1e-15  # change of a barycentric coordinate along a row that counts as none
_THINNEST = 1e-9  # twice the area of a triangle that can be seen, in pixels


@dataclass(frozen=True)
class Raster:
    """What is seen through the pixels that see anything.

    Attributes
    ----------
    shape
        Height and width of the picture.
    pixels
        Numbers of these pixels, ``row * width + column``, ascending (n_seen,).
    triangles
        The nearest triangle of each (n_seen,).
    shares
        Barycentric coordinates in it (n_seen, 3) [-].
    """

    shape: tuple[int, int]
    pixels: Int[Array, " n_seen"]
    triangles: Int[Array, " n_seen"]
    shares: Float[Array, "n_seen 3"]


def rasterise(corners: Float[Array, "n_triangles 3 3"], shape: tuple[int, int]) -> Raster:
    """Find the triangle that each pixel shows.

    Parameters
    ----------
    corners
        Corners of each triangle in pixels: column, row, and a depth that grows towards the eye.
    shape
        Height and width of the picture; pixel (row, column) is seen through its centre
        ``(column + 0.5, row + 0.5)``.

    Returns
    -------
    Raster
        Exact up to rounding, also where triangles cross each other.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing. Cost: the area of all
    triangles, in pixels.

    Examples
    --------
    A small triangle before a large one:

    >>> near = np.array([[0.0, 0.0, 1.0], [2.2, 0.0, 1.0], [0.0, 2.2, 1.0]])
    >>> far = near * [2.0, 2.0, 0.0]
    >>> seen = rasterise(np.stack([near, far]), (3, 3))
    >>> seen.pixels.tolist(), seen.triangles.tolist()
    ([0, 1, 2, 3, 4, 5, 6, 7], [0, 0, 1, 0, 1, 1, 1, 1])
    """
    height, width = shape
    planes = _planes(corners)
    nearest = np.full(height * width, _NOTHING, dtype=np.int64)
    depth = np.full(height * width, -np.inf)
    for numbers, row, column in _covered(planes, corners, height, width):
        pixels = row * width + column
        depths = _at(planes[numbers, _DEPTH], row, column)
        nearer = np.flatnonzero(depths > depth[pixels])
        # Of assignments to the same pixel the last one stays: the nearest triangle.
        order = nearer[np.argsort(depths[nearer], kind="stable")]
        nearest[pixels[order]] = numbers[order]
        depth[pixels[order]] = depths[order]
    seen = np.flatnonzero(nearest != _NOTHING)
    row, column = np.divmod(seen, width)
    shares = [_at(planes[nearest[seen], k], row, column) for k in range(_DEPTH)]
    return Raster(shape, seen, nearest[seen], np.stack(shares, axis=1))


def _planes(corners: Array) -> Array:
    """Return barycentric coordinates and depth as affine functions of the position.

    For each triangle (n, 4 functions, 3 factors: of the column, of the row, constant).
    """
    origin = corners[:, 0]
    first, second = corners[:, 1] - origin, corners[:, 2] - origin
    area = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    thin = np.abs(area) < _THINNEST
    slopes = np.stack([second[:, 1], -second[:, 0], -first[:, 1], first[:, 0]], axis=1)
    slopes = slopes.reshape(-1, 2, 2) / np.where(thin, 1.0, area)[:, None, None]
    constants = -np.einsum("nkd,nd->nk", slopes, origin[:, :2])
    planes = np.zeros((len(corners), 4, 3))
    planes[:, 1:3, :2], planes[:, 1:3, 2] = slopes, constants
    planes[:, 0] = [0.0, 0.0, 1.0] - planes[:, 1] - planes[:, 2]
    planes[:, _DEPTH] = np.einsum("nk,nkf->nf", corners[:, :, 2], planes[:, :_DEPTH])
    planes[thin] = [0.0, 0.0, -1.0]  # nothing of it is inside
    return planes


def _at(factors: Array, row: Array, column: Array) -> Array:
    """Evaluate affine functions at the centres of pixels."""
    return np.asarray(factors[:, 0] * (column + 0.5) + factors[:, 1] * (row + 0.5) + factors[:, 2])


def _covered(
    planes: Array, corners: Array, height: int, width: int
) -> Iterator[tuple[Array, Array, Array]]:
    """Yield triangles with row and column of the pixels that they cover, some at a time."""
    low = np.clip(np.ceil(corners[:, :, 1].min(axis=1) - 0.5), 0, height).astype(np.int64)
    high = np.clip(np.floor(corners[:, :, 1].max(axis=1) + 0.5), 0, height).astype(np.int64)
    numbers, within = _unrolled(np.maximum(high - low, 0))
    row = low[numbers] + within
    first, count = _spans(planes[numbers, :_DEPTH], row, width)
    ends = np.cumsum(count)
    start = 0
    while start < len(count):
        stop = start + max(1, int(np.searchsorted(ends[start:] - ends[start], _CHUNK)))
        strip, step = _unrolled(count[start:stop])
        strip += start
        yield numbers[strip], row[strip], first[strip] + step
        start = stop


def _spans(shares: Array, row: Array, width: int) -> tuple[Array, Array]:
    """Return the first column and the number of columns that triangles cover in rows."""
    left, right = np.full(len(row), 0.5), np.full(len(row), width - 0.5)
    for k in range(_DEPTH):
        slope = np.where(np.abs(shares[:, k, 0]) < _LEVEL, 0.0, shares[:, k, 0])
        # Inclusive, with some rounding, so that no pixel falls between neighbours.
        rest = shares[:, k, 1] * (row + 0.5) + shares[:, k, 2] + _ROUNDING
        bound = np.clip(-rest / np.where(slope == 0.0, 1.0, slope), -1.0, width + 1.0)
        left = np.where(slope > 0.0, np.maximum(left, bound), left)
        right = np.where(slope < 0.0, np.minimum(right, bound), right)
        right = np.where((slope == 0.0) & (rest < 0.0), -1.0, right)
    first = np.ceil(left - 0.5).astype(np.int64)
    return first, np.maximum(np.floor(right - 0.5).astype(np.int64) - first + 1, 0)


def _unrolled(count: Array) -> tuple[Array, Array]:
    """Return each position as often as counted, and the number of each time."""
    positions = np.repeat(np.arange(len(count)), count)
    return positions, np.arange(len(positions)) - np.repeat(np.cumsum(count) - count, count)
