"""POD from one reading: as good as asked for, or not at all; the truth is a dense SVD."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from romnet.core.communicator import SerialCommunicator
from romnet.core.errors import AccuracyError
from romnet.core.snapshots import ArraySource, in_sample
from romnet.fe.inner_products import h1_seminorm, identity, l2_mass
from romnet.fe.structured import box_mesh
from romnet.reduction import pod as pods
from romnet.reduction.basis import Truncation
from romnet.reduction.one_pass import one_pass_pod
from romnet.reduction.pod import Factorisation, pod

ALONE = SerialCommunicator()
MESH = box_mesh((1.0, 1.0, 1.0), (11, 11, 11))
PRODUCTS = {
    "identity": identity(np.ones(MESH.n_dofs, dtype=bool)),
    "l2": l2_mass(MESH),
    "h1": h1_seminorm(MESH),
}
N = 60
SAMPLE = np.arange(0, MESH.n_dofs, 16)
TOLERANCE = 1e-4


def snapshots(*, decades=12.0, seed=0):
    """Fields of cosines, spread over the mesh, whose amplitudes fall over some decades."""
    rng = np.random.default_rng(seed)
    waves = 6.0 * rng.uniform(-1.0, 1.0, size=(N, 3))
    nodal = np.cos(MESH.nodes @ waves.T + rng.uniform(0.0, 6.0, size=N))
    every = np.repeat(nodal, 3, axis=0) * (1.0 + np.tile([0.0, 0.5, 1.0], MESH.n_nodes))[:, None]
    right, _ = np.linalg.qr(rng.normal(size=(N, N)))
    return every * 10.0 ** -np.linspace(0.0, decades, N) @ right


def read_once(values, product, *, sample=SAMPLE, memory=2**28):
    return one_pass_pod(
        ArraySource(values),
        product,
        sample=sample,
        truncation=Truncation(rtol=TOLERANCE),
        comm=ALONE,
        memory=memory,
    )


@dataclass
class Counted:
    """Snapshots that know how often each row was read."""

    values: np.ndarray
    n_read: np.ndarray = field(init=False)

    def __post_init__(self):
        self.n_read = np.zeros(len(self.values), dtype=int)

    n_rows = property(lambda self: self.values.shape[0])
    n_snapshots = property(lambda self: self.values.shape[1])

    def rows(self, numbers):
        self.n_read[numbers] += 1
        return self.values[numbers]

    def column(self, number):
        return self.values[:, number]


@pytest.mark.parametrize("name", PRODUCTS)
def test_it_leaves_no_more_than_the_tolerance_with_orthonormal_modes(name):
    values, product = snapshots(), PRODUCTS[name]
    basis = read_once(values, product)
    modes, weighted = product.factor @ basis.modes, product.factor @ values
    assert np.abs(modes.T @ modes - np.eye(basis.n_modes)).max() < 1e-12
    rest = weighted - modes @ (modes.T @ weighted)
    assert np.linalg.norm(rest) < TOLERANCE * np.linalg.norm(weighted)
    exact = np.linalg.svd(weighted, compute_uv=False)
    best = Truncation(rtol=TOLERANCE).count(exact)
    assert best <= basis.n_modes <= best + 3
    found = basis.singular_values
    np.testing.assert_allclose(found[: best - 3], exact[: best - 3], rtol=1e-3)
    assert np.sum(found**2) == pytest.approx(np.sum(exact**2), rel=1e-9)
    assert (np.diff(found) <= 0.0).all()


def test_every_row_is_read_once_and_those_of_the_sample_once_more():
    source = Counted(snapshots())
    expected = np.ones(source.n_rows)
    expected[SAMPLE] += 1
    basis = one_pass_pod(
        source,
        PRODUCTS["l2"],
        sample=SAMPLE,
        truncation=Truncation(rtol=TOLERANCE),
        comm=ALONE,
    )
    assert basis is not None
    np.testing.assert_array_equal(source.n_read, expected)


def test_what_the_sample_does_not_see_is_witnessed():
    values = snapshots()
    hidden = np.setdiff1d(np.arange(MESH.n_dofs), SAMPLE)[:40]
    values[hidden] += np.random.default_rng(1).normal(size=(40, N))
    assert read_once(values, PRODUCTS["identity"]) is None


@pytest.mark.parametrize(
    ("values", "memory"),
    [
        (snapshots(), 2**12),  # combinations that are no modes in the end find no place
        (snapshots(decades=0.0), 2**28),  # nearly as many combinations as snapshots
        (np.zeros((MESH.n_dofs, N)), 2**28),
    ],
)
def test_where_it_would_not_pay_it_is_not_tried(values, memory):
    source = Counted(values)
    basis = one_pass_pod(
        source,
        PRODUCTS["identity"],
        sample=SAMPLE,
        truncation=Truncation(rtol=TOLERANCE),
        comm=ALONE,
        memory=memory,
    )
    assert basis is None
    assert source.n_read.sum() == len(SAMPLE)


@pytest.mark.parametrize("row", [0, 5])
def test_values_that_are_not_finite_are_refused(row):
    values = snapshots()
    values[row, 3] = np.nan
    with pytest.raises(AccuracyError, match="NaN"):
        read_once(values, PRODUCTS["identity"])


def test_without_a_guess_that_holds_the_snapshots_are_read_twice(monkeypatch):
    monkeypatch.setattr(pods, "_LARGE", 1)
    values, product = snapshots(), PRODUCTS["l2"]
    ways = {
        "once": {"sample": SAMPLE},
        "blind": {"sample": SAMPLE[:3]},
        "twice": {"factorisation": Factorisation.RITZ},
    }
    found = {
        name: pod(ArraySource(values), product, truncation=Truncation(rtol=1e-4), comm=ALONE, **way)
        for name, way in ways.items()
    }
    np.testing.assert_array_equal(found["blind"].modes, found["twice"].modes)
    best = found["twice"].n_modes - 3
    overlap = (product.factor @ found["once"].modes[:, :best]).T @ (
        product.factor @ found["twice"].modes[:, :best]
    )
    np.testing.assert_allclose(np.abs(np.diag(overlap)), 1.0, atol=1e-3)


def test_the_sample_is_one_row_in_sixty_four_whoever_owns_it():
    numbers = np.arange(2**17)
    assert in_sample(numbers).sum() == 2**17 // 64
    np.testing.assert_array_equal(in_sample(numbers[70_000:]), in_sample(numbers)[70_000:])
