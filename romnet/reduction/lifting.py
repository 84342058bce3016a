"""Loads outside what a model was trained on: how far, where in time, and the modes they need."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.fe.inner_products import InnerProduct

_DEPENDENT = 1e-10  # part of a vector that is rounding after the others are taken out


def distance_outside(
    asked: Float[Array, "n n_asked"], trained: Float[Array, "n n_trained"], comm: Communicator
) -> float:
    """Return the largest part of asked vectors that no combination of trained ones gives.

    Parameters
    ----------
    asked, trained
        Columns; each row belongs to one rank.
    comm
        The ranks.

    Returns
    -------
    float
        Length of the rest relative to that of the longest asked vector [-]; one if nothing was
        trained, zero if nothing is asked.

    Notes
    -----
    Collective: yes. Cost: two Gram matrices.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> asked = np.array([[3.0], [4.0]])
    >>> round(distance_outside(asked, np.array([[2.0], [0.0]]), SerialCommunicator()), 12)
    0.8
    """
    rest = asked
    for _ in range(2):  # the second pass takes out what rounding left
        gram = comm.sum(trained.T @ trained)
        rest = rest - trained @ (np.linalg.pinv(gram, hermitian=True) @ comm.sum(trained.T @ rest))
    lengths, wholes = np.sqrt(comm.sum(np.stack([(rest**2).sum(0), (asked**2).sum(0)])))
    longest = float(wholes.max(initial=0.0))
    return float(lengths.max()) / longest if longest > 0.0 else 0.0


def farthest_instants(signatures: Float[Array, "n n_times"], count: int) -> Int[Array, " n_chosen"]:
    """Choose instants whose loads differ most from the first one and from each other.

    Parameters
    ----------
    signatures
        What acts at each instant, in numbers of one scale; the first column is the virgin state.
    count
        At most so many.

    Returns
    -------
    ndarray
        Positions in the order of choice, without the first instant; fewer where loads repeat.

    Notes
    -----
    Collective: no. Deterministic: yes; of equally far instants the first one.

    Examples
    --------
    A load that rises, stays and falls is looked at where it is full, half and a quarter:

    >>> farthest_instants(np.array([[0.0, 1.0, 2.0, 4.0, 4.0, 0.0]]), 3).tolist()
    [3, 2, 1]
    """
    distance = np.linalg.norm(signatures - signatures[:, :1], axis=0)
    longest = float(distance.max(initial=0.0))
    chosen: list[int] = []
    while len(chosen) < count and distance.max(initial=0.0) > _DEPENDENT * longest:
        chosen.append(int(distance.argmax()))
        apart = np.linalg.norm(signatures - signatures[:, chosen[-1:]], axis=0)
        distance = np.minimum(distance, apart)
    return np.array(chosen, dtype=np.int64)


def further_modes(
    modes: Float[Array, "n_dofs n_modes"],
    responses: Float[Array, "n_dofs n_responses"],
    product: InnerProduct,
    comm: Communicator,
    *,
    rtol: float,
) -> Float[Array, "n_dofs n_further"]:
    """Return the orthonormal modes that responses need beyond those there are.

    Parameters
    ----------
    modes
        Orthonormal modes on the dofs of this rank.
    responses
        Columns on the same dofs.
    product
        Inner product of this rank's part.
    comm
        The ranks.
    rtol
        What is left of the responses may be neglected below this part of the longest one [-].

    Notes
    -----
    Collective: yes. Mutates nothing. Cost: two passes over modes and responses.

    Examples
    --------
    >>> from scipy.sparse import identity
    >>> from romnet.core.communicator import SerialCommunicator
    >>> plain = InnerProduct("identity", identity(3, format="csr"))
    >>> asked = np.array([[5.0, 1.0], [0.0, 2.0], [0.0, 0.0]])
    >>> new = further_modes(np.eye(3)[:, :1], asked, plain, SerialCommunicator(), rtol=1e-6)
    >>> np.abs(new).round(9).ravel().tolist()
    [0.0, 1.0, 0.0]
    """
    weighted_modes = product @ modes
    longest = np.sqrt(comm.sum(((product @ responses) ** 2).sum(0)).max(initial=0.0))
    rest = responses
    for _ in range(2):
        rest = rest - modes @ comm.sum(weighted_modes.T @ (product @ rest))
    weighted = product @ rest
    values, vectors = np.linalg.eigh(comm.sum(weighted.T @ weighted))
    lengths = np.sqrt(np.maximum(values, 0.0))
    kept = np.flatnonzero(lengths > rtol * longest)[::-1]
    new = rest @ (vectors[:, kept] / lengths[kept])
    # The Gram matrix loses half the digits; once more, now that lengths are alike.
    new = new - modes @ comm.sum(weighted_modes.T @ (product @ new))
    weighted = product @ new
    factor = np.linalg.cholesky(comm.sum(weighted.T @ weighted)) if kept.size else np.eye(0)
    new = np.linalg.solve(factor, new.T).T
    return np.asarray(new)
