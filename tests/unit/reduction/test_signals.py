"""Distances to the loads of the training."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.fe.history import Amplitude, SeparatedField
from romnet.reduction.model import ReducedLoading
from romnet.reduction.signals import LoadSpace

TIMES = np.array([0.0, 1.0, 2.0])
TENT = Amplitude(TIMES, np.array([0.0, 1.0, 0.0]))


def heated(pattern, *, force=1.0):
    return ReducedLoading(
        name="case",
        times=TIMES,
        force=SeparatedField((TENT,), np.array([[force, 0.0]])),
        temperature=SeparatedField((TENT,), np.array([pattern], dtype=float)),
        lift_strain=SeparatedField.zero(6 * len(pattern)),
    )


def test_training_loads_are_at_no_distance():
    space = LoadSpace.of([heated([100.0, 50.0, 0.0]), heated([0.0, 50.0, 0.0])])
    np.testing.assert_allclose(space.distances(heated([0.0, 50.0, 0.0])), 0.0, atol=1e-12)


def test_another_pattern_is_as_far_as_the_angle_between_them():
    space = LoadSpace.of([heated([100.0, 0.0], force=0.0)])
    # 45 degrees from the training pattern, of the same size: one over root two away
    turned = heated([100.0 / np.sqrt(2.0), 100.0 / np.sqrt(2.0)], force=0.0)
    assert space.distances(turned)[1] == pytest.approx(np.sqrt(0.5), rel=1e-12)


def test_less_of_the_same_load_lies_on_its_path():
    space = LoadSpace.of([heated([100.0, 50.0], force=3.0)])
    np.testing.assert_allclose(space.distances(heated([50.0, 25.0], force=1.5)), 0.0, atol=1e-12)


def test_more_of_the_same_load_lies_beyond_its_end():
    space = LoadSpace.of([heated([100.0, 50.0], force=0.0)])
    assert space.distances(heated([150.0, 75.0], force=0.0))[1] == pytest.approx(0.5)
