"""The compiled equilibrium of a reduced model, as Python sees it."""

from __future__ import annotations

import ctypes
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from romnet.core.arrays import Array
from romnet.core.errors import PluginError
from romnet.core.memory import Recycler
from romnet.laws.contract import TimeStep
from romnet.laws.native.driver import CompiledLaw

_LANES = 8  # of reduced.c
_MOST_MODES = 512
_from_buffer: Any = (ctypes.c_char * 0).from_buffer


class _Model(ctypes.Structure):
    """`Model` of reduced.c, field by field."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("n_points", "n_quadrature", "n_components")),
        *((name, ctypes.c_int64) for name in ("n_modes", "n_vectors")),
        *((name, ctypes.c_void_p) for name in ("modes", "weights", "integrate", "law")),
    )


class Case(ctypes.Structure):
    """`Increment` of reduced.c, field by field: one increment of one load case."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("strain_old", "state_old")),
        *((name, ctypes.c_void_p) for name in ("temperature_old", "temperature_new")),
        *((name, ctypes.c_void_p) for name in ("lift", "external")),
        *((name, ctypes.c_double) for name in ("start", "length")),
        ("number", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("strain", "state", "stress", "tangent")),
        *((name, ctypes.c_void_p) for name in ("internal", "failed")),
        ("n_failed", ctypes.c_int64),
        *((name, ctypes.c_double) for name in ("step_factor", "seconds", "residual", "scale")),
        ("floor", ctypes.c_double),
        *((name, ctypes.c_int64) for name in ("corrections", "balanced")),
    )


@dataclass(frozen=True, eq=False)
class Given:
    """What an increment of one case starts from; rows are C-ordered float64.

    Attributes
    ----------
    strain_old, state_old
        Committed strain and state.
    temperature_old, temperature_new
        At both ends of the increment [temperature].
    lift
        Strain of the prescribed displacements at the end [-].
    external
        Force on the modes at the end [force].
    step
        The increment of time.
    """

    strain_old: Float[Array, "n_points n_components"]
    state_old: Float[Array, "n_points n_state"]
    temperature_old: Float[Array, " n_points"]
    temperature_new: Float[Array, " n_points"]
    lift: Float[Array, "n_points n_components"]
    external: Float[Array, " n_modes"]
    step: TimeStep


class Kernel:
    """Strain modes and weights laid out for the compiled loops.

    Parameters
    ----------
    strain_modes
        At this rank's points, those of the quadrature first (n_points, n_components, n_modes).
    weights
        Of the quadrature points.
    law
        What the loops call themselves; None for laws that only Python can call.

    Attributes
    ----------
    evaluated
        Calls of `evaluate` so far, which tell whose the work arrays are.
    shape
        Points and components.
    n_state
        Entries of the state of a point; 0 for laws that only Python can call.
    places
        Addresses of the work arrays for tangents, stresses, numbers of failing points and internal
        force: good within one call.

    Raises
    ------
    PluginError
        If romnet is not built.
    ValueError
        If there are more than 512 modes.

    Examples
    --------
    >>> kernel = Kernel(np.eye(6)[None, :, :2], np.array([2.0]), None)
    >>> kernel.strain(np.array([1.0, 3.0]), np.zeros((1, 6))).tolist()
    [[1.0, 3.0, 0.0, 0.0, 0.0, 0.0]]
    >>> kernel.force(np.arange(6.0)[None, :]).tolist()
    [0.0, 2.0]
    >>> kernel.tangent(np.eye(6)[None] + 1.0).tolist()
    [[4.0, 2.0], [2.0, 4.0]]
    """

    def __init__(
        self,
        strain_modes: Float[Array, "n_points n_components n_modes"],
        weights: Float[Array, " n_quadrature"],
        law: CompiledLaw | None,
    ) -> None:
        n_points, n_components, n_modes = strain_modes.shape
        if n_modes > _MOST_MODES:
            message = f"a reduced model has at most {_MOST_MODES} modes here, got {n_modes}."
            raise ValueError(message)
        n_vectors = max(1, -(-n_modes // _LANES))
        self.n_modes, self.width = n_modes, n_vectors * _LANES
        self.law = law
        self._modes = aligned(n_points * n_components, self.width)
        self._modes[:, :n_modes] = strain_modes.reshape(-1, n_modes)
        self._weights = np.ascontiguousarray(weights, dtype=float)
        self._coefficients = aligned(1, self.width)[0]
        self._tangent = aligned(self.width, self.width)
        self._model = _Model(
            n_points,
            len(weights),
            n_components,
            n_modes,
            n_vectors,
            self._modes.ctypes.data,
            self._weights.ctypes.data,
            None if law is None else law.integrate,
            None if law is None else law.law,
        )
        self.address = ctypes.addressof(self._model)
        self._coefficients_at, self._tangent_at = map(address, (self._coefficients, self._tangent))
        self.shape = (n_points, n_components)
        self._functions = functions()
        self.n_state = 0 if law is None else law.n_state
        self._memory = Recycler()
        self._work = np.empty(n_points * (n_components * (n_components + 1) + 1) + self.width)
        stress = address(self._work) + 8 * n_points * n_components**2
        failed = stress + 8 * n_points * n_components
        self.places = (address(self._work), stress, failed, failed + 8 * n_points)
        self.evaluated = 0

    def strain(
        self, coefficients: Float[Array, " n_modes"], lift: Float[Array, "n_points n_components"]
    ) -> Float[Array, "n_points n_components"]:
        """Return the strain at every point."""
        self._coefficients[: self.n_modes] = coefficients
        strain = np.empty(self.shape)
        lifted = np.ascontiguousarray(lift)
        self._functions.romnet_reduced_strain(
            self.address, self._coefficients_at, address(lifted), address(strain)
        )
        return strain

    def force(self, stress: Float[Array, "n_points n_components"]) -> Float[Array, " n_modes"]:
        """Return the internal force of the quadrature points."""
        force = np.empty(self.width)
        plain = np.ascontiguousarray(stress, dtype=float)
        self._functions.romnet_reduced_force(self.address, address(plain), address(force))
        return force[: self.n_modes]

    def tangent(
        self, tangent: Float[Array, "n_points n_components n_components"]
    ) -> Float[Array, "n_modes n_modes"]:
        """Return the tangent of the quadrature points; overwritten by the next call."""
        plain = np.ascontiguousarray(tangent, dtype=float)
        self._functions.romnet_reduced_tangent(self.address, address(plain), self._tangent_at)
        return self._tangent[: self.n_modes, : self.n_modes]

    def solve(
        self,
        tangents: Float[Array, "n width width"],
        residuals: Float[Array, "n width"],
        which: Int[Array, " n_some"],
    ) -> tuple[Bool[Array, " n_some"], Float[Array, "n_some n_modes"]]:
        """Solve some small dense systems, and tell which of them have a solution.

        Notes
        -----
        Mutates what it is given, which must be padded.
        """
        solved = np.zeros(len(which), dtype=np.int8)
        self._functions.romnet_reduced_solve(
            self.address,
            len(which),
            address(which),
            address(tangents),
            address(residuals),
            address(solved),
        )
        return solved.astype(bool), residuals[which, : self.n_modes]

    def solution(
        self, tangent: Float[Array, "n_modes n_modes"], residual: Float[Array, " n_modes"]
    ) -> Float[Array, " n_modes"] | None:
        """Solve one small dense system; None if it has no solution."""
        padded = np.zeros((1, self.width, self.width)), np.zeros((1, self.width))
        padded[0][0, : self.n_modes, : self.n_modes] = tangent
        padded[1][0, : self.n_modes] = residual
        solved, solution = self.solve(*padded, np.zeros(1, dtype=np.int64))
        return solution[0] if solved[0] else None

    def case(self, given: Given) -> Case:
        """Return one increment for `evaluate`; `given` must be kept as long."""
        return Case(
            address(given.strain_old),
            address(given.state_old),
            address(given.temperature_old),
            address(given.temperature_new),
            address(given.lift),
            address(given.external),
            given.step.start,
            given.step.length,
            given.step.number,
        )

    def evaluate(
        self, case: Case, coefficients: Float[Array, " n_modes"]
    ) -> tuple[Float[Array, "n_points n_components"], Float[Array, "n_points n_state"]]:
        """Evaluate the equilibrium with the compiled law.

        Parameters
        ----------
        case
            From `case`; numbers of the answer are written to it.
        coefficients
            Of the modes.

        Returns
        -------
        tuple of ndarray
            Strain and state.

        Notes
        -----
        Stresses, tangents and internal force stay in work arrays until the next evaluation, for
        `correction`. Not for several threads at once.
        """
        n_points, n = self.shape
        split, n_state = n_points * n, self.n_state
        kept = self._memory.empty((n_points * (n + n_state),))
        self._coefficients[: self.n_modes] = coefficients
        case.strain = at = address(kept)
        case.state = at + 8 * split
        case.tangent, case.stress, case.failed, case.internal = self.places
        self._functions.romnet_reduced_evaluate(
            self.address, ctypes.addressof(case), self._coefficients_at, n_points
        )
        self.evaluated += 1
        return kept[:split].reshape(n_points, n), kept[split:].reshape(n_points, n_state)

    def correction(self, case: Case) -> Float[Array, " n_modes"] | None:
        """Solve for the correction at the last evaluation; None if the tangent has no inverse."""
        correction = np.empty(self.width)
        found = self._functions.romnet_reduced_correct(
            self.address, ctypes.addressof(case), self._tangent_at, address(correction)
        )
        return correction[: self.n_modes] if found else None


def address(array: Array) -> int:
    """Return the address of C-ordered data, faster than `array.ctypes.data`.

    Examples
    --------
    >>> array = np.zeros(2)
    >>> address(array) == array.ctypes.data
    True
    """
    try:
        return ctypes.addressof(_from_buffer(array))
    except TypeError:  # read-only data
        return int(array.ctypes.data)


def aligned(n_rows: int, n_columns: int) -> Float[Array, "n_rows n_columns"]:
    """Return zeros that begin with a cache line.

    Examples
    --------
    >>> aligned(3, 8).ctypes.data % 64
    0
    """
    room = np.zeros(n_rows * n_columns + _LANES)
    first = -(room.ctypes.data // 8) % _LANES
    return room[first : first + n_rows * n_columns].reshape(n_rows, n_columns)


@cache
def functions() -> ctypes.CDLL:
    """Load the compiled loops.

    Raises
    ------
    PluginError
        If romnet is not built.
    """
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    path = Path(__file__).resolve().parent / "native" / f"reduced{suffix}"
    if not path.is_file():
        message = f"{path} is missing: romnet is not built; run `pip install -e .` in its checkout."
        raise PluginError(message)
    library = ctypes.CDLL(str(path))
    pointer, count = ctypes.c_void_p, ctypes.c_int64
    for name, arguments in (
        ("romnet_reduced_strain", [pointer] * 4),
        ("romnet_reduced_force", [pointer] * 3),
        ("romnet_reduced_tangent", [pointer] * 3),
        ("romnet_reduced_evaluate", [pointer, pointer, pointer, count]),
        ("romnet_reduced_correct", [pointer] * 4),
        ("romnet_reduced_solve", [pointer, count, *[pointer] * 4]),
        ("romnet_reduced_march", [pointer] * 3),
    ):
        getattr(library, name).argtypes = arguments
        getattr(library, name).restype = None
    library.romnet_reduced_correct.restype = ctypes.c_int
    library.romnet_reduced_march.restype = count
    return library
