"""How unlike two simulations are, seen by the linear bases that would have to represent them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.core.errors import AccuracyError
from romnet.core.snapshots import SnapshotSource, StackedSource
from romnet.fe.inner_products import InnerProduct
from romnet.reduction.blocks import MEMORY, weighted_rows

# Directions of a trajectory below this fraction of its first one: rounding of its Gram matrix.
_NOISE = 1e-7
# Of dissimilarities that are compared with one another.
_DECIMALS = 7


class Dissimilarity(Enum):
    """What is compared of two simulations; the published choice is the first."""

    SINE = "sine of the angle between the trajectories, each flattened to one vector"
    CHORDAL = "chordal distance of the subspaces of the first modes"
    GEODESIC = "geodesic distance of the subspaces on the Grassmann manifold"
    PROJECTION = "mean error of projecting each trajectory on the modes of the other"
    EUCLIDEAN = "Euclidean distance of the flattened trajectories, which sees amplitudes"


def dissimilarities(
    trajectories: Sequence[SnapshotSource],
    inner_product: InnerProduct,
    *,
    kind: Dissimilarity = Dissimilarity.SINE,
    rank: int = 1,
    comm: Communicator,
    memory: int = MEMORY,
) -> Float[Array, "n_trajectories n_trajectories"]:
    r"""Compare simulations pairwise.

    With :math:`\langle Q_i, Q_j \rangle = \sum_t u_i(t) \cdot M u_j(t)` and :math:`V_i` the first
    `rank` modes of trajectory :math:`i`:

    - ``SINE`` :math:`\sqrt{1 - \langle Q_i, Q_j \rangle^2 / (\|Q_i\|^2 \|Q_j\|^2)}`, the relative
      error of projecting one trajectory on the line of the other [1]_: blind to amplitude and
      sign, as a linear basis is;
    - ``CHORDAL`` :math:`\sqrt{1 - \|V_i^T M V_j\|_F^2 / r}`;
    - ``GEODESIC`` :math:`\sqrt{\sum \theta_k^2}` of the principal angles;
    - ``PROJECTION`` :math:`\frac12 (\|(I-P_j) Q_i\| / \|Q_i\| + \|(I-P_i) Q_j\| / \|Q_j\|)`;
    - ``EUCLIDEAN`` :math:`\|Q_i - Q_j\|`, a baseline.

    The rank should be the number of modes that the local bases will have: larger ones compare
    noise.

    Parameters
    ----------
    trajectories
        One source for each simulation, rows of this rank. The first and the last kind need equal
        numbers of instants.
    inner_product
        Factor of :math:`M` on this rank.
    kind
        What is compared.
    rank
        Modes of each trajectory, for the kinds that compare subspaces.
    comm
        The ranks.
    memory
        What this rank may hold in blocks of snapshots [B].

    Returns
    -------
    Array
        Symmetric, zero on the diagonal, the same on every rank.

    Raises
    ------
    ValueError
        If instants differ in number where they must not, or `rank` is not positive.
    AccuracyError
        If a trajectory is zero or not finite, unless the kind is ``EUCLIDEAN``.

    Notes
    -----
    Collective: yes. Deterministic: yes, beyond rounding for any number of ranks. Mutates nothing.
    Angles below 1e-8 are rounding: all kinds are computed from Gram matrices. Cost: one pass over
    the snapshots for flattened kinds; two for subspaces; for ``PROJECTION`` as many more as its
    ``n_trajectories rank x n_snapshots`` products need within `memory`.

    References
    ----------
    .. [1] T. Daniel, F. Casenave, N. Akkari, A. Ketata, D. Ryckelynck, "Physics-informed cluster
       analysis and a priori efficiency criterion for the construction of local reduced-order
       bases", J. Comput. Phys. 458 (2022).

    Examples
    --------
    A field, its opposite three times as large, and one orthogonal to both:

    >>> from romnet.core.communicator import SerialCommunicator
    >>> from romnet.core.snapshots import ArraySource
    >>> from romnet.fe.inner_products import identity
    >>> fields = [np.array([[1.0], [0.0]]), np.array([[-3.0], [0.0]]), np.array([[0.0], [2.0]])]
    >>> dissimilarities([ArraySource(field) for field in fields],
    ...     identity(np.ones(2, dtype=bool)), comm=SerialCommunicator()).tolist()
    [[0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0]]
    """
    if rank < 1:
        message = f"rank must be positive, got {rank}."
        raise ValueError(message)
    pairs = _Pairs(trajectories, inner_product, comm, memory)
    if kind is Dissimilarity.SINE:
        found = _sines(pairs.flattened())
    elif kind is Dissimilarity.EUCLIDEAN:
        gram = pairs.flattened()
        square = np.diagonal(gram)
        found = np.sqrt(np.maximum(square[:, None] + square - 2.0 * gram, 0.0))
    else:
        modes = pairs.modes(rank)
        if kind is Dissimilarity.PROJECTION:
            found = pairs.projection_errors(modes)
        else:
            found = _angles(pairs.products(modes), modes, kind)
    found = 0.5 * (found + found.T)
    np.fill_diagonal(found, 0.0)
    return found


def settled(dissimilarity: Float[Array, "n m"]) -> Float[Array, "n m"]:
    """Round off what is only rounding, so that equally unlike simulations are so on any ranks.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing.

    Examples
    --------
    >>> settled(np.array([[0.5, 0.5 + 1e-12]])).tolist()
    [[0.5, 0.5]]
    """
    return np.round(dissimilarity, _DECIMALS)


def sines_between(
    first: Float[Array, "n_first n_values"], second: Float[Array, "n_second n_values"]
) -> Float[Array, "n_first n_second"]:
    """Return the sines of the angles between the rows of two sets, such as new and known ones.

    Parameters
    ----------
    first, second
        Flattened trajectories in coordinates of an orthonormal basis.

    Raises
    ------
    AccuracyError
        If a row is zero or not finite.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing.

    Examples
    --------
    >>> sines_between(np.array([[3.0, 4.0]]), np.array([[1.0, 0.0]])).round(12).tolist()
    [[0.8]]
    """
    norms = [np.linalg.norm(rows, axis=1) for rows in (first, second)]
    for size in norms:
        _refuse_zero(size)
    cosines = (first / norms[0][:, None]) @ (second / norms[1][:, None]).T
    return np.asarray(np.sqrt(np.maximum(1.0 - cosines**2, 0.0)))


def combined(
    fields: Sequence[Float[Array, "n_trajectories n_trajectories"]], weights: Sequence[float]
) -> Float[Array, "n_trajectories n_trajectories"]:
    r"""Combine the dissimilarities of several fields, :math:`\sqrt{\sum_q \alpha_q \delta_q^2}`.

    Parameters
    ----------
    fields
        One matrix for each field.
    weights
        One non-negative number for each; they are divided by their sum [-].

    Raises
    ------
    ValueError
        If there is not one weight for each field, one is negative or all are zero.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing.

    Examples
    --------
    >>> combined([np.array([[0.0, 0.6], [0.6, 0.0]]), np.array([[0.0, 0.8], [0.8, 0.0]])],
    ...     [1.0, 1.0]).round(6).tolist()
    [[0.0, 0.707107], [0.707107, 0.0]]
    """
    if len(fields) != len(weights) or min(weights, default=-1.0) < 0.0 or not any(weights):
        message = (
            f"{len(fields)} fields need as many weights, none negative, one positive; "
            f"got {list(weights)}."
        )
        raise ValueError(message)
    parts = [
        weight / sum(weights) * field**2 for weight, field in zip(weights, fields, strict=True)
    ]
    return np.asarray(np.sqrt(np.sum(parts, axis=0)))


class _Pairs:
    """Products of trajectories with one another, summed over rows and ranks."""

    def __init__(
        self,
        trajectories: Sequence[SnapshotSource],
        inner_product: InnerProduct,
        comm: Communicator,
        memory: int,
    ) -> None:
        self.source = StackedSource(tuple(trajectories))
        self.sizes = [trajectory.n_snapshots for trajectory in trajectories]
        self.starts = np.concatenate([[0], np.cumsum(self.sizes)])
        self.product, self.comm, self.memory = inner_product, comm, memory

    def flattened(self) -> Array:
        """Return the products of the trajectories, each taken as one vector."""
        if len(set(self.sizes)) != 1:
            message = (
                f"flattened trajectories need equal numbers of instants, got {min(self.sizes)} to "
                f"{max(self.sizes)}; compare subspaces instead (CHORDAL, GEODESIC, PROJECTION)."
            )
            raise ValueError(message)
        count, n_times = len(self.sizes), self.sizes[0]
        gram = np.zeros((count, count))
        for _, rows in weighted_rows(self.source, self.product, self.memory):
            by_instant = rows.reshape(len(rows), count, n_times)
            vectors = by_instant.transpose(0, 2, 1).reshape(-1, count)
            gram += vectors.T @ vectors
        return self.comm.sum(gram)

    def modes(self, rank: int) -> list[Array]:
        """Return, for each trajectory, what makes at most `rank` orthonormal modes of it."""
        grams = [np.zeros((size, size)) for size in self.sizes]
        for _, rows in weighted_rows(self.source, self.product, self.memory):
            for gram, start in zip(grams, self.starts[:-1], strict=True):
                part = rows[:, start : start + len(gram)]
                np.add(gram, part.T @ part, out=gram)
        whole = self.comm.sum(np.concatenate([gram.ravel() for gram in grams]))
        parts = np.split(whole, np.cumsum([gram.size for gram in grams])[:-1])
        combinations = []
        traces = [
            np.trace(flat.reshape(gram.shape)) for flat, gram in zip(parts, grams, strict=True)
        ]
        self.norms = np.sqrt(np.array(traces))
        _refuse_zero(self.norms)
        for number, flat in enumerate(parts):
            gram = flat.reshape(grams[number].shape)
            energies, vectors = np.linalg.eigh(gram)
            kept = np.flatnonzero(energies > _NOISE**2 * energies[-1])[::-1][:rank]
            combinations.append(vectors[:, kept] / np.sqrt(energies[kept]))
        return combinations

    def products(self, modes: list[Array]) -> Array:
        """Return V_i . M V_j for all modes of all trajectories."""
        width = sum(matrix.shape[1] for matrix in modes)
        gram = np.zeros((width, width))
        for _, rows in weighted_rows(self.source, self.product, self.memory):
            vectors = self._combined(rows, modes, 0)
            gram += vectors.T @ vectors
        return self.comm.sum(gram)

    def projection_errors(self, modes: list[Array]) -> Array:
        """Return the relative error of trajectory i on the modes of trajectory j, both ways."""
        count = len(modes)
        errors = np.zeros((count, count))
        size = max(1, self.memory // (8 * self.source.n_snapshots * max(m.shape[1] for m in modes)))
        for first in range(0, count, size):
            chunk = modes[first : first + size]
            width = sum(matrix.shape[1] for matrix in chunk)
            products = np.zeros((width, self.source.n_snapshots))
            for _, rows in weighted_rows(self.source, self.product, self.memory):
                products += self._combined(rows, chunk, first).T @ rows
            energies = np.add.reduceat(self.comm.sum(products) ** 2, self.starts[:-1], axis=1)
            ends = np.cumsum([0, *(matrix.shape[1] for matrix in chunk)])[:-1]
            captured = np.add.reduceat(energies, ends, axis=0) / self.norms**2
            errors[first : first + size] = np.sqrt(np.maximum(1.0 - captured, 0.0))
        return errors

    def _combined(self, rows: Array, modes: list[Array], first: int) -> Array:
        """Return rows of the modes of some trajectories, side by side."""
        starts = self.starts[first:]
        return np.hstack(
            [
                rows[:, start : start + len(matrix)] @ matrix
                for start, matrix in zip(starts, modes, strict=False)
            ]
        )


def _sines(gram: Array) -> Array:
    """Return the sines of the angles between vectors of known products."""
    norms = np.sqrt(np.diagonal(gram))
    _refuse_zero(norms)
    cosines = gram / norms[:, None] / norms
    return np.asarray(np.sqrt(np.maximum(1.0 - cosines**2, 0.0)))


def _angles(gram: Array, modes: list[Array], kind: Dissimilarity) -> Array:
    """Return distances of subspaces from the products of their orthonormal modes."""
    widths = np.array([matrix.shape[1] for matrix in modes])
    starts = np.concatenate([[0], np.cumsum(widths)])
    if kind is Dissimilarity.CHORDAL:
        energies = np.add.reduceat(
            np.add.reduceat(gram**2, starts[:-1], axis=0), starts[:-1], axis=1
        )
        larger = np.maximum(widths[:, None], widths)
        return np.asarray(np.sqrt(np.maximum(1.0 - energies / larger, 0.0)))
    found = np.zeros((len(modes), len(modes)))
    for number, (start, stop) in enumerate(pairwise(starts)):
        # Directions that one subspace lacks stay zero columns: right angles.
        blocks = np.zeros((len(modes), widths.max(), widths.max()))
        inside = np.arange(widths.max()) < widths[:, None]
        by_mode = np.zeros((len(modes), widths.max(), stop - start))
        by_mode[inside] = gram[:, start:stop]
        blocks[:, :, : stop - start] = by_mode
        cosines = np.linalg.svd(blocks, compute_uv=False)
        angles = np.arccos(np.clip(cosines, 0.0, 1.0))
        counted = np.arange(widths.max()) < np.maximum(widths, stop - start)[:, None]
        found[number] = np.sqrt((np.where(counted, angles, 0.0) ** 2).sum(axis=1))
    return found


def _refuse_zero(norms: Array) -> None:
    """Refuse trajectories without a direction."""
    bad = np.flatnonzero(~(np.isfinite(norms) & (norms > 0.0)))
    if bad.size:
        message = (
            f"trajectory {bad[0]} (of {bad.size} such) is zero or not finite, so it has no angle "
            f"with others; leave it out."
        )
        raise AccuracyError(message)
