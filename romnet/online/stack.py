"""Many load cases whose law only Python can call: once for the points of all of them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from romnet.core.arrays import Array
from romnet.laws.composite import Heterogeneous
from romnet.laws.contract import TimeStep
from romnet.laws.points import PointLocations
from romnet.online.equilibrium import ReducedProblem
from romnet.online.kernel import aligned
from romnet.online.prepared import PreparedModel
from romnet.online.stepping import Committed


class CaseStack:
    """States of some load cases of one model, committed and on trial.

    Attributes
    ----------
    prepared
        The model, all of its points on this rank.
    problems
        It under each load case.
    unknown, rate
        Coefficients at the last instant, and their change by time since the one before.
    scale
        Largest scale of the forces in balance so far, for each case [force].
    law_seconds
        Wall time spent in the laws [s].
    """

    def __init__(self, prepared: PreparedModel, problems: tuple[ReducedProblem, ...]) -> None:
        self.prepared, self.problems = prepared, problems
        n, (n_points, n_components) = len(problems), prepared.kernel.shape
        starts = [problem.start() for problem in problems]
        self.unknown = np.zeros((n, prepared.kernel.n_modes))
        self.rate = np.zeros_like(self.unknown)
        self.scale = np.zeros(n)
        self.law_seconds = 0.0
        self._strain = np.zeros((2, n, n_points, n_components))
        self._state = np.zeros((2, n, n_points, prepared.laws.n_state))
        self._state[0] = [start.state for start in starts]
        self._own_rates: dict[int, Array] = {}
        self._laws: dict[int, Heterogeneous] = {}
        self._last: tuple[Array, Array] = (np.zeros(0),) * 2
        self._now = 0
        self._step = TimeStep(0.0, 1.0)

    @property
    def state(self) -> Float[Array, "n_cases n_points n_state"]:
        """Committed states."""
        return np.asarray(self._state[self._now])

    def committed(self, number: int, time: float) -> Committed:
        """Return the accepted state of one case, a copy."""
        return Committed(
            time=time,
            unknown=self.unknown[number].copy(),
            rate=self.rate[number].copy(),
            strain=self._strain[self._now, number].copy(),
            state=self._state[self._now, number].copy(),
        )

    def begin(self, step: TimeStep) -> None:
        """Start an increment of time."""
        self._step = step

    def put(self, number: int, committed: Committed) -> None:
        """Take the state that a case reached alone as its trial state."""
        self._own_rates[number] = committed.rate
        self._strain[1 - self._now, number] = committed.strain
        self._state[1 - self._now, number] = committed.state

    def commit(self, unknown: Float[Array, "n_cases n_modes"]) -> None:
        """Accept the trial states of all cases."""
        self.rate = (unknown - self.unknown) / self._step.length
        for number, rate in self._own_rates.items():
            self.rate[number] = rate
        self._own_rates.clear()
        self.unknown = unknown.copy()
        self._now = 1 - self._now

    def settle(
        self,
        which: Int[Array, " n_some"],
        unknown: Float[Array, "n_some n_modes"],
        *,
        tolerance: float,
        most: int,
    ) -> tuple[Int[Array, " n_some"], Bool[Array, " n_some"]]:
        """Take whole Newton corrections of some cases for as long as each lowers the residual.

        Parameters
        ----------
        which
            The cases.
        unknown
            Their first coefficients, which become the last ones.
        tolerance
            Residual, relative to the scale of the forces, at which they balance [-].
        most
            Corrections allowed.

        Returns
        -------
        tuple of ndarray
            Corrections of each, and whether forces balance: then the trial state is that of the
            coefficients, and `scale` is brought up to date.
        """
        corrections = np.zeros(len(which), dtype=np.int64)
        settled = np.zeros(len(which), dtype=bool)
        floor = self.scale[which]
        last = np.full(len(which), np.inf)
        pending = np.arange(len(which))
        for number in range(most + 1):
            residual, scale, failed = self._evaluate(which[pending], unknown[pending])
            if number == 0:
                floor = np.fmax(floor, scale)
            reached = np.fmax(floor[pending], scale)
            balanced = ~failed & (residual <= tolerance * reached)
            settled[pending[balanced]] = True
            self.scale[which[pending[balanced]]] = reached[balanced]
            rows = np.flatnonzero(~balanced & ~failed & (residual < last[pending]))
            if number == most or not rows.size:
                break
            last[pending] = residual
            solved, moves = self._corrections(rows)
            pending = pending[rows][solved]
            unknown[pending] += moves[solved]
            corrections[pending] += 1
            if not pending.size:
                break
        return corrections, settled

    def _laws_of(self, count: int) -> Heterogeneous:
        """Return the laws of the points of so many cases."""
        if count not in self._laws:
            laws = self.prepared.laws
            places = laws.locations
            tiled = None if places is None else _tiled(places, count)
            self._laws[count] = Heterogeneous(laws.laws, np.tile(laws.law_of_point, count), tiled)
        return self._laws[count]

    def _evaluate(self, which: Array, unknown: Array) -> tuple[Array, Array, Array]:
        """Return residual and scale of the forces of some cases, and whether their law failed."""
        kernel, n, step = self.prepared.kernel, len(which), self._step
        n_points, n_components = kernel.shape
        at_end = [self.problems[case].at(step.end) for case in which]
        cold = np.concatenate([self.problems[case].temperature(step.start) for case in which])
        strain = np.stack(
            [
                kernel.strain(coefficients, given[2])
                for coefficients, given in zip(unknown, at_end, strict=True)
            ]
        )
        response = self._laws_of(n).integrate(
            self._strain[self._now, which].reshape(-1, n_components),
            strain.reshape(-1, n_components),
            self._state[self._now, which].reshape(n * n_points, -1),
            cold,
            np.concatenate([given[1] for given in at_end]),
            step,
        )
        self._strain[1 - self._now, which] = strain
        self._state[1 - self._now, which] = response.state.reshape(n, n_points, -1)
        stress = response.stress.reshape(n, n_points, n_components)
        internal = np.stack([kernel.force(one) for one in stress])
        external = np.stack([given[0] for given in at_end])
        failed = np.zeros((n, n_points), dtype=bool)
        failed.ravel()[response.failed] = True
        tangents = response.tangent.reshape(n, n_points, n_components, -1)
        self._last = tangents, external - internal
        sizes = [np.linalg.norm(forces, axis=1) for forces in (external, internal)]
        residual = np.linalg.norm(external - internal, axis=1)
        return residual, np.maximum(*sizes), failed.any(axis=1)

    def _corrections(self, rows: Array) -> tuple[Array, Array]:
        """Tell which rows of the last evaluation have a correction, and which that is."""
        tangents, residuals = self._last
        kernel, n = self.prepared.kernel, self.prepared.kernel.n_modes
        systems = aligned(len(rows) * kernel.width, kernel.width)
        systems = systems.reshape(len(rows), kernel.width, kernel.width)
        right = np.zeros((len(rows), kernel.width))
        for place, row in enumerate(rows):
            systems[place, :n, :n] = kernel.tangent(tangents[row])
            right[place, :n] = residuals[row]
        return kernel.solve(systems, right, np.arange(len(rows)))


def _tiled(places: PointLocations, count: int) -> PointLocations:
    """Return the same points several times."""
    return places.take(np.tile(np.arange(len(places)), count))
