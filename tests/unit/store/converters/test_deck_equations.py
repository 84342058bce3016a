"""Equations between displacements, as decks write them and as the mesh and the study see them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from romnet.core.errors import ConversionError
from romnet.store.converters.deck import Deck, read_deck


@pytest.fixture
def deck_with(seeds, tmp_path: Path):
    """Function that reads the deck of the seeds with more lines before its first step."""

    def read(lines: str) -> Deck:
        (tmp_path / "nodes.txt").write_text(seeds.NODES + "99, 0., 0., 0.\n")
        path = tmp_path / "a.inp"
        sets = "*NSET, NSET=BRICK\n2, 1\n"
        path.write_text(seeds.DECK.replace("*STEP, INC", f"{sets}{lines}*STEP, INC", 1))
        return read_deck(path)

    return read


def rows(deck: Deck, number: int = 0) -> list[list[tuple[int, int, float]]]:
    """Equations of one kind as foreign node, direction and coefficient."""
    found, mesh = deck.equations[number], deck.mesh()
    columns = [mesh.node_ids[mesh.node_sets[term.nodes]] for term in found.terms]
    return [
        [(int(n), t.direction, t.coefficient) for n, t in zip(nodes, found.terms, strict=True)]
        for nodes in np.column_stack(np.broadcast_arrays(*columns))
    ]


def test_equations_of_one_kind_are_gathered_in_their_order(deck_with) -> None:
    pairs = ((12, 7), (6, 3), (10, 4))
    text = "".join(f"2\n{a}, 1, 1., {b}, 1, -1.\n" for a, b in pairs)
    deck = deck_with(f"*EQUATION\n{text}3\n2, 2, 2., 3, 1, 1.,\n13, 3, -.5\n")
    assert rows(deck) == [[(a, 1, 1.0), (b, 1, -1.0)] for a, b in pairs]
    assert rows(deck, 1) == [[(2, 2, 2.0), (3, 1, 1.0), (13, 3, -0.5)]]
    assert len(deck.equations) == 2


def test_a_node_comes_once_in_a_set_unless_all_share_it(deck_with) -> None:
    text = "".join(f"2\n{n}, 1, 1., 1, 1, -1.\n" for n in (2, 3, 4))
    deck = deck_with(f"*EQUATION\n{text}2\n4, 1, 1., 5, 1, -1.\n")
    found = [row for number in range(len(deck.equations)) for row in rows(deck, number)]
    wanted = [[(n, 1, 1.0), (m, 1, -1.0)] for n, m in ((2, 1), (3, 1), (4, 1), (4, 5))]
    assert sorted(found) == wanted


def test_sets_are_paired_by_number_and_a_single_node_leads(deck_with) -> None:
    sets = "*NSET, NSET=A\n7, 3\n*NSET, NSET=B\n12, 10\n"
    deck = deck_with(f"{sets}*EQUATION\n3\nA, 1, 1., B, 1, -1., 13, 1, 2.\n*MPC\nPIN, A, 13\n")
    assert rows(deck) == [
        [(3, 1, 1.0), (10, 1, -1.0), (13, 1, 2.0)],
        [(7, 1, 1.0), (12, 1, -1.0), (13, 1, 2.0)],
    ]
    for number, direction in ((1, 1), (2, 2), (3, 3)):
        both = (13, direction, -1.0)
        assert rows(deck, number) == [[(n, direction, 1.0), both] for n in (3, 7)]


def test_a_node_without_elements_that_is_moved_stands_on_the_right(deck_with) -> None:
    lines = "*EQUATION\n2\n7, 1, 4., 99, 1, -2.\n2\n8, 2, 1., 99, 3, 1.\n"
    deck = deck_with(f"{lines}*BOUNDARY\n99, 3, 3\n99, 1, 1, 0.25\n")
    moved, still = sorted(deck.equations, key=lambda found: found.terms[0].direction)
    assert [(t.direction, t.coefficient) for t in moved.terms] == [(1, 4.0)]
    assert (moved.value, moved.factors[-1]) == (0.5, 1.0)
    assert (still.value, len(still.terms)) == (0.0, 1)
    assert not deck.notes


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("*EQUATION\n2\n7, 1, 1., 99, 1, -1.\n", "node 99, which no solid element has and no"),
        ("*EQUATION\n2\n7, 4, 1., 8, 1, -1.\n", "component that is no displacement"),
        ("*EQUATION, REMOVE\n7, 1\n", "*EQUATION with REMOVE"),
        ("*MPC\nBEAM, 7, 8\n", "*MPC BEAM, 7, 8"),
        (
            "*NSET, NSET=A, UNSORTED\n7, 3\n*EQUATION\n2\nA, 1, 1., X0, 1, -1.\n",
            "node sets of [2, 4]",
        ),
        (
            "*NSET, NSET=A, UNSORTED\n7, 3\n*EQUATION\n2\nA, 1, 1., BRICK, 1, 1.\n",
            "UNSORTED node set A",
        ),
    ],
)
def test_what_cannot_be_taken_over_is_told(lines: str, words: str, deck_with) -> None:
    try:
        told = "; ".join(note.text for note in deck_with(lines).notes)
    except ConversionError as refusal:
        told = str(refusal)
    assert words in told


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("*EQUATION\n3\n7, 1, 1., 8, 1, -1.\n", r"6 words below are not 3 nodes"),
        ("*EQUATION\n7, 1, 1., 8, 1, -1.\n", "expected the number of terms"),
        ("*EQUATION\n2\n7, 1, 1., 77, 1, -1.\n", "there is no node 77"),
        ("*EQUATION\n0\n", "are not 0 nodes"),
    ],
)
def test_malformed_equations_name_the_line(lines: str, words: str, deck_with) -> None:
    with pytest.raises(ConversionError, match=rf"a\.inp:\d+: .*{words}"):
        deck_with(lines)
