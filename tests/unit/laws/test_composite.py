"""A body of several materials answers as each material would alone."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.laws.composite import Heterogeneous
from romnet.laws.contract import ConstitutiveLaw, TimeStep
from romnet.laws.registry import build_law

STEP = TimeStep(0.0, 1.0)


@pytest.fixture
def body(j2):
    """Five points of three materials, one of which has no point."""
    soft = build_law(
        {"law": "elastic", "parameters": {"young": 1e3, "poisson": 0.2}}, n_components=6
    )
    hard = j2(kinematic=[{"modulus": 1e5, "recall": 1000.0}])
    unused = j2(kinematic=[{"modulus": 1e5, "recall": 1000.0}, {"modulus": 1.0, "recall": 0.0}])
    return Heterogeneous((hard, soft, unused), np.array([1, 0, 0, 1, 0]))


@pytest.fixture
def strain():
    return 3e-3 * np.random.default_rng(0).normal(size=(5, 6))


def answer(law, strain):
    warm = np.full(len(strain), 20.0)
    return law.integrate(0 * strain, strain, law.initial_state(warm), warm, warm, STEP)


def test_a_body_is_a_law(body):
    assert isinstance(body, ConstitutiveLaw)
    assert body.n_state == max(law.n_state for law in body.laws)
    assert not body.symmetric_tangent


def test_every_point_answers_with_its_own_law(body, strain):
    together = answer(body, strain)
    for point, number in enumerate(body.law_of_point):
        law = body.laws[number]
        alone = answer(law, strain[[point]])
        np.testing.assert_array_equal(together.stress[point], alone.stress[0])
        np.testing.assert_array_equal(together.tangent[point], alone.tangent[0])
        np.testing.assert_array_equal(together.state[point, : law.n_state], alone.state[0])
        assert not together.state[point, law.n_state :].any()


def test_a_field_is_zero_where_the_law_has_none(body, strain):
    state = answer(body, strain).state
    p = body.field(state, "p")
    assert p.shape == (5, 1)
    assert (p[[1, 2, 4]] > 0.0).all()
    assert not p[[0, 3]].any()
    assert not body.field(state, "back_strain_2").any()
    np.testing.assert_array_equal(body.field(state, "stress"), answer(body, strain).stress)
    with pytest.raises(KeyError, match="no law has a field 'q'; there are: stress"):
        body.field(state, "q")


def test_a_part_of_a_body_answers_as_the_body(body, strain):
    points = np.array([4, 0, 1])
    part = body.restricted_to(points)
    np.testing.assert_array_equal(
        answer(part, strain[points]).state, answer(body, strain).state[points]
    )
    warm = np.full(3, 20.0)
    rows = answer(body, strain).state[points]
    again = part.integrate(strain[points], strain[points], rows, warm, warm, STEP)
    assert again.state.shape == rows.shape


def test_points_of_one_law_keep_a_body_s_state_width(body, strain):
    part = body.restricted_to(np.array([0, 3]))
    response = answer(part, strain[[0, 3]])
    assert response.state.shape == (2, body.n_state)
    assert part.symmetric_tangent


def test_one_law_is_passed_through_without_copies(j2, strain):
    law = j2(kinematic=[{"modulus": 1e5, "recall": 1000.0}])
    body = Heterogeneous((law,), np.zeros(5, dtype=np.int64))
    state = answer(body, strain).state
    assert np.shares_memory(body.field(state, "stress"), state)
    np.testing.assert_array_equal(state, answer(law, strain).state)


def test_failing_points_have_the_numbers_of_the_body(body, strain):
    poisoned = strain.copy()
    poisoned[[3, 1]] = np.nan
    response = answer(body, poisoned)
    assert response.failed.tolist() == [1, 3]
    assert response.step_factor == 0.5


def test_laws_that_do_not_fit_together_are_refused(j2):
    with pytest.raises(ValueError, match="same number of components, got"):
        Heterogeneous((j2(4), j2(6)), np.zeros(1, dtype=np.int64))
    with pytest.raises(ValueError, match="points name laws 0 to 1, but there are 1"):
        Heterogeneous((j2(),), np.array([0, 1]))
    with pytest.raises(ValueError, match="laws of 1 points, got 2 rows"):
        Heterogeneous((j2(),), np.zeros(1, dtype=np.int64)).initial_state(np.zeros(2))
