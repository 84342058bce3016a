"""The structure on the whole mesh as the teacher of a reduced model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.status import Status
from romnet.online.enrichment import Learnt
from romnet.online.stepping import Committed, StepOutcome, march
from romnet.online.sweeps import FullInstant
from romnet.reduction.gappy import NEGLIGIBLE
from romnet.reduction.model import ReducedLoading, ReducedModel
from romnet.reduction.selection import at_points
from romnet.study.enrichment.external_solver import Elsewhere
from romnet.study.enrichment.growing import GrowingModel
from romnet.study.following import RelativeUnbalance, followed, unbalance
from romnet.study.schema import Indicator
from romnet.study.training import training_field

# Instants of an answer that the dual bases learn at its end, at most.
_MOST_FIELDS = 6


class Teacher:
    """Romnet's own solver, or another code, and the reduced model that learns from it.

    Parameters
    ----------
    growing
        The model as it stands, and the load case that it answers.

    Notes
    -----
    Implements `romnet.online.enrichment.FullModel`. Collective: every method.
    """

    def __init__(self, growing: GrowingModel) -> None:
        from romnet.hf.problem import HighFidelityProblem

        context, loading = growing.context, growing.loading
        workspace = context.workspace
        self.context, self.growing = context, growing
        self.problem = HighFidelityProblem(
            workspace.part, workspace.discretization, workspace.laws, loading, context.comm
        )
        self._last: StepOutcome | None = None
        self._keys = context.located.study.indicator or Indicator()
        self._largest = self._largest_norm()
        solver = self._keys.solver
        self._elsewhere = None if solver == "hf" else Elsewhere(context, solver, loading.name)

    def start(self) -> Committed:
        """Return the virgin state."""
        start = self.problem.start()
        self.growing.record(start)
        return start

    def follow(self, full: Committed, times: Sequence[float], path: Sequence[Array]) -> Committed:
        """Drive the law from a full state along coefficients of the present model."""
        for time, coefficients in zip(times, path, strict=True):
            unknown = self.growing.displacement(time, coefficients)
            full = followed(self.problem, full, time, unknown, number=self.growing.n_records)
            self.growing.record(full)
        return full

    def unbalance(self, full: Committed) -> float:
        """Return the relative residual of equilibrium of a full state."""
        rest, scale = unbalance(self.problem, full)
        return rest / scale if scale > 0.0 else rest

    def along(self, times: Sequence[float], path: Sequence[Array]) -> Iterator[FullInstant]:
        """Drive the law from the virgin state, which is the first one, along coefficients."""
        full, relative = self.problem.start(), RelativeUnbalance()
        yield FullInstant(full, 0.0, self._size(full))
        for number, (time, coefficients) in enumerate(zip(times, path, strict=True), start=1):
            unknown = self.growing.displacement(time, coefficients)
            full = followed(self.problem, full, time, unknown, number=number)
            yield FullInstant(full, relative.of(self.problem, full)[1], self._size(full))

    def step(self, full: Committed, time: float) -> StepOutcome:
        """Solve for the next instant on the whole mesh, or have it solved elsewhere."""
        if self._elsewhere is not None:
            unknown = self._elsewhere.displacement(time)
            there = followed(self.problem, full, time, unknown, number=self.growing.n_records)
            return StepOutcome(committed=there, status=Status.CONVERGED, scale=0.0)
        options = self.context.simulation_options
        # What the structure has borne before decides when an unloaded step is solved.
        last = None if self._last is None else replace(self._last, committed=full)
        times = np.array([time])
        (outcome,) = march(self.problem, full, times, options=options, last=last)
        self._last = outcome
        return outcome

    def learn(self, full: Committed, values: Float[Array, " n_mask"] | None) -> Learnt:
        """Enrich modes, points and gappy operators by a state."""
        error = self._error(full, values)
        coefficients, transfer = self.growing.learn(full)
        model, comm = self.growing.model, self.context.comm
        numbers = self.context.workspace.part.points
        return Learnt(
            model=model,
            loading=self.growing.reduced,
            space=self.growing.space(full.time),
            coefficients=coefficients,
            transfer=transfer,
            strain=at_points(model.points, full.strain, numbers, comm),
            state=at_points(model.points, full.state, numbers, comm),
            error=error,
        )

    def learn_modes(self, full: Committed) -> tuple[ReducedModel, ReducedLoading]:
        """Enrich the displacement modes and the quadrature by a state; leave out dual fields."""
        self.growing.learn_modes(full)
        return self.growing.model, self.growing.reduced

    def learn_fields(
        self, times: Sequence[float], path: Sequence[Array]
    ) -> tuple[ReducedModel, ReducedLoading]:
        """Enrich the modes of the dual fields along coefficients of the present model."""
        instants = _spread(len(times), _MOST_FIELDS)
        for number, instant in enumerate(self.along(times, path)):
            if number in instants:
                self.growing.record(instant.committed)
        self.growing.learn_fields()
        return self.growing.model, self.growing.reduced

    def recorded(self, time: float) -> dict[str, Array] | None:
        """Return dual scalars at the mask points, where the full state was known."""
        return self.growing.recorded(time)

    def _largest_norm(self) -> float:
        """Return the largest norm of the watched scalar in training."""
        field = self._keys.field
        if field not in self.growing.dual or field not in self.growing.model.dual:
            return 0.0
        weights = np.abs(self.context.workspace.discretization.weights)
        source = training_field(self.context, field)
        sizes = [
            float(weights @ source.column(number) ** 2) for number in range(source.n_snapshots)
        ]
        return float(np.sqrt(self.context.comm.sum(np.array(sizes)).max()))

    def _size(self, full: Committed) -> float:
        """Return the norm of the watched field."""
        workspace = self.context.workspace
        weights = np.abs(workspace.discretization.weights)
        field = workspace.laws.field(full.state, self._keys.field)
        return float(np.sqrt(self.context.comm.sum(np.array([(weights @ field**2).sum()]))[0]))

    def _error(self, full: Committed, values: Array | None) -> float:
        """Return the error that the present model made of the watched scalar field."""
        if values is None or not self._largest > 0.0:
            return float("nan")
        workspace, growing = self.context.workspace, self.growing
        scalar = next(found for found in growing.scalars if found.name == self._keys.field)
        truth = scalar.of(workspace.laws, full.state)
        modes, operator = growing.dual[scalar.name].modes, growing.model.gappy[scalar.name]
        rest: Array = modes @ (operator.inverse @ values) - truth
        weights = np.abs(workspace.discretization.weights)
        parts = np.array([weights @ rest**2, weights @ truth**2])
        wrong, whole = np.sqrt(self.context.comm.sum(parts))
        return float(wrong / whole) if whole > NEGLIGIBLE * self._largest else float("nan")


def _spread(last: int, most: int) -> set[int]:
    """Return numbers of instants, the last one among them, evenly spread."""
    return set(np.linspace(last, 0, min(last, most), endpoint=False).round().astype(int).tolist())
