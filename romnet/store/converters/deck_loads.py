"""Forces of an Abaqus or CalculiX deck: pressures, centrifugal forces, gravity, nodal forces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.store.converters.deck_cards import Card, Place, cards_named, number, whole
from romnet.store.converters.deck_faces import FacePart, face_number
from romnet.store.converters.deck_geometry import Geometry, Note
from romnet.store.converters.deck_sets import label
from romnet.store.converters.deck_steps import DeckAmplitude, Step, amplitude_of, history
from romnet.store.converters.deck_supports import implied_name

Kind = Literal["pressure", "centrifugal", "gravity", "force"]
KEYWORDS = ("DLOAD", "DSLOAD", "CLOAD")
_Vector = tuple[float, ...]


@dataclass(frozen=True)
class DeckLoad:
    """One load with its history.

    Attributes
    ----------
    kind
        Pressure on a face set; centrifugal force or gravity on all elements or a set; force on
        each node of a node set.
    target
        Name of the set; empty for all elements.
    value
        At factor one: pressure [stress], squared angular velocity [1/time^2], acceleration
        [length/time^2] or force [force].
    point, direction
        A point on the axis [length]; direction of axis, gravity or force.
    pattern
        Pressure of each face relative to `value`, where they differ.
    times, factors
        Function of time.
    place
        Where it is first given.
    """

    kind: Kind
    target: str
    value: float
    point: _Vector
    direction: _Vector
    pattern: Float[Array, " n_faces"] | None
    times: Float[Array, " n_times"]
    factors: Float[Array, " n_times"]
    place: Place


@dataclass(frozen=True)
class Loads:
    """All loads of a deck.

    Attributes
    ----------
    loads
        In the order in which they are first given.
    faces
        Face sets made for loads that name elements.
    nodes
        Node sets made for loads that name single nodes.
    notes
        What was left out.
    """

    loads: tuple[DeckLoad, ...]
    faces: Mapping[str, tuple[FacePart, ...]]
    nodes: Mapping[str, Int[Array, " _"]]
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class _Key:
    """What makes lines of several steps one load."""

    kind: Kind
    target: str
    point: _Vector = ()
    direction: _Vector = ()


@dataclass(frozen=True)
class _Line:
    """One line: a load in one step."""

    key: _Key
    value: float
    place: Place
    elements: Int[Array, " _"] = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass
class _Collector:
    """Gathers the lines of all steps."""

    geometry: Geometry
    surfaces: Mapping[str, tuple[FacePart, ...]]
    notes: list[Note] = field(default_factory=list)
    faces: dict[str, tuple[FacePart, ...]] = field(default_factory=dict)
    nodes: dict[str, Array] = field(default_factory=dict)
    patterns: dict[str, Array] = field(default_factory=dict)
    names: dict[tuple[tuple[int, int], ...], str] = field(default_factory=dict)
    events: dict[_Key, dict[int, tuple[float, DeckAmplitude | None]]] = field(default_factory=dict)
    first: dict[_Key, Place] = field(default_factory=dict)

    def read(self, card: Card, step: int, amplitude: DeckAmplitude | None) -> None:
        """Take over the lines of a card."""
        given: set[_Key] = set()
        for line in self._lines(card):
            self.first.setdefault(line.key, line.place)
            own = self.events.setdefault(line.key, {})
            if line.key in given:
                text = f"{line.key.kind} on {line.key.target or 'all elements'} is given twice"
                self.notes.append(Note(line.place, text))
                continue
            given.add(line.key)
            own[step] = (line.value, amplitude)
        if card.option("OP") == "NEW":
            self._remove(card, step, given)

    def _remove(self, card: Card, step: int, given: set[_Key]) -> None:
        """Let loads that are no longer named go down to zero."""
        kinds = ("force",) if card.keyword == "CLOAD" else ("pressure", "centrifugal", "gravity")
        for key, own in self.events.items():
            if key.kind in kinds and key not in given and step not in own:
                own[step] = (0.0, None)
                text = f"{key.kind} on {key.target or 'all elements'} goes to zero over the step"
                self.notes.append(Note(card.place, f"OP=NEW: {text}"))

    def _lines(self, card: Card) -> Iterator[_Line]:
        """Yield the loads that a card gives."""
        if card.keyword == "CLOAD":
            yield from self._forces(card)
        elif card.keyword == "DSLOAD":
            yield from self._on_surfaces(card)
        else:
            yield from self._on_elements(card)

    def _forces(self, card: Card) -> Iterator[_Line]:
        """Yield nodal forces."""
        for place, words in card.words():
            direction = whole(place, words[1]) if len(words) > 1 else 0
            if not 1 <= direction <= 3:  # noqa: PLR2004
                self.notes.append(Note(place, f"*CLOAD of component {direction}"))
                continue
            members = self.geometry.nodes_of(place, words[0])
            name = label(words[0])
            if name not in self.geometry.node_sets:
                name = f"node_{name}"
                self.nodes[name] = members
            unit = tuple(float(direction == d) for d in (1, 2, 3))
            value = number(place, words[2]) if len(words) > 2 else 0.0  # noqa: PLR2004
            yield _Line(_Key("force", name, direction=unit), value, place)

    def _on_surfaces(self, card: Card) -> Iterator[_Line]:
        """Yield pressures on named surfaces."""
        for place, words in card.words():
            name = label(words[0])
            if name not in self.surfaces:
                problem = f"there is no surface of elements {name!r}."
                raise place.error(problem)
            if len(words) < 3 or words[1] != "P":  # noqa: PLR2004
                self.notes.append(Note(place, f"*DSLOAD {', '.join(words[1:2])}"))
                continue
            yield _Line(_Key("pressure", name), number(place, words[2]), place)

    def _on_elements(self, card: Card) -> Iterator[_Line]:
        """Yield pressures on faces, centrifugal forces and gravity."""
        single: list[tuple[Place, int, int, float]] = []
        bodies: dict[tuple[_Key, float], _Line] = {}
        for place, words in card.words():
            kind = words[1] if len(words) > 1 else ""
            if kind in ("CENTRIF", "GRAV"):
                line = self._body_line(place, words)
                known = bodies.get((line.key, line.value))
                members = line.elements if known is None else known.elements
                merged = np.union1d(members, line.elements)
                first = place if known is None else known.place
                bodies[line.key, line.value] = _Line(line.key, line.value, first, merged)
            elif len(kind) == 2 and kind[0] == "P" and kind[1].isdigit():  # noqa: PLR2004
                face = face_number(place, kind, "P")
                value = number(place, words[2]) if len(words) > 2 else 0.0  # noqa: PLR2004
                members = self.geometry.elements_of(place, words[0])
                if label(words[0]) in self.geometry.element_sets:
                    name = f"{label(words[0])}_{kind}"
                    self.faces[name] = (FacePart(members, face),)
                    yield _Line(_Key("pressure", name), value, place)
                else:
                    single.append((place, int(members[0]), face, value))
            else:
                self.notes.append(Note(place, f"*DLOAD {kind}"))
        if single:
            yield self._pattern(single)
        yield from self._whole_bodies(bodies)

    def _body_line(self, place: Place, words: list[str]) -> _Line:
        """Read a centrifugal force or gravity."""
        numbers = [number(place, word) for word in words[2:]]
        centrifugal = words[1] == "CENTRIF"
        wanted = 7 if centrifugal else 4
        if len(numbers) < wanted:
            problem = f"{words[1]} needs {wanted} numbers, got {len(numbers)}."
            raise place.error(problem)
        point = tuple(numbers[1:4]) if centrifugal else ()
        direction = tuple(numbers[4:7] if centrifugal else numbers[1:4])
        if not any(direction):
            problem = f"{words[1]}: the direction is zero."
            raise place.error(problem)
        key = _Key("centrifugal" if centrifugal else "gravity", "", point, direction)
        elements = self._all_elements()
        if words[0]:
            elements = self.geometry.elements_of(place, words[0])
        return _Line(key, numbers[0], place, elements)

    def _whole_bodies(self, bodies: Mapping[tuple[_Key, float], _Line]) -> Iterator[_Line]:
        """Yield loads on mass that act on every element; the others are left out."""
        for line in bodies.values():
            if line.elements.size == self._all_elements().size:
                yield line
            else:
                text = f"{line.key.kind} load on {line.elements.size} elements only"
                self.notes.append(Note(line.place, text))

    def _all_elements(self) -> Int[Array, " n"]:
        """Return the numbers of all solid elements."""
        return np.concatenate([part.ids for part in self.geometry.elements])

    def _pattern(self, single: list[tuple[Place, int, int, float]]) -> _Line:
        """Make one load of the pressures that a card gives element by element."""
        content = tuple((element, face) for _, element, face, _ in single)
        place = single[0][0]
        new = content not in self.names
        name = self.names.setdefault(content, implied_name("faces", place))
        values = np.array([value for *_, value in single])
        peak = float(values[np.abs(values).argmax()])
        pattern = values / peak if peak else np.ones_like(values)
        if new:
            self.faces[name] = tuple(
                FacePart(np.array([element]), face) for element, face in content
            )
            self.patterns[name] = pattern
        elif peak and not np.allclose(self.patterns[name], pattern, rtol=1e-9, atol=1e-12):
            text = "pressures of the same faces change their distribution: the first is kept"
            self.notes.append(Note(place, text))
        return _Line(_Key("pressure", name), peak, place)

    def loads(self, steps: tuple[Step, ...]) -> Iterator[DeckLoad]:
        """Yield the loads with their histories; those that are always zero are dropped."""
        for key, events in self.events.items():
            times, values = history(steps, events)
            peak = float(values[np.abs(values).argmax()])
            if not peak:
                continue
            pattern = self.patterns.get(key.target)
            if pattern is not None and np.all(pattern == 1.0):
                pattern = None
            yield DeckLoad(
                kind=key.kind,
                target=key.target,
                value=peak,
                point=key.point,
                direction=key.direction,
                pattern=pattern,
                times=times,
                factors=values / peak,
                place=self.first[key],
            )


def read_loads(
    steps: tuple[Step, ...],
    geometry: Geometry,
    surfaces: Mapping[str, tuple[FacePart, ...]],
    amplitudes: Mapping[str, DeckAmplitude],
) -> Loads:
    """Read the loads of all steps and join the lines that name the same thing.

    Parameters
    ----------
    steps
        Static steps.
    geometry
        Nodes, elements and sets.
    surfaces
        Named surfaces.
    amplitudes
        Functions of time by name.

    Raises
    ------
    ConversionError
        If a line names what does not exist, or holds no number where one must be.

    Notes
    -----
    Collective: no. Deterministic: yes.
    """
    collector = _Collector(geometry, surfaces)
    for step in steps:
        for card in cards_named(step.cards, *KEYWORDS):
            amplitude, known = amplitude_of(card, amplitudes)
            if not known or {"REGION", "USER", "SUBMODEL", "LOADCASE"} & set(card.options):
                what = "its amplitude" if not known else ", ".join(card.options)
                collector.notes.append(Note(card.place, f"*{card.keyword} with {what}"))
            else:
                collector.read(card, step.number, amplitude)
    loads = tuple(collector.loads(steps))
    return Loads(loads, collector.faces, collector.nodes, tuple(collector.notes))
