"""From the materials of an Abaqus or CalculiX deck to laws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from romnet.core.arrays import Array
from romnet.store.converters.deck_cards import Card
from romnet.store.converters.deck_geometry import Note
from romnet.store.converters.deck_materials import Material, Property, Row
from romnet.study.from_deck.draft import NO_LIBRARY

_ENGINEERING = (
    *("young_1", "young_2", "young_3", "poisson_12", "poisson_13", "poisson_23"),
    *("shear_12", "shear_13", "shear_23"),
)


@dataclass
class Translation:
    """A material in the words of a study.

    Attributes
    ----------
    law
        Name, or the description of a user's law.
    parameters, expansion, density
        As the study has them.
    notes
        What was not taken over.
    """

    law: str | dict[str, Any] = "elastic"
    parameters: dict[str, Any] = field(default_factory=dict)
    expansion: dict[str, Any] | None = None
    density: float = 0.0
    notes: list[Note] = field(default_factory=list)

    @property
    def is_inelastic(self) -> bool:
        """Whether the law has an accumulated inelastic strain."""
        return self.law in ("j2_table", "j2_viscoplastic", "norton_creep")

    def entry(self, cells: str) -> dict[str, Any]:
        """Return the entry of the study."""
        found: dict[str, Any] = {"cells": cells, "law": self.law, "density": self.density}
        if self.parameters:
            found["parameters"] = self.parameters
        if self.expansion:
            found["expansion"] = self.expansion
        return found


def translate(
    material: Material,
    *,
    span: tuple[float, float],
    umat: str | None = None,
    orientation: Card | None = None,
) -> Translation:
    """Choose a law and its parameters for a material.

    Parameters
    ----------
    material
        From the deck.
    span
        Temperatures at which tables must be known; they are held beyond their ends, as the code
        does [temperature].
    umat
        Shared library of user materials, as the study names it.
    orientation
        Local system of the section, for orthotropic materials.

    Notes
    -----
    Collective: no. Deterministic: yes.
    """
    found = Translation()
    properties = material.properties
    if "USERMATERIAL" in properties:
        _user(found, material, span, umat)
    else:
        _elastic(found, material, span, orientation)
        if "PLASTIC" in properties and found.law == "elastic":
            _plastic(found, properties["PLASTIC"], span)
        if "CREEP" in properties:
            _creep(found, properties["CREEP"], span)
    if "DENSITY" in properties:
        rows = properties["DENSITY"].rows
        found.density = rows[0].values[0]
        if len(rows) > 1:
            found.notes.append(Note(rows[1].place, "the density depends on temperature"))
    if "EXPANSION" in properties:
        _expansion(found, properties["EXPANSION"], span)
    return found


def table(
    rows: Sequence[Row], values: Sequence[float], span: tuple[float, float]
) -> float | dict[str, Any]:
    """Return a property as a number or a table of temperature, held beyond its ends.

    Examples
    --------
    >>> from pathlib import Path
    >>> from romnet.store.converters.deck_cards import Place
    >>> place = Place(Path("a.inp"), 1)
    >>> rows = [Row((2.0,), 20.0, place), Row((1.0,), 100.0, place)]
    >>> table(rows, [2.0, 1.0], (0.0, 50.0))
    {'temperature': [0.0, 20.0, 100.0], 'value': [2.0, 2.0, 1.0]}
    """
    if len(set(values)) == 1:
        return float(values[0])
    pairs = sorted(zip(_temperatures(rows), values, strict=True))
    pairs = [(temperature, value) for temperature, value in dict(pairs).items()]
    pairs = _held(pairs, span)
    return {"temperature": [t for t, _ in pairs], "value": [float(v) for _, v in pairs]}


def _held(pairs: list[tuple[float, Any]], span: tuple[float, float]) -> list[tuple[float, Any]]:
    """Extend a table to the temperatures that occur; beyond its ends it does not change."""
    if span[0] < pairs[0][0]:
        pairs = [(span[0], pairs[0][1]), *pairs]
    if span[1] > pairs[-1][0]:
        pairs = [*pairs, (span[1], pairs[-1][1])]
    return pairs


def _temperatures(rows: Sequence[Row]) -> list[float]:
    """Return the temperature of each row."""
    return [0.0 if row.temperature is None else row.temperature for row in rows]


def _columns(found: Property, names: Sequence[str], span: tuple[float, float]) -> dict[str, Any]:
    """Return named columns of a property."""
    return {
        name: table(found.rows, [row.values[number] for row in found.rows], span)
        for number, name in enumerate(names)
    }


def _elastic(
    found: Translation, material: Material, span: tuple[float, float], orientation: Card | None
) -> None:
    """Take over elastic constants."""
    elastic = material.properties.get("ELASTIC")
    if elastic is None:
        found.notes.append(Note(material.place, f"material {material.name} has no *ELASTIC"))
        return
    count = len(elastic.rows[0].values)
    kind = "".join((elastic.card.option("TYPE") or "ISO").split())
    if count == 2:  # noqa: PLR2004
        found.parameters = _columns(elastic, ("young", "poisson"), span)
        return
    if kind == "ENGINEERINGCONSTANTS":
        rows = [row.values for row in elastic.rows]
    elif count == len(_ENGINEERING):
        rows = [_engineering(row.values) for row in elastic.rows]
    else:
        found.notes.append(Note(elastic.card.place, f"*ELASTIC, TYPE={kind}"))
        return
    found.law = "elastic_orthotropic"
    found.parameters = {
        name: table(elastic.rows, [row[number] for row in rows], span)
        for number, name in enumerate(_ENGINEERING)
    }
    found.parameters["axes"] = _axes(found, orientation)


def _engineering(values: Sequence[float]) -> tuple[float, ...]:
    """Return engineering constants of stiffnesses D1111, D1122, D2222, D1133, D2233, D3333, ..."""
    d11, d12, d22, d13, d23, d33, *shear = values
    compliance = np.linalg.inv([[d11, d12, d13], [d12, d22, d23], [d13, d23, d33]])
    young = 1.0 / np.diag(compliance)
    poisson = [-compliance[i, j] * young[i] for i, j in ((0, 1), (0, 2), (1, 2))]
    return tuple(float(value) for value in (*young, *poisson, *shear))


def _axes(found: Translation, orientation: Card | None) -> dict[str, list[float]]:
    """Return the material axes of a rectangular local system."""
    first, second = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]
    if orientation is not None:
        rows = orientation.table()
        system = orientation.option("SYSTEM") or "RECTANGULAR"
        origin = rows[0][1][6:9] if rows else []
        if len(rows) != 1 or len(rows[0][1]) < 6 or not system.startswith("R") or any(origin):  # noqa: PLR2004
            text = f"*ORIENTATION, NAME={orientation.option('NAME')}: not a plain rectangular one"
            found.notes.append(Note(orientation.place, text))
        else:
            first, second = rows[0][1][:3], rows[0][1][3:6]
    return {"first": first, "second": second}


def _plastic(found: Translation, plastic: Property, span: tuple[float, float]) -> None:
    """Take over hardening: tables of isotropic hardening, lines of kinematic hardening."""
    kind = plastic.card.option("HARDENING") or "ISOTROPIC"
    curves: dict[float, list[tuple[float, float]]] = {}
    for row, temperature in zip(plastic.rows, _temperatures(plastic.rows), strict=True):
        curves.setdefault(temperature, []).append((row.values[1], row.values[0]))
    if any(
        points[0][0] != 0.0 or any(b[0] <= a[0] for a, b in pairwise(points))
        for points in curves.values()
    ):
        text = "*PLASTIC: plastic strains do not ascend from zero"
        found.notes.append(Note(plastic.card.place, text))
        return
    if kind == "KINEMATIC" and all(len(points) <= 2 for points in curves.values()):  # noqa: PLR2004
        _linear_kinematic(found, plastic, curves, span)
        return
    if kind != "ISOTROPIC":
        found.notes.append(Note(plastic.card.place, f"*PLASTIC, HARDENING={kind}: as isotropic"))
    found.law = "j2_table"
    pairs = _held(sorted(curves.items()), span) if len(curves) > 1 else list(curves.items())
    strains = [[p for p, _ in points] for _, points in pairs]
    stresses = [[stress for _, stress in points] for _, points in pairs]
    if len(pairs) == 1:
        found.parameters["hardening"] = {"p": strains[0], "stress": stresses[0]}
    else:
        same = all(row == strains[0] for row in strains)
        found.parameters["hardening"] = {
            "temperature": [temperature for temperature, _ in pairs],
            "p": strains[0] if same else strains,
            "stress": stresses,
        }


def _linear_kinematic(
    found: Translation,
    plastic: Property,
    curves: dict[float, list[tuple[float, float]]],
    span: tuple[float, float],
) -> None:
    """Take over hardening along a line as a back-stress."""
    found.law = "j2_viscoplastic"
    rows = [Row((), temperature, plastic.card.place) for temperature in curves]
    limits = [points[0][1] for points in curves.values()]
    slopes = [
        (points[1][1] - points[0][1]) / points[1][0] if len(points) > 1 else 0.0
        for points in curves.values()
    ]
    found.parameters["yield_stress"] = table(rows, limits, span)
    found.parameters["kinematic"] = [{"modulus": table(rows, slopes, span)}]
    text = "*PLASTIC, HARDENING=KINEMATIC: the line goes on beyond its last point"
    found.notes.append(Note(plastic.card.place, text))


def _creep(found: Translation, creep: Property, span: tuple[float, float]) -> None:
    """Take over Norton creep, alone or above a yield stress."""
    kind = creep.card.option("LAW") or "NORTON"
    if kind not in ("NORTON", "STRAIN", "TIME") or found.law not in (
        *("elastic", "j2_table", "j2_viscoplastic"),
    ):
        found.notes.append(Note(creep.card.place, f"*CREEP, LAW={kind}"))
        return
    columns = {name: [row.values[k] for row in creep.rows] for k, name in enumerate("Anm")}
    if kind == "STRAIN" and any(columns["m"]):
        found.notes.append(Note(creep.card.place, "*CREEP, LAW=STRAIN with an exponent of time"))
        return
    if found.law == "elastic":
        found.law = "norton_creep"
        names = {"A": "coefficient", "n": "exponent", "m": "time_exponent"}
        for column, name in names.items():
            found.parameters[name] = table(creep.rows, columns[column], span)
        return
    if any(columns["m"]) or min(columns["A"]) <= 0.0 or min(columns["n"]) < 1.0:
        found.notes.append(Note(creep.card.place, "*CREEP with *PLASTIC: time exponent, or A <= 0"))
        return
    drag: Array = np.array(columns["A"]) ** (-1.0 / np.array(columns["n"]))
    found.parameters["viscosity"] = table(creep.rows, drag.tolist(), span)
    found.parameters["exponent"] = table(creep.rows, columns["n"], span)
    text = "*CREEP with *PLASTIC: flows above the yield stress only, as CalculiX does"
    found.notes.append(Note(creep.card.place, text))


def _expansion(found: Translation, expansion: Property, span: tuple[float, float]) -> None:
    """Take over isotropic expansion."""
    if len(expansion.rows[0].values) != 1:
        found.notes.append(Note(expansion.card.place, "anisotropic *EXPANSION"))
        return
    zero = expansion.card.options.get("ZERO") or "0"
    try:
        reference = float(zero)
    except ValueError:
        found.notes.append(Note(expansion.card.place, f"*EXPANSION, ZERO={zero}"))
        return
    coefficients = [row.values[0] for row in expansion.rows]
    if any(coefficients):
        found.expansion = {
            "coefficient": table(expansion.rows, coefficients, span),
            "reference": reference,
        }


def _user(
    found: Translation, material: Material, span: tuple[float, float], umat: str | None
) -> None:
    """Take over a user material as a UMAT."""
    user = material.properties["USERMATERIAL"]
    count = len(user.rows[0].values)
    called = _external(material.name)
    found.law = {
        "umat": umat or called.library,
        **({"function": called.function} if called.function else {}),
        "properties": list(_columns(user, [str(k) for k in range(count)], span).values()),
        "n_state": material.n_state,
        "name": called.name,
    }
    notes = [f"{text} {material.name}" for text in called.notes]
    if umat is None:
        which = "is not known" if called.library == NO_LIBRARY else f"is {called.library}"
        notes.append(f"the library of user material {material.name} {which}: give --umat")
    if "ELASTIC" in material.properties:
        notes.append("*ELASTIC beside *USER MATERIAL")
    found.notes += [Note(user.card.place, text) for text in notes]


@dataclass(frozen=True)
class _External:
    """What the name of a user material says of its code in CalculiX."""

    name: str
    library: str = NO_LIBRARY
    function: str = ""
    notes: tuple[str, ...] = ()


def _external(name: str) -> _External:
    """Read ``ABAQUSWOOD``, linked to CalculiX, and ``@ABAQUS_LIBRARY_FUNCTION@1``, loaded by it."""
    finite = ("finite strains of material",) if "ABAQUSNL" in name[:9] else ()
    if not name.startswith("@"):
        plain = name.removeprefix("ABAQUSNL").removeprefix("ABAQUS")
        return _External(plain or name, notes=finite if plain else ())
    words = name[1:].partition("@")[0].split("_", 2)
    if words[0] in ("ABAQUS", "ABAQUSNL") and len(words) == 3:  # noqa: PLR2004
        return _External(words[2], f"lib{words[1]}.so", words[2], finite)
    return _External(name, notes=("the interface, which is no UMAT of Abaqus, of material",))
