"""Ansys files against what ansys-mapdl-reader itself says of them."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from romnet.core.errors import ConversionError
from romnet.fe.cells import CELLS
from romnet.fe.discretization import discretize
from romnet.fe.mesh import Mesh
from romnet.fe.structured import box_mesh
from romnet.store.converters.ansys import CONVERTER
from romnet.store.converters.ansys_cells import Element, cell_blocks, cell_of
from romnet.store.converters.guarded import GuardedFile
from romnet.testing.converters import check_converter

# Places of the brick's nodes (corners, then middles) in the degenerate shapes of the manual:
# K = L makes a prism, M = N = O = P a pyramid, both a tetrahedron.
PRISM = {"l": "k", "p": "o", "s": "k", "w": "o", "b": "a"}
TETRAHEDRON = {"l": "k", "s": "k", "b": "a"} | dict.fromkeys("nopuvwx", "m")
PYRAMID = dict.fromkeys("nop", "m")
LETTERS = "ijklmnopqrstuvwxyzab"


def repeated(renamed: dict[str, str], count: int) -> tuple[int, ...]:
    return tuple(LETTERS.index(renamed.get(letter, letter)) + 1 for letter in LETTERS[:count])


@pytest.fixture(scope="module")
def examples() -> dict[str, Path]:
    """Return the files that the foreign reader brings."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from ansys.mapdl.reader import examples as found
    except ImportError:
        words = "ansys-mapdl-reader is not installed; it is in the test group"
        if os.environ.get("ROMNET_CI") == "1":
            pytest.fail(words)
        pytest.skip(words)
    return {
        "bricks": Path(found.hexarchivefile),
        "tetrahedra": Path(found.tetarchivefile),
        "sector": Path(found.sector_archive_file),
        "results": Path(found.rstfile),
    }


@pytest.fixture(scope="module")
def foreign(examples):
    """Return the foreign reader of results."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ansys.mapdl.reader import read_binary

        return read_binary(str(examples["results"]))


@pytest.mark.parametrize(
    ("kind", "renamed", "count", "expected"),
    [
        (185, {}, 8, "hex8"),
        (185, PRISM, 8, "wedge6"),
        (185, PYRAMID, 8, "pyramid5"),
        (185, TETRAHEDRON, 8, "tet4"),
        (186, {}, 20, "hex20"),
        (186, PRISM, 20, "wedge15"),
        (186, TETRAHEDRON, 20, "tet10"),
    ],
)
def test_degenerate_bricks_are_cells_of_their_shape(kind, renamed, count, expected) -> None:
    cell_type, nodes = cell_of(Element(1, kind, repeated(renamed, count)))
    assert cell_type == expected
    # Put the nodes of the shape where the reference cell has them: its middles must be between
    # the corners whose letters the manual puts them between.
    pairs = zip("ijklmnopijkl", "jklinopmmnop", strict=True)
    middles = dict(zip("qrstuvwxyzab", pairs, strict=True))
    names = [LETTERS[node - 1] for node in nodes]
    cell = CELLS[cell_type]
    place = dict(zip(names, cell.nodes, strict=True))
    for name in names[cell.n_corners :]:
        ends = [renamed.get(letter, letter) for letter in middles[name]]
        between = 0.5 * (place[ends[0]] + place[ends[1]])
        np.testing.assert_allclose(place[name], between, err_msg=name)


def test_the_cut_cube_keeps_its_volume() -> None:
    # A cube cut into two prisms, each written as a brick.
    cube = box_mesh((1.0, 1.0, 1.0), (1, 1, 1))
    corners = (cube.blocks[0].connectivity[0] + 1).tolist()
    i, j, k, l, m, n, o, p = corners  # noqa: E741
    rows = [(i, j, k, k, m, n, o, o), (i, k, l, l, m, o, p, p)]
    elements = [Element(number, 185, row) for number, row in enumerate(rows, start=1)]
    blocks = cell_blocks(Path("a.cdb"), elements, {node: node - 1 for node in corners})
    mesh = Mesh(cube.nodes, blocks, cube.node_ids)
    assert discretize(mesh).weights.sum() == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize(
    ("element", "words"),
    [
        (Element(9, 185, (1, 2, 2, 1, 5, 6, 7, 8)), "element 9: its nodes .* make no hex8"),
        (Element(9, 185, (1, 2, 3)), "8 or 20 nodes, not 3"),
        (Element(9, 186, repeated(PYRAMID, 20)), "no pyramid13"),
        (Element(9, 187, (1, 2, 3, 4, 5, 0, 0, 0, 0, 0)), "only some of its middle nodes"),
    ],
)
def test_what_makes_no_cell_is_refused(element: Element, words: str) -> None:
    with pytest.raises(ConversionError, match=words):
        cell_of(element)


def test_geometry_is_that_of_the_foreign_reader(examples, foreign) -> None:
    mesh = CONVERTER.read_mesh(examples["results"])
    np.testing.assert_array_equal(mesh.node_ids, foreign.mesh.nnum)
    np.testing.assert_array_equal(mesh.nodes, foreign.mesh.nodes)
    assert [block.formulation for block in mesh.blocks] == ["ansys:SOLID186"]
    grid = foreign.grid
    order = np.argsort(mesh.blocks[0].ids)
    cells = grid.cells.reshape(-1, 21)[:, 1:]
    rows = cells[np.argsort(grid.cell_data["ansys_elem_num"])]
    numbers = np.asarray(grid.point_data["ansys_node_num"])
    np.testing.assert_array_equal(mesh.node_ids[mesh.blocks[0].connectivity[order]], numbers[rows])
    assert discretize(mesh).weights.sum() == pytest.approx(grid.volume, rel=1e-5)


def test_displacements_are_those_of_the_foreign_reader(examples, foreign) -> None:
    mesh = CONVERTER.read_mesh(examples["results"])
    results = CONVERTER.read_results(examples["results"], mesh)
    assert results.n_times == foreign.n_results
    for number in range(results.n_times):
        found = results.instant(number)["displacement"].reshape(-1, 3)
        np.testing.assert_array_equal(found, foreign.nodal_displacement(number)[1][:, :3])


def test_modes_are_numbered_with_a_warning(examples, caplog) -> None:
    mesh = CONVERTER.read_mesh(examples["results"])
    results = CONVERTER.read_results(examples["results"], mesh)
    assert results.times.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert "holds modes" in caplog.text


def test_components_are_sets_of_the_same_numbers(examples) -> None:
    mesh = CONVERTER.read_mesh(examples["bricks"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ansys.mapdl.reader import Archive

        archive = Archive(str(examples["bricks"]), parse_vtk=False)
    assert set(mesh.node_sets) == set(archive.node_components) == {"NCOMP2", "NODE_SELECTION"}
    for name, members in archive.node_components.items():
        np.testing.assert_array_equal(mesh.node_ids[mesh.node_sets[name]], np.sort(members))
    ids = mesh.blocks[0].ids
    for name, members in archive.element_components.items():
        np.testing.assert_array_equal(np.sort(ids[mesh.cell_sets[name]]), np.sort(members))


def test_archives_of_prisms_and_tetrahedra_are_read(examples) -> None:
    sector = CONVERTER.read_mesh(examples["sector"])
    kinds = {block.formulation: len(block.ids) for block in sector.blocks}
    assert kinds == {"ansys:SOLID185": 101, "romnet:wedge6": 4}
    beam = CONVERTER.read_mesh(examples["tetrahedra"])
    assert discretize(beam).weights.sum() == pytest.approx(10.0, rel=1e-6)


def test_the_converter_conforms(examples) -> None:
    check_converter(CONVERTER, examples["bricks"], examples["results"])


def test_without_the_foreign_reader_the_message_says_what_to_install(examples, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "ansys.mapdl.reader", None)
    with pytest.raises(ConversionError, match=r"pip install 'romnet\[ansys\]'"):
        CONVERTER.read_mesh(examples["bricks"])


@pytest.mark.usefixtures("examples")
@pytest.mark.parametrize("name", ["cdb", "rst"])
def test_damaged_files_do_not_end_the_process(name: str, seeds, mutated, tmp_path: Path) -> None:
    # Among these 15, some let the foreign reader crash.
    seed = seeds.ansys_seeds()[name]
    found = mutated.failures(seed.files, seed.read, tmp_path, main=seed.main, cases=15, seed=3)
    assert list(found) == []


def test_a_reader_that_dies_is_reported_and_the_next_file_is_read(examples, tmp_path: Path) -> None:
    path = tmp_path / "damaged.rst"
    path.write_bytes(examples["results"].read_bytes())
    guarded = GuardedFile("romnet.store.converters.ansys_server", path)
    assert guarded.ask("results")["times"].size == 6
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    copies = [
        int(copy)
        for child in children
        for copy in Path(f"/proc/{child}/task/{child}/children").read_text().split()
    ]
    for copy in copies:
        os.kill(copy, signal.SIGSEGV)
    with pytest.raises(ConversionError, match=r"damaged\.rst: the foreign reader crashed"):
        guarded.ask("results")
    assert CONVERTER.read_mesh(examples["results"]).n_nodes == 321


def test_archives_hold_no_results(examples) -> None:
    mesh = CONVERTER.read_mesh(examples["bricks"])
    with pytest.raises(ConversionError, match="hold no results"):
        CONVERTER.read_results(examples["bricks"], mesh)
