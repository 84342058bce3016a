"""A dictionary chooses, refuses and is stored; common points integrate for all its models."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

import h5py
import numpy as np
import pytest
from scipy.optimize import nnls

from romnet.core.communicator import SerialCommunicator
from romnet.core.errors import AccuracyError
from romnet.reduction.classifier_training import learn
from romnet.reduction.cubature import select_points
from romnet.reduction.cubature_common import common_points
from romnet.reduction.cubature_problem import CubatureProblem
from romnet.reduction.dictionary import FALLBACK, Dictionary, regret
from romnet.reduction.model import ReducedModel
from romnet.store import codec

ALONE = SerialCommunicator()
PLACES = np.linspace(0.0, 1.0, 50)


def model(points=(1, 4)):
    return ReducedModel(
        points=np.array(points),
        weights=np.ones(len(points)),
        strain_modes=np.ones((len(points), 6, 2)),
        law_specs=({"law": "elastic", "parameters": {"young": 2.0, "poisson": 0.0}},),
        law_of_point=np.zeros(len(points), dtype=np.int64),
        dual=(),
        gappy={},
        loadings={},
        units={},
    )


def field(centre):
    return np.exp(-20.0 * (PLACES - centre) ** 2)


@pytest.fixture(scope="module")
def dictionary():
    rng = np.random.default_rng(0)
    centres = np.sort(rng.uniform(size=100))
    fields = np.stack([field(centre) for centre in centres])
    labels = (centres > 0.5).astype(np.int64)
    classifier = learn(fields, PLACES[:, None], labels, rng=rng)
    return Dictionary((model(), model()), model((7, 9)), np.array([20, 70]), classifier)


def test_familiar_fields_get_their_local_model(dictionary):
    for centre, cluster in ((0.2, 0), (0.8, 1)):
        choice = dictionary.choose(field(centre))
        assert (choice.cluster, choice.reason) == (cluster, "")
        assert choice.probability > 0.9
        assert dictionary.model(choice) is dictionary.models[cluster]


def test_strange_fields_get_the_global_model_and_a_reason(dictionary):
    choice = dictionary.choose(5.0 * field(0.2))
    assert choice.cluster == FALLBACK
    assert "times as far" in choice.reason
    assert dictionary.model(choice) is dictionary.fallback
    assert dictionary.choose(np.full(50, np.nan)).cluster == FALLBACK


def test_doubtful_fields_get_the_global_model_and_a_reason(dictionary):
    careful = replace(dictionary, smallest_probability=0.999)
    choice = careful.choose(field(0.5))
    assert choice.cluster == FALLBACK
    assert "sure" in choice.reason


def test_stored_dictionary_chooses_the_same(dictionary):
    with h5py.File("dictionary.h5", "w", driver="core", backing_store=False) as file:
        codec.write(file, dictionary)
        again = codec.read(file, Dictionary)
    first, second = again.choose(field(0.3)), dictionary.choose(field(0.3))
    assert (first.cluster, first.reason) == (second.cluster, second.reason)
    assert first.probability == pytest.approx(second.probability, rel=1e-12)
    assert again.common_points


def test_choosing_takes_no_time(dictionary):
    began = perf_counter()
    for _ in range(20):
        dictionary.choose(field(0.3))
    assert (perf_counter() - began) / 20 < 0.05  # ten times the goal, for busy machines


def test_one_medoid_for_each_model(dictionary):
    with pytest.raises(ValueError, match="2 local models, but 1 medoids"):
        replace(dictionary, medoids=np.array([3]))


def test_different_points_are_not_common(dictionary):
    assert not replace(dictionary, models=(model(), model((1, 5)))).common_points


def test_regret_of_the_best_is_one():
    errors = np.random.default_rng(0).uniform(0.1, 1.0, size=(20, 3))
    assert (regret(errors, errors.argmin(axis=1)) == 1.0).all()
    assert (regret(errors, errors.argmax(axis=1)) > 1.0).all()


def problems(count=3, n_points=400):
    rng = np.random.default_rng(0)
    weights = np.ones(n_points)
    common = rng.normal(size=(6, n_points)) + 1.0
    for _ in range(count):
        values = np.vstack([common, rng.normal(size=(6, n_points)) + 0.5])
        yield CubatureProblem.build(values, weights, np.arange(n_points), ALONE), values


def test_common_points_integrate_every_problem():
    tolerance = 1e-4
    made = list(problems())
    rule = common_points([problem for problem, _ in made], tolerance=tolerance)
    assert (rule.weights >= 0.0).all()
    assert (rule.residuals <= tolerance).all()
    for (_, values), weights in zip(made, rule.weights, strict=True):
        exact = values.sum(axis=1)
        np.testing.assert_allclose(
            values[:, rule.points] @ weights, exact, atol=2 * tolerance * np.linalg.norm(exact)
        )
    # Weights are the best there are on these points.
    problem = made[0][0]
    columns = problem.columns(rule.points)
    best = nnls(columns, problem.target)[1] / problem.scale
    assert rule.residuals[0] <= max(1.001 * best, tolerance)


def test_common_points_are_fewer_than_the_union():
    made = [problem for problem, _ in problems()]
    union = {point for problem in made for point in select_points(problem, tolerance=1e-4).points}
    assert common_points(made, tolerance=1e-4).points.size < len(union)


def test_what_cannot_be_integrated_is_told():
    one = CubatureProblem.build(
        np.array([[1.0, -1.0, 0.0]]), np.array([1.0, 1.0, -1.0]), np.arange(3), ALONE
    )
    hopeless = replace(one, target=np.array([0.0, -1.0]), scale=1.0)
    with pytest.raises(AccuracyError, match=r"no point of .* problem 0 .* larger tolerance"):
        common_points([hopeless], tolerance=1e-3)
    with pytest.raises(ValueError, match="no problem"):
        common_points([], tolerance=1e-3)
