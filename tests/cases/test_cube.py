"""The cube from end to end: from romnet's own solver, and from the files of another code."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CUBE = ROOT / "cases" / "cube"

Answer = dict[str, Any]
Command = Callable[..., Answer]


@pytest.fixture(scope="module")
def cube(command: Command, tmp_path_factory: pytest.TempPathFactory) -> tuple[Answer, Answer]:
    """Return what the commands say about the cube."""
    results = tmp_path_factory.mktemp("cube")
    words = (CUBE / "study.yaml", "--results", results)
    answers = command("online", *words)  # which builds the model
    return command("offline", *words), {case["case"]: case for case in answers["cases"]}


@pytest.fixture(scope="module")
def zset_cube(command: Command, tmp_path_factory: pytest.TempPathFactory) -> tuple[Answer, Answer]:
    """Return what the commands say about the cube of a commercial code."""
    shared = Path(os.environ.get("ROMNET_SHARED", ROOT.parent / "shared"))
    data = shared / "data" / "zset_cube"
    if not data.is_dir():
        pytest.skip(f"third-party cube not at {data}; set ROMNET_SHARED")
    folder = tmp_path_factory.mktemp("zset_cube")
    for found in data.iterdir():
        (folder / found.name).symlink_to(found)
    study = Path(shutil.copy(CUBE / "zset.yaml", folder))
    again = command("online", study, "--case", "again")
    return command("offline", study), again


@pytest.mark.slow
def test_the_cube_gives_its_numbers(
    cube: tuple[Answer, Answer], agrees: Callable[[str, dict[str, float]], None]
) -> None:
    offline, online = cube
    numbers = {name: offline[name] for name in ("modes", "points", "points_dual")}
    numbers |= {name: offline[name] for name in ("weights_sum_error", "cubature_residual")}
    numbers |= {f"training {name}": value for name, value in offline["training_errors"].items()}
    for case, answer in online.items():
        numbers |= {f"{case} {name}": value for name, value in answer["errors"].items()}
        numbers[f"{case} iterations"] = answer["newton_iterations"]
    agrees("cube", numbers)


@pytest.mark.slow
def test_the_reduced_model_is_faster(cube: tuple[Answer, Answer]) -> None:
    for answer in cube[1].values():
        assert answer["reference_s"] > 2.0 * answer["wall_s"]  # some hundred on a quiet machine


def test_the_cube_of_another_code(zset_cube: tuple[Answer, Answer]) -> None:
    offline, again = zset_cube
    assert offline["modes"] == 10
    assert offline["points"] <= 100
    assert offline["points_full"] == 1728
    assert offline["weights_sum_error"] <= 1e-5
    # against the stored displacements, and the stored p of the other code
    assert offline["training_errors"]["u"] <= 1e-4
    assert offline["training_errors"]["p"] <= 1e-4
    assert again["status"] == "converged"
    assert again["errors"]["u"] == pytest.approx(offline["training_errors"]["u"], rel=1e-6)


def test_study_files_stay_alone(cube: tuple[Answer, Answer]) -> None:
    assert cube
    assert not (CUBE / "results").exists()
