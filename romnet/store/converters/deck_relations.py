"""Linear relations between displacements as a deck writes them (``*EQUATION``, ``*MPC``)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from romnet.store.converters.deck_cards import Card, Place, cards_named, number, whole
from romnet.store.converters.deck_geometry import Note
from romnet.store.converters.deck_sets import label

KEYWORDS = ("EQUATION", "MPC")
_DIRECTIONS = 3


@dataclass(frozen=True)
class Written:
    """Equations as one line writes them.

    Attributes
    ----------
    place
        Where.
    words
        A node set, or one node, for each term.
    directions
        From 1.
    coefficients
        Factors [-].
    """

    place: Place
    words: tuple[str, ...]
    directions: tuple[int, ...]
    coefficients: tuple[float, ...]


def written_equations(cards: tuple[Card, ...], notes: list[Note]) -> Iterator[Written]:
    """Yield what the cards write, without terms that are zero.

    Parameters
    ----------
    cards
        The deck.
    notes
        Told what is left out.

    Raises
    ------
    ConversionError
        If a line is malformed; names it.
    """
    for card in cards_named(cards, *KEYWORDS):
        if set(card.options) - {"INPUT"}:
            notes.append(Note(card.place, f"*{card.keyword} with {', '.join(card.options)}"))
        elif card.keyword == "MPC":
            yield from _alike(card, notes)
        else:
            yield from _equations(card, notes)


def _equations(card: Card, notes: list[Note]) -> Iterator[Written]:
    """Yield the equations of a card: the number of terms, then node, component, coefficient."""
    lines = list(card.words())
    while lines:
        place, head = lines.pop(0)
        if len(head) != 1:
            problem = "expected the number of terms of an equation."
            raise place.error(problem)
        wanted = 3 * whole(place, head[0])
        words: list[str] = []
        while len(words) < wanted and lines:
            words += lines.pop(0)[1]
        if not 0 < wanted == len(words):
            problem = f"{len(words)} words below are not {head[0]} nodes, components, coefficients."
            raise place.error(problem)
        directions = tuple(whole(place, word) for word in words[1::3])
        coefficients = tuple(number(place, word) for word in words[2::3])
        kept = [n for n, coefficient in enumerate(coefficients) if coefficient]
        if not all(1 <= directions[n] <= _DIRECTIONS for n in kept) or not kept:
            notes.append(Note(place, "*EQUATION of a component that is no displacement"))
            continue
        yield Written(
            place,
            tuple(words[3 * n] for n in kept),
            tuple(directions[n] for n in kept),
            tuple(coefficients[n] for n in kept),
        )


def _alike(card: Card, notes: list[Note]) -> Iterator[Written]:
    """Yield the equations by which nodes of solids move alike."""
    for place, words in card.words():
        if words[:1] in (["PIN"], ["TIE"]) and len(words) == 3:  # noqa: PLR2004
            for direction in range(1, _DIRECTIONS + 1):
                both = (direction, direction)
                yield Written(place, (words[1], words[2]), both, (1.0, -1.0))
        else:
            notes.append(Note(place, f"*MPC {', '.join(words)}"))


def unsorted_sets(cards: tuple[Card, ...]) -> frozenset[str]:
    """Return the node sets whose order, which is lost, counts."""
    found = cards_named(cards, "NSET")
    return frozenset(label(card.demand("NSET")) for card in found if "UNSORTED" in card.options)
