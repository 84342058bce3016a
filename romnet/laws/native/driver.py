"""The compiled loop over integration points, as Python sees it."""

from __future__ import annotations

import ctypes
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.memory import Recycler
from romnet.laws.contract import LawResponse, TimeStep
from romnet.laws.native import library_path
from romnet.laws.points import PointLocations
from romnet.laws.tables import PropertyTable, ThermalExpansion

FEWEST_POINTS_PER_THREAD = 1000  # a thread costs as much as some 100 points
_NAME_LENGTH = 80
_from_buffer: Any = (ctypes.c_char * 0).from_buffer


class _Law(ctypes.Structure):
    """`Law` of batch.c, field by field."""

    _fields_ = (
        ("umat", ctypes.c_void_p),
        ("sdvini", ctypes.c_void_p),
        ("name", ctypes.c_char * _NAME_LENGTH),
        ("n_components", ctypes.c_int32),
        ("n_statev", ctypes.c_int32),
        ("n_properties", ctypes.c_int32),
        ("n_fields", ctypes.c_int32),
        ("n_property_temperatures", ctypes.c_int32),
        ("n_expansion_temperatures", ctypes.c_int32),
        ("property_temperatures", ctypes.c_void_p),
        ("properties", ctypes.c_void_p),
        ("expansion_temperatures", ctypes.c_void_p),
        ("expansion", ctypes.c_void_p),
        ("reference", ctypes.c_double),
        ("coordinates", ctypes.c_void_p),
        ("numbers", ctypes.c_void_p),
    )


@dataclass(frozen=True)
class Functions:
    """Addresses of a user's routines.

    Attributes
    ----------
    umat
        The law.
    sdvini
        Sets STATEV of virgin points; None if the library has none.
    """

    umat: int
    sdvini: int | None = None


@dataclass(frozen=True, eq=False)
class CompiledLaw:
    """A law that other compiled loops can call themselves, point after point, in one thread.

    Attributes
    ----------
    integrate
        Address of `romnet_integrate` of batch.c.
    law
        Its first argument, valid as long as `owner` lives.
    n_state
        Columns of the state.
    owner
        What must be kept.
    """

    integrate: int
    law: int
    n_state: int
    owner: object


class Driver:
    """One UMAT with its property tables, ready for batches of points.

    Parameters
    ----------
    functions
        Addresses of its routines.
    name
        CMNAME, padded or cut to 80 characters.
    sizes
        Components, entries of STATEV and predefined fields.
    properties, expansion
        What depends on temperature.
    locations
        Places and numbers of the points, the same in every batch; None if they do not matter.

    Notes
    -----
    Arrays must be C-ordered float64 of consistent shapes: `UmatLaw` sees to it, nothing is
    checked here.
    """

    def __init__(
        self,
        functions: Functions,
        name: str,
        sizes: tuple[int, int, int],
        properties: PropertyTable,
        expansion: ThermalExpansion,
        *,
        locations: PointLocations | None = None,
    ) -> None:
        self.n_components, n_statev, n_fields = sizes
        self.n_state = self.n_components + 1 + n_statev
        self._tables = tuple(
            np.ascontiguousarray(table, dtype=float)
            for table in (
                properties.temperatures,
                properties.values,
                expansion.coefficient.temperatures,
                expansion.coefficient.values,
            )
        )
        self._locations = _located(locations)
        grid, values, expansion_grid, _ = self._tables
        self._law = _Law(
            functions.umat,
            functions.sdvini,
            name.encode("ascii", "replace").ljust(_NAME_LENGTH)[:_NAME_LENGTH],
            self.n_components,
            n_statev,
            values.shape[1],
            n_fields,
            grid.size,
            expansion_grid.size,
            *(table.ctypes.data for table in self._tables),
            expansion.reference,
            *(array.ctypes.data for array in self._locations),
        )
        self._address = ctypes.addressof(self._law)
        self._integrate, self._thermal_strain, self._initialise = _functions()
        self._memory = Recycler()

    @property
    def compiled(self) -> CompiledLaw:
        """The compiled loop behind `integrate`."""
        address = ctypes.cast(self._integrate, ctypes.c_void_p).value or 0
        return CompiledLaw(address, self._address, self.n_state, self)

    def thermal_strain(self, temperature: Float[Array, " n_points"]) -> Float[Array, " n_points"]:
        """Return the thermal strain from the reference temperature to these [-]."""
        strain = np.empty(len(temperature))
        self._thermal_strain(self._address, len(strain), _pointer(temperature), _pointer(strain))
        return strain

    def initialise(self, state: Float[Array, "n_points n_state"]) -> None:
        """Let SDVINI write STATEV into the rows of `state`."""
        self._initialise(self._address, len(state), _pointer(state))

    def integrate(
        self,
        strains: tuple[
            Float[Array, "n_points n_components"], Float[Array, "n_points n_components"]
        ],
        state_old: Float[Array, "n_points n_state"],
        temperatures: tuple[Float[Array, " n_points"], Float[Array, " n_points"]],
        step: TimeStep,
        *,
        fields: tuple[Float[Array, "n_points n_fields"], Float[Array, "n_points n_fields"]]
        | None = None,
        threads: int = 1,
    ) -> LawResponse:
        """Integrate one increment at every point.

        Every point gives the same answer, bit by bit, on any number of threads.
        """
        n_points, n = len(state_old), self.n_components
        stress = self._memory.empty((n_points, n))
        state = self._memory.empty((n_points, self.n_state))
        tangent = self._memory.empty((n_points, n, n))
        failed = np.empty(n_points, dtype=np.int64)
        run = partial(
            self._run,
            (
                _pointer(strains[0]),
                _pointer(strains[1]),
                _pointer(state_old),
                _pointer(temperatures[0]),
                _pointer(temperatures[1]),
                *((None, None) if fields is None else map(_pointer, fields)),
                step.start,
                step.length,
                step.number,
                _pointer(stress),
                _pointer(state),
                _pointer(tangent),
                _pointer(failed),
            ),
        )
        used = min(threads, n_points // FEWEST_POINTS_PER_THREAD)
        if used <= 1:
            count, factor = run(0, n_points)
            return LawResponse(stress, state, tangent, failed[:count].copy(), factor)
        # The lock of the interpreter is released while the compiled loop runs.
        ends = [n_points * part // used for part in range(used + 1)]
        with ThreadPoolExecutor(used - 1) as pool:
            others = [pool.submit(run, *ends[part : part + 2]) for part in range(1, used)]
            found = [run(0, ends[1]), *(other.result() for other in others)]
        numbers = [
            failed[first:][:count] for first, (count, _) in zip(ends[:-1], found, strict=True)
        ]
        factor = min(factor for _, factor in found)
        return LawResponse(stress, state, tangent, np.concatenate(numbers), factor)

    def _run(self, arguments: tuple[object, ...], first: int, last: int) -> tuple[int, float]:
        """Integrate some points; return how many failed and the smallest proposed factor."""
        factor = ctypes.c_double()
        n_failed = self._integrate(self._address, first, last, *arguments, ctypes.byref(factor))
        if n_failed < 0:
            message = "no memory for the properties of one point."
            raise MemoryError(message)
        return n_failed, factor.value


@cache
def _functions() -> tuple[Any, Any, Any]:
    """Declare the functions of the batch library, once."""
    library = ctypes.CDLL(str(library_path("batch")))
    integrate, thermal_strain = library.romnet_integrate, library.romnet_thermal_strain
    initialise = library.romnet_initialise
    address, real, count = ctypes.c_void_p, ctypes.c_double, ctypes.c_int64
    integrate.restype = count
    integrate.argtypes = [
        address,
        count,
        count,
        *[address] * 7,
        real,
        real,
        ctypes.c_int,
        *[address] * 5,
    ]
    thermal_strain.restype = initialise.restype = None
    thermal_strain.argtypes = [address, count, address, address]
    initialise.argtypes = [address, count, address]
    return integrate, thermal_strain, initialise


def _located(locations: PointLocations | None) -> tuple[Array, ...]:
    """Return coordinates, and element and point numbers side by side, as the batch reads them."""
    if locations is None:
        return ()
    numbers = np.column_stack([locations.elements, locations.numbers])
    return (
        np.ascontiguousarray(locations.coordinates, dtype=float),
        np.ascontiguousarray(numbers, dtype=np.int32),
    )


def _pointer(array: Array) -> Any:  # noqa: ANN401  (whatever ctypes takes for an address)
    """Return the address of C-ordered data; three times faster than `array.ctypes.data`."""
    try:
        return _from_buffer(array)
    except TypeError:  # read-only data
        return array.ctypes.data
