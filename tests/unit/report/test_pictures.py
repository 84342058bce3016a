"""Pictures, read back from their files."""

from __future__ import annotations

import io
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.image import imread

from romnet.report.case_values import NodalField
from romnet.report.model_values import SelectedPoints
from romnet.report.pictures import field_png, points_png, render_field
from romnet.report.skin import Skin

SMALL = {"pixels": 250}
SQUARE = Skin(
    np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]]),
    np.array([[0, 1, 2, 3]]),
    np.zeros((0, 3), np.int64),
)


def _pixels(content):
    return imread(io.BytesIO(content), format="png")[..., :3]


def _nearest_colour(pixels, colour):
    return np.abs(pixels - colour).max(axis=-1).min()


def test_the_ends_of_the_field_have_the_ends_of_the_colour_map():
    pixels = _pixels(
        field_png(SQUARE, NodalField("x", "mm", np.array([0.0, 1.0, 1.0, 0.0])), **SMALL)
    )
    row = pixels[75, :225]
    painted = np.flatnonzero(row.max(axis=-1) < 0.99)
    left, right = row[painted[8]], row[painted[-8]]
    for colour, value in ((left, 0.03), (right, 0.97)):
        expected = np.array(colormaps["viridis"](value)[:3])
        # Lighting may darken a little; the hue stays.
        assert np.allclose(colour / colour.max(), expected / expected.max(), atol=0.12)


def test_unknown_values_are_grey():
    values = np.array([0.0, 1.0, np.nan, np.nan])
    pixels = _pixels(field_png(SQUARE, NodalField("x", "mm", values), **SMALL))
    flat = pixels[50, 25:200]
    assert (np.ptp(flat, axis=1) < 0.02).mean() > 0.9


def test_the_file_is_the_picture(tmp_path, data):
    field = data.cases[1].picture
    render_field(tmp_path / "a.png", data.skin, field, length_unit="mm", **SMALL)
    again = field_png(data.skin, field, length_unit="mm", **SMALL)
    assert (tmp_path / "a.png").read_bytes() == again


def test_drawing_leaves_the_settings_of_the_user_alone():
    before = dict(mpl.rcParams)
    field_png(SQUARE, NodalField("a$b_{", "m$", np.zeros(4), np.full((4, 3), np.nan)), **SMALL)
    assert dict(mpl.rcParams) == before


def test_a_field_of_another_mesh_is_refused():
    with pytest.raises(ValueError, match="5 values for the 4 vertices"):
        field_png(SQUARE, NodalField("x", "mm", np.zeros(5)))


def test_heavy_points_are_drawn_larger(data):
    accent = np.array([27, 94, 155]) / 255.0
    areas = []
    for weight in (0.2, 2.0):
        positions = np.array([[0.5, 1.0, 0.2], [0.5, 0.0, 0.5], [0.5, 0.0, 0.9]])
        points = SelectedPoints(positions, np.array([0.5, weight, 0.5]))
        pixels = _pixels(points_png(data.skin, points, **SMALL))
        blue = pixels[..., 2] - pixels[..., 0] > 0.2
        areas.append(np.count_nonzero(blue))
        assert _nearest_colour(pixels, accent) < 0.02
    assert areas[1] > 1.2 * areas[0]


def test_no_points_and_no_field_are_drawn_without_complaint(data):
    none = SelectedPoints(np.zeros((0, 3)), np.zeros(0))
    assert points_png(SQUARE, none, **SMALL).startswith(b"\x89PNG")
    unknown = replace(data.cases[1].picture, values=np.full(len(data.skin.vertices), np.nan))
    assert field_png(data.skin, unknown, **SMALL).startswith(b"\x89PNG")
