"""Curves of a material point."""

from __future__ import annotations

from romnet.core.tensors import VOIGT
from romnet.online.material_point import Driven
from romnet.report.ink import ACCENT, MUTED, png_of, styled, svg_of

_SIZE, _DPI = (8.0, 3.2), 150.0  # [inch], dots per inch


def driven_figure(driven: Driven, *, component: int = 0, svg: bool = False) -> bytes:
    """Draw what a material point went through: stress over strain, and both over time.

    Parameters
    ----------
    driven
        What the point went through.
    component
        Position of the component to draw.
    svg
        Whether to return an SVG file rather than a PNG file.

    Returns
    -------
    bytes
        The file.

    Examples
    --------
    >>> from romnet.laws.registry import build_law
    >>> from romnet.online.material_paths import uniaxial
    >>> from romnet.online.material_point import drive
    >>> spec = {"law": "elastic", "parameters": {"young": 2.0e5, "poisson": 0.25}}
    >>> driven = drive(build_law(spec, n_components=6), uniaxial(1e-3, duration=1.0, steps=2))
    >>> driven_figure(driven)[1:4]
    b'PNG'
    """
    from matplotlib.figure import Figure

    name = VOIGT[component]
    percent = 100.0 * driven.strain[:, component]
    stress = driven.stress[:, component]
    with styled():
        figure = Figure(figsize=_SIZE, layout="constrained")
        left, right = figure.subplots(1, 2)
        left.plot(percent, stress, color=ACCENT)
        left.set_xlabel(f"strain {name} [%]")
        left.set_ylabel(f"stress {name}")
        right.plot(driven.times, stress, color=ACCENT)
        right.set_xlabel("time")
        right.set_ylabel(f"stress {name}", color=ACCENT)
        strains = right.twinx()
        strains.plot(driven.times, percent, color=MUTED, linestyle="--")
        strains.set_ylabel(f"strain {name} [%]", color=MUTED)
        strains.spines["right"].set_visible(b=True)
        strains.grid(visible=False)
        return svg_of(figure) if svg else png_of(figure, dpi=_DPI)
