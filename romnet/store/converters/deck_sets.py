"""Sets of an Abaqus or CalculiX deck: listed, generated, or made of other sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.store.converters.deck_cards import Card, Place, whole


def label(name: str) -> str:
    """Return the name of a set without the instance that Abaqus puts before it.

    Examples
    --------
    >>> label("part-1-1.Root")
    'ROOT'
    """
    return name.strip().strip('"').upper().rpartition(".")[2]


def add_set(
    card: Card,
    sets: dict[str, Int[Array, " _"]],
    ids: Int[Array, " n"],
    *,
    element_nodes: tuple[Mapping[str, Int[Array, " _"]], tuple[Array, Callable[[Array], Array]]]
    | None,
) -> None:
    """Add what a card says to a set.

    Parameters
    ----------
    card
        ``*NSET`` or ``*ELSET``.
    sets
        Known sets of this kind, to which it is added.
    ids
        Existing numbers, ascending.
    element_nodes
        For node sets: element sets, element numbers, and what gives the nodes of elements.

    Raises
    ------
    ConversionError
        If the card names what does not exist.

    Notes
    -----
    Collective: no. Mutates `sets`.
    """
    kind = "node" if element_nodes is not None else "element"
    name = label(card.demand(card.keyword))
    members = [sets.get(name, np.zeros(0, np.int64))]
    if element_nodes is not None and "ELSET" in card.options:
        element_sets, (all_elements, nodes_of) = element_nodes
        source = card.demand("ELSET")
        members.append(
            nodes_of(members_of(card.place, source, element_sets, all_elements, "element"))
        )
    elif "GENERATE" in card.options:
        members += [_generated(place, words, ids) for place, words in card.words()]
    else:
        members += _listed(card, sets, ids, kind)
    sets[name] = np.unique(np.concatenate(members))


def _listed(
    card: Card, sets: Mapping[str, Int[Array, " _"]], ids: Int[Array, " n"], kind: str
) -> list[Int[Array, " _"]]:
    """Return the members that a card lists by number or by the name of an earlier set."""
    text = ",".join(row.rstrip(" ,") for row in card.rows)
    if not text.replace(",", "").replace(" ", "").isdigit():
        return [
            members_of(place, word, sets, ids, kind)
            for place, words in card.words()
            for word in words
            if word
        ]
    numbers = as_ids(card, card.numbers())
    absent = np.setdiff1d(numbers, ids)
    if absent.size:
        problem = f"*{card.keyword} names {kind} {absent[0]}, which does not exist."
        raise card.place.error(problem)
    return [numbers]


def _generated(place: Place, words: list[str], ids: Int[Array, " n"]) -> Int[Array, " _"]:
    """Return the existing numbers from first to last in steps."""
    if len(words) not in (2, 3):
        problem = "expected first, last and step."
        raise place.error(problem)
    first, last, step = (whole(place, word) for word in (*words, "1")[:3])
    if step < 1:
        problem = f"step {step} is not positive."
        raise place.error(problem)
    chosen = ids[(ids >= first) & (ids <= last)]
    return np.asarray(chosen[(chosen - first) % step == 0])


def members_of(
    place: Place,
    word: str,
    sets: Mapping[str, Int[Array, " _"]],
    ids: Int[Array, " n"],
    kind: str,
) -> Int[Array, " _"]:
    """Return the members of a named set, or one number.

    Raises
    ------
    ConversionError
        If there is neither.
    """
    name = label(word)
    if name in sets:
        return sets[name]
    if not name.isdigit():
        problem = f"there is no {kind} set {name!r}."
        raise place.error(problem)
    wanted = whole(place, name)
    at = int(np.searchsorted(ids, wanted))
    if at >= ids.size or ids[at] != wanted:
        problem = f"there is no {kind} {name}."
        raise place.error(problem)
    return np.array([wanted])


def as_ids(card: Card, values: Float[Array, " n"]) -> Int[Array, " n"]:
    """Return node or element numbers.

    Raises
    ------
    ConversionError
        If one is no positive integer.
    """
    wrong = ~((values == np.rint(values)) & (values > 0.0) & (values < 2.0**53))
    if wrong.any():
        problem = f"*{card.keyword}: {values[wrong][0]:g} is no number of a node or element."
        raise card.place.error(problem)
    return values.astype(np.int64)
