"""Proper orthogonal decomposition of snapshots that may be distributed and larger than memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np
import scipy.linalg
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.core.errors import AccuracyError
from romnet.core.snapshots import ArraySource, SnapshotSource
from romnet.fe.inner_products import InnerProduct

# Singular values below this fraction of the first are rounding of double precision.
_NOISE = 1e-14
_BLOCK_ROWS = 65_536


class Factorisation(Enum):
    """How the small matrix that holds the singular values is obtained."""

    TSQR = "triangular factor of row blocks; keeps all digits"
    GRAM = "correlation matrix; published variant, blind below 1e-8 of the first singular value"


@dataclass(frozen=True)
class Truncation:
    r"""How many modes to keep.

    Attributes
    ----------
    rtol
        Tolerance :math:`\varepsilon` [-]: keep the larger of the number of
        :math:`\sigma_j > \varepsilon \sigma_1` and the smallest number of modes that leaves an
        energy of at most :math:`\varepsilon^2` of the whole.
    modes
        At most this many.

    Examples
    --------
    >>> Truncation(rtol=1e-2).count(np.array([1.0, 0.5, 1e-3]))
    2
    >>> Truncation(modes=1).count(np.array([1.0, 0.5, 1e-3]))
    1
    """

    rtol: float = 0.0
    modes: int | None = None

    def __post_init__(self) -> None:
        """Refuse tolerances outside [0, 1) and fewer than one mode."""
        if not 0.0 <= self.rtol < 1.0:
            message = f"rtol must lie in [0, 1), got {self.rtol:g}."
            raise ValueError(message)
        if self.modes is not None and self.modes < 1:
            message = f"modes must be at least 1, got {self.modes}."
            raise ValueError(message)

    def count(self, singular_values: Float[Array, " n"]) -> int:
        """Return the number of modes to keep of descending `singular_values`."""
        largest = singular_values[0]
        by_size = int(np.count_nonzero(singular_values > self.rtol * largest))
        energy = np.cumsum(singular_values**2)
        by_energy = int(np.searchsorted(energy, (1.0 - self.rtol**2) * energy[-1])) + 1
        significant = int(np.count_nonzero(singular_values > _NOISE * largest))
        wanted = min(max(by_size, by_energy), significant)
        return wanted if self.modes is None else min(wanted, self.modes)


@dataclass(frozen=True)
class ReducedBasis:
    """Orthonormal modes and what they leave out.

    Attributes
    ----------
    modes
        Columns (n_dofs, n_modes); under MPI, the rows of this rank.
    singular_values
        All of them, descending; the tail is what the truncation discarded.
    inner_product
        Name of the inner product in which the modes are orthonormal.
    """

    modes: Float[Array, "n_dofs n_modes"]
    singular_values: Float[Array, " n_values"]
    inner_product: str

    @property
    def n_modes(self) -> int:
        """Number of modes."""
        return int(self.modes.shape[1])

    @property
    def relative_error(self) -> float:
        """Discarded part of the snapshots, root of the energy ratio [-]."""
        energy = self.singular_values**2
        return float(np.sqrt(energy[self.n_modes :].sum() / energy.sum()))


def triangular_factor(
    blocks: Iterable[Float[Array, "_ n_columns"]], n_columns: int, comm: Communicator
) -> Float[Array, "_ n_columns"]:
    """Return R of the QR factorisation of row blocks that are never held together.

    Notes
    -----
    Collective: yes. Cost: one small QR for each block; one gathering of ``size`` triangles.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> rows = np.vander(np.linspace(0.0, 1.0, 9), 3)
    >>> factor = triangular_factor([rows[:4], rows[4:]], 3, SerialCommunicator())
    >>> bool(np.allclose(factor.T @ factor, rows.T @ rows))
    True
    """
    factor = np.zeros((0, n_columns))
    for block in blocks:
        factor = np.asarray(np.linalg.qr(np.vstack([factor, block]), mode="r"))
    return np.asarray(np.linalg.qr(comm.concatenate(factor), mode="r"))


def pod(
    source: SnapshotSource,
    inner_product: InnerProduct,
    *,
    truncation: Truncation,
    comm: Communicator,
    factorisation: Factorisation = Factorisation.TSQR,
) -> ReducedBasis:
    r"""Build the orthonormal basis that represents snapshots best.

    The inner product :math:`M = S^T S` is given by its factor :math:`S`, whose rows belong to one
    rank each (integration points of its own cells), so nothing on an interface counts twice. The
    triangular factor of :math:`S U` carries the singular values to full precision, where the
    correlation matrix :math:`U^T M U` of the published method [1]_ loses half the digits. Modes
    :math:`U V \Sigma^{-1}` are orthonormalised once more, which removes the rounding that the
    division by small singular values brings.

    Parameters
    ----------
    source
        Snapshots of this rank, columns.
    inner_product
        Factor of the inner product on this rank.
    truncation
        How many modes to keep.
    comm
        The ranks.
    factorisation
        Triangular factor (default) or correlation matrix.

    Returns
    -------
    ReducedBasis
        Modes on this rank's dofs, ghosts included.

    Raises
    ------
    AccuracyError
        If all snapshots are zero or one is not finite.

    Notes
    -----
    Collective: yes. Deterministic: yes; the subspace does not depend on the number of ranks
    beyond rounding. Mutates nothing. Cost: two passes over the snapshots, by row blocks.

    References
    ----------
    .. [1] F. Casenave, N. Akkari, F. Bordeu, C. Rey, D. Ryckelynck, "A nonintrusive distributed
       reduced-order modeling framework for nonlinear structural mechanics", Int. J. Numer.
       Methods Eng. 121 (2020) 32-53.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> from romnet.fe.inner_products import identity
    >>> snapshots = ArraySource(np.outer(np.arange(4.0), [1.0, 2.0, -1.0]))
    >>> basis = pod(snapshots, identity(np.ones(4, dtype=bool)), truncation=Truncation(rtol=1e-6),
    ...     comm=SerialCommunicator())
    >>> basis.n_modes, round(float(basis.singular_values[0]), 6)
    (1, 9.165151)
    """
    n_snapshots = source.n_snapshots
    weighted = _weighted_blocks(source, inner_product)
    if factorisation is Factorisation.TSQR:
        factor = triangular_factor(weighted, n_snapshots, comm)
        _refuse_empty(factor)
        _, singular_values, right = np.linalg.svd(factor)
    else:
        gram = np.zeros((n_snapshots, n_snapshots))
        for block in weighted:
            gram += block.T @ block
        gram = comm.sum(gram)
        _refuse_empty(gram)
        energies, vectors = np.linalg.eigh(gram)
        rounding = np.finfo(float).eps * n_snapshots * energies[-1]
        singular_values = np.sqrt(np.where(energies > rounding, energies, 0.0))[::-1]
        right = vectors[:, ::-1].T

    n_modes = truncation.count(singular_values)
    combination = _fixed_signs(right[:n_modes]).T / singular_values[:n_modes]
    modes = _combine(source, combination)
    return ReducedBasis(
        modes=orthonormalised(modes, inner_product, comm),
        singular_values=singular_values,
        inner_product=inner_product.name,
    )


def orthonormalised(
    modes: Float[Array, "n_dofs n_modes"], inner_product: InnerProduct, comm: Communicator
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
    blocks = _weighted_blocks(ArraySource(modes), inner_product)
    factor = triangular_factor(blocks, modes.shape[1], comm)
    factor *= np.sign(np.diag(factor))[:, None]
    return np.asarray(scipy.linalg.solve_triangular(factor, modes.T, trans="T").T)


def project(
    basis: ReducedBasis,
    source: SnapshotSource,
    inner_product: InnerProduct,
    comm: Communicator,
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
    for columns, factor in inner_product.blocks(_BLOCK_ROWS):
        coefficients += (factor @ basis.modes[columns]).T @ (factor @ source.rows(columns))
    return comm.sum(coefficients)


def projection_errors(
    basis: ReducedBasis,
    source: SnapshotSource,
    inner_product: InnerProduct,
    comm: Communicator,
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
    coefficients = project(basis, source, inner_product, comm)
    energies = np.zeros((2, source.n_snapshots))
    for columns, factor in inner_product.blocks(_BLOCK_ROWS):
        rows = factor @ source.rows(columns)
        rest = rows - (factor @ basis.modes[columns]) @ coefficients
        energies += np.stack([(rest**2).sum(axis=0), (rows**2).sum(axis=0)])
    errors, norms = np.sqrt(comm.sum(energies))
    return np.asarray(np.divide(errors, norms, out=np.zeros_like(errors), where=norms > 0.0))


def _weighted_blocks(source: SnapshotSource, inner_product: InnerProduct) -> Iterator[Array]:
    """Yield row blocks of S U."""
    for columns, factor in inner_product.blocks(_BLOCK_ROWS):
        yield factor @ source.rows(columns)


def _combine(source: SnapshotSource, combination: Array) -> Array:
    """Return U T by row blocks."""
    modes = np.empty((source.n_rows, combination.shape[1]))
    for start in range(0, source.n_rows, _BLOCK_ROWS):
        rows = np.arange(start, min(start + _BLOCK_ROWS, source.n_rows))
        modes[rows] = source.rows(rows) @ combination
    return modes


def _fixed_signs(right: Array) -> Array:
    """Make the largest entry of each row positive: signs are otherwise left to rounding."""
    largest = np.take_along_axis(right, np.abs(right).argmax(axis=1)[:, None], axis=1)
    return np.asarray(right * np.sign(largest))


def _refuse_empty(matrix: Array) -> None:
    """Refuse snapshots that span nothing."""
    if not np.isfinite(matrix).all():
        message = "a snapshot holds NaN or infinite values; convert the results again."
        raise AccuracyError(message)
    if not matrix.any():
        message = "all snapshots are zero; give at least one loaded instant."
        raise AccuracyError(message)
