"""Strains of several displacements: those of the sparse operator."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.fe.discretization import discretize
from romnet.fe.strains import strains_at
from romnet.fe.structured import box_mesh


@pytest.mark.parametrize("cell", ["hex8", "hex20", "tet10", "quad8"])
def test_strains_are_those_of_the_operator_at_points_in_any_order(cell):
    sizes = (2, 2) if cell == "quad8" else (2, 2, 1)
    points = discretize(box_mesh((1.0,) * len(sizes), sizes, cell))
    rng = np.random.default_rng(3)
    fields = rng.normal(size=(points.n_dofs, 3))
    for chosen in (np.arange(3, points.n_points - 2), rng.permutation(points.n_points)[:9]):
        exact = (points.strain_operator_of(chosen) @ fields).reshape(len(chosen), -1, 3)
        found = strains_at(points, chosen, fields)
        np.testing.assert_allclose(found, exact, rtol=0.0, atol=1e-13 * np.abs(exact).max())


def test_no_point_is_no_strain():
    points = discretize(box_mesh((1.0, 1.0, 1.0), (1, 1, 1)))
    none = np.zeros(0, dtype=np.int64)
    assert strains_at(points, none, np.zeros((points.n_dofs, 2))).shape == (0, 6, 2)
