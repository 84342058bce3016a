"""Gappy POD: whole fields at integration points from their values at few of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.core.errors import AccuracyError
from romnet.reduction.selection import at_points, best_point, owned

# What is left of dependent modes after orthogonalisation, relative to what they were: rounding.
_DEPENDENT = 1e-12
# Ratio of singular values up to which points tell modes apart well enough.
_WELL_TOLD = 10.0
# Part of the largest norm in training below which a field counts as negligible.
NEGLIGIBLE = 1e-3


@dataclass(frozen=True)
class GappyOperator:
    r"""Least-squares link between values on the mask and coefficients of the modes.

    Attributes
    ----------
    mask_modes
        :math:`B`, the modes at the mask points (n_mask, n_modes).
    inverse
        :math:`B^+`, from mask values to coefficients (n_modes, n_mask).
    condition
        Ratio of the extreme singular values of *B* [-]; large values amplify noise.
    largest_norm
        Largest norm of the field on the mask in training, the scale of its residual while the
        field itself is negligible.

    Examples
    --------
    >>> operator = GappyOperator.build(np.array([[1.0], [2.0], [2.0]]), largest_norm=3.0)
    >>> operator.inverse.shape, operator.condition
    ((1, 3), 1.0)
    >>> round(operator.residual(np.array([1.0, 2.0, 2.0])), 12)
    0.0
    """

    mask_modes: Float[Array, "n_mask n_modes"]
    inverse: Float[Array, "n_modes n_mask"]
    condition: float
    largest_norm: float

    @classmethod
    def build(
        cls, mask_modes: Float[Array, "n_mask n_modes"], *, largest_norm: float
    ) -> GappyOperator:
        """Factorise the modes at the mask points.

        Parameters
        ----------
        mask_modes
            The modes at the mask points.
        largest_norm
            Largest norm of the field on the mask in training.

        Raises
        ------
        AccuracyError
            If the mask cannot tell the modes apart.
        """
        values = np.linalg.svd(mask_modes, compute_uv=False)
        if len(mask_modes) < mask_modes.shape[1] or not values[-1] > _DEPENDENT * values[0]:
            message = (
                f"gappy POD: {len(mask_modes)} points cannot identify {mask_modes.shape[1]} modes; "
                "use fewer modes or more points."
            )
            raise AccuracyError(message)
        return cls(
            mask_modes=mask_modes,
            inverse=np.linalg.pinv(mask_modes),
            condition=float(values[0] / values[-1]),
            largest_norm=largest_norm,
        )

    def rest(self, values: Float[Array, "n_mask ..."]) -> Float[Array, "n_mask ..."]:
        """Return the part of mask values that the modes cannot represent."""
        return np.asarray(values - self.mask_modes @ (self.inverse @ values))

    def residual(self, values: Float[Array, " n_mask"]) -> float:
        """Return the relative part of mask values that the modes cannot represent [-]."""
        scale = max(float(np.linalg.norm(values)), NEGLIGIBLE * self.largest_norm)
        return float(np.linalg.norm(self.rest(values))) / scale if scale > 0.0 else 0.0


def interpolation_points(
    modes: Float[Array, "n_points n_modes"],
    numbers: Int[Array, " n_points"],
    comm: Communicator,
) -> Int[Array, " n_modes"]:
    """Select as many points as modes at which the modes are well told apart.

    Column-pivoted QR of the transposed modes over the points of all ranks (the pivot rule of
    Q-DEIM): each pivot is the point where the part of the modes not yet seen is largest.

    Parameters
    ----------
    modes
        Modes at the points of this rank.
    numbers
        Global numbers of these points.
    comm
        The ranks.

    Returns
    -------
    ndarray
        Global numbers, ascending.

    Raises
    ------
    AccuracyError
        If the modes are linearly dependent.

    Notes
    -----
    Collective: yes. Deterministic: yes, for any number of ranks. Cost: O(n_points n_modes^2).

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> modes = np.array([[0.1, 0.0], [1.0, 0.2], [0.0, 0.5]])
    >>> interpolation_points(modes, np.arange(3), SerialCommunicator()).tolist()
    [1, 2]
    """
    rest: Array = np.array(modes.T)
    whole = comm.max(float(np.linalg.norm(rest, axis=0).max(initial=0.0)))
    selected: list[int] = []
    for _ in range(modes.shape[1]):
        scores = np.linalg.norm(rest, axis=0)
        scores[owned(np.array(selected, dtype=np.int64), numbers)[1]] = -np.inf
        point, length = best_point(scores, numbers, comm)
        if length <= _DEPENDENT * whole:
            message = f"gappy POD: only {len(selected)} of {modes.shape[1]} modes are independent."
            raise AccuracyError(message)
        direction = at_points(np.array([point]), rest.T, numbers, comm)[0]
        direction /= np.linalg.norm(direction)
        rest -= np.outer(direction, direction @ rest)
        selected.append(point)
    return np.array(sorted(selected), dtype=np.int64)


def further_points(
    modes: Float[Array, "n_points n_modes"],
    numbers: Int[Array, " n_points"],
    comm: Communicator,
    *,
    known: Int[Array, " n_known"],
) -> Int[Array, " n_further"]:
    """Select the points that modes need beside others: none if those tell them well apart.

    Parameters
    ----------
    modes
        Modes at the points of this rank.
    numbers
        Global numbers of these points.
    comm
        The ranks.
    known
        Global numbers of the points that there are anyway.

    Returns
    -------
    ndarray
        Global numbers, ascending: `interpolation_points`, or none.

    Raises
    ------
    AccuracyError
        If the modes are linearly dependent.

    Notes
    -----
    Collective: yes. Deterministic: yes, for any number of ranks. Cost: as `interpolation_points`.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> modes = np.array([[0.1, 0.0], [1.0, 0.2], [0.0, 0.5]])
    >>> alone, numbers = SerialCommunicator(), np.arange(3)
    >>> further_points(modes, numbers, alone, known=np.array([1, 2])).tolist()
    []
    >>> further_points(modes, numbers, alone, known=np.array([1])).tolist()
    [1, 2]
    """
    if 0 < modes.shape[1] <= len(known):
        values = np.linalg.svd(at_points(known, modes, numbers, comm), compute_uv=False)
        if values[0] <= _WELL_TOLD * values[-1]:
            return np.empty(0, dtype=np.int64)
    return interpolation_points(modes, numbers, comm)
