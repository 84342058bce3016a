"""Equilibrium of a hyper-reduced model, its points shared among the ranks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from time import perf_counter

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.laws.composite import Heterogeneous
from romnet.laws.contract import TimeStep
from romnet.online.newton import SingularTangentError, Trial
from romnet.online.stepping import Committed
from romnet.reduction.model import ReducedLoading, ReducedModel


@dataclass(frozen=True)
class ReducedProblem:
    """A reduced model under one load case, on this rank's share of the points.

    Attributes
    ----------
    model, loading
        The model and its load.
    laws
        Laws of this rank's points.
    share
        Positions in ``model.points`` of this rank's points, quadrature points first.
    n_quadrature
        How many of them are quadrature points.
    comm
        The ranks.
    """

    model: ReducedModel
    loading: ReducedLoading
    laws: Heterogeneous
    share: Int[Array, " n_points"]
    n_quadrature: int
    comm: Communicator

    @classmethod
    def build(
        cls, model: ReducedModel, loading: ReducedLoading, comm: Communicator
    ) -> ReducedProblem:
        """Share the points among the ranks and load the laws."""
        quadrature = np.array_split(np.arange(model.n_quadrature), comm.size)[comm.rank]
        gappy = np.arange(model.n_quadrature, model.points.size)
        share = np.concatenate([quadrature, np.array_split(gappy, comm.size)[comm.rank]])
        return cls(
            model=model,
            loading=loading,
            laws=model.laws().restricted_to(share),
            share=share,
            n_quadrature=len(quadrature),
            comm=comm,
        )

    @cached_property
    def strain_modes(self) -> Float[Array, "n_rows n_modes"]:
        """Strain of the modes, row = point * n_components + component."""
        return np.ascontiguousarray(self.model.strain_modes[self.share]).reshape(
            -1, self.model.n_modes
        )

    @cached_property
    def quadrature_modes(self) -> Float[Array, "n_rows n_modes"]:
        """Rows of `strain_modes` that carry a weight."""
        return self.strain_modes[: self.n_quadrature * self.model.n_components]

    @cached_property
    def weights(self) -> Float[Array, " n_quadrature"]:
        """Weights of this rank's quadrature points."""
        return np.asarray(self.model.weights[self.share[: self.n_quadrature]])

    def temperature(self, time: float) -> Float[Array, " n_points"]:
        """Return the temperature of this rank's points."""
        return self.loading.temperature.at(time)[self.share]

    def lift_strain(self, time: float) -> Float[Array, "n_points n_components"]:
        """Return the strain of the prescribed displacements at this rank's points."""
        shape = (-1, self.model.n_components)
        return self.loading.lift_strain.at(time).reshape(shape)[self.share]

    def start(self) -> Committed:
        """Return the virgin state at the first instant of the load case.

        Nothing is strained yet: a displacement prescribed from the beginning is reached in the
        first increment, as in the high-fidelity model.
        """
        time = float(self.loading.times[0])
        return Committed(
            time=time,
            unknown=np.zeros(self.model.n_modes),
            rate=np.zeros(self.model.n_modes),
            strain=np.zeros((len(self.share), self.model.n_components)),
            state=self.laws.initial_state(self.temperature(time)),
        )

    def increment(self, committed: Committed, step: TimeStep) -> ReducedIncrement:
        """Return the equations of one increment."""
        return ReducedIncrement(
            problem=self,
            committed=committed,
            step=step,
            force=self.loading.force.at(step.end),
            lift_strain=self.lift_strain(step.end),
            temperature_old=self.temperature(step.start),
            temperature_new=self.temperature(step.end),
        )


@dataclass(frozen=True)
class ReducedIncrement:
    """One increment of a reduced problem: external data evaluated once, then iterated on."""

    problem: ReducedProblem
    committed: Committed
    step: TimeStep
    force: Float[Array, " n_modes"]
    lift_strain: Float[Array, "n_points n_components"]
    temperature_old: Float[Array, " n_points"]
    temperature_new: Float[Array, " n_points"]

    @property
    def guess(self) -> Float[Array, " n_modes"]:
        """Linear extrapolation of the last increment."""
        return np.asarray(self.committed.unknown + self.step.length * self.committed.rate)

    def evaluate(self, unknown: Float[Array, " n_modes"]) -> Trial:
        r"""Evaluate residual and tangent on the selected points.

        :math:`r = F - \sum_k w_k E_k^T \sigma_k`, :math:`K = \sum_k w_k E_k^T C_k E_k`; residual,
        tangent and failures of all ranks travel in one buffer.
        """
        problem = self.problem
        modes, weights = problem.quadrature_modes, problem.weights
        n_modes, n_quadrature = problem.model.n_modes, problem.n_quadrature
        strain = (problem.strain_modes @ unknown).reshape(self.lift_strain.shape)
        strain += self.lift_strain
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

        packed = np.empty(n_modes * (n_modes + 1) + 1)
        packed[:n_modes] = (weights[:, None] * response.stress[:n_quadrature]).ravel() @ modes
        # The weights go on the tangents: 36 numbers a point, the modes have 6 n_modes.
        tangent = weights[:, None, None] * response.tangent[:n_quadrature]
        shape = (n_quadrature, problem.model.n_components, n_modes)
        weighted = np.matmul(tangent, modes.reshape(shape)).reshape(-1, n_modes)
        packed[n_modes:-1] = (modes.T @ weighted).ravel()
        packed[-1] = response.failed.size
        packed = problem.comm.sum(packed)
        failed = bool(packed[-1] > 0.0)
        step_factor = problem.comm.min(response.step_factor) if failed else 1.0

        internal = packed[:n_modes]
        stiffness = packed[n_modes:-1].reshape(n_modes, n_modes)
        residual = self.force - internal
        return Trial(
            residual=float(np.linalg.norm(residual)),
            scale=float(max(np.linalg.norm(self.force), np.linalg.norm(internal))),
            strain=strain,
            state=response.state,
            failed=failed,
            step_factor=step_factor,
            correction=lambda: _solve(stiffness, residual),
            law_seconds=law_seconds,
        )


def _solve(stiffness: Array, residual: Array) -> Array:
    """Solve the small dense system."""
    try:
        return np.linalg.solve(stiffness, residual)
    except np.linalg.LinAlgError as problem:
        raise SingularTangentError from problem
