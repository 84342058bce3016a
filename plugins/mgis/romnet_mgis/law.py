"""A behaviour of MFront as a constitutive law of romnet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.laws.contract import LawResponse, TimeStep
from romnet.laws.tables import Table, ThermalExpansion
from romnet_mgis.mandel import (
    strain_to_mandel,
    stress_to_mandel,
    stress_to_voigt,
    tangent_to_voigt,
)

_N_NORMAL = 3
_CUT = 0.5


@dataclass(frozen=True, eq=False)
class MgisLaw:
    """A behaviour of small strains, called for a whole batch through MGIS.

    A row of the state holds the stress, the thermal strain at the initial temperature and the
    internal state variables, the latter as the behaviour stores them: shear components of its
    tensors carry the factor of MFront.

    Attributes
    ----------
    mgis
        The module ``mgis.behaviour``.
    behaviour
        What its ``load`` returned, for the right modelling hypothesis.
    properties
        Each material property, which the behaviour receives at both ends of the increment.
    expansion
        Thermal expansion that is removed from the strain.
    n_components
        6, or 4 in plane strain.
    external
        External state variables besides the temperature, constant.
    symmetric_tangent
        Whether the tangent is always symmetric.
    state_fields
        Named ranges of the state: the internal state variables keep their names.

    Notes
    -----
    Material axes are those of the structure. The state lives with the caller: every call fills a
    data manager of MGIS from it and reads the answer back. A point that the behaviour cannot
    integrate, or whose answer is not finite, is listed as failed; the proposed factor is 0.5.
    """

    mgis: Any
    behaviour: Any
    properties: Mapping[str, Table]
    expansion: ThermalExpansion
    n_components: int
    external: Mapping[str, float] = field(default_factory=dict)
    symmetric_tangent: bool = False
    state_fields: Mapping[str, slice] = field(init=False)

    def __post_init__(self) -> None:
        """Lay out the state."""
        first = self.n_components + 1
        fields = {"stress": slice(0, first - 1), "initial_thermal_strain": slice(first - 1, first)}
        hypothesis = self.behaviour.hypothesis
        for variable in self.behaviour.isvs:
            begin = first + self.mgis.getVariableOffset(
                self.behaviour.isvs, variable.name, hypothesis
            )
            size = self.mgis.getVariableSize(variable, hypothesis)
            fields[variable.name] = slice(begin, begin + size)
        object.__setattr__(self, "state_fields", fields)

    @property
    def n_state(self) -> int:
        """Columns of the state."""
        return max(int(columns.stop) for columns in self.state_fields.values())

    def initial_state(
        self, temperature: Float[Array, " n_points"]
    ) -> Float[Array, "n_points n_state"]:
        """Return the virgin state, free of stress and of thermal strain at this temperature."""
        state = np.zeros((len(temperature), self.n_state))
        state[:, self.n_components] = self._thermal_strain(temperature)
        return state

    def integrate(
        self,
        strain_old: Float[Array, "n_points n_components"],
        strain_new: Float[Array, "n_points n_components"],
        state_old: Float[Array, "n_points n_state"],
        temperature_old: Float[Array, " n_points"],
        temperature_new: Float[Array, " n_points"],
        step: TimeStep,
    ) -> LawResponse:
        """Integrate one increment from the committed state; arguments stay untouched."""
        n, n_points = self.n_components, len(state_old)
        state = np.array(state_old, dtype=float)
        if n_points == 0:
            nothing, none = np.zeros((0, n)), np.zeros(0, dtype=np.int64)
            return LawResponse(nothing, state, np.zeros((0, n, n)), none)
        manager = self.mgis.MaterialDataManager(self.behaviour, n_points)
        initial = state_old[:, n]
        for end, strain, warm in (
            (manager.s0, strain_old, temperature_old),
            (manager.s1, strain_new, temperature_new),
        ):
            self._surround(end, warm)
            end.gradients[:] = strain_to_mandel(self._mechanical(strain, warm, initial))
            end.thermodynamic_forces[:] = stress_to_mandel(state_old[:, :n])
            if self.n_state > n + 1:
                end.internal_state_variables[:] = state_old[:, n + 1 :]
        failed = self._run(manager, step.length)
        stress = stress_to_voigt(np.array(manager.s1.thermodynamic_forces))
        tangent = tangent_to_voigt(np.array(manager.K).reshape(n_points, n, n))
        state[:, :n] = stress
        if self.n_state > n + 1:
            state[:, n + 1 :] = manager.s1.internal_state_variables
        broken = ~(np.isfinite(stress).all(axis=1) & np.isfinite(tangent).all(axis=(1, 2)))
        broken[failed] = True
        numbers = np.flatnonzero(broken)
        return LawResponse(stress, state, tangent, numbers, _CUT if numbers.size else 1.0)

    def _thermal_strain(self, temperature: Float[Array, " n_points"]) -> Float[Array, " n_points"]:
        """Return the thermal strain from the reference temperature to these [-]."""
        table = self.expansion.coefficient
        coefficient = np.interp(temperature, table.temperatures, table.values)
        return coefficient * (temperature - self.expansion.reference)

    def _mechanical(
        self,
        strain: Float[Array, "n_points n_components"],
        temperature: Float[Array, " n_points"],
        initial: Float[Array, " n_points"],
    ) -> Float[Array, "n_points n_components"]:
        """Remove the thermal strain since the initial temperature."""
        mechanical = np.array(strain, dtype=float)
        mechanical[:, :_N_NORMAL] -= (self._thermal_strain(temperature) - initial)[:, None]
        return mechanical

    def _surround(self, end: Any, temperature: Float[Array, " n_points"]) -> None:  # noqa: ANN401
        """Set temperature, other external variables and properties at one end of the increment."""
        mgis = self.mgis
        copy = mgis.MaterialStateManagerStorageMode.LocalStorage
        warm = np.array(temperature, dtype=float)
        mgis.setExternalStateVariable(end, "Temperature", warm, copy)
        for name, value in self.external.items():
            mgis.setExternalStateVariable(end, name, value)
        for name, table in self.properties.items():
            if table.is_constant:
                mgis.setMaterialProperty(end, name, float(table.values[0]))
            else:
                values = np.interp(warm, table.temperatures, table.values)
                mgis.setMaterialProperty(end, name, values, copy)

    def _run(self, manager: Any, length: float) -> list[int]:  # noqa: ANN401
        """Integrate all points at once or, where that fails, one by one; return who fails."""
        kind = self.mgis.IntegrationType.IntegrationWithConsistentTangentOperator
        n_points = int(manager.n)
        if self.mgis.integrate(manager, kind, length, 0, n_points) >= 0:
            return []
        return [
            point
            for point in range(n_points)
            if self.mgis.integrate(manager, kind, length, point, point + 1) < 0
        ]
