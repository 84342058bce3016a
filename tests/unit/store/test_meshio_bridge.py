"""Files that meshio reads, in romnet's conventions."""

from __future__ import annotations

from pathlib import Path

import meshio
import numpy as np
import pytest

from romnet.core.errors import ConversionError
from romnet.fe.cells import CELLS
from romnet.fe.discretization import discretize
from romnet.fe.faces import face_nodes
from romnet.fe.mesh import Mesh
from romnet.fe.structured import box_mesh
from romnet.store.converters.meshio_bridge import CONVERTER, read_field, read_mesh, read_results
from romnet.store.converters.meshio_mesh import CELL_TYPES
from romnet.testing.converters import check_converter

BOX = box_mesh((2.0, 1.0, 1.0), (2, 1, 1))
TIMES = [0.25, 1.0, 3.0]


def u_at(time: float) -> np.ndarray:
    return time * np.stack([BOX.nodes[:, 0], -BOX.nodes[:, 1], BOX.nodes[:, 0] ** 2], axis=1)


def raw(time: float, name: str = "U") -> meshio.Mesh:
    """Return the box with its end faces as a second block."""
    data = {name: u_at(time), "Temp": 20.0 + time * BOX.nodes[:, 0], "flux": BOX.nodes.copy()}
    return meshio.Mesh(BOX.nodes, {"hexahedron": BOX.blocks[0].connectivity}, point_data=data)


def write_pvd(folder: Path) -> Path:
    lines = []
    for number, time in enumerate(TIMES):
        raw(time).write(folder / f"job_{number}.vtu")
        lines.append(f'<DataSet timestep="{time}" part="0" file="job_{number}.vtu"/>')
    path = folder / "job.pvd"
    path.write_text(
        '<?xml version="1.0"?><VTKFile type="Collection"><Collection>'
        + "".join(lines)
        + "</Collection></VTKFile>"
    )
    return path


def write_xdmf(folder: Path) -> Path:
    path = folder / "job.xdmf"
    with meshio.xdmf.TimeSeriesWriter(path, data_format="XML") as writer:
        writer.write_points_cells(BOX.nodes, [("hexahedron", BOX.blocks[0].connectivity)])
        for time in TIMES:
            writer.write_data(time, point_data=raw(time).point_data)
    return path


@pytest.mark.parametrize("write", [write_pvd, write_xdmf])
def test_series_come_back_one_instant_at_a_time(write, tmp_path: Path) -> None:
    path = write(tmp_path)
    mesh = read_mesh(path)
    np.testing.assert_array_equal(mesh.nodes, BOX.nodes)
    np.testing.assert_array_equal(mesh.blocks[0].connectivity, BOX.blocks[0].connectivity)
    assert mesh.blocks[0].formulation == "romnet:hex8"
    results = read_results(path, mesh)
    assert results.times.tolist() == TIMES
    assert set(results.fields) == {"displacement", "temperature", "flux"}
    assert results.fields["flux"].components == ("1", "2", "3")
    for time, found in results.instants():
        np.testing.assert_allclose(found["displacement"], u_at(time).ravel(), rtol=1e-14)
        np.testing.assert_allclose(found["temperature"], 20 + time * BOX.nodes[:, 0], rtol=1e-14)
    check_converter(CONVERTER, path, path)


def test_a_single_file_is_one_instant(tmp_path: Path) -> None:
    raw(1.0, "Displacement").write(tmp_path / "a.vtu")
    results = read_results(tmp_path / "a.vtu", BOX)
    assert results.times.tolist() == [0.0]
    assert results.instant(0)["displacement"].size == BOX.n_dofs


# meshio 5.3 itself knows no 15-node prism: it cannot even be written, see the test below.
KNOWN_TO_MESHIO = sorted(set(CELL_TYPES) - {"wedge15"})


@pytest.mark.parametrize("name", KNOWN_TO_MESHIO)
@pytest.mark.parametrize("suffix", [".vtu", ".msh"])
def test_every_cell_keeps_its_nodes_and_volume(name: str, suffix: str, tmp_path: Path) -> None:
    cell = CELLS[CELL_TYPES[name]]
    points = np.zeros((cell.n_nodes, 3))
    points[:, : cell.n_dim] = cell.nodes
    written = meshio.Mesh(points, {name: np.arange(cell.n_nodes)[None]})
    path = tmp_path / f"one{suffix}"
    written.write(path, **({"file_format": "gmsh"} if suffix == ".msh" else {}))
    mesh = read_mesh(path)
    assert mesh.blocks[0].cell_type == cell.name
    assert mesh.n_dim == cell.n_dim
    measure = {"tri": 0.5, "quad": 4.0, "tet": 1 / 6, "pyramid": 4 / 3, "wedge": 1.0, "hex": 8.0}
    volume = discretize(mesh).weights.sum()
    assert volume == pytest.approx(measure[cell.geometry], rel=1e-12)


GMSH = """$MeshFormat
2.2 0 8
$EndMeshFormat
$PhysicalNames
3
1 9 "edge"
2 7 "skin"
3 8 "solid"
$EndPhysicalNames
$Nodes
5
1 0 0 0
2 1 0 0
3 0 1 0
4 0 0 1
5 1 1 1
$EndNodes
$Elements
5
1 1 2 9 1 1 2
2 2 2 7 1 2 3 4
3 2 2 7 1 3 2 1
4 4 2 8 1 1 2 3 4
5 4 2 1 1 2 3 4 5
$EndElements
"""


def test_physical_groups_become_sets_of_their_dimension(tmp_path: Path) -> None:
    path = tmp_path / "a.msh"
    path.write_text(GMSH)
    mesh = read_mesh(path)
    assert mesh.n_cells == 2
    assert mesh.cell_sets["solid"].tolist() == [0]
    assert mesh.node_sets["edge"].tolist() == [0, 1]
    assert mesh.face_sets["skin"].cells.tolist() == [0, 0]
    assert face_nodes(mesh, mesh.face_sets["skin"]).tolist() == [0, 1, 2, 3]
    assert mesh.node_sets["skin"].tolist() == [0, 1, 2, 3], "held faces are named as nodes"


def test_named_sets_of_abaqus_files_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.inp"
    path.write_text(
        "*NODE\n1, 0,0,0\n2, 1,0,0\n3, 0,1,0\n4, 0,0,1\n*ELEMENT, TYPE=C3D4\n1, 1,2,3,4\n"
        "*NSET, NSET=clamped\n1, 3\n*ELSET, ELSET=all\n1\n"
    )
    mesh = read_mesh(path)
    assert mesh.node_sets["clamped"].tolist() == [0, 2]
    assert mesh.cell_sets["all"].tolist() == [0]


def test_quadratic_prisms_are_read_in_vtk_order_or_refused(tmp_path: Path) -> None:
    cell = CELLS["wedge15"]
    path = tmp_path / "a.vtk"
    places = "\n".join(" ".join(map(str, place)) for place in cell.nodes)
    corners = " ".join(map(str, range(15)))
    path.write_text(
        "# vtk DataFile Version 3.0\nprism\nASCII\nDATASET UNSTRUCTURED_GRID\n"
        f"POINTS 15 double\n{places}\nCELLS 1 16\n15 {corners}\nCELL_TYPES 1\n26\n"
    )
    if "wedge15" in meshio._mesh.topological_dimension:
        assert read_mesh(path).blocks[0].connectivity.tolist() == [list(range(15))]
    else:
        with pytest.raises(ConversionError, match="wedge15"):
            read_mesh(path)


def test_prisms_with_the_first_triangle_outwards_are_turned(tmp_path: Path) -> None:
    points = CELLS["wedge6"].nodes
    order = np.array([[0, 2, 1, 3, 5, 4], [0, 1, 2, 3, 4, 5]])
    meshio.Mesh(points, {"wedge": order}).write(tmp_path / "a.vtu")
    weights = discretize(read_mesh(tmp_path / "a.vtu")).weights
    assert np.all(weights > 0.0)
    assert weights.sum() == pytest.approx(2.0)


def test_plane_meshes_lose_their_third_coordinate_and_component(tmp_path: Path) -> None:
    points = np.array([[0, 0, 5], [1, 0, 5], [0, 1, 5]], dtype=float)
    data = {"disp": np.arange(9.0).reshape(3, 3)}
    meshio.Mesh(points, {"triangle": [[0, 1, 2]]}, point_data=data).write(tmp_path / "a.vtu")
    mesh = read_mesh(tmp_path / "a.vtu")
    np.testing.assert_array_equal(mesh.nodes, points[:, :2])
    found = read_results(tmp_path / "a.vtu", mesh).instant(0)["displacement"]
    assert found.tolist() == [0.0, 1.0, 3.0, 4.0, 6.0, 7.0]


def test_a_temperature_map_is_read_by_name(tmp_path: Path) -> None:
    raw(1.0).write(tmp_path / "hot.vtu")
    found = read_field(tmp_path / "hot.vtu", BOX, variable="Temp")
    np.testing.assert_allclose(found.values, 20.0 + BOX.nodes[:, 0], rtol=1e-14)
    with pytest.raises(ConversionError, match="say which variable"):
        read_field(tmp_path / "hot.vtu", BOX)
    with pytest.raises(ConversionError, match="no variable 'T'"):
        read_field(tmp_path / "hot.vtu", BOX, variable="T")
    with pytest.raises(ConversionError, match=r"'U' have shape \(12, 3\), expected \(12, 1\)"):
        read_field(tmp_path / "hot.vtu", BOX, variable="U")
    with pytest.raises(ConversionError, match="at nodes only"):
        read_field(tmp_path / "hot.vtu", BOX, face_set="x1")


def moved(mesh: Mesh) -> Mesh:
    from dataclasses import replace

    return replace(mesh, nodes=mesh.nodes[::-1].copy())


def test_results_on_other_nodes_are_refused(tmp_path: Path) -> None:
    path = write_pvd(tmp_path)
    with pytest.raises(ConversionError, match=r"job\.pvd: has 12 nodes, the mesh has 18"):
        read_results(path, box_mesh((1.0, 1.0, 1.0), (2, 2, 1)))
    with pytest.raises(ConversionError, match="numbered otherwise, or moved"):
        read_results(path, moved(BOX))


def ambiguous(folder: Path) -> Path:
    mesh = raw(1.0)
    mesh.point_data["displacement"] = mesh.point_data["U"]
    mesh.write(folder / "a.vtu")
    return folder / "a.vtu"


def missing_later(folder: Path) -> Path:
    path = write_pvd(folder)
    later = raw(1.0)
    del later.point_data["U"]
    later.write(folder / "job_1.vtu")
    return path


def parts(folder: Path) -> Path:
    path = write_pvd(folder)
    path.write_text(path.read_text().replace('"1.0"', '"0.25"'))
    return path


def entities(folder: Path) -> Path:
    path = write_pvd(folder)
    path.write_text('<!DOCTYPE a [<!ENTITY b "c">]>' + path.read_text().split("?>")[1])
    return path


def without_files(folder: Path) -> Path:
    (folder / "a.pvd").write_text("<VTKFile><Collection/></VTKFile>")
    return folder / "a.pvd"


def without_time(folder: Path) -> Path:
    path = write_pvd(folder)
    path.write_text(path.read_text().replace("timestep", "instant"))
    return path


def lost_file(folder: Path) -> Path:
    path = write_pvd(folder)
    (folder / "job_0.vtu").unlink()
    return path


def backwards(folder: Path) -> Path:
    path = write_pvd(folder)
    path.write_text(path.read_text().replace('"3.0"', '"0.5"'))
    return path


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (ambiguous, r"\['U', 'displacement'\] could all be the displacement"),
        (missing_later, "'U' are missing at this instant"),
        (parts, "several parts for one instant"),
        (entities, "XML entities, which are refused"),
        (without_files, "names no DataSet"),
        (without_time, "DataSet 0 has no timestep or file"),
        (lost_file, r"job_0\.vtu: does not exist"),
        (backwards, "expected increasing instants"),
    ],
)
def test_series_that_cannot_be_read_are_refused(make, words: str, tmp_path: Path) -> None:
    path = make(tmp_path)

    def read_all() -> None:
        for _ in read_results(path, BOX).instants():
            pass

    with pytest.raises(ConversionError, match=words):
        read_all()


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"vertex": [[0]]}, "no cells of two or three dimensions"),
        ({"tetra": [[0, 1, 2, 99]]}, "name nodes that do not exist"),
        ({"wedge18": [list(range(18))]}, "type 'wedge18' are not known"),
        ({"triangle": [[0, 1, 2]]}, "do not lie in a plane of constant z"),
        ({"hexahedron20": [list(range(20))]}, "out of VTK order"),
    ],
)
def test_meshes_that_cannot_be_used_are_refused(cells, words: str, tmp_path: Path) -> None:
    points = np.random.default_rng(1).random((20, 3))
    meshio.Mesh(points, cells).write(tmp_path / "a.vtu")
    with pytest.raises(ConversionError, match=r"a\.vtu: .*" + words):
        read_mesh(tmp_path / "a.vtu")


@pytest.mark.parametrize("suffix", [".vtu", ".vtk", ".msh", ".inp", ".xdmf", ".med", ".e", ".pvd"])
def test_garbage_is_a_conversion_error_and_nothing_is_printed(
    suffix: str, tmp_path: Path, capfd
) -> None:
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(b"garbage \x00\x01\xff\n" * 20)
    with pytest.raises(ConversionError, match=rf"bad\{suffix}"):
        read_mesh(path)
    assert capfd.readouterr() == ("", "")
