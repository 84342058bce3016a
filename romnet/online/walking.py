"""Many increments of a compiled model in one call, for as long as plain iterations converge."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.errors import PluginError
from romnet.core.status import Status
from romnet.online.kernel import Case, Kernel, address, aligned, functions
from romnet.online.stepping import Committed, StepOutcome

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

    def __len__(self) -> int:
        """Return how many instants were reached."""
        return len(self.scale)

    def outcome(self, number: int, time: float, before: StepOutcome) -> StepOutcome:
        """Return what happened up to one of the instants; `before` is where the walk began."""
        committed = Committed(
            time=time,
            unknown=self.unknown[number],
            rate=self.rate[number],
            strain=self.strain[number],
            state=self.state[number],
        )
        return StepOutcome(
            committed=committed,
            status=Status.CONVERGED,
            scale=float(self.scale[number]),
            iterations=int(self.corrections[number]),
            law_seconds=float(self.law_seconds[number]),
            increments=before.increments + number + 1,
        )


def longest_walk(kernel: Kernel) -> int:
    """Return the increments that one call should take at most."""
    n_points, n_components = kernel.shape
    return max(1, _ROOM // (8 * n_points * (n_components + kernel.n_state)) - 1)


class Walker:
    """Room for walks of one model, so that states stay where a processor keeps them near.

    Parameters
    ----------
    kernel
        Of a model whose law is compiled.
    longest
        Increments of the longest walk.
    tolerance
        Accepted residual, relative to the scale of the forces [-].
    max_iterations
        Corrections allowed in one increment; each must lower the residual.

    Raises
    ------
    PluginError
        If the law is not compiled.
    """

    def __init__(
        self, kernel: Kernel, longest: int, *, tolerance: float, max_iterations: int
    ) -> None:
        if kernel.law is None:
            message = "only models with a compiled law can walk."
            raise PluginError(message)
        self.kernel, self.longest = kernel, longest
        self._strain = np.empty((longest + 1, *kernel.shape))
        self._state = np.empty((longest + 1, kernel.shape[0], kernel.n_state))
        self._coefficients = np.zeros((longest + 1, kernel.width))
        self._rate = np.zeros(kernel.width)
        self._told, self._relative = np.empty((2, longest)), np.empty(max_iterations + 1)
        self._corrections = np.empty(longest, dtype=np.int64)
        self._room = aligned(kernel.width, kernel.width), np.empty(kernel.width)
        self._case = Case()
        self._case.tangent, self._case.stress, self._case.failed, self._case.internal = (
            kernel.places
        )
        self._walk = _Walk(n_state=kernel.n_state, most=max_iterations, tolerance=tolerance)
        rooms = {
            "strain": self._strain,
            "state": self._state,
            "coefficients": self._coefficients,
            "rate": self._rate,
            "floors": self._told[0],
            "seconds": self._told[1],
            "corrections": self._corrections,
            "total": self._room[0],
            "move": self._room[1],
            "relative": self._relative,
        }
        for name, room in rooms.items():
            setattr(self._walk, name, address(room))

    def go(self, path: Path, before: StepOutcome) -> Walked:
        """Go from instant to instant, each in one increment, as long as plain iterations converge.

        Parameters
        ----------
        path
            The instants and the load there.
        before
            What happened up to the first instant.

        Returns
        -------
        Walked
            The instants reached, perhaps none: good until the next walk.

        Notes
        -----
        Mutates nothing but its room and the work arrays of the kernel: not for several threads at
        once. Points without weight are integrated only where forces balance.
        """
        n_modes, walk, case = self.kernel.n_modes, self._walk, self._case
        committed = before.committed
        self._strain[0], self._state[0] = committed.strain, committed.state
        self._coefficients[0, :n_modes] = committed.unknown
        self._rate[:n_modes] = committed.rate
        case.number, case.floor = before.increments + 1, before.scale
        given = [
            np.ascontiguousarray(a) for a in (path.times, path.force, path.temperature, path.lift)
        ]
        walk.times, walk.force, walk.temperature, walk.lift = map(address, given)
        walk.n_steps = len(path.times) - 1
        walk.lift_stride = self._strain[0].size if len(path.lift) > 1 else 0
        changes = None if path.changes is None else np.ascontiguousarray(path.changes)
        walk.changes = None if changes is None else address(changes)
        self.kernel.evaluated += 1
        reached = int(
            functions().romnet_reduced_march(
                self.kernel.address, ctypes.addressof(case), ctypes.addressof(walk)
            )
        )
        modes = self._coefficients[: reached + 1, :n_modes]
        lengths = (path.times[1 : reached + 1] - path.times[:reached])[:, None]
        return Walked(
            unknown=modes[1:],
            rate=(modes[1:] - modes[:-1]) / lengths,
            strain=self._strain[1 : reached + 1],
            state=self._state[1 : reached + 1],
            scale=self._told[0, :reached],
            corrections=self._corrections[:reached],
            law_seconds=self._told[1, :reached],
        )
