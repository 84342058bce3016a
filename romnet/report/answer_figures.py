"""Curves of the report: how the answers went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from romnet.core.arrays import Array
from romnet.report.axes import (
    MOST_MARKS,
    fit,
    legend,
    new_axes,
    threshold,
    whole_numbers,
    with_unit,
)
from romnet.report.case_values import CaseFacts, CycleFacts, WatchFacts
from romnet.report.ink import ACCENT, FAINT, INK, MUTED, plain, styled, svg_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
else:
    Axes: TypeAlias = Any


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
        figure, axes = new_axes(
            with_unit("time", time_unit), "relative error of the displacement [-]"
        )
        axes.set_yscale("log")
        drawn = np.isfinite(case.displacement_error) & (case.displacement_error > 0.0)
        marker = "o" if len(case.error_times) <= MOST_MARKS else ""
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


def dual_error_svg(case: CaseFacts, *, time_unit: str) -> bytes:
    """Draw the errors of the dual fields over time: p in front, the stresses behind it.

    Parameters
    ----------
    case
        A case with a reference.
    time_unit
        Written beside the time.

    Returns
    -------
    bytes
        An SVG file.
    """
    with styled():
        figure, axes = new_axes(with_unit("time", time_unit), "relative error [-]")
        axes.set_yscale("log")
        leading = leading_dual(case)
        others = [name for name in case.dual_history if name != leading]
        for number, name in enumerate(others):
            label = "the other dual fields" if number == 0 else None
            _over_time(axes, case, case.dual_history[name], color=FAINT, linewidth=1.0, label=label)
        if leading in case.dual_history:
            errors = case.dual_history[leading]
            _over_time(axes, case, errors, color=ACCENT, marker="o", ms=3.5, label=plain(leading))
        if leading in case.hottest_history:
            label = f"{plain(leading)}, hottest 1 %"
            errors = case.hottest_history[leading]
            _over_time(axes, case, errors, color=INK, linestyle="--", label=label)
        fit(axes)
        legend(axes)
        return svg_of(figure)


def leading_dual(case: CaseFacts) -> str:
    """Return the dual field that stands in front: ``p`` if there is one, else the first."""
    names = list(case.dual_history)
    return "p" if "p" in names or not names else names[0]


def _over_time(axes: Axes, case: CaseFacts, errors: Array, **style: Any) -> None:  # noqa: ANN401
    """Draw the errors that a logarithmic axis can show."""
    drawn = np.isfinite(errors) & (errors > 0.0)
    axes.plot(case.error_times[drawn], errors[drawn], **style)


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
        figure, axes = new_axes("cycle", "relative error [-]")
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
        fit(axes)
        whole_numbers(axes.xaxis)
        legend(axes)
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
        figure, axes = new_axes(
            with_unit("time", time_unit), f"relative error of {plain(facts.field)} [-]"
        )
        axes.set_yscale("log")
        known = facts.estimate > 0.0
        times, estimate, bound = facts.times[known], facts.estimate[known], facts.bound[known]
        axes.fill_between(times, estimate, bound, color=FAINT, alpha=0.6, linewidth=0.0)
        label = f"upper bound ({facts.confidence:.0%})"
        axes.plot(times, bound, color=MUTED, linewidth=1.0, label=label)
        marker = "o" if len(times) <= MOST_MARKS else ""
        axes.plot(times, estimate, marker=marker, color=ACCENT, ms=3.5, label="estimate")
        threshold(axes, facts.tolerance)
        if facts.alarm is not None:
            place = facts.times[facts.alarm], facts.estimate[facts.alarm]
            axes.plot(*place, "s", mfc="white", mec=INK, ms=8, label="alarm", zorder=3)
        fit(axes)
        legend(axes)
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
        figure, axes = new_axes("step", "Newton iterations")
        count = case.newton_iterations
        axes.stairs(
            count, np.arange(len(count) + 1) + 0.5, fill=True, color=ACCENT, alpha=0.22, linewidth=0
        )
        axes.stairs(count, np.arange(len(count) + 1) + 0.5, color=ACCENT, linewidth=1.2)
        cut = np.flatnonzero(case.cuts)
        if 0 < cut.size <= MOST_MARKS:
            axes.plot(cut + 1, count[cut], "v", color=INK, ms=5, label="increment cut")
        axes.set_ylim(0.0, max(4.0, 1.2 * float(count.max(initial=0))))
        axes.set_xlim(0.5, max(1, len(count)) + 0.5)
        axes.grid(visible=False, axis="x")
        whole_numbers(axes.xaxis)
        whole_numbers(axes.yaxis)
        legend(axes)
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
