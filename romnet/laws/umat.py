"""Any Abaqus UMAT in a shared library, as a constitutive law."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.errors import LawError
from romnet.laws.contract import LawResponse, TimeStep
from romnet.laws.native.driver import CompiledLaw, Driver, Functions
from romnet.laws.native.loading import exported, library_digest, load_function
from romnet.laws.points import PointLocations, PredefinedField
from romnet.laws.tables import PropertyTable, ThermalExpansion

STRESS = "stress"
INITIAL_THERMAL_STRAIN = "initial_thermal_strain"
# What compilers make of SUBROUTINE UMAT and SUBROUTINE SDVINI.
UMAT_SYMBOLS = ("umat_", "umat", "UMAT")
SDVINI_SYMBOLS = ("sdvini_", "sdvini", "SDVINI")


@dataclass(frozen=True, eq=False)
class UmatLaw:
    """A UMAT with its properties: small strains, isotropic thermal expansion.

    The UMAT receives the mechanical strain, that is the total strain less the thermal strain
    since the initial temperature, and the properties at the temperature of the end of the
    increment. Without expansion that is the total strain: such a UMAT may expand by itself, from
    TEMP and DTEMP. A row of the state holds the stress, the thermal strain at the initial
    temperature and STATEV, in this order.

    Attributes
    ----------
    library
        Shared library.
    function
        Exported name; left empty, the first of `UMAT_SYMBOLS` that the library exports.
    properties
        PROPS.
    expansion
        Thermal expansion.
    n_components
        NTENS: 6, or 4 in plane strain.
    n_statev
        NSTATV.
    statev_fields
        Named ranges of STATEV.
    name
        CMNAME.
    symmetric_tangent
        Whether DDSDDE is always symmetric; when in doubt, it is not.
    initial
        STATEV of a virgin point; if None, what the library's SDVINI sets, or zeros if it has none.
    predefined
        Fields that the UMAT receives as PREDEF and DPRED, in this order.
    locations
        Places and numbers of the points, see `bound`; None if they do not matter.
    threads
        Threads that share a batch; for UMATs that keep no memory of their own, as Fortran's SAVE
        and COMMON do.
    state_fields
        Named ranges of the state.

    Raises
    ------
    PluginError
        When built from a library that cannot be loaded, see `romnet.laws.native.loading`.
    LawError
        When built with a number of components other than 4 and 6, a range outside STATEV, or
        initial values that do not fill it.

    Notes
    -----
    `integrate` is deterministic as far as the UMAT is, gives the same bits on any number of
    threads and costs some 10 microseconds a call over the UMAT itself. A point whose stress or
    tangent is not finite, or whose PNEWDT is below 1, is listed as failed; its proposed factor is
    PNEWDT, or 0.5.

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
    initial: Float[Array, " n_statev"] | None = None
    predefined: tuple[PredefinedField, ...] = ()
    locations: PointLocations | None = None
    threads: int = 1
    state_fields: Mapping[str, slice] = field(init=False)
    _driver: Driver = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Load the library and lay out the state."""
        if self.n_components not in {4, 6}:
            message = (
                f"{self.name}: a UMAT works on 4 or 6 components here, not on {self.n_components}."
            )
            raise LawError(message)
        if self.initial is not None and len(self.initial) != self.n_statev:
            message = (
                f"{self.name}: {len(self.initial)} initial values for the {self.n_statev} entries "
                "of STATEV."
            )
            raise LawError(message)
        object.__setattr__(self, "state_fields", self._fields())
        if not self.function:
            load_function(self.library, *UMAT_SYMBOLS)
            found = next(iter(exported(self.library, *UMAT_SYMBOLS)))
            object.__setattr__(self, "function", found)
        sdvini = exported(self.library, *SDVINI_SYMBOLS).values()
        driver = Driver(
            Functions(load_function(self.library, self.function), next(iter(sdvini), None)),
            self.name,
            (self.n_components, self.n_statev, len(self.predefined)),
            self.properties,
            self.expansion,
            locations=self.locations,
        )
        object.__setattr__(self, "_driver", driver)

    def _fields(self) -> dict[str, slice]:
        """Lay out the state."""
        n, first = self.n_components, self.n_components + 1
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
        return fields

    @property
    def n_state(self) -> int:
        """Columns of the state."""
        return self.n_components + 1 + self.n_statev

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the library."""
        return library_digest(self.library)

    @cached_property
    def compiled(self) -> CompiledLaw | None:
        """What other compiled loops call; None where batches need threads or predefined fields."""
        return self._driver.compiled if self.threads == 1 and not self.predefined else None

    def bound(
        self,
        locations: PointLocations,
        predefined: tuple[PredefinedField, ...] | None = None,
    ) -> UmatLaw:
        """Return the same law for certain points, which the UMAT then knows.

        Parameters
        ----------
        locations
            Their COORDS, NOEL and NPT.
        predefined
            Fields with a value for each of these points; if None, those of this law.

        Returns
        -------
        UmatLaw
            A law for batches of exactly these points.
        """
        fields = self.predefined if predefined is None else predefined
        return replace(self, locations=locations, predefined=fields)

    def initial_state(
        self, temperature: Float[Array, " n_points"]
    ) -> Float[Array, "n_points n_state"]:
        """Return the virgin state, free of stress and of thermal strain at this temperature."""
        self._check_count(len(temperature))
        state = np.zeros((len(temperature), self.n_state))
        warm = np.ascontiguousarray(temperature, dtype=float)
        state[:, self.n_components] = self._driver.thermal_strain(warm)
        if self.initial is not None:
            state[:, self.n_components + 1 :] = self.initial
        elif self.n_statev:
            self._driver.initialise(state)
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
        LawError
            If a predefined field is not known at the time of the increment.
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
        self._check_count(n_points)
        return self._driver.integrate(
            (_plain(strain_old), _plain(strain_new)),
            _plain(state_old),
            (_plain(temperature_old), _plain(temperature_new)),
            step,
            fields=self._predefined(n_points, step) if self.predefined else None,
            threads=self.threads,
        )

    def _predefined(self, n_points: int, step: TimeStep) -> tuple[Array, Array]:
        """Return the predefined fields at the start and at the end of an increment."""
        fields = np.empty((2, n_points, len(self.predefined)))
        for row, time in enumerate((step.start, step.end)):
            for column, given in enumerate(self.predefined):
                values = given.at(time)
                if len(values) not in {1, n_points}:
                    message = (
                        f"{self.name}: field {given.name!r} has {len(values)} values for "
                        f"{n_points} points."
                    )
                    raise ValueError(message)
                fields[row, :, column] = values
        return fields[0], fields[1]

    def _check_count(self, n_points: int) -> None:
        """Refuse a batch of other points than those the law is bound to."""
        if self.locations is not None and len(self.locations) != n_points:
            message = f"{self.name}: is bound to {len(self.locations)} points, got {n_points}."
            raise ValueError(message)


def _plain(array: Array) -> Array:
    """Return C-ordered float64 data, the same array if it is that already."""
    return np.ascontiguousarray(array, dtype=float)
