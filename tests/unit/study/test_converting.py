"""Conversions there and back, on result files of another code."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1] / "store"))
from zset_files import TIMES, write_geof, write_results

from romnet.cli.main import app
from romnet.core.errors import ConversionError, StudyError
from romnet.fe.discretization import discretize
from romnet.fe.structured import box_mesh
from romnet.store.content_hash import sha256_of
from romnet.store.converters.base import find_converter
from romnet.store.converters.stored import CONVERTER
from romnet.store.manifest import manifest_path, read_manifest
from romnet.store.series import writing_series
from romnet.study.converting import convert
from romnet.testing.converters import check_converter


@pytest.fixture
def index(tmp_path: Path) -> Path:
    write_geof(tmp_path / "cubes.geof")
    return write_results(tmp_path)


def read(path: Path, mesh_path: Path | None = None):
    mesh = find_converter(mesh_path or path).read_mesh(mesh_path or path)
    return mesh, find_converter(path).read_results(path, mesh)


def test_the_store_keeps_everything(index: Path, tmp_path: Path) -> None:
    made = convert(index, tmp_path / "out" / "a.h5", units={"length": "mm", "force": "N"})
    before, there = read(index)
    after, here = read(made.path)
    assert made.n_times == 3
    np.testing.assert_array_equal(after.node_ids, before.node_ids)
    assert set(after.face_sets) == {"ends"}
    assert after.blocks[0].formulation == "zset:c3d8"
    assert here.times.tolist() == TIMES
    for number in range(3):
        old, new = there.instant(number), here.instant(number)
        assert set(old) == set(new)
        for name, values in old.items():
            np.testing.assert_array_equal(new[name], values)
    units = {name: info.unit for name, info in here.fields.items()}
    assert (units["displacement"], units["stress"]) == ("mm", "N/mm^2")


def test_manifests_say_where_numbers_come_from(index: Path, tmp_path: Path) -> None:
    stored = convert(index, tmp_path / "a.h5", units={"length": "mm"}).path
    manifest = read_manifest(stored)
    assert manifest.inputs["job.node"] == sha256_of(tmp_path / "job.node")
    drawn = convert(stored, tmp_path / "b.vtkhdf").path
    again = read_manifest(drawn)
    assert again.units == {"length": "mm"}
    assert again.inputs["a.h5"] == sha256_of(stored)
    assert again.sha256 == sha256_of(drawn)


@pytest.mark.parametrize("suffix", [".vtkhdf", ".xdmf", ".pvd"])
def test_what_is_drawn_can_be_read_again(suffix: str, index: Path, tmp_path: Path) -> None:
    made = convert(index, tmp_path / f"b{suffix}")
    assert all(file.exists() for file in made.files)
    _, there = read(index)
    mesh, here = read(made.path)
    assert here.times.tolist() == TIMES
    assert discretize(mesh).weights.sum() == pytest.approx(2.0)
    for number in range(3):
        expected = there.instant(number)["displacement"]
        np.testing.assert_array_equal(here.instant(number)["displacement"], expected)


def test_point_fields_become_averages_over_cells(index: Path, tmp_path: Path) -> None:
    made = convert(index, tmp_path / "b.vtkhdf")
    _, results = read(index)
    stress = results.instant(2)["stress"]
    with h5py.File(made.path) as file:
        found = file["VTKHDF/CellData/stress"][4:6]
    expected = stress.reshape(2, 8, 6).mean(axis=1)[:, [0, 1, 2, 3, 5, 4]]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("suffix", [".h5", ".vtkhdf", ".xdmf", ".pvd"])
def test_nothing_is_replaced_unless_asked(suffix: str, index: Path, tmp_path: Path) -> None:
    output = tmp_path / f"b{suffix}"
    convert(index, output)
    before = output.read_bytes()
    with pytest.raises(StudyError, match="exists already; say --force"):
        convert(index, output)
    assert output.read_bytes() == before
    convert(index, output, force=True)
    with pytest.raises(StudyError, match="written while it is read"):
        convert(output, output, force=True)


def test_a_run_that_fails_leaves_nothing(index: Path, tmp_path: Path) -> None:
    values = np.fromfile(tmp_path / "job.node", dtype=">f4")
    values[-1] = np.nan
    values.tofile(tmp_path / "job.node")
    with pytest.raises(ConversionError, match="nan"):
        convert(index, tmp_path / "a.h5")
    assert not (tmp_path / "a.h5").exists()


def test_other_formats_are_refused(index: Path, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"is written as \.h5"):
        convert(index, tmp_path / "a.txt")
    with pytest.raises(ValueError, match=r"not as '\.txt'"):
        writing_series(tmp_path / "a.txt", box_mesh((1.0, 1.0, 1.0), (1, 1, 1)))


@pytest.mark.parametrize("suffix", [".vtkhdf", ".xdmf", ".pvd"])
@pytest.mark.parametrize("mixed", [False, True])
def test_cells_of_all_types_keep_their_volume(suffix: str, mixed: bool, tmp_path: Path) -> None:
    from dataclasses import replace

    mesh = box_mesh((1.0, 2.0, 3.0), (1, 1, 1), "tet4" if mixed else "tet10")
    if mixed:
        other = box_mesh((1.0, 2.0, 3.0), (1, 1, 2), "hex8")
        block = other.blocks[0]
        moved = replace(block, connectivity=block.connectivity + mesh.n_nodes, ids=block.ids + 99)
        nodes = np.vstack([mesh.nodes, other.nodes + np.array([5.0, 0.0, 0.0])])
        mesh = type(mesh)(nodes, (*mesh.blocks, moved), np.arange(len(nodes)))
    path = tmp_path / f"a{suffix}"
    with writing_series(path, mesh) as writer:
        for time in (0.0, 1.0):
            writer.append(
                time,
                point_fields={"displacement": time * mesh.nodes.ravel()},
                cell_fields={"p": np.arange(float(mesh.n_cells))},
            )
    found, results = read(path)
    assert discretize(found).weights.sum() == pytest.approx(6.0 * (1 + mixed))
    np.testing.assert_array_equal(results.instant(1)["displacement"], mesh.nodes.ravel())


@pytest.mark.parametrize("suffix", [".h5", ".vtkhdf"])
def test_the_converter_conforms(suffix: str, index: Path, tmp_path: Path) -> None:
    made = convert(index, tmp_path / f"out{suffix}")
    check_converter(CONVERTER, made.files[-1], made.path)


@pytest.mark.parametrize("suffix", [".h5", ".vtkhdf"])
def test_damaged_files_raise_conversion_errors_only(
    suffix: str, index: Path, tmp_path: Path
) -> None:
    made = convert(index, tmp_path / f"a{suffix}")
    content = made.path.read_bytes()
    mesh = CONVERTER.read_mesh(made.path)
    rng = np.random.default_rng(5)
    for _ in range(60):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), size=8):
            damaged[place] = int(rng.integers(256))
        made.path.write_bytes(bytes(damaged[: int(rng.integers(1, 2 * len(content)))]))
        try:
            for _ in CONVERTER.read_results(made.path, mesh).instants():
                pass
            CONVERTER.read_mesh(made.path)
        except ConversionError:
            pass


def test_snapshots_of_a_study_find_its_mesh(index: Path, tmp_path: Path) -> None:
    made = convert(index, tmp_path / "results" / "snapshots" / "one.h5")
    found, place = made.files[1], tmp_path / "results" / "mesh.h5"
    manifest_path(found).rename(manifest_path(place))
    found.rename(place)
    mesh, results = read(made.path)
    assert results.instant(0)["displacement"].size == mesh.n_dofs


def test_the_command_says_what_it_wrote(index: Path, tmp_path: Path) -> None:
    output = tmp_path / "b.xdmf"
    call = ["convert", str(index), "-o", str(output), "--unit", "length=mm", "--json"]
    ran = CliRunner().invoke(app, call)
    assert ran.exit_code == 0
    answer = json.loads(ran.stdout)
    assert answer["n_times"] == 3
    assert [Path(file).name for file in answer["files"]] == ["b.xdmf", "b.xdmf.h5"]
    assert CliRunner().invoke(app, call).exit_code == 2
