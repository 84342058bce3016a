"""What the report shows of costs, as plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StageFacts:
    """One stage and where its artefact came from.

    Attributes
    ----------
    name
        Name of the stage: ``"cubature"``, ``"online[cycle2]"``, ...
    seconds
        Wall time [s].
    peak_mb
        Largest memory, summed over the ranks [MB].
    state
        ``"fresh"``, ``"stale"`` or ``"missing"``.
    key
        Key of the artefact.
    ranks
        Number of ranks that computed it.
    """

    name: str
    seconds: float
    peak_mb: float
    state: str
    key: str = ""
    ranks: int = 1
