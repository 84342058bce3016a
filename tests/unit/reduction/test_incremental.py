"""Streamed POD against the POD of all snapshots at once."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.core.communicator import SerialCommunicator
from romnet.core.errors import AccuracyError
from romnet.core.snapshots import ArraySource
from romnet.fe.inner_products import h1_seminorm, identity, l2_mass
from romnet.fe.structured import box_mesh
from romnet.reduction.basis import ReducedBasis, Truncation
from romnet.reduction.incremental import incremental_pod, updated

ALONE = SerialCommunicator()
MESH = box_mesh((1.0, 1.0, 1.0), (2, 2, 2))
PRODUCTS = {
    "identity": identity(np.ones(MESH.n_dofs, dtype=bool)),
    "l2": l2_mass(MESH),
    "h1": h1_seminorm(MESH),
}


def snapshots(n, spread, seed=0):
    rng = np.random.default_rng(seed)
    left = np.linalg.qr(rng.normal(size=(MESH.n_dofs, n)))[0]
    right = np.linalg.qr(rng.normal(size=(n, n)))[0]
    return left * 10.0 ** -np.linspace(0.0, spread, n) @ right.T


def streamed(values, product, batch, **truncation):
    return incremental_pod(
        ArraySource(values), product, truncation=Truncation(**truncation), comm=ALONE, batch=batch
    )


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("batch", [1, 3, 20])
@pytest.mark.parametrize("spread", [0.0, 3.0, 10.0])
def test_without_truncation_the_singular_values_are_those_of_all_snapshots(name, batch, spread):
    values, product = snapshots(12, spread), PRODUCTS[name]
    basis = streamed(values, product, batch)
    exact = np.linalg.svd(product @ values, compute_uv=False)
    np.testing.assert_allclose(basis.singular_values[:12], exact, rtol=1e-4, atol=1e-14 * exact[0])
    weighted = product @ basis.modes
    assert np.abs(weighted.T @ weighted - np.eye(basis.n_modes)).max() < 1e-13


@pytest.mark.parametrize("batch", [1, 4])
def test_the_error_it_tells_is_the_projection_error_of_all_snapshots(batch):
    values, product = snapshots(15, 6.0), PRODUCTS["l2"]
    basis = streamed(values, product, batch, rtol=1e-3)
    weighted, modes = product @ values, product @ basis.modes
    error = np.linalg.norm(weighted - modes @ (modes.T @ weighted)) / np.linalg.norm(weighted)
    # What a truncation leaves out, later modes may see again: never more than told.
    assert 0.3 * basis.relative_error < error <= basis.relative_error * (1.0 + 1e-10)
    assert basis.relative_error < np.sqrt(15.0) * 1e-3
    energy = np.linalg.norm(weighted) ** 2
    assert (basis.singular_values**2).sum() == pytest.approx(energy, rel=1e-12)


def test_snapshots_inside_the_basis_add_no_mode_and_no_direction():
    values, product = snapshots(4, 1.0), PRODUCTS["l2"]
    basis = streamed(values, product, 4)
    again = updated(basis, values @ np.ones((4, 2)), product, truncation=Truncation(), comm=ALONE)
    assert again.n_modes == 4
    one, two = product @ basis.modes, product @ again.modes
    np.testing.assert_allclose(one @ one.T, two @ two.T, atol=1e-12)


def test_zero_snapshots_first_change_nothing_and_alone_are_refused():
    values, product = snapshots(4, 2.0), PRODUCTS["l2"]
    padded = np.column_stack([np.zeros((len(values), 2)), values])
    np.testing.assert_allclose(
        streamed(padded, product, 2).singular_values[:4],
        streamed(values, product, 2).singular_values[:4],
        rtol=1e-12,
    )
    with pytest.raises(AccuracyError, match="all snapshots are zero"):
        streamed(0.0 * values, product, 3)


def test_values_that_are_not_finite_and_empty_batches_are_refused():
    values = snapshots(4, 2.0)
    values[3, 2] = np.nan
    with pytest.raises(AccuracyError, match="NaN"):
        streamed(values, PRODUCTS["identity"], 2)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        streamed(values, PRODUCTS["identity"], 0)


def test_a_basis_of_another_order_of_magnitude_is_truncated_relative_to_the_new_first_value():
    product = identity(np.ones(3, dtype=bool))
    basis = ReducedBasis(np.eye(3)[:, :1], np.array([1e-6]), "identity")
    found = updated(basis, np.eye(3)[:, 1:2], product, truncation=Truncation(rtol=1e-3), comm=ALONE)
    np.testing.assert_allclose(found.modes, np.eye(3)[:, 1:2], atol=1e-12)
    np.testing.assert_allclose(found.singular_values, [1.0, 1e-6])
