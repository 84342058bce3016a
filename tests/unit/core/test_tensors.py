"""Voigt tensors against the full 3 x 3 ones."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from romnet.core.tensors import VOIGT, n_components, to_voigt, von_mises

ORDERS = st.sampled_from(list(permutations(VOIGT)))
TENSORS = arrays(float, (3, 6), elements=st.floats(-1e3, 1e3))


def full(components):
    """Symmetric 3 x 3 matrices of Voigt components (tensor shear)."""
    matrices = np.zeros((*components.shape[:-1], 3, 3))
    for column, name in enumerate(VOIGT[: components.shape[-1]]):
        row, other = int(name[0]) - 1, int(name[1]) - 1
        matrices[..., row, other] = matrices[..., other, row] = components[..., column]
    return matrices


def test_space_has_six_components_and_plane_strain_four():
    assert (n_components(3), n_components(2)) == (6, 4)


@given(TENSORS, ORDERS)
def test_every_component_keeps_its_name(foreign, order):
    ours = to_voigt(foreign, order, quantity="stress")
    for column, name in enumerate(VOIGT):
        assert (ours[:, column] == foreign[:, order.index(name)]).all()


@given(TENSORS, ORDERS)
def test_converting_there_and_back_is_the_identity(ours, order):
    there = ours[:, [VOIGT.index(name) for name in order]]
    assert (to_voigt(there, order, quantity="stress") == ours).all()


@given(TENSORS)
def test_our_own_order_is_left_alone(ours):
    assert (to_voigt(ours, VOIGT, quantity="strain", tensor_shear=False) == ours).all()


@given(TENSORS, TENSORS, ORDERS)
def test_work_is_the_double_contraction_of_the_full_tensors(stress, strain, order):
    work = (
        to_voigt(stress, order, quantity="stress") * to_voigt(strain, order, quantity="strain")
    ).sum(axis=1)
    back = [order.index(name) for name in VOIGT]
    expected = np.einsum("kij,kij->k", full(stress[:, back]), full(strain[:, back]))
    np.testing.assert_allclose(work, expected, rtol=1e-12, atol=1e-8)


def test_the_argument_is_not_changed():
    foreign = np.ones((2, 6))
    to_voigt(foreign, VOIGT, quantity="strain")
    assert (foreign == 1.0).all()


def test_the_name_of_a_shear_may_be_read_either_way():
    values = np.arange(6.0)
    turned = ("11", "22", "33", "21", "31", "32")
    assert (to_voigt(values, turned, quantity="stress") == values).all()


@pytest.mark.parametrize("order", [("11", "22"), ("11", "22", "33", "12", "13", "13")])
def test_an_order_that_is_no_permutation_is_refused(order):
    if len(order) == 2:
        order = ("11", "12")
    with pytest.raises(ValueError, match="not a permutation"):
        to_voigt(np.zeros(len(order)), order, quantity="stress")


@given(st.sampled_from([4, 6]), st.data())
def test_von_mises_is_the_norm_of_the_full_deviator(n, data):
    stress = data.draw(arrays(float, (5, n), elements=st.floats(-1e3, 1e3)))
    tensor = full(stress)
    deviator = tensor - np.trace(tensor, axis1=1, axis2=2)[:, None, None] / 3.0 * np.eye(3)
    expected = np.sqrt(1.5 * np.einsum("kij,kij->k", deviator, deviator))
    np.testing.assert_allclose(von_mises(stress), expected, rtol=1e-10, atol=1e-9)


def test_von_mises_does_not_see_a_rotation():
    rng = np.random.default_rng(1)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    stress = rng.normal(size=(4, 6))
    turned = rotation @ full(stress) @ rotation.T
    voigt = np.stack([turned[:, int(n[0]) - 1, int(n[1]) - 1] for n in VOIGT], axis=1)
    np.testing.assert_allclose(von_mises(voigt), von_mises(stress), rtol=1e-12)
