"""The border between two notations: Voigt with engineering shear inside, Mandel in MFront.

Both order the components 11, 22, 33, 12, 13, 23 (plane strain: the first four). MFront multiplies
every shear component of a symmetric tensor by the square root of two.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array

_N_NORMAL = 3


def _scale(n: int, shear: float) -> Float[Array, " n"]:
    """Return factors, one for normal components and another for shear."""
    return np.where(np.arange(n) < _N_NORMAL, 1.0, shear)


def strain_to_mandel(strain: Float[Array, "n_points n"]) -> Float[Array, "n_points n"]:
    """Return strains as MFront stores them.

    Examples
    --------
    >>> strain_to_mandel(np.array([[1.0, 0.0, 0.0, 2.0]])).round(6).tolist()
    [[1.0, 0.0, 0.0, 1.414214]]
    """
    return strain * _scale(strain.shape[1], np.sqrt(0.5))


def stress_to_mandel(stress: Float[Array, "n_points n"]) -> Float[Array, "n_points n"]:
    """Return stresses as MFront stores them."""
    return stress * _scale(stress.shape[1], np.sqrt(2.0))


def stress_to_voigt(stress: Float[Array, "n_points n"]) -> Float[Array, "n_points n"]:
    """Return stresses of MFront in Voigt form.

    Examples
    --------
    >>> stress_to_voigt(stress_to_mandel(np.array([[1.0, 2.0, 3.0, 4.0]]))).round(12).tolist()
    [[1.0, 2.0, 3.0, 4.0]]
    """
    return stress * _scale(stress.shape[1], np.sqrt(0.5))


def tangent_to_voigt(tangent: Float[Array, "n_points n n"]) -> Float[Array, "n_points n n"]:
    """Return tangents of MFront as derivatives with respect to engineering strains.

    Examples
    --------
    A shear modulus of 3 is a factor of 6 between tensors:

    >>> round(float(tangent_to_voigt(np.diag([1.0, 1.0, 1.0, 6.0])[None])[0, 3, 3]), 12)
    3.0
    """
    scale = _scale(tangent.shape[1], np.sqrt(0.5))
    return np.asarray(tangent * scale[:, None] * scale)
