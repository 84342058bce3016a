"""Many increments of a compiled model in one call, for as long as plain iterations converge."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.errors import PluginError
from romnet.online.kernel import Case, Kernel, address, aligned, functions

# Strains and states of one call [B]: a part of what a processor keeps near.
_ROOM = 1 << 21


class _Walk(ctypes.Structure):
    """`Walk` of reduced.c, field by field."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("n_steps", "n_state", "most")),
        ("tolerance", ctypes.c_double),
        *((name, ctypes.c_void_p) for name in ("times", "force", "temperature", "lift")),
        ("lift_stride", ctypes.c_int64),
        ("changes", ctypes.c_void_p),
        *((name, ctypes.c_void_p) for name in ("strain", "state", "coefficients", "rate")),
        *((name, ctypes.c_void_p) for name in ("floors", "seconds", "corrections")),
        *((name, ctypes.c_void_p) for name in ("total", "move", "relative")),
    )


@dataclass(frozen=True, eq=False)
class Path:
    """Instants to walk through, the first being where the walk begins; rows are C-ordered.

    Attributes
    ----------
    times
        The instants [time].
    force
        On the modes [force].
    temperature
        Of the points [temperature].
    lift
        Strain of the prescribed displacements; one row if it stays [-].
    changes
        Foreseen changes of the coefficients, which are the first guesses; if left out, the last
        change goes on.
    """

    times: Float[Array, " n_times"]
    force: Float[Array, "n_times n_modes"]
    temperature: Float[Array, "n_times n_points"]
    lift: Float[Array, "n_lift n_points n_components"]
    changes: Float[Array, "n_steps n_modes"] | None = None


@dataclass(frozen=True, eq=False)
class Footing:
    """Where a walk begins.

    Attributes
    ----------
    unknown, rate
        Coefficients, and their change by time over the last increment.
    strain, state
        Of the points.
    scale
        Largest scale of the forces in balance so far [force].
    increments
        Accepted increments since the start.
    """

    unknown: Float[Array, " n_modes"]
    rate: Float[Array, " n_modes"]
    strain: Float[Array, "n_points n_components"]
    state: Float[Array, "n_points n_state"]
    scale: float
    increments: int


@dataclass(frozen=True, eq=False)
class Walked:
    """The instants that a walk reached, that where it began left out.

    Attributes
    ----------
    unknown, rate
        Coefficients, and their change by time since the instant before.
    strain, state
        Of the points.
    scale
        Largest scale of the forces in balance so far [force].
    corrections
        Solved for.
    law_seconds
        Wall time spent in the laws [s].
    """

    unknown: Float[Array, "n_steps n_modes"]
    rate: Float[Array, "n_steps n_modes"]
    strain: Float[Array, "n_steps n_points n_components"]
    state: Float[Array, "n_steps n_points n_state"]
    scale: Float[Array, " n_steps"]
    corrections: Int[Array, " n_steps"]
    law_seconds: Float[Array, " n_steps"]


def longest_walk(kernel: Kernel) -> int:
    """Return the increments that one call should take at most."""
    n_points, n_components = kernel.shape
    return max(1, _ROOM // (8 * n_points * (n_components + kernel.n_state)) - 1)


def walk(
    kernel: Kernel, path: Path, footing: Footing, *, tolerance: float, max_iterations: int
) -> Walked:
    """Go from instant to instant, each in one increment, as long as plain iterations converge.

    Parameters
    ----------
    kernel
        Of a model whose law is compiled.
    path
        The instants and the load there.
    footing
        Where to begin.
    tolerance
        Accepted residual, relative to the scale of the forces [-].
    max_iterations
        Corrections allowed in one increment; each must lower the residual.

    Returns
    -------
    Walked
        The instants reached, perhaps none.

    Raises
    ------
    PluginError
        If the law is not compiled.

    Notes
    -----
    Mutates nothing but the work arrays of the kernel: not for several threads at once. Points
    without weight are integrated only where forces balance.
    """
    if kernel.law is None:
        message = "only models with a compiled law can walk."
        raise PluginError(message)
    n_steps = len(path.times) - 1
    strain = np.empty((n_steps + 1, *kernel.shape))
    state = np.empty((n_steps + 1, kernel.shape[0], kernel.n_state))
    coefficients = np.zeros((n_steps + 1, kernel.width))
    rate = np.zeros(kernel.width)
    strain[0], state[0] = footing.strain, footing.state
    coefficients[0, : kernel.n_modes], rate[: kernel.n_modes] = footing.unknown, footing.rate
    told, relative = np.empty((2, n_steps)), np.empty(max_iterations + 1)
    corrections = np.empty(n_steps, dtype=np.int64)
    total, move = aligned(kernel.width, kernel.width), np.empty(kernel.width)
    case = Case(number=footing.increments + 1, floor=footing.scale)
    case.tangent, case.stress, case.failed, case.internal = kernel.places
    given = [np.ascontiguousarray(a) for a in (path.times, path.force, path.temperature, path.lift)]
    changes = None if path.changes is None else np.ascontiguousarray(path.changes)
    kernel.evaluated += 1
    structure = _Walk(
        n_steps,
        kernel.n_state,
        max_iterations,
        tolerance,
        *map(address, given),
        strain[0].size if len(path.lift) > 1 else 0,
        None if changes is None else address(changes),
        *map(address, (strain, state, coefficients, rate, *told, corrections)),
        *map(address, (total, move, relative)),
    )
    reached = int(
        functions().romnet_reduced_march(
            kernel.address, ctypes.addressof(case), ctypes.addressof(structure)
        )
    )
    modes = coefficients[: reached + 1, : kernel.n_modes]
    lengths = np.diff(path.times[: reached + 1])[:, None]
    return Walked(
        unknown=modes[1:],
        rate=(modes[1:] - modes[:-1]) / lengths,
        strain=strain[1 : reached + 1],
        state=state[1 : reached + 1],
        scale=told[0, :reached],
        corrections=corrections[:reached],
        law_seconds=told[1, :reached],
    )
