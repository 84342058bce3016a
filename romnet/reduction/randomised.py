"""POD of thousands of snapshots through few random combinations of them, with its error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.core.errors import AccuracyError
from romnet.core.snapshots import ArraySource, SnapshotSource
from romnet.fe.inner_products import InnerProduct
from romnet.reduction.basis import ReducedBasis, Truncation
from romnet.reduction.blocks import MEMORY, all_rows, weighted_rows
from romnet.reduction.projection import orthonormalise, project
from romnet.reduction.tsqr import triangular_factor

# Independent combinations that only measure the error.
_WITNESSES = 10
_FIRST_SAMPLE = 64
# Combinations below this part of the largest are rounding.
_ROUNDING = 1e-14


@dataclass(frozen=True)
class RandomisedPod:
    """A basis found through a random sample, and how much the sample missed.

    Attributes
    ----------
    basis
        The basis; its singular values are those inside the sampled space.
    missed
        Estimate of the part of the snapshots outside the sampled space, relative to all of them in
        the root of the energy [-]: its square is unbiased, and twice the estimate is exceeded with
        a probability below 1 %.
    sample
        Combinations that were needed.
    """

    basis: ReducedBasis
    missed: float
    sample: int


def randomised_pod(  # noqa: PLR0913  (those of `pod`, and the sample)
    source: SnapshotSource,
    inner_product: InnerProduct,
    *,
    truncation: Truncation,
    comm: Communicator,
    seed: int = 0,
    sample: int = _FIRST_SAMPLE,
    memory: int = MEMORY,
) -> RandomisedPod:
    r"""Build a POD from the range of random combinations of the snapshots.

    The range of :math:`U \Omega`, with a Gaussian :math:`\Omega` of few columns, holds almost all
    of the snapshots when their singular values decay. Ten more combinations, of which the range
    knows nothing, tell how much is missing; while that is more than a tenth of the tolerance, the
    sample is doubled.

    Parameters
    ----------
    source
        Snapshots of this rank.
    inner_product
        Factor of the inner product on this rank.
    truncation
        How many modes to keep; its tolerance also bounds what the sample may miss.
    comm
        The ranks.
    seed
        Of the random combinations, the same on all ranks.
    sample
        Combinations to begin with.
    memory
        What this rank may hold in blocks, besides the sampled space and the modes [B].

    Raises
    ------
    AccuracyError
        If all snapshots are zero or one is not finite.
    ValueError
        If `sample` is not positive.

    Notes
    -----
    Collective: yes. Deterministic: yes, for any number of ranks. Mutates nothing. Cost: two passes
    over the snapshots for each sample and ``4 n_rows n_snapshots sample`` operations, where
    `romnet.reduction.pod.pod` takes ``2 n_rows n_snapshots^2``: worth it when the snapshots are
    several times as many as the sample.

    References
    ----------
    .. [1] N. Halko, P.G. Martinsson, J.A. Tropp, "Finding structure with randomness: probabilistic
       algorithms for constructing approximate matrix decompositions", SIAM Rev. 53 (2011) 217-288.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> from romnet.fe.inner_products import identity
    >>> snapshots = ArraySource(np.outer(np.arange(4.0), [1.0, 2.0, -1.0]))
    >>> found = randomised_pod(snapshots, identity(np.ones(4, dtype=bool)), sample=2,
    ...     truncation=Truncation(rtol=1e-6), comm=SerialCommunicator())
    >>> found.basis.n_modes, round(float(found.basis.singular_values[0]), 6), found.missed < 1e-12
    (1, 9.165151, True)
    """
    if sample < 1:
        message = f"sample must be at least 1, got {sample}."
        raise ValueError(message)
    rng = np.random.default_rng(seed)
    n_snapshots = source.n_snapshots
    while True:
        size = min(sample, n_snapshots)
        mixing = rng.normal(size=(n_snapshots, size + _WITNESSES))
        combinations = np.empty((source.n_rows, size + _WITNESSES))
        for part, values in all_rows(source, memory):
            np.matmul(values, mixing, out=combinations[part])
        space = _range(combinations[:, :size], inner_product, comm, memory)
        witnesses = ReducedBasis(space, np.zeros(0), inner_product.name)
        outside, whole = _remainders(witnesses, combinations[:, size:], inner_product, comm)
        missed = outside / whole
        if missed <= 0.1 * truncation.rtol or size == n_snapshots:
            break
        sample *= 2
    small = project(witnesses, source, inner_product, comm, memory=memory)
    left, values, _ = np.linalg.svd(small, full_matrices=False)
    modes = space @ left[:, : truncation.count(values)]
    orthonormalise(modes, inner_product, comm, memory=memory)
    return RandomisedPod(ReducedBasis(modes, values, inner_product.name), missed, size)


def _range(
    combinations: Array, inner_product: InnerProduct, comm: Communicator, memory: int
) -> Float[Array, "n_dofs n_rank"]:
    """Return orthonormal columns with the span of the combinations."""
    source = ArraySource(combinations)
    rows = (block for _, block in weighted_rows(source, inner_product, memory))
    factor = np.triu(triangular_factor(rows, combinations.shape[1], comm))
    if not np.isfinite(factor).all():
        message = "a snapshot holds NaN or infinite values; convert the results again."
        raise AccuracyError(message)
    _, sizes, right = np.linalg.svd(factor)
    if sizes[0] == 0.0:
        message = "all snapshots are zero; give at least one loaded instant."
        raise AccuracyError(message)
    kept = sizes > _ROUNDING * sizes[0]
    space = combinations @ (right[kept].T / sizes[kept])
    for _ in range(2):  # the smallest directions carry rounding of the largest
        orthonormalise(space, inner_product, comm, memory=memory)
    return np.asarray(space)


def _remainders(
    space: ReducedBasis, witnesses: Array, inner_product: InnerProduct, comm: Communicator
) -> tuple[float, float]:
    """Return the norms of the witnesses outside the space and as a whole."""
    rest = np.array(witnesses)
    for _ in range(2):
        rest -= space.modes @ project(space, ArraySource(rest), inner_product, comm)
    squares = [
        float(((inner_product @ values) ** 2).sum()) for values in (rest, np.asarray(witnesses))
    ]
    outside, whole = np.sqrt(comm.sum(np.array(squares)))
    return float(outside), float(whole)
