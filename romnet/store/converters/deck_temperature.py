"""Prescribed temperatures of an Abaqus or CalculiX deck, node by node and in time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.store.converters.deck_cards import Card, Place, cards_named, number
from romnet.store.converters.deck_geometry import Geometry, Note
from romnet.store.converters.deck_sets import label
from romnet.store.converters.deck_steps import (
    DeckAmplitude,
    Step,
    amplitude_of,
    breakpoints,
    profile,
)


@dataclass(frozen=True)
class TemperatureCard:
    """Temperatures that one card gives.

    Attributes
    ----------
    step
        Number of the step; 0 for initial temperatures.
    ids, values
        Nodes and their temperatures [temperature].
    amplitude
        Multiplies the values.
    place
        Where it stands.
    """

    step: int
    ids: Int[Array, " n"]
    values: Float[Array, " n"]
    amplitude: DeckAmplitude | None
    place: Place


@dataclass(frozen=True)
class Temperatures:
    """All temperatures of a deck.

    Attributes
    ----------
    cards
        In their order.
    steps
        Static steps.
    """

    cards: tuple[TemperatureCard, ...]
    steps: tuple[Step, ...]

    def times(self) -> tuple[float, ...]:
        """Return the instants between which every temperature is linear; none without cards."""
        if not self.cards:
            return ()
        times = [0.0]
        for step in self.steps:
            own = [card.amplitude for card in self.cards if card.step == step.number]
            if own:
                times += breakpoints(step, own).tolist()
        return tuple(times)

    def at(
        self, node_ids: Int[Array, " n_nodes"], times: Iterable[float]
    ) -> Float[Array, "n_times n_nodes"]:
        """Return the temperature of some nodes at ascending instants.

        Notes
        -----
        Nodes without a temperature have zero, as in the code. A load that a later step does not
        name again stays as it is.
        """
        now = np.zeros(node_ids.size)
        own = [(card, *_rows(node_ids, card)) for card in self.cards]
        for card, rows, values in own:
            if card.step == 0:
                now[rows] = values
        wanted = list(times)
        found = np.tile(now, (len(wanted), 1))
        for step in self.steps:
            inside = [n for n, time in enumerate(wanted) if time > step.start]
            instants = np.array([min(wanted[n], step.end) for n in inside] + [step.end])
            fields = np.tile(now, (instants.size, 1))
            for card, rows, values in own:
                if card.step == step.number:
                    factors = profile(step, card.amplitude, instants)[:, None]
                    before = 0.0 if card.amplitude is not None else now[rows]
                    fields[:, rows] = before + factors * (values - before)
            found[inside] = fields[:-1]
            now = fields[-1]
        return found


def read_temperatures(
    cards: tuple[Card, ...],
    steps: tuple[Step, ...],
    geometry: Geometry,
    amplitudes: Mapping[str, DeckAmplitude],
) -> tuple[Temperatures, list[Note]]:
    """Read initial and prescribed temperatures, and notes on what was left out.

    Raises
    ------
    ConversionError
        If a line names what does not exist, or holds no number.
    """
    found: list[TemperatureCard] = []
    notes: list[Note] = []
    for card in cards_named(cards, "INITIALCONDITIONS"):
        if card.option("TYPE") == "TEMPERATURE" and "FILE" not in card.options:
            found.append(_read(card, 0, geometry, None))
        else:
            notes.append(Note(card.place, f"*INITIAL CONDITIONS, TYPE={card.option('TYPE')}"))
    for step in steps:
        for card in cards_named(step.cards, "TEMPERATURE"):
            amplitude, known = amplitude_of(card, amplitudes)
            odd = {"FILE", "BSTEP", "USER"} & set(card.options)
            if not known or odd or card.option("OP") == "NEW":
                what = ", ".join(sorted(odd)) or ("OP=NEW" if known else "its amplitude")
                notes.append(Note(card.place, f"*TEMPERATURE with {what}"))
                continue
            found.append(_read(card, step.number, geometry, amplitude))
    if found and found[0].step != 0:
        text = "no initial temperature is given: zero, as in the code"
        notes.append(Note(found[0].place, text))
    return Temperatures(tuple(found), steps), notes


def _read(
    card: Card, step: int, geometry: Geometry, amplitude: DeckAmplitude | None
) -> TemperatureCard:
    """Read the lines of a card."""
    ids, values = [np.zeros(0, np.int64)], [np.zeros(0)]
    rows = list(card.words())
    for place, words in rows:
        if len(words) < 2:  # noqa: PLR2004
            problem = "expected a node or set, and a temperature."
            raise place.error(problem)
    if all(words[0].isdigit() and label(words[0]) not in geometry.node_sets for _, words in rows):
        wanted = np.array([float(words[0]) for _, words in rows])
        places = np.searchsorted(geometry.node_ids, wanted).clip(max=geometry.node_ids.size - 1)
        absent = np.flatnonzero(geometry.node_ids[places] != wanted)
        if absent.size:
            place, words = rows[int(absent[0])]
            problem = f"there is no node {words[0]}."
            raise place.error(problem)
        ids.append(geometry.node_ids[places])
        values.append(np.array([number(place, words[1]) for place, words in rows]))
    else:
        for place, words in rows:
            members = geometry.nodes_of(place, words[0])
            ids.append(members)
            values.append(np.full(members.size, number(place, words[1])))
    return TemperatureCard(step, np.concatenate(ids), np.concatenate(values), amplitude, card.place)


def _rows(
    node_ids: Int[Array, " n_nodes"], card: TemperatureCard
) -> tuple[Int[Array, " n"], Float[Array, " n"]]:
    """Return where the nodes of a card stand among some nodes, and their values."""
    order = np.argsort(node_ids)
    places = order[np.searchsorted(node_ids[order], card.ids).clip(max=node_ids.size - 1)]
    known = node_ids[places] == card.ids
    return places[known], card.values[known]
