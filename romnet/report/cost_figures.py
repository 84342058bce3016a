"""Curve of the report: what questions cost with the model and without it."""

from __future__ import annotations

import numpy as np

from romnet.report.axes import legend, new_axes, whole_numbers
from romnet.report.cost_values import Ledger
from romnet.report.ink import ACCENT, INK, MUTED, styled, svg_of


def ledger_svg(ledger: Ledger) -> bytes:
    """Draw the wall time of any number of questions, in full and with the model.

    Parameters
    ----------
    ledger
        One that breaks even.

    Returns
    -------
    bytes
        An SVG file.

    Raises
    ------
    ValueError
        If it never does, or nobody knows.
    """
    even, full, asked = ledger.break_even, ledger.in_full, ledger.asked
    if even is None or full is None or asked is None:
        message = "this ledger does not break even."
        raise ValueError(message)
    last = 2.0 * even
    unit, scale = _unit(last * full)
    ends = np.array([0.0, last])
    with styled():
        figure, axes = new_axes("questions", f"wall time [{unit}]")
        axes.plot(ends, ends * full / scale, color=MUTED, label="simulated in full")
        axes.plot(ends, (ledger.made + ends * asked) / scale, color=ACCENT, label="with the model")
        crossing = ledger.made / (full - asked)
        label = f"paid after {even}"
        axes.plot(crossing, crossing * full / scale, "o", color=INK, ms=5, label=label, zorder=3)
        axes.set_xlim(0.0, last)
        axes.set_ylim(bottom=0.0)
        whole_numbers(axes.xaxis)
        legend(axes)
        return svg_of(figure)


def _unit(seconds: float) -> tuple[str, float]:
    """Return a unit of time that suits a duration, and its length [s]."""
    for unit, scale in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 2.0 * scale:
            return unit, scale
    return "s", 1.0
