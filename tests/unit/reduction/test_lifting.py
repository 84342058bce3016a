"""Distances of loads, choice of instants, further modes: against plain linear algebra."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from romnet.core.communicator import SerialCommunicator
from romnet.fe.inner_products import InnerProduct
from romnet.reduction.lifting import distance_outside, farthest_instants, further_modes

COMM = SerialCommunicator()


def test_distance_is_the_sine_of_the_angle():
    angle = 0.3
    asked = np.array([[np.cos(angle)], [np.sin(angle)], [0.0]])
    assert distance_outside(asked, np.eye(3)[:, :1], COMM) == pytest.approx(np.sin(angle))


def test_dependent_and_zero_training_loads_do_no_harm():
    trained = np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 0.0]])
    assert distance_outside(np.array([[7.0], [0.0]]), trained, COMM) < 1e-12
    assert distance_outside(np.array([[0.0], [7.0]]), trained, COMM) == pytest.approx(1.0)
    assert distance_outside(np.ones((2, 1)), np.zeros((2, 0)), COMM) == pytest.approx(1.0)
    assert distance_outside(np.zeros((2, 1)), trained, COMM) == 0.0


def test_instants_of_equal_load_are_chosen_once():
    loads = np.array([[0.0, 1.0, 1.0, 0.0]])
    assert farthest_instants(loads, 4).tolist() == [1]


def test_no_load_at_all_chooses_nothing():
    assert farthest_instants(np.zeros((2, 5)), 3).size == 0


def test_further_modes_complete_the_basis():
    generator = np.random.default_rng(5)
    mass = scipy.sparse.diags(generator.uniform(0.5, 2.0, 30)).tocsr()
    product = InnerProduct("weighted", mass)
    modes = np.linalg.qr(mass @ generator.standard_normal((30, 4)))[0]
    modes = scipy.sparse.linalg.spsolve(mass.tocsc(), modes)
    responses = modes @ generator.standard_normal((4, 3)) + 1e-3 * generator.standard_normal(
        (30, 3)
    )
    new = further_modes(modes, responses, product, COMM, rtol=1e-9)
    both = mass @ np.hstack([modes, new])
    assert np.abs(both.T @ both - np.eye(7)).max() < 1e-10
    rest = mass @ responses - both @ (both.T @ (mass @ responses))
    assert np.abs(rest).max() < 1e-10


def test_responses_in_the_span_need_no_mode():
    modes = np.eye(5)[:, :2]
    plain = InnerProduct("identity", scipy.sparse.identity(5, format="csr"))
    assert further_modes(modes, 3.0 * modes, plain, COMM, rtol=1e-9).shape == (5, 0)
    assert further_modes(modes, np.zeros((5, 0)), plain, COMM, rtol=1e-9).shape == (5, 0)
