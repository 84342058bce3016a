"""Pictures of a structure: a field on its skin, and the points that carry the reduced model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from romnet.core.arrays import Array
from romnet.report.ink import ACCENT, INK, MUTED, plain, png_of, styled
from romnet.report.raster import Raster, rasterise
from romnet.report.skin import Skin
from romnet.report.values import NodalField, SelectedPoints
from romnet.report.view import Facets, View, facets_of, sharp_edges, with_centres

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
_INCHES = 5.0  # longer side of the picture proper, which fixes the size of its text
_BAR = 0.23  # width of the colour bar beside it, in the same unit
_FINE = 2  # each pixel is the mean of so many squared
_UNKNOWN = 0.80  # grey of faces where the field is NaN
_PALE = np.array([0.895, 0.915, 0.940])
_EDGE_COLOUR = np.array([0.06, 0.09, 0.14])
_EDGE_WIDTH = 0.9  # of the lines between faces, in fine pixels on either side
_LIGHT = np.array([-0.30, 0.62, 0.73])  # on the sheet: from the upper left, before it
_DEFORMED = 0.06  # largest displacement drawn, as a part of the diagonal
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
    if len(field.values) != len(skin.vertices):
        message = f"{len(field.values)} values for the {len(skin.vertices)} vertices of the skin."
        raise ValueError(message)
    shape, factor = _deformed(skin, field.displacement)
    facets = facets_of(shape)
    sheet = _Sheet.around(shape.vertices, pixels)
    raster = sheet.rasterised(facets)
    corner_values = with_centres(skin, field.values)[facets.triangles[raster.triangles]]
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
        note = "" if factor is None else f"deformation {_TIMES} {factor:g}"
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
    sheet = _Sheet.around(skin.vertices, pixels)
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


@dataclass(frozen=True)
class _Sheet:
    """A view, and the rectangle of it that the picture shows."""

    view: View
    left: float
    bottom: float
    pixel: float
    width: int
    height: int

    @classmethod
    def around(cls, vertices: Array, pixels: int) -> _Sheet:
        """Frame vertices with a margin; the aspect is theirs, within reason."""
        view = View.of(vertices)
        flat = view.project(vertices)[:, :2] if len(vertices) else np.zeros((1, 2))
        low, high = flat.min(axis=0), flat.max(axis=0)
        longest = max(float((high - low).max()), 1e-300)
        size = np.maximum(high - low, 0.5 * longest)
        # Below, there is room for axes and scale.
        width, height = size[0] + 0.10 * longest, size[1] + 0.22 * longest
        pixel = max(width, height) / pixels
        middle = 0.5 * (low + high)
        return cls(
            view,
            left=float(middle[0] - 0.5 * width),
            bottom=float(middle[1] - 0.5 * size[1] - 0.18 * longest),
            pixel=float(pixel),
            width=round(float(width / pixel)),
            height=round(float(height / pixel)),
        )

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top on the sheet [length]."""
        return (
            self.left,
            self.left + self.width * self.pixel,
            self.bottom,
            self.bottom + self.height * self.pixel,
        )

    @property
    def dpi(self) -> float:
        """Pixels in an inch."""
        return max(self.width, self.height) / _INCHES

    def rasterised(self, facets: Facets) -> Raster:
        """Find what each fine pixel shows."""
        corners = self._fine(facets)[facets.triangles]
        return rasterise(corners, (self.height * _FINE, self.width * _FINE))

    def figure(self, *, bar: bool) -> tuple[Figure, Axes]:
        """Return a figure with axes in which one pixel of the picture is one of the figure."""
        from matplotlib.figure import Figure

        total = self.width + (round(_BAR * max(self.width, self.height)) if bar else 0)
        figure = Figure(figsize=(total / self.dpi, self.height / self.dpi))
        axes = figure.add_axes((0.0, 0.0, self.width / total, 1.0))
        axes.set_axis_off()
        return figure, axes

    def paint(
        self, axes: Axes, raster: Raster, facets: Facets, colours: Array, *, edges: float
    ) -> None:
        """Put lit colours and the edges of the faces, of this strength, on the axes."""
        lit = colours * self._light(facets)[raster.triangles, None]
        shade = (edges * self._edge_cover(raster, facets))[:, None]
        canvas = np.ones((raster.shape[0] * raster.shape[1], 3), dtype=np.float32)
        canvas[raster.pixels] = (1.0 - shade) * lit + shade * _EDGE_COLOUR
        blocks = canvas.reshape(self.height, _FINE, self.width, _FINE, 3)
        axes.imshow(
            np.clip(blocks.mean(axis=(1, 3)), 0.0, 1.0),
            extent=self.extent,
            interpolation="none",
            aspect="auto",
        )

    def furnish(self, axes: Axes, length_unit: str, note: str) -> None:
        """Draw the directions of space, a scale, and a note."""
        axes.set(xlim=self.extent[:2], ylim=self.extent[2:])
        unit = 0.055 * max(self.width, self.height) * self.pixel
        origin = np.array([self.left + 1.6 * unit, self.bottom + 1.35 * unit])
        for name, arrow in zip("xyz", self.view.directions.T[:, :2], strict=True):
            if np.linalg.norm(arrow) < 0.1:  # noqa: PLR2004  (it points at the eye)
                continue
            tip = origin + unit * arrow
            axes.plot(*zip(origin, tip, strict=True), color=INK, linewidth=1.0, clip_on=False)
            across, up = origin + 1.35 * unit * arrow
            axes.text(across, up, name, ha="center", va="center", fontsize=8.5)
        length = _round_down(0.28 * self.width * self.pixel)
        right = self.extent[1] - 0.6 * unit
        height = self.bottom + 0.75 * unit
        axes.plot([right - length, right], [height, height], color=INK, linewidth=1.4)
        label = f"{length:g} {plain(length_unit)}".rstrip()
        axes.text(
            right - 0.5 * length,
            height + 0.22 * unit,
            label,
            ha="center",
            va="bottom",
            fontsize=8.5,
        )
        if note:
            axes.text(
                0.02, 0.985, note, transform=axes.transAxes, va="top", color=MUTED, fontsize=8.5
            )

    def _fine(self, facets: Facets) -> Array:
        """Return vertices in fine pixels: column, row, depth."""
        projected = self.view.project(facets.vertices)
        fine = self.pixel / _FINE
        across = (projected[:, 0] - self.left) / fine
        down = (self.extent[3] - projected[:, 1]) / fine
        return np.stack([across, down, projected[:, 2]], axis=1)

    def _light(self, facets: Facets) -> Array:
        """Return the brightness of each triangle, gentle enough to leave colours readable."""
        normals = self.view.project(facets.normals)
        facing = normals * np.where(normals[:, 2:] < 0.0, -1.0, 1.0)
        return np.asarray(0.84 + 0.16 * np.clip(facing @ _LIGHT, 0.0, 1.0))

    def _edge_cover(self, raster: Raster, facets: Facets) -> Array:
        """Return how much of each pixel the edge of a face covers; nothing where faces are tiny."""
        corners = self._fine(facets)[facets.triangles][..., :2]
        sides = np.roll(corners, -2, axis=1) - np.roll(corners, -1, axis=1)
        lengths = np.maximum(np.linalg.norm(sides, axis=2), 1e-12)
        doubled = np.abs(sides[:, 0, 0] * sides[:, 1, 1] - sides[:, 0, 1] * sides[:, 1, 0])
        # A barycentric coordinate times the height of its corner is the distance to the side.
        heights = doubled[:, None] / lengths
        distance = np.where(
            facets.drawn[raster.triangles], raster.shares * heights[raster.triangles], np.inf
        ).min(axis=1)
        typical = float(np.median(lengths[facets.drawn])) if facets.drawn.any() else 0.0
        presence = np.clip((typical / _FINE - 3.0) / 22.0, 0.0, 1.0)
        return np.asarray(presence * np.clip(_EDGE_WIDTH + 0.5 - distance, 0.0, 1.0))


def _deformed(skin: Skin, displacement: Array | None) -> tuple[Skin, float | None]:
    """Return the skin with its displacement exaggerated by a round factor, and the factor."""
    if displacement is None:
        return skin, None
    largest = float(np.linalg.norm(displacement, axis=1).max(initial=0.0))
    if not (np.isfinite(largest) and largest > 0.0):
        return skin, None
    diagonal = float(np.linalg.norm(np.ptp(skin.vertices, axis=0)))
    factor = _round_down(_DEFORMED * diagonal / largest)
    return Skin(skin.vertices + factor * displacement, skin.quads, skin.triangles), factor


def _round_down(value: float) -> float:
    """Return the largest 1, 2 or 5 times a power of ten that is not above a positive value."""
    power = 10.0 ** np.floor(np.log10(value))
    digit = max(digit for digit in (1.0, 2.0, 5.0) if digit * power <= value * (1.0 + 1e-12))
    return float(f"{digit * power:.1g}")


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
    axes = figure.add_axes((1.0 - (_BAR - 0.02) * _INCHES * inch, 0.20, 0.13 * inch, 0.66))
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
