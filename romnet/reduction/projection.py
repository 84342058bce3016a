"""Projection on a basis, and the orthonormality that makes it cheap."""

from __future__ import annotations

import numpy as np
import scipy.linalg
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.core.snapshots import ArraySource, SnapshotSource
from romnet.fe.inner_products import InnerProduct
from romnet.reduction.basis import ReducedBasis
from romnet.reduction.blocks import MEMORY, block_rows, weighted_rows
from romnet.reduction.tsqr import triangular_factor


def orthonormalised(
    modes: Float[Array, "n_dofs n_modes"],
    inner_product: InnerProduct,
    comm: Communicator,
    *,
    memory: int = MEMORY,
) -> Float[Array, "n_dofs n_modes"]:
    """Return modes with the same nested spans, orthonormal to rounding.

    Parameters
    ----------
    modes
        Independent columns on this rank's dofs.
    inner_product
        Factor of the inner product on this rank.
    comm
        The ranks.
    memory
        What this rank may hold besides both sets of modes [B].

    Notes
    -----
    Collective: yes. Mutates nothing. Cost: one QR of the modes. The loss of orthogonality is the
    condition of the given columns times rounding: call it on columns that are nearly orthonormal.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> from romnet.fe.inner_products import identity
    >>> skew = np.array([[2.0, 2.0], [0.0, 1.0]])
    >>> orthonormalised(skew, identity(np.ones(2, dtype=bool)), SerialCommunicator()).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    result = np.array(modes, order="C")
    orthonormalise(result, inner_product, comm, memory=memory)
    return result


def orthonormalise(
    modes: Float[Array, "n_dofs n_modes"],
    inner_product: InnerProduct,
    comm: Communicator,
    *,
    memory: int = MEMORY,
) -> None:
    """Make modes orthonormal where they are: `orthonormalised` without a second set of modes.

    Notes
    -----
    Collective: yes. Mutates `modes`.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> from romnet.fe.inner_products import identity
    >>> skew = np.array([[2.0, 2.0], [0.0, 1.0]])
    >>> orthonormalise(skew, identity(np.ones(2, dtype=bool)), SerialCommunicator())
    >>> skew.tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    source = ArraySource(modes)
    rows = (block for _, block in weighted_rows(source, inner_product, memory))
    factor = np.triu(triangular_factor(rows, modes.shape[1], comm))
    factor *= np.sign(np.diag(factor))[:, None]
    size = block_rows(memory, modes.shape[1])
    for start in range(0, len(modes), size):
        part = slice(start, start + size)
        modes[part] = scipy.linalg.solve_triangular(factor, modes[part].T, trans="T").T


def project(
    basis: ReducedBasis,
    source: SnapshotSource,
    inner_product: InnerProduct,
    comm: Communicator,
    *,
    memory: int = MEMORY,
) -> Float[Array, "n_modes n_snapshots"]:
    """Return the coefficients of the orthogonal projection of snapshots on a basis.

    Parameters
    ----------
    basis
        Modes on this rank's dofs, orthonormal in the inner product.
    source
        Snapshots of this rank.
    inner_product
        Factor of the inner product on this rank.
    comm
        The ranks.
    memory
        What this rank may hold [B].

    Notes
    -----
    Collective: yes. Mutates nothing. Cost: one pass over the snapshots.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> from romnet.fe.inner_products import identity
    >>> basis = ReducedBasis(np.array([[1.0], [0.0]]), np.array([1.0]), "identity")
    >>> snapshots = ArraySource(np.array([[3.0, 0.0], [4.0, 5.0]]))
    >>> project(basis, snapshots, identity(np.ones(2, dtype=bool)), SerialCommunicator()).tolist()
    [[3.0, 0.0]]
    """
    coefficients = np.zeros((basis.n_modes, source.n_snapshots))
    for (columns, factor), rows in weighted_rows(source, inner_product, memory):
        coefficients += (factor @ basis.modes[columns]).T @ rows
    return comm.sum(coefficients)


def projection_errors(
    basis: ReducedBasis,
    source: SnapshotSource,
    inner_product: InnerProduct,
    comm: Communicator,
    *,
    memory: int = MEMORY,
) -> Float[Array, " n_snapshots"]:
    """Return the relative error of projecting each snapshot on a basis [-].

    Zero snapshots have error zero.

    Parameters
    ----------
    basis
        Modes on this rank's dofs, orthonormal in the inner product.
    source
        Snapshots of this rank.
    inner_product
        Factor of the inner product on this rank.
    comm
        The ranks.
    memory
        What this rank may hold [B].

    Notes
    -----
    Collective: yes. Mutates nothing. Cost: two passes over the snapshots.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> from romnet.fe.inner_products import identity
    >>> basis = ReducedBasis(np.array([[1.0], [0.0]]), np.array([1.0]), "identity")
    >>> snapshots = ArraySource(np.array([[3.0, 0.0], [4.0, 5.0]]))
    >>> errors = projection_errors(
    ...     basis, snapshots, identity(np.ones(2, dtype=bool)), SerialCommunicator()
    ... )
    >>> errors.round(12).tolist()
    [0.8, 1.0]
    """
    coefficients = project(basis, source, inner_product, comm, memory=memory)
    energies = np.zeros((2, source.n_snapshots))
    for (columns, factor), rows in weighted_rows(source, inner_product, memory):
        rest: Array = rows - (factor @ basis.modes[columns]) @ coefficients
        energies += np.stack([(rest**2).sum(axis=0), (rows**2).sum(axis=0)])
    errors, norms = np.sqrt(comm.sum(energies))
    return np.asarray(np.divide(errors, norms, out=np.zeros_like(errors), where=norms > 0.0))
