"""Whole fields of an answer, one instant at a time: from their modes, or by the laws."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import together
from romnet.fe.history import SeparatedField
from romnet.online.solve import ReducedSolution
from romnet.reduction.dual import dual_scalars
from romnet.reduction.replay import replay
from romnet.study.context import Context
from romnet.study.loadcases import point_temperature
from romnet.study.models import displacement_modes, dual_bases, model_of

How = Literal["gappy", "replay"]
Instants = Iterator[tuple[int, Mapping[str, Array]]]


def how_rebuilt(context: Context, case: str) -> How:
    """Return how the study wants the dual fields of a case: training cases from modes."""
    if case in context.training:
        return "gappy"
    return context.located.online(case).fields


def rebuilt_displacement(
    context: Context, solution: ReducedSolution
) -> Callable[[int], Float[Array, " n_dofs"]]:
    """Return what rebuilds the displacement at this rank's dofs, at an instant by number."""
    return RebuiltDisplacement.of(context, solution).column


def rebuilt_instants(
    context: Context, solution: ReducedSolution, numbers: Int[Array, " n"], *, how: How
) -> Instants:
    """Rebuild every dual scalar at this rank's points, at some instants.

    Parameters
    ----------
    context
        Study and ranks.
    solution
        The answer.
    numbers
        Ascending positions among its instants.
    how
        ``"gappy"``: from the values at few points, in the span of the modes. ``"replay"``: the
        laws follow the rebuilt displacement at every point, which no basis of the dual fields
        limits.

    Yields
    ------
    int, dict
        Position of the instant, and its fields by name; those that never moved in training are
        left out by ``"gappy"``.

    Raises
    ------
    LawError
        If a point cannot follow the rebuilt displacement, on all ranks.

    Notes
    -----
    Collective: yes. Memory: one instant. Cost: one product with the modes for each instant; or one
    law call for each point and each instant up to the last one wanted.
    """
    if how == "gappy":
        yield from _from_modes(context, solution, numbers)
    else:
        yield from _replayed(context, solution, numbers)


@dataclass(frozen=True)
class RebuiltDisplacement:
    """Displacements of an answer, formed when they are read.

    Attributes
    ----------
    modes
        Modes at the dofs of this rank.
    coefficients
        Of the modes, one column for each instant.
    times
        Instants [time].
    prescribed
        Motion of the constrained dofs.
    """

    modes: Float[Array, "n_dofs n_modes"]
    coefficients: Float[Array, "n_modes n_times"]
    times: Float[Array, " n_times"]
    prescribed: SeparatedField

    @classmethod
    def of(cls, context: Context, solution: ReducedSolution) -> RebuiltDisplacement:
        """Take modes and motion of a case. Collective: yes."""
        return cls(
            displacement_modes(context, solution.case),
            solution.coefficients,
            solution.times,
            context.loading(solution.case).prescribed,
        )

    @property
    def n_rows(self) -> int:
        """Dofs of this rank."""
        return len(self.modes)

    @property
    def n_snapshots(self) -> int:
        """Instants."""
        return len(self.times)

    def rows(self, numbers: Int[Array, " n"]) -> Float[Array, "n n_times"]:
        """Return some dofs at all instants."""
        return np.stack([self.column(k)[numbers] for k in range(self.n_snapshots)], axis=1)

    def column(self, number: int) -> Float[Array, " n_dofs"]:
        """Return one instant."""
        moved: Array = self.modes @ self.coefficients[:, number]
        # The first instant is the virgin state, also where the motion is prescribed throughout.
        if number > 0:
            moved = moved + self.prescribed.at(float(self.times[number]))
        return moved


def _from_modes(context: Context, solution: ReducedSolution, numbers: Array) -> Instants:
    """Rebuild from the modes of each field."""
    model = model_of(context, solution.case)
    bases = dual_bases(context, solution.case)
    found = {name: model.gappy[name].inverse @ solution.dual[name] for name in bases}
    for number in numbers:
        yield (
            int(number),
            {name: basis.modes @ found[name][:, number] for name, basis in bases.items()},
        )


def _replayed(context: Context, solution: ReducedSolution, numbers: Array) -> Instants:
    """Drive the laws along the rebuilt displacement."""
    workspace, comm = context.workspace, context.comm
    if len(numbers) == 0:
        return
    displacement = RebuiltDisplacement.of(context, solution)
    with together(comm):
        temperature = point_temperature(workspace, context.located.cases[solution.case])
        scalars = dual_scalars(context.located.study.offline.dual, workspace.laws)
    history = replay(
        displacement,
        solution.times,
        temperature,
        discretization=workspace.discretization,
        laws=workspace.laws,
    )
    wanted = set(numbers.tolist())
    for number in range(int(numbers[-1]) + 1):
        with together(comm):
            instant = next(history)
        if number in wanted:
            state = instant.state
            yield (
                number,
                {one.name: np.array(one.of(workspace.laws, state)) for one in scalars},
            )
