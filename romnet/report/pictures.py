"""Pictures of a structure: a field on its skin, and the points that carry the reduced model."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from romnet.core.arrays import Array
from romnet.report.case_values import NodalField
from romnet.report.ink import ACCENT, MUTED, plain, png_of, styled
from romnet.report.model_values import SelectedPoints
from romnet.report.sheet import BAR, INCHES, Sheet, round_down
from romnet.report.skin import Skin
from romnet.report.view import View, facets_of, sharp_edges, with_centres

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure
else:
    Axes: TypeAlias = Any
    Figure: TypeAlias = Any
    ScalarMappable: TypeAlias = Any

_TIMES = "\N{MULTIPLICATION SIGN}"
PIXELS = 1000
_UNKNOWN = 0.80  # grey of faces where the field is NaN
_PALE = np.array([0.895, 0.915, 0.940])
_DEFORMED = 0.06  # largest displacement drawn, as a part of the diagonal
_CLOSE = 0.10  # half the width of a close view, as a part of the diagonal
_MARK_AREA = 34.0  # of a point of mean weight, when there are few


def render_field(
    path: Path, skin: Skin, field: NodalField, *, length_unit: str = "", pixels: int = PIXELS
) -> None:
    """Write the picture of a field as a PNG file.

    Parameters
    ----------
    path
        The file; its folder exists.
    skin
        Surface of the mesh.
    field
        What colours it.
    length_unit
        Written beside the scale.
    pixels
        Longer side of the picture, without the colour bar.

    Raises
    ------
    ValueError
        If the field does not fit the skin.
    OSError
        If the file cannot be written.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing. Cost: about a second, whatever the mesh.
    """
    path.write_bytes(field_png(skin, field, length_unit=length_unit, pixels=pixels))


def field_png(
    skin: Skin, field: NodalField, *, length_unit: str = "", pixels: int = PIXELS
) -> bytes:
    """Draw a field on the skin: colours, thin edges, colour bar with unit, axes and scale.

    Parameters
    ----------
    skin
        Surface of the mesh.
    field
        What colours it. If it has a displacement, the shape is drawn deformed and the factor of
        exaggeration is written beside it.
    length_unit
        Written beside the scale.
    pixels
        Longer side of the picture, without the colour bar.

    Returns
    -------
    bytes
        A PNG file.

    Raises
    ------
    ValueError
        If the field does not fit the skin.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing. Cost: about a second, whatever the mesh.
    """
    shape, factor = _deformed(skin, field.displacement)
    note = "" if factor is None else f"deformation {_TIMES} {factor:g}"
    sheet = Sheet.around(shape.vertices, pixels)
    return _coloured(sheet, shape, field, length_unit=length_unit, note=note)


def close_png(
    skin: Skin, field: NodalField, *, length_unit: str = "", pixels: int = PIXELS
) -> bytes:
    """Draw the undeformed skin around the largest value of a field, in the colours of the whole.

    Parameters
    ----------
    skin
        Surface of the mesh.
    field
        What colours it; known somewhere.
    length_unit
        Written beside the scale.
    pixels
        Longer side of the picture, without the colour bar.

    Returns
    -------
    bytes
        A PNG file: a tenth of the diagonal around that place, seen from the corner that it faces.

    Raises
    ------
    ValueError
        If the field does not fit the skin, or is known nowhere.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing. Cost: about a second, whatever the mesh.
    """
    hottest = int(np.nanargmax(field.values))
    middle, size = skin.vertices[hottest], np.ptp(skin.vertices, axis=0)
    reach = _CLOSE * float(np.linalg.norm(size))
    box = middle + reach * np.array(list(product((-1.0, 1.0), repeat=3))) * (size > 0.0)
    sheet = Sheet.around(box, pixels, view=View.facing(skin, hottest))
    return _coloured(sheet, skin, field, length_unit=length_unit, note="")


def _coloured(
    sheet: Sheet, shape: Skin, field: NodalField, *, length_unit: str, note: str
) -> bytes:
    """Draw a field on a skin that has its shape already."""
    if len(field.values) != len(shape.vertices):
        message = f"{len(field.values)} values for the {len(shape.vertices)} vertices of the skin."
        raise ValueError(message)
    facets = facets_of(shape)
    raster = sheet.rasterised(facets)
    corner_values = with_centres(shape, field.values)[facets.triangles[raster.triangles]]
    values = (corner_values * raster.shares).sum(axis=1)
    with styled():
        from matplotlib import colormaps
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        low, high = _limits(field.values)
        scale = ScalarMappable(Normalize(low, high), colormaps["viridis"])
        known = np.isfinite(values)
        colours = np.full((len(values), 3), _UNKNOWN)
        colours[known] = scale.to_rgba(values[known])[:, :3]
        figure, axes = sheet.figure(bar=True)
        sheet.paint(axes, raster, facets, colours, edges=0.5)
        sheet.furnish(axes, length_unit, note)
        _colour_bar(figure, scale, field)
        return png_of(figure, dpi=sheet.dpi)


def points_png(
    skin: Skin, points: SelectedPoints, *, length_unit: str = "", pixels: int = PIXELS
) -> bytes:
    """Draw the selected points inside a pale skin; the area of a mark is its weight.

    Parameters
    ----------
    skin
        Surface of the mesh.
    points
        The points; those further away are drawn paler.
    length_unit
        Written beside the scale.
    pixels
        Longer side of the picture, without the colour bar.

    Returns
    -------
    bytes
        A PNG file.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing. Cost: about a second, whatever the mesh.
    """
    facets = facets_of(skin)
    sheet = Sheet.around(skin.vertices, pixels)
    raster = sheet.rasterised(facets)
    with styled():
        from matplotlib.collections import LineCollection

        figure, axes = sheet.figure(bar=False)
        pale = np.broadcast_to(_PALE, (len(raster.pixels), 3))
        sheet.paint(axes, raster, facets, pale, edges=0.10)
        flat = sheet.view.project(skin.vertices)[:, :2]
        seen, behind = sharp_edges(skin, sheet.view)
        for edges, style, alpha in ((behind, (0, (5, 4)), 0.45), (seen, "solid", 0.9)):
            lines = LineCollection(list(flat[edges]), linestyles=[style], alpha=alpha)
            lines.set(color=MUTED, linewidth=0.6)
            axes.add_collection(lines)
        place = sheet.view.project(points.positions)
        order = np.argsort(place[:, 2], kind="stable")
        axes.scatter(
            place[order, 0],
            place[order, 1],
            s=_areas(points.weights)[order],
            c=_faded(place[order, 2]),
            edgecolors="white",
            linewidths=0.5,
            zorder=3,
        )
        sheet.furnish(axes, length_unit, "")
        return png_of(figure, dpi=sheet.dpi)


def _deformed(skin: Skin, displacement: Array | None) -> tuple[Skin, float | None]:
    """Return the skin with its displacement exaggerated by a round factor, and the factor."""
    if displacement is None:
        return skin, None
    largest = float(np.linalg.norm(displacement, axis=1).max(initial=0.0))
    if not (np.isfinite(largest) and largest > 0.0):
        return skin, None
    diagonal = float(np.linalg.norm(np.ptp(skin.vertices, axis=0)))
    factor = round_down(_DEFORMED * diagonal / largest)
    return Skin(skin.vertices + factor * displacement, skin.quads, skin.triangles), factor


def _limits(values: Array) -> tuple[float, float]:
    """Return the range of the finite values, never empty."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    margin = 1e-12 * max(abs(low), abs(high), 1e-300)
    if high - low > margin:
        return low, high
    width = 0.5 * abs(low) or 0.5
    return low - width, high + width


def _colour_bar(figure: Figure, scale: ScalarMappable, field: NodalField) -> None:
    """Draw the colour bar with name and unit, beside the picture."""
    from matplotlib.ticker import ScalarFormatter

    inch = 1.0 / figure.get_figwidth()
    axes = figure.add_axes((1.0 - (BAR - 0.02) * INCHES * inch, 0.20, 0.13 * inch, 0.66))
    formatter = ScalarFormatter(useMathText=True)
    formatter.set_powerlimits((-2, 4))
    bar = figure.colorbar(scale, cax=axes, format=formatter)
    bar.outline.set_visible(False)
    axes.grid(visible=False)
    axes.tick_params(length=2.5, width=0.6, labelsize=8.5)
    axes.yaxis.get_offset_text().set_fontsize(8.5)
    unit = f" [{plain(field.unit)}]" if field.unit not in {"", "-"} else ""
    axes.set_ylabel(f"{plain(field.name)}{unit}", fontsize=9.5, labelpad=8)


def _areas(weights: Array) -> Array:
    """Return the areas of the marks; smaller when there are many, never invisible."""
    if weights.size == 0:
        return weights
    mean = _MARK_AREA * min(1.0, 150.0 / len(weights))
    return np.asarray(np.clip(mean * weights / weights.mean(), 0.12 * mean, 6.0 * mean))


def _faded(depth: Array) -> Array:
    """Return the accent colour, mixed with white for what is far."""
    from matplotlib.colors import to_rgb

    span = float(np.ptp(depth)) if depth.size else 0.0
    near = (depth - depth.min()) / span if span > 0.0 else np.ones(depth.size)
    share = (0.38 + 0.62 * near)[:, None]
    return np.asarray(share * np.array(to_rgb(ACCENT)) + (1.0 - share) * 1.0)
