"""The most memory that this process has held."""

from __future__ import annotations

import resource
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_memory() -> float:
    """Return the most memory that this process has held since it began [B].

    Notes
    -----
    Collective: no. A process inherits ``ru_maxrss`` from the one that started it, which may have
    been larger; the high-water mark of Linux begins anew.

    Examples
    --------
    >>> kept = bytes(50_000_000)
    >>> peak_memory() > len(kept)
    True
    """
    if _STATUS.exists():
        for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return 1024.0 * float(line.split()[1])
    return 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
