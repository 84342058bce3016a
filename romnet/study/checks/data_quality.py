"""What the training simulations are worth as data: digits, repeated instants, supports, ranges."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.fe.history import SeparatedField
from romnet.report.data_values import DataFacts
from romnet.study.checks.findings import NOISE
from romnet.study.checks.precision import precision_of, strain_noise
from romnet.study.constraints import constraints_of
from romnet.study.context import Context
from romnet.study.loadcases import outside_tables, point_temperature
from romnet.study.read import HF

# A support that moves by more of the largest displacement is no rounding of six digits.
MOVED = 1e-5


def data_facts(context: Context, name: str) -> DataFacts:
    """Look at the snapshots of a training simulation and at its temperatures.

    Parameters
    ----------
    context
        The study, on one rank.
    name
        Of the simulation; its snapshots exist.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing. Cost: reads every displacement once.
    """
    workspace = context.workspace
    source, times = context.displacement(name), np.asarray(context.snapshots(name).times)
    constraints = constraints_of(workspace)
    held = constraints.constrained
    seen: set[bytes] = set()
    largest, zero, repeated, moved = np.zeros(source.column(0).size), 0, 0, 0.0
    for number, time in enumerate(times):
        column = source.column(number)
        if not column.any():
            zero += number > 0
        else:
            mark = hashlib.blake2b(column.tobytes()).digest()
            repeated += mark in seen
            seen.add(mark)
        if held.any():
            away = column[held] - constraints.prescribed.at(float(time))[held]
            moved = max(moved, float(np.abs(away).max()))
        if np.abs(column).max() > np.abs(largest).max():
            largest = column
    precision = precision_of(largest)
    noise, strain = strain_noise(workspace.discretization, largest, precision)
    results = context.located.training(name).results
    temperature = point_temperature(workspace, context.located.cases[name])
    facts = DataFacts(
        name=name,
        source="romnet" if results == HF else str(results),
        instants=len(times),
        digits=precision.label,
        noise=noise / strain if strain > 0.0 else 0.0,
        zero=int(zero),
        repeated=int(repeated),
        moved=moved / (float(np.abs(largest).max()) or 1.0),
        temperatures=_range(temperature, times),
        tables=workspace.temperature_range,
    )
    outside = outside_tables(workspace, np.array(facts.temperatures or ()))
    return replace(facts, remarks=tuple(_remarks(facts, outside)))


def _range(
    temperature: SeparatedField, times: Float[Array, " n_times"]
) -> tuple[float, float] | None:
    """Return the lowest and the highest temperature of all points and instants."""
    if not temperature.n_terms:
        return None
    fields = [temperature.at(float(time)) for time in times]
    return min(float(one.min()) for one in fields), max(float(one.max()) for one in fields)


def _remarks(facts: DataFacts, outside: str) -> Iterator[str]:
    """Yield what looks wrong of a simulation."""
    if facts.noise > NOISE:
        yield (
            f"its {facts.digits} make strains noisy by {facts.noise:.1e} of their size: "
            "a tolerance below that fits the noise; write more digits"
        )
    if facts.zero:
        yield (
            f"{facts.zero} instants after the first are zero everywhere: was the result written, "
            "and read under the right name?"
        )
    if facts.repeated:
        yield f"{facts.repeated} instants repeat earlier ones digit by digit and teach nothing"
    if facts.moved > MOVED:
        yield (
            f"constrained nodes are {facts.moved:.1e} of the largest displacement away from where "
            "their constraints put them: the simulation was held otherwise than the study says"
        )
    if outside:
        yield outside
