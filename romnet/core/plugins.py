"""What installed packages offer to romnet, by the groups of their entry points."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any


@cache
def installed(group: str) -> tuple[EntryPoint, ...]:
    """Return the entry points of a group by name; nothing is imported.

    Parameters
    ----------
    group
        Such as ``"romnet.laws"``.

    Notes
    -----
    Collective: no. Cost: the first call reads a file of every installed package, later ones none.

    Examples
    --------
    >>> [point.name for point in installed("romnet.laws") if point.name.startswith("j2_s")]
    ['j2_sinh']
    """
    return tuple(sorted(_all().select(group=group), key=lambda point: point.name))


@cache
def _all() -> Any:  # noqa: ANN401  (a class of its own before Python 3.12)
    """Return the entry points of all packages."""
    return entry_points()
