"""Z-set meshes: numbers, sets, node orders, and what is said about malformed text."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from romnet.core.errors import ConversionError
from romnet.fe.cells import CELLS
from romnet.fe.discretization import discretize
from romnet.fe.faces import face_nodes
from romnet.store.converters.geof import ELEMENTS, FACETS, read_geof

_place = Path(__file__).with_name("zset_files.py")
_spec = importlib.util.spec_from_file_location("zset_files", _place)
zset = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(zset)


def test_ids_become_positions_everywhere(tmp_path: Path) -> None:
    mesh = read_geof(zset.write_geof(tmp_path / "cubes.geof"))
    np.testing.assert_array_equal(mesh.nodes, zset.NODES)
    np.testing.assert_array_equal(mesh.node_ids, zset.NODE_IDS)
    (block,) = mesh.blocks
    assert (block.cell_type, block.formulation) == ("hex8", "zset:c3d8")
    assert block.ids.tolist() == zset.CELL_IDS.tolist()
    for cell, corners in enumerate(block.connectivity):
        np.testing.assert_array_equal(mesh.nodes[corners], zset.VERTICES + np.array([cell, 0, 0]))
    assert mesh.node_ids[mesh.node_sets["left"]].tolist() == [101, 20, 40, 50]
    assert mesh.cell_sets["right"].tolist() == [1]
    assert mesh.face_sets["ends"].cells.tolist() == [0, 1]
    x = mesh.nodes[face_nodes(mesh, mesh.face_sets["ends"]), 0]
    assert set(x.tolist()) == {0.0, 2.0}
    assert mesh.node_ids[mesh.node_sets["edge"]].tolist() == [101, 7, 8]
    assert discretize(mesh).weights.sum() == pytest.approx(2.0, rel=1e-14)


def layers(name: str) -> list[list[float]]:
    """Return reference places of a quadratic element in Z-set's own order, from its layers."""
    ring = [[-1, -1], [0, -1], [1, -1], [1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0]]
    triangle = [[0, 0], [0.5, 0], [1, 0], [0.5, 0.5], [0, 1], [0, 0.5]]
    if name.startswith("c2d6"):
        return triangle
    if name.startswith("c2d8"):
        return ring
    around = triangle if name.startswith("c3d15") else ring
    return [
        *([*place, -1] for place in around),
        *([*place, 0] for place in around[::2]),
        *([*place, 1] for place in around),
    ]


@pytest.mark.parametrize(
    "name", ["c2d6", "c2d6r", "c2d8", "c2d8r", "c3d15", "c3d15r", "c3d20", "c3d20r"]
)
def test_quadratic_elements_are_read_layer_by_layer(name: str, tmp_path: Path) -> None:
    places = np.array(layers(name), dtype=float)
    path = tmp_path / "one.geof"
    write_one(path, name, places)
    (block,) = read_geof(path).blocks
    np.testing.assert_array_equal(places[block.connectivity[0]], CELLS[block.cell_type].nodes)


def test_quadratic_tetrahedra_have_corners_mid_sides_and_the_top_last(tmp_path: Path) -> None:
    a, b, c, d = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=float)
    ring = [(a + b) / 2, (b + c) / 2, (c + a) / 2]
    places = np.array([a, b, c, *ring, (a + d) / 2, (b + d) / 2, (c + d) / 2, d])
    path = tmp_path / "one.geof"
    write_one(path, "c3d10", places)
    (block,) = read_geof(path).blocks
    np.testing.assert_array_equal(places[block.connectivity[0]], CELLS["tet10"].nodes)


@pytest.mark.parametrize("name", [name for name, (cell, _) in ELEMENTS.items() if cell[-1] > "5"])
def test_every_order_is_a_permutation(name: str) -> None:
    cell_type, order = ELEMENTS[name]
    assert sorted(order) == list(range(CELLS[cell_type].n_nodes))


def write_one(path: Path, name: str, places: np.ndarray) -> None:
    rows = "\n".join(
        f"{number + 1} {' '.join(map(str, place))}" for number, place in enumerate(places)
    )
    corners = " ".join(str(number + 1) for number in range(len(places)))
    path.write_text(
        f"***geometry\n**node\n{len(places)} {places.shape[1]}\n{rows}\n"
        f"**element\n1\n1 {name} {corners}\n***group\n***return\n"
    )


def test_quadratic_nodes_in_another_order_are_refused(tmp_path: Path) -> None:
    write_one(tmp_path / "one.geof", "c3d20", CELLS["hex20"].nodes)
    with pytest.raises(ConversionError, match=r"one\.geof: 1 of 1 hex20 cells .*VTK order"):
        read_geof(tmp_path / "one.geof")


def test_runs_of_one_type_make_blocks_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mixed.geof"
    path.write_text(
        "***geometry\n**node\n5 2\n1 0 0\n2 1 0\n3 1 1\n4 0 1\n5 2 0.5\n"
        "**element\n4\n1 c2d3 1 2 3\n2 c2d3 1 3 4\n3 c2d4 1 2 3 4\n4 c2d3 2 5 3\n"
        "***group\n**liset bottom\nline 1 2\n**elset all\n4 1 2 3\n***return\n"
    )
    mesh = read_geof(path)
    assert [block.formulation for block in mesh.blocks] == ["zset:c2d3", "zset:c2d4", "zset:c2d3"]
    assert [block.ids.tolist() for block in mesh.blocks] == [[1, 2], [3], [4]]
    assert mesh.cell_sets["all"].tolist() == [3, 0, 1, 2]
    assert face_nodes(mesh, mesh.face_sets["bottom"]).tolist() == [0, 1]


def test_facets_of_several_types_keep_the_order_of_the_set(tmp_path: Path) -> None:
    path = tmp_path / "wedge.geof"
    path.write_text(
        "***geometry\n**node\n6 3\n1 0 0 0\n2 1 0 0\n3 0 1 0\n4 0 0 1\n5 1 0 1\n6 0 1 1\n"
        "**element\n1\n1 c3d6 1 2 3 4 5 6\n***group\n"
        "**faset skin\nt3 1 2 3\nq4 1 2 5 4\nt3 4 5 6\n***return\n"
    )
    mesh = read_geof(path)
    faces = CELLS["wedge6"].faces
    found = [set(faces[number][1]) for number in mesh.face_sets["skin"].local_faces]
    assert found == [{0, 1, 2}, {0, 1, 3, 4}, {3, 4, 5}]


def test_facet_orders_are_permutations() -> None:
    for name, order in FACETS.items():
        assert sorted(order) == list(range(len(order))), name


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("12 3\n", "13 3\n", r":2: \*\*node announces 13 lines, found 12"),
        ("12 3\n", "12\n", r":2: \*\*node must be followed by 2 numbers"),
        ("7 1.000000000000000e+00 0", "7 1.0e+0x 0", r":5: '1.0e\+0x' is no coordinate"),
        ("8 2.000000000000000e+00", "8", r":6: expected a number and 3 coordinates"),
        ("\n8 2.0", "\n7 2.0", r":2: number 7 occurs twice in \*\*node"),
        ("\n2\n30", "\n3\n30", r":16: \*\*element announces 3 lines, found 2"),
        ("30 c3d8", "30 c9d8", r":18: element type 'c9d8' is not known; known are c2d3"),
        ("30 c3d8", "30 c3d8 1", r":18: expected 8 nodes, found 9"),
        ("30 c3d8 101", "30 c3d8 999", r":16: element names number 999, which does not exist"),
        ("5 c3d8", "30 c3d8", r":16: number 30 occurs twice in \*\*element"),
        (" 101 20", " 101 2O", r":23: '2O' is no integer"),
        ("**elset right\n 5", "**elset right\n 6", r":25: elset right names number 6"),
        ("q4 8 42", "q9 8 42", r":29: facet type 'q9' is not known"),
        ("q4 8 42 70 3", "q4 8 42 70 101", r":27: faset ends: facet with nodes"),
        ("***return", "", r"ends without \*\*\*return, the file is truncated"),
        ("***geometry", "", r"is no Z-set mesh"),
        ("**element", "**elements", r"expected one \*\*element section, found 0"),
    ],
)
def test_malformed_text_is_named_by_line(old: str, new: str, words: str, tmp_path: Path) -> None:
    path = zset.write_geof(tmp_path / "cubes.geof")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ConversionError, match=r"cubes\.geof.*" + words):
        read_geof(path)
