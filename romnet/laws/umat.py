"""Any Abaqus UMAT in a shared library, as a constitutive law."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.errors import LawError
from romnet.laws.contract import LawResponse, TimeStep
from romnet.laws.native.driver import Driver
from romnet.laws.native.loading import load_function
from romnet.laws.tables import PropertyTable, ThermalExpansion

STRESS = "stress"
INITIAL_THERMAL_STRAIN = "initial_thermal_strain"


@dataclass(frozen=True, eq=False)
class UmatLaw:
    """A UMAT with its properties: small strains, isotropic thermal expansion.

    The UMAT receives the mechanical strain, that is the total strain less the thermal strain
    since the initial temperature, and the properties at the temperature of the end of the
    increment. A row of the state holds the stress, the thermal strain at the initial temperature
    and STATEV, in this order.

    Attributes
    ----------
    library
        Shared library.
    function
        Exported name, ``"umat_"`` for most compilers.
    properties
        PROPS.
    expansion
        Thermal expansion.
    n_components
        NTENS: 6, or 4 in plane strain.
    n_statev
        NSTATV, which starts at zero.
    statev_fields
        Named ranges of STATEV.
    name
        CMNAME.
    symmetric_tangent
        Whether DDSDDE is always symmetric; when in doubt, it is not.
    state_fields
        Named ranges of the state.

    Raises
    ------
    PluginError
        When built from a library that cannot be loaded, see `romnet.laws.native.loading`.
    LawError
        When built with a number of components other than 4 and 6, or a range outside STATEV.

    Notes
    -----
    `integrate` is deterministic as far as the UMAT is, runs in the calling thread and costs
    some 10 microseconds a call over the UMAT itself. A point whose stress or tangent is not
    finite, or whose PNEWDT is below 1, is listed as failed; its proposed factor is PNEWDT, or 0.5.

    Examples
    --------
    >>> from romnet.laws.native import library_path
    >>> from romnet.laws.tables import Table
    >>> steel = UmatLaw(
    ...     library_path("elastic"),
    ...     "umat_",
    ...     PropertyTable.merge([Table.constant(2.0e5), Table.constant(0.25)]),
    ...     ThermalExpansion.none(),
    ...     n_components=6,
    ...     n_statev=0,
    ... )
    >>> warm = np.array([20.0])
    >>> stretched = np.array([[1e-3, -0.25e-3, -0.25e-3, 0.0, 0.0, 0.0]])
    >>> state = steel.initial_state(warm)
    >>> step = TimeStep(0.0, 1.0)
    >>> answer = steel.integrate(0 * stretched, stretched, state, warm, warm, step)
    >>> bool(np.allclose(answer.stress, [[200.0, 0, 0, 0, 0, 0]]))
    True
    """

    library: Path
    function: str
    properties: PropertyTable
    expansion: ThermalExpansion
    n_components: int
    n_statev: int
    statev_fields: Mapping[str, slice] = field(default_factory=dict)
    name: str = "MATERIAL"
    symmetric_tangent: bool = False
    state_fields: Mapping[str, slice] = field(init=False)
    _driver: Driver = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Load the library and lay out the state."""
        n, first = self.n_components, self.n_components + 1
        if n not in {4, 6}:
            message = f"{self.name}: a UMAT works on 4 or 6 components here, not on {n}."
            raise LawError(message)
        fields = {STRESS: slice(0, n), INITIAL_THERMAL_STRAIN: slice(n, first)}
        for name, columns in self.statev_fields.items():
            if name in fields:
                message = f"{self.name}: the name {name!r} belongs to romnet; choose another field."
                raise LawError(message)
            if not 0 <= columns.start < columns.stop <= self.n_statev:
                message = (
                    f"{self.name}: field {name!r} = [{columns.start}, {columns.stop}) lies outside "
                    f"the {self.n_statev} entries of STATEV."
                )
                raise LawError(message)
            fields[name] = slice(first + columns.start, first + columns.stop)
        driver = Driver(
            load_function(self.library, self.function),
            self.name,
            (n, self.n_statev),
            self.properties,
            self.expansion,
        )
        object.__setattr__(self, "state_fields", fields)
        object.__setattr__(self, "_driver", driver)

    @property
    def n_state(self) -> int:
        """Columns of the state."""
        return self.n_components + 1 + self.n_statev

    def initial_state(
        self, temperature: Float[Array, " n_points"]
    ) -> Float[Array, "n_points n_state"]:
        """Return the virgin state, free of stress and of thermal strain at this temperature."""
        state = np.zeros((len(temperature), self.n_state))
        warm = np.ascontiguousarray(temperature, dtype=float)
        state[:, self.n_components] = self._driver.thermal_strain(warm)
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
        """Integrate one increment from the committed state; arguments stay untouched.

        Raises
        ------
        ValueError
            If the arrays do not have the shapes of this law.
        """
        n_points = len(state_old)
        wide = (n_points, self.n_components)
        if (
            state_old.shape != (n_points, self.n_state)
            or strain_old.shape != wide
            or strain_new.shape != wide
            or temperature_old.shape != (n_points,)
            or temperature_new.shape != (n_points,)
        ):
            message = (
                f"{self.name}: {n_points} points need strains {wide}, a state of {self.n_state} "
                f"columns and one temperature each; got strains {strain_old.shape} and "
                f"{strain_new.shape}, state {state_old.shape}, temperatures "
                f"{temperature_old.shape} and {temperature_new.shape}."
            )
            raise ValueError(message)
        return self._driver.integrate(
            (_plain(strain_old), _plain(strain_new)),
            _plain(state_old),
            (_plain(temperature_old), _plain(temperature_new)),
            step,
        )


def _plain(array: Array) -> Array:
    """Return C-ordered float64 data, the same array if it is that already."""
    return np.ascontiguousarray(array, dtype=float)
