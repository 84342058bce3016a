"""Linear fields between the corners of quadratic cells."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.fe.coarsening import CornerInterpolation
from romnet.fe.structured import box_mesh


@pytest.mark.parametrize("cell", ["tet10", "hex20", "hex27", "wedge15", "hex8", "tet4"])
def test_linear_fields_are_found_again_at_every_node(cell):
    mesh = box_mesh((1.0, 0.7, 1.3), (2, 1, 2), cell)
    linear = CornerInterpolation.build(mesh)
    field = mesh.nodes @ [2.0, -1.0, 0.5] + 3.0
    np.testing.assert_allclose(linear.matrix @ field[linear.corners], field, rtol=1e-13)


@pytest.mark.parametrize(("cell", "n_corners"), [("hex20", 18), ("hex27", 18), ("hex8", 18)])
def test_corners_are_the_nodes_of_the_linear_mesh(cell, n_corners):
    mesh = box_mesh((1.0, 1.0, 1.0), (2, 2, 1), cell)
    assert len(CornerInterpolation.build(mesh).corners) == n_corners
