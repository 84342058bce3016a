"""Equilibrium of a hyper-reduced model under one load case."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from math import sqrt
from time import perf_counter

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.fe.history import AmplitudeTable
from romnet.laws.contract import LawResponse, TimeStep
from romnet.online.kernel import Given
from romnet.online.newton import NewtonOptions, SingularTangentError, Trial
from romnet.online.prepared import PreparedModel
from romnet.online.stepping import Committed, StepOutcome
from romnet.online.walking import Path, Walked, Walker, longest_walk
from romnet.reduction.model import ReducedLoading, ReducedModel

# Part of the length of a case by which instants differ that are the same but for rounding.
SAME_INSTANT = 1e-12


@dataclass(frozen=True, eq=False)
class ReducedProblem:
    """A prepared model under one load case.

    Attributes
    ----------
    prepared
        The model on this rank's share of the points.
    loading
        The load case.
    changes
        Foreseen changes of the coefficients between its instants: the first guesses of whole
        increments; if left out, the last change goes on.
    amplitudes
        Values at its instants of amplitudes that it has in common with other load cases.
    """

    prepared: PreparedModel
    loading: ReducedLoading
    changes: Float[Array, "n_steps n_modes"] | None = None
    amplitudes: AmplitudeTable | None = None

    @classmethod
    def build(
        cls, model: ReducedModel, loading: ReducedLoading, comm: Communicator
    ) -> ReducedProblem:
        """Share the points among the ranks, load the laws and take a load case."""
        return cls(PreparedModel.build(model, comm), loading)

    @cached_property
    def _tables(self) -> tuple[Array, Array, Array]:
        """Force, temperature and lift of this rank's points at the instants of the case."""
        times, prepared = self.loading.times, self.prepared
        n_components = prepared.model.n_components
        table = self.amplitudes or AmplitudeTable(times)
        force = self.loading.force.tabulated(table)
        temperature = self.loading.temperature.tabulated(table)
        moved = self.loading.lift_strain
        # Without prescribed displacements one row serves all instants.
        still = not moved.n_terms
        lift = np.zeros((1, moved.vectors.shape[1])) if still else moved.tabulated(table)
        lift = lift.reshape(len(lift), -1, n_components)
        if not prepared.takes_all:
            temperature, lift = temperature[:, prepared.share], lift[:, prepared.share]
        return force, temperature, lift

    @cached_property
    def _instants(self) -> list[float]:
        """Instants of the rows of the tables."""
        return [float(time) for time in self.loading.times]

    def at(self, time: float) -> tuple[Array, Array, Array]:
        """Return force, temperature and lift at any instant."""
        instants = self._instants
        slack = SAME_INSTANT * (instants[-1] - instants[0])
        row = bisect_left(instants, time - slack)
        if row < len(instants) and instants[row] <= time + slack:
            force, temperature, lift = self._tables
            return force[row], temperature[row], lift[min(row, len(lift) - 1)]
        share, shape = self.prepared.share, (-1, self.prepared.model.n_components)
        return (
            self.loading.force.at(time),
            self.loading.temperature.at(time)[share],
            self.loading.lift_strain.at(time).reshape(shape)[share],
        )

    def temperature(self, time: float) -> Float[Array, " n_points"]:
        """Return the temperature of this rank's points."""
        return self.at(time)[1]

    def lift_strain(self, time: float) -> Float[Array, "n_points n_components"]:
        """Return the strain of the prescribed displacements at this rank's points."""
        return self.at(time)[2]

    def start(self) -> Committed:
        """Return the virgin state at the first instant of the load case.

        Nothing is strained yet: a displacement prescribed from the beginning is reached in the
        first increment, as in the high-fidelity model.
        """
        time = float(self.loading.times[0])
        n_modes, n_points = self.prepared.model.n_modes, len(self.prepared.share)
        return Committed(
            time=time,
            unknown=np.zeros(n_modes),
            rate=np.zeros(n_modes),
            strain=np.zeros((n_points, self.prepared.model.n_components)),
            state=self.prepared.laws.initial_state(self.temperature(time)),
        )

    def increment(self, committed: Committed, step: TimeStep) -> ReducedIncrement:
        """Return the equations of one increment."""
        force, temperature, lift = self.at(step.end)
        given = Given(
            strain_old=committed.strain,
            state_old=committed.state,
            temperature_old=self.at(step.start)[1],
            temperature_new=temperature,
            lift=lift,
            external=force,
            step=step,
        )
        guess = committed.unknown + step.length * committed.rate
        alone = self.prepared.comm.size == 1
        compiled = alone and self.prepared.kernel.law is not None
        kind = CompiledIncrement if compiled else ReducedIncrement
        return kind(self.prepared, given, guess)

    def walker(self, longest: int, options: NewtonOptions) -> Walker | None:
        """Return room for walks where the law is compiled and increments are whole."""
        prepared = self.prepared
        if prepared.comm.size > 1 or prepared.kernel.law is None or options.increments is not None:
            return None
        return Walker(
            prepared.kernel,
            min(longest, longest_walk(prepared.kernel)),
            tolerance=options.tolerance,
            max_iterations=options.max_iterations,
        )

    def walked(self, walker: Walker, before: StepOutcome) -> Walked | None:
        """Walk on from an instant of the case; None if the last state was accepted elsewhere."""
        time, instants = before.committed.time, self._instants
        first = bisect_left(instants, time)
        last = min(first + walker.longest, len(instants) - 1)
        if first >= last or instants[first] != time:
            return None
        rows = slice(first, last + 1)
        force, temperature, lift = self._tables
        path = Path(
            self.loading.times[rows],
            force[rows],
            temperature[rows],
            lift[rows] if len(lift) > 1 else lift,
            None if self.changes is None else self.changes[first:last],
        )
        return walker.go(path, before)

    def ahead(
        self,
        before: StepOutcome,
        times: Float[Array, " n_times"],
        options: NewtonOptions,
    ) -> list[StepOutcome]:
        """Reach the next instants in one call where the law is compiled; perhaps none of them."""
        first = bisect_left(self._instants, before.committed.time) + 1
        if not np.array_equal(self.loading.times[first : first + len(times)], times):
            return []
        walker = self.walker(len(times), options)
        walked = None if walker is None else self.walked(walker, before)
        if walked is None:
            return []
        return [
            walked.outcome(k, time, before) for k, time in enumerate(times[: len(walked)].tolist())
        ]


class ReducedIncrement:
    r"""One increment of a reduced problem: external data evaluated once, then iterated on.

    Residual and tangent at a trial of the coefficients are
    :math:`r = F - \sum_k w_k E_k^T \sigma_k` and :math:`K = \sum_k w_k E_k^T C_k E_k`.

    Parameters
    ----------
    prepared
        The model.
    given
        Committed state, temperatures and load.
    guess
        First coefficients.
    """

    def __init__(
        self, prepared: PreparedModel, given: Given, guess: Float[Array, " n_modes"]
    ) -> None:
        self.prepared, self.given, self.guess = prepared, given, guess

    def evaluate(self, unknown: Float[Array, " n_modes"]) -> Trial:
        """Evaluate residual and, when it is asked for, the correction.

        Notes
        -----
        Collective: if the points are shared; then residual, tangent and failures of all ranks
        travel in one buffer.
        """
        prepared, given = self.prepared, self.given
        kernel = prepared.kernel
        strain = kernel.strain(unknown, given.lift)
        began = perf_counter()
        response = self._response(strain)
        law_seconds = perf_counter() - began
        force, n_failed, tangent = self._gathered(response)
        failed = n_failed > 0
        residual = given.external - force
        return Trial(
            residual=_norm(residual),
            scale=max(_norm(given.external), _norm(force)),
            strain=strain,
            state=response.state,
            failed=failed,
            step_factor=prepared.comm.min(response.step_factor) if failed else 1.0,
            correction=lambda: _found(kernel.solution(tangent(), residual)),
            law_seconds=law_seconds,
            failing=response.failed if failed else None,
        )

    def _response(self, strain: Array) -> LawResponse:
        """Ask the laws of this rank's points."""
        given = self.given
        return self.prepared.laws.integrate(
            given.strain_old,
            strain,
            given.state_old,
            given.temperature_old,
            given.temperature_new,
            given.step,
        )

    def _gathered(self, response: LawResponse) -> tuple[Array, int, Callable[[], Array]]:
        """Return force, number of failing points and tangent of all ranks."""
        kernel, comm = self.prepared.kernel, self.prepared.comm
        force = kernel.force(response.stress)
        if comm.size == 1:
            return force, response.failed.size, partial(kernel.tangent, response.tangent)
        parts = (force, kernel.tangent(response.tangent).ravel(), [float(response.failed.size)])
        packed = comm.sum(np.concatenate(parts))
        n = kernel.n_modes
        return packed[:n], int(packed[-1]), lambda: packed[n:-1].reshape(n, n)


class CompiledIncrement(ReducedIncrement):
    """The same equations with strain, law and force in one compiled call."""

    def __init__(
        self, prepared: PreparedModel, given: Given, guess: Float[Array, " n_modes"]
    ) -> None:
        super().__init__(prepared, given, guess)
        self._case = prepared.kernel.case(given)

    def evaluate(self, unknown: Float[Array, " n_modes"]) -> Trial:
        """Evaluate residual and, when it is asked for, the correction."""
        kernel, case = self.prepared.kernel, self._case
        strain, state = kernel.evaluate(case, unknown)
        if case.n_failed < 0:
            message = "no memory for the properties of one point."
            raise MemoryError(message)
        number = kernel.evaluated

        def correction() -> Array:
            # A line search may have tried, and left, other coefficients since.
            if kernel.evaluated != number:
                kernel.evaluate(case, unknown)
            return _found(kernel.correction(case))

        failed = case.n_failed > 0
        return Trial(
            residual=case.residual,
            scale=case.scale,
            strain=strain,
            state=state,
            failed=failed,
            step_factor=case.step_factor,
            correction=correction,
            law_seconds=case.seconds,
            failing=self._response(strain).failed if failed else None,
        )


def _norm(vector: Array) -> float:
    """Return the Euclidean norm of a short vector."""
    return sqrt(float(vector @ vector))


def _found(correction: Array | None) -> Array:
    """Return the correction, if there is one."""
    if correction is None:
        raise SingularTangentError
    return correction
