"""Nodes, solid elements and sets of an Abaqus or CalculiX deck, by their foreign numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError
from romnet.fe.formulations import FORMULATIONS
from romnet.store.converters.deck_cards import Card, Place, cards_named, whole
from romnet.store.converters.deck_sets import add_set, as_ids, label, members_of

CODE = "abaqus:"
_DIM = 3
# Types that romnet integrates as another one, and what is lost.
SIMILAR: Mapping[str, tuple[str, str]] = {
    "C3D8I": ("C3D8", "incompatible modes"),
    "C3D8H": ("C3D8", "the pressure unknown"),
    "C3D8RH": ("C3D8R", "the pressure unknown"),
    "C3D10H": ("C3D10", "the pressure unknown"),
    "C3D10M": ("C3D10", "the modified shape functions"),
    "C3D10MH": ("C3D10", "the modified shape functions"),
    "C3D10HS": ("C3D10", "the improved surface stress"),
    "C3D10T": ("C3D10", "the linear temperature"),
    "C3D10I": ("C3D10", "the improved surface stress"),
    "C3D20H": ("C3D20", "the pressure unknown"),
    "C3D20RH": ("C3D20R", "the pressure unknown"),
    "C3D20RI": ("C3D20R", "incompressibility"),
    "C3D4H": ("C3D4", "the pressure unknown"),
    "C3D6H": ("C3D6", "the pressure unknown"),
    "C3D15H": ("C3D15", "the pressure unknown"),
}
_SOLIDS = tuple(
    name.removeprefix(CODE)
    for name, row in FORMULATIONS.items()
    if name.startswith(CODE) and row.cell.n_dim == _DIM
)


@dataclass(frozen=True)
class Note:
    """Something that was not taken over, and where it stands.

    Attributes
    ----------
    place
        File and line.
    text
        What, in words.
    """

    place: Place
    text: str


@dataclass(frozen=True)
class Elements:
    """Solid elements of one formulation.

    Attributes
    ----------
    formulation
        Such as ``"abaqus:C3D10"``.
    ids
        Their numbers.
    nodes
        Numbers of their nodes, in the order of the deck, which is VTK's.
    """

    formulation: str
    ids: Int[Array, " n"]
    nodes: Int[Array, "n n_nodes"]

    @property
    def cell_type(self) -> str:
        """Geometric type."""
        return FORMULATIONS[self.formulation].cell_type


@dataclass(frozen=True)
class Geometry:
    """Nodes, elements and sets.

    Attributes
    ----------
    node_ids, nodes
        Numbers, ascending, and coordinates [length].
    elements
        Solid elements, one entry for each formulation.
    node_sets, element_sets
        Numbers of the members by upper-case name, ascending.
    notes
        Elements that were left out or replaced.
    """

    node_ids: Int[Array, " n_nodes"]
    nodes: Float[Array, "n_nodes 3"]
    elements: tuple[Elements, ...]
    node_sets: Mapping[str, Int[Array, " _"]]
    element_sets: Mapping[str, Int[Array, " _"]]
    notes: tuple[Note, ...]

    def nodes_of(self, place: Place, word: str) -> Int[Array, " _"]:
        """Return the numbers of a node set or of one node.

        Raises
        ------
        ConversionError
            If there is no such set or node.
        """
        return members_of(place, word, self.node_sets, self.node_ids, "node")

    def elements_of(self, place: Place, word: str) -> Int[Array, " _"]:
        """Return the numbers of an element set or of one element.

        Raises
        ------
        ConversionError
            If there is no such set or element.
        """
        ids = np.concatenate([np.zeros(0, np.int64), *(part.ids for part in self.elements)])
        return members_of(place, word, self.element_sets, np.sort(ids), "element")


def read_geometry(cards: tuple[Card, ...]) -> Geometry:
    """Read nodes, elements and sets.

    Parameters
    ----------
    cards
        From `romnet.store.converters.deck_cards.read_cards`.

    Raises
    ------
    ConversionError
        If there are none, numbers repeat or do not exist, or the deck is an assembly of several
        parts; names the line.

    Notes
    -----
    Collective: no. Deterministic: yes. Plane, shell, beam and spring elements are left out with a
    note.
    """
    _refuse_assemblies(cards)
    node_ids, nodes, node_sets = _read_nodes(cards)
    elements, element_sets, notes, everything = _read_elements(cards, node_ids)
    for card in cards_named(cards, "NSET", "ELSET"):
        if card.keyword == "NSET":
            add_set(card, node_sets, node_ids, element_nodes=(element_sets, everything))
        else:
            add_set(card, element_sets, everything[0], element_nodes=None)
    solid = np.sort(np.concatenate([part.ids for part in elements]))
    kept = {name: np.intersect1d(ids, solid) for name, ids in element_sets.items()}
    return Geometry(node_ids, nodes, elements, node_sets, kept, tuple(notes))


def _refuse_assemblies(cards: tuple[Card, ...]) -> None:
    """Refuse decks whose parts are placed, or are several: their numbers are not unique."""
    parts = cards_named(cards, "PART")
    instances = cards_named(cards, "INSTANCE")
    if len(parts) > 1 or len(instances) > 1:
        problem = "the deck has several parts; write it flat (Abaqus: no parts and assemblies)."
        raise (parts + instances)[-1].place.error(problem)
    if instances and instances[0].rows:
        problem = "the instance is moved; write the deck flat (Abaqus: no parts and assemblies)."
        raise instances[0].at(0).error(problem)


def _read_nodes(
    cards: tuple[Card, ...],
) -> tuple[Int[Array, " n"], Float[Array, "n 3"], dict[str, Int[Array, " _"]]]:
    """Return numbers, coordinates and the sets that the nodes were put in."""
    ids, coordinates = [np.zeros(0, np.int64)], [np.zeros((0, 3))]
    sets: dict[str, Array] = {}
    for card in cards_named(cards, "NODE"):
        if card.option("SYSTEM") not in (None, "R"):
            problem = "coordinates in a cylindrical or spherical SYSTEM are not read."
            raise card.place.error(problem)
        rows = _node_rows(card)
        numbers = as_ids(card, rows[:, 0])
        ids.append(numbers)
        coordinates.append(rows[:, 1:4])
        name = card.option("NSET")
        if name:
            sets[label(name)] = np.union1d(sets.get(label(name), numbers), numbers)
    all_ids, all_nodes = np.concatenate(ids), np.vstack(coordinates)
    if all_ids.size == 0:
        message = f"{cards[0].place.path}: holds no nodes."
        raise ConversionError(message)
    unique, first = np.unique(all_ids[::-1], return_index=True)  # the last definition counts
    return unique, all_nodes[::-1][first], sets


def _node_rows(card: Card) -> Float[Array, "n 4"]:
    """Return number and coordinates of each line."""
    values = card.numbers()
    if values.size == 4 * len(card.rows) and all(row.count(",") in (3, 4) for row in card.rows):
        return values.reshape(-1, 4)
    rows = np.zeros((len(card.rows), 4))
    for number, (place, found) in enumerate(card.table()):
        if not found:
            problem = "expected a node number."
            raise place.error(problem)
        rows[number, : min(len(found), 4)] = found[:4]
    return rows


def _read_elements(
    cards: tuple[Card, ...], node_ids: Int[Array, " n"]
) -> tuple[
    tuple[Elements, ...],
    dict[str, Int[Array, " _"]],
    list[Note],
    tuple[Int[Array, " m"], Callable[[Int[Array, " _"]], Int[Array, " _"]]],
]:
    """Return solid elements, the sets they were put in, notes, and all numbers with their nodes."""
    groups: dict[str, list[tuple[Array, Array]]] = {}
    sets: dict[str, Array] = {}
    notes: list[Note] = []
    other = [np.zeros(0, np.int64)]
    for card in cards_named(cards, "ELEMENT"):
        given = card.demand("TYPE")
        kind, lost = SIMILAR.get(given, (given, ""))
        if lost:
            notes.append(Note(card.place, f"{given} is computed as {kind}: without {lost}"))
        if kind in _SOLIDS:
            ids, nodes = _element_rows(card, FORMULATIONS[CODE + kind].cell.n_nodes)
            groups.setdefault(CODE + kind, []).append((ids, nodes))
        else:
            ids = np.array([whole(place, words[0]) for place, words in card.words() if words])
            ids = ids.astype(np.int64)
            other.append(ids)
            notes.append(Note(card.place, f"elements of type {given} are left out"))
        name = card.option("ELSET")
        if name:
            sets[label(name)] = np.union1d(sets.get(label(name), ids), ids)
    elements = tuple(
        Elements(
            name,
            np.concatenate([ids for ids, _ in parts]),
            np.concatenate([nodes for _, nodes in parts]),
        )
        for name, parts in groups.items()
    )
    if not elements:
        message = f"{cards[0].place.path}: holds no solid elements of a known type."
        raise ConversionError(message)
    _check_elements(cards[0], elements, node_ids)
    ids = np.concatenate([*other, *(part.ids for part in elements)])

    def nodes_of(wanted: Array) -> Array:
        """Return the nodes of some elements."""
        chosen = [part.nodes[np.isin(part.ids, wanted)].ravel() for part in elements]
        return np.asarray(np.unique(np.concatenate(chosen)))

    return elements, sets, notes, (np.unique(ids), nodes_of)


def _element_rows(card: Card, n_nodes: int) -> tuple[Int[Array, " n"], Int[Array, "n n_nodes"]]:
    """Return number and nodes of each element, which may go over several lines."""
    values = card.numbers()
    if values.size == 0 or values.size % (n_nodes + 1):
        problem = (
            f"*ELEMENT, TYPE={card.option('TYPE')}: {values.size} numbers below are not "
            f"those of whole elements of {n_nodes} nodes."
        )
        raise card.place.error(problem)
    rows = as_ids(card, values).reshape(-1, n_nodes + 1)
    return rows[:, 0], rows[:, 1:]


def _check_elements(
    first: Card, elements: tuple[Elements, ...], node_ids: Int[Array, " n"]
) -> None:
    """Refuse elements of one number, and nodes that do not exist."""
    ids = np.concatenate([part.ids for part in elements])
    values, counts = np.unique(ids, return_counts=True)
    if np.any(counts > 1):
        message = f"{first.place.path}: element {values[counts > 1][0]} is defined twice."
        raise ConversionError(message)
    for part in elements:
        absent = np.setdiff1d(part.nodes, node_ids)
        if absent.size:
            message = (
                f"{first.place.path}: {part.formulation} elements name node {absent[0]} and "
                f"{absent.size - 1} others that do not exist; generated nodes (*NGEN, *NCOPY) "
                "are not read."
            )
            raise ConversionError(message)


def dedupe(notes: Iterable[Note]) -> tuple[Note, ...]:
    """Return each note once, in their order."""
    return tuple(dict.fromkeys(notes))
