"""Classifiers tell clusters of unseen fields, and remain what scikit-learn fitted."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from sklearn.feature_selection import mutual_info_classif

from romnet.reduction.classifier import Classifier, Kind
from romnet.reduction.classifier_training import Learning, learn
from romnet.reduction.features import augmented, telling_features, thinned
from romnet.store import codec

PLACES = np.random.default_rng(0).uniform(size=(400, 3))


def spots(count, seed=0):
    """Warm spots in the corners of a square, and the corner."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(size=(count, 3))
    labels = (centres[:, 0] > 0.5) * 2 + (centres[:, 1] > 0.5) * 1
    square = ((PLACES[None] - centres[:, None]) ** 2).sum(axis=2)
    return rng.uniform(50.0, 400.0, size=(count, 1)) * np.exp(-4.0 * square), labels


def learnt(kind=Kind.LOGISTIC, seed=0, count=120):
    fields, labels = spots(count)
    rng = np.random.default_rng(seed)
    learning = Learning(kind, folds=2 if kind is Kind.STACK else 4, hidden=12)
    return learn(fields, PLACES, labels, learning=learning, rng=rng)


@pytest.mark.parametrize("kind", Kind)
def test_unseen_fields_are_told(kind):
    found = learnt(kind)
    fields, labels = spots(300, seed=1)
    accuracy = (found.clusters(fields) == labels).mean()
    assert accuracy > 0.8
    assert found.accuracy == pytest.approx(accuracy, abs=0.1)


@pytest.mark.parametrize("kind", [Kind.LOGISTIC, Kind.SVM])
def test_probabilities_are_frequencies(kind):
    found = learnt(kind)
    fields, labels = spots(1000, seed=2)
    told = found.probabilities(fields)
    np.testing.assert_allclose(told.sum(axis=1), 1.0, atol=1e-12)
    right = told.argmax(axis=1) == labels
    assert told.max(axis=1).mean() == pytest.approx(right.mean(), abs=0.08)
    sure = told.max(axis=1) > 0.9
    assert right[sure].mean() > 0.9


@pytest.mark.parametrize("kind", Kind)
def test_stored_classifier_tells_the_same(kind):
    found = learnt(kind, count=60)
    fields, _ = spots(20, seed=3)
    with h5py.File("classifier.h5", "w", driver="core", backing_store=False) as file:
        codec.write(file, found)
        again = codec.read(file, Classifier)
    assert (again.probabilities(fields) == found.probabilities(fields)).all()


def test_same_seed_learns_the_same():
    first, second = (learnt(Kind.MLP, count=60) for _ in range(2))
    fields, _ = spots(20, seed=3)
    assert (first.probabilities(fields) == second.probabilities(fields)).all()


@pytest.mark.parametrize("kind", [Kind.LOGISTIC, Kind.MLP, Kind.SVM])
def test_plain_arrays_equal_scikit_learn(kind, monkeypatch):
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.svm import SVC

    fitted = []
    for model in (LogisticRegression, MLPClassifier, SVC):
        original = model.fit

        def spy(self, features, labels, original=original):
            fitted.append(self)
            return original(self, features, labels)

        monkeypatch.setattr(model, "fit", spy)
    found = learnt(kind)
    fields, _ = spots(50, seed=4)
    features = found.features(fields)
    (member,) = (*found.networks, *found.machines)
    if kind is Kind.SVM:
        expected = np.stack([m.decision_function(features) for m in fitted[-4:]], axis=1)
        np.testing.assert_allclose(member.scores(features), expected, atol=1e-9)
    else:
        expected = fitted[-1].predict_proba(features)
        scores = np.exp(member.scores(features))
        np.testing.assert_allclose(scores / scores.sum(axis=1, keepdims=True), expected, atol=1e-9)


def test_two_clusters_and_one():
    fields, labels = spots(80)
    for their in (labels % 2, 0 * labels):
        for kind in (Kind.LOGISTIC, Kind.MLP, Kind.SVM):
            rng = np.random.default_rng(0)
            learning = Learning(kind, folds=2, hidden=12)
            found = learn(fields, PLACES, their, learning=learning, rng=rng)
            assert (found.clusters(fields) == their).mean() > 0.9


def test_strange_fields_are_far():
    found = learnt()
    fields, _ = spots(200, seed=5)
    assert (found.distances(fields) < found.reach).mean() > 0.95
    assert (found.distances(20.0 * fields) > found.reach).mean() > 0.9
    assert not found.distances(spots(120)[0]).round(3).any()


def test_labels_and_folds_are_checked():
    fields, labels = spots(20)
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="labels must be 0 to 5"):
        learn(fields, PLACES, labels + 2, rng=rng)
    with pytest.raises(ValueError, match="3 fields cannot be divided into 5"):
        learn(fields[:3], PLACES, np.zeros(3, dtype=np.int64), rng=rng)


def test_thinned_nodes_cover_better_than_random_ones():
    def radius(nodes):
        return np.linalg.norm(PLACES[:, None] - PLACES[nodes], axis=2).min(axis=1).max()

    found = thinned(PLACES, 30)
    assert len(set(found.tolist())) == 30
    assert radius(found) < 0.8 * radius(np.random.default_rng(0).choice(400, 30, replace=False))
    assert thinned(PLACES, 1000).size == 400


def test_first_feature_is_that_of_most_information():
    fields, labels = spots(400)
    fields = fields[:, ::10]
    found = telling_features(fields, labels, 1)[0]
    information = mutual_info_classif(fields, labels, random_state=0)
    assert information[found] > 0.85 * information.max()


def test_features_that_repeat_are_left_to_the_end():
    rng = np.random.default_rng(0)
    labels = rng.integers(4, size=600)
    low, high = labels % 2, labels // 2
    values = np.stack([low, low, low, high], axis=1) + 0.01 * rng.normal(size=(600, 4))
    assert 3 in telling_features(values, labels, 2)


def test_combinations_stay_among_their_own():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(60, 2))
    labels = (values[:, 0] > 0.0).astype(np.int64)
    more, their = augmented(values, labels, 200, rng)
    assert len(more) == 260
    assert (more[:60] == values).all()
    assert ((more[:, 0] > 0.0) == their).all()
    alone, _ = augmented(values[:2], np.array([0, 1]), 9, rng)
    assert len(alone) == 2
