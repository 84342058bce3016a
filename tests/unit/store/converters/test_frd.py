"""Nodal results in text and in binary, from a description of the format and from CalculiX."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from romnet.core.errors import ConversionError
from romnet.store.converters.calculix import CONVERTER
from romnet.store.converters.frd import read_frd, read_frd_field
from romnet.store.converters.frd_tables import read_frd_mesh
from romnet.testing.converters import check_converter


@pytest.fixture(params=["text", "binary"])
def file(request, seeds, tmp_path: Path) -> Path:
    path = tmp_path / "job.frd"
    path.write_bytes(seeds.frd_text() if request.param == "text" else seeds.frd_binary())
    return path


def test_fields_have_their_names_orders_and_values(file: Path, seeds) -> None:
    mesh = seeds.frd_mesh()
    results = read_frd(file, mesh)
    assert results.times.tolist() == [0.5, 1.0]
    assert set(results.fields) == {"displacement", "temperature", "STRESS", "SEVEN"}
    for time, found in results.instants():
        u = seeds.result("DISP", mesh, time)
        np.testing.assert_allclose(found["displacement"], u.ravel(), rtol=1e-5)
        hot = seeds.result("NDTEMP", mesh, time)
        np.testing.assert_allclose(found["temperature"], hot[:, 0], rtol=1e-5)
        # xx yy zz xy yz zx in the file; romnet has 11 22 33 12 13 23.
        stress = seeds.result("STRESS", mesh, time)[:, [0, 1, 2, 3, 5, 4]]
        np.testing.assert_allclose(found["STRESS"], stress.ravel(), rtol=1e-5)
        seven = seeds.result("SEVEN", mesh, time)
        np.testing.assert_allclose(found["SEVEN"], seven.ravel(), rtol=1e-5)


def test_nodes_are_matched_by_their_numbers(file: Path, seeds) -> None:
    mesh = seeds.frd_mesh()
    order = np.random.default_rng(0).permutation(mesh.n_nodes)
    mixed = replace(mesh, node_ids=mesh.node_ids[order], nodes=mesh.nodes[order], blocks=())
    found = read_frd(file, mixed).instant(0, ("temperature",))["temperature"]
    np.testing.assert_allclose(found, seeds.result("NDTEMP", mixed, 0.5)[:, 0], rtol=1e-5)
    other = replace(mesh, node_ids=mesh.node_ids + 100)
    with pytest.raises(ConversionError, match=r"job\.frd: DISP at t = 0\.5 has no value at node"):
        read_frd(file, other).instant(0, ("displacement",))


def test_its_mesh_is_that_of_the_computation(file: Path, seeds) -> None:
    mesh, expected = read_frd_mesh(file), seeds.frd_mesh()
    np.testing.assert_allclose(mesh.nodes, expected.nodes)
    assert mesh.node_ids.tolist() == expected.node_ids.tolist()
    np.testing.assert_array_equal(mesh.blocks[0].connectivity, expected.blocks[0].connectivity)
    assert mesh.blocks[0].ids.tolist() == [10, 11]


def test_a_field_of_one_instant(file: Path, seeds) -> None:
    mesh = seeds.frd_mesh()
    last = read_frd_field(file, mesh).values
    np.testing.assert_allclose(last, 20.0 + 100.0 * mesh.nodes[:, 0], rtol=1e-5)
    first = read_frd_field(file, mesh, variable="temperature@0.5").values
    np.testing.assert_allclose(first, 20.0 + 50.0 * mesh.nodes[:, 0], rtol=1e-5)
    for variable, words in (
        ("temperature@0.7", "holds no instant 0.7; the nearest is 0.5"),
        ("temperature@x", "'x' is no instant"),
        ("STRESS", "STRESS is no scalar"),
    ):
        with pytest.raises(ConversionError, match=words):
            read_frd_field(file, mesh, variable=variable)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b" 9999\n", b"", "truncated"),
        (b"1.00000E+00          12", b"5.00000E-01          12", "holds DISP twice at t = 0.5"),
        (b" -4  DISP        4", b" -4  DISP        x", "is no count"),
        (b" -4  DISP        4", b" -4  DISP        9", "expected 9 components"),
        (b" -4  DISP", b" -7  DISP", "expected -4"),
        (b"-1.50000E-03", b"         NaN", "is no row of 3 finite numbers"),
    ],
)
def test_malformed_files_are_refused(
    old: bytes, new: bytes, words: str, seeds, tmp_path: Path
) -> None:
    path = tmp_path / "job.frd"
    content = seeds.frd_text()
    assert old in content
    content = content.replace(old, new)
    path.write_bytes(content)
    with pytest.raises(ConversionError, match=words):
        for _ in read_frd(path, seeds.frd_mesh()).instants():
            pass


def test_windows_line_ends_are_read(seeds, tmp_path: Path) -> None:
    path = tmp_path / "job.frd"
    path.write_bytes(seeds.frd_text().replace(b"\n", b"\r\n"))
    found = read_frd(path, seeds.frd_mesh()).instant(1, ("temperature",))["temperature"]
    np.testing.assert_allclose(found, 20.0 + 100.0 * seeds.frd_mesh().nodes[:, 0], rtol=1e-5)


@pytest.fixture(scope="module")
def runs(bars, tmp_path_factory) -> dict[str, Path]:
    """The same bar with results in text and in binary."""
    decks = {}
    for form in ("text", "binary"):
        folder = tmp_path_factory.mktemp(form)
        decks[form] = bars.write_bar(folder, (3, 1, 1), element="C3D20R", increments=2, form=form)
        bars.run_ccx(decks[form])
    return decks


def test_calculix_says_the_same_in_text_and_in_binary(runs) -> None:
    mesh = CONVERTER.read_mesh(runs["text"])
    text, binary = (read_frd(path.with_suffix(".frd"), mesh) for path in runs.values())
    np.testing.assert_array_equal(text.times, binary.times)
    for name in ("displacement", "temperature", "STRESS", "PE"):
        for number in range(text.n_times):
            expected = binary.instant(number, (name,))[name]
            found = text.instant(number, (name,))[name]
            scale = np.abs(expected).max()
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-9 * scale)


def test_calculix_writes_the_mesh_of_its_deck(runs) -> None:
    mesh = CONVERTER.read_mesh(runs["text"])
    for path in runs.values():
        found = CONVERTER.read_mesh(path.with_suffix(".frd"))
        np.testing.assert_allclose(found.nodes, mesh.nodes, rtol=1e-5, atol=1e-9)
        np.testing.assert_array_equal(
            found.node_ids[found.blocks[0].connectivity],
            mesh.node_ids[mesh.blocks[0].connectivity],
        )


@pytest.mark.parametrize("form", ["text", "binary"])
def test_the_converter_keeps_the_rules_on_results_of_calculix(form: str, runs) -> None:
    check_converter(CONVERTER, runs[form], runs[form].with_suffix(".frd"))
