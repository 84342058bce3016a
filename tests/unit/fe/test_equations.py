"""Equations between dofs against the dense null space of the same equations."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from scipy.sparse import csr_matrix

from romnet.fe.equations import ContradictionError, Equations, eliminate


def random_equations(seed, n_equations=6, n_dofs=15, n_terms=3):
    rng = np.random.default_rng(seed)
    matrix = np.zeros((n_equations, n_dofs))
    for row in matrix:
        row[rng.choice(n_dofs, n_terms, replace=False)] = rng.normal(size=n_terms)
    held = np.zeros(n_dofs, dtype=bool)
    held[rng.choice(n_dofs, 2, replace=False)] = True
    values, held_values = rng.normal(size=(2, n_equations)), rng.normal(size=(2, n_dofs))
    return Equations(csr_matrix(matrix), values), held, held_values


@pytest.mark.parametrize("seed", range(8))
def test_every_displacement_of_the_masters_meets_the_equations(seed):
    equations, held, held_values = random_equations(seed)
    found = eliminate(equations, held, held_values)
    displacement = np.random.default_rng(seed + 100).normal(size=(2, held.size))
    displacement[:, held] = held_values[:, held]
    displacement[:, found.slaves] = 0.0
    free = np.where(held, 0.0, displacement)
    displacement[:, found.slaves] = (found.masters @ free.T).T + found.values
    scale = np.abs(displacement).max()
    np.testing.assert_allclose(
        equations.matrix @ displacement.T, equations.values.T, atol=1e-11 * scale
    )


@pytest.mark.parametrize("seed", range(8))
def test_as_many_dofs_stay_free_as_the_null_space_has_dimensions(seed):
    equations, held, held_values = random_equations(seed)
    found = eliminate(equations, held, held_values)
    matrix = equations.matrix.toarray()[:, ~held]
    null = scipy.linalg.null_space(matrix)
    assert (~held).sum() - found.slaves.size == null.shape[1]
    assert not np.isin(found.masters.indices, np.flatnonzero(held)).any()
    assert not np.isin(found.masters.indices, found.slaves).any()


def test_forces_do_the_same_work_on_masters_as_on_their_slaves():
    equations, held, held_values = random_equations(3)
    found = eliminate(equations, np.zeros_like(held), held_values)
    force, moved = np.random.default_rng(0).normal(size=(2, held.size))
    moved[found.slaves] = 0.0
    assert found.gathered(force) @ moved == pytest.approx(force @ found.expanded(moved), rel=1e-12)


def test_a_repeated_equation_changes_nothing_and_another_value_is_a_contradiction():
    row = np.array([[1.0, -2.0, 0.5]])
    twice, held = csr_matrix(np.vstack([row, 3.0 * row])), np.zeros(3, dtype=bool)
    none = np.zeros((1, 3))
    assert eliminate(Equations(twice, np.array([[0.1, 0.3]])), held, none).slaves.tolist() == [1]
    with pytest.raises(ContradictionError) as told:
        eliminate(Equations(twice, np.array([[0.1, 0.31]])), held, none)
    assert told.value.equation == 1


def test_dofs_to_keep_are_slaves_only_where_they_must():
    pair, held = csr_matrix(np.array([[1.0, -1.0]])), np.zeros(2, dtype=bool)
    kept, none = np.array([False, True]), np.zeros((0, 2))
    found = eliminate(Equations(pair, np.zeros((0, 1))), held, none, kept=kept)
    assert found.slaves.tolist() == [0]
    unequal = csr_matrix(np.array([[1.0, -4.0]]))
    found = eliminate(Equations(unequal, np.zeros((0, 1))), held, none, kept=kept)
    assert found.slaves.tolist() == [1]
