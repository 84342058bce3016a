"""Fields of an answer on this rank: the ones wanted, at the instants wanted, one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import together
from romnet.core.errors import StudyError
from romnet.online.solve import ReducedSolution
from romnet.reduction.dual import dual_scalars
from romnet.store import artefact
from romnet.study.context import Context
from romnet.study.rebuilding import how_rebuilt, rebuilt_displacement, rebuilt_instants
from romnet.study.times import kept_instants

DISPLACEMENT = "displacement"


@dataclass(frozen=True)
class Selection:
    """What is wanted of an answer.

    Attributes
    ----------
    names
        ``displacement``, dual scalars such as ``p`` or ``stress_11``, or all components of a field
        by its name, ``stress``; all fields if empty.
    times
        Instants, of which the nearest of the answer are taken [time]; all that are kept if empty.
    """

    names: tuple[str, ...] = ()
    times: tuple[float, ...] = ()


@dataclass(frozen=True)
class Instant:
    """Fields at one instant.

    Attributes
    ----------
    time
        The instant [time].
    fields
        ``displacement`` at the dofs of this rank, dual scalars at its integration points.
    """

    time: float
    fields: Mapping[str, Float[Array, " n"]]


@dataclass(frozen=True)
class Answer:
    """An answer whose fields can be rebuilt; made by `open_answer`.

    Attributes
    ----------
    context
        Study and ranks.
    solution
        The reduced answer.
    numbers, times
        Positions of the instants wanted, and the instants [time].
    names
        Fields wanted; None for all.
    """

    context: Context
    solution: ReducedSolution
    numbers: Int[Array, " n"]
    names: frozenset[str] | None

    @property
    def times(self) -> Float[Array, " n"]:
        """Instants wanted [time]."""
        return np.asarray(self.solution.times[self.numbers])

    def instants(self) -> Iterator[Instant]:
        """Rebuild the fields, one instant after the other.

        Notes
        -----
        Collective: yes. Memory: one instant.
        """
        moved = rebuilt_displacement(self.context, self.solution)
        for number, dual in self._dual():
            time = float(self.solution.times[number])
            fields = {name: value for name, value in dual.items() if self._wants(name)}
            if self._wants(DISPLACEMENT):
                fields = {DISPLACEMENT: moved(number), **fields}
            yield Instant(time, fields)

    def _dual(self) -> Iterator[tuple[int, Mapping[str, Array]]]:
        """Rebuild the dual scalars, unless the displacement alone is wanted."""
        if self.names == frozenset({DISPLACEMENT}):
            yield from ((int(number), {}) for number in self.numbers)
            return
        how = how_rebuilt(self.context, self.solution.case)
        yield from rebuilt_instants(self.context, self.solution, self.numbers, how=how)

    def _wants(self, name: str) -> bool:
        """Whether a field is wanted."""
        return self.names is None or name in self.names


def open_answer(context: Context, case: str, *, wanted: Selection | None = None) -> Answer:
    """Find the answer to a case, and what is wanted of it.

    Parameters
    ----------
    context
        Study and ranks; the case must have been answered.
    case
        Its name.
    wanted
        Fields and instants; all that the study keeps if left out.

    Raises
    ------
    StoreError
        If the case has not been answered.
    StudyError
        If there is no such case or field.

    Notes
    -----
    Collective: yes.
    """
    asked = wanted or Selection()
    with together(context.comm):
        if case not in context.training:
            context.located.online(case)
        solution = artefact.load(context.folder / f"online/{case}.h5", ReducedSolution)
        names = _known(context, asked.names) if asked.names else None
    if asked.times:
        distances = np.abs(solution.times[:, None] - np.array(asked.times))
        numbers = np.unique(np.argmin(distances, axis=0))
    else:
        grid = context.located.cases[case].grid
        numbers = np.flatnonzero(kept_instants(grid, solution.times))
    return Answer(context, solution, numbers, names)


def fields(
    context: Context, case: str, *, names: tuple[str, ...] = (), times: tuple[float, ...] = ()
) -> Iterator[Instant]:
    """Rebuild fields of an answer, one instant after the other.

    Parameters
    ----------
    context
        Study and ranks; the case must have been answered.
    case
        Its name.
    names
        As in `Selection`; all if empty.
    times
        As in `Selection`; all that the study keeps if empty [time].

    Raises
    ------
    StoreError
        If the case has not been answered.
    StudyError
        If there is no such case or field.

    Notes
    -----
    Collective: yes. Memory: one instant.
    """
    return open_answer(context, case, wanted=Selection(names, times)).instants()


def _known(context: Context, names: tuple[str, ...]) -> frozenset[str]:
    """Turn names of fields into those of their scalars."""
    scalars = dual_scalars(context.located.study.offline.dual, context.workspace.laws)
    known = {DISPLACEMENT: {DISPLACEMENT}}
    for one in scalars:
        known.setdefault(one.field, set()).add(one.name)
        known.setdefault(one.name, set()).add(one.name)
    for name in names:
        if name not in known:
            message = f"there is no field {name!r}; there are: {', '.join(known)}."
            raise StudyError(message)
    return frozenset().union(*(known[name] for name in names))
