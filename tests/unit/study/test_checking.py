"""What a look at a study says: warnings for what looks odd, errors for what stands in the way."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from romnet.cli.main import app
from romnet.fe.discretization import discretize
from romnet.fe.mesh import Mesh
from romnet.fe.structured import box_mesh
from romnet.study.checks.checking import check
from romnet.study.checks.findings import of_mesh
from romnet.study.checks.precision import Precision, precision_of, strain_noise


def checked(small: ModuleType, source: Path, target: Path, **changes: Any):
    """Check a copy of a study with some values replaced."""
    shutil.copytree(source.parent, target, ignore=shutil.ignore_patterns("results"))
    study = small.changed(yaml.safe_load(source.read_text()), **changes)
    return check(small.write_study(target, study))


def test_a_good_study_has_no_warnings(foreign_study: Path) -> None:
    report = check(foreign_study)
    assert report.ok
    assert report.warnings == report.errors == ()
    assert any("displacements have single precision" in text for text in report.messages)
    assert any("cells: 8 zset:c3d8; worst scaled Jacobian 1 " in text for text in report.messages)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"materials__0__density": 1e-5}, r"density omega\^2 r\^2 is .* of Young's modulus"),
        ({"materials__0__density": 1e-20}, r"density omega\^2 r\^2 is .* of Young's modulus"),
        (
            {"materials__0__expansion": {"coefficient": 20.0e-2, "reference": 20.0}},
            "cells ALL expand by",
        ),
    ],
)
def test_units_that_are_off_are_warned_of(
    changes: dict[str, Any], words: str, small: ModuleType, foreign_study: Path, tmp_path: Path
) -> None:
    report = checked(small, foreign_study, tmp_path / "a", **changes)
    assert report.ok
    assert any(re.search(words, text) for text in report.warnings), report.messages


def test_displacements_in_another_unit_are_warned_of(foreign_study: Path, tmp_path: Path) -> None:
    shutil.copytree(foreign_study.parent, tmp_path / "a")
    path = tmp_path / "a" / "cube.node"
    values = np.fromfile(path, dtype=">f4")
    (1000.0 * values).astype(">f4").tofile(path)
    report = check(tmp_path / "a")
    assert any("largest displacement is" in text for text in report.warnings)


def test_an_inverted_cell_is_named_before_the_study_is_refused(
    foreign_study: Path, tmp_path: Path
) -> None:
    shutil.copytree(foreign_study.parent, tmp_path / "a")
    path = tmp_path / "a" / "cube.geof"
    lines = path.read_text().splitlines()
    place = next(number for number, line in enumerate(lines) if " c3d8 " in line)
    words = lines[place].split()
    lines[place] = " ".join([*words[:2], *words[6:10], *words[2:6]])
    path.write_text("\n".join(lines) + "\n")
    report = check(tmp_path / "a")
    assert not report.ok
    assert any(f"1 cells are inverted: {words[0]}" in text for text in report.warnings)
    assert any("Jacobian determinant" in text for text in report.errors)


def test_sizes_of_sets_and_cells_are_figures() -> None:
    figures = {
        k: v
        for found in of_mesh(box_mesh((1.0, 1.0, 1.0), (2, 1, 1)))
        for k, v in found.figures.items()
    }
    assert figures["types"] == {"romnet:hex8": 2}
    assert figures["node_sets"]["x0"] == 4
    assert figures["face_sets"]["y1"] == 2


@pytest.mark.parametrize("digits", [3, 6, 7, 9])
def test_decimal_digits_are_counted(digits: int) -> None:
    rng = np.random.default_rng(3)
    raw = rng.normal(size=500) * 10.0 ** rng.integers(-8, 3, size=500)
    written = np.array([float(f"{value:.{digits - 1}e}") for value in raw])
    assert precision_of(written) == Precision(digits, 0)


def test_the_noise_of_strains_is_that_of_rounding_them() -> None:
    points = discretize(box_mesh((10.0, 1.0, 1.0), (20, 2, 2)))
    rng = np.random.default_rng(7)
    smooth = points.mesh.nodes * (3e-4, 1e-4, -1e-4) + 0.02
    exact = (smooth * (1.0 + 0.1 * rng.random(smooth.shape))).ravel()
    written = np.array([float(f"{value:.4e}") for value in exact])
    found, _ = strain_noise(points, written, precision_of(written))
    error = points.strain_operator @ (written - exact)
    assert found == pytest.approx(float(np.sqrt(np.mean(error**2))), rel=0.1)


def test_few_digits_are_warned_of(foreign_study: Path, tmp_path: Path) -> None:
    shutil.copytree(foreign_study.parent, tmp_path / "a")
    path = tmp_path / "a" / "cube.node"
    values = np.fromfile(path, dtype=">f4").astype(float)
    np.array([float(f"{value:.2e}") for value in values]).astype(">f4").tofile(path)
    report = check(tmp_path / "a")
    assert any("makes strains noisy" in text for text in report.warnings), report.messages


def test_the_command_line_prints_balances_and_figures(foreign_study: Path) -> None:
    ran = CliRunner().invoke(app, ["check", str(foreign_study), "--balance", "--json"])
    answer = json.loads(ran.stdout)
    assert ran.exit_code == 0
    assert answer["ok"]
    assert answer["warnings"] == answer["errors"] == []
    balances = [entry for entry in answer["figures"] if "residual" in entry]
    assert balances[0]["stresses"] == "replayed"
    assert balances[0]["residual"] < 1e-3


def test_temperatures_beyond_the_tables_are_refused_or_told(
    small: ModuleType, tmp_path: Path
) -> None:
    young = {"temperature": [0.0, 100.0], "value": [2.0e5, 1.8e5]}
    study = small.changed(small.STUDY, materials__0__parameters__young=young)
    refused = check(small.write_study(tmp_path / "a", study))
    assert not refused.ok
    assert "temperatures 20 ... 400 leave the tables of the laws, 0 ... 100" in refused.errors[0]
    told = check(small.write_study(tmp_path / "b", study | {"outside_tables": "hold"}))
    assert told.ok
    assert [text for text in told.warnings if "leave the tables" in text and "ends hold" in text]


def test_an_amplitude_that_ends_too_early_is_named(small: ModuleType, tmp_path: Path) -> None:
    ends = {"times": [0.0, 0.5], "values": [0.0, 1.0]}
    found = check(small.write_study(tmp_path, small.changed(small.STUDY, amplitudes__spin=ends)))
    assert re.search(r"yaml:\d+ amplitudes\.spin: case 'one': time 1 lies beyond", found.errors[0])


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ([], "shift along x, shift along y, shift along z, spin about x, "),
        ([{"nodes": "x0", "u": [0.0, None, None]}], "shift along y, shift along z, spin about x;"),
    ],
)
def test_a_body_that_can_move_freely_is_refused_where_romnet_computes(
    held: list[dict[str, Any]], words: str, small: ModuleType, tmp_path: Path
) -> None:
    path = small.write_study(tmp_path / "a", small.changed(small.STUDY, constraints=held))
    report = check(path)
    assert any(f"is not held: {words}" in text for text in report.errors), report.messages
    assert any("study.yaml" in text and "constraints" in text for text in report.errors)


def test_a_body_that_can_move_freely_is_a_warning_where_another_code_computed(
    small: ModuleType, foreign_study: Path, tmp_path: Path
) -> None:
    report = checked(small, foreign_study, tmp_path / "a", constraints=[])
    assert any("is not held: shift along x" in text for text in report.warnings), report.messages


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"materials__0__density": 7800.0}, r"density 7800 .* is 7\.8e\+15 kg/m\^3 if"),
        ({"units__length": "m"}, r"kg/m\^3 if the study is in m, N, s; solids have 1 \.\.\. 50000"),
    ],
)
def test_densities_and_moduli_of_no_solid_are_warned_of(
    changes: dict[str, Any], words: str, small: ModuleType, tmp_path: Path
) -> None:
    report = check(small.write_study(tmp_path / "a", small.changed(small.STUDY, **changes)))
    assert any(re.search(words, text) for text in report.warnings), report.messages


def test_values_prescribed_twice_are_said_to_add_up(small: ModuleType, tmp_path: Path) -> None:
    more = {"nodes": "x0", "u": [1e-3, None, None]}
    held = [*small.STUDY["constraints"], more]
    report = check(small.write_study(tmp_path / "a", small.changed(small.STUDY, constraints=held)))
    (text,) = [text for text in report.warnings if "add up" in text]
    assert f"constraints.{len(held) - 1}" in text
    assert "prescribes x of 9 of these nodes" in text


def test_cells_that_share_an_edge_only_are_a_hinge() -> None:
    mesh = box_mesh((2.0, 2.0, 1.0), (2, 2, 1))
    rows = mesh.blocks[0].connectivity[[0, 3]]
    block = replace(mesh.blocks[0], connectivity=rows, ids=np.array([7, 8]))
    hinge = Mesh(mesh.nodes, (block,), mesh.node_ids)
    (found,) = [one for one in of_mesh(hinge) if "pieces" in one.figures]
    assert found.figures["pieces"] == [1, 1]
    assert "hinge" in found.text


def test_a_cell_that_is_there_twice_is_named() -> None:
    mesh = box_mesh((2.0, 1.0, 1.0), (2, 1, 1))
    first, second = mesh.blocks[0].connectivity
    rows = np.array([first, second, np.roll(first, 4)])
    block = replace(mesh.blocks[0], connectivity=rows, ids=np.array([7, 8, 9]))
    found = list(of_mesh(Mesh(mesh.nodes, (block,), mesh.node_ids)))
    assert any("1 cells have the same nodes as cells before them: 9;" in f.text for f in found)
