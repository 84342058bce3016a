"""Interface sums, ghost copies and partitions."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.fe.partition import cell_graph, subdomain
from romnet.fe.structured import box_mesh
from romnet.parallel.layout import Exchange, Layout
from romnet.parallel.petsc import partition, petsc


@pytest.fixture
def part(comm, structure):
    return structure(comm, divisions=(4, 2, 2)).subdomain


def test_contributions_of_all_ranks_are_summed_at_each_dof(comm, part):
    exchange = Exchange(Layout.build(part, comm))
    touched = comm.sum(np.bincount(part.dofs, minlength=part.n_global_dofs).astype(float))
    summed = exchange.accumulated(np.arange(1.0, part.mesh.n_dofs + 1.0) * 0.0 + 1.0)
    np.testing.assert_array_equal(summed, touched[part.dofs])


def test_owners_tell_ghosts(comm, part):
    exchange = Exchange(Layout.build(part, comm))
    spread = exchange.spread(part.dofs[part.owned_dofs].astype(float))
    np.testing.assert_array_equal(spread, part.dofs)


def test_norms_count_every_dof_once(comm, part):
    exchange = Exchange(Layout.build(part, comm))
    expected = np.linalg.norm(np.arange(part.n_global_dofs))
    assert exchange.norm(part.dofs.astype(float)) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("n_parts", [1, 2, 5])
def test_partitions_are_balanced_and_cut_little(n_parts):
    petsc()
    graph = cell_graph(box_mesh((1.0, 1.0, 1.0), (6, 5, 4)))
    labels = partition(graph, n_parts)
    sizes = np.bincount(labels, minlength=n_parts)
    assert sizes.min() > 0
    assert sizes.max() <= 1.2 * 120 / n_parts + 1
    rows, columns = graph.nonzero()
    assert (labels[rows] != labels[columns]).mean() < 0.35


def test_subdomains_of_a_partition_hold_the_whole_mesh(comm):
    petsc()
    mesh = box_mesh((1.0, 1.0, 1.0), (4, 4, 2))
    part = subdomain(mesh, comm.broadcast(partition(cell_graph(mesh), comm.size)), comm.rank)
    volume = comm.sum(np.array([float(len(part.cells))]))[0]
    assert volume == mesh.n_cells
