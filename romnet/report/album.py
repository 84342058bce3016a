"""Pictures with their numbers, until the page is full."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

from romnet.report.tables import Table

# Base64 makes four bytes of three; tables and text need the rest of 5 MB.
MOST_BYTES = 2_600_000
_PNG_START = b"\x89PNG"


@dataclass(frozen=True)
class Picture:
    """A picture with its numbers.

    Attributes
    ----------
    source
        The picture itself as a data address; empty when the page has no room for it.
    alt
        What it shows, for those who do not see it.
    caption
        What stands below it.
    table
        Its numbers.
    """

    source: str
    alt: str
    caption: str
    table: Table


class Album:
    """Turns drawings into pictures until the page is full."""

    def __init__(self) -> None:
        self._room = MOST_BYTES

    def picture(
        self, draw: Callable[[], bytes], numbers: Table, *, alt: str, caption: str
    ) -> Picture:
        """Draw a picture if there is room; its numbers are there in any case."""
        content = draw() if self._room > 0 else b""
        self._room -= len(content)
        if not content or self._room < 0:
            self._room = 0
            return Picture("", alt, f"{caption} (Left out to keep the page small.)", numbers)
        kind = "png" if content.startswith(_PNG_START) else "svg+xml"
        data = base64.b64encode(content).decode("ascii")
        return Picture(f"data:image/{kind};base64,{data}", alt, caption, numbers)
