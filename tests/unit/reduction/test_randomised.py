"""POD through random combinations: as good as the exact one, and honest about what it missed."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.core.communicator import SerialCommunicator
from romnet.core.errors import AccuracyError
from romnet.core.snapshots import ArraySource
from romnet.fe.inner_products import identity, l2_mass
from romnet.fe.structured import box_mesh
from romnet.reduction.basis import Truncation
from romnet.reduction.pod import pod
from romnet.reduction.randomised import randomised_pod

ALONE = SerialCommunicator()
N_ROWS = 300


def decaying(n, rate, n_rows=N_ROWS, seed=0):
    rng = np.random.default_rng(seed)
    rank = min(n, n_rows)
    left = np.linalg.qr(rng.normal(size=(n_rows, rank)))[0]
    right = np.linalg.qr(rng.normal(size=(n, rank)))[0]
    return left * 10.0 ** (-rate * np.arange(rank)) @ right.T


def found(values, product=None, **options):
    product = product or identity(np.ones(len(values), dtype=bool))
    truncation = Truncation(rtol=options.pop("rtol", 1e-4))
    return randomised_pod(
        ArraySource(values), product, truncation=truncation, comm=ALONE, **options
    )


def outside(values, modes):
    return np.linalg.norm(values - modes @ (modes.T @ values)) / np.linalg.norm(values)


@pytest.mark.parametrize("seed", range(5))
def test_as_many_modes_as_the_exact_pod_leave_as_little_out(seed):
    values = decaying(1000, 0.25)
    product = identity(np.ones(N_ROWS, dtype=bool))
    exact = pod(ArraySource(values), product, truncation=Truncation(rtol=1e-4), comm=ALONE)
    random = found(values, seed=seed)
    assert random.basis.n_modes == exact.n_modes
    assert outside(values, random.basis.modes) < 1.01 * outside(values, exact.modes)
    kept = exact.n_modes
    np.testing.assert_allclose(
        random.basis.singular_values[:kept], exact.singular_values[:kept], rtol=1e-5
    )


@pytest.mark.parametrize("sample", [8, 12, 16])
def test_the_estimate_of_what_was_missed_is_within_a_factor_of_two(sample):
    values = decaying(200, 0.3)
    # A loose tolerance on a decay that meets it, so that the first sample is the last.
    random = found(values, sample=sample, rtol=0.99)
    assert random.sample == sample
    rng = np.random.default_rng(0)
    space = np.linalg.qr(values @ rng.normal(size=(200, sample + 10))[:, :sample])[0]
    truth = outside(values, space)
    assert 0.5 < random.missed / truth < 2.0


def test_the_sample_grows_until_the_tolerance_is_met():
    random = found(decaying(400, 0.05), sample=8, rtol=1e-3)
    assert random.sample == 128
    assert random.missed <= 1e-4


def test_weights_count():
    mesh = box_mesh((1.0, 1.0, 1.0), (2, 2, 2))
    product = l2_mass(mesh)
    values = decaying(60, 0.3, n_rows=mesh.n_dofs)
    random = found(values, product, rtol=1e-6)
    weighted = product @ random.basis.modes
    np.testing.assert_allclose(weighted.T @ weighted, np.eye(random.basis.n_modes), atol=1e-12)
    exact = np.linalg.svd(product @ values, compute_uv=False)
    kept = random.basis.n_modes
    np.testing.assert_allclose(random.basis.singular_values[:kept], exact[:kept], rtol=1e-6)


def test_the_seed_decides_and_equal_seeds_agree():
    values = decaying(100, 0.02)
    one, again, other = (found(values, sample=8, rtol=0.9, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.basis.modes, again.basis.modes)
    assert one.missed != other.missed


def test_what_spans_nothing_is_refused():
    with pytest.raises(AccuracyError, match="all snapshots are zero"):
        found(np.zeros((5, 3)))
    with pytest.raises(AccuracyError, match="NaN"):
        found(np.full((5, 3), np.nan))
    with pytest.raises(ValueError, match="at least 1, got 0"):
        found(np.ones((5, 3)), sample=0)
