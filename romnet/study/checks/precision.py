"""How many digits results were written with, and what the missing ones do to strains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.fe.discretization import Discretization

MOST_DIGITS = 12
_SAMPLE = 20_000
_ALMOST_ALL = 0.999
_SINGLE_BITS = 24
_SINGLE_DIGITS = 6


@dataclass(frozen=True)
class Precision:
    """Last place of values that were written with few digits.

    Attributes
    ----------
    digits
        Significant decimal digits; 0 where they are not decimal.
    bits
        Significant bits, 24 of single precision or 53; 0 where the digits are decimal.
    """

    digits: int
    bits: int

    @property
    def label(self) -> str:
        """In words."""
        if self.digits:
            return f"{self.digits} significant digits"
        return "single precision" if self.bits == _SINGLE_BITS else "double precision"

    @property
    def relative(self) -> float:
        """Largest distance of two neighbouring values, relative to them [-]."""
        return 10.0 ** (1 - self.digits) if self.digits else 2.0 ** (1 - self.bits)

    def quantum(self, values: Float[Array, " n"]) -> Float[Array, " n"]:
        """Return the distance of each value to its neighbour.

        Examples
        --------
        >>> Precision(6, 0).quantum(np.array([123.456, 0.0])).tolist()
        [0.001, 0.0]
        """
        size = np.abs(values)
        base = 10.0 if self.digits else 2.0
        places = self.digits or self.bits
        with np.errstate(divide="ignore"):
            exponent = np.floor(np.log(size) / np.log(base) * (1.0 + 1e-15))
        steps = base ** np.where(size > 0.0, exponent + 1 - places, 0.0)
        return np.where(size > 0.0, steps, 0.0)


def precision_of(values: Float[Array, " n"]) -> Precision:
    """Find out with how many digits values were written.

    Parameters
    ----------
    values
        Any field, flat; at most 20 000 of its values are looked at.

    Notes
    -----
    Collective: no. Deterministic: yes. One value in a thousand may be otherwise: some codes write
    more digits for special values.

    Examples
    --------
    >>> raw = np.sqrt(np.arange(1.0, 100.0))
    >>> six = np.array([float(f"{value:.5e}") for value in raw])
    >>> precision_of(six).label, precision_of(raw.astype(np.float32).astype(float)).label
    ('6 significant digits', 'single precision')
    >>> precision_of(raw).label
    'double precision'
    """
    found = values[values != 0.0]
    sample = found[:: max(1, found.size // _SAMPLE)]
    if not sample.size:
        return Precision(0, 53)
    exponent = np.floor(np.log10(np.abs(sample)))
    mantissa = sample / 10.0**exponent
    short = sample.astype(np.float32)
    single = bool(np.mean(short.astype(np.float64) == sample) > _ALMOST_ALL)
    for digits in range(1, MOST_DIGITS + 1):
        scale = 10.0 ** (digits - 1)
        rounded = np.round(mantissa * scale)
        # rounding of the division, far below the first digit that was dropped
        same = np.abs(mantissa * scale - rounded) < 1e-14 * 10.0 * scale + 1e-9
        if single and digits <= _SINGLE_DIGITS:
            same |= (rounded / scale * 10.0**exponent).astype(np.float32) == short
        if np.mean(same) > _ALMOST_ALL:
            return Precision(digits, 0)
    return Precision(0, _SINGLE_BITS if single else 53)


def strain_noise(
    discretization: Discretization, displacement: Float[Array, " n_dofs"], precision: Precision
) -> tuple[float, float]:
    r"""Estimate what the last digits of displacements do to strains.

    Each displacement is off by a number between minus and plus half its last place, so its
    variance is :math:`q^2/12` and that of a strain :math:`\sum_j B_{ij}^2 q_j^2/12`.

    Parameters
    ----------
    discretization
        Points.
    displacement
        Values as they were written [length].
    precision
        From `precision_of`.

    Returns
    -------
    noise, strain
        Root mean square over the points and components [-].

    Notes
    -----
    Collective: no. Deterministic: yes. Cost: one product with the strain operator.

    Examples
    --------
    >>> from romnet.fe.discretization import discretize
    >>> from romnet.fe.structured import box_mesh
    >>> bar = discretize(box_mesh((10.0, 1.0, 1.0), (10, 1, 1)))
    >>> stretch = (bar.mesh.nodes * (1e-3, 0.0, 0.0)).ravel()
    >>> noise, strain = strain_noise(bar, stretch, Precision(6, 0))
    >>> 1e-7 < noise / strain < 1e-4
    True
    """
    operator = discretization.strain_operator
    variance = precision.quantum(displacement) ** 2 / 12.0
    noise = operator.multiply(operator) @ variance
    strain = operator @ displacement
    return float(np.sqrt(np.mean(noise))), float(np.sqrt(np.mean(strain**2)))
