"""Table of element formulations."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.core.errors import StudyError
from romnet.fe.cells import CELLS
from romnet.fe.formulations import FORMULATIONS, default_formulation, formulation, mass_rule
from romnet.fe.quadrature import RULES


@pytest.mark.parametrize("name", sorted(FORMULATIONS))
def test_rule_and_cell_of_a_formulation_belong_together(name):
    row = FORMULATIONS[name]
    assert row.name == name
    assert row.quadrature.geometry == row.cell.geometry
    assert row.quadrature.n_points == row.n_points
    assert row.quadrature.points.shape[1] == row.cell.n_dim


@pytest.mark.parametrize(
    ("name", "n_points"),
    [
        ("zset:c3d8", 8),
        ("zset:c3d20", 27),
        ("zset:c3d4", 4),
        ("zset:c3d5", 5),
        ("zset:c3d15", 18),
        ("zset:c3d15r", 6),
        ("zset:c2d3", 3),
        ("zset:c2d8", 9),
        ("zset:c3d10", 5),
        ("zset:c3d10_4", 4),
        ("abaqus:C3D20R", 8),
        ("abaqus:C3D15", 9),
        ("abaqus:C3D6", 2),
        ("abaqus:CPE8R", 4),
        ("ansys:SOLID186", 8),
        ("ansys:SOLID187", 4),
    ],
)
def test_number_of_points_is_the_documented_one(name, n_points):
    assert FORMULATIONS[name].n_points == n_points


@pytest.mark.parametrize(
    ("name", "fastest"),
    [
        ("zset:c2d4", 1),
        ("zset:c2d8", 1),
        ("zset:c2d8r", 1),
        ("zset:c3d8", 0),
        ("zset:c3d20", 0),
        ("zset:c3d20r", 0),
        ("romnet:quad4", 0),
    ],
)
def test_the_second_point_is_the_next_one_along_the_direction_that_runs_first(name, fastest):
    first, second = FORMULATIONS[name].quadrature.points[:2]
    assert np.flatnonzero(second != first).tolist() == [fastest]
    assert second[fastest] > first[fastest]


def test_averaged_temperature_is_declared_for_eight_node_bricks_of_calculix():
    assert FORMULATIONS["abaqus:C3D8"].temperature == "mean"
    assert FORMULATIONS["zset:c3d8"].temperature == "nodes"


def test_trilinear_temperature_is_right_for_linear_fields_and_where_reduced_points_lie():
    row = FORMULATIONS["abaqus:C3D20"]
    rng = np.random.default_rng(3)
    points = rng.uniform(-1.0, 1.0, (5, 3))
    linear = row.cell.nodes @ [1.0, -2.0, 3.0] + 4.0
    found = row.temperature_shape(points) @ linear
    np.testing.assert_allclose(found, points @ [1.0, -2.0, 3.0] + 4.0, rtol=0.0, atol=1e-13)
    reduced = FORMULATIONS["abaqus:C3D20R"].quadrature.points
    field = rng.normal(size=20)
    np.testing.assert_allclose(
        row.temperature_shape(reduced) @ field, row.cell.shape(reduced) @ field, atol=1e-13
    )


@pytest.mark.parametrize(
    ("name", "face", "n_points"),
    [
        ("abaqus:C3D6", "quad4", 1),
        ("abaqus:C3D6", "tri3", 3),
        ("abaqus:C3D8", "quad4", 4),
        ("abaqus:C3D10", "tri6", 3),
        ("abaqus:C3D15", "quad8", 4),
        ("abaqus:C3D20", "quad8", 9),
        ("abaqus:C3D20R", "quad8", 4),
        ("zset:c3d20r", "quad8", 9),
    ],
)
def test_loads_on_faces_have_the_rule_of_the_code(name, face, n_points):
    rule = FORMULATIONS[name].face_rule(face)
    assert rule.n_points == n_points
    assert rule.geometry == CELLS[face].geometry


@pytest.mark.parametrize("name", [name for name, cell in CELLS.items() if cell.n_dim > 1])
def test_every_cell_has_a_default_formulation_and_a_positive_mass_rule(name):
    assert FORMULATIONS[default_formulation(name)].cell_type == name
    assert mass_rule(name).positive
    assert mass_rule(name) is RULES[mass_rule(name).name]


def test_an_unknown_element_is_refused_with_those_of_the_same_code():
    with pytest.raises(StudyError, match=r"'abaqus:S4' is unknown; known for abaqus: abaqus:C3D4"):
        formulation("abaqus:S4")
    with pytest.raises(StudyError, match=r"'femcode:brick' is unknown; use 'romnet:<cell>'"):
        formulation("femcode:brick")


def test_cells_that_fill_nothing_have_no_default():
    with pytest.raises(StudyError, match="'line2' are not integrated"):
        default_formulation("line2")
