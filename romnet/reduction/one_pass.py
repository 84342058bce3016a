"""POD of snapshots larger than memory that reads them once.

A small sample of their rows tells a few combinations of the snapshots that hold all of them to the
tolerance. These fit into memory where the snapshots do not. More combinations, of which the sample
knows nothing, witness what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.blas import add_gram, multiply_into
from romnet.core.communicator import Communicator
from romnet.core.snapshots import ArraySource, SnapshotSource, read_ahead
from romnet.fe.inner_products import InnerProduct
from romnet.reduction.basis import ReducedBasis, Truncation
from romnet.reduction.blocks import MEMORY, all_rows, block_rows, weighted_rows
from romnet.reduction.spectra import fixed_signs, spectrum_of_factor, summed_gram, turned
from romnet.reduction.tsqr import triangular_factor

# Parts of the tolerance that the combinations may lose: in the sample, and as the witnesses say.
_AIM, _ACCEPTED = 0.85, 0.95
_WITNESSES = 4
# Part of the memory for blocks; the combinations that are no modes in the end have the rest. Blocks
# of the sample are smaller: their pages are of no use afterwards.
_BLOCKS = 0.5
_SAMPLE = 0.1


def one_pass_pod(
    source: SnapshotSource,
    inner_product: InnerProduct,
    *,
    sample: Int[Array, " n_sampled"],
    truncation: Truncation,
    comm: Communicator,
    memory: int = MEMORY,
) -> ReducedBasis | None:
    r"""Build a POD from one reading of the snapshots, where that is possible.

    The right singular vectors :math:`W` of a sample of rows give the combinations :math:`U W` of
    the snapshots :math:`U`, computed block by block as they are read. Gaussian combinations of
    what :math:`W` leaves out, :math:`U (I - W W^T) \Omega`, estimate the error
    :math:`\|U (I - W W^T)\|` in the inner product itself. Where it is small enough, the basis is
    that of :math:`U W`. (This combination of known parts is the package's own.)

    Parameters
    ----------
    source
        Snapshots of this rank, columns.
    inner_product
        Factor of the inner product on this rank.
    sample
        Rows of this rank that take part in the sample, ascending, none of them on another rank as
        well: those of `romnet.core.snapshots.in_sample`.
    truncation
        How many modes to keep; its tolerance also bounds what the combinations may miss.
    comm
        The ranks.
    memory
        What this rank may hold besides the modes [B].

    Returns
    -------
    ReducedBasis or None
        Modes on this rank's dofs, ghosts included; None where the sample did not know enough, or
        the combinations would take too much memory. What they miss counts as equal singular values
        at the end, so that the energy is whole.

    Raises
    ------
    AccuracyError
        If a snapshot is not finite.

    Notes
    -----
    Collective: yes. Deterministic: yes; the sample does not depend on the number of ranks. Mutates
    nothing. Cost: one pass over the snapshots, ``2 n_rows n_snapshots n_combinations`` operations.
    The estimate of the error is unbiased in the energy.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> from romnet.fe.inner_products import identity
    >>> snapshots = ArraySource(np.outer(np.arange(4.0), np.ones(20)))
    >>> basis = one_pass_pod(snapshots, identity(np.ones(4, dtype=bool)), sample=np.arange(4),
    ...     truncation=Truncation(rtol=1e-6), comm=SerialCommunicator())
    >>> basis.n_modes, round(float(basis.singular_values[0]), 6)
    (1, 16.733201)
    """
    mixing = _guessed(source, sample, truncation, comm, memory)
    if mixing is None:
        return None
    values = np.empty(source.n_rows * mixing.shape[1])
    combined = values.reshape(source.n_rows, -1)
    for part, block in all_rows(source, int(_BLOCKS * memory)):
        multiply_into(combined[part], block, mixing)
        del block  # the one after the next is read to its place
    triangle = np.zeros((mixing.shape[1],) * 2, order="F")
    for _, rows in weighted_rows(ArraySource(combined), inner_product, int(_BLOCKS * memory)):
        add_gram(triangle, rows)
    found = _in_combinations(summed_gram(triangle, comm), source.n_snapshots, truncation)
    if found is None:
        return None
    turn, singular_values = found
    # The modes take the place of the combinations, whose rows are longer.
    modes = values[: source.n_rows * turn.shape[1]].reshape(source.n_rows, -1)
    multiply_into(modes, combined[:, : len(turn)], turn)
    size, shape = modes.size, modes.shape
    del combined, modes
    values.resize(size, refcheck=False)
    return ReducedBasis(values.reshape(shape), singular_values, inner_product.name)


def _guessed(
    source: SnapshotSource, sample: Array, truncation: Truncation, comm: Communicator, memory: int
) -> Float[Array, "n_snapshots n_combinations"] | None:
    """Return what makes combinations and witnesses of snapshots; None if not worth their memory."""
    n = source.n_snapshots
    rows = _sampled(source, sample, int(_SAMPLE * memory))
    values, right = spectrum_of_factor(triangular_factor(rows, n, comm), comm)
    tails = np.sqrt(np.append(np.cumsum(values[::-1] ** 2)[::-1], 0.0))
    n_kept = int(np.count_nonzero(tails > _AIM * truncation.rtol * tails[0]))
    n_rows, available = comm.sum(np.array([float(source.n_rows), (1.0 - _BLOCKS) * memory]))
    too_large = 8.0 * n_rows * (n_kept + _WITNESSES - truncation.count(values)) > available
    if n_kept == 0 or too_large or n_kept + _WITNESSES > n // 2:
        return None
    known = fixed_signs(right[:n_kept]).T
    unknown = np.random.default_rng(0).normal(size=(n, _WITNESSES))
    unknown -= known @ (known.T @ unknown)
    return np.hstack([known, unknown])


def _sampled(source: SnapshotSource, sample: Array, memory: int) -> Iterator[Array]:
    """Yield the rows of the sample by blocks."""
    size = block_rows(memory, source.n_snapshots)
    return read_ahead(
        source.rows(sample[first : first + size]) for first in range(0, len(sample), size)
    )


def _in_combinations(
    gram: Array, n_snapshots: int, truncation: Truncation
) -> tuple[Float[Array, "n_kept n_modes"], Float[Array, " n_snapshots"]] | None:
    """Return what makes modes of combinations, and all singular values; None if they miss much."""
    n_kept = len(gram) - _WITNESSES
    energies = np.diag(gram)
    missed = float(energies[n_kept:].sum()) / _WITNESSES
    if missed > (_ACCEPTED * truncation.rtol) ** 2 * (energies[:n_kept].sum() + missed):
        return None
    norms = np.sqrt(energies[:n_kept])
    try:
        mixing, inside = turned(gram[:n_kept, :n_kept] / np.outer(norms, norms), norms)
    except (np.linalg.LinAlgError, ValueError):  # the sample told them apart, the whole does not
        return None
    n_rest = n_snapshots - n_kept
    singular_values = np.sort(np.append(inside, np.full(n_rest, np.sqrt(missed / n_rest))))[::-1]
    n_modes = truncation.count(singular_values)
    if n_modes > n_kept:
        return None
    return mixing[:, :n_modes] / norms[:, None], singular_values
