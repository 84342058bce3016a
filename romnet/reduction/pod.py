"""Proper orthogonal decomposition of snapshots that may be distributed and larger than memory."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

import numpy as np
from jaxtyping import Int

from romnet.core.arrays import Array
from romnet.core.blas import add_gram, multiply_into
from romnet.core.communicator import Communicator
from romnet.core.errors import AccuracyError
from romnet.core.snapshots import ArraySource, SnapshotSource
from romnet.fe.inner_products import InnerProduct
from romnet.reduction.basis import ReducedBasis, Truncation
from romnet.reduction.blocks import MEMORY, all_rows, weighted_rows
from romnet.reduction.one_pass import one_pass_pod
from romnet.reduction.projection import orthonormalise
from romnet.reduction.spectra import (
    fixed_signs,
    spectrum_of_factor,
    spectrum_of_gram,
    summed_gram,
    turned,
)
from romnet.reduction.tsqr import absorbed


class Factorisation(Enum):
    """How the small matrix that holds the singular values is obtained."""

    TSQR = "triangular factor of row blocks; keeps all digits"
    RITZ = "correlation matrix, then the triangular factor of the modes kept; digits of the modes"
    GRAM = "correlation matrix; published variant, blind below 1e-8 of the first singular value"


# From here on the correlation matrix tells what to keep, and its modes are mended afterwards: so
# many values are worth it, and tolerances far enough from where that matrix is blind.
_LARGE = 2**27
_TELLING = 1e-6


def suitable_factorisation(n_values: int, truncation: Truncation) -> Factorisation:
    """Return the cheapest way that gives the modes asked for to all digits that matter.

    Parameters
    ----------
    n_values
        Rows times snapshots, of all ranks.
    truncation
        How many modes are kept.

    Notes
    -----
    Householder reflections cost twice the operations of the correlation matrix and run at half
    the speed. Below 1e-8 of the first singular value that matrix holds noise; a tolerance of 1e-6
    or more keeps away from it.

    Examples
    --------
    >>> suitable_factorisation(10**6, Truncation(rtol=1e-4)).name
    'TSQR'
    >>> suitable_factorisation(10**9, Truncation(rtol=1e-4)).name
    'RITZ'
    """
    telling = truncation.rtol >= _TELLING and truncation.modes is None
    return Factorisation.RITZ if telling and n_values >= _LARGE else Factorisation.TSQR


def pod(  # noqa: PLR0913  (each may be chosen by itself)
    source: SnapshotSource,
    inner_product: InnerProduct,
    *,
    truncation: Truncation,
    comm: Communicator,
    factorisation: Factorisation | None = None,
    sample: Int[Array, " n_sampled"] | None = None,
    memory: int = MEMORY,
) -> ReducedBasis:
    r"""Build the orthonormal basis that represents snapshots best.

    The inner product :math:`M = S^T S` is given by its factor :math:`S`, whose rows belong to one
    rank each (integration points of its own cells), so nothing on an interface counts twice. The
    triangular factor of :math:`S U` carries the singular values to full precision, where the
    correlation matrix :math:`U^T M U` of the published method [1]_ loses half the digits. Modes
    :math:`U V \Sigma^{-1}` are orthonormalised once more, which removes the rounding that the
    division by small singular values brings. Of very many values, and to a tolerance that keeps
    away from its noise, the correlation matrix only tells what to keep, at a quarter of the time;
    the decomposition of the modes kept gives their singular values back their digits.

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
        How the singular values are found; `suitable_factorisation` where it is left out.
    sample
        Rows of this rank from which to guess combinations that hold the snapshots, so that very
        large ones are read once where the guess proves right (`romnet.reduction.one_pass`).
    memory
        What this rank may hold besides the modes [B].

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
    beyond rounding. Mutates nothing. Cost: two passes over the snapshots, by row blocks, or one;
    ``2 n_rows n_snapshots (n_snapshots + n_modes)`` operations. While one block is factorised, a
    thread reads the next.

    References
    ----------
    .. [1] F. Casenave, N. Akkari, F. Bordeu, C. Rey, D. Ryckelynck, "A nonintrusive distributed
       reduced-order modeling framework for nonlinear structural mechanics", Int. J. Numer.
       Methods Eng. 121 (2020) 32-53.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> from romnet.core.snapshots import ArraySource
    >>> from romnet.fe.inner_products import identity
    >>> snapshots = ArraySource(np.outer(np.arange(4.0), [1.0, 2.0, -1.0]))
    >>> basis = pod(snapshots, identity(np.ones(4, dtype=bool)), truncation=Truncation(rtol=1e-6),
    ...     comm=SerialCommunicator())
    >>> basis.n_modes, round(float(basis.singular_values[0]), 6)
    (1, 9.165151)
    """
    if sample is not None and factorisation is None:
        n_rows = float(comm.sum(np.array([float(source.n_rows)]))[0])
        size = int(n_rows) * source.n_snapshots
        if suitable_factorisation(size, truncation) is Factorisation.RITZ:
            read_once = one_pass_pod(
                source,
                inner_product,
                sample=sample,
                truncation=truncation,
                comm=comm,
                memory=memory,
            )
            if read_once is not None:
                return read_once
    (basis,) = component_pods(
        source,
        inner_product,
        1,
        truncation=truncation,
        comm=comm,
        factorisation=factorisation,
        memory=memory,
    )
    if basis is None:
        message = "all snapshots are zero; give at least one loaded instant."
        raise AccuracyError(message)
    return basis


def component_pods(  # noqa: PLR0913  (those of `pod`, and the number of components)
    source: SnapshotSource,
    inner_product: InnerProduct,
    n_components: int,
    *,
    truncation: Truncation,
    comm: Communicator,
    factorisation: Factorisation | None = None,
    memory: int = MEMORY,
) -> tuple[ReducedBasis | None, ...]:
    """Build one basis for each component of a field, all in the same two passes.

    Parameters
    ----------
    source
        Snapshots of this rank, row = point * n_components + component.
    inner_product
        Of the whole field; rows of its factor are ordered in the same way.
    n_components
        Components.
    truncation, comm, factorisation, memory
        As in `pod`.

    Returns
    -------
    tuple of ReducedBasis or None
        None for a component that vanishes in all snapshots.

    Raises
    ------
    AccuracyError
        If a snapshot is not finite.

    Notes
    -----
    Collective: yes. Deterministic: yes. Mutates nothing.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> from romnet.core.snapshots import ArraySource
    >>> from romnet.fe.inner_products import point_l2
    >>> field = ArraySource(np.array([[3.0], [0.0], [4.0], [0.0]]))
    >>> first, second = component_pods(field, point_l2(np.ones(2), 2), 2,
    ...     truncation=Truncation(), comm=SerialCommunicator())
    >>> first.modes.round(12).tolist(), second
    ([[0.6], [0.8]], None)
    """
    size = source.n_snapshots
    if factorisation is None:
        n_rows = float(comm.sum(np.array([float(source.n_rows)]))[0]) / n_components
        factorisation = suitable_factorisation(int(n_rows) * size, truncation)
    absorb, finish = _WAYS[factorisation]
    factors = [np.zeros((size, size), order="F") for _ in range(n_components)]
    for _, rows in weighted_rows(source, inner_product, memory):
        for component in range(n_components):
            factors[component] = absorb(factors[component], rows[component::n_components])
    spectra = [finish(factor, comm) for factor in factors]
    combinations = [_combination(values, right, truncation) for values, right in spectra]
    found = _combined(source, combinations, memory)
    bases: list[ReducedBasis | None] = []
    for component, (values, _) in enumerate(spectra):
        modes = found[component]
        if modes.shape[1] == 0:
            bases.append(None)
            continue
        product = inner_product.component(component, n_components)
        if factorisation is Factorisation.RITZ:
            exact = _mended(modes, values, product, comm, memory)
        else:
            exact = values
            orthonormalise(modes, product, comm, memory=memory)
        bases.append(ReducedBasis(modes, exact, inner_product.name))
    return tuple(bases)


def _combination(singular_values: Array, right: Array, truncation: Truncation) -> Array:
    """Return what makes modes of snapshots; no column where there is nothing to represent."""
    if not singular_values.any():
        return np.zeros((right.shape[1], 0))
    n_modes = truncation.count(singular_values)
    return np.asarray(fixed_signs(right[:n_modes]).T / singular_values[:n_modes])


def _combined(source: SnapshotSource, combinations: list[Array], memory: int) -> list[Array]:
    """Return U T of each component by row blocks."""
    width = len(combinations)
    found = [np.empty((source.n_rows // width, matrix.shape[1])) for matrix in combinations]
    if not any(matrix.shape[1] for matrix in combinations):
        return found
    for rows, values in all_rows(source, memory, multiple_of=width):
        for component, matrix in enumerate(combinations):
            if matrix.shape[1] == 0:
                continue
            part = slice(rows.start // width, rows.stop // width)
            multiply_into(found[component][part], values[component::width], matrix)
    return found


def _mended(
    modes: Array, values: Array, inner_product: InnerProduct, comm: Communicator, memory: int
) -> Array:
    """Turn modes of a correlation matrix into singular vectors, in place; return all values.

    The snapshots restricted to the rows of V that are kept are Z S with the given modes Z, which
    are nearly orthonormal: the singular value decomposition of their triangular factor times S
    gives theirs with all digits, where the square roots of eigenvalues have lost half of them.
    """
    n_modes = modes.shape[1]
    gram = np.zeros((n_modes, n_modes), order="F")
    for _, rows in weighted_rows(ArraySource(modes), inner_product, memory):
        gram = _correlated(gram, rows)
    mixing, mended = turned(summed_gram(gram, comm), values[:n_modes])
    multiply_into(modes, modes, mixing)
    return np.concatenate([mended, values[n_modes:]])


def _correlated(gram: Array, rows: Array) -> Array:
    """Add the correlations of more rows to the upper triangle."""
    add_gram(gram, rows)
    return gram


_Way = tuple[
    Callable[[Array, Array], Array],
    Callable[[Array, Communicator], tuple[Array, Array]],
]
_WAYS: dict[Factorisation, _Way] = {
    Factorisation.TSQR: (absorbed, spectrum_of_factor),
    Factorisation.RITZ: (_correlated, spectrum_of_gram),
    Factorisation.GRAM: (_correlated, spectrum_of_gram),
}
