"""k-medoids: no swap helps, and an independent package finds nothing cheaper."""

from __future__ import annotations

import kmedoids
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from romnet.reduction.clustering import merged
from romnet.reduction.medoids import k_medoids, nearest_medoids


def distances(count, seed=0):
    places = np.random.default_rng(seed).normal(size=(count, 3))
    return np.linalg.norm(places[:, None] - places, axis=2)


def cost(matrix, medoids):
    return matrix[:, medoids].min(axis=1).sum()


@pytest.mark.parametrize("n_clusters", [2, 4, 8])
@pytest.mark.parametrize("seed", range(3))
def test_as_cheap_as_the_independent_package(n_clusters, seed):
    matrix = distances(120, seed)
    found = k_medoids(matrix, n_clusters, rng=np.random.default_rng(seed), restarts=60)
    other = min(kmedoids.fasterpam(matrix, n_clusters, random_state=s).loss for s in range(60))
    assert found.cost == pytest.approx(other, rel=1e-9)


@given(seed=st.integers(0, 10_000), count=st.integers(2, 14), part=st.floats(0.0, 1.0))
def test_no_swap_lowers_the_cost(seed, count, part):
    matrix = distances(count, seed)
    n_clusters = 1 + int(part * (count - 1))
    found = k_medoids(matrix, n_clusters, rng=np.random.default_rng(seed), restarts=1)
    assert found.cost == pytest.approx(cost(matrix, found.members))
    assert len(set(found.members.tolist())) == n_clusters
    for place in range(n_clusters):
        for other in range(count):
            swapped = found.members.copy()
            swapped[place] = other
            assert cost(matrix, swapped) >= found.cost * (1.0 - 1e-9)


def test_one_medoid_is_the_cheapest_member():
    matrix = distances(30)
    found = k_medoids(matrix, 1, rng=np.random.default_rng(0), restarts=1)
    assert found.members.tolist() == [matrix.sum(axis=0).argmin()]


def test_same_seed_gives_the_same():
    matrix = distances(60)
    first, second = (k_medoids(matrix, 5, rng=np.random.default_rng(3)) for _ in range(2))
    assert first.members.tolist() == second.members.tolist()


@pytest.mark.parametrize(
    ("matrix", "count", "words"),
    [
        (distances(4), 5, "between 1 and 4, got 5"),
        (-distances(4), 2, "not negative"),
        (distances(4) + 1.0, 2, "zero on the diagonal"),
        (np.triu(distances(4)), 2, "symmetric"),
    ],
)
def test_what_is_no_dissimilarity_is_refused(matrix, count, words):
    with pytest.raises(ValueError, match=words):
        k_medoids(matrix, count, rng=np.random.default_rng(0))


def test_merging_leaves_no_small_cluster_and_keeps_every_member():
    matrix = distances(80)
    found = k_medoids(matrix, 16, rng=np.random.default_rng(0))
    fewer = merged(matrix, found, 6)
    sizes = np.bincount(fewer.labels)
    assert sizes.min() >= 6
    assert sizes.sum() == 80
    assert set(fewer.members) <= set(found.members)
    assert fewer.cost == pytest.approx(cost(matrix, fewer.members))


def test_duplicates_belong_to_their_own_medoid():
    matrix = np.zeros((3, 3))
    found = nearest_medoids(matrix, np.array([0, 2]))
    assert found.labels[[0, 2]].tolist() == [0, 1]
