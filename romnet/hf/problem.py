"""High-fidelity equilibrium of a distributed mesh under a load case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from time import perf_counter

import numpy as np
from jaxtyping import Bool, Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.fe.discretization import Discretization
from romnet.fe.loading import Loading
from romnet.fe.partition import Subdomain
from romnet.hf.assembly import CellOperators, StiffnessPattern
from romnet.hf.support import refuse_free_motions
from romnet.laws.composite import Heterogeneous
from romnet.laws.contract import LawResponse, TimeStep
from romnet.online.newton import NewtonOptions, SingularTangentError, Trial
from romnet.online.stepping import Committed, StepOutcome, march
from romnet.parallel.layout import Exchange, Layout
from romnet.parallel.linear import LinearSolver
from romnet.parallel.ties import Ties

_EXACT = 1e-10
# Parts of the largest displacement by which held dofs, and slaves, may miss their places.
_MET = 1e-14
_TIED = 1e-12
# Going on as before must leave less than this part of the forces out of balance.
_WORTH_GOING_ON = 0.5


@dataclass(frozen=True)
class HighFidelityProblem:
    """A structure, its laws and a load case on this rank's cells.

    Attributes
    ----------
    subdomain, discretization
        Cells and integration points of this rank.
    laws
        Laws of these points.
    loading
        The load case.
    comm
        The ranks.
    """

    subdomain: Subdomain
    discretization: Discretization
    laws: Heterogeneous
    loading: Loading
    comm: Communicator

    @cached_property
    def exchange(self) -> Exchange:
        """Sums over the interfaces between ranks."""
        return Exchange(Layout.build(self.subdomain, self.comm))

    @cached_property
    def linear_solver(self) -> LinearSolver:
        """The linear solver, set up once and alike on all ranks, whatever laws each one has."""
        pattern = self.pattern
        return LinearSolver(
            self.subdomain,
            self.exchange,
            (pattern.nodes, pattern.node_starts),
            self.loading.constrained | self._without_cells,
            symmetric=self.comm.min(float(self.laws.symmetric_tangent)) > 0.0,
            ties=self.ties,
        )

    @cached_property
    def ties(self) -> Ties | None:
        """What ties dofs to one another, if anything does."""
        equations = self.loading.equations
        return None if equations is None else Ties(equations, self.subdomain, self.exchange)

    @cached_property
    def determined(self) -> Bool[Array, " n_dofs"]:
        """Dofs that are no unknowns: held ones and slaves."""
        constrained = self.loading.constrained
        return constrained if self.ties is None else constrained | self.ties.slaves

    def admissible(
        self, displacement: Float[Array, " n_dofs"], prescribed: Float[Array, " n_dofs"]
    ) -> Float[Array, " n_dofs"]:
        """Return a displacement changed where it is determined by the constraints. Collective."""
        if self.ties is None:
            return np.where(self.determined, prescribed, displacement)
        return self.ties.follow(np.where(self.determined, 0.0, displacement)) + prescribed

    @cached_property
    def pattern(self) -> StiffnessPattern:
        """Sparsity of the stiffness."""
        return StiffnessPattern.build(self.discretization)

    @cached_property
    def cells(self) -> CellOperators:
        """Displacement to strain, stress to force, tangent to stiffness."""
        return CellOperators.build(self.discretization)

    @cached_property
    def _without_cells(self) -> Array:
        """Dofs of nodes that no cell touches: they stay where they are, unless tied to others."""
        untouched = np.ones(self.discretization.n_dofs, dtype=bool)
        for block in self.discretization.blocks:
            untouched[block.cell_dofs] = False
        if self.loading.equations is not None:
            untouched &= ~np.isin(self.subdomain.dofs, self.loading.equations.involved)
        return untouched

    def start(self) -> Committed:
        """Return the virgin state at the first instant."""
        n_points, n_dofs = self.discretization.n_points, self.discretization.n_dofs
        time = float(self.loading.times[0])
        return Committed(
            time=time,
            unknown=np.zeros(n_dofs),
            rate=np.zeros(n_dofs),
            strain=np.zeros((n_points, self.discretization.n_components)),
            state=self.laws.initial_state(self.loading.temperature.at(time)),
        )

    def increment(self, committed: Committed, step: TimeStep) -> HighFidelityIncrement:
        """Return the equations of one increment."""
        return HighFidelityIncrement(
            problem=self,
            committed=committed,
            step=step,
            force=self.exchange.accumulated(self.loading.force.at(step.end)),
            prescribed=self.loading.prescribed.at(step.end),
            temperature_old=self.loading.temperature.at(step.start),
            temperature_new=self.loading.temperature.at(step.end),
        )


@dataclass(frozen=True)
class HighFidelityIncrement:
    """One increment: external data evaluated once, then iterated on."""

    problem: HighFidelityProblem
    committed: Committed
    step: TimeStep
    force: Float[Array, " n_dofs"]
    prescribed: Float[Array, " n_dofs"]
    temperature_old: Float[Array, " n_points"]
    temperature_new: Float[Array, " n_points"]

    @property
    def guess(self) -> Float[Array, " n_dofs"]:
        """The last displacement, or the one that goes on as before if it is nearer. Collective."""
        return self._first[0]

    def evaluate(self, unknown: Float[Array, " n_dofs"]) -> Trial:
        """Evaluate residual and tangent on the whole mesh. Collective: yes."""
        if "_first" in self.__dict__ and unknown is self._first[0]:
            return self._first[1]
        return self._evaluate(unknown)

    @cached_property
    def _first(self) -> tuple[Array, Trial]:
        """Return the better of two guesses, and the equilibrium there.

        From the last displacement the first correction brings load, heat and prescribed motion;
        where the structure goes on as in the last increment, little is left to correct.
        """
        problem, last = self.problem, self.committed.unknown
        trial = self._evaluate(last)
        if problem.comm.max(float(np.abs(self.committed.rate).max(initial=0.0))) == 0.0:
            return last, trial
        ahead = last + self.step.length * self.committed.rate
        ahead = problem.admissible(ahead, self.prescribed)
        other = self._evaluate(ahead)
        seconds = trial.law_seconds + other.law_seconds
        bound = min(trial.residual, _WORTH_GOING_ON * other.scale)
        if not other.failed and other.residual <= bound:
            return ahead, replace(other, law_seconds=seconds)
        return last, replace(trial, law_seconds=seconds)

    def _evaluate(self, unknown: Array) -> Trial:
        """Evaluate residual and tangent. Collective: yes."""
        problem = self.problem
        determined = problem.determined
        strain = problem.cells.strain(unknown)
        began = perf_counter()
        response = problem.laws.integrate(
            self.committed.strain,
            strain,
            self.committed.state,
            self.temperature_old,
            self.temperature_new,
            self.step,
        )
        law_seconds = perf_counter() - began
        part = problem.cells.internal_force(response.stress)
        internal = problem.exchange.accumulated(part)
        failing = _failing(response, strain, part)
        residual = self._on_unknowns(self.force - internal)
        gap = np.where(determined, problem.admissible(unknown, self.prescribed) - unknown, 0.0)
        free_force = self._on_unknowns(self.force)
        met = self._met(unknown, gap)
        failed = problem.comm.max(float(failing.size)) > 0.0
        return Trial(
            residual=problem.exchange.norm(residual) if met else np.inf,
            scale=max(problem.exchange.norm(free_force), problem.exchange.norm(internal)),
            strain=strain,
            state=response.state,
            failed=failed,
            step_factor=problem.comm.min(response.step_factor),
            correction=lambda: self._correct(response, residual, gap, _EXACT),
            inexact=lambda forcing: self._correct(response, residual, gap, forcing),
            law_seconds=law_seconds,
            failing=failing if failed else None,
        )

    def _correct(self, response: LawResponse, residual: Array, gap: Array, forcing: float) -> Array:
        """Solve for the correction that closes the residual and the prescribed gap."""
        problem = self.problem
        part = problem.cells.stiffness(problem.pattern, response.tangent)
        load = residual
        if problem.comm.max(float(np.abs(gap).max(initial=0.0))) > 0.0:
            load = residual - self._on_unknowns(problem.exchange.accumulated(part @ gap))
        try:
            problem.linear_solver.update(part)
            moved = problem.linear_solver.solve(load, rtol=max(forcing, _EXACT))
        except ArithmeticError as error:
            raise SingularTangentError(str(error)) from error
        return (moved if problem.ties is None else problem.ties.follow(moved)) + gap

    def _met(self, unknown: Array, gap: Array) -> bool:
        """Whether held dofs are where they must be, and slaves, but for the rounding of sums."""
        problem, comm = self.problem, self.problem.comm
        held = problem.loading.constrained
        size = comm.max(float(np.abs(self.prescribed).max(initial=0.0)))
        left = comm.max(float(np.abs(gap[held]).max(initial=0.0)))
        if problem.ties is None:
            return left <= _MET * max(size, 1e-300)
        size = max(size, comm.max(float(np.abs(unknown).max(initial=0.0))), 1e-300)
        slipped = comm.max(float(np.abs(gap[problem.ties.slaves]).max(initial=0.0)))
        return left <= _MET * size and slipped <= _TIED * size

    def _on_unknowns(self, force: Array) -> Array:
        """Return the forces that the unknowns feel; held dofs feel none. Collective: yes."""
        ties = self.problem.ties
        felt = np.where(self.problem.loading.constrained, 0.0, force)
        return felt if ties is None else ties.gathered(felt)


def _failing(response: LawResponse, strain: Array, force: Array) -> Int[Array, " n_failing"]:
    """Return the points that failed, also those that only answered NaN to a finite strain."""
    if np.isfinite(force).all():
        return response.failed
    wrong = ~np.isfinite(response.stress).all(axis=1) & np.isfinite(strain).all(axis=1)
    return np.union1d(response.failed, np.flatnonzero(wrong)).astype(np.int64)


def solve_high_fidelity(
    problem: HighFidelityProblem,
    *,
    options: NewtonOptions | None = None,
    last: StepOutcome | None = None,
) -> Iterator[StepOutcome]:
    """Compute the response of a structure, one instant of the load case after the other.

    Parameters
    ----------
    problem
        The structure and its load.
    options
        When Newton iterations stop.
    last
        Outcome of an interrupted computation to go on from, at one of the instants.

    Yields
    ------
    StepOutcome
        For every instant after the first, or after that of `last`; displacement, strain and state
        of this rank.

    Raises
    ------
    StudyError
        If the constraints leave a part of the body free to move; names the motions.

    Notes
    -----
    Collective: yes. Backward Euler over each increment, full Newton with the consistent tangent.
    """
    loading = problem.loading
    refuse_free_motions(
        problem.subdomain, loading.constrained, problem.comm, equations=loading.equations
    )
    start = problem.start() if last is None else last.committed
    times = loading.times[loading.times > start.time]
    yield from march(problem, start, times, options=options or NewtonOptions(), last=last)
