"""The sheet that a structure is drawn on: view, frame, light, edges, scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from romnet.core.arrays import Array
from romnet.report.ink import INK, MUTED, plain
from romnet.report.raster import Raster, rasterise
from romnet.report.view import Facets, View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
else:
    Axes: TypeAlias = Any
    Figure: TypeAlias = Any

INCHES = 5.0  # longer side of the picture proper, which fixes the size of its text
BAR = 0.23  # width of the colour bar beside it, in the same unit
_FINE = 2  # each pixel is the mean of so many squared
_EDGE_COLOUR = np.array([0.06, 0.09, 0.14])
_EDGE_WIDTH = 0.9  # of the lines between faces, in fine pixels on either side
_LIGHT = np.array([-0.30, 0.62, 0.73])  # on the sheet: from the upper left, before it


@dataclass(frozen=True)
class Sheet:
    """A view, and the rectangle of it that the picture shows."""

    view: View
    left: float
    bottom: float
    pixel: float
    width: int
    height: int

    @classmethod
    def around(cls, vertices: Array, pixels: int, *, view: View | None = None) -> Sheet:
        """Frame vertices with a margin; the aspect is theirs, within reason."""
        view = view or View.of(vertices)
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
        return max(self.width, self.height) / INCHES

    def rasterised(self, facets: Facets) -> Raster:
        """Find what each fine pixel shows."""
        corners = self._fine(facets)[facets.triangles]
        return rasterise(corners, (self.height * _FINE, self.width * _FINE))

    def figure(self, *, bar: bool) -> tuple[Figure, Axes]:
        """Return a figure with axes in which one pixel of the picture is one of the figure."""
        from matplotlib.figure import Figure

        total = self.width + (round(BAR * max(self.width, self.height)) if bar else 0)
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
        """Draw the directions of space and a scale on white ground, and a note."""
        from matplotlib.patches import Rectangle

        axes.set(xlim=self.extent[:2], ylim=self.extent[2:])
        unit = 0.055 * max(self.width, self.height) * self.pixel
        ground = (self.left, self.bottom), self.width * self.pixel, 2.9 * unit
        axes.add_patch(Rectangle(*ground, color="white", zorder=1.0))
        origin = np.array([self.left + 1.6 * unit, self.bottom + 1.35 * unit])
        for name, arrow in zip("xyz", self.view.directions.T[:, :2], strict=True):
            if np.linalg.norm(arrow) < 0.1:  # noqa: PLR2004  (it points at the eye)
                continue
            tip = origin + unit * arrow
            axes.plot(*zip(origin, tip, strict=True), color=INK, linewidth=1.0, clip_on=False)
            across, up = origin + 1.35 * unit * arrow
            axes.text(across, up, name, ha="center", va="center", fontsize=8.5)
        length = round_down(0.28 * self.width * self.pixel)
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


def round_down(value: float) -> float:
    """Return the largest 1, 2 or 5 times a power of ten that is not above a positive value."""
    power = 10.0 ** np.floor(np.log10(value))
    digit = max(digit for digit in (1.0, 2.0, 5.0) if digit * power <= value * (1.0 + 1e-12))
    return float(f"{digit * power:.1g}")
