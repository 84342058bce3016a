"""Linear equations between displacements in an Abaqus or CalculiX deck, gathered by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from romnet.core.arrays import Array
from romnet.store.converters.deck_cards import Card, Place
from romnet.store.converters.deck_geometry import Geometry, Note
from romnet.store.converters.deck_relations import Written, unsorted_sets, written_equations
from romnet.store.converters.deck_sets import label
from romnet.store.converters.deck_supports import Support, implied_name

# Nodes in more equations of one kind than this have a set of their own.
_SHARED = 8


@dataclass(frozen=True)
class EquationTerm:
    """Coefficient times a displacement component of each node of a set.

    Attributes
    ----------
    nodes
        Name of the node set: one node, or as many as those of the other terms, in their order.
    direction
        From 1.
    coefficient
        Factor [-].
    """

    nodes: str
    direction: int
    coefficient: float


@dataclass(frozen=True)
class DeckEquation:
    """Equations of one kind: the sum of the terms is a value, node by node.

    Attributes
    ----------
    terms
        Left side.
    value
        Right side at factor one [length].
    times, factors
        Function of time; empty where the right side is always the same.
    place
        Where the first of them stands.
    """

    terms: tuple[EquationTerm, ...]
    value: float
    times: Float[Array, " n"]
    factors: Float[Array, " n"]
    place: Place


@dataclass(frozen=True)
class DeckEquations:
    """All equations of a deck.

    Attributes
    ----------
    equations
        By kind.
    sets
        Node numbers of the sets made for them, in the order of the equations.
    drivers
        Supports of nodes without elements that stand on the right sides.
    notes
        What was left out.
    """

    equations: tuple[DeckEquation, ...]
    sets: Mapping[str, Int[Array, " _"]]
    drivers: frozenset[str]
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class _Kind:
    """What equations share that become one: all but their nodes."""

    directions: tuple[int, ...]
    coefficients: tuple[float, ...]
    driver: tuple[str, int, float] | None
    shared: tuple[int, ...]


@dataclass
class _Group:
    """Equations of one kind, in each position of which no node occurs twice."""

    place: Place
    rows: list[tuple[int, ...]] = field(default_factory=list)
    seen: list[set[int]] = field(default_factory=list)


def read_equations(
    cards: tuple[Card, ...],
    geometry: Geometry,
    supports: Sequence[Support],
    made: Mapping[str, Int[Array, " _"]],
) -> DeckEquations:
    """Read the equations of a deck.

    Parameters
    ----------
    cards
        The deck.
    geometry
        Nodes, elements and sets.
    supports
        Prescribed displacements. Those of nodes that no solid element has move to the right side.
    made
        Node numbers of the sets that the supports made.

    Returns
    -------
    DeckEquations
        Single equations of equal coefficients are gathered.

    Raises
    ------
    ConversionError
        If a line is malformed or names what does not exist; names the line.

    Notes
    -----
    Collective: no. Deterministic: yes. Sets are paired by ascending node numbers. ``*MPC`` is read
    where it says that nodes move alike (``PIN``, ``TIE``).
    """
    notes: list[Note] = []
    reader = _Reader(
        geometry, {**geometry.node_sets, **made}, supports, unsorted_sets(cards), notes
    )
    for entry in written_equations(cards, notes):
        reader.read(entry)
    return DeckEquations(
        (*reader.whole, *reader.gathered()), reader.sets, frozenset(reader.drivers), tuple(notes)
    )


class _Reader:
    """Turns what is written into equations of sets, and gathers single ones."""

    def __init__(
        self,
        geometry: Geometry,
        known: Mapping[str, Int[Array, " _"]],
        supports: Sequence[Support],
        unsorted: frozenset[str],
        notes: list[Note],
    ) -> None:
        self._geometry, self._known, self._supports = geometry, known, supports
        self._unsorted, self._notes = unsorted, notes
        nodes = [part.nodes.ravel() for part in geometry.elements]
        self._solid = np.unique(np.concatenate(nodes))
        self._single: list[tuple[Written, tuple[int, ...]]] = []
        self.whole: list[DeckEquation] = []
        self.sets: dict[str, Array] = {}
        self.drivers: set[str] = set()

    def read(self, entry: Written) -> None:
        """Take over what one place says."""
        members = [self._geometry.nodes_of(entry.place, word) for word in entry.words]
        sizes = {len(found) for found in members} - {1}
        several = [word for word, found in zip(entry.words, members, strict=True) if len(found) > 1]
        lost = self._unsorted & {label(word) for word in several}
        if len(sizes) > 1 or 0 in sizes:
            problem = f"node sets of {sorted(len(found) for found in members)} nodes are no pairs."
            raise entry.place.error(problem)
        if lost and len(set(several)) > 1:
            self._note(entry.place, f"equations of the UNSORTED node set {min(lost)}")
        elif not sizes:
            self._single.append((entry, tuple(int(found[0]) for found in members)))
        elif all(np.isin(found, self._solid).all() for found in members):
            self._take(entry, members)
        else:
            for row in np.column_stack(np.broadcast_arrays(*members)).tolist():
                self._single.append((entry, tuple(row)))

    def _take(self, entry: Written, members: list[Int[Array, " _"]]) -> None:
        """Take over equations between sets as they are."""
        terms = tuple(
            EquationTerm(self._name(word, found), direction, coefficient)
            for word, found, direction, coefficient in zip(
                entry.words, members, entry.directions, entry.coefficients, strict=True
            )
        )
        self.whole.append(DeckEquation(terms, 0.0, np.zeros(0), np.zeros(0), entry.place))

    def _name(self, word: str, members: Int[Array, " _"]) -> str:
        """Return the name of a set, or of the set made for one node."""
        if label(word) in self._geometry.node_sets:
            return label(word)
        name = f"node_{label(word)}"
        self.sets[name] = members
        return name

    def gathered(self) -> Iterator[DeckEquation]:
        """Yield single equations, those of one kind together."""
        solid = [found for found in map(self._driven, self._single) if found is not None]
        uses = Counter(
            (entry.directions, entry.coefficients, place, node)
            for entry, nodes, _ in solid
            for place, node in enumerate(nodes)
        )
        groups: dict[_Kind, list[_Group]] = {}
        for entry, nodes, driver in solid:
            kind = (entry.directions, entry.coefficients)
            shared = tuple(
                node if uses[*kind, place, node] > _SHARED else 0
                for place, node in enumerate(nodes)
            )
            found = groups.setdefault(_Kind(*kind, driver, shared), [])
            _add(found, entry.place, nodes, shared)
        for kind_of, found in groups.items():
            for group in found:
                yield self._equation(kind_of, group)

    def _driven(
        self, single: tuple[Written, tuple[int, ...]]
    ) -> tuple[Written, tuple[int, ...], tuple[str, int, float] | None] | None:
        """Move nodes without elements to the right side; None where that cannot be."""
        entry, nodes = single
        inside: Bool[Array, " n"] = np.isin(nodes, self._solid)
        kept = np.flatnonzero(inside).tolist()
        driver = None
        for place in np.flatnonzero(~inside).tolist():
            support = self._support(nodes[place], entry.directions[place])
            if support is None or (driver and support.times.size):
                text = f"*EQUATION of node {nodes[place]}, which no solid element has"
                self._note(entry.place, text + ("" if support else " and no *BOUNDARY holds"))
                return None
            self.drivers.add(support.nodes)
            value = support.u[entry.directions[place] - 1]
            if support.times.size and value:
                driver = (support.nodes, entry.directions[place], -entry.coefficients[place])
        if not kept:
            return None
        part = Written(
            entry.place,
            tuple(entry.words[place] for place in kept),
            tuple(entry.directions[place] for place in kept),
            tuple(entry.coefficients[place] for place in kept),
        )
        return part, tuple(nodes[place] for place in kept), driver

    def _support(self, node: int, direction: int) -> Support | None:
        """Return what holds a displacement of a node."""
        for support in self._supports:
            if support.u[direction - 1] is not None and node in self._known[support.nodes]:
                return support
        return None

    def _equation(self, kind: _Kind, group: _Group) -> DeckEquation:
        """Make sets of the nodes in each position."""
        terms = []
        columns = zip(*group.rows, strict=True)
        for place, column in enumerate(columns):
            alike = len(set(column)) == 1
            name = f"node_{column[0]}" if alike else implied_name("nodes", group.place)
            wanted = np.array(column[:1] if alike else column)
            name = _free_name(name, wanted, self.sets)
            self.sets[name] = wanted
            terms.append(EquationTerm(name, kind.directions[place], kind.coefficients[place]))
        if kind.driver is None:
            return DeckEquation(tuple(terms), 0.0, np.zeros(0), np.zeros(0), group.place)
        nodes, direction, factor = kind.driver
        moving = (found for found in self._supports if found.nodes == nodes)
        support = next(found for found in moving if found.u[direction - 1])
        value = factor * float(support.u[direction - 1] or 0.0)
        return DeckEquation(tuple(terms), value, support.times, support.factors, group.place)

    def _note(self, place: Place, text: str) -> None:
        """Remember what is left out."""
        self._notes.append(Note(place, text))


def _add(groups: list[_Group], place: Place, nodes: tuple[int, ...], shared: Sequence[int]) -> None:
    """Put an equation in the first group that has none of its nodes, but for those it shares."""
    for group in groups:
        if all(
            kept or node not in seen
            for node, seen, kept in zip(nodes, group.seen, shared, strict=True)
        ):
            break
    else:
        group = _Group(place, seen=[set() for _ in nodes])
        groups.append(group)
    group.rows.append(nodes)
    for node, seen in zip(nodes, group.seen, strict=True):
        seen.add(node)


def _free_name(wanted: str, members: Array, taken: Mapping[str, Array]) -> str:
    """Return a name that is not taken by other nodes."""
    name, count = wanted, 1
    while name in taken and not np.array_equal(taken[name], members):
        count += 1
        name = f"{wanted}_{count}"
    return name
