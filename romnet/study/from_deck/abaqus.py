"""From a deck of Abaqus or CalculiX to the draft of a study."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

from romnet.fe.mesh import Mesh
from romnet.store.converters.deck import Deck, read_deck
from romnet.store.converters.deck_cards import Place
from romnet.store.converters.deck_geometry import Note
from romnet.store.converters.deck_loads import DeckLoad
from romnet.study.from_deck.draft import (
    AmplitudeBook,
    Draft,
    Entry,
    free_name,
    plain_name,
    relative,
    table_of,
    without_middle,
)
from romnet.study.from_deck.laws import Translation, translate

# Tables are held beyond their ends; a new load may be this much hotter or colder.
_SMALLEST_MARGIN = 100.0


def draft_from_abaqus(path: Path, folder: Path, *, umat: str | None) -> Draft:
    """Say what a deck says in the words of a study.

    Parameters
    ----------
    path
        Deck of Abaqus or CalculiX.
    folder
        Where the study will lie.
    umat
        Shared library of user materials, as the study names it.

    Raises
    ------
    ConversionError
        If the deck is malformed; names the line.

    Notes
    -----
    Collective: no. Deterministic: yes. Cost: reads the deck and makes its mesh.
    """
    deck = read_deck(path)
    mesh = deck.mesh()
    notes = list(deck.notes)
    book = AmplitudeBook()
    temperature = _temperature(deck, mesh, folder)
    span = _span(deck, mesh)
    materials, translations = _materials(deck, mesh, span, umat, notes)
    constraints = (*_constraints(deck, mesh, book, notes), *_equations(deck, book))
    loads = tuple(_loads(deck, mesh, folder, book, notes))
    inelastic = any(found.is_inelastic for found in translations)
    return Draft(
        name=plain_name(path.stem),
        deck=path,
        mesh=path,
        materials=materials,
        constraints=constraints,
        loads=(*loads, *temperature),
        amplitudes=book.tables,
        times=_times(deck),
        end=deck.steps[-1].end if deck.steps else 1.0,
        dual=("p", "stress") if inelastic else ("stress",),
        notes=tuple((place_name(note.place), note.text) for note in _ordered(notes)),
    )


def place_name(place: Place) -> str:
    """Return file name and line."""
    return f"{place.path.name}:{place.line}"


def _ordered(notes: list[Note]) -> list[Note]:
    """Return each note once, by line."""
    unique = dict.fromkeys(notes)
    return sorted(unique, key=lambda note: (str(note.place.path), note.place.line))


def _times(deck: Deck) -> tuple[float, ...]:
    """Return the ends of all increments, from zero, if they are fixed in every step."""
    if not deck.steps or any(step.increment is None for step in deck.steps):
        return ()
    return (0.0, *(time for step in deck.steps for time in step.instants))


def _span(deck: Deck, mesh: Mesh) -> tuple[float, float]:
    """Return the temperatures at which properties must be known."""
    times = deck.temperatures.times()
    if not times:
        return (np.inf, -np.inf)
    fields = deck.temperatures.at(mesh.node_ids, times)
    low, high = float(fields.min()), float(fields.max())
    margin = max(high - low, _SMALLEST_MARGIN)
    return (low - margin, high + margin)


def _materials(
    deck: Deck, mesh: Mesh, span: tuple[float, float], umat: str | None, notes: list[Note]
) -> tuple[tuple[Entry, ...], list[Translation]]:
    """Return the materials of the sections, and their translations."""
    entries, translations = [], []
    for section in deck.sections:
        where = f"section at {place_name(section.place)}"
        if section.elements not in mesh.cell_sets:
            continue  # elements that are left out have a note
        material = deck.materials.get(section.material)
        if material is None:
            notes.append(Note(section.place, f"there is no material {section.material}"))
            continue
        axes = deck.orientations.get(section.orientation)
        found = translate(material, span=span, umat=umat, orientation=axes)
        if section.orientation and found.law != "elastic_orthotropic":
            notes.append(Note(section.place, f"ORIENTATION={section.orientation}"))
        notes += found.notes
        origin = f"{place_name(material.place)} {material.name}, {where}"
        entries.append(Entry(found.entry(section.elements), origin))
        translations.append(found)
    covered = [mesh.cell_sets[entry.value["cells"]] for entry in entries]
    n_bare = mesh.n_cells - np.unique(np.concatenate([np.zeros(0, np.int64), *covered])).size
    if n_bare:
        place = Place(deck.path, 1)
        notes.append(Note(place, f"{n_bare} elements have no material: add one"))
    return tuple(entries), translations


def _constraints(deck: Deck, mesh: Mesh, book: AmplitudeBook, notes: list[Note]) -> Iterator[Entry]:
    """Yield the prescribed displacements."""
    for support in deck.supports:
        if support.nodes not in mesh.node_sets:
            if support.nodes in deck.drivers:
                continue
            text = f"support of {support.nodes}: no solid element has its nodes"
            notes.append(Note(support.place, text))
            continue
        value: dict[str, Any] = {"nodes": support.nodes, "u": list(support.u)}
        origin = place_name(support.place)
        if support.times.size:
            table = table_of(support.times, support.factors)
            value["amplitude"] = book.name_of("motion", table, origin)
        yield Entry(value, origin)


def _equations(deck: Deck, book: AmplitudeBook) -> Iterator[Entry]:
    """Yield the equations between displacements."""
    for found in deck.equations:
        terms = [
            {"nodes": t.nodes, "component": "xyz"[t.direction - 1], "coefficient": t.coefficient}
            for t in found.terms
        ]
        value: dict[str, Any] = {"equation": terms}
        origin = place_name(found.place)
        if found.value:
            table = table_of(found.times, found.factors)
            value |= {"value": found.value, "amplitude": book.name_of("motion", table, origin)}
        yield Entry(value, origin)


def _loads(
    deck: Deck, mesh: Mesh, folder: Path, book: AmplitudeBook, notes: list[Note]
) -> Iterator[Entry]:
    """Yield pressures, forces on mass and nodal forces."""
    names: dict[str, None] = {}
    for load in deck.loads:
        origin = place_name(load.place)
        value = _load(mesh, load)
        if value is None:
            notes.append(Note(load.place, f"{load.kind} on {load.target or 'all elements'}"))
            continue
        factors = load.factors
        if load.pattern is not None:
            value["field"] = {"file": relative(deck.path, folder)}
            factors = factors * load.value
        name = free_name(f"{load.kind}_{load.target}" if load.target else load.kind, names)
        names[name] = None
        amplitude = book.name_of("history", table_of(load.times, factors), origin)
        kind = {"type": value.pop("type"), "name": name}
        yield Entry({**kind, **value, "amplitude": amplitude}, origin)


def _load(mesh: Mesh, load: DeckLoad) -> dict[str, Any] | None:
    """Return one load in the words of a study, or None if it has none."""
    if load.kind == "pressure" and load.target in mesh.face_sets:
        return {"type": "pressure", "faces": load.target, "field": load.value}
    if load.kind == "centrifugal" and load.value > 0.0:
        return {
            "type": "centrifugal",
            "axis": {"point": list(load.point), "direction": list(load.direction)},
            "omega": sqrt(load.value),
            "scales": "force",
        }
    if load.kind == "gravity":
        length = sqrt(sum(part**2 for part in load.direction))
        return {
            "type": "body_force",
            "acceleration": [load.value * part / length for part in load.direction],
        }
    if load.kind == "force" and load.target in mesh.node_sets:
        vector = [load.value * part for part in load.direction]
        return {"type": "force", "nodes": load.target, "vector": vector}
    return None


def _temperature(deck: Deck, mesh: Mesh, folder: Path) -> tuple[Entry, ...]:
    """Return the temperature load: numbers where it is uniform, else fields of the deck."""
    times = np.array(deck.temperatures.times())
    if times.size == 0:
        return ()
    fields = deck.temperatures.at(mesh.node_ids, times)
    frames = []
    for number in without_middle(times, fields):
        uniform = bool(np.ptp(fields[number]) == 0.0)
        time = float(times[number])
        source = {"file": relative(deck.path, folder), "variable": f"temperature@{time!r}"}
        frames.append({"time": time, "field": float(fields[number, 0]) if uniform else source})
    cards = deck.temperatures.cards
    origin = ", ".join(dict.fromkeys(place_name(card.place) for card in cards))
    return (Entry({"type": "temperature", "keyframes": frames, "after": "hold"}, origin),)
