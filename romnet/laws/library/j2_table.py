"""Von Mises plasticity whose yield stress is a table, in plastic strain and in temperature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, TypeGuard

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.errors import LawError, StudyError
from romnet.laws.contract import ConstitutiveLaw
from romnet.laws.library.j2 import (
    ELASTIC,
    KINEMATIC,
    NORTON,
    j2_law,
    norton_columns,
    refuse_softening,
)
from romnet.laws.model import LawModel, Parameter, ParameterValues, Structure
from romnet.laws.tables import PropertyTable, Table, ThermalExpansion

_Curve: TypeAlias = tuple[Float[Array, " n_points"], Float[Array, " n_points"]]
_KEYS = {"p", "stress"}
_FORM = "{p: [0, ...], stress: [...]} or {temperature: [...], p: ..., stress: [[...], ...]}"


def _read_curves(given: object, where: str) -> tuple[Table, ...]:
    """Return PROPS of the hardening: number of points, p of each, stress of each."""
    if not isinstance(given, Mapping) or not _KEYS <= set(given) <= _KEYS | {"temperature"}:
        message = f"{where}: must be {_FORM}, got {given!r}."
        raise StudyError(message)
    if "temperature" in given:
        temperatures, curves = _curves_by_temperature(given, where)
    else:
        temperatures, curves = np.zeros(1), [_curve(given["p"], given["stress"], where)]
    # On the union of their grids the curves stay what they are.
    grid = np.unique(np.concatenate([p for p, _ in curves]))
    stresses = np.array([np.interp(grid, p, stress) for p, stress in curves])
    constants = [float(grid.size), *grid.tolist()]
    return (
        *(Table.constant(value) for value in constants),
        *(Table(temperatures, column.copy()) for column in stresses.T),
    )


def _curves_by_temperature(given: Mapping[str, object], where: str) -> tuple[Array, list[_Curve]]:
    """Read one hardening curve for each temperature; they may share their values of p."""
    warm = given["temperature"]
    # As any table of temperatures, with the same errors.
    temperatures = Table.read({"temperature": warm, "value": warm}, where).temperatures
    strains, stresses = given["p"], given["stress"]
    if not _is_nested(strains):
        strains = [strains] * temperatures.size
    if not _is_nested(stresses) or not len(stresses) == len(strains) == temperatures.size:
        message = (
            f"{where}: give one list of stresses (and of p, if these differ) for each of the "
            f"{temperatures.size} temperatures."
        )
        raise StudyError(message)
    return temperatures, [_curve(p, r, where) for p, r in zip(strains, stresses, strict=True)]


def _is_nested(given: object) -> TypeGuard[list[object]]:
    """Return whether this is a list of lists."""
    return isinstance(given, list | tuple) and all(isinstance(row, list | tuple) for row in given)


def _curve(p: object, stress: object, where: str) -> _Curve:
    """Read one hardening curve."""
    try:
        at, radius = np.array(p, dtype=float), np.array(stress, dtype=float)
    except (TypeError, ValueError):
        at = radius = np.empty((0, 0))
    if at.ndim != 1 or at.shape != radius.shape or at.size == 0:
        message = f"{where}: needs as many stresses as values of p, got {p!r} and {stress!r}."
        raise StudyError(message)
    if not (np.isfinite(at).all() and at[0] == 0.0 and (np.diff(at) > 0.0).all()):
        message = f"{where}.p: must start at 0 and ascend, got {at.tolist()}."
        raise LawError(message)
    if not (np.isfinite(radius).all() and (radius >= 0.0).all()):
        message = f"{where}.stress: must not be negative, got {radius.tolist()}."
        raise LawError(message)
    return at, radius


def _assemble(
    values: ParameterValues, expansion: ThermalExpansion, n_components: int
) -> ConstitutiveLaw:
    """Make the law from parameters that were read; PROPS in the order of the C source."""
    elastic = [values[parameter.name] for parameter in ELASTIC]
    curve = values.columns["hardening"]
    table = PropertyTable.merge([*elastic, *curve])
    at, stress = np.split(table.values[:, 3:], 2, axis=1)
    slopes = np.diff(stress, axis=1, append=stress[:, -1:]) / np.diff(at, append=np.inf)
    refuse_softening(table, slopes.min(axis=1))
    single = [*elastic, *norton_columns(values), *curve]
    return j2_law("j2_table", single, values, expansion, n_components=n_components)


MODEL = LawModel(
    name="j2_table",
    summary="J2 flow, tabulated isotropic hardening, N Armstrong-Frederick back-stresses, "
    "Norton viscosity or none",
    equations="""\
stress = C(T) : (strain - thermal strain - ev),  f = J2(dev stress - X) - R(p, T)
R: straight lines in p, constant beyond the last; at a given p straight lines in T
X = (2/3) sum C_i a_i,  da_i = dev - D_i a_i dp
dp/dt = <f / K>^n, or f <= 0 if K = 0;  dev = (3/2) dp (dev stress - X) / J2(dev stress - X)""",
    parameters=(
        *ELASTIC,
        Parameter(
            "hardening",
            "yield stress R at values of p; one row, and one of p if these differ, a temperature",
            "stress",
            structure=Structure(_FORM, _read_curves),
        ),
        *NORTON,
        KINEMATIC,
    ),
    assemble=_assemble,
    example={
        "young": 2.0e5,
        "poisson": 0.3,
        "hardening": {
            "temperature": [20.0, 400.0],
            "p": [0.0, 1.0e-3, 5.0e-3, 2.0e-2],
            "stress": [[200.0, 240.0, 290.0, 330.0], [150.0, 180.0, 215.0, 240.0]],
        },
    },
)
