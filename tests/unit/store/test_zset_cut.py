"""Results of a mesh in two subdomains, against a commercial code's and hand-made ones."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from zset_files import NODE_IDS, NODES, TIMES, corner_ids, write_geof

from romnet.core.errors import ConversionError
from romnet.fe.discretization import discretize
from romnet.store.converters.zset import CONVERTER
from romnet.store.converters.zset_cut import PART_REACTION
from romnet.testing.converters import check_converter

PART = """***geometry
**node
8 3
{nodes}
**element
1
{cell} c3d8 {corners}
***return
"""


@pytest.fixture(scope="module")
def examples() -> Path:
    """Return the folder of result files that muscat brings; it is not imported."""
    found = importlib.util.find_spec("Muscat")
    if found is None or found.origin is None:
        words = "muscat is not installed; scripts/setup does it"
        if os.environ.get("ROMNET_CI") == "1":
            pytest.fail(words)
        pytest.skip(words)
    return Path(found.origin).parent / "TestData"


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    """Write the two cubes as two subdomains, one cell each, the second one first."""
    write_geof(tmp_path / "cubes.geof")
    for number, (cell, corners) in enumerate(
        reversed(list(zip((30, 5), corner_ids(), strict=True))), start=1
    ):
        places = [int(np.flatnonzero(node == NODE_IDS)[0]) for node in corners]
        nodes = "\n".join(
            f"{node} " + " ".join(f"{x:.15e}" for x in NODES[place])
            for node, place in zip(corners, places, strict=True)
        )
        stem = f"job-{number:03d}"
        text = PART.format(nodes=nodes, cell=cell, corners=" ".join(map(str, corners)))
        (tmp_path / f"{stem}.geof").write_text(text)
        lines = "\n".join(f"{k + 1} 1 1 {k} {time:.15e}" for k, time in enumerate(TIMES))
        (tmp_path / f"{stem}.ut").write_text(
            f"**meshfile {stem}.geof\n**node U1 U2 U3 RU1 RU2 RU3\n**integ evrcum\n{lines}\n"
        )
        nodal = [np.r_[(time * NODES[places]).T.ravel(), np.ones(24)] for time in TIMES]
        np.concatenate(nodal).astype(">f4").tofile(tmp_path / f"{stem}.node")
        points = [time * (100 * cell + np.arange(8)) for time in TIMES]
        np.concatenate(points).astype(">f4").tofile(tmp_path / f"{stem}.integ")
    path = tmp_path / "job.cut"
    path.write_text("***decomposition\n  **global_mesh cubes.geof\n  **domains 2\n***splitted a\n")
    return path


def test_parts_come_together_in_the_order_of_the_whole_mesh(cut: Path) -> None:
    mesh = CONVERTER.read_mesh(cut)
    results = CONVERTER.read_results(cut, mesh)
    fields = results.instant(1, ("displacement", "p"))
    np.testing.assert_allclose(fields["displacement"].reshape(-1, 3), NODES, rtol=1e-6)
    np.testing.assert_allclose(fields["p"], np.r_[3000:3008, 500:508], rtol=1e-6)


def test_forces_between_parts_are_not_called_reactions(cut: Path) -> None:
    results = CONVERTER.read_results(cut, CONVERTER.read_mesh(cut))
    assert "reaction" not in results.fields
    assert PART_REACTION in results.fields


def test_every_file_that_holds_values_is_named(cut: Path) -> None:
    names = [found.name for found in CONVERTER.files(cut)]
    stems = ("job-001", "job-002")
    kinds = ("ut", "node", "integ")
    assert names == ["job.cut", *(f"{stem}.{kind}" for stem in stems for kind in kinds)]


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("job.cut", "**domains 2", "**domains 1", "hold 8 of 12 nodes"),
        ("job.cut", "**domains 2", "**domains 0", "announces 0 domains"),
        ("job.cut", "**domains 2", "", "lacks"),
        ("job-002.ut", "U1 U2 U3", "V1 V2 V3", "job-002.ut: its fields are not"),
        ("job-002.ut", "5.000000000000000e-01", "4.0e-01", "job-002.ut: its instants are not"),
        ("job-002.ut", "**meshfile job-002.geof", "", "names no"),
        ("job-002.geof", "\n30 c3d8", "\n31 c3d8", "element 31 .* is not in the whole mesh"),
        ("job-002.geof", "\n30 c3d8", "\n5 c3d8", "element 5 of its mesh is not that"),
        ("job-002.geof", "\n101 0.0", "\n101 0.5", "node 101 lies 0.5 away"),
    ],
)
def test_parts_that_do_not_make_the_whole_are_refused(
    name: str, old: str, new: str, words: str, cut: Path
) -> None:
    path = cut.with_name(name)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(ConversionError, match=words):
        CONVERTER.read_results(cut, CONVERTER.read_mesh(cut.with_name("cubes.geof")))


def test_the_converter_conforms_on_parts(cut: Path) -> None:
    check_converter(CONVERTER, cut.with_name("cubes.geof"), cut)


def test_parts_of_a_real_computation_are_what_its_code_merged(examples: Path) -> None:
    folder = examples / "UtParExample"
    mesh = CONVERTER.read_mesh(folder / "cube.cut")
    parts = CONVERTER.read_results(folder / "cube.cut", mesh)
    merged = CONVERTER.read_results(folder / "cube.ut", mesh)
    assert mesh.n_nodes == 343
    assert parts.n_times == 4
    assert len(parts.fields) == 59 + 2
    for number in range(4):
        found, expected = parts.instant(number), merged.instant(number)
        for name in merged.fields:
            own = PART_REACTION if name == "reaction" else name
            np.testing.assert_array_equal(found[own], expected[name])


def test_parts_of_a_real_computation_are_the_sequential_one(examples: Path) -> None:
    path = examples / "UtExample" / "cube.ut"
    mesh = CONVERTER.read_mesh(path)
    alone = CONVERTER.read_results(path, mesh)
    parts = CONVERTER.read_results(examples / "UtParExample" / "cube.cut", mesh)
    for number in range(4):
        found, expected = parts.instant(number), alone.instant(number)
        for name in ("displacement", "stress", "strain"):
            # single precision, and iterations that stop elsewhere
            scale = np.abs(expected[name]).max()
            np.testing.assert_allclose(found[name], expected[name], rtol=0.0, atol=2e-5 * scale)


def test_values_that_the_code_took_to_the_nodes_are_read(examples: Path) -> None:
    path = examples / "UtExample" / "cube.ut"
    mesh = CONVERTER.read_mesh(path)
    results = CONVERTER.read_results(path, mesh)
    nodal, stress = results.instant(3, ("nodal_stress", "stress")).values()
    points = discretize(mesh)
    at_points = points.interpolation @ nodal.reshape(-1, 6)
    distance = np.linalg.norm(at_points - stress, axis=0) / np.linalg.norm(stress, axis=0)
    # Another order of components or nodes would be off by as much as the stresses themselves.
    assert distance[0] < 0.25
    assert results.fields["nodal_stress"].location == "node"


def test_damaged_files_raise_conversion_errors_only(cut: Path) -> None:
    mesh = CONVERTER.read_mesh(cut)
    files = [path for path in sorted(cut.parent.iterdir()) if path.stem.startswith("job")]
    rng = np.random.default_rng(11)
    for _ in range(120):
        path = files[int(rng.integers(len(files)))]
        content = path.read_bytes()
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), size=3):
            damaged[place] = int(rng.integers(256))
        path.write_bytes(bytes(damaged[: int(rng.integers(1, 2 * len(content)))]))
        try:
            for _ in CONVERTER.read_results(cut, mesh).instants():
                pass
        except ConversionError:
            pass
        path.write_bytes(content)
