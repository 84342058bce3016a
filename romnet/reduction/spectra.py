"""Singular values and vectors of tall matrices from small ones: triangles, Gram matrices."""

from __future__ import annotations

import numpy as np
import scipy.linalg
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.core.errors import AccuracyError
from romnet.reduction.tsqr import gathered_factor


def spectrum_of_factor(
    factor: Float[Array, "n n"], comm: Communicator
) -> tuple[Float[Array, " n"], Float[Array, "n n"]]:
    """Return singular values and right vectors, as rows, from the triangular factor of each rank.

    Raises
    ------
    AccuracyError
        If a factor is not finite.

    Notes
    -----
    Collective: yes.
    """
    whole = gathered_factor(factor, comm)
    _refuse_infinite(whole)
    _, singular_values, right = np.linalg.svd(np.triu(whole))
    return singular_values, right


def spectrum_of_gram(
    triangle: Float[Array, "n n"], comm: Communicator
) -> tuple[Float[Array, " n"], Float[Array, "n n"]]:
    """Return singular values and right vectors, as rows, from the Gram matrix of each rank.

    Parameters
    ----------
    triangle
        Its upper triangle.
    comm
        The ranks.

    Raises
    ------
    AccuracyError
        If a matrix is not finite.

    Notes
    -----
    Collective: yes. Values below 1e-8 of the first are noise.
    """
    energies, vectors = np.linalg.eigh(summed_gram(triangle, comm))
    rounding = np.finfo(float).eps * len(energies) * energies[-1]
    singular_values = np.sqrt(np.where(energies > rounding, energies, 0.0))[::-1]
    return singular_values, vectors[:, ::-1].T


def summed_gram(triangle: Float[Array, "n n"], comm: Communicator) -> Float[Array, "n n"]:
    """Return the symmetric sum of matrices of which each rank has an upper triangle.

    Raises
    ------
    AccuracyError
        If it is not finite.

    Notes
    -----
    Collective: yes.
    """
    upper = np.triu(comm.sum(triangle))
    _refuse_infinite(upper)
    return np.asarray(upper + np.triu(upper, 1).T)


def turned(
    gram: Float[Array, "n n"], scale: Float[Array, " n"]
) -> tuple[Float[Array, "n n"], Float[Array, " n"]]:
    r"""Return what turns columns into singular vectors, and the singular values.

    For nearly orthonormal columns :math:`Z` with the Gram matrix :math:`R^T R`, the singular value
    decomposition :math:`R S = P \Sigma V^T` gives that of :math:`Z S`, whose left vectors are
    :math:`Z R^{-1} P`, with all digits.

    Parameters
    ----------
    gram
        :math:`Z^T Z`.
    scale
        Diagonal of :math:`S`, positive.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the columns depend on each other.

    Notes
    -----
    Collective: no. Vectors keep the sign of the columns they are nearest to.

    Examples
    --------
    >>> mixing, values = turned(np.eye(2), np.array([3.0, 2.0]))
    >>> mixing.tolist(), values.tolist()
    ([[1.0, 0.0], [0.0, 1.0]], [3.0, 2.0])
    """
    factor = scipy.linalg.cholesky(gram)
    rotation, singular_values, _ = np.linalg.svd(factor * scale)
    rotation *= np.where(np.diag(rotation) < 0.0, -1.0, 1.0)
    return scipy.linalg.solve_triangular(factor, rotation), singular_values


def fixed_signs(right: Float[Array, "m n"]) -> Float[Array, "m n"]:
    """Make the largest entry of each row positive: signs are otherwise left to rounding.

    Examples
    --------
    >>> fixed_signs(np.array([[1.0, -2.0]])).tolist()
    [[-1.0, 2.0]]
    """
    largest = np.take_along_axis(right, np.abs(right).argmax(axis=1)[:, None], axis=1)
    return np.asarray(right * np.sign(largest))


def _refuse_infinite(matrix: Array) -> None:
    """Refuse snapshots that are not finite."""
    if not np.isfinite(matrix).all():
        message = "a snapshot holds NaN or infinite values; convert the results again."
        raise AccuracyError(message)
