"""Each fault of a study of a cube gives its own sentence; the right study passes."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import yaml

from romnet.study import commands
from romnet.study.balance.comparison import Balance, balances
from romnet.study.balance.fit import explain
from romnet.study.balance.words import sentences
from romnet.study.read import read_study

ELASTIC = {
    "cells": "ALL",
    "law": "elastic",
    "density": 1.0e-8,
    "parameters": {"young": 2.0e5, "poisson": 0.3},
    "expansion": {"coefficient": 2.0e-5, "reference": 20.0},
}


def files_of_the_elastic_cube(
    small: ModuleType, tmp_path_factory: pytest.TempPathFactory, **changes: Any
) -> Path:
    """Compute the elastic cube and write it as files of another code, with a study of them."""
    study = small.changed(
        small.STUDY, materials=[ELASTIC], offline__dual=["stress"], online=[], **changes
    )
    path = small.write_study(tmp_path_factory.mktemp("elastic"), study)
    context = commands.open_study(path)
    commands.offline(context, until="snapshots[one]")
    folder = tmp_path_factory.mktemp("files")
    workspace, store = context.workspace, context.snapshots("one")
    small.write_geof(folder / "cube.geof", workspace.mesh)
    n_points = workspace.discretization.n_points
    small.write_results(
        folder / "cube.ut",
        np.asarray(store.times),
        store.source("displacement").rows(np.arange(workspace.mesh.n_dofs)),
        np.zeros((n_points, store.n_times)),
    )
    squared = ((workspace.mesh.nodes - 0.5) ** 2).sum(axis=1)
    np.full(len(squared), 20.0).astype(">f4").tofile(folder / "cold.node")
    (20.0 + 380.0 * np.exp(-4.0 * squared)).astype(">f4").tofile(folder / "hot.node")
    foreign = small.changed(
        small.foreign_study(), materials=[ELASTIC], offline__dual=["stress"], online=[], **changes
    )
    return small.write_study(folder, foreign)


@pytest.fixture(scope="module")
def elastic(small: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the elastic cube as files of another code."""
    return files_of_the_elastic_cube(small, tmp_path_factory)


def told(small: ModuleType, source: Path, target: Path, **faults: Any) -> tuple[list[Balance], str]:
    """Balance a copy of a study with some values replaced."""

    shutil.copytree(source.parent, target, ignore=shutil.ignore_patterns("results"))
    study = small.changed(yaml.safe_load(source.read_text()), **faults)
    found = list(balances(read_study(small.write_study(target, study))))
    return found, "\n".join(sentences(found))


def test_the_right_study_balances(small: ModuleType, elastic: Path, tmp_path: Path) -> None:
    found, text = told(small, elastic, tmp_path / "a")
    assert [balance.ok for balance in found] == [True]
    assert found[0].worst < 1e-4  # displacements in single precision
    assert "the replayed stresses balance the loads" in text


def test_the_right_viscoplastic_study_balances(
    small: ModuleType, foreign_study: Path, tmp_path: Path
) -> None:
    found, _ = told(small, foreign_study, tmp_path / "a")
    assert all(balance.ok and balance.worst < 1e-3 for balance in found)


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (
            {"materials__0__parameters__young": 3.0e5},
            "the stresses are 1.5 times what the loads need: Young's modulus of the study is 1.5",
        ),
        ({"materials__0__parameters__young": 2.0e8}, "1000 times what the loads need: a unit"),
        ({"loads__1__field": -0.5}, "load 'pressure' has the wrong sign"),
        ({"loads__1__field": 0.0005}, "load 'pressure' is 1000 times .* a unit is wrong"),
        ({"loads__1__field": 0.25}, "load 'pressure' is 2 times that of the study"),
        ({"materials__0__density": 1e-5}, "load 'centrifugal' is 0.001 times .* a unit is wrong"),
        (
            {"materials__0__expansion": {"coefficient": 1.0e-5, "reference": 20.0}},
            "the results expand 2 times as much as the study says",
        ),
        (
            {"loads__1__field": 0.25, "materials__0__density": 2e-8},
            "'centrifugal' is 0.5 times that of the study, load 'pressure' is 2 times",
        ),
    ],
)
def test_each_fault_has_its_sentence(
    faults: dict[str, Any], words: str, small: ModuleType, elastic: Path, tmp_path: Path
) -> None:
    found, text = told(small, elastic, tmp_path / "a", **faults)
    assert [balance.ok for balance in found] == [False]
    assert found[0].explanation.left < 0.01

    assert re.search(words, text), text


def test_a_load_that_the_results_do_not_carry_is_missing_in_them(
    small: ModuleType, elastic: Path, tmp_path: Path
) -> None:
    shear = {
        "type": "traction",
        "name": "wind",
        "faces": "x1",
        "vector": [0.0, 30.0, 0.0],
        "amplitude": "spin",
    }
    loads = [*small.foreign_study()["loads"], shear]
    _, text = told(small, elastic, tmp_path / "a", loads=loads)
    assert "load 'wind' is missing in the results" in text


def test_a_load_that_the_study_lacks_is_a_force_that_is_missing(
    small: ModuleType, elastic: Path, tmp_path: Path
) -> None:
    loads = small.foreign_study()["loads"][1:]
    found, text = told(small, elastic, tmp_path / "a", loads=loads)
    assert "a load of the results is not in the study" in text
    right, _ = told(small, elastic, tmp_path / "b")
    pull = (
        right[0].resultants[0].force * (right[0].times[found[0].judged] / right[0].times[-1]) ** 2
    )
    free = found[0].missing
    # what the supports hold back does not act on free nodes
    assert 0.3 < free[1] / pull[1] < 1.0


def test_tied_nodes_hand_their_forces_on(
    small: ModuleType, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    held = [*small.STUDY["constraints"], {"nodes": "x0y0", "equal": "z"}]
    study = files_of_the_elastic_cube(small, tmp_path_factory, constraints=held)
    found, _ = told(small, study, tmp_path / "a")
    assert found[0].ok
    assert found[0].worst < 1e-4
    untied, _ = told(small, study, tmp_path / "b", constraints=held[:-1])
    assert not untied[0].ok


@pytest.mark.parametrize("faults", [{"loads__1__field": -0.5}, {"loads__1__field": 0.0005}])
def test_factors_of_loads_are_seen_in_plastic_results_too(
    faults: dict[str, Any], small: ModuleType, foreign_study: Path, tmp_path: Path
) -> None:
    found, text = told(small, foreign_study, tmp_path / "a", **faults)
    assert "load 'pressure'" in text
    assert found[0].explanation.kind == "load"


def test_a_modulus_in_another_unit_is_seen_though_the_law_yields_at_once(
    small: ModuleType, elastic: Path, tmp_path: Path
) -> None:
    yielding = small.STUDY["materials"][0] | {"density": 1.0e-8}
    yielding["parameters"] = yielding["parameters"] | {"young": 2.0e8}
    _, text = told(small, elastic, tmp_path / "a", materials=[yielding])
    assert "the stresses are 1000 times what the loads need: a unit is wrong" in text


def test_resultants_are_those_of_theory(small: ModuleType, elastic: Path, tmp_path: Path) -> None:
    (balance,), _ = told(small, elastic, tmp_path / "a")
    centrifugal, pressure = balance.resultants
    # rho omega^2 times the way from the axis to the centre of the unit cube
    expected = 1.0e-8 * 1.5e4**2 * (np.array([0.5, 0.5]) - [3.5, -20.0])
    np.testing.assert_allclose(centrifugal.force[:2], expected, rtol=1e-9)
    push = 0.5 * (100.0 - 10.0 * 0.9 / 1.9)
    np.testing.assert_allclose(pressure.force, [-push, 0.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(pressure.moment, [0.0, -0.5 * push, 0.5 * push], atol=1e-9)
    np.testing.assert_allclose(
        balance.reaction, -(centrifugal.force + pressure.force), atol=1e-3 * push
    )


def test_loads_that_cannot_be_told_apart_are_named_together() -> None:
    loads = np.array([[1.0, 2.0], [2.0, 4.0], [0.0, 1.0]])
    found = explain(loads[1] + loads[2], loads, np.zeros(2), accepted=1e-9)
    assert found.kind == "load"
    assert found.loads == (0, 1)
