"""Integrands whose integrals the reduced quadrature must reproduce, compressed while streamed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.core.errors import AccuracyError
from romnet.core.snapshots import SnapshotSource
from romnet.fe.discretization import Discretization
from romnet.reduction.tsqr import triangular_factor

_CHUNK_VALUES = 2**24  # 128 MB of integrands at a time
_RANK_TOLERANCE = 1e-12


@runtime_checkable
class Integrands(Protocol):
    """Functions on the integration points of this rank, read by chunks of points."""

    @property
    def n_functions(self) -> int:
        """Number of functions."""

    def chunks(self) -> Iterator[Float[Array, "n_functions _"]]:
        """Yield the values at consecutive points, all points of this rank once."""


@dataclass(frozen=True)
class VirtualWork:
    r"""Internal virtual work of stress snapshots in the strains of the modes.

    :math:`G_{(s,i),k} = \sum_c \sigma_s[k,c] \, E[k,c,i]` for every stress snapshot *s* and mode
    *i* (engineering shear in *E*).

    Attributes
    ----------
    stress
        Stress snapshots at the points of this rank, row = point * n_components + component.
    modes
        Displacement modes on the dofs of this rank.
    discretization
        Points and strain operator of this rank.
    """

    stress: SnapshotSource
    modes: Float[Array, "n_dofs n_modes"]
    discretization: Discretization

    @property
    def n_functions(self) -> int:
        """Stress snapshots times modes."""
        return self.stress.n_snapshots * int(self.modes.shape[1])

    def chunks(self) -> Iterator[Float[Array, "n_functions _"]]:
        """Yield the integrands by chunks of points."""
        n_components = self.discretization.n_components
        n_points = self.discretization.n_points
        # Not fewer points than functions: the factorisation costs as much for few as for many.
        size = max(self.n_functions, _CHUNK_VALUES // max(self.n_functions, 1), 1)
        for start in range(0, n_points, size):
            points = np.arange(start, min(start + size, n_points))
            rows = (points[:, None] * n_components + np.arange(n_components)).ravel()
            stress = self.stress.rows(rows).reshape(len(points), n_components, -1)
            strain = self.discretization.strain_operator_of(points) @ self.modes
            strain = strain.reshape(len(points), n_components, -1)
            work = np.matmul(stress.transpose(0, 2, 1), strain)
            yield work.reshape(len(points), -1).T


def compressed(
    integrands: Integrands,
    weights: Float[Array, " n_points"],
    comm: Communicator,
) -> Float[Array, "n_rank n_points"]:
    r"""Return few functions with the Gram matrix, hence the cubature, of all the integrands.

    With :math:`|W|^{1/2} G^T = Q R` and :math:`R = P \Sigma V^T`, the rows of :math:`V^T G` are
    orthogonal in :math:`L^2(|w|)` with norms :math:`\Sigma`; those above rounding are kept. Since
    *V* is orthonormal, residuals of the cubature keep their norm: the greedy selection is the one
    of the whole set, at the cost of its numerical rank.

    Parameters
    ----------
    integrands
        Functions on the points of this rank.
    weights
        Full quadrature weights of this rank [volume]; may be negative.
    comm
        The ranks.

    Returns
    -------
    ndarray
        Values at the points of this rank, one row for each kept function.

    Raises
    ------
    AccuracyError
        If an integrand is not finite.

    Notes
    -----
    Collective: yes. Deterministic: yes; the rows depend on the number of ranks by rounding (and
    rows of equal norm by a rotation), their Gram matrix does not. Mutates nothing. Cost: two passes
    over the integrands, never more than one chunk of them held, and the singular values of one
    ``n_functions x n_functions`` matrix.
    """
    root = np.sqrt(np.abs(weights))
    factor = triangular_factor(
        (root[points, None] * chunk.T for points, chunk in _located(integrands)),
        integrands.n_functions,
        comm,
    )
    if not np.isfinite(factor).all():
        message = "cubature: an integrand holds NaN or infinite values; compute the stresses again."
        raise AccuracyError(message)
    _, norms, right = np.linalg.svd(factor, full_matrices=False)
    kept = right[norms > _RANK_TOLERANCE * norms[0]]
    functions = np.empty((len(kept), len(weights)))
    for points, chunk in _located(integrands):
        functions[:, points] = kept @ chunk
    return functions


def _located(integrands: Integrands) -> Iterator[tuple[slice, Array]]:
    """Yield each chunk with its place among the points."""
    start = 0
    for chunk in integrands.chunks():
        yield slice(start, start + chunk.shape[1]), chunk
        start += chunk.shape[1]
