"""Cycles to failure from what one cycle does to a point: formulas, point by point."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array


def coffin_manson_cycles(
    plastic_range: Float[Array, " n_points"], *, ductility: float, exponent: float
) -> Float[Array, " n_points"]:
    r"""Return the cycles to failure of the law of Coffin and Manson.

    :math:`\Delta\varepsilon_p / 2 = \varepsilon_f' (2 N)^c`.

    Parameters
    ----------
    plastic_range
        Range :math:`\Delta\varepsilon_p` of the plastic strain in a cycle [-].
    ductility
        :math:`\varepsilon_f'` [-], positive.
    exponent
        :math:`c` [-], negative.

    Returns
    -------
    ndarray
        :math:`N`; infinite where nothing flows.

    Raises
    ------
    ValueError
        If a parameter has the wrong sign.

    Examples
    --------
    >>> coffin_manson_cycles(np.array([0.004, 0.0]), ductility=0.2, exponent=-0.5).round(6).tolist()
    [5000.0, inf]
    """
    if not (ductility > 0.0 and exponent < 0.0):
        message = f"ductility must be positive and exponent negative, got {ductility}, {exponent}."
        raise ValueError(message)
    with np.errstate(divide="ignore"):
        amplitude = np.maximum(plastic_range, 0.0) / 2.0
        return np.asarray(0.5 * (amplitude / ductility) ** (1.0 / exponent))


def creep_damage_rate(
    equivalent_stress: Float[Array, " n_points"], *, strength: float, exponent: float
) -> Float[Array, " n_points"]:
    r"""Return the damage that creep adds in a unit of time, :math:`(\sigma_{eq} / A)^r`.

    Parameters
    ----------
    equivalent_stress
        Stress of von Mises :math:`\sigma_{eq}` [stress].
    strength
        :math:`A`, which breaks the material in one unit of time [stress].
    exponent
        :math:`r` [-], positive.

    Raises
    ------
    ValueError
        If a parameter is not positive.

    Examples
    --------
    >>> creep_damage_rate(np.array([50.0]), strength=100.0, exponent=3.0).tolist()
    [0.125]
    """
    if not (strength > 0.0 and exponent > 0.0):
        message = f"strength and exponent must be positive, got {strength}, {exponent}."
        raise ValueError(message)
    return np.asarray((equivalent_stress / strength) ** exponent)


def von_mises(stress: Float[Array, "n_points n_components"]) -> Float[Array, " n_points"]:
    """Return the equivalent stress; columns 11, 22, 33, 12 and, in space, 13, 23.

    Examples
    --------
    >>> von_mises(np.array([[3.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])).round(6).tolist()
    [3.0, 1.732051]
    """
    normal, shear = stress[:, :3], stress[:, 3:]
    deviator = normal - normal.mean(axis=1, keepdims=True)
    return np.asarray(np.sqrt(1.5 * (deviator**2).sum(axis=1) + 3.0 * (shear**2).sum(axis=1)))
