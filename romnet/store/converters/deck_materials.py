"""Materials of an Abaqus or CalculiX deck, and which elements have them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from romnet.store.converters.deck_cards import Card, Place, number, whole
from romnet.store.converters.deck_geometry import Geometry, Note
from romnet.store.converters.deck_sets import label

_ORTHOTROPIC = {
    "ORTHO": 9,
    "ORTHOTROPIC": 9,
    "ENGINEERINGCONSTANTS": 9,
    "ANISO": 21,
    "ANISOTROPIC": 21,
}


@dataclass(frozen=True)
class Row:
    """Properties at one temperature.

    Attributes
    ----------
    values
        In the order of the deck, without the temperature.
    temperature
        [temperature]; None when the line gives none.
    place
        Where it stands.
    """

    values: tuple[float, ...]
    temperature: float | None
    place: Place


@dataclass(frozen=True)
class Property:
    """One behaviour of a material: its options and rows.

    Attributes
    ----------
    card
        Keyword and options.
    rows
        Lines of the card.
    """

    card: Card
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Material:
    """One material.

    Attributes
    ----------
    name
        Upper-case name.
    place
        Where it is defined.
    properties
        Behaviours by keyword: ``ELASTIC``, ``PLASTIC``, ``CREEP``, ``DENSITY``, ``EXPANSION``,
        ``USERMATERIAL``.
    n_state
        State variables of a user material (``*DEPVAR``).
    """

    name: str
    place: Place
    properties: Mapping[str, Property] = field(default_factory=dict)
    n_state: int = 0


@dataclass(frozen=True)
class Section:
    """Elements of one material.

    Attributes
    ----------
    elements
        Element set.
    material
        Name of the material.
    orientation
        Name of a local system; empty if there is none.
    place
        Where it stands.
    """

    elements: str
    material: str
    orientation: str
    place: Place


def read_materials(cards: tuple[Card, ...]) -> tuple[dict[str, Material], list[Note]]:
    """Read all materials.

    Returns
    -------
    tuple
        Materials by upper-case name, and notes on behaviours that were left out.

    Raises
    ------
    ConversionError
        If a line holds no numbers, or too few; names the line.
    """
    materials: dict[str, Material] = {}
    notes: list[Note] = []
    current: Material | None = None
    for card in cards:
        if card.keyword == "MATERIAL":
            current = Material(card.demand("NAME"), card.place)
        elif card.keyword in ENDS_MATERIAL:
            current = None
        elif current is not None and card.keyword == "DEPVAR":
            words = [word for _, row in card.words() for word in row[:1]]
            current = replace(current, n_state=whole(card.place, words[0] if words else ""))
        elif current is not None and card.keyword in _READERS:
            found = Property(card, tuple(_READERS[card.keyword](card)))
            if not found.rows:
                problem = f"*{card.keyword} holds no numbers."
                raise card.place.error(problem)
            current = replace(current, properties={**current.properties, card.keyword: found})
        elif current is not None:
            notes.append(Note(card.place, f"*{card.keyword} of material {current.name}"))
        if current is not None:
            materials[current.name] = current
    return materials, notes


def read_sections(
    cards: tuple[Card, ...], geometry: Geometry
) -> tuple[tuple[Section, ...], list[Note]]:
    """Read which element sets have which material.

    Raises
    ------
    ConversionError
        If a section names no element set or no material.
    """
    sections, notes = [], []
    for card in cards:
        if card.keyword == "SOLIDSECTION":
            name = label(card.demand("ELSET"))
            geometry.elements_of(card.place, name)
            orientation = card.option("ORIENTATION") or ""
            sections.append(Section(name, card.demand("MATERIAL"), orientation, card.place))
        elif card.keyword.endswith("SECTION"):
            notes.append(Note(card.place, f"*{card.keyword}"))
    return tuple(sections), notes


def _columns(card: Card, n_values: int) -> list[Row]:
    """Read lines of values and a temperature; long ones go on in the next lines."""
    rows: list[Row] = []
    table = card.words()
    for place, words in table:
        while len(words) < n_values:
            _, more = next(table, (place, []))
            if not more:
                problem = f"*{card.keyword}: expected {n_values} numbers, found {len(words)}."
                raise place.error(problem)
            words = [*words, *more]  # noqa: PLW2901
        numbers = tuple(number(place, word) for word in words)
        temperature = numbers[n_values] if len(numbers) > n_values else None
        rows.append(Row(numbers[:n_values], temperature, place))
    return rows


def _elastic(card: Card) -> list[Row]:
    """Read elastic constants."""
    kind = "".join((card.option("TYPE") or "ISO").split())
    return _columns(card, _ORTHOTROPIC.get(kind, 2))


def _plastic(card: Card) -> list[Row]:
    """Read stress, plastic strain and temperature."""
    padded = replace(card, rows=tuple(row if "," in row else f"{row}, 0." for row in card.rows))
    return _columns(padded, 2)


def _creep(card: Card) -> list[Row]:
    """Read A, n, m and temperature."""
    return _columns(card, 3)


def _expansion(card: Card) -> list[Row]:
    """Read coefficients and temperature."""
    kind = card.option("TYPE") or "ISO"
    return _columns(card, {"ORTHO": 3, "ANISO": 6}.get(kind, 1))


def _user(card: Card) -> list[Row]:
    """Read the constants of a user material, eight in a line, the last followed by temperature."""
    count = whole(card.place, card.demand("CONSTANTS"))
    if not 0 <= count <= sum(len(row) for row in card.rows):
        problem = f"CONSTANTS={count}, but the lines below hold fewer."
        raise card.place.error(problem)
    rows: list[Row] = []
    waiting: list[float] = []
    for place, words in card.words():
        # A full line has no comma behind it, so an omitted last constant is zero.
        numbers = [number(place, word) for word in words]
        waiting += numbers
        if len(waiting) >= count:
            temperature = waiting[count] if len(waiting) > count else None
            rows.append(Row(tuple(waiting[:count]), temperature, place))
            waiting = []
    if waiting:
        problem = f"*{card.keyword}: expected {count} constants, found {len(waiting)} at the end."
        raise card.place.error(problem)
    return rows


_READERS: Mapping[str, Callable[[Card], list[Row]]] = {
    "ELASTIC": _elastic,
    "PLASTIC": _plastic,
    "CREEP": _creep,
    "DENSITY": lambda card: _columns(card, 1),
    "EXPANSION": _expansion,
    "USERMATERIAL": _user,
}
ENDS_MATERIAL = (
    *("STEP", "BOUNDARY", "SOLIDSECTION", "SHELLSECTION", "BEAMSECTION", "NODE", "ELEMENT"),
    *("NSET", "ELSET", "SURFACE", "AMPLITUDE", "INITIALCONDITIONS", "ORIENTATION", "EQUATION"),
    *("ENDPART", "PART", "ASSEMBLY", "TIE", "PHYSICALCONSTANTS", "TRANSFORM", "MPC", "TIMEPOINTS"),
    *("RIGIDBODY", "COUPLING", "CONTACTPAIR", "SURFACEINTERACTION", "SURFACEBEHAVIOR", "FRICTION"),
    *("RESTART", "PREPRINT", "HEADING", "KINEMATIC", "DISTRIBUTING"),
)
