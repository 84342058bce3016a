"""Axes of the curves of the report: labels, thresholds, ticks, legends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from romnet.report.ink import INK, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
else:
    Axes: TypeAlias = Any
    Axis: TypeAlias = Any
    Figure: TypeAlias = Any

_SIZE = (4.8, 2.8)  # [inch]
MOST_MARKS = 80  # beyond, marks hide each other


def new_axes(across: str, up: str) -> tuple[Figure, Axes]:
    """Return a figure with one pair of labelled axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    return figure, axes


def threshold(axes: Axes, tolerance: float) -> None:
    """Draw a tolerance across the axes, if a logarithmic one can show it."""
    if tolerance <= 0.0:
        return
    axes.axhline(
        tolerance,
        color=INK,
        linewidth=0.9,
        linestyle=(0, (5, 3)),
        label=f"tolerance {tolerance:.3g}",
    )


def fit(axes: Axes) -> None:
    """Fit a logarithmic axis to its lines, also when all is one value or there is none."""
    axes.set_autoscaley_on(False)
    heights = np.concatenate([np.zeros(0), *(line.get_ydata() for line in axes.lines)])
    if heights.size:
        low, high = float(heights.min()), float(heights.max())
        margin = 10.0 if low == high else (high / low) ** 0.05
        axes.set_ylim(low / margin, high * margin)


def whole_numbers(axis: Axis) -> None:
    """Let the ticks be whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))


def legend(axes: Axes) -> None:
    """Draw a legend if anything has a label."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="best", handlelength=1.6, borderaxespad=0.2)


def with_unit(name: str, unit: str) -> str:
    """Return an axis label."""
    return f"{name} [{plain(unit)}]" if unit else name
