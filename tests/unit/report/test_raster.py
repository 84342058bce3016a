"""Hidden surfaces against areas and depths known from geometry."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from romnet.report.raster import rasterise

_COORDINATE = st.floats(-5.0, 25.0)


def test_covered_pixels_are_the_area_of_the_triangle():
    corners = np.array([[[3.2, 4.1, 0.0], [190.7, 30.3, 0.0], [60.9, 140.6, 0.0]]])
    across, along = corners[0, 1] - corners[0, 0], corners[0, 2] - corners[0, 0]
    area = 0.5 * abs(across[0] * along[1] - across[1] * along[0])
    assert rasterise(corners, (150, 200)).pixels.size == pytest.approx(area, rel=5e-3)


def test_neighbours_leave_no_gap_between_them():
    generator = np.random.default_rng(1)
    centre = np.array([50.0, 40.0, 0.0])
    angles = np.sort(generator.uniform(0.0, 2.0 * np.pi, 40))
    rim = 200.0 * np.column_stack([np.cos(angles), np.sin(angles), np.zeros(40)])
    fan = [np.stack([centre, a, b]) for a, b in zip(rim, np.roll(rim, -1, axis=0), strict=True)]
    assert rasterise(np.stack(fan), (80, 100)).pixels.size == 80 * 100


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[_COORDINATE] * 9), min_size=1, max_size=6))
def test_the_nearest_triangle_is_seen(numbers):
    corners = np.array(numbers).reshape(-1, 3, 3)
    seen = rasterise(corners, (20, 20))
    place = np.stack([seen.pixels % 20 + 0.5, seen.pixels // 20 + 0.5], axis=1)
    found = np.einsum("nk,nkd->nd", seen.shares, corners[seen.triangles])
    # A sliver multiplies rounding by its slope.
    assert np.allclose(found[:, :2], place, atol=1e-4)
    for pixel, triangle, depth in zip(place, seen.triangles, found[:, 2], strict=True):
        assert depth >= _depth(corners, pixel, but=triangle) - 1e-4


def _depth(corners, pixel, *, but):
    """Return the largest depth at a place strictly inside triangles, by a dense solve each."""
    largest = -np.inf
    for number, triangle in enumerate(corners):
        system = np.vstack([triangle[:, :2].T, np.ones(3)])
        if number == but or np.linalg.cond(system) > 1e6:
            continue
        shares = np.linalg.solve(system, np.append(pixel, 1.0))
        if shares.min() > 1e-3:
            largest = max(largest, float(shares @ triangle[:, 2]))
    return largest


def test_triangles_outside_the_picture_are_not_seen():
    triangle = np.array([[[30.0, 1.0, 0.0], [40.0, 1.0, 0.0], [35.0, 9.0, 0.0]]])
    assert rasterise(triangle, (10, 20)).pixels.size == 0
    assert rasterise(np.zeros((0, 3, 3)), (10, 20)).pixels.size == 0
