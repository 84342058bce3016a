"""Results in the mirror: those of the mirrored load, and refused where nothing is symmetric."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from romnet.core.errors import ConversionError
from romnet.fe.structured import box_mesh
from romnet.store.manifest import read_manifest
from romnet.store.mesh_file import save_mesh
from romnet.store.mirror import Plane, mirrored, partners
from romnet.store.snapshots import FieldInfo, SnapshotStore, writing_snapshots
from romnet.study.converting import convert

MESH = box_mesh((2.0, 1.0, 1.0), (4, 2, 2))
planes = pytest.mark.parametrize("plane", ["x=1", "y=0.5", "z = 0.5"])


@planes
def test_a_linear_field_is_mirrored_as_its_gradient_is(plane):
    """u = H x + c seen in the mirror is R H R x + c', with the reflection R."""
    seen_in = Plane.of(plane)
    rng = np.random.default_rng(1)
    gradient = rng.normal(size=(3, 3))
    reflection = np.eye(3)
    reflection[seen_in.axis, seen_in.axis] = -1.0
    about = np.zeros(3)
    about[seen_in.axis] = seen_in.place
    away = MESH.nodes - about
    found = mirrored((away @ gradient.T).ravel(), partners(MESH, seen_in), seen_in)
    expected = away @ (reflection @ gradient @ reflection).T
    np.testing.assert_allclose(found, expected.ravel(), atol=1e-14)


@planes
def test_the_mirror_image_of_the_mirror_image_is_the_displacement(plane):
    seen_in = Plane.of(plane)
    other = partners(MESH, seen_in)
    values = np.random.default_rng(2).normal(size=MESH.n_dofs)
    assert (mirrored(mirrored(values, other, seen_in), other, seen_in) == values).all()


@pytest.mark.parametrize("moved", [0, 7, 44])
def test_a_mesh_that_is_not_symmetric_is_refused_with_the_node(moved):
    nodes = MESH.nodes.copy()
    nodes[moved, 1] += 0.01
    with pytest.raises(ConversionError, match=r"not symmetric to y=0\.5.*mesh one half"):
        partners(replace(MESH, nodes=nodes), Plane.of("y=0.5"))


def test_nodes_on_each_other_are_refused_as_such():
    nodes = np.vstack([MESH.nodes, MESH.nodes[:1]])
    doubled = replace(MESH, nodes=nodes, node_ids=np.arange(len(nodes)))
    with pytest.raises(ConversionError, match="lie on each other"):
        partners(doubled, Plane.of("y=0.5"))


def test_a_plane_beside_the_middle_is_refused():
    with pytest.raises(ConversionError, match="not symmetric"):
        partners(MESH, Plane.of("x=0.9"))


@pytest.mark.parametrize("text", ["", "y", "w=1", "y=one", "y=nan", "=1"])
def test_what_is_no_plane_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match=r"such as y=1\.5"):
        Plane.of(text)


def test_files_are_mirrored_instant_by_instant(tmp_path):
    rng = np.random.default_rng(3)
    values = rng.normal(size=(3, MESH.n_dofs))
    path, target = tmp_path / "a.h5", tmp_path / "b.h5"
    save_mesh(tmp_path / "a.mesh.h5", MESH)
    info = FieldInfo("node", ("1", "2", "3"), "displacement", "mm")
    infos = {"displacement": info, "temperature": FieldInfo("node")}
    with writing_snapshots(path, infos) as writer:
        for time, one in enumerate(values):
            fields = {"displacement": one, "temperature": np.zeros(MESH.n_nodes)}
            writer.append(float(time), fields)
    plane = Plane.of("y=0.5")
    assert convert(path, target, mirror=plane).fields == ("displacement",)
    assert read_manifest(target).parameters["mirror"] == "y=0.5"
    store = SnapshotStore.open(target)
    assert store.times.tolist() == [0.0, 1.0, 2.0]
    other = partners(MESH, plane)
    for number, one in enumerate(values):
        found = store.source("displacement").column(number)
        assert (found == mirrored(one, other, plane)).all()
