"""Numbers of a study that no solid has in the units it declares, and values that add up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from romnet.fe.mesh import Mesh
from romnet.study.checks.findings import Finding, young_moduli
from romnet.study.read import LocatedStudy
from romnet.study.schema import Constraint

_LENGTHS = {"m": 1.0, "dm": 0.1, "cm": 1e-2, "mm": 1e-3, "um": 1e-6, "in": 0.0254, "ft": 0.3048}
_FORCES = {"N": 1.0, "mN": 1e-3, "daN": 10.0, "kN": 1e3, "MN": 1e6}
_TIMES = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0, "h": 3600.0}
# From light foams to osmium [kg/m^3], from soft gels to diamond [Pa], with room on both sides.
DENSITY = (1.0, 5e4)
YOUNG = (1e2, 5e12)


def of_magnitudes(located: LocatedStudy) -> Iterator[Finding]:
    """Compare densities and Young's moduli with those of solids, where the units are known.

    Parameters
    ----------
    located
        The study; nothing is said of lengths, forces or times in other units than the usual ones.

    Yields
    ------
    Finding
        Warnings only.

    Notes
    -----
    Collective: no. A density of zero means a body without inertia.
    """
    units = located.study.units
    factors = (_LENGTHS.get(units.length), _FORCES.get(units.force), _TIMES.get(units.time))
    length, force, time = factors
    if length is None or force is None or time is None:
        return
    system = f"{units.length}, {units.force}, {units.time}"
    for material in located.study.materials:
        si = material.density * force * time**2 / length**4
        if si and not DENSITY[0] <= si <= DENSITY[1]:
            given = f"density {material.density:g} of cells {material.cells}"
            yield _odd(given, system, f"{si:.2g} kg/m^3", DENSITY, {"density": si})
        for young in young_moduli(material):
            si = young * force / length**2
            if not YOUNG[0] <= si <= YOUNG[1]:
                given = f"Young's modulus {young:g} of cells {material.cells}"
                yield _odd(given, system, f"{si:.2g} Pa", YOUNG, {"young": si})


def of_sums(located: LocatedStudy, mesh: Mesh) -> Iterator[Finding]:
    """Tell where several entries prescribe different values of one displacement component.

    Yields
    ------
    Finding
        Warnings only: the values add up.

    Notes
    -----
    Collective: no. Sets that do not exist, or have another dimension, are passed over.
    """
    entries = [
        (number, entry)
        for number, entry in enumerate(located.study.constraints)
        if isinstance(entry, Constraint) and entry.nodes in mesh.node_sets
    ]
    for place, (number, entry) in enumerate(entries):
        for before, other in entries[:place]:
            both = np.intersect1d(mesh.node_sets[entry.nodes], mesh.node_sets[other.nodes])
            pairs = zip("xyz", entry.u, other.u, strict=False)
            named = [axis for axis, one, two in pairs if one is not None and two not in (None, one)]
            if both.size and named:
                text = (
                    f"{located.yaml.where(('constraints', number))}: constraints[{before}] "
                    f"prescribes {', '.join(named)} of {both.size} of these nodes, too, with "
                    f"other values; they add up"
                )
                yield Finding("warning", text, {"shared_nodes": int(both.size)})


def _odd(
    given: str, system: str, value: str, usual: tuple[float, float], figures: dict[str, Any]
) -> Finding:
    """Say that a number is unusual."""
    low, high = usual
    text = (
        f"{given} is {value} if the study is in {system}; solids have {low:g} ... {high:g}; "
        f"look at its unit"
    )
    return Finding("warning", text, figures)
