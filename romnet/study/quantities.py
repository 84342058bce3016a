"""Quantities of interest of an answer, by functions of romnet or of installed plug-ins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from romnet.core.arrays import Array
from romnet.core.communicator import together
from romnet.core.errors import PluginError, StudyError
from romnet.core.plugins import installed
from romnet.online.solve import ReducedSolution
from romnet.reduction import quantities
from romnet.reduction.quantities import FieldHistory, Quantity
from romnet.store import artefact
from romnet.store.manifest import Manifest
from romnet.study.context import Context
from romnet.study.rebuilding import how_rebuilt, rebuilt_instants
from romnet.study.stage import Stage
from romnet.study.times import cycle_ends

GROUP = "romnet.quantities"
_OWN: Mapping[str, Quantity] = {
    "maximum": quantities.maximum,
    "percentile": quantities.percentile,
    "hottest": quantities.hottest,
    "coffin_manson": quantities.coffin_manson,
    "creep_fatigue": quantities.creep_fatigue,
}


@dataclass(frozen=True)
class QuantityResults:
    """Quantities of one answer by name, each a few numbers by theirs."""

    values: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def quantities_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Evaluate the quantities of the study on an answer.

    Raises
    ------
    StudyError
        If there is no such quantity, or its options do not fit; names the line.
    PluginError
        If a plug-in cannot be loaded.
    """
    solution = artefact.load(context.folder / f"online/{stage.case}.h5", ReducedSolution)
    history = field_history(context, solution)
    located = context.located
    values = {}
    for number, entry in enumerate(located.study.quantities):
        place = ("quantities", number)
        with together(context.comm):
            try:
                function = quantity(entry.type)
            except StudyError as problem:
                raise located.error(place, str(problem)) from problem
        try:
            values[entry.name] = dict(function(history, **entry.options))
        except (TypeError, ValueError) as problem:
            raise located.error(place, f"{entry.type}: {problem}") from problem
    context.save(stage.path, QuantityResults(values), manifest)


def quantity(name: str) -> Quantity:
    """Return a quantity by name: one of romnet's, or of an installed plug-in.

    Raises
    ------
    StudyError
        If there is none; lists those there are.
    PluginError
        If its plug-in cannot be loaded.

    Examples
    --------
    >>> quantity("maximum").__name__
    'maximum'
    """
    if name in _OWN:
        return _OWN[name]
    found = {point.name: point for point in installed(GROUP)}
    if name not in found:
        known = ", ".join(sorted({*_OWN, *found}))
        message = f"there is no quantity {name!r}; there are: {known}."
        raise StudyError(message)
    try:
        loaded: Quantity = found[name].load()
    except (ImportError, AttributeError) as problem:
        message = f"quantity {name}: {found[name].value} cannot be loaded ({problem})."
        raise PluginError(message) from problem
    return loaded


def field_history(context: Context, solution: ReducedSolution) -> FieldHistory:
    """Return the fields of an answer, rebuilt as the study asks. Collective: yes."""
    cycles = context.located.cases[solution.case].grid.cycles
    ends = cycle_ends(cycles, solution.times) if cycles is not None else np.zeros(1, dtype=np.int64)
    how = how_rebuilt(context, solution.case)

    def instants(numbers: Array) -> Iterator[Mapping[str, Array]]:
        for _, fields in rebuilt_instants(context, solution, numbers, how=how):
            yield fields

    return FieldHistory(
        times=solution.times,
        cycle=int(ends[-2]) if len(ends) > 1 else 0,
        weights=context.workspace.discretization.weights,
        positions=context.workspace.discretization.positions,
        instants=instants,
        comm=context.comm,
    )


def quantities_of(context: Context, case: str) -> dict[str, dict[str, float]]:
    """Return the quantities of a case, if they were evaluated."""
    path = context.folder / f"quantities/{case}.h5"
    if not path.exists():
        return {}
    results = artefact.load(path, QuantityResults)
    return {name: dict(values) for name, values in results.values.items()}
