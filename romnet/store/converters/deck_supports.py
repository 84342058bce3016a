"""Prescribed displacements of an Abaqus or CalculiX deck (``*BOUNDARY``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.store.converters.deck_cards import Card, Place, number, whole
from romnet.store.converters.deck_geometry import Geometry, Note
from romnet.store.converters.deck_sets import label
from romnet.store.converters.deck_steps import DeckAmplitude, Step, amplitude_of, history

_DIRECTIONS = 3
_NAMED: Mapping[str, tuple[int, ...]] = {
    "XSYMM": (1,),
    "YSYMM": (2,),
    "ZSYMM": (3,),
    "ENCASTRE": (1, 2, 3),
    "PINNED": (1, 2, 3),
    "XASYMM": (2, 3),
    "YASYMM": (1, 3),
    "ZASYMM": (1, 2),
}


@dataclass(frozen=True)
class Support:
    """Displacement components of a node set.

    Attributes
    ----------
    nodes
        Name of the node set.
    u
        Values at factor one, None where free [length].
    times, factors
        Function of time; empty for supports that do not move.
    place
        Where the first of them stands.
    """

    nodes: str
    u: tuple[float | None, ...]
    times: Float[Array, " n"]
    factors: Float[Array, " n"]
    place: Place


@dataclass(frozen=True)
class _Entry:
    """One component of one set in one step; 0 is the time before the first step."""

    nodes: str
    direction: int
    value: float
    amplitude: DeckAmplitude | None
    step: int
    place: Place


def read_supports(
    cards: tuple[Card, ...],
    steps: tuple[Step, ...],
    geometry: Geometry,
    amplitudes: Mapping[str, DeckAmplitude],
) -> tuple[tuple[Support, ...], dict[str, Int[Array, " _"]], list[Note]]:
    """Read what is held, and how it moves.

    Returns
    -------
    tuple
        Supports; node numbers of the sets made for lines that name single nodes; notes on what
        was left out.

    Raises
    ------
    ConversionError
        If a line names what does not exist, or holds no number where one must be.
    """
    sets: dict[str, Array] = {}
    notes: list[Note] = []
    entries: list[_Entry] = []
    for step, card in _boundary_cards(cards, steps):
        amplitude, known = amplitude_of(card, amplitudes)
        odd = {"FIXED", "SUBMODEL", "USER", "TYPE"} & set(card.options)
        if not known or odd or (step > 1 and card.option("OP") == "NEW"):
            what = ", ".join(odd) or ("its amplitude" if not known else "OP=NEW")
            notes.append(Note(card.place, f"*BOUNDARY with {what}"))
            continue
        entries += _entries(card, step, amplitude, geometry, sets, notes)
    return tuple(_supports(entries, steps, notes)), sets, notes


def _boundary_cards(cards: tuple[Card, ...], steps: tuple[Step, ...]) -> Iterator[tuple[int, Card]]:
    """Yield the cards with the number of their step."""
    inside = {id(card): step.number for step in steps for card in step.cards}
    first = next((n for n, card in enumerate(cards) if card.keyword == "STEP"), len(cards))
    for place, card in enumerate(cards):
        if card.keyword == "BOUNDARY" and (place < first or id(card) in inside):
            yield inside.get(id(card), 0), card


def _entries(
    card: Card,
    step: int,
    amplitude: DeckAmplitude | None,
    geometry: Geometry,
    sets: dict[str, Array],
    notes: list[Note],
) -> Iterator[_Entry]:
    """Yield what the lines of a card hold; single nodes of equal fate make one set."""
    single: dict[tuple[tuple[int, ...], float], list[tuple[Place, Array]]] = {}
    for place, words in card.words():
        directions, value = _components(place, words)
        strange = [found for found in directions if found > _DIRECTIONS]
        if strange:
            notes.append(Note(place, f"*BOUNDARY of component {strange[0]}"))
        kept = tuple(found for found in directions if found <= _DIRECTIONS)
        members = geometry.nodes_of(place, words[0])
        if label(words[0]) in geometry.node_sets:
            for direction in kept:
                name = label(words[0])
                yield _Entry(name, direction, value, amplitude, step, place)
        elif kept:
            single.setdefault((kept, value), []).append((place, members))
    for (kept, value), found in single.items():
        place = found[0][0]
        name = implied_name("nodes", place)
        sets[name] = np.unique(np.concatenate([members for _, members in found]))
        for direction in kept:
            yield _Entry(name, direction, value, amplitude, step, place)


def implied_name(kind: str, place: Place) -> str:
    """Return the name of a set that a deck describes without naming it.

    Examples
    --------
    >>> from pathlib import Path
    >>> implied_name("faces", Place(Path("blade.inp"), 12))
    'faces_blade_12'
    """
    return f"{kind}_{place.path.stem}_{place.line}"


def _components(place: Place, words: list[str]) -> tuple[tuple[int, ...], float]:
    """Return directions, from 1, and value of a line."""
    if len(words) < 2:  # noqa: PLR2004
        problem = "expected a node or set, and components."
        raise place.error(problem)
    if words[1] in _NAMED:
        return _NAMED[words[1]], 0.0
    first = whole(place, words[1])
    last = whole(place, words[2]) if len(words) > 2 and words[2] else first  # noqa: PLR2004
    if not 1 <= first <= last <= 100:  # noqa: PLR2004
        problem = f"components {first} to {last} do not exist."
        raise place.error(problem)
    value = number(place, words[3]) if len(words) > 3 else 0.0  # noqa: PLR2004
    return tuple(range(first, last + 1)), value


def _supports(
    entries: list[_Entry], steps: tuple[Step, ...], notes: list[Note]
) -> Iterator[Support]:
    """Yield the supports of each set: those at rest together, each moving one alone."""
    grouped: dict[str, dict[int, list[_Entry]]] = {}
    for entry in entries:
        grouped.setdefault(entry.nodes, {}).setdefault(entry.direction, []).append(entry)
    for nodes, directions in grouped.items():
        rest: list[float | None] = [None] * _DIRECTIONS
        for direction, found in sorted(directions.items()):
            if min(entry.step for entry in found) > 1:
                text = f"support of {nodes} begins in step {found[0].step}: it must hold throughout"
                notes.append(Note(found[0].place, text))
                continue
            events = {max(entry.step, 1): (entry.value, entry.amplitude) for entry in found}
            times, values = history(steps, events)
            if not values.any():
                rest[direction - 1] = 0.0
                continue
            peak = float(values[np.abs(values).argmax()])
            moved = tuple(peak if d == direction else None for d in range(1, _DIRECTIONS + 1))
            yield Support(nodes, moved, times, values / peak, found[0].place)
        if any(value is not None for value in rest):
            first = next(iter(directions.values()))[0].place
            yield Support(nodes, tuple(rest), np.zeros(0), np.zeros(0), first)
