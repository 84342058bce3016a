"""Decks of Abaqus and CalculiX: cards, geometry, histories, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from romnet.core.errors import ConversionError
from romnet.fe.cells import CELLS
from romnet.fe.faces import face_centres, face_nodes
from romnet.store.converters.base import find_converter
from romnet.store.converters.deck import read_deck, read_deck_field, read_deck_mesh
from romnet.store.converters.deck_cards import read_cards
from romnet.store.converters.deck_faces import FACES


@pytest.fixture
def deck_path(seeds, tmp_path: Path) -> Path:
    (tmp_path / "nodes.txt").write_text(seeds.NODES)
    path = tmp_path / "a.inp"
    path.write_text(seeds.DECK)
    return path


def changed(path: Path, old: str, new: str) -> Path:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


def test_decks_are_read_by_their_converter() -> None:
    assert {find_converter(Path(f"a{s}")).name for s in (".inp", ".FRD", ".dat")} == {"calculix"}


def test_cards_keep_options_lines_and_files(deck_path: Path) -> None:
    cards = read_cards(deck_path)
    nodes = next(card for card in cards if card.keyword == "NODE")
    assert (nodes.place.path.name, nodes.place.line, nodes.lines[:2]) == ("nodes.txt", 1, (2, 3))
    up = next(card for card in cards if card.keyword == "AMPLITUDE")
    assert (up.option("NAME"), up.place.line, up.lines) == ("UP", 21, (22,))


def test_keywords_go_on_after_a_comma_and_blanks_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "a.inp"
    path.write_text("** title\n*initial conditions,\n  type = temperature\nall , 20.\n")
    (card,) = read_cards(path)
    assert (card.keyword, card.option("TYPE")) == ("INITIALCONDITIONS", "TEMPERATURE")
    assert [words for _, words in card.words()] == [["ALL", "20."]]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("../outside.txt", r"a\.inp:3: .*outside\.txt lies outside"),
        ("/etc/hostname", r"a\.inp:3: /etc/hostname lies outside"),
        ("a.inp", r"a\.inp:3: a\.inp includes itself"),
        ("absent.txt", r"absent\.txt: cannot be read .*included from .*a\.inp:3"),
    ],
)
def test_only_files_below_the_deck_are_included(target, words, deck_path, tmp_path) -> None:
    (tmp_path.parent / "outside.txt").write_text("*NODE\n1, 0., 0., 0.\n")
    with pytest.raises(ConversionError, match=words):
        read_deck(changed(deck_path, "nodes.txt", target))


def test_a_link_that_leaves_the_folder_is_refused(deck_path: Path, tmp_path: Path) -> None:
    (tmp_path.parent / "outside.txt").write_text("*NODE\n1, 0., 0., 0.\n")
    (tmp_path / "link.txt").symlink_to(tmp_path.parent / "outside.txt")
    with pytest.raises(ConversionError, match=r"link\.txt lies outside"):
        read_deck(changed(deck_path, "nodes.txt", "link.txt"))


def test_sets_are_listed_generated_and_nested(deck_path: Path) -> None:
    mesh = read_deck_mesh(deck_path)
    ids = {name: mesh.node_ids[members].tolist() for name, members in mesh.node_sets.items()}
    assert ids["X0"] == [1, 4, 5, 8]
    assert ids["MORE"] == [1, 4, 5, 8, 9]
    assert ids["nodes_a_46"] == [13]
    assert mesh.cell_sets["BRICKS"].tolist() == [0, 1]
    assert [block.formulation for block in mesh.blocks] == ["abaqus:C3D8", "abaqus:C3D4"]
    assert mesh.blocks[1].ids.tolist() == [20]


@pytest.mark.parametrize("shape", ["tet4", "wedge6", "hex8"])
def test_every_face_is_a_face_of_the_cell(shape: str) -> None:
    cell = CELLS[shape]
    ours = {frozenset(nodes) for _, nodes in cell.faces}
    assert {frozenset(corners) for corners in FACES[cell.geometry]} == ours


def test_surfaces_are_faces_of_their_elements(deck_path: Path) -> None:
    mesh = read_deck_mesh(deck_path)
    # Face 2 of a brick is opposite to its first four nodes: z = 1 of both bricks.
    assert face_centres(mesh, mesh.face_sets["TOP"])[:2, 2].tolist() == [1.0, 1.0]
    # Face 3 of the tetrahedron 9 13 10 11 is 13 11 10.
    last = mesh.node_ids[face_nodes(mesh, mesh.face_sets["TOP"])]
    assert {10, 11, 13} <= set(last.tolist())
    # Without a face: those on the skin. One of the four lies between brick and tetrahedron.
    assert len(mesh.face_sets["SKIN"].cells) == 4
    # Pressures element by element: face 6 of brick 10 is x = 0, face 4 of brick 11 is x = 2.
    assert face_centres(mesh, mesh.face_sets["faces_a_55"])[:, 0].tolist() == [0.0, 2.0]


def test_pressures_that_differ_are_a_field_of_the_deck(deck_path: Path) -> None:
    mesh = read_deck_mesh(deck_path)
    found = read_deck_field(deck_path, mesh, face_set="faces_a_55")
    np.testing.assert_allclose(found.values, [2.0 / 3.0, 1.0])
    with pytest.raises(ConversionError, match="no pressures that differ between the faces of 'T"):
        read_deck_field(deck_path, mesh, face_set="TOP")


def test_loads_follow_amplitudes_and_ramps(deck_path: Path) -> None:
    deck = read_deck(deck_path)
    loads = {load.kind: load for load in deck.loads}
    spin = loads["centrifugal"]
    assert (spin.value, spin.direction, spin.place.line) == (2.0e6, (0.0, 0.0, 1.0), 57)
    at = [np.interp(t, spin.times, spin.factors) for t in (0.0, 0.25, 0.5, 0.75, 1.0)]
    np.testing.assert_allclose(at, [0.0, 0.25, 0.5, 0.75, 1.0], atol=1e-12)
    top = next(load for load in deck.loads if load.target == "TOP")
    assert (top.value, top.times.tolist(), top.factors.tolist()) == (5.0, [0.0, 1.0], [0.0, 1.0])
    assert loads["force"].direction == (0.0, 1.0, 0.0)
    moved = next(support for support in deck.supports if support.times.size)
    assert moved.u == (0.02, None, None)


def test_what_a_second_step_does_not_name_stays(deck_path: Path) -> None:
    text = deck_path.read_text()
    deck_path.write_text(text + "*STEP\n*STATIC\n0.5, 2.\n*DSLOAD\nTOP, P, 2.\n*END STEP\n")
    deck = read_deck(deck_path)
    by_target = {load.target: load for load in deck.loads}
    np.testing.assert_allclose(by_target["TOP"].times, [0.0, 1.0, 3.0])
    np.testing.assert_allclose(by_target["TOP"].value * by_target["TOP"].factors, [0.0, 5.0, 2.0])
    spin = by_target[""]
    assert np.interp(2.0, spin.times, spin.factors) == 1.0


def test_an_amplitude_may_jump_at_the_beginning(deck_path: Path) -> None:
    deck = read_deck(changed(deck_path, "0., 0., 0.5, 1., 1., 2.", "0., 1., 1., 2."))
    spin = next(load for load in deck.loads if load.kind == "centrifugal")
    at = [spin.value * np.interp(t, spin.times, spin.factors) for t in (0.0, 1e-3, 0.5, 1.0)]
    np.testing.assert_allclose(at, [0.0, 1.001e6, 1.5e6, 2.0e6], rtol=1e-9)


def test_a_load_beyond_all_numbers_names_its_step(deck_path: Path) -> None:
    changed(deck_path, "10, P6, 2.", "10, P6, 1e308")  # the amplitude goes to two
    with pytest.raises(ConversionError, match=r"a\.inp:\d+: a load of 1e\+308 times"):
        read_deck(deck_path)


def test_temperatures_ramp_from_the_initial_ones(deck_path: Path) -> None:
    mesh = read_deck_mesh(deck_path)
    half = read_deck_field(deck_path, mesh, variable="temperature@0.5").values
    end = read_deck_field(deck_path, mesh).values
    expected = np.full(mesh.n_nodes, 20.0)
    expected[[0, 1, 3, 4, 7]] = (30.0, 90.0, 30.0, 30.0, 30.0)  # the set comes last
    np.testing.assert_allclose(end, expected)
    np.testing.assert_allclose(half, 0.5 * (20.0 + expected))


def test_materials_keep_their_tables_and_lines(deck_path: Path) -> None:
    deck = read_deck(deck_path)
    steel, wood = deck.materials["STEEL"], deck.materials["WOOD"]
    rows = steel.properties["ELASTIC"].rows
    assert [(row.values, row.temperature) for row in rows] == [
        ((2.0e5, 0.3), 20.0),
        ((1.0e5, 0.3), 400.0),
    ]
    assert rows[1].place.line == 28
    assert wood.properties["ELASTIC"].rows[0].values[-1] == 400.0
    assert [(s.elements, s.material, s.orientation) for s in deck.sections] == [
        ("EALL", "STEEL", ""),
        ("TETS", "WOOD", "LOCAL"),
    ]


def test_constants_of_user_materials_go_over_lines(deck_path: Path) -> None:
    user = (
        "*USER MATERIAL, CONSTANTS=10\n1.,2.,3.,4.,5.,6.,7.,8.\n9.,10.,20.\n"
        "11.,12.,13.,14.,15.,16.,17.,18.\n19.,20.,400.\n*DEPVAR\n13\n*MATERIAL, NAME=WOOD"
    )
    deck = read_deck(changed(deck_path, "*MATERIAL, NAME=WOOD", user))
    found = deck.materials["STEEL"]
    assert [row.temperature for row in found.properties["USERMATERIAL"].rows] == [20.0, 400.0]
    assert found.properties["USERMATERIAL"].rows[1].values == tuple(np.arange(11.0, 21.0))
    assert found.n_state == 13


def test_what_is_not_known_is_told_with_its_line(deck_path: Path) -> None:
    text = deck_path.read_text().replace("*NODE FILE", "*RADIATE\n1, R1\n*NODE FILE")
    text = text.replace("*STEP, INC=100", "*TIE, NAME=A\nX, Y\n*STEP, INC=100, NLGEOM")
    deck_path.write_text(text)
    notes = {(note.place.line, note.text) for note in read_deck(deck_path).notes}
    lines = text.split("\n")
    assert (lines.index("*RADIATE") + 1, "*RADIATE") in notes
    assert (lines.index("*TIE, NAME=A") + 1, "*TIE") in notes
    assert any("NLGEOM" in note for _, note in notes)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("X0, 9", "X9, 9", r"a\.inp:15: there is no node set 'X9'"),
        ("8\n*NSET", "88\n*NSET", r"a\.inp:11: \*NSET names node 88, which does not exist"),
        ("20, 9, 13", "11, 9, 13", r"element 11 is defined twice"),
        ("20, 9, 13, 10, 11", "20, 9, 13, 10", r"a\.inp:7: .*elements of 4 nodes"),
        ("20, 9, 13", "20, 9, 14", r"name node 14 and 0 others that do not exist"),
        ("EALL, S2", "EALL, S9", r"a\.inp:17: 'S9' is no face"),
        ("2.0e5, 0.3, 20.", "2.0e5, x, 20.", r"a\.inp:27: 'X' is no number"),
        ("TOP, P, 5.", "TIP, P, 5.", r"a\.inp:59: there is no surface of elements 'TIP'"),
        ("0., 0., 0.5, 1.", "0., 0., 0., 1.", r"a\.inp:21: amplitude UP needs pairs of ascending"),
        ("*END STEP\n", "", r"a\.inp:49: the step has no \*END STEP: the deck is truncated"),
        ("*END STEP\n", "S, E", r"ends within the line 'S, E'"),
        ("*HEADING\n", "1, 2\n*HEADING\n", r"a\.inp:1: data before the first keyword"),
        ("TYPE=C3D8,", "TYPE=C3D8, INPUT=nodes.txt,", r"no .*|does not exist|numbers"),
    ],
)
def test_malformed_decks_name_the_line(old: str, new: str, words: str, deck_path: Path) -> None:
    with pytest.raises(ConversionError, match=words):
        read_deck(changed(deck_path, old, new))


def test_one_part_may_stand_in_an_assembly_but_not_two(deck_path: Path) -> None:
    text = deck_path.read_text()
    one = text.replace(
        "*HEADING", "*PART, NAME=P\n*END PART\n*INSTANCE, NAME=P-1, PART=P\n*HEADING"
    )
    one = one.replace("two bricks\n", "").replace("*HEADING\n", "*END INSTANCE\n")
    deck_path.write_text(one.replace("TOP, P, 5.", "P-1.TOP, P, 5."))
    assert any(load.target == "TOP" for load in read_deck(deck_path).loads)
    deck_path.write_text(one.replace("*PART, NAME=P\n", "*PART, NAME=P\n*PART, NAME=Q\n"))
    with pytest.raises(ConversionError, match="the deck has several parts"):
        read_deck(deck_path)


def test_shells_are_left_out_and_similar_solids_told(deck_path: Path) -> None:
    text = deck_path.read_text().replace("TYPE=C3D4", "TYPE=C3D4H")
    deck_path.write_text(text.replace("*ELSET,", "*ELEMENT, TYPE=S4\n30, 1,2,3,4\n*ELSET,", 1))
    deck = read_deck(deck_path)
    texts = [note.text for note in deck.notes]
    assert "elements of type S4 are left out" in texts
    assert "C3D4H is computed as C3D4: without the pressure unknown" in texts
    assert deck.mesh().n_cells == 3
