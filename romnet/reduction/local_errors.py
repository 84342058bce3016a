"""Projection errors of global and local bases: how fast the width of each cluster falls."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.core.errors import AccuracyError
from romnet.core.snapshots import SnapshotSource, StackedSource
from romnet.fe.inner_products import InnerProduct
from romnet.reduction.basis import ReducedBasis
from romnet.reduction.projection import project

# Energies below this fraction of a trajectory's own are rounding.
_ROUNDING = 1e-13
# Directions of energies below this fraction of the largest are none.
_NO_DIRECTION = 1e-14


def coordinates(
    trajectories: tuple[SnapshotSource, ...],
    basis: ReducedBasis,
    inner_product: InnerProduct,
    comm: Communicator,
) -> Float[Array, "n_trajectories n_modes n_times"]:
    """Express simulations in a basis, so that all that follows is small and on every rank.

    Parameters
    ----------
    trajectories
        One source for each simulation, with equally many instants, rows of this rank.
    basis
        Modes that represent them much better than any basis to be compared will.
    inner_product
        That in which the modes are orthonormal.
    comm
        The ranks.

    Raises
    ------
    ValueError
        If the numbers of instants differ.

    Notes
    -----
    Collective: yes. Deterministic: yes. Mutates nothing. Cost: one pass over the snapshots.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> from romnet.core.snapshots import ArraySource
    >>> from romnet.fe.inner_products import identity
    >>> basis = ReducedBasis(np.eye(3)[:, :2], np.ones(2), "identity")
    >>> coordinates((ArraySource(np.array([[1.0], [2.0], [0.0]])),), basis,
    ...     identity(np.ones(3, dtype=bool)), SerialCommunicator()).tolist()
    [[[1.0], [2.0]]]
    """
    sizes = {trajectory.n_snapshots for trajectory in trajectories}
    if len(sizes) != 1:
        message = f"the simulations need equal numbers of instants, got {sorted(sizes)}."
        raise ValueError(message)
    found = project(basis, StackedSource(trajectories), inner_product, comm)
    return np.ascontiguousarray(
        found.reshape(basis.n_modes, len(trajectories), -1).transpose(1, 0, 2)
    )


def cluster_modes(
    trajectories: Float[Array, "n_trajectories n_rows n_times"],
) -> Float[Array, "n_rows n_modes"]:
    """Return all POD modes of some simulations, the most energetic first.

    Notes
    -----
    Collective: no. Deterministic: yes, up to signs. Mutates nothing. Meant for coordinates, of
    which there are few: the modes are eigenvectors of an ``n_rows x n_rows`` matrix, so errors
    below 1e-6 are rounding. Directions that the simulations do not have, but for rounding, are no
    modes: they would differ from one number of ranks to another.

    Examples
    --------
    >>> abs(cluster_modes(np.array([[[0.0], [2.0]]]))).tolist()
    [[0.0], [1.0]]
    """
    rows = trajectories.transpose(1, 0, 2).reshape(trajectories.shape[1], -1)
    energies, modes = np.linalg.eigh(rows @ rows.T)
    n_modes = max(1, int(np.count_nonzero(energies > _NO_DIRECTION * energies[-1])))
    return np.ascontiguousarray(modes[:, ::-1][:, :n_modes])


def width_curves(
    modes: Float[Array, "n_rows n_all"],
    trajectories: Float[Array, "n_trajectories n_rows n_times"],
    max_modes: int,
) -> Float[Array, "n_trajectories max_modes"]:
    """Return the relative projection error of each simulation on the first 1, 2, ... modes.

    Parameters
    ----------
    modes
        Orthonormal columns.
    trajectories
        Simulations in the same coordinates.
    max_modes
        Length of the curves; beyond the number of modes they stay at the last error.

    Raises
    ------
    AccuracyError
        If a simulation vanishes.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing.

    Examples
    --------
    >>> width_curves(np.eye(2), np.array([[[3.0], [4.0]]]), 2).round(6).tolist()
    [[0.8, 0.0]]
    """
    energies = (trajectories**2).sum(axis=(1, 2))
    if not energies.all():
        message = f"simulation {int(np.argmin(energies))} is zero; leave it out."
        raise AccuracyError(message)
    captured = (np.matmul(modes.T[:max_modes], trajectories) ** 2).sum(axis=2)
    left = energies[:, None] - np.cumsum(captured, axis=1)
    errors = np.sqrt(np.maximum(left / energies[:, None], _ROUNDING))
    missing = max_modes - errors.shape[1]
    return np.asarray(np.pad(errors, ((0, 0), (0, max(0, missing))), mode="edge"))


def local_curves(
    training: Float[Array, "n_training n_rows n_times"],
    labels: Int[Array, " n_training"],
    trajectories: Float[Array, "n_trajectories n_rows n_times"],
    assigned: Int[Array, " n_trajectories"],
    max_modes: int,
) -> Float[Array, "n_trajectories max_modes"]:
    """Return the error curves of simulations on the bases of the clusters they are given to.

    Parameters
    ----------
    training, labels
        Simulations that the bases are made of, and the cluster of each.
    trajectories, assigned
        Other simulations in the same coordinates, and the cluster whose basis each one gets.
    max_modes
        Length of the curves.

    Raises
    ------
    ValueError
        If a simulation is given to a cluster without members.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing.

    Examples
    --------
    Two lines and two clusters: one mode each is enough.

    >>> lines = np.array([[[1.0], [0.0]], [[0.0], [1.0]]])
    >>> bool(local_curves(lines, np.array([0, 1]), -2 * lines, np.array([0, 1]), 1).max() < 1e-6)
    True
    """
    errors = np.empty((len(trajectories), max_modes))
    for cluster in np.unique(assigned):
        members = training[labels == cluster]
        if not len(members):
            message = f"cluster {cluster} has no member to make a basis of."
            raise ValueError(message)
        asked = assigned == cluster
        errors[asked] = width_curves(cluster_modes(members), trajectories[asked], max_modes)
    return errors
