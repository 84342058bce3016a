"""POD that grows: a basis and its singular values updated by new snapshots."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.core.errors import AccuracyError
from romnet.core.snapshots import ArraySource, SnapshotSource
from romnet.fe.inner_products import InnerProduct
from romnet.reduction.basis import ReducedBasis, Truncation
from romnet.reduction.blocks import MEMORY, weighted_rows
from romnet.reduction.projection import orthonormalise, project
from romnet.reduction.tsqr import triangular_factor

# Columns that join at a time where nothing else is said.
BATCH = 32
# What is left of columns outside the modes, relative to the first singular value: rounding.
_ROUNDING = 1e-14


def incremental_pod(
    source: SnapshotSource,
    inner_product: InnerProduct,
    *,
    truncation: Truncation,
    comm: Communicator,
    batch: int = BATCH,
) -> ReducedBasis:
    r"""Build a POD in one pass over the snapshots, some of them at a time.

    Parameters
    ----------
    source
        Snapshots of this rank.
    inner_product
        Factor of the inner product on this rank.
    truncation
        How many modes to keep after each batch.
    comm
        The ranks.
    batch
        Snapshots that join at a time.

    Raises
    ------
    AccuracyError
        If all snapshots are zero or one is not finite.
    ValueError
        If `batch` is not positive.

    Notes
    -----
    Collective: yes. Deterministic: yes, for any number of ranks; it depends on the order of the
    snapshots by what the truncations leave out. Mutates nothing. Memory: modes and one batch. Cost:
    one pass; ``n_rows (n_modes + batch)^2`` operations for each batch.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> from romnet.fe.inner_products import identity
    >>> snapshots = ArraySource(np.outer(np.arange(4.0), [1.0, 2.0, -1.0]))
    >>> basis = incremental_pod(snapshots, identity(np.ones(4, dtype=bool)), batch=1,
    ...     truncation=Truncation(rtol=1e-6), comm=SerialCommunicator())
    >>> basis.n_modes, round(float(basis.singular_values[0]), 6)
    (1, 9.165151)
    """
    if batch < 1:
        message = f"batch must be at least 1, got {batch}."
        raise ValueError(message)
    basis = ReducedBasis(np.zeros((source.n_rows, 0)), np.zeros(0), inner_product.name)
    for start in range(0, source.n_snapshots, batch):
        columns = range(start, min(start + batch, source.n_snapshots))
        values = np.stack([source.column(number) for number in columns], axis=1)
        basis = updated(basis, values, inner_product, truncation=truncation, comm=comm)
    if basis.n_modes == 0:
        message = "all snapshots are zero; give at least one loaded instant."
        raise AccuracyError(message)
    return basis


def updated(
    basis: ReducedBasis,
    snapshots: Float[Array, "n_dofs n_new"],
    inner_product: InnerProduct,
    *,
    truncation: Truncation,
    comm: Communicator,
) -> ReducedBasis:
    r"""Return the POD of what a basis stands for and of new snapshots.

    With the part of the new snapshots inside the basis, :math:`C`, and the orthonormal basis
    :math:`Q` of the rest :math:`E = Q R` (projected out twice, or rounding would tilt it), the
    singular value decomposition of the small core

    .. math:: \begin{pmatrix} \Sigma & C \\ 0 & R \end{pmatrix}

    turns :math:`(\Phi, Q)` into the new modes.

    Parameters
    ----------
    basis
        Orthonormal modes on this rank's dofs; may have none.
    snapshots
        New columns on this rank's dofs.
    inner_product
        Factor of the inner product on this rank.
    truncation
        How many modes to keep, relative to the new first singular value.
    comm
        The ranks.

    Returns
    -------
    ReducedBasis
        Its singular values past the modes are all that was ever left out, so that its
        `relative_error` stays that of all snapshots seen.

    Raises
    ------
    AccuracyError
        If a snapshot is not finite.

    Notes
    -----
    Collective: yes. Deterministic: yes. Mutates nothing.

    References
    ----------
    .. [1] M. Brand, "Fast low-rank modifications of the thin singular value decomposition", Linear
       Algebra Appl. 415 (2006) 20-30.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> from romnet.fe.inner_products import identity
    >>> basis = ReducedBasis(np.array([[1.0], [0.0]]), np.array([2.0]), "identity")
    >>> product = identity(np.ones(2, dtype=bool))
    >>> updated(basis, np.array([[0.0], [3.0]]), product, truncation=Truncation(),
    ...     comm=SerialCommunicator()).singular_values.round(12).tolist()
    [3.0, 2.0]
    """
    kept = basis.n_modes
    inside = np.zeros((kept, snapshots.shape[1]))
    rest = np.array(snapshots)
    for _ in range(2):
        again = project(basis, ArraySource(rest), inner_product, comm)
        rest -= basis.modes @ again
        inside += again
    outside, triangle = _orthonormal_part(rest, inside, basis, inner_product, comm)
    core = np.block(
        [
            [np.diag(basis.singular_values[:kept]), inside],
            [np.zeros((len(triangle), kept)), triangle],
        ]
    )
    left, values, _ = np.linalg.svd(core, full_matrices=False)
    if values.size == 0 or values[0] == 0.0:
        return basis
    n_modes = truncation.count(values)
    left = left[:, :n_modes] * _signs(left[:, :n_modes])
    modes = basis.modes @ left[:kept] + outside @ left[kept:]
    # Once more: each update would leave a little rounding for the next to find.
    orthonormalise(modes, inner_product, comm)
    left_out = np.sort(np.concatenate([values[n_modes:], basis.singular_values[kept:]]))[::-1]
    return ReducedBasis(modes, np.concatenate([values[:n_modes], left_out]), basis.inner_product)


def _orthonormal_part(
    rest: Array,
    inside: Array,
    basis: ReducedBasis,
    inner_product: InnerProduct,
    comm: Communicator,
) -> tuple[Array, Array]:
    """Return orthonormal columns and the coefficients that make `rest` of them."""
    rows = (block for _, block in weighted_rows(ArraySource(rest), inner_product, MEMORY))
    factor = np.triu(triangular_factor(rows, rest.shape[1], comm))
    if not (np.isfinite(factor).all() and np.isfinite(inside).all()):
        message = "a snapshot holds NaN or infinite values; convert the results again."
        raise AccuracyError(message)
    _, sizes, right = np.linalg.svd(factor)
    largest = max([*basis.singular_values[:1], *sizes[:1], np.linalg.norm(inside)])
    count = int(np.count_nonzero(sizes > _ROUNDING * largest))
    outside = rest @ (right[:count].T / sizes[:count])
    again = project(basis, ArraySource(outside), inner_product, comm)
    outside -= basis.modes @ again
    if count:
        orthonormalise(outside, inner_product, comm)
    return outside, sizes[:count, None] * right[:count]


def _signs(columns: Array) -> Array:
    """Return what makes the largest entry of each column positive."""
    largest = np.take_along_axis(columns, np.abs(columns).argmax(axis=0)[None], axis=0)
    return np.where(largest < 0.0, -1.0, 1.0)
