"""What the laws of von Mises flow share: parameters, the layout of their state, a check."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.errors import LawError
from romnet.laws.library.elastic import POISSON, YOUNG
from romnet.laws.model import Parameter, ParameterValues
from romnet.laws.native import library_path
from romnet.laws.tables import PropertyTable, Table, ThermalExpansion
from romnet.laws.umat import UmatLaw

ELASTIC = (YOUNG, POISSON)
VOCE = (
    Parameter("yield_stress", "initial radius R0 of the elastic domain", "stress", at_least=0.0),
    Parameter("hardening", "linear isotropic hardening H", "stress", default=0.0),
    Parameter("saturation", "amplitude Q of the Voce hardening", "stress", default=0.0),
    Parameter("saturation_rate", "rate b of the Voce hardening", default=0.0, at_least=0.0),
)
NORTON = (
    Parameter(
        "viscosity",
        "drag stress K of the Norton flow; 0 is rate independent",
        "stress time^(1/n)",
        default=0.0,
        at_least=0.0,
    ),
    Parameter("exponent", "exponent n of the Norton flow", default=1.0, at_least=1.0),
)
KINEMATIC = Parameter(
    "kinematic",
    "back-stresses",
    group=(
        Parameter("modulus", "modulus C_i", "stress", at_least=0.0),
        Parameter("recall", "dynamic recall D_i", default=0.0, at_least=0.0),
    ),
)


def j2_law(
    name: str,
    single: Sequence[Table],
    values: ParameterValues,
    expansion: ThermalExpansion,
    *,
    n_components: int,
) -> UmatLaw:
    """Make a law of von Mises flow.

    Parameters
    ----------
    name
        Name of the law, and of its shared library.
    single
        PROPS before the pairs of the back-stresses.
    values
        Parameters, of which the back-stresses are read here if the law has any.
    expansion
        Thermal expansion.
    n_components
        6, or 4 in plane strain.

    Returns
    -------
    UmatLaw
        The law, with fields ``p``, ``viscoplastic_strain`` and ``back_strain_1`` and so on.
    """
    pairs = values.groups.get(KINEMATIC.name, ())
    n = n_components
    fields = {"p": slice(0, 1), "viscoplastic_strain": slice(1, 1 + n)}
    for number in range(1, len(pairs) + 1):
        fields[f"back_strain_{number}"] = slice(1 + n * number, 1 + n * (number + 1))
    return UmatLaw(
        library_path(name),
        "umat_",
        PropertyTable.merge(
            [*single, *(table for pair in pairs for table in (pair["modulus"], pair["recall"]))]
        ),
        expansion,
        n_components=n,
        n_statev=1 + n * (1 + len(pairs)),
        statev_fields=fields,
        name=name,
        symmetric_tangent=not any(pair["recall"].values.any() for pair in pairs),
    )


def voce_columns(values: ParameterValues) -> list[Table]:
    """Return PROPS of elasticity and of the Voce hardening.

    Raises
    ------
    StudyError
        If the hardening has an amplitude and no rate.
    LawError
        If the law softens too steeply.
    """
    values.demand("saturation_rate", because_of="saturation")
    columns = [values[parameter.name] for parameter in (*ELASTIC, *VOCE)]
    table = PropertyTable.merge(columns)
    _, _, _, hardening, saturation, rate = table.values.T
    refuse_softening(table, hardening + (saturation * rate).clip(max=0.0))
    return columns


def norton_columns(values: ParameterValues) -> list[Table]:
    """Return PROPS of the Norton flow.

    Raises
    ------
    StudyError
        If it has a viscosity and no exponent.
    """
    values.demand("exponent", because_of="viscosity")
    return [values[parameter.name] for parameter in NORTON]


def refuse_softening(table: PropertyTable, steepest: Float[Array, " n_temperatures"]) -> None:
    """Refuse isotropic softening that is steeper than the elastic unloading.

    Parameters
    ----------
    table
        PROPS, of which the first two are Young's modulus and Poisson's ratio.
    steepest
        Smallest slope of the radius of the elastic domain at each temperature [stress].

    Raises
    ------
    LawError
        If a slope is not above minus three times the shear modulus.

    Examples
    --------
    >>> constants = PropertyTable(np.zeros(1), np.array([[2.6, 0.3]]))
    >>> refuse_softening(constants, np.array([-2.9]))
    >>> refuse_softening(constants, np.array([-3.1]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    romnet.core.errors.LawError: parameters.hardening: softens with -3.1; it must stay above ...
    """
    young, poisson = table.values.T[:2]
    limit = -1.5 * young / (1.0 + poisson)
    if np.any(steepest <= limit):
        message = (
            f"parameters.hardening: softens with {steepest.min():g}; it must stay above "
            f"-3 mu = {limit.max():g} for the stress to be unique."
        )
        raise LawError(message)
