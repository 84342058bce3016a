"""Picture of the advice on local models."""

from __future__ import annotations

import numpy as np

from romnet.reduction.criterion import Advice
from romnet.report.ink import ACCENT, FAINT, INK, styled, svg_of


def advice_svg(advice: Advice) -> bytes:
    """Draw held-out errors over the modes: of one basis, and of each number of clusters.

    Parameters
    ----------
    advice
        What to draw; the choice, if there is one, bears a ring.

    Returns
    -------
    bytes
        An SVG file.
    """
    from matplotlib.figure import Figure

    with styled():
        figure = Figure(figsize=(5.6, 3.4), layout="constrained")
        axes = figure.subplots()
        counts = sorted({found.n_clusters for found in advice.candidates})
        first = sorted({(found.n_modes, found.global_error) for found in advice.candidates})
        axes.plot(*zip(*first, strict=True), color=INK, marker="o", ms=3, label="one global basis")
        for number, count in enumerate(counts):
            own = [found for found in advice.candidates if found.n_clusters == count]
            axes.plot(
                [found.n_modes for found in own],
                [found.global_error / found.gain for found in own],
                color=ACCENT,
                alpha=0.35 + 0.65 * number / max(1, len(counts) - 1),
                marker="o",
                ms=3,
                label=f"{count} clusters",
            )
        if advice.chosen is not None:
            found = advice.candidates[advice.chosen]
            place = (found.n_modes, found.global_error / found.gain)
            axes.plot(*place, "o", ms=10, mfc="none", mec=ACCENT, label="chosen")
            axes.axhline(place[1], color=FAINT, zorder=0)
        axes.set_yscale("log")
        axes.set_xticks(np.unique([found.n_modes for found in advice.candidates]))
        axes.set_xlabel("modes of each basis")
        axes.set_ylabel("held-out projection error [-]")
        axes.legend()
        return svg_of(figure)
