"""Colours and type of all figures, and figures as bytes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from matplotlib.figure import Figure
else:
    Figure: TypeAlias = Any

ACCENT = "#1b5e9b"
INK = "#1f2933"
MUTED = "#6b7785"
FAINT = "#c9d1d9"

_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same everywhere
    "font.size": 9.0,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "grid.alpha": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.5,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "svg.hashsalt": "romnet",  # the same figure gives the same bytes
    "svg.fonttype": "path",
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw with matplotlib's defaults and these colours, whatever the user configured."""
    import matplotlib as mpl

    settings: Any = dict(mpl.rcParamsDefault.items())
    for name in ("backend", "backend_fallback", "interactive"):
        settings.pop(name, None)
    with mpl.rc_context(settings | _STYLE):
        yield


def plain(text: str) -> str:
    r"""Return text as a figure can show it: no formulas, no characters that the font lacks.

    Examples
    --------
    >>> plain("a$b")
    'a\\$b'
    >>> plain("\u4e2d p") == "\ufffd p"
    True
    """
    from matplotlib.font_manager import findfont, get_font

    font = get_font(findfont(str(_STYLE["font.family"])))
    shown = (char if char == "\n" or font.get_char_index(ord(char)) else "\ufffd" for char in text)
    return "".join(shown).replace("$", r"\$")


def svg_of(figure: Figure) -> bytes:
    """Return a figure as an SVG file without date and without links."""
    content = io.BytesIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(content, format="svg", metadata=nothing, facecolor="white")
    text = content.getvalue()
    return text[text.index(b"<svg") :]


def png_of(figure: Figure, *, dpi: float) -> bytes:
    """Return a figure as a PNG file."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=dpi, metadata={"Software": None}, facecolor="white")
    return content.getvalue()
