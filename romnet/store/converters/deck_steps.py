"""Amplitudes and static steps of an Abaqus or CalculiX deck, on one axis of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.store.converters.deck_cards import Card, Place, cards_named
from romnet.store.converters.deck_geometry import Note

PROCEDURES = ("STATIC", "VISCO")
OTHER_PROCEDURES = (
    *("HEATTRANSFER", "FREQUENCY", "BUCKLE", "DYNAMIC", "MODALDYNAMIC", "STEADYSTATEDYNAMICS"),
    *("COUPLEDTEMPERATURE-DISPLACEMENT", "UNCOUPLEDTEMPERATURE-DISPLACEMENT", "GREEN", "CFD"),
    *("COMPLEXFREQUENCY", "ELECTROMAGNETICS", "SUBSTRUCTUREGENERATE", "GEOSTATIC"),
)
# A jump is a ramp over this part of a step: no increment is as short.
_JUMP = 1e-6
_SAME = 1e-9
_MOST_INCREMENTS = 100_000


@dataclass(frozen=True)
class DeckAmplitude:
    """Function of time by which loads are multiplied.

    Attributes
    ----------
    name
        Upper-case name.
    times, values
        Ascending instants and the values at them.
    total
        Whether times are counted from the beginning of the first step, not of each step.
    place
        Where it stands.
    """

    name: str
    times: Float[Array, " n"]
    values: Float[Array, " n"]
    total: bool
    place: Place


@dataclass(frozen=True)
class Step:
    """One static step.

    Attributes
    ----------
    number
        Counted from 1.
    place
        Where it begins.
    start, period
        Total time at its beginning, and its length [time].
    increment
        Length of its equal increments if they are fixed (``DIRECT``), else None [time].
    jumps
        Whether loads without amplitude act at once (``AMPLITUDE=STEP``) instead of growing.
    cards
        Cards within the step.
    """

    number: int
    place: Place
    start: float
    period: float
    increment: float | None
    jumps: bool
    cards: tuple[Card, ...]

    @property
    def end(self) -> float:
        """Total time at its end [time]."""
        return self.start + self.period

    @property
    def instants(self) -> tuple[float, ...]:
        """Ends of the fixed increments, as total times; none if the code chose them."""
        if self.increment is None:
            return ()
        count = max(round(self.period / self.increment), 1)
        return tuple(self.start + self.period * (k + 1) / count for k in range(count))


def read_amplitudes(cards: tuple[Card, ...]) -> tuple[dict[str, DeckAmplitude], list[Note]]:
    """Read tabular amplitudes by upper-case name, and notes on the others.

    Raises
    ------
    ConversionError
        If a table is empty or its times do not ascend; names the line.
    """
    amplitudes: dict[str, DeckAmplitude] = {}
    notes: list[Note] = []
    for card in cards_named(cards, "AMPLITUDE"):
        name, kind = card.demand("NAME"), card.option("DEFINITION") or "TABULAR"
        odd = {"SHIFTX", "SHIFTY", "SMOOTH", "USER"} & set(card.options)
        if kind != "TABULAR" or odd or card.option("VALUE") == "ABSOLUTE":
            notes.append(Note(card.place, f"amplitude {name}: {', '.join(odd) or kind}"))
            continue
        numbers = [value for _, row in card.table() for value in row]
        times, values = np.array(numbers[::2]), np.array(numbers[1::2])
        if times.size == 0 or times.size != values.size or np.any(np.diff(times) <= 0.0):
            problem = f"amplitude {name} needs pairs of ascending times and values."
            raise card.place.error(problem)
        total = "".join((card.option("TIME") or "").split()) == "TOTALTIME"
        amplitudes[name] = DeckAmplitude(name, times, values, total, card.place)
    return amplitudes, notes


def read_steps(cards: tuple[Card, ...]) -> tuple[tuple[Step, ...], list[Note]]:
    """Read the static steps, and notes on the others.

    Raises
    ------
    ConversionError
        If a time is not positive, or there are too many increments.
    """
    steps: list[Step] = []
    notes: list[Note] = []
    start = 0.0
    for title, inside in _groups(cards):
        if "NLGEOM" in title.options and title.option("NLGEOM") != "NO":
            notes.append(Note(title.place, "NLGEOM: romnet computes small strains"))
        procedure = cards_named(inside, *PROCEDURES)
        others = cards_named(inside, *OTHER_PROCEDURES)
        if "PERTURBATION" in title.options or others or not procedure:
            what = f"*{others[0].keyword}" if others else "no static procedure"
            if "PERTURBATION" in title.options:
                what = "PERTURBATION"
            notes.append(Note(title.place, f"step left out: {what}"))
            continue
        increment, period = _times(procedure[0])
        steps.append(
            Step(
                number=len(steps) + 1,
                place=title.place,
                start=start,
                period=period,
                increment=increment,
                jumps=title.option("AMPLITUDE") == "STEP",
                cards=inside,
            )
        )
        start += period
    return tuple(steps), notes


def profile(
    step: Step, amplitude: DeckAmplitude | None, times: Float[Array, " n"]
) -> Float[Array, " n"]:
    """Return the factor of a load within a step.

    Parameters
    ----------
    step
        The step.
    amplitude
        Its amplitude; None for the default of the step: from 0 to 1, on top of what was before.
    times
        Total times within the step [time].
    """
    local = times - step.start
    if amplitude is not None:
        clock = times if amplitude.total else local
        return np.asarray(np.interp(clock, amplitude.times, amplitude.values))
    if step.jumps:
        return np.clip(local / (_JUMP * step.period), 0.0, 1.0)
    return np.clip(local / step.period, 0.0, 1.0)


def breakpoints(step: Step, amplitudes: list[DeckAmplitude | None]) -> Float[Array, " n"]:
    """Return the instants after which some loads of a step may change their slope, its end last.

    The first lies right behind the beginning of the step, where amplitudes may make loads jump.
    """
    first = step.start + _JUMP * step.period
    own = [found for found in amplitudes if found is not None]
    tables = [found.times + (0.0 if found.total else step.start) for found in own]
    times = np.unique(np.concatenate([np.array([first, step.end]), *tables]))
    return np.asarray(times[(times >= first) & (times <= step.end)])


def history(
    steps: tuple[Step, ...], events: Mapping[int, tuple[float, DeckAmplitude | None]]
) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """Return the magnitude of a load in time, as a table without needless rows.

    Parameters
    ----------
    steps
        All steps.
    events
        Magnitude and amplitude by the number of the step that gives them; in other steps the load
        stays as it is.

    Returns
    -------
    tuple
        Total times and magnitudes.

    Raises
    ------
    ConversionError
        If a magnitude is not finite; names the step.

    Examples
    --------
    >>> from pathlib import Path
    >>> step = Step(1, Place(Path("a.inp"), 1), 0.0, 2.0, None, False, ())
    >>> [part.tolist() for part in history((step,), {1: (5.0, None)})]
    [[0.0, 2.0], [0.0, 5.0]]
    """
    times, values = [np.zeros(1)], [np.zeros(1)]
    for step in steps:
        before = float(values[-1][-1])
        value, amplitude = events.get(step.number, (before, None))
        instants = breakpoints(step, [amplitude])
        factors = profile(step, amplitude, instants)
        times.append(instants)
        with np.errstate(over="ignore", invalid="ignore"):
            ramp = before + (value - before) * factors if amplitude is None else value * factors
        if not np.isfinite(ramp).all():
            problem = f"a load of {value:g} times its amplitude is beyond all numbers."
            raise step.place.error(problem)
        values.append(ramp)
    return simplified(np.concatenate(times), np.concatenate(values))


def simplified(
    times: Float[Array, " n"], values: Float[Array, " n"]
) -> tuple[Float[Array, " m"], Float[Array, " m"]]:
    """Drop rows that lie on the straight line between their neighbours.

    Examples
    --------
    >>> table = simplified(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 1.0, 2.0, 2.0]))
    >>> [part.tolist() for part in table]
    [[0.0, 2.0, 3.0], [0.0, 2.0, 2.0]]
    """
    kept = [0]
    scale = float(np.abs(values).max(initial=0.0)) or 1.0
    for row in range(1, times.size - 1):
        last = kept[-1]
        part = (times[row] - times[last]) / (times[row + 1] - times[last])
        straight = values[last] + part * (values[row + 1] - values[last])
        if abs(values[row] - straight) > _SAME * scale:
            kept.append(row)
    kept.append(times.size - 1)
    return times[kept], values[kept]


def amplitude_of(
    card: Card, amplitudes: Mapping[str, DeckAmplitude]
) -> tuple[DeckAmplitude | None, bool]:
    """Return the amplitude that a card names, and whether it could be read."""
    name = card.option("AMPLITUDE")
    if name is None:
        return None, True
    return amplitudes.get(name), name in amplitudes


def _groups(cards: tuple[Card, ...]) -> list[tuple[Card, tuple[Card, ...]]]:
    """Return the cards of each step with its title."""
    groups: list[tuple[Card, list[Card]]] = []
    inside = False
    for card in cards:
        if card.keyword == "STEP":
            groups.append((card, []))
            inside = True
        elif card.keyword == "ENDSTEP":
            inside = False
        elif inside:
            groups[-1][1].append(card)
    if inside:
        problem = "the step has no *END STEP: the deck is truncated."
        raise groups[-1][0].place.error(problem)
    return [(title, tuple(found)) for title, found in groups]


def _times(card: Card) -> tuple[float | None, float]:
    """Return the fixed increment, if there is one, and the length of a step."""
    table = card.table()
    numbers = (table[0][1] if table else []) + [0.0, 0.0]
    increment, period = numbers[0] or 1.0, numbers[1] or 1.0
    if not (increment > 0.0 and period > 0.0 and period / increment <= _MOST_INCREMENTS):
        problem = f"increment {increment:g} and period {period:g} make no step."
        raise card.place.error(problem)
    return (increment if "DIRECT" in card.options else None), period
