"""The criterion says no where amplitudes barely vary, and yes where families differ."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

from romnet.core.communicator import SerialCommunicator
from romnet.core.errors import AccuracyError
from romnet.core.snapshots import ArraySource
from romnet.fe.inner_products import point_l2
from romnet.reduction.basis import Truncation
from romnet.reduction.clustering import Strategy, partition
from romnet.reduction.criterion import (
    Candidate,
    Costs,
    Grid,
    Limits,
    Objective,
    advise,
    efficiency_criterion,
)
from romnet.reduction.growth import farthest_first, runs_needed
from romnet.reduction.local_errors import (
    cluster_modes,
    coordinates,
    local_curves,
    width_curves,
)
from romnet.reduction.pod import pod

ALONE = SerialCommunicator()
_SHARED = Path(os.environ.get("ROMNET_SHARED", Path(__file__).parents[4] / "shared"))


def families(count=80, n_families=4, width=2, seed=0):
    """Simulations in planes of their own, of amplitudes over two decades."""
    rng = np.random.default_rng(seed)
    family = np.arange(count) % n_families
    planes = np.linalg.qr(rng.normal(size=(30, width * n_families)))[0].T
    planes = planes.reshape(n_families, width, 30)
    # Members of a family share a mean direction, or their lines would be as far as any others.
    parts = np.eye(width)[:, :1] @ np.ones((1, 5)) + 0.2 * rng.normal(size=(count, width, 5))
    amplitudes = 10.0 ** rng.uniform(-1.0, 1.0, size=(count, 1, 1))
    fields = amplitudes * np.matmul(planes[family].transpose(0, 2, 1), parts)
    return fields + 1e-5 * rng.normal(size=fields.shape), family


def candidate(**changes):
    values = {
        "n_clusters": 4,
        "n_modes": 2,
        "global_error": 0.2,
        "local_error": 0.1,
        "classified_error": float("nan"),
        "gain": 2.0,
        "gain_low": 1.9,
        "equivalent_modes": 5,
        "runs": 10,
        "global_runs": 4,
        "smallest_cluster": 8,
        "silhouette": 0.5,
    }
    return Candidate(**(values | changes))


def judged(limits=None, costs=None, **changes):
    return advise([candidate(**changes)], limits=limits or Limits(), costs=costs or Costs())


def test_families_are_worth_a_dictionary_of_as_many_clusters():
    fields, family = families()
    grid = Grid((2, 4), (1, 2))
    advice = efficiency_criterion(fields, family[:, None] * 1.0, grid=grid, rng=_rng())
    assert advice.chosen is not None
    best = advice.candidates[advice.chosen]
    assert best.n_clusters == 4
    assert best.saving >= 4
    assert "gain" in advice.recommendation


def test_one_family_is_not_worth_it():
    fields, family = families(n_families=1, width=6)
    grid = Grid((2, 4), (3, 6))
    advice = efficiency_criterion(fields, family[:, None] * 1.0, grid=grid, rng=_rng())
    assert advice.chosen is None
    assert "Not worth it" in advice.recommendation
    assert "gain" in advice.recommendation


def test_predicted_gain_is_that_of_simulations_never_seen():
    fields, family = families(800)
    grid = Grid((4,), (1,))
    advice = efficiency_criterion(fields[:200], np.zeros((200, 1)), grid=grid, rng=_rng())
    kept, new = fields[:200], fields[200:]
    one = width_curves(cluster_modes(kept), new, 1).mean()
    many = local_curves(kept, family[:200], new, family[200:], 1).mean()
    assert advice.candidates[0].gain == pytest.approx(one / many, rel=0.2)


def test_perfect_and_useless_classifiers():
    fields, family = families()

    def perfect(inputs, labels, new):
        known = dict(zip(inputs[:, 0], labels, strict=True))
        return np.array([known[value] for value in new[:, 0]])

    def useless(inputs, labels, new):
        return np.roll(perfect(inputs, labels, new), 1)

    good, bad = (
        efficiency_criterion(
            fields,
            family[:, None] * 1.0,
            grid=Grid((4,), (2,)),
            classify=classify,
            rng=_rng(),
        ).candidates[0]
        for classify in (perfect, useless)
    )
    assert good.classified_error == pytest.approx(good.local_error)
    assert bad.classified_error > 100 * good.classified_error
    assert bad.gain < 1.0
    assert not bad.worth_it


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gain": 1.1, "gain_low": 1.05}, "gain 1.10 .* below 1.2"),
        ({"equivalent_modes": 2}, "as many modes is as good"),
        ({"smallest_cluster": 3}, "smallest cluster holds 3 .* fewer than 5"),
        ({"limits": Limits(budget=9.0)}, "10 training runs take 10, more than the budget of 9"),
        (
            {"limits": Limits(queries=10), "costs": Costs(training=1.0, online=0.1)},
            "10 questions save 3 online, less than the 6 of extra training",
        ),
    ],
)
def test_each_reason_against_is_told(changes, words):
    advice = judged(**changes)
    assert advice.chosen is None
    assert re.search(words, advice.recommendation)


def test_many_questions_pay_for_the_training():
    advice = judged(Limits(queries=1000), Costs(training=1.0, online=0.1))
    assert advice.chosen == 0
    assert advice.candidates[0].saved_time == pytest.approx(300.0)
    assert advice.candidates[0].extra_time == pytest.approx(6.0)


def test_objective_chooses():
    found = [candidate(), candidate(n_modes=4, equivalent_modes=6, gain=9.0, gain_low=8.0)]
    chosen = {
        objective: advise(found, limits=Limits(), costs=Costs(), objective=objective).chosen
        for objective in Objective
    }
    assert chosen == {Objective.SAVING: 0, Objective.GAIN: 1}


def test_too_few_simulations_are_refused():
    with pytest.raises(ValueError, match="8 simulations in 5 folds leave 6 to make 16 clusters"):
        efficiency_criterion(families(8)[0], np.zeros((8, 1)), rng=_rng())


def test_zero_simulation_is_refused():
    with pytest.raises(AccuracyError, match="is zero"):
        width_curves(np.eye(2), np.zeros((1, 2, 1)), 1)


def test_width_curve_of_all_is_the_discarded_energy():
    fields, _ = families(20)
    curves = width_curves(cluster_modes(fields), fields, 30)
    energies = (fields**2).sum(axis=(1, 2))
    values = np.linalg.svd(fields.transpose(1, 0, 2).reshape(30, -1), compute_uv=False)
    left = np.append(np.cumsum(values[::-1] ** 2)[::-1][1:], 0.0)
    np.testing.assert_allclose((curves**2 * energies[:, None]).sum(axis=0), left, atol=1e-9)


def test_one_cluster_is_the_global_basis():
    fields, _ = families(20)
    none = np.zeros(20, dtype=np.int64)
    np.testing.assert_allclose(
        local_curves(fields, none, fields, none, 5), width_curves(cluster_modes(fields), fields, 5)
    )


def test_coordinates_keep_products():
    fields, _ = families(6)
    product = point_l2(np.linspace(1.0, 2.0, 30))
    sources = tuple(ArraySource(values) for values in fields)
    stacked = ArraySource(np.hstack(list(fields)))
    basis = pod(stacked, product, truncation=Truncation(rtol=1e-12), comm=ALONE)
    found = coordinates(sources, basis, product, ALONE)
    rows = [product @ values for values in fields]
    np.testing.assert_allclose(
        np.einsum("iat,jat->ij", found, found),
        [[(a * b).sum() for b in rows] for a in rows],
        rtol=1e-8,
        atol=1e-8,
    )


def test_farthest_first_covers_better_than_any_prefix_by_number():
    places = np.random.default_rng(0).uniform(size=50)
    matrix = np.abs(places[:, None] - places)
    order = farthest_first(matrix, 0, 8)
    assert len(set(order.tolist())) == 8
    assert matrix[:, order].min(axis=1).max() < matrix[:, :8].min(axis=1).max()


def test_more_directions_need_more_runs():
    few, many = (
        runs_needed(
            fields,
            np.zeros(40, dtype=np.int64),
            1.0 - np.eye(40),
            (fields, np.zeros(40, dtype=np.int64)),
            6,
        )[5]
        for fields in (_spread(2), _spread(6))
    )
    assert few < many


@pytest.mark.parametrize("strategy", Strategy)
def test_every_strategy_divides_all_and_assigns_others(strategy):
    fields, family = families()
    found = partition(strategy, fields[:60], family[:60, None] * 1.0, 4, _rng())
    assert set(found.labels) == set(range(found.n_clusters))
    told = found.assign(fields[60:], family[60:, None] * 1.0)
    assert told.shape == (20,)
    assert set(told) <= set(found.labels)


def test_angles_find_families_where_distances_are_misled_by_amplitudes():
    fields, family = families()

    def purity(strategy):
        found = partition(strategy, fields, family[:, None] * 1.0, 4, _rng()).labels
        return sum(np.bincount(family[found == label]).max() for label in set(found)) / len(family)

    assert purity(Strategy.SINE) == 1.0
    assert purity(Strategy.EUCLIDEAN) < 0.9
    assert purity(Strategy.SOLUTIONS) < 0.9


def test_thermal_trajectories_gain_at_two_modes_and_not_beyond():
    path = _SHARED / "data" / "romnet_clustering" / "trajectories.npz"
    if not path.is_file():
        pytest.skip(f"third-party trajectories not at {path}; set ROMNET_SHARED")
    with np.load(path) as data:
        fields, new = data["train"], data["test"]
    one = width_curves(cluster_modes(fields), new, 2)[:, 1].mean()
    for n_clusters, gain in ((2, 1.3), (4, 1.85), (8, 2.2), (16, 2.45)):
        found = partition(Strategy.SINE, fields, np.zeros((800, 1)), n_clusters, _rng())
        told = found.assign(new, np.zeros((200, 1)))
        many = local_curves(fields, found.labels, new, told, 2)[:, 1].mean()
        assert one / many == pytest.approx(gain, rel=0.05)
    advice = efficiency_criterion(
        fields[::2], np.zeros((400, 1)), grid=Grid((2, 8), (2, 3, 5)), rng=_rng()
    )
    assert [advice.verdict(n_modes) for n_modes in (2, 3, 5)] == [True, False, False]


def _spread(n_directions):
    """Simulations of one instant in a space of few directions."""
    rng = np.random.default_rng(0)
    fields = np.zeros((40, 8, 1))
    fields[:, :n_directions, 0] = rng.normal(size=(40, n_directions))
    return fields


def _rng():
    return np.random.default_rng(0)
