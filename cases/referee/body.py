"""The body, its temperature, loads and materials: one description for both codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.fe.formulations import formulation
from romnet.fe.mesh import Mesh
from romnet.fe.structured import box_mesh

LENGTHS = (60.0, 12.0, 20.0)
DENSITY = 8.0e-9
AXIS_POINT = (-40.0, 1.0, 8.0)
AXIS_DIRECTION = (0.0, 0.6, 0.8)
REFERENCE_TEMPERATURE = 20.0
HELD = "x0"
PRESSED = "y1"
EXPONENT = 5.0
_COLD, _HOT = 20.0, 700.0
_TWIST = 0.4

LAWS = ("plastic", "creep", "viscoplastic")


@dataclass(frozen=True)
class Phase:
    """Equal increments during which temperature and loads change.

    Attributes
    ----------
    end
        Instant of its end [time].
    increments
        How many.
    heat, spin, press
        Values at the end: temperature relative to `temperature_map`, square of the angular
        velocity and pressure relative to their largest [-].
    """

    end: float
    increments: int
    heat: float
    spin: float
    press: float


@dataclass(frozen=True)
class Referee:
    """One computation, to be done by both codes.

    Attributes
    ----------
    mesh
        The body; its formulation names the element of CalculiX.
    law
        One of `LAWS`.
    phases
        What happens, one phase after the other, from time zero.
    omega
        Largest angular velocity [rad/time].
    pressure
        Largest pressure [stress].
    """

    mesh: Mesh
    law: str
    phases: tuple[Phase, ...]
    omega: float = 900.0
    pressure: float = 6.0

    @property
    def element(self) -> str:
        """Name of the element in CalculiX."""
        return self.mesh.blocks[0].formulation.split(":")[1]

    @property
    def frames(self) -> Float[Array, " n_frames"]:
        """Instants at which a phase begins or ends [time]."""
        return np.array([0.0, *(phase.end for phase in self.phases)])

    @property
    def times(self) -> Float[Array, " n_times"]:
        """Instants of the answer, from zero [time]."""
        spans = zip(self.frames[:-1], self.phases, strict=True)
        parts = [np.linspace(start, p.end, p.increments + 1)[1:] for start, p in spans]
        return np.concatenate([np.zeros(1), *parts])

    def history(self, name: str) -> Float[Array, " n_frames"]:
        """Return the values of one of the histories at `frames`."""
        initial = INITIAL_HEAT if name == "heat" else 0.0
        return np.array([initial, *(getattr(phase, name) for phase in self.phases)])

    def along(self, name: str) -> Float[Array, " n_times"]:
        """Return the values of one of the histories at `times`."""
        return np.interp(self.times, self.frames, self.history(name))


INITIAL_HEAT = 0.2
SMALL = (Phase(20.0, 4, 1.0, 1.0, 1.0), Phase(40.0, 4, 0.35, 0.6, -0.3))


def referee(element: str, law: str, divisions: tuple[int, int, int]) -> Referee:
    """Return the small computation for one element of CalculiX, such as ``"C3D20R"``."""
    return Referee(notched_blade(f"abaqus:{element}", divisions), law, SMALL)


def notched_blade(
    name: str, divisions: tuple[int, int, int], lengths: tuple[float, float, float] = LENGTHS
) -> Mesh:
    """Return a twisted, tapered and notched block of one element formulation.

    Middle nodes lie on the curved surface, so that edges and faces are curved.
    """
    mesh = box_mesh(lengths, divisions, formulation(name).cell_type, formulation=name)
    along, across, deep = (mesh.nodes / lengths).T
    notch = 1.0 - 0.35 * np.exp(-(((along - 0.3) / 0.12) ** 2))
    thickness = lengths[1] * (1.0 - 0.3 * along) * notch * (across - 0.5)
    chord = lengths[2] * (1.0 - 0.2 * along) * (deep - 0.5)
    angle = _TWIST * along
    nodes = np.column_stack(
        [
            mesh.nodes[:, 0],
            thickness * np.cos(angle) - chord * np.sin(angle),
            thickness * np.sin(angle) + chord * np.cos(angle),
        ]
    )
    return replace(mesh, nodes=nodes)


def temperature_map(mesh: Mesh) -> Float[Array, " n_nodes"]:
    """Return the highest temperature at the nodes, hot in the middle of the body."""
    lowest, highest = mesh.nodes.min(axis=0), mesh.nodes.max(axis=0)
    along, across, deep = ((mesh.nodes - lowest) / (highest - lowest)).T
    bump = np.exp(-4.0 * (along - 0.4) ** 2 - (deep - 0.3) ** 2) * (1.0 + 0.5 * across)
    return np.asarray(180.0 + 60.0 * along**2 + 380.0 * bump)


def table(cold: float, hot: float) -> dict[str, list[float]]:
    """Return a property that is linear in the temperature."""
    return {"temperature": [_COLD, _HOT], "value": [cold, hot]}


YOUNG = table(2.0e5, 1.4e5)
POISSON = table(0.29, 0.33)
EXPANSION: dict[str, Any] = {
    "coefficient": table(1.1e-5, 1.6e-5),
    "reference": REFERENCE_TEMPERATURE,
}
# Yield stress at values of p, a row for each temperature.
CURVES = {
    "temperature": [_COLD, _HOT],
    "p": [0.0, 1.0e-3, 4.0e-3, 2.0e-2, 0.2],
    "stress": [[270.0, 320.0, 360.0, 450.0, 800.0], [160.0, 190.0, 215.0, 270.0, 450.0]],
}
# The viscoplastic law hardens in proportion to p, up to here.
STRAIGHT_TO = 10.0
YIELD = table(220.0, 90.0)
HARDENING = table(6.0e3, 2.5e3)
CREEP_FACTOR = table(2.0e-18, 1.0e-15)


def law_specification(law: str) -> Mapping[str, Any]:
    """Return the law as `romnet.laws.registry.build_law` reads it."""
    choices: dict[str, tuple[str, dict[str, Any]]] = {
        "plastic": ("j2_table", {"hardening": CURVES}),
        "creep": ("norton_creep", {"coefficient": CREEP_FACTOR, "exponent": EXPONENT}),
        "viscoplastic": (
            "j2_viscoplastic",
            {
                "yield_stress": YIELD,
                "hardening": HARDENING,
                "viscosity": _drag_stress(),
                "exponent": EXPONENT,
            },
        ),
    }
    name, own = choices[law]
    parameters = {"young": YOUNG, "poisson": POISSON, **own}
    return {"law": name, "parameters": parameters, "expansion": EXPANSION}


def hardening_curves(law: str) -> Mapping[str, Any]:
    """Return the yield stress at values of p, one row for each temperature."""
    if law == "plastic":
        return CURVES
    radii, slopes = YIELD["value"], HARDENING["value"]
    rows = [[r, r + slope * STRAIGHT_TO] for r, slope in zip(radii, slopes, strict=True)]
    return {"temperature": YIELD["temperature"], "p": [0.0, STRAIGHT_TO], "stress": rows}


def _drag_stress() -> dict[str, list[float]]:
    """Return K of (stress / K)^n = A stress^n, for a factor A that is linear in temperature."""
    grid = np.linspace(_COLD, _HOT, 2001)
    factor = np.interp(grid, CREEP_FACTOR["temperature"], CREEP_FACTOR["value"])
    return {"temperature": grid.tolist(), "value": (factor ** (-1.0 / EXPONENT)).tolist()}
