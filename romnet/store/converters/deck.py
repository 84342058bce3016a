"""A whole Abaqus or CalculiX deck as one value, and the mesh it describes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from jaxtyping import Int

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError
from romnet.fe.mesh import Mesh
from romnet.store.converters.base import ForeignField
from romnet.store.converters.deck_cards import Card, Place, cards_named, deck_files, read_cards
from romnet.store.converters.deck_equations import DeckEquation, read_equations
from romnet.store.converters.deck_faces import (
    FacePart,
    base_mesh,
    read_surfaces,
    with_faces,
    with_ordered_sets,
)
from romnet.store.converters.deck_geometry import Geometry, Note, dedupe, read_geometry
from romnet.store.converters.deck_loads import DeckLoad, Loads, read_loads
from romnet.store.converters.deck_materials import (
    ENDS_MATERIAL,
    Material,
    Section,
    read_materials,
    read_sections,
)
from romnet.store.converters.deck_steps import (
    OTHER_PROCEDURES,
    PROCEDURES,
    Step,
    read_amplitudes,
    read_steps,
)
from romnet.store.converters.deck_supports import Support, read_supports
from romnet.store.converters.deck_temperature import Temperatures, read_temperatures

OUTPUT = (
    *("NODEFILE", "ELFILE", "NODEPRINT", "ELPRINT", "NODEOUTPUT", "ELEMENTOUTPUT", "OUTPUT"),
    *("ENERGYPRINT", "SECTIONPRINT", "CONTACTFILE", "CONTACTPRINT", "CONTACTOUTPUT", "ENERGYFILE"),
    *("FILEFORMAT", "MONITOR", "PRINT", "RESTART", "TIMEPOINTS", "ELEMENTMATRIXOUTPUT"),
)
_READ = (
    *("NODE", "ELEMENT", "NSET", "ELSET", "SURFACE", "SOLIDSECTION", "BOUNDARY", "AMPLITUDE"),
    *("INITIALCONDITIONS", "TEMPERATURE", "DLOAD", "DSLOAD", "CLOAD", "STEP", "ENDSTEP"),
    *("PART", "ENDPART", "ASSEMBLY", "ENDASSEMBLY", "INSTANCE", "ENDINSTANCE", "INCLUDE"),
    *("MATERIAL", "ELASTIC", "PLASTIC", "CREEP", "DENSITY", "EXPANSION", "USERMATERIAL"),
    *("DEPVAR", "ORIENTATION", "EQUATION", "MPC"),
)
_WITHOUT_MEANING = ("HEADING", "PREPRINT", "CONTROLS", "PHYSICALCONSTANTS")


@dataclass(frozen=True)
class Deck:
    """Everything that a deck says and romnet understands.

    Attributes
    ----------
    path
        The deck.
    geometry
        Nodes, elements and sets by their numbers.
    surfaces
        Face sets: named surfaces, and those made for loads that name elements.
    nodes
        Node sets made for lines that name single nodes, and surfaces of nodes.
    materials
        By upper-case name.
    sections
        Which elements have which material.
    orientations
        Local systems by upper-case name, as they stand in the deck.
    supports
        Prescribed displacements.
    equations
        Linear equations between displacements.
    drivers
        Supports that stand on their right sides.
    ordered
        Node sets made for the equations, whose order counts.
    loads
        Forces with their histories.
    temperatures
        Initial and prescribed temperatures.
    steps
        Static steps.
    notes
        What was not taken over, ordered by line.
    """

    path: Path
    geometry: Geometry
    surfaces: Mapping[str, tuple[FacePart, ...]]
    nodes: Mapping[str, Int[Array, " _"]]
    materials: Mapping[str, Material]
    sections: tuple[Section, ...]
    orientations: Mapping[str, Card]
    supports: tuple[Support, ...]
    equations: tuple[DeckEquation, ...]
    drivers: frozenset[str]
    ordered: Mapping[str, Int[Array, " _"]]
    loads: tuple[DeckLoad, ...]
    temperatures: Temperatures
    steps: tuple[Step, ...]
    notes: tuple[Note, ...]

    def mesh(self) -> Mesh:
        """Return the mesh: solid elements, the nodes they use, and all sets that are not empty.

        Raises
        ------
        ConversionError
            If quadratic cells have nodes out of order.
        """
        geometry = replace(self.geometry, node_sets={**self.nodes, **self.geometry.node_sets})
        mesh = base_mesh(geometry, Place(self.path, 1))
        return with_faces(with_ordered_sets(mesh, self.ordered), self.surfaces)


def read_deck(path: Path) -> Deck:
    """Read an input deck of Abaqus or CalculiX.

    Parameters
    ----------
    path
        Deck; files it includes must lie in its folder or below.

    Raises
    ------
    ConversionError
        If it cannot be read, a line is malformed or names what does not exist; names the line.
        Keywords that are not known are no error, they are among the notes.

    Notes
    -----
    Collective: no. Deterministic: yes. Memory: a few times the deck.

    Examples
    --------
    >>> read_deck(Path("absent.inp"))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.inp: cannot be read (No such file or directory).
    """
    cards = read_cards(path)
    try:
        return _deck(path, cards)
    except (IndexError, OverflowError, ValueError, KeyError) as problem:
        message = f"{path}: is malformed in a way that no line explains ({problem!r})."
        raise ConversionError(message) from problem


def _deck(path: Path, cards: tuple[Card, ...]) -> Deck:
    """Read all parts of a deck."""
    geometry = read_geometry(cards)
    surfaces, node_surfaces, surface_notes = read_surfaces(cards, geometry)
    amplitudes, amplitude_notes = read_amplitudes(cards)
    steps, step_notes = read_steps(cards)
    materials, material_notes = read_materials(cards)
    sections, section_notes = read_sections(cards, geometry)
    supports, support_nodes, support_notes = read_supports(cards, steps, geometry, amplitudes)
    tied = read_equations(cards, geometry, supports, support_nodes)
    loads: Loads = read_loads(steps, geometry, surfaces, amplitudes)
    temperatures, temperature_notes = read_temperatures(cards, steps, geometry, amplitudes)
    lists = (
        *(geometry.notes, surface_notes, amplitude_notes, step_notes, material_notes),
        *(section_notes, support_notes, tied.notes, loads.notes, temperature_notes),
        _unknown(cards),
    )
    notes = [note for found in lists for note in found]
    return Deck(
        path=path,
        geometry=geometry,
        surfaces={**loads.faces, **surfaces},
        nodes={**node_surfaces, **support_nodes, **loads.nodes},
        materials=materials,
        sections=sections,
        orientations={card.demand("NAME"): card for card in cards_named(cards, "ORIENTATION")},
        supports=supports,
        equations=tied.equations,
        drivers=tied.drivers,
        ordered=tied.sets,
        loads=loads.loads,
        temperatures=temperatures,
        steps=steps,
        notes=dedupe(sorted(notes, key=lambda note: (str(note.place.path), note.place.line))),
    )


def _unknown(cards: tuple[Card, ...]) -> list[Note]:
    """Return notes on the keywords that nobody reads."""
    known = {*_READ, *_WITHOUT_MEANING, *OUTPUT, *PROCEDURES, *OTHER_PROCEDURES}
    in_material, notes = False, []
    for card in cards:
        in_material = card.keyword == "MATERIAL" or (
            in_material and card.keyword not in ENDS_MATERIAL
        )
        # Notes on behaviours of materials are made where materials are read.
        if card.keyword not in known and not card.keyword.endswith("SECTION") and not in_material:
            notes.append(Note(card.place, f"*{card.keyword}"))
    return notes


@lru_cache(maxsize=1)
def _unchanged_deck(path: Path, signature: tuple[tuple[Path, int, int], ...]) -> Deck:
    """Return a deck that was read before, if no file has changed since."""
    del signature
    return read_deck(path)


def read_deck_mesh(path: Path) -> Mesh:
    """Read the mesh of a deck.

    Parameters
    ----------
    path
        Deck of Abaqus or CalculiX.

    Returns
    -------
    Mesh
        Formulations are named after the elements, ``"abaqus:C3D10"``. Surfaces are face sets;
        loads and supports that name elements or nodes by number have sets of their own.

    Raises
    ------
    ConversionError
        If the deck is malformed; names the line.

    Notes
    -----
    Collective: no. Deterministic: yes.

    Examples
    --------
    >>> read_deck_mesh(Path("absent.inp"))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.inp: cannot be read (No such file or directory).
    """
    return read_deck(path).mesh()


def read_deck_field(
    path: Path, mesh: Mesh, *, variable: str | None = None, face_set: str | None = None
) -> ForeignField:
    """Read a temperature at the nodes, or the pressure on the faces of a set.

    Parameters
    ----------
    path
        Deck.
    mesh
        Its mesh.
    variable
        ``"temperature@0.5"``: at the total time 0.5; ``"temperature"``: at the end. Not used with
        a face set.
    face_set
        Faces that a load names element by element; the values are relative to the largest.

    Raises
    ------
    ConversionError
        If the deck is malformed or does not hold the field.

    Notes
    -----
    Collective: no. Deterministic: yes. The last deck is remembered, as long as no file changes.

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> read_deck_field(Path("absent.inp"), box_mesh((1.0, 1.0, 1.0), (1, 1, 1)))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.inp: cannot be read (No such file or directory).
    """
    states = ((file, file.stat()) for file in deck_files(path))
    signature = tuple((file, state.st_mtime_ns, state.st_size) for file, state in states)
    deck = _unchanged_deck(path.resolve(), signature)
    if face_set is not None:
        for load in deck.loads:
            if load.target == face_set and load.pattern is not None:
                return ForeignField("pressure", "facet", load.pattern)
        message = f"{path}: holds no pressures that differ between the faces of {face_set!r}."
        raise ConversionError(message)
    name, _, wanted = (variable or "temperature").partition("@")
    times = deck.temperatures.times()
    if name != "temperature" or not times:
        message = f"{path}: holds no field {name!r}, or gives no temperature."
        raise ConversionError(message)
    try:
        time = float(wanted) if wanted else times[-1]
    except ValueError as problem:
        message = f"{path}: {wanted!r} is no instant."
        raise ConversionError(message) from problem
    return ForeignField(name, "node", deck.temperatures.at(mesh.node_ids, [time])[0])
