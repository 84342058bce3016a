"""Curves of the report: what the reduction discards."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from romnet.core.arrays import Array
from romnet.report.axes import (
    fit,
    legend,
    new_axes,
    threshold,
    whole_numbers,
)
from romnet.report.ink import ACCENT, FAINT, plain, styled, svg_of
from romnet.report.model_values import CubatureFacts, Spectrum


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
        figure, axes = new_axes("mode", "relative singular value [-]")
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
        threshold(axes, tolerance)
        fit(axes)
        whole_numbers(axes.xaxis)
        legend(axes)
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
        figure, axes = new_axes("selections (a point may leave again)", "relative residual [-]")
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
        threshold(axes, cubature.tolerance)
        fit(axes)
        whole_numbers(axes.xaxis)
        legend(axes)
        return svg_of(figure)


def _positive(rank: Array, spectrum: Spectrum) -> tuple[Array, Array]:
    """Return the singular values that a logarithmic axis can show, with their ranks."""
    shown = spectrum.singular_values > 0.0
    return rank[shown], spectrum.singular_values[shown]
