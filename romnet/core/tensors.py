"""Symmetric tensors in Voigt form: order 11, 22, 33, 12, 13, 23, engineering shear in strains.

This is the order of Abaqus and of the UMAT interface, so nothing is copied on the way to a
constitutive plug-in. Plane strain keeps the first four components. Other conventions are
converted where files are read, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array

VOIGT: tuple[str, ...] = ("11", "22", "33", "12", "13", "23")
N_NORMAL = 3


def n_components(n_dim: int) -> int:
    """Return the number of Voigt components: 6 in space, 4 in plane strain.

    Examples
    --------
    >>> n_components(3), n_components(2)
    (6, 4)
    """
    return {2: 4, 3: 6}[n_dim]


def to_voigt(
    components: Float[Array, "*batch n"],
    order: Sequence[str],
    *,
    quantity: Literal["stress", "strain"],
    tensor_shear: bool = True,
) -> Float[Array, "*batch n"]:
    """Reorder foreign components to romnet's convention.

    Parameters
    ----------
    components
        Foreign components, last axis in `order`.
    order
        Foreign component names, such as ``("11", "22", "33", "12", "23", "31")``; ``"31"`` and
        ``"13"`` are the same component.
    quantity
        Shear components of a ``"strain"`` are doubled when they are tensor components.
    tensor_shear
        Whether foreign shear strains are tensor components (half of the engineering ones).

    Returns
    -------
    ndarray
        New array in Voigt order.

    Raises
    ------
    ValueError
        If `order` is not a permutation of the Voigt components.

    Examples
    --------
    >>> zset = np.array([1.0, 2.0, 3.0, 12.0, 23.0, 31.0])
    >>> to_voigt(zset, ("11", "22", "33", "12", "23", "31"), quantity="stress").tolist()
    [1.0, 2.0, 3.0, 12.0, 31.0, 23.0]
    >>> to_voigt(zset, ("11", "22", "33", "12", "23", "31"), quantity="strain").tolist()
    [1.0, 2.0, 3.0, 24.0, 62.0, 46.0]
    """
    names = ["".join(sorted(name)) for name in order]
    expected = VOIGT[: len(names)]
    if sorted(names) != sorted(expected):
        message = f"component order {tuple(order)} is not a permutation of {expected}."
        raise ValueError(message)
    reordered = np.ascontiguousarray(components[..., [names.index(name) for name in expected]])
    if quantity == "strain" and tensor_shear:
        reordered[..., N_NORMAL:] *= 2.0
    return reordered


def von_mises(stress: Float[Array, "*batch n"]) -> Float[Array, "*batch"]:
    """Return the von Mises equivalent stress of 6 or 4 Voigt components.

    Examples
    --------
    >>> von_mises(np.array([[200.0, 0, 0, 0, 0, 0], [7.0, 7.0, 7.0, 0, 0, 0]])).tolist()
    [200.0, 0.0]
    """
    normal, shear = stress[..., :N_NORMAL], stress[..., N_NORMAL:]
    deviator = normal - normal.mean(axis=-1, keepdims=True)
    return np.asarray(np.sqrt(1.5 * (deviator**2).sum(axis=-1) + 3.0 * (shear**2).sum(axis=-1)))
