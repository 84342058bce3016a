"""Hidden surfaces: triangles on a grid of pixels, the nearest one wins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array

# Pixels looked at together: bounds the memory to some 100 MB.
_CHUNK = 250_000
_NOTHING = -1
_ROUNDING = 1e-9


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
    Collective: no. Deterministic: yes. Mutates nothing. Cost: the sum of the bounding boxes of
    the triangles, in pixels.

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
    for numbers, row, column in _candidates(corners, height, width):
        one, two = _at(planes, 0, numbers, row, column), _at(planes, 1, numbers, row, column)
        # Inclusive, with some rounding, so that no pixel falls between neighbours.
        inside = (one >= -_ROUNDING) & (two >= -_ROUNDING) & (one + two <= 1.0 + _ROUNDING)
        pixels = row * width + column
        depths = _at(planes, 2, numbers, row, column)
        nearer = np.flatnonzero(inside & (depths > depth[pixels]))
        # Of assignments to the same pixel the last one stays: the nearest triangle.
        order = nearer[np.argsort(depths[nearer], kind="stable")]
        nearest[pixels[order]] = numbers[order]
        depth[pixels[order]] = depths[order]
    seen = np.flatnonzero(nearest != _NOTHING)
    one, two = (_at(planes, k, nearest[seen], seen // width, seen % width) for k in (0, 1))
    return Raster(shape, seen, nearest[seen], np.stack([1.0 - one - two, one, two], axis=1))


def _planes(corners: Array) -> Array:
    """Return two barycentric coordinates and the depth as affine functions of the position.

    For each triangle (n, 3 functions, 3 factors: of the column, of the row, constant).
    """
    origin = corners[:, 0]
    first, second = corners[:, 1] - origin, corners[:, 2] - origin
    area = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    flat = area == 0.0
    slopes = np.stack([second[:, 1], -second[:, 0], -first[:, 1], first[:, 0]], axis=1)
    slopes = slopes.reshape(-1, 2, 2) / np.where(flat, 1.0, area)[:, None, None]
    heights = np.stack([first[:, 2], second[:, 2]], axis=1)
    tilt = np.einsum("nk,nkd->nd", heights, slopes)
    planes = np.zeros((len(corners), 3, 3))
    planes[:, :2, :2], planes[:, 2, :2] = slopes, tilt
    planes[:, :, 2] = -np.einsum("nkd,nd->nk", planes[:, :, :2], origin[:, :2])
    planes[:, 2, 2] += origin[:, 2]
    planes[flat] = [0.0, 0.0, -1.0]  # seen from nowhere
    return planes


def _at(planes: Array, number: int, triangles: Array, row: Array, column: Array) -> Array:
    """Evaluate one of the functions of some triangles at the centres of some pixels."""
    across, down, constant = planes[:, number].T
    place = across[triangles] * (column + 0.5)
    place += down[triangles] * (row + 0.5)
    return np.asarray(place + constant[triangles])


def _candidates(corners: Array, height: int, width: int) -> Iterator[tuple[Array, Array, Array]]:
    """Yield triangles with row and column of the pixels in their bounding boxes, some at a time."""
    limits = [width, height]
    low = np.clip(np.ceil(corners[:, :, :2].min(axis=1) - 0.5), 0, limits).astype(np.int64)
    high = np.clip(np.floor(corners[:, :, :2].max(axis=1) + 0.5), 0, limits).astype(np.int64)
    extent = np.maximum(high - low, 0)
    count = extent.prod(axis=1)
    ends = np.cumsum(count)
    for start in range(0, int(count.sum()), _CHUNK):
        place = np.arange(start, min(start + _CHUNK, int(ends[-1])))
        first, last = np.searchsorted(ends, place[[0, -1]], side="right")
        among = np.diff(
            np.concatenate([[start], np.minimum(ends[first : last + 1], place[-1] + 1)])
        )
        numbers = np.repeat(np.arange(first, last + 1), among)
        row, column = np.divmod(place - (ends - count)[numbers], extent[numbers, 0])
        yield numbers, low[numbers, 1] + row, low[numbers, 0] + column
