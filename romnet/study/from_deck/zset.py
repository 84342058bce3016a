"""From a Z-set deck to the draft of a study."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from romnet.core.errors import ConversionError
from romnet.store.converters.deck_cards import Place
from romnet.store.converters.deck_zset import Block, read_blocks, zset_number
from romnet.store.converters.reach import beside
from romnet.study.from_deck.draft import (
    AmplitudeBook,
    Draft,
    Entry,
    free_name,
    plain_name,
    relative,
    table_of,
)
from romnet.study.from_deck.zset_laws import read_behaviour

_EVERYTHING = ("ALL_ELEMENT", "ALL_ELEMENTS")
_DIRECTIONS = {"U1": 0, "U2": 1, "U3": 2}
_AXES = {"d1": [1.0, 0.0, 0.0], "d2": [0.0, 1.0, 0.0], "d3": [0.0, 0.0, 1.0]}
_KEYFRAME = re.compile(
    r"(?P<time>[-+.\deE]+)(?:\+cycle\*(?P<period>[-+.\deE]+))?;file (?P<file>\S+) (?P<record>\d+)$"
)
_EQUATIONS = ("equation", "mpcs")
_QUIET = ("mesh", "resolution", "bc", "parameter", "table", "material", "output", "linear_solver")


@dataclass
class _Deck:
    """A deck while it is read."""

    path: Path
    folder: Path
    root: Block
    umat: str | None = None
    book: AmplitudeBook = field(default_factory=AmplitudeBook)
    tables: dict[str, tuple[dict[str, Any], Place]] = field(default_factory=dict)
    notes: list[tuple[Place, str]] = field(default_factory=list)

    def blocks(self, *keywords: str) -> list[Block]:
        """Return the blocks at the end of a chain of keywords."""
        found = [self.root]
        for keyword in keywords:
            found = [child for block in found for child in block.all(keyword)]
        return found

    def beside(self, name: str) -> str:
        """Return a file that the deck names as the study names it."""
        return relative(self.path.parent / name, self.folder)

    def note(self, place: Place, text: str) -> None:
        """Remember what is not taken over."""
        self.notes.append((place, text))

    def amplitude(self, place: Place, name: str, *, sign: float = 1.0) -> str:
        """Return the name of a table in the study, its values times `sign`."""
        if name not in self.tables:
            problem = f"there is no table {name!r}; there are: {', '.join(self.tables) or 'none'}."
            raise place.error(problem)
        table, origin = self.tables[name]
        signed = {**table, "values": [sign * value + 0.0 for value in table["values"]]}
        return self.book.name_of(name, signed, _name(origin))


def draft_from_zset(path: Path, folder: Path, *, umat: str | None = None) -> Draft:
    """Say what a Z-set deck says in the words of a study.

    Parameters
    ----------
    path
        Deck, ``****calcul`` to ``****return``; mesh, material and field files lie beside it.
    folder
        Where the study will lie.
    umat
        Shared library that stands for behaviours which are not known, as the study names it.

    Raises
    ------
    ConversionError
        If the deck or a file that it names is malformed or missing; names the line.

    Notes
    -----
    Collective: no. Deterministic: yes. Fields stay in their files.
    """
    root = next((block for block in read_blocks(path) if block.keyword == "calcul"), None)
    if root is None:
        message = f"{path}: holds no ****calcul block."
        raise ConversionError(message)
    deck = _Deck(path, folder, root, umat)
    for block in root.children:
        if block.keyword not in (*_QUIET, *_EQUATIONS):
            deck.note(block.place, f"***{block.keyword}")
    _read_tables(deck)
    materials, has_plasticity = _materials(deck)
    constraints = (*_constraints(deck), *_equations(deck))
    loads = (*_forces(deck), *_temperature(deck))
    times = _times(deck)
    return Draft(
        name=plain_name(path.stem),
        deck=path,
        mesh=_mesh(deck),
        materials=materials,
        constraints=constraints,
        loads=loads,
        amplitudes=deck.book.tables,
        times=times,
        end=times[-1],
        dual=("p", "stress") if has_plasticity else ("stress",),
        notes=tuple((_name(place), text) for place, text in deck.notes),
    )


def _name(place: Place) -> str:
    """Return file name and line."""
    return f"{place.path.name}:{place.line}"


def _mesh(deck: _Deck) -> Path:
    """Return the mesh file."""
    for block in deck.blocks("mesh", "file"):
        if block.words:
            return beside(deck.path, block.words[0])
    message = f"{deck.path}: names no mesh (***mesh **file)."
    raise ConversionError(message)


def _times(deck: _Deck) -> tuple[float, ...]:
    """Return the instants of the computation, from zero."""
    times = [0.0]
    for block in deck.blocks("resolution", "cycles") + deck.blocks("resolution", "sequence"):
        ends, counts = block.first("time"), block.first("increment")
        if ends is None or counts is None:
            continue
        for end, count in zip(ends.numbers(), counts.numbers(), strict=False):
            if not (end > times[-1] and 1 <= count <= 1e5):  # noqa: PLR2004
                problem = f"{count:g} increments to t = {end:g} make no sequence."
                raise ends.place.error(problem)
            times += np.linspace(times[-1], end, int(count) + 1)[1:].tolist()
        if block.words[:1] not in ((), ("1",)):
            deck.note(block.place, "several cycles: the first one is computed")
    if len(times) == 1:
        message = f"{deck.path}: says no instants (***resolution **cycles *time, *increment)."
        raise ConversionError(message)
    return tuple(times)


def _read_tables(deck: _Deck) -> None:
    """Read the functions of time."""
    for block in [child for table in deck.blocks("table") for child in table.children]:
        times, values = block.first("time"), block.first("value")
        if block.keyword not in ("cycle", "name") or not block.words or not times or not values:
            deck.note(block.place, f"table **{block.keyword}")
            continue
        columns = np.array(times.numbers()), np.array(values.numbers())
        if columns[0].size != columns[1].size or columns[0].size == 0:
            problem = f"table {block.words[0]}: {columns[0].size} times, {columns[1].size} values."
            raise block.place.error(problem)
        if np.any(np.diff(columns[0]) <= 0.0):
            problem = f"table {block.words[0]}: times must ascend."
            raise block.place.error(problem)
        again = "repeat" if block.keyword == "cycle" and columns[0].size > 1 else "hold"
        deck.tables[block.words[0]] = (table_of(*columns, after=again), block.place)


def _materials(deck: _Deck) -> tuple[tuple[Entry, ...], bool]:
    """Return the materials, and whether one has a plastic strain."""
    entries = []
    inelastic = False
    for block in deck.blocks("material"):
        parts = [("ALL", block)] if block.first("file") else []
        for child in block.all("elset"):
            if child.words:
                name = "ALL" if child.words[0] in _EVERYTHING else child.words[0]
                parts.append((name, child))
        for cells, part in parts:
            source = part.first("file")
            if source is None or not source.words:
                deck.note(part.place, f"material of {cells} without *file")
                continue
            number = zset_number(source.place, source.words[1]) if len(source.words) > 1 else 1.0
            behaviour = read_behaviour(
                deck.path.parent / source.words[0], int(number), umat=deck.umat
            )
            deck.notes += behaviour.notes
            inelastic = inelastic or "yield_stress" in behaviour.parameters
            origin = f"{_name(source.place)}, {_name(behaviour.place)}"
            entries.append(Entry({"cells": cells, **behaviour.entry()}, origin))
    return tuple(entries), inelastic


def _constraints(deck: _Deck) -> Iterator[Entry]:
    """Yield the prescribed displacements."""
    for child in [child for block in deck.blocks("bc") for child in block.children]:
        if child.keyword != "impose_nodal_dof":
            continue
        for place, words in child.rows:
            if len(words) < 3 or words[1] not in _DIRECTIONS:  # noqa: PLR2004
                deck.note(place, f"**impose_nodal_dof {' '.join(words)}")
                continue
            u: list[float | None] = [None, None, None]
            u[_DIRECTIONS[words[1]]] = zset_number(place, words[2])
            value: dict[str, Any] = {"nodes": words[0], "u": u}
            if len(words) > 3 and any(u):  # noqa: PLR2004
                value["amplitude"] = deck.amplitude(place, words[3])
            yield Entry(value, _name(place))


def _equations(deck: _Deck) -> Iterator[Entry]:
    """Yield the sets whose nodes share a displacement component; other relations are told."""
    blocks = [block for keyword in _EQUATIONS for block in deck.blocks(keyword)]
    for child in [child for block in blocks for child in block.children]:
        rows = [(child.place, child.words)] if child.words else list(child.rows)
        for place, words in rows or [(child.place, ())]:
            if child.keyword == "mpc1" and len(words) == 2 and words[1] in _DIRECTIONS:  # noqa: PLR2004
                yield Entry({"nodes": words[0], "equal": _DIRECTIONS[words[1]]}, _name(place))
            else:
                deck.note(place, f"**{child.keyword} {' '.join(words)}".rstrip())


def _forces(deck: _Deck) -> Iterator[Entry]:
    """Yield pressures and centrifugal forces."""
    names: dict[str, None] = {}
    readers = {"pressure": _pressure, "centrifugal": _centrifugal}
    for child in [child for block in deck.blocks("bc") for child in block.children]:
        if child.keyword == "impose_nodal_dof":
            continue
        if child.keyword not in readers:
            deck.note(child.place, f"**{child.keyword}")
            continue
        for place, words in child.rows:
            value = readers[child.keyword](deck, place, words)
            if value is None:
                deck.note(place, f"**{child.keyword} {' '.join(words)}")
                continue
            name = free_name(child.keyword, names)
            names[name] = None
            yield Entry({"type": child.keyword, "name": name, **value}, _name(place))


def _pressure(deck: _Deck, place: Place, words: tuple[str, ...]) -> dict[str, Any] | None:
    """Read a pressure: a set, a number or a file, a table. Positive ones pull in Z-set."""
    if len(words) == 4 and words[1] == "file":  # noqa: PLR2004
        field_of: object = deck.beside(words[2])
    elif len(words) == 3:  # noqa: PLR2004
        field_of = zset_number(place, words[1])
    else:
        return None
    return {
        "faces": words[0],
        "field": field_of,
        "amplitude": deck.amplitude(place, words[-1], sign=-1.0),
    }


def _centrifugal(deck: _Deck, place: Place, words: tuple[str, ...]) -> dict[str, Any] | None:
    """Read a centrifugal force: a set, the centre in brackets, an axis, a speed, a table."""
    if len(words) != 9 or (words[1], words[5]) != ("(", ")"):  # noqa: PLR2004
        return None
    if words[0] not in _EVERYTHING or words[6] not in _AXES:
        return None
    centre = [zset_number(place, word) for word in words[2:5]]
    return {
        "axis": {"point": centre, "direction": _AXES[words[6]]},
        "omega": zset_number(place, words[7]),
        "amplitude": deck.amplitude(place, words[8]),
    }


def _temperature(deck: _Deck) -> Iterator[Entry]:
    """Yield the temperature: files at instants, which may repeat in cycles."""
    for block in deck.blocks("parameter", "file"):
        if block.words[:1] != ("temperature",):
            deck.note(block.place, f"parameter {' '.join(block.words)}")
            continue
        frames: list[dict[str, Any]] = []
        periods = set()
        rows = [row for part in (block, *block.children) for row in part.rows]
        for place, words in rows:
            if words[0] != "function":
                continue
            found = _KEYFRAME.match(" ".join(words[1:]).replace("; ", ";"))
            if found is None or found["record"] != "1":
                deck.note(place, " ".join(words))
                continue
            time = zset_number(place, found["time"])
            periods.add(zset_number(place, found["period"]) if found["period"] else None)
            frames.append({"time": time, "field": deck.beside(found["file"])})
        if not frames:
            deck.note(block.place, "temperature without instants")
            continue
        length = frames[-1]["time"] - frames[0]["time"]
        again = "repeat" if len(frames) > 1 and periods == {length} else "hold"
        yield Entry(
            {"type": "temperature", "keyframes": frames, "after": again}, _name(block.place)
        )
    for block in [child for group in deck.blocks("parameter") for child in group.children]:
        if block.keyword != "file":
            deck.note(block.place, f"parameter **{block.keyword}")
