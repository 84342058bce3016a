"""What changes from one cycle to the next, and from when on nothing does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array

# Growth below this part of what has grown so far is none: the structure has shaken down.
_SHAKEN_DOWN = 1e-3


@dataclass(frozen=True)
class CycleHistory:
    """How the answer of a reduced model changes from cycle to cycle, at its points.

    Attributes
    ----------
    growth
        Largest growth of the cumulated plastic strain in each cycle over the points [-].
    growth_change
        Change of the growth since the cycle before, relative to the growth; root mean square over
        the points [-]. The first cycle has none: ``nan``.
    stress_range
        Largest range of a stress component in each cycle over the points [stress].
    stress_change
        Change of the ranges of all components since the cycle before, relative to the ranges; root
        mean square over the points [-].
    """

    growth: Float[Array, " n_cycles"]
    growth_change: Float[Array, " n_cycles"]
    stress_range: Float[Array, " n_cycles"]
    stress_change: Float[Array, " n_cycles"]

    def stable_from(self, tolerance: float) -> int | None:
        """Return the first cycle from which on all are alike, counted from one; None if none is.

        Parameters
        ----------
        tolerance
            Change from one cycle to the next below which they count as alike [-].

        Notes
        -----
        A structure that shakes down, one that settles on a loop and one that ratchets at a
        constant rate are all stable.

        Examples
        --------
        >>> quiet = np.array([np.nan, 0.5, 0.01, 0.001])
        >>> CycleHistory(np.ones(4), quiet, np.ones(4), 0.1 * quiet).stable_from(0.02)
        3
        """
        alike = np.fmax(self.growth_change, self.stress_change) <= tolerance
        if alike.size == 0 or not alike[-1]:
            return None
        changed = np.flatnonzero(~alike)  # the first one always, as its change is nan
        return int(changed[-1]) + 2 if changed.size else 1


def cycle_history(
    values: Mapping[str, Float[Array, "n_mask n_times"]], ends: Int[Array, " n_ends"]
) -> CycleHistory:
    """Compare each cycle of an answer with the one before.

    Parameters
    ----------
    values
        Dual scalars at the points of the model: ``p`` and ``stress_11`` ... are used; without one
        of them its columns are ``nan``.
    ends
        Positions among the instants of the start and of the end of each cycle.

    Notes
    -----
    Collective: no. Mutates nothing. Cost: one pass over the values.

    Examples
    --------
    A point that ratchets by less and less:

    >>> p = np.array([[0.0, 4.0, 6.0, 7.0]])
    >>> history = cycle_history({"p": p}, np.arange(4))
    >>> history.growth.tolist(), history.growth_change.tolist()
    ([4.0, 2.0, 1.0], [nan, 1.0, 1.0])
    """
    none = np.full(max(len(ends) - 1, 0), np.nan)
    growth = growth_change = stress_range = stress_change = none
    if "p" in values and none.size:
        p = values["p"][:, ends]
        grown = np.diff(p, axis=1)
        growth = grown.max(axis=0)
        floor = _SHAKEN_DOWN * np.linalg.norm(p[:, 1:], axis=0)
        growth_change = _relative_changes(grown, floor)
    stresses = [field for name, field in values.items() if name.startswith("stress_")]
    if stresses and none.size:
        ranges = np.vstack([_ranges(field, ends) for field in stresses])
        stress_range = ranges.max(axis=0)
        stress_change = _relative_changes(ranges, np.zeros(none.size))
    return CycleHistory(growth, growth_change, stress_range, stress_change)


def _ranges(field: Array, ends: Array) -> Float[Array, "n_mask n_cycles"]:
    """Return the range of a scalar in each cycle, its start and end included."""
    spans = [field[:, a : b + 1] for a, b in pairwise(ends)]
    return np.stack([np.ptp(span, axis=1) for span in spans], axis=1)


def _relative_changes(values: Array, floor: Array) -> Float[Array, " n_cycles"]:
    """Return the change of columns since the one before, relative to what they are."""
    change = np.linalg.norm(np.diff(values, axis=1), axis=0)
    scale = np.maximum(np.linalg.norm(values, axis=0), floor)[1:]
    relative = np.divide(change, scale, out=np.zeros_like(change), where=scale > 0.0)
    return np.concatenate([[np.nan], relative])
