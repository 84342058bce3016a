"""The flight of the blade as an input of CalculiX, and a material that both codes know.

One step for each increment: `*VISCO` applies loads and temperatures at once, so that a step of one
increment has those of its end, which is what romnet takes too. CalculiX has no kinematic hardening
beside creep, and one exponent for all temperatures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from referee.deck import face_labels, folded, word

from romnet.core.arrays import Array
from romnet.fe.mesh import Mesh

HELD, PRESSED = "contact", "pressure_side"
_STRAIGHT_TO = 10.0  # cumulated plastic strain up to which hardening is in proportion to it [-]
_KNOTS = [400.0, 700.0, 1000.0]  # [degC]
_EXPONENT = 6.0
_CREEP = {"temperature": _KNOTS, "value": [2.0e-18, 8.0e-18, 5.0e-17]}  # [1/(s MPa^6)]


def material() -> dict[str, Any]:
    """Return the material as a study has it.

    Notes
    -----
    The viscosity K of the law and the coefficient A = K^-n of CalculiX cannot both be straight
    between two temperatures; A is, so K is given at very many.
    """
    finely = np.linspace(_KNOTS[0], _KNOTS[-1], 2001)
    factor = np.interp(finely, _CREEP["temperature"], _CREEP["value"])
    viscosity = {"temperature": finely.tolist(), "value": (factor ** (-1 / _EXPONENT)).tolist()}
    warm = [20.0, *_KNOTS]
    return {
        "cells": "ALL",
        "law": "j2_viscoplastic",
        "density": 8.2e-9,
        "parameters": {
            "young": {"temperature": warm, "value": [2.1e5, 1.9e5, 1.7e5, 1.4e5]},
            "poisson": 0.3,
            "yield_stress": {"temperature": _KNOTS, "value": [380.0, 240.0, 90.0]},
            "hardening": {"temperature": _KNOTS, "value": [8.0e3, 6.0e3, 3.0e3]},
            "viscosity": viscosity,
            "exponent": _EXPONENT,
        },
        "expansion": {
            "coefficient": {"temperature": warm, "value": [1.20e-5, 1.32e-5, 1.42e-5, 1.55e-5]},
            "reference": 20.0,
        },
    }


@dataclass(frozen=True)
class Flight:
    """What happens to the blade.

    Attributes
    ----------
    mesh
        The blade, with the node set `HELD` and the face set `PRESSED`.
    times
        Ends of the increments, after zero [time].
    level
        Part of the full load there [-].
    cold
        Uniform temperature at level zero [temperature].
    hot
        Temperature of the nodes at level one [temperature].
    omega, axis
        Angular velocity at level one [rad/time]; point and direction of the axis.
    pressure
        At level one [stress].
    """

    mesh: Mesh
    times: Sequence[float]
    level: Sequence[float]
    cold: float
    hot: Float[Array, " n_nodes"]
    omega: float
    axis: Mapping[str, Sequence[float]]
    pressure: float


def write_deck(path: Path, flight: Flight) -> None:
    """Write the input; results go to the ``.frd`` file, those of the last instant also to ``.dat``.

    Parameters
    ----------
    path
        File to write, ending with ``.inp``.
    flight
        What to compute.
    """
    with path.open("w", encoding="ascii") as file:
        for line in _lines(flight):
            file.write(line + "\n")


def _lines(flight: Flight) -> Iterator[str]:
    """Yield the lines of the input."""
    mesh = flight.mesh
    (block,) = mesh.blocks
    yield "*NODE, NSET=NALL"
    for number, place in zip(mesh.node_ids, mesh.nodes, strict=True):
        yield ", ".join([str(number), *map(word, place)])
    yield "*ELEMENT, TYPE=C3D10, ELSET=EALL"
    for number, nodes in zip(block.ids, mesh.node_ids[block.connectivity], strict=True):
        yield from folded([number, *nodes])
    yield "*NSET, NSET=HELD"
    yield from folded(mesh.node_ids[mesh.node_sets[HELD]])
    yield from _material()
    yield "*SOLID SECTION, ELSET=EALL, MATERIAL=ALLOY"
    yield "*INITIAL CONDITIONS, TYPE=TEMPERATURE"
    yield f"NALL, {word(flight.cold)}"
    yield "*BOUNDARY"
    yield "HELD, 1, 3"
    began = 0.0
    for end, level in zip(flight.times, flight.level, strict=True):
        yield from _step(flight, end - began, level)
        yield from ("*NODE FILE", "U", "*EL FILE", "S, PEEQ")
        if end == flight.times[-1]:
            yield from ("*NODE PRINT, NSET=NALL", "U", "*EL PRINT, ELSET=EALL", "S, PEEQ")
        yield "*END STEP"
        began = end


def _material() -> Iterator[str]:
    """Yield the material."""
    made_of = material()
    given, expansion = made_of["parameters"], made_of["expansion"]
    yield "*MATERIAL, NAME=ALLOY"
    yield "*DENSITY"
    yield word(made_of["density"])
    yield "*ELASTIC"
    for value, temperature in _pairs(given["young"]):
        yield ", ".join(map(word, (value, given["poisson"], temperature)))
    yield f"*EXPANSION, ZERO={word(expansion['reference'])}"
    for value, temperature in _pairs(expansion["coefficient"]):
        yield ", ".join(map(word, (value, temperature)))
    yield "*PLASTIC"
    slopes = zip(_pairs(given["yield_stress"]), given["hardening"]["value"], strict=True)
    for (radius, temperature), slope in slopes:
        yield ", ".join(map(word, (radius, 0.0, temperature)))
        yield ", ".join(map(word, (radius + slope * _STRAIGHT_TO, _STRAIGHT_TO, temperature)))
    yield "*CREEP, LAW=NORTON"
    for value, temperature in _pairs(_CREEP):
        yield ", ".join(map(word, (value, _EXPONENT, 0.0, temperature)))


def _step(flight: Flight, length: float, level: float) -> Iterator[str]:
    """Yield one step without its output."""
    mesh = flight.mesh
    yield "*STEP, INC=1000"
    yield "*VISCO, DIRECT, CETOL=1.e9"
    yield f"{word(length)}, {word(length)}"
    yield "*DLOAD"
    axis = (*flight.axis["point"], *flight.axis["direction"])
    yield ", ".join(["EALL, CENTRIF", *map(word, ((level * flight.omega) ** 2, *axis))])
    faces = mesh.face_sets[PRESSED]
    labels, ids = face_labels(mesh.blocks[0].cell_type), mesh.blocks[0].ids
    for cell, local in zip(faces.cells, faces.local_faces, strict=True):
        yield f"{ids[cell]}, P{labels[local]}, {word(level * flight.pressure)}"
    yield "*TEMPERATURE"
    heat = flight.cold + level * (np.asarray(flight.hot) - flight.cold)
    yield from (f"{n}, {word(value)}" for n, value in zip(mesh.node_ids, heat, strict=True))


def _pairs(table: Mapping[str, Sequence[float]]) -> Iterator[tuple[float, float]]:
    """Yield values and temperatures of a table."""
    return zip(table["value"], table["temperature"], strict=True)
