"""Temperature maps of the blade: a metal temperature with a hot streak, and random ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

COLD = 400.0  # at the start and between flights [degC]
ROOT = 480.0


@dataclass(frozen=True)
class Streak:
    """A hot streak on the airfoil.

    Attributes
    ----------
    peak
        Rise above the temperature of the root where the streak is hottest [K].
    height
        Where that is, as part of the span [-].
    width
        Of the streak, as part of the span [-].
    nose
        Further rise of the leading edge over the trailing edge [K].
    """

    peak: float
    height: float
    width: float = 0.28
    nose: float = 40.0


# An engine family: `between` lies among the first three, but is new in peak, height and nose.
FAMILY = {
    "cool": Streak(peak=350.0, height=0.46, nose=40.0),
    "hot": Streak(peak=380.0, height=0.52, nose=60.0),
    "high": Streak(peak=365.0, height=0.58, nose=30.0),
    "between": Streak(peak=366.0, height=0.51, nose=45.0),
}
# Maps that are further apart, for benchmarks of what lies outside the training.
APART = {
    "a": Streak(peak=360.0, height=0.40),
    "b": Streak(peak=360.0, height=0.65),
    "c": Streak(peak=385.0, height=0.52, nose=60.0),
    "d": Streak(peak=340.0, height=0.50, width=0.36, nose=10.0),
    "e": Streak(peak=370.0, height=0.58, width=0.22, nose=-40.0),
}


def temperature(nodes: np.ndarray, streak: Streak, *, foot: float, span: float) -> np.ndarray:
    """Return the temperature of a map at points [degC].

    Parameters
    ----------
    nodes
        Coordinates (n_nodes, 3) [mm].
    streak
        The map.
    foot, span
        Where the airfoil begins, and its height [mm].
    """
    height = (nodes[:, 2] - foot) / span
    bell = np.exp(-0.5 * ((height - streak.height) / streak.width) ** 2)
    above = np.clip(height, 0.0, 1.0)
    forward = -nodes[:, 0] / 16.0
    rise = streak.peak * bell * smooth(above / 0.2) + streak.nose * forward * smooth(above / 0.3)
    return ROOT + rise


def smooth(x: np.ndarray) -> np.ndarray:
    """Rise from zero to one without kinks."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)
