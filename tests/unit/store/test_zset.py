"""Z-set files in romnet's conventions: on files written here and on a commercial code's cube."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from romnet.core.errors import ConversionError
from romnet.fe.discretization import discretize
from romnet.fe.faces import face_nodes
from romnet.fe.mesh import Mesh
from romnet.store.converters.zset import CONVERTER, read_field, read_results
from romnet.testing.converters import check_converter

_place = Path(__file__).with_name("zset_files.py")
_spec = importlib.util.spec_from_file_location("zset_files", _place)
zset = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(zset)


@pytest.fixture
def mesh(tmp_path: Path) -> Mesh:
    return CONVERTER.read_mesh(zset.write_geof(tmp_path / "cubes.geof"))


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return zset.write_results(tmp_path)


def test_fields_have_their_names_places_and_values(mesh: Mesh, index: Path) -> None:
    results = read_results(index, mesh)
    assert results.times.tolist() == zset.TIMES
    assert set(results.fields) == {
        *("displacement", "reaction", "flux", "strain", "stress", "evrcum", "p")
    }
    assert results.fields["strain"].components == ("11", "22", "33", "12", "13", "23")
    for time, found in results.instants():
        u = zset.displacement(zset.NODES, time)
        np.testing.assert_allclose(found["displacement"], u.ravel(), rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(found["reaction"], 2 * u.ravel(), rtol=1e-6, atol=1e-12)
        np.testing.assert_array_equal(found["flux"], zset.NODES[:, 0])
        # Foreign 11 22 33 12 23 31 with tensor shear; ours 11 22 33 12 13 23, engineering shear.
        foreign = zset.tensor_strain(zset.gauss_points(), time)[:, [0, 1, 2, 3, 5, 4]]
        np.testing.assert_allclose(
            found["strain"], foreign * [1, 1, 1, 2, 2, 2], rtol=1e-6, atol=1e-12
        )
        np.testing.assert_allclose(found["stress"], 1e5 * foreign, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(found["p"], zset.gauss_points()[:, 0] * time, rtol=1e-6)
        np.testing.assert_array_equal(found["p"], found["evrcum"])


def test_strain_of_the_displacements_is_the_stored_strain(mesh: Mesh, index: Path) -> None:
    operator = discretize(mesh).strain_operator
    for _, found in read_results(index, mesh).instants():
        strain = (operator @ found["displacement"]).reshape(-1, 6)
        scale = np.abs(found["strain"]).max()
        np.testing.assert_allclose(strain, found["strain"], rtol=0, atol=1e-6 * scale)


def test_one_field_of_one_instant_can_be_asked_for(mesh: Mesh, index: Path) -> None:
    results = read_results(index, mesh)
    assert set(results.instant(1, ("p",))) == {"p"}
    with pytest.raises(IndexError, match="3 instants only"):
        results.instant(3)
    with pytest.raises(ConversionError, match="no field 'q'"):
        results.instant(0, ("q",))


@pytest.mark.parametrize("suffix", [".node", ".integ"])
@pytest.mark.parametrize("change", [-400, 4])
def test_a_binary_file_of_another_size_is_refused(
    suffix: str, change: int, mesh: Mesh, index: Path
) -> None:
    path = index.with_suffix(suffix)
    content = path.read_bytes()
    path.write_bytes(content[:change] if change < 0 else content + b"\0" * change)
    words = rf"job\{suffix}: expected {len(content)} bytes .* found {len(content) + change}"
    with pytest.raises(ConversionError, match=words):
        read_results(index, mesh)


def test_results_of_another_mesh_are_refused(mesh: Mesh, index: Path) -> None:
    from dataclasses import replace

    half = replace(mesh, blocks=(replace_cells(mesh),), cell_sets={}, face_sets={})
    with pytest.raises(ConversionError, match=r"3 instants x 13 variables x 8 points"):
        read_results(index, half)


def replace_cells(mesh: Mesh):
    from dataclasses import replace

    block = mesh.blocks[0]
    return replace(block, connectivity=block.connectivity[:1], ids=block.ids[:1])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("1.000000000000000e+00", "one", r"job\.ut:6: 'one' is no instant"),
        ("1.000000000000000e+00", "0.5", r"job\.ut: expected increasing instants"),
        ("**node U1 U2 U3", "**nodes U1 U2 U3", r"job\.ut|job\.integ"),
    ],
)
def test_a_malformed_index_is_refused(
    old: str, new: str, words: str, mesh: Mesh, index: Path
) -> None:
    index.write_text(index.read_text().replace(old, new))
    if "nodes" in new:
        assert "displacement" not in read_results(index, mesh).fields
        return
    with pytest.raises(ConversionError, match=words):
        read_results(index, mesh)


def test_text_that_is_no_index_is_refused(mesh: Mesh, tmp_path: Path) -> None:
    (tmp_path / "a.ut").write_text("1.0\n")
    with pytest.raises(ConversionError, match="neither \\*\\*node nor \\*\\*integ"):
        read_results(tmp_path / "a.ut", mesh)


def test_maps_at_nodes_and_on_faces_are_read(mesh: Mesh, tmp_path: Path) -> None:
    hot = np.linspace(20.0, 400.0, 12)
    hot.astype(">f4").tofile(tmp_path / "hot.node")
    found = read_field(tmp_path / "hot.node", mesh)
    assert (found.name, found.location) == ("hot", "node")
    np.testing.assert_allclose(found.values, hot, rtol=1e-7)
    np.array([2.0, 3.0], dtype=">f4").tofile(tmp_path / "press.node")
    found = read_field(tmp_path / "press.node", mesh, variable="pressure", face_set="ends")
    assert (found.name, found.location, found.values.tolist()) == ("pressure", "facet", [2.0, 3.0])


def test_a_map_with_an_index_is_read_by_its_variable(mesh: Mesh, tmp_path: Path) -> None:
    (tmp_path / "two.ut").write_text("**meshfile a\n**node temperature flux\n1 1 1 0 0.0\n")
    np.arange(24.0).astype(">f4").tofile(tmp_path / "two.node")
    found = read_field(tmp_path / "two.node", mesh, variable="flux")
    np.testing.assert_array_equal(found.values, np.arange(12.0, 24.0))
    with pytest.raises(ConversionError, match="say which variable"):
        read_field(tmp_path / "two.node", mesh)
    with pytest.raises(ConversionError, match="no variable 'T'"):
        read_field(tmp_path / "two.node", mesh, variable="T")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, r"hot\.node: expected 48 bytes \(1 variables x 12 nodes x 4\), found 20"),
        ({"face_set": "ends"}, r"expected 8 bytes .*facets of ends.*, found 20"),
        ({"face_set": "skin"}, r"no face set 'skin'; it has \['ends'\]"),
    ],
)
def test_a_map_that_does_not_fit_is_refused(
    options: dict, words: str, mesh: Mesh, tmp_path: Path
) -> None:
    np.zeros(5, dtype=">f4").tofile(tmp_path / "hot.node")
    with pytest.raises(ConversionError, match=words):
        read_field(tmp_path / "hot.node", mesh, **options)


def test_a_series_is_no_map(mesh: Mesh, index: Path) -> None:
    with pytest.raises(ConversionError, match=r"holds 3 instants; read job\.ut as results"):
        read_field(index.with_suffix(".node"), mesh, variable="flux")


def test_the_converter_conforms(mesh: Mesh, index: Path, tmp_path: Path) -> None:
    assert mesh.n_cells == 2
    check_converter(CONVERTER, tmp_path / "cubes.geof", index)


# The same statements on files of a commercial code, where they are present -----------------------


def test_third_party_cube_conforms() -> None:
    folder = zset.third_party_cube()
    check_converter(CONVERTER, folder / "cube.geof", folder / "cube.ut")


def test_third_party_strain_is_that_of_its_displacements() -> None:
    folder = zset.third_party_cube()
    mesh = CONVERTER.read_mesh(folder / "cube.geof")
    operator = discretize(mesh).strain_operator
    for time, found in read_results(folder / "cube.ut", mesh).instants(("displacement", "strain")):
        strain = (operator @ found["displacement"]).reshape(-1, 6)
        scale = np.abs(found["strain"]).max()
        assert np.abs(strain - found["strain"]).max() <= 1e-6 * scale, f"t = {time:g}"


def test_third_party_figures_are_the_published_ones() -> None:
    folder = zset.third_party_cube()
    mesh = CONVERTER.read_mesh(folder / "cube.geof")
    assert (mesh.n_nodes, mesh.n_cells, mesh.n_dofs) == (343, 216, 1029)
    assert mesh.blocks[0].formulation == "zset:c3d8"
    on_face = face_nodes(mesh, mesh.face_sets["x1"])
    assert set(on_face.tolist()) == set(mesh.node_sets["x1"].tolist())
    assert np.all(mesh.nodes[on_face, 0] == 1.0)
    results = read_results(folder / "cube.ut", mesh)
    last = results.instant(10)
    assert np.abs(last["displacement"]).max() == pytest.approx(2.341060e-3, rel=1e-6)
    assert last["p"].max() == pytest.approx(4.032496e-3, rel=1e-6)
    pressure = read_field(folder / "pressure.node", mesh, face_set="x1").values
    centres = mesh.nodes[facets(mesh)].mean(axis=1)
    expected = 0.5451606619 * np.exp(-((centres[:, 1] - 1) ** 2) - (centres[:, 2] - 1) ** 2)
    np.testing.assert_allclose(pressure, expected, rtol=1e-6)
    temperature = read_field(folder / "temperature2.node", mesh).values
    distance = ((mesh.nodes - 0.5) ** 2).sum(axis=1)
    np.testing.assert_allclose(temperature, 20 + 380 * np.exp(-4 * distance), rtol=1e-6)


def facets(mesh: Mesh) -> np.ndarray:
    from romnet.fe.faces import face_connectivity

    faces = mesh.face_sets["x1"]
    nodes = np.zeros((len(faces.cells), 4), dtype=np.int64)
    for group in face_connectivity(mesh, faces):
        nodes[group.positions] = group.nodes
    return nodes


def test_a_node_variable_is_no_accumulated_strain(tmp_path: Path) -> None:
    (tmp_path / "a.ut").write_text("**meshfile a.geof\n**node U1 U2 U3 evrcum\n1 1 1 1 1.0\n")
    np.arange(8.0).astype(">f4").tofile(tmp_path / "a.node")
    results = read_results(tmp_path / "a.ut", Mesh(np.eye(2, 3), (), np.arange(2)))
    assert set(results.fields) == {"displacement", "evrcum"}
    assert results.instant(0)["evrcum"].tolist() == [6.0, 7.0]
