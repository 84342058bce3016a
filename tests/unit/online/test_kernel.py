"""The compiled loops against einsum, for every number of modes and components."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.online.kernel import Kernel


@pytest.mark.parametrize("n_components", [4, 6])
@pytest.mark.parametrize("n_modes", [1, 3, 4, 8, 9, 17])
def test_loops_are_the_sums_they_stand_for(n_components, n_modes):
    rng = np.random.default_rng(n_modes)
    modes = rng.normal(size=(7, n_components, n_modes))
    weights = rng.random(5)
    kernel = Kernel(modes, weights, None)
    coefficients, lift = rng.normal(size=n_modes), rng.normal(size=(7, n_components))
    stress = rng.normal(size=(7, n_components))
    tangent = rng.normal(size=(7, n_components, n_components))
    np.testing.assert_allclose(
        kernel.strain(coefficients, lift), modes @ coefficients + lift, atol=1e-13
    )
    weighted = modes[:5]
    np.testing.assert_allclose(
        kernel.force(stress), np.einsum("p,pc,pci->i", weights, stress[:5], weighted), atol=1e-13
    )
    expected = np.einsum("p,pci,pcd,pdj->ij", weights, weighted, tangent[:5], weighted)
    np.testing.assert_allclose(kernel.tangent(tangent), expected, atol=1e-12)


def test_arrays_of_any_layout_are_taken():
    rng = np.random.default_rng(0)
    modes, weights = rng.normal(size=(4, 6, 3)), np.ones(4)
    kernel = Kernel(np.asfortranarray(modes), weights, None)
    stress = np.asfortranarray(rng.normal(size=(4, 6)))
    np.testing.assert_allclose(kernel.force(stress), np.einsum("pc,pci->i", stress, modes))


def test_more_modes_than_fit_are_refused():
    with pytest.raises(ValueError, match="at most 512 modes here, got 513"):
        Kernel(np.zeros((1, 4, 513)), np.ones(1), None)
