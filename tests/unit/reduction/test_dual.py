"""Dual scalars by name."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.core.errors import StudyError
from romnet.core.tensors import VOIGT
from romnet.reduction.dual import dual_scalars
from romnet.reduction.model import mask_points


@pytest.fixture
def laws(structure):
    return structure(divisions=(1, 1, 1)).laws


def test_a_tensor_becomes_one_scalar_for_each_component(laws):
    names = [scalar.name for scalar in dual_scalars(("p", "stress"), laws)]
    assert names == ["p", *(f"stress_{component}" for component in VOIGT)]


def test_each_scalar_reads_its_own_column(laws):
    state = np.random.default_rng(0).normal(size=(laws.n_points, laws.n_state))
    for scalar in dual_scalars(("stress", "p", "viscoplastic_strain"), laws):
        whole = laws.field(state, scalar.field)
        assert whole.shape[1] == scalar.width
        np.testing.assert_array_equal(scalar.of(laws, state), whole[:, scalar.column])


def test_an_unknown_field_is_refused_with_those_there_are(laws):
    with pytest.raises(StudyError, match=r"no material has a field 'damage'; there are: .*stress"):
        dual_scalars(("p", "damage"), laws)


def test_the_mask_starts_with_the_quadrature_in_its_order_and_names_no_point_twice():
    mask = mask_points(np.array([3, 7, 11]), np.array([7, 2, 2, 12]))
    assert mask.tolist() == [3, 7, 11, 2, 12]
    assert mask_points(np.array([3]), np.zeros(0, dtype=np.int64)).tolist() == [3]
