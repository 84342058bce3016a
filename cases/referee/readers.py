"""What CalculiX prints to its .dat file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array

_HEADER = re.compile(r"^\s*([a-z][a-z .]*?)\s*\(.*\)\s*for set .* and time\s+(\S+)")
_COLUMNS = {
    "displacements": (1, "displacement"),
    "stresses": (2, "stress"),
    "equivalent plastic strain": (2, "p"),
    "global coordinates": (2, "position"),
}


@dataclass(frozen=True)
class Printed:
    """Results at the printed instants.

    Attributes
    ----------
    times
        Instants [time].
    fields
        For each name (``displacement``, ``stress``, ``p``, ``position``) the values at each
        instant, in the order of the file (n_times, n, n_components).
    """

    times: Float[Array, " n_times"]
    fields: dict[str, Float[Array, "n_times n n_components"]]


def read_dat(path: Path) -> Printed:
    """Read every block of a .dat file that `_COLUMNS` knows."""
    found: dict[str, dict[float, Array]] = {name: {} for _, name in _COLUMNS.values()}
    with path.open() as file:
        name, time, skip, rows = "", 0.0, 0, []
        for line in file:
            header = _HEADER.match(line)
            if header:
                _keep(found, name, time, rows)
                skip, name = _COLUMNS[header[1]]
                time, rows = float(header[2]), []
            elif line.strip():
                rows.append(line.split()[skip:])
        _keep(found, name, time, rows)
    kept = {name: values for name, values in found.items() if values}
    times = np.array(sorted(next(iter(kept.values()))))
    return Printed(times, {name: np.stack([v[t] for t in times]) for name, v in kept.items()})


def _keep(
    found: dict[str, dict[float, Array]], name: str, time: float, rows: list[list[str]]
) -> None:
    """Keep a block that is complete."""
    if name:
        found[name][time] = np.array(rows, dtype=float)
