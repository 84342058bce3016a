"""Dissimilarities equal their definitions and see what a linear basis sees."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import subspace_angles

from romnet.core.communicator import SerialCommunicator
from romnet.core.errors import AccuracyError
from romnet.core.snapshots import ArraySource
from romnet.fe.inner_products import identity, point_l2
from romnet.reduction.dissimilarity import (
    Dissimilarity,
    combined,
    dissimilarities,
    sines_between,
)

ALONE = SerialCommunicator()
WEIGHTS = np.linspace(0.5, 2.0, 30)
BLIND = [kind for kind in Dissimilarity if kind is not Dissimilarity.EUCLIDEAN]


def fields(count=6, n_times=4, seed=0):
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(30, n_times))
    return [common + rng.normal(size=(30, n_times)) for _ in range(count)]


def compared(trajectories, kind, rank=2, **options):
    sources = [ArraySource(values) for values in trajectories]
    return dissimilarities(sources, point_l2(WEIGHTS), kind=kind, rank=rank, comm=ALONE, **options)


def brute(first, second, kind, rank):
    """Each definition, written for two trajectories."""
    root = np.sqrt(WEIGHTS)[:, None]
    one, two = root * first, root * second
    if kind is Dissimilarity.EUCLIDEAN:
        return np.linalg.norm(one - two)
    if kind is Dissimilarity.SINE:
        line = two / np.linalg.norm(two)
        return np.linalg.norm(one - (one * line).sum() * line) / np.linalg.norm(one)
    left, right = (np.linalg.svd(side)[0][:, :rank] for side in (one, two))
    if kind is Dissimilarity.PROJECTION:
        errors = [
            np.linalg.norm(q - v @ (v.T @ q)) / np.linalg.norm(q)
            for q, v in ((one, right), (two, left))
        ]
        return np.mean(errors)
    angles = subspace_angles(left, right)
    if kind is Dissimilarity.CHORDAL:
        return np.sqrt(np.mean(np.sin(angles) ** 2))
    return np.linalg.norm(angles)


@pytest.mark.parametrize("kind", Dissimilarity)
def test_equals_its_definition_for_each_pair(kind):
    given_fields = fields()
    expected = np.array([[brute(a, b, kind, 2) for b in given_fields] for a in given_fields])
    np.fill_diagonal(expected, 0.0)  # a trajectory has no error on itself, whatever its rank
    np.testing.assert_allclose(compared(given_fields, kind), expected, atol=1e-6)


@pytest.mark.parametrize("kind", Dissimilarity)
def test_blocks_of_any_size_give_the_same(kind):
    rng = np.random.default_rng(0)
    long = [rng.normal(size=(2000, 3)) for _ in range(4)]
    sources = [ArraySource(values) for values in long]
    product = identity(np.ones(2000, dtype=bool))
    whole, blocks = (
        dissimilarities(sources, product, kind=kind, rank=2, comm=ALONE, memory=memory)
        for memory in (2**28, 1)
    )
    np.testing.assert_allclose(whole, blocks, atol=1e-12)


@pytest.mark.parametrize("kind", BLIND)
@given(scales=st.lists(st.floats(0.01, 100.0), min_size=6, max_size=6), seed=st.integers(0, 99))
def test_blind_to_amplitude_and_sign(kind, scales, seed):
    given_fields = fields(seed=seed)
    signs = np.where(np.arange(6) % 2, -1.0, 1.0)
    scaled = [s * x * v for s, x, v in zip(signs, scales, given_fields, strict=True)]
    found = compared(given_fields, kind)
    np.testing.assert_allclose(compared(scaled, kind), found, atol=1e-7)
    assert (found == found.T).all()
    assert not np.diagonal(found).any()


def test_euclidean_distance_sees_the_amplitude():
    one, *_ = fields()
    assert compared([one, 3 * one], Dissimilarity.EUCLIDEAN)[0, 1] == pytest.approx(
        2 * np.sqrt(WEIGHTS @ (one**2).sum(axis=1))
    )


def test_subspaces_of_a_lower_rank_lack_a_direction():
    plane = np.eye(30)[:, :2]
    line = plane[:, :1] @ np.ones((1, 2))
    assert compared([plane, line], Dissimilarity.CHORDAL)[0, 1] == pytest.approx(np.sqrt(0.5))
    assert compared([plane, line], Dissimilarity.GEODESIC)[0, 1] == pytest.approx(np.pi / 2)


def test_instants_may_differ_only_for_subspaces():
    given_fields = [fields()[0], fields()[1][:, :2]]
    assert compared(given_fields, Dissimilarity.CHORDAL).shape == (2, 2)
    with pytest.raises(ValueError, match="equal numbers of instants, got 2 to 4"):
        compared(given_fields, Dissimilarity.SINE)


@pytest.mark.parametrize("kind", BLIND)
def test_zero_trajectory_is_refused_by_its_number(kind):
    with pytest.raises(AccuracyError, match=r"trajectory 1 .* zero"):
        compared([fields()[0], np.zeros((30, 4))], kind)


def test_rank_must_be_positive():
    with pytest.raises(ValueError, match="rank must be positive"):
        compared(fields(), Dissimilarity.CHORDAL, rank=0)


def test_combination_of_equal_fields_is_the_field_itself():
    found = compared(fields(), Dissimilarity.SINE)
    np.testing.assert_allclose(combined([found, found], [1.0, 3.0]), found, atol=1e-15)
    with pytest.raises(ValueError, match="2 fields need as many weights"):
        combined([found, found], [1.0])


def test_sines_of_coordinates_equal_those_of_the_fields():
    given_fields = fields()
    flat = np.stack([(np.sqrt(WEIGHTS)[:, None] * values).ravel() for values in given_fields])
    found = compared(given_fields, Dissimilarity.SINE)
    np.testing.assert_allclose(sines_between(flat, flat), found, atol=1e-7)


def test_thousand_trajectories_take_seconds():
    rng = np.random.default_rng(0)
    sources = [ArraySource(values) for values in rng.normal(size=(1000, 23, 27))]
    began = perf_counter()
    dissimilarities(sources, identity(np.ones(23, dtype=bool)), comm=ALONE)
    assert perf_counter() - began < 10.0


def test_scikit_learn_accepts_the_matrix():
    from sklearn.cluster import AgglomerativeClustering
    from sklearn.metrics import silhouette_samples

    from romnet.reduction.clustering import silhouettes

    found = compared(fields(12), Dissimilarity.SINE)
    labels = AgglomerativeClustering(3, metric="precomputed", linkage="average").fit_predict(found)
    np.testing.assert_allclose(
        silhouettes(found, labels),
        silhouette_samples(found, labels, metric="precomputed"),
        atol=1e-12,
    )
