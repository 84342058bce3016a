"""Distorted meshes, as functions of the cell type."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from romnet.fe.cells import CELLS
from romnet.fe.structured import box_mesh


@pytest.fixture
def sheared():
    """Sheared box, and its volume."""

    def make(cell_type, *, formulation=None, n=2):
        n_dim = CELLS[cell_type].n_dim
        lengths = (1.3, 0.7, 0.9)[:n_dim]
        mesh = box_mesh(lengths, (n,) * n_dim, cell_type, formulation=formulation)
        shear = np.array([[1.0, 0.3, -0.2], [0.1, 1.1, 0.4], [0.2, -0.1, 0.8]])[:n_dim, :n_dim]
        volume = float(np.prod(lengths) * np.linalg.det(shear))
        return replace(mesh, nodes=mesh.nodes @ shear.T + 0.5), volume

    return make


@pytest.fixture
def bent():
    """Box bent by a smooth map: quadratic cells have curved edges and faces."""

    def make(cell_type, *, formulation=None, n=2):
        n_dim = CELLS[cell_type].n_dim
        mesh = box_mesh((1.0,) * n_dim, (n,) * n_dim, cell_type, formulation=formulation)
        x = mesh.nodes
        return replace(mesh, nodes=x + 0.08 * np.sin(2 * np.roll(x, 1, axis=1) + 1) * np.cos(x))

    return make
