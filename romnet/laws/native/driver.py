"""The compiled loop over integration points, as Python sees it."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.laws.contract import LawResponse, TimeStep
from romnet.laws.native import library_path
from romnet.laws.tables import PropertyTable, ThermalExpansion

_NAME_LENGTH = 80
_from_buffer: Any = (ctypes.c_char * 0).from_buffer


class _Law(ctypes.Structure):
    """`Law` of batch.c, field by field."""

    _fields_ = (
        ("umat", ctypes.c_void_p),
        ("name", ctypes.c_char * _NAME_LENGTH),
        ("n_components", ctypes.c_int32),
        ("n_statev", ctypes.c_int32),
        ("n_properties", ctypes.c_int32),
        ("n_property_temperatures", ctypes.c_int32),
        ("n_expansion_temperatures", ctypes.c_int32),
        ("reserved", ctypes.c_int32),
        ("property_temperatures", ctypes.c_void_p),
        ("properties", ctypes.c_void_p),
        ("expansion_temperatures", ctypes.c_void_p),
        ("expansion", ctypes.c_void_p),
        ("reference", ctypes.c_double),
    )


class Driver:
    """One UMAT with its property tables, ready for batches of points.

    Parameters
    ----------
    address
        Address of the UMAT.
    name
        CMNAME, padded or cut to 80 characters.
    sizes
        Components and entries of STATEV.
    properties, expansion
        What depends on temperature.

    Notes
    -----
    Arrays must be C-ordered float64 of consistent shapes: `UmatLaw` sees to it, nothing is
    checked here.
    """

    def __init__(
        self,
        address: int,
        name: str,
        sizes: tuple[int, int],
        properties: PropertyTable,
        expansion: ThermalExpansion,
    ) -> None:
        self.n_components, n_statev = sizes
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
        grid, values, expansion_grid, _ = self._tables
        self._law = _Law(
            address,
            name.encode("ascii", "replace").ljust(_NAME_LENGTH)[:_NAME_LENGTH],
            self.n_components,
            n_statev,
            values.shape[1],
            grid.size,
            expansion_grid.size,
            0,
            *(table.ctypes.data for table in self._tables),
            expansion.reference,
        )
        self._address = ctypes.addressof(self._law)
        self._integrate, self._thermal_strain = _functions()

    def thermal_strain(self, temperature: Float[Array, " n_points"]) -> Float[Array, " n_points"]:
        """Return the thermal strain from the reference temperature to these [-]."""
        strain = np.empty(len(temperature))
        self._thermal_strain(self._address, len(strain), _pointer(temperature), _pointer(strain))
        return strain

    def integrate(
        self,
        strains: tuple[
            Float[Array, "n_points n_components"], Float[Array, "n_points n_components"]
        ],
        state_old: Float[Array, "n_points n_state"],
        temperatures: tuple[Float[Array, " n_points"], Float[Array, " n_points"]],
        step: TimeStep,
    ) -> LawResponse:
        """Integrate one increment at every point."""
        n_points, n = len(state_old), self.n_components
        stress = np.empty((n_points, n))
        state = np.empty((n_points, self.n_state))
        tangent = np.empty((n_points, n, n))
        failed = np.empty(n_points, dtype=np.int64)
        factor = ctypes.c_double()
        n_failed = self._integrate(
            self._address,
            n_points,
            _pointer(strains[0]),
            _pointer(strains[1]),
            _pointer(state_old),
            _pointer(temperatures[0]),
            _pointer(temperatures[1]),
            step.start,
            step.length,
            _pointer(stress),
            _pointer(state),
            _pointer(tangent),
            _pointer(failed),
            ctypes.byref(factor),
        )
        if n_failed < 0:
            message = "no memory for the properties of one point."
            raise MemoryError(message)
        return LawResponse(stress, state, tangent, failed[:n_failed].copy(), factor.value)


@cache
def _functions() -> tuple[Any, Any]:
    """Declare the functions of the batch library, once."""
    library = ctypes.CDLL(str(library_path("batch")))
    integrate, thermal_strain = library.romnet_integrate, library.romnet_thermal_strain
    integrate.restype = ctypes.c_int64
    address, real = ctypes.c_void_p, ctypes.c_double
    integrate.argtypes = [address, ctypes.c_int64, *[address] * 5, real, real, *[address] * 5]
    thermal_strain.restype = None
    thermal_strain.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p]
    return integrate, thermal_strain


def _pointer(array: Array) -> Any:  # noqa: ANN401  (whatever ctypes takes for an address)
    """Return the address of C-ordered data; three times faster than `array.ctypes.data`."""
    try:
        return _from_buffer(array)
    except TypeError:  # read-only data
        return array.ctypes.data
