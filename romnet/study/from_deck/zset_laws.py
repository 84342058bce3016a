"""From a Z-set material file to a law and its parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from romnet.core.errors import ConversionError
from romnet.store.converters.deck_cards import Place
from romnet.store.converters.deck_zset import Block, read_blocks, zset_number
from romnet.study.from_deck.draft import NO_LIBRARY

_KNOWN = (("gen_evp",), ("linear_elastic",))
_ELASTIC = {"young": "young", "poisson": "poisson"}
_NORTON = {"K": "viscosity", "n": "exponent"}
_ISOTROPIC: Mapping[str, Mapping[str, str]] = {
    "constant": {"R0": "yield_stress"},
    "linear": {"R0": "yield_stress", "H": "hardening"},
    "nonlinear": {"R0": "yield_stress", "Q": "saturation", "b": "saturation_rate"},
}
_KINEMATIC: Mapping[str, Mapping[str, str]] = {
    "linear": {"C": "modulus"},
    "nonlinear": {"C": "modulus", "D": "recall"},
}


@dataclass
class Behaviour:
    """A material in the words of a study.

    Attributes
    ----------
    place
        Where it stands.
    law, parameters, expansion, density
        As the study has them.
    notes
        What was not taken over.
    """

    place: Place
    law: str | dict[str, Any] = "elastic"
    parameters: dict[str, Any] = field(default_factory=dict)
    expansion: dict[str, Any] | None = None
    density: float = 0.0
    notes: list[tuple[Place, str]] = field(default_factory=list)

    def entry(self) -> dict[str, Any]:
        """Return law, density, parameters and expansion."""
        found: dict[str, Any] = {"law": self.law, "density": self.density}
        if not isinstance(self.law, dict):
            found["parameters"] = self.parameters
        if self.expansion:
            found["expansion"] = self.expansion
        return found

    def note(self, block: Block) -> None:
        """Remember a block that is not taken over."""
        text = f"{'*' * block.stars}{block.keyword} {' '.join(block.words)}".strip()
        self.notes.append((block.place, text))


def read_behaviour(path: Path, number: int, *, umat: str | None = None) -> Behaviour:
    """Read one behaviour of a material file.

    Parameters
    ----------
    path
        Material file.
    number
        Which of its behaviours, from 1.
    umat
        Shared library that stands for behaviours which are not known, as the study names it.

    Raises
    ------
    ConversionError
        If the file is malformed or has no such behaviour.

    Notes
    -----
    Collective: no. Deterministic: yes.
    """
    behaviours = [block for block in read_blocks(path) if block.keyword == "behavior"]
    if not 1 <= number <= len(behaviours):
        message = f"{path}: has {len(behaviours)} behaviours, asked for number {number}."
        raise ConversionError(message)
    block = behaviours[number - 1]
    found = Behaviour(block.place)
    if block.words[:1] not in _KNOWN:
        _external(found, block, umat)
        return found
    potentials = 0
    for child in block.children:
        kind = (child.keyword, *child.words[:1])
        if child.keyword == "coefficient":
            found.density = _density(found, child)
        elif kind == ("elasticity", "isotropic"):
            found.parameters |= _named(found, child, _ELASTIC)
        elif kind == ("thermal_strain", "isotropic"):
            _expansion(found, child)
        elif kind == ("potential", "gen_evp") and not potentials:
            potentials += 1
            _potential(found, child)
        else:
            found.note(child)
    return found


def _external(found: Behaviour, block: Block, umat: str | None) -> None:
    """Take over a behaviour that Z-set does not have itself as a UMAT."""
    found.note(block)
    named: dict[str, Any] = {}
    for child in _all_blocks(block):
        kind = (child.keyword, *child.words[:1])
        if kind == ("thermal_strain", "isotropic"):
            _expansion(found, child)
        elif child.rows:
            named |= {f"{child.keyword} {name}": v for name, v in _coefficients(child).items()}
    density = named.pop("coefficient masvol", 0.0)
    found.density = density if isinstance(density, float) else float(density["value"][0])
    found.law = {
        "umat": umat or NO_LIBRARY,
        "properties": list(named.values()),
        "n_state": 0,
        "name": block.words[0] if block.words else "behavior",
    }
    told = [
        f"properties of the UMAT, in this order: {', '.join(named) or 'none'}",
        "the number of its state variables: set n_state",
    ]
    if umat is None:
        told.append(f"the library of behaviour {' '.join(block.words)} is not known: give --umat")
    found.notes += [(block.place, text) for text in told]


def _all_blocks(block: Block) -> Iterator[Block]:
    """Yield the blocks below a block, in their order."""
    for child in block.children:
        yield child
        yield from _all_blocks(child)


def _potential(found: Behaviour, block: Block) -> None:
    """Take over flow and hardening."""
    found.law = "j2_viscoplastic"
    found.parameters["yield_stress"] = 0.0
    kinematic = []
    for child in block.children:
        kind = child.words[0] if child.words else ""
        if child.keyword == "flow" and kind == "norton":
            found.parameters |= _named(found, child, _NORTON)
        elif child.keyword == "isotropic" and kind in _ISOTROPIC:
            found.parameters |= _named(found, child, _ISOTROPIC[kind])
        elif child.keyword == "kinematic" and kind in _KINEMATIC:
            kinematic.append(_named(found, child, _KINEMATIC[kind]))
        elif (child.keyword, kind) not in (("criterion", "mises"), ("flow", "plasticity")):
            found.note(child)
    if kinematic:
        found.parameters["kinematic"] = kinematic


def _density(found: Behaviour, block: Block) -> float:
    """Return the mass per volume."""
    given = _coefficients(block)
    for name in given:
        if name != "masvol":
            found.notes.append((block.place, f"**coefficient {name}"))
    density = given.get("masvol", 0.0)
    if isinstance(density, float):
        return density
    found.notes.append((block.place, "the density depends on temperature"))
    return float(density["value"][0])


def _expansion(found: Behaviour, block: Block) -> None:
    """Take over the thermal strain."""
    given = _coefficients(block)
    if "alpha" not in given:
        found.note(block)
        return
    reference = given.get("ref_temperature", 0.0)
    found.expansion = {"coefficient": given["alpha"], "reference": reference}


def _named(found: Behaviour, block: Block, names: Mapping[str, str]) -> dict[str, Any]:
    """Return coefficients by the names of the study."""
    given = _coefficients(block)
    for name in given:
        if name not in names:
            found.notes.append((block.place, f"*{block.keyword}: coefficient {name}"))
    return {names[name]: value for name, value in given.items() if name in names}


def _coefficients(block: Block) -> dict[str, Any]:
    """Return coefficients as they follow: numbers, or tables of temperature below the name."""
    columns: dict[str, list[tuple[float, float]]] = {}
    constants: dict[str, float] = {}
    order: dict[str, None] = {}
    current = ""
    for place, words in block.rows:
        if _is_number(words[0]):
            if current not in columns or len(words) < 2:  # noqa: PLR2004
                problem = "numbers that belong to no coefficient."
                raise place.error(problem)
            columns[current].append((zset_number(place, words[1]), zset_number(place, words[0])))
            continue
        current = words[0]
        order[current] = None
        if words[1:] == ("temperature",):
            columns[current] = []
        elif len(words) == 2:  # noqa: PLR2004
            constants[current] = zset_number(place, words[1])
        else:
            problem = f"coefficient {current!r} is neither a number nor a table of temperature."
            raise place.error(problem)
    for name, rows in columns.items():
        if not rows:
            problem = f"coefficient {name!r} has an empty table."
            raise block.place.error(problem)
    found = {**constants, **{name: _table(rows) for name, rows in columns.items()}}
    return {name: found[name] for name in order}


def _table(rows: list[tuple[float, float]]) -> float | dict[str, list[float]]:
    """Return a number, or a table of temperature."""
    ordered = sorted(dict(rows).items())
    if len({value for _, value in ordered}) == 1:
        return ordered[0][1]
    return {"temperature": [t for t, _ in ordered], "value": [value for _, value in ordered]}


def _is_number(word: str) -> bool:
    """Whether a word begins like a number."""
    try:
        float(word)
    except ValueError:
        return False
    return True
