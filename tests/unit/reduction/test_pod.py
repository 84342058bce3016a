"""POD: best subspaces, orthonormal modes, honest truncation; the truth is a dense SVD."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from romnet.core.communicator import SerialCommunicator
from romnet.core.errors import AccuracyError
from romnet.core.snapshots import ArraySource
from romnet.fe.inner_products import InnerProduct, h1_seminorm, identity, l2_mass, point_l2
from romnet.fe.structured import box_mesh
from romnet.reduction import blocks
from romnet.reduction.basis import ReducedBasis, Truncation
from romnet.reduction.pod import Factorisation, component_pods, pod
from romnet.reduction.projection import orthonormalised, project, projection_errors
from romnet.reduction.tsqr import triangular_factor

ALONE = SerialCommunicator()
MESH = box_mesh((1.0, 1.0, 1.0), (2, 2, 2))
PRODUCTS = {
    "identity": identity(np.ones(MESH.n_dofs, dtype=bool)),
    "l2": l2_mass(MESH),
    "h1": h1_seminorm(MESH),
}
names = pytest.mark.parametrize("name", PRODUCTS)
ways = pytest.mark.parametrize("factorisation", Factorisation)


def snapshots(n, *, spread=3.0, seed=0, n_dofs=MESH.n_dofs):
    """Random snapshots whose singular values fall over `spread` decades."""
    rng = np.random.default_rng(seed)
    rank = min(n, n_dofs)
    left, _ = np.linalg.qr(rng.normal(size=(n_dofs, rank)))
    right, _ = np.linalg.qr(rng.normal(size=(n, rank)))
    return left * 10.0 ** -np.linspace(0.0, spread, rank) @ right.T


def basis_of(values, product, *, factorisation=Factorisation.TSQR, **truncation):
    return pod(
        ArraySource(values),
        product,
        truncation=Truncation(**truncation),
        comm=ALONE,
        factorisation=factorisation,
    )


def defect(basis: ReducedBasis, product: InnerProduct) -> float:
    """Distance of the Gram matrix of the modes from the identity."""
    weighted = product.factor @ basis.modes
    return float(np.abs(weighted.T @ weighted - np.eye(basis.n_modes)).max())


@names
@ways
def test_singular_values_are_those_of_the_weighted_snapshots(name, factorisation):
    values, product = snapshots(7), PRODUCTS[name]
    expected = np.linalg.svd(product.factor @ values, compute_uv=False)
    found = basis_of(values, product, factorisation=factorisation).singular_values
    np.testing.assert_allclose(found, expected, rtol=1e-8)


@names
@pytest.mark.parametrize("kept", [1, 3, 6])
def test_projection_error_is_the_discarded_energy(name, kept):
    values, product = snapshots(7), PRODUCTS[name]
    basis = basis_of(values, product, modes=kept)
    weighted = product.factor @ values
    tail = np.linalg.svd(weighted, compute_uv=False)[kept:]
    coefficients = project(basis, ArraySource(values), product, ALONE)
    rest = weighted - product.factor @ (basis.modes @ coefficients)
    assert np.linalg.norm(rest) == pytest.approx(np.linalg.norm(tail), rel=1e-10)
    total = np.linalg.norm(weighted)
    assert basis.relative_error == pytest.approx(np.linalg.norm(tail) / total, rel=1e-10)


def test_no_other_subspace_of_that_size_is_better():
    values, product = snapshots(6), PRODUCTS["l2"]
    best = basis_of(values, product, modes=3)
    energy = np.linalg.norm(product.factor @ values, axis=0) ** 2
    least = (projection_errors(best, ArraySource(values), product, ALONE) ** 2) @ energy
    rng = np.random.default_rng(5)
    for size in (1e-3, 1e-1, 1.0):
        moved = best.modes + size * rng.normal(size=best.modes.shape)
        other = ReducedBasis(orthonormalised(moved, product, ALONE), best.singular_values, "l2")
        assert (projection_errors(other, ArraySource(values), product, ALONE) ** 2) @ energy > least


@names
@ways
@pytest.mark.parametrize("spread", [0.0, 4.0, 8.0, 14.0])
def test_modes_are_orthonormal_whatever_the_decay(name, factorisation, spread):
    basis = basis_of(snapshots(12, spread=spread), PRODUCTS[name], factorisation=factorisation)
    assert defect(basis, PRODUCTS[name]) < 1e-10


@given(
    st.integers(1, 6),
    st.lists(st.sampled_from(["zero", "repeat", "opposite", "tiny"]), max_size=3),
    st.sampled_from(sorted(PRODUCTS)),
    st.sampled_from(list(Factorisation)),
    st.floats(0.0, 8.0),
)
def test_degenerate_snapshots_give_orthonormal_modes_that_span_them(n, extra, name, way, spread):
    values, product = snapshots(n, spread=spread), PRODUCTS[name]
    more = {
        "zero": 0.0 * values[:, 0],
        "repeat": values[:, -1],
        "opposite": -values[:, 0],
        "tiny": 1e-300 * values[:, 0],
    }
    values = np.column_stack([values, *[more[kind] for kind in extra]])
    before = values.copy()
    basis = basis_of(values, product, factorisation=way, rtol=1e-6)
    assert defect(basis, product) < 1e-10
    assert basis.n_modes <= n
    assert (values == before).all()
    # Energy left out: at most rtol^2 of the whole, beyond what the correlation matrix can see.
    weighted = product.factor @ values
    coefficients = project(basis, ArraySource(values), product, ALONE)
    rest = weighted - product.factor @ (basis.modes @ coefficients)
    assert np.linalg.norm(rest) <= 1.1e-6 * np.linalg.norm(weighted)


@ways
def test_one_snapshot_is_its_own_basis(factorisation):
    values, product = snapshots(1), PRODUCTS["l2"]
    basis = basis_of(values, product, factorisation=factorisation, rtol=1e-6)
    length = np.linalg.norm(product.factor @ values)
    np.testing.assert_allclose(np.abs(basis.modes), np.abs(values) / length, atol=1e-13)


@ways
def test_more_snapshots_than_dofs_leave_at_most_as_many_modes_as_dofs(factorisation):
    product = identity(np.ones(5, dtype=bool))
    basis = basis_of(snapshots(9, n_dofs=5), product, factorisation=factorisation)
    assert basis.n_modes == 5
    assert defect(basis, product) < 1e-10


@ways
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_snapshot_that_is_not_finite_is_refused(factorisation, bad):
    values = snapshots(3)
    values[40, 1] = bad
    with (
        np.errstate(invalid="ignore"),
        pytest.raises(AccuracyError, match="NaN or infinite"),
    ):
        basis_of(values, PRODUCTS["identity"], factorisation=factorisation)


@ways
def test_snapshots_that_are_all_zero_are_refused(factorisation):
    with pytest.raises(AccuracyError, match="all snapshots are zero"):
        basis_of(np.zeros((81, 3)), PRODUCTS["l2"], factorisation=factorisation)


@names
def test_all_factorisations_agree_on_the_leading_subspace(name):
    values, product = snapshots(8, spread=6.0), PRODUCTS[name]
    first, *others = (
        product.factor @ basis_of(values, product, factorisation=way, modes=5).modes
        for way in Factorisation
    )
    for second in others:
        assert np.abs(first @ first.T - second @ second.T).max() < 1e-6
        # The first direction is seen with all digits by all.
        one, two = first[:, :1], second[:, :1]
        assert np.abs(one @ one.T - two @ two.T).max() < 1e-12


def test_the_correlation_matrix_is_blind_below_1e_8_and_the_triangular_factor_is_not():
    values, product = snapshots(6, spread=12.0), PRODUCTS["identity"]
    truth = 10.0 ** -np.linspace(0.0, 12.0, 6)
    exact = basis_of(values, product)
    blind = basis_of(values, product, factorisation=Factorisation.GRAM)
    np.testing.assert_allclose(exact.singular_values, truth, rtol=1e-3)
    assert exact.n_modes == 6
    assert blind.n_modes == np.count_nonzero(truth > 1e-8)
    assert not blind.singular_values[blind.n_modes :].any()


def test_the_modes_kept_give_their_singular_values_back_their_digits():
    values, product = snapshots(8, spread=7.0), PRODUCTS["identity"]
    truth = 10.0 ** -np.linspace(0.0, 7.0, 8)
    errors = {}
    for way in Factorisation:
        basis = basis_of(values, product, factorisation=way, rtol=1e-6)
        kept = basis.singular_values[: basis.n_modes]
        errors[way.name] = np.abs(kept / truth[: basis.n_modes] - 1.0).max()
    assert errors["RITZ"] < 1e-8, errors
    assert errors["GRAM"] > 1e-6, errors
    assert errors["TSQR"] < 1e-8


@pytest.mark.parametrize("rows", [7, 50, 10_000])
def test_the_basis_does_not_depend_on_the_size_of_the_row_blocks(rows, monkeypatch):
    values, product = snapshots(5), PRODUCTS["h1"]
    whole = basis_of(values, product, rtol=1e-4)
    monkeypatch.setattr(blocks, "block_rows", lambda *_: rows)
    pieces = basis_of(values, product, rtol=1e-4)
    np.testing.assert_allclose(pieces.modes, whole.modes, atol=1e-12)
    errors = projection_errors(pieces, ArraySource(values), product, ALONE)
    assert errors.max() < 1.0


def test_signs_are_fixed_by_the_snapshots_and_not_by_rounding():
    values, product = snapshots(5), PRODUCTS["l2"]
    basis = basis_of(values, product)
    shaken = basis_of(values * (1.0 + 1e-14), product)
    np.testing.assert_allclose(shaken.modes, basis.modes, atol=1e-9)


def brute_force_count(values, rtol):
    """Truncation rule, read aloud."""
    n_size = sum(value > rtol * values[0] for value in values)
    energy = [sum(v**2 for v in values[:n]) for n in range(len(values) + 1)]
    n_energy = next(n for n, e in enumerate(energy) if e >= (1.0 - rtol**2) * energy[-1])
    return max(n_size, n_energy)


@given(
    st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=12),
    st.sampled_from([1e-1, 1e-2, 1e-3, 0.5]),
    st.one_of(st.none(), st.integers(1, 15)),
)
def test_truncation_is_the_published_rule_cut_at_the_number_of_modes_asked_for(values, rtol, modes):
    values = np.sort(values)[::-1]
    expected = brute_force_count(values, rtol)
    if modes is not None:
        expected = min(expected, modes)
    assert Truncation(rtol=rtol, modes=modes).count(values) == expected


def test_many_small_values_together_may_weigh_more_than_the_tolerance():
    # Each below half of the first; four of eleven may go until the rest weighs a quarter.
    assert Truncation(rtol=0.5).count(np.array([1.0] + [0.4] * 11)) == 8


def test_one_value_above_the_tolerance_is_kept_though_it_weighs_little():
    assert Truncation(rtol=0.1).count(np.array([1.0] * 50 + [0.2])) == 51


def test_truncation_at_zero_keeps_all_but_rounding():
    assert Truncation().count(np.array([1.0, 1e-10, 1e-16, 0.0])) == 2


@pytest.mark.parametrize("rtol", [-1e-3, 1.0, np.nan])
def test_a_tolerance_outside_its_range_is_refused(rtol):
    with pytest.raises(ValueError, match=r"rtol must lie in \[0, 1\)"):
        Truncation(rtol=rtol)


def test_fewer_than_one_mode_is_refused():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        Truncation(modes=0)


def test_components_have_the_bases_that_each_would_have_alone():
    field = np.random.default_rng(3).normal(size=(40, 3, 5)) @ np.diag(10.0 ** -np.arange(5))
    field[:, 1] = 0.0
    weights = np.random.default_rng(4).uniform(0.5, 2.0, 40)
    found = component_pods(
        ArraySource(field.reshape(120, 5)),
        point_l2(weights, 3),
        3,
        truncation=Truncation(rtol=1e-3),
        comm=ALONE,
    )
    assert found[1] is None
    for component in (0, 2):
        alone = basis_of(np.ascontiguousarray(field[:, component]), point_l2(weights), rtol=1e-3)
        np.testing.assert_allclose(found[component].modes, alone.modes, atol=1e-12)
        np.testing.assert_allclose(found[component].singular_values, alone.singular_values)


@given(st.integers(1, 6), st.lists(st.integers(0, 9), min_size=1, max_size=5))
def test_the_triangular_factor_has_the_gram_matrix_of_all_blocks(n_columns, sizes):
    rng = np.random.default_rng(2)
    blocks = [rng.normal(size=(size, n_columns)) for size in sizes]
    rows = np.vstack(blocks)
    factor = triangular_factor(blocks, n_columns, ALONE)
    assert factor.shape[0] <= n_columns
    np.testing.assert_allclose(factor.T @ factor, rows.T @ rows, atol=1e-12)


def test_orthonormalising_keeps_the_nested_spans():
    product = PRODUCTS["l2"]
    skew = snapshots(5, spread=1.0)
    modes = orthonormalised(skew, product, ALONE)
    weighted = product.factor @ modes
    np.testing.assert_allclose(weighted.T @ weighted, np.eye(5), atol=1e-13)
    for n in range(1, 6):
        inside = modes[:, :n] @ np.linalg.lstsq(modes[:, :n], skew[:, :n], rcond=None)[0]
        np.testing.assert_allclose(inside, skew[:, :n], atol=1e-12)


def test_projection_errors_are_relative_and_zero_for_nothing():
    values, product = snapshots(4), PRODUCTS["l2"]
    basis = basis_of(values[:, :2], product)
    asked = np.column_stack([values[:, 0], 5.0 * values[:, 3], 0.0 * values[:, 0]])
    errors = projection_errors(basis, ArraySource(asked), product, ALONE)
    weighted, modes = product.factor @ asked, product.factor @ basis.modes
    rest = weighted[:, 1] - modes @ np.linalg.lstsq(modes, weighted[:, 1], rcond=None)[0]
    assert errors[0] < 1e-12
    assert errors[1] == pytest.approx(
        np.linalg.norm(rest) / np.linalg.norm(weighted[:, 1]), rel=1e-10
    )
    assert errors[2] == 0.0
