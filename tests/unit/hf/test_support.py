"""Free motions of bodies that are held in part, by what geometry says about them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from romnet.core.errors import StudyError
from romnet.fe.mesh import Mesh
from romnet.fe.partition import whole
from romnet.fe.structured import box_mesh
from romnet.hf.support import connected_parts, refuse_free_motions


def hold(mesh, *entries):
    held = np.zeros((mesh.n_nodes, mesh.n_dim), dtype=bool)
    for name, direction in entries:
        held[mesh.node_sets[name], direction] = True
    return held.ravel()


@pytest.mark.parametrize(
    ("entries", "free"),
    [
        ([("x0", 0), ("x0y0", 1), ("x0y0z0", 2)], None),
        ([("x0", 0), ("x0y0", 1)], "shift along z"),
        ([("x0", 0), ("x0y0z0", 1), ("x0y0z0", 2)], "spin about x"),
        ([("x0y0z0", 0), ("x0y0z0", 1), ("x0y0z0", 2)], "spin about x, spin about y, spin about z"),
        ([("x0", 0)], "shift along y, shift along z, spin about x"),
    ],
)
def test_free_motions_are_named(alone, entries, free):
    mesh = box_mesh((1.0, 2.0, 0.5), (2, 2, 2))
    if free is None:
        refuse_free_motions(whole(mesh), hold(mesh, *entries), alone)
        return
    with pytest.raises(StudyError, match=f"not held: {free}; add"):
        refuse_free_motions(whole(mesh), hold(mesh, *entries), alone)


def two_boxes():
    """Two boxes that do not touch."""
    mesh = box_mesh((1.0, 1.0, 1.0), (1, 1, 1))
    (block,) = mesh.blocks
    blocks = (
        block,
        replace(block, connectivity=block.connectivity + mesh.n_nodes, ids=block.ids + 1),
    )
    return Mesh(np.vstack([mesh.nodes, mesh.nodes + 5.0]), blocks, np.arange(2 * mesh.n_nodes))


def test_every_part_must_be_held(alone):
    mesh = two_boxes()
    n_parts, parts = connected_parts(whole(mesh), alone)
    assert n_parts == 2
    assert parts.tolist() == 8 * [0] + 8 * [1]
    held = np.zeros(mesh.n_dofs, dtype=bool)
    held[:24] = True
    with pytest.raises(StudyError, match=r"around \(5.5, 5.5, 5.5\) is not held"):
        refuse_free_motions(whole(mesh), held, alone)


def test_a_slender_body_held_at_one_end_is_held(alone):
    mesh = box_mesh((1000.0, 1.0, 1.0), (50, 1, 1))
    refuse_free_motions(whole(mesh), hold(mesh, ("x0", 0), ("x0", 1), ("x0", 2)), alone)
