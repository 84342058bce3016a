"""Curves of the report: what the reduction discards, and how the answers went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from romnet.core.arrays import Array
from romnet.report.case_values import CaseFacts, CycleFacts, WatchFacts
from romnet.report.ink import ACCENT, FAINT, INK, MUTED, plain, styled, svg_of
from romnet.report.model_values import CubatureFacts, Spectrum

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
else:
    Axes: TypeAlias = Any
    Axis: TypeAlias = Any
    Figure: TypeAlias = Any

_SIZE = (4.8, 2.8)  # [inch]
_MOST_MARKS = 80  # beyond, marks hide each other


def spectra_svg(spectra: Sequence[Spectrum], tolerance: float) -> bytes:
    """Draw singular values: those kept, those discarded, and the tolerance.

    Parameters
    ----------
    spectra
        The first one stands out; the others are drawn behind it.
    tolerance
        Tolerance of the POD [-].

    Returns
    -------
    bytes
        An SVG file.
    """
    with styled():
        figure, axes = _axes("mode", "relative singular value [-]")
        axes.set_yscale("log")
        for number, spectrum in enumerate(spectra[1:]):
            rank, values = _positive(np.arange(len(spectrum.singular_values)) + 1.0, spectrum)
            label = "dual fields" if number == 0 else None
            axes.plot(rank, values, color=FAINT, linewidth=1.0, label=label, zorder=1)
        for spectrum in spectra[:1]:
            name = plain(spectrum.name)
            rank, values = _positive(np.arange(len(spectrum.singular_values)) + 1.0, spectrum)
            kept = rank <= spectrum.kept
            axes.plot(rank, values, color=ACCENT, linewidth=1.0, zorder=2)
            axes.plot(
                rank[kept],
                values[kept],
                "o",
                color=ACCENT,
                ms=5,
                label=f"{name}, kept",
            )
            if not kept.all():
                axes.plot(
                    rank[~kept],
                    values[~kept],
                    "o",
                    mfc="white",
                    mec=ACCENT,
                    ms=5,
                    label=f"{name}, discarded",
                )
        _threshold(axes, tolerance)
        _open(axes)
        _whole_numbers(axes.xaxis)
        _legend(axes)
        return svg_of(figure)


def cubature_svg(cubature: CubatureFacts) -> bytes:
    """Draw the residual of the quadrature while its points are selected.

    Parameters
    ----------
    cubature
        The reduced quadrature.

    Returns
    -------
    bytes
        An SVG file.
    """
    with styled():
        figure, axes = _axes("selections (a point may leave again)", "relative residual [-]")
        axes.set_yscale("log")
        steps = np.arange(len(cubature.history)) + 1.0
        positive = cubature.history > 0.0
        axes.plot(steps[positive], cubature.history[positive], color=ACCENT)
        if positive.any():
            label = f"{cubature.n_selected} points, residual {cubature.residual:.2g}"
            axes.plot(
                steps[positive][-1:],
                cubature.history[positive][-1:],
                "o",
                color=ACCENT,
                ms=5,
                label=label,
            )
        _threshold(axes, cubature.tolerance)
        _open(axes)
        _whole_numbers(axes.xaxis)
        _legend(axes)
        return svg_of(figure)


def error_svg(
    case: CaseFacts, *, time_unit: str, limits: tuple[float, float] | None = None
) -> bytes:
    """Draw the error of the displacement over time.

    Parameters
    ----------
    case
        A case with a reference.
    time_unit
        Written beside the time.
    limits
        Range of errors drawn, so that the cases of a page can be compared; its own if left out.

    Returns
    -------
    bytes
        An SVG file.
    """
    with styled():
        figure, axes = _axes(
            _with_unit("time", time_unit), "relative error of the displacement [-]"
        )
        axes.set_yscale("log")
        drawn = np.isfinite(case.displacement_error) & (case.displacement_error > 0.0)
        marker = "o" if len(case.error_times) <= _MOST_MARKS else ""
        axes.plot(
            case.error_times[drawn],
            case.displacement_error[drawn],
            marker=marker,
            color=ACCENT,
            ms=3.5,
        )
        if limits is not None:
            axes.set_ylim(*limits)
        if not drawn.any():
            axes.text(
                0.5, 0.5, "no error above zero", transform=axes.transAxes, ha="center", color=MUTED
            )
        return svg_of(figure)


def drift_svg(facts: CycleFacts) -> bytes:
    """Draw the errors at the ends of cycles, which drift away from the reference.

    Parameters
    ----------
    facts
        Of a case with a reference.

    Returns
    -------
    bytes
        An SVG file.
    """
    with styled():
        figure, axes = _axes("cycle", "relative error [-]")
        axes.set_yscale("log")
        for (name, errors), line in zip(facts.drift.items(), ("-", "--", ":"), strict=False):
            known = errors > 0.0
            axes.plot(
                facts.cycles[known],
                errors[known],
                line,
                marker="o",
                ms=4,
                color=ACCENT if name == "p" else MUTED,
                label=plain(name),
            )
        _open(axes)
        _whole_numbers(axes.xaxis)
        _legend(axes)
        return svg_of(figure)


def watch_svg(facts: WatchFacts, *, time_unit: str) -> bytes:
    """Draw the estimated error over time, its upper bound, the tolerance and the alarm.

    Parameters
    ----------
    facts
        What the indicator says of an answer.
    time_unit
        Written beside the time.

    Returns
    -------
    bytes
        An SVG file.
    """
    with styled():
        figure, axes = _axes(
            _with_unit("time", time_unit), f"relative error of {plain(facts.field)} [-]"
        )
        axes.set_yscale("log")
        known = facts.estimate > 0.0
        times, estimate, bound = facts.times[known], facts.estimate[known], facts.bound[known]
        axes.fill_between(times, estimate, bound, color=FAINT, alpha=0.6, linewidth=0.0)
        label = f"upper bound ({facts.confidence:.0%})"
        axes.plot(times, bound, color=MUTED, linewidth=1.0, label=label)
        marker = "o" if len(times) <= _MOST_MARKS else ""
        axes.plot(times, estimate, marker=marker, color=ACCENT, ms=3.5, label="estimate")
        _threshold(axes, facts.tolerance)
        if facts.alarm is not None:
            place = facts.times[facts.alarm], facts.estimate[facts.alarm]
            axes.plot(*place, "s", mfc="white", mec=INK, ms=8, label="alarm", zorder=3)
        _open(axes)
        _legend(axes)
        return svg_of(figure)


def newton_svg(case: CaseFacts) -> bytes:
    """Draw the Newton iterations of each step, and where increments were cut.

    Parameters
    ----------
    case
        The case.

    Returns
    -------
    bytes
        An SVG file.
    """
    with styled():
        figure, axes = _axes("step", "Newton iterations")
        count = case.newton_iterations
        axes.stairs(
            count, np.arange(len(count) + 1) + 0.5, fill=True, color=ACCENT, alpha=0.22, linewidth=0
        )
        axes.stairs(count, np.arange(len(count) + 1) + 0.5, color=ACCENT, linewidth=1.2)
        cut = np.flatnonzero(case.cuts)
        if 0 < cut.size <= _MOST_MARKS:
            axes.plot(cut + 1, count[cut], "v", color=INK, ms=5, label="increment cut")
        axes.set_ylim(0.0, max(4.0, 1.2 * float(count.max(initial=0))))
        axes.set_xlim(0.5, max(1, len(count)) + 0.5)
        axes.grid(visible=False, axis="x")
        _whole_numbers(axes.xaxis)
        _whole_numbers(axes.yaxis)
        _legend(axes)
        return svg_of(figure)


def error_limits(cases: Sequence[CaseFacts]) -> tuple[float, float] | None:
    """Return a range that holds the errors of all cases, or nothing when there are none.

    Examples
    --------
    >>> error_limits([]) is None
    True
    """
    errors = np.concatenate([np.zeros(0), *(case.displacement_error for case in cases)])
    drawn = errors[np.isfinite(errors) & (errors > 0.0)]
    return (0.5 * float(drawn.min()), 2.0 * float(drawn.max())) if drawn.size else None


def _axes(across: str, up: str) -> tuple[Figure, Axes]:
    """Return a figure with one pair of labelled axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    return figure, axes


def _positive(rank: Array, spectrum: Spectrum) -> tuple[Array, Array]:
    """Return the singular values that a logarithmic axis can show, with their ranks."""
    shown = spectrum.singular_values > 0.0
    return rank[shown], spectrum.singular_values[shown]


def _threshold(axes: Axes, tolerance: float) -> None:
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


def _open(axes: Axes) -> None:
    """Fit a logarithmic axis to its lines, also when all is one value or there is none."""
    axes.set_autoscaley_on(False)
    heights = np.concatenate([np.zeros(0), *(line.get_ydata() for line in axes.lines)])
    if heights.size:
        low, high = float(heights.min()), float(heights.max())
        margin = 10.0 if low == high else (high / low) ** 0.05
        axes.set_ylim(low / margin, high * margin)


def _whole_numbers(axis: Axis) -> None:
    """Let the ticks be whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))


def _legend(axes: Axes) -> None:
    """Draw a legend if anything has a label."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="best", handlelength=1.6, borderaxespad=0.2)


def _with_unit(name: str, unit: str) -> str:
    """Return an axis label."""
    return f"{name} [{plain(unit)}]" if unit else name
