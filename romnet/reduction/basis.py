"""A reduced basis, and how many modes it keeps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array

# Singular values below this fraction of the first are rounding of double precision.
_NOISE = 1e-14


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
    def amplitudes(self) -> Float[Array, " n_modes"]:
        """How far the snapshots move each mode, relative to the first [-]."""
        return np.asarray(self.singular_values[: self.n_modes] / self.singular_values[0])

    @property
    def relative_error(self) -> float:
        """Discarded part of the snapshots, root of the energy ratio [-]."""
        # Of the largest, so that squares of tiny values do not vanish.
        energy = (self.singular_values / (self.singular_values.max(initial=0.0) or 1.0)) ** 2
        return float(np.sqrt(energy[self.n_modes :].sum() / energy.sum()))
