"""Loads near one that is known: scaled, and heated more on one side than on the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.stats import qmc

from romnet.core.arrays import Array
from romnet.fe.history import Amplitude, SeparatedField
from romnet.fe.loading import Loading

_ALWAYS = Amplitude(np.array([0.0]), np.array([1.0]), after="hold")


@dataclass(frozen=True)
class Perturbation:
    """Changes of a load case.

    Attributes
    ----------
    heat
        Factor on the change of temperature since the start [-].
    tilt
        Relative change of that factor from the middle to the far end of the body, along each axis.
    forces
        Factor on each term of the external force [-].
    """

    heat: float
    tilt: Float[Array, " n_dim"]
    forces: Float[Array, " n_terms"]

    def of(
        self,
        loading: Loading,
        places: Float[Array, "n_points n_dim"],
        temperatures: tuple[float, float],
    ) -> Loading:
        """Return the changed load case.

        Parameters
        ----------
        loading
            The load case.
        places
            Positions of this rank's points in the bounding box of the body, from -1 to 1.
        temperatures
            Range that the laws know; hotter and colder points get its ends.

        Notes
        -----
        Collective: no. Mutates nothing.
        """
        factor = self.heat * np.maximum(1.0 + places @ self.tilt, 0.0)
        field = loading.temperature
        start = field.at(float(loading.times[0]))
        warm = [field.at(float(time)) - start for time in loading.times]
        for change in warm:
            factor = np.minimum(factor, _largest_factor(start, change, temperatures))
        changed = SeparatedField(field.amplitudes, field.vectors * factor)
        still = SeparatedField((_ALWAYS,), ((1.0 - factor) * start)[None])
        force = loading.force
        return replace(
            loading,
            temperature=changed.joined(still) if len(field.vectors) else field,
            force=SeparatedField(force.amplitudes, force.vectors * self.forces[:, None]),
        )


def _largest_factor(start: Array, change: Array, temperatures: tuple[float, float]) -> Array:
    """Return by how much a change may be multiplied before the laws know the result no more."""
    low, high = temperatures
    room = np.where(change > 0.0, high - start, start - low)
    size = np.abs(change)
    return np.divide(room, size, out=np.full(len(size), np.inf), where=size > 0.0)


def perturbations(
    count: int,
    *,
    n_dim: int,
    n_forces: int,
    strengths: tuple[float, float],
    seed: int,
) -> Iterator[Perturbation]:
    """Yield perturbations from weak to strong, their directions evenly spread.

    Parameters
    ----------
    count
        How many.
    n_dim, n_forces
        Directions of space, terms of the force.
    strengths
        Strength of the first one, where that of the last one is one, and the largest factor on the
        change of temperature; forces get at most its root, the tilt at most twice its excess.
    seed
        Of the directions.

    Notes
    -----
    Collective: no. Deterministic: yes.

    Examples
    --------
    >>> weak, strong = perturbations(2, n_dim=3, n_forces=1, strengths=(0.1, 1.5), seed=0)
    >>> bool(np.abs(strong.tilt).max() > np.abs(weak.tilt).max())
    True
    """
    weakest, spread = strengths
    n_parameters = 1 + n_dim + n_forces
    size = 2 ** int(np.ceil(np.log2(max(count, 2))))
    directions = 2.0 * qmc.Sobol(n_parameters, seed=seed).random(size)[:count] - 1.0
    for number, direction in enumerate(directions):
        strength = weakest ** (1.0 - number / max(count - 1, 1))
        amount = strength * direction / np.abs(direction).max()
        yield Perturbation(
            heat=float(spread ** amount[0]),
            tilt=2.0 * (spread - 1.0) * amount[1 : 1 + n_dim],
            forces=spread ** (0.5 * amount[1 + n_dim :]),
        )
