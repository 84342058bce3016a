"""Quantities of interest: few numbers of fields at all points, of all ranks together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.reduction.life import coffin_manson_cycles, creep_damage_rate, von_mises

Fields = Mapping[str, Array]


@dataclass(frozen=True)
class FieldHistory:
    """Fields of an answer at the points of this rank, rebuilt when they are read.

    Attributes
    ----------
    times
        Instants that are kept [time].
    cycle
        Position of the instant at which the last cycle starts; the first one if there are no
        cycles.
    weights
        Volumes of the points of this rank [volume].
    positions
        Their coordinates (n_points, n_dim) [length].
    instants
        Returns the fields by name at some instants, in order.
    comm
        The ranks.
    """

    times: Float[Array, " n_times"]
    cycle: int
    weights: Float[Array, " n_points"]
    positions: Float[Array, "n_points n_dim"]
    instants: Callable[[Array], Iterator[Fields]]
    comm: Communicator

    def last(self, field: str) -> Float[Array, " n_points"]:
        """Return a field at the last instant.

        Raises
        ------
        ValueError
            If there is no such field; lists those there are.
        """
        return _named(next(self.instants(np.array([len(self.times) - 1]))), field)


Quantity = Callable[..., Mapping[str, float]]


def maximum(history: FieldHistory, *, field: str) -> dict[str, float]:
    """Return the largest value of a field at the last instant and where it is.

    Notes
    -----
    Collective: yes.
    """
    values, comm = history.last(field), history.comm
    top = comm.max(float(values.max(initial=-np.inf)))
    places = comm.concatenate(history.positions[values >= top])
    return {"value": top, **_coordinates(places[0])}


def percentile(history: FieldHistory, *, field: str, percent: float) -> dict[str, float]:
    """Return the value below which a field stays in a part of the volume, at the last instant.

    Notes
    -----
    Collective: yes. Memory: the field of all ranks, sorted.

    Raises
    ------
    ValueError
        If `percent` lies outside [0, 100].
    """
    if not 0.0 <= percent <= 100.0:  # noqa: PLR2004
        message = f"percent must lie in [0, 100], got {percent:g}."
        raise ValueError(message)
    values = history.comm.concatenate(history.last(field))
    volumes = history.comm.concatenate(np.abs(history.weights))
    order = np.argsort(values, kind="stable")
    below = np.cumsum(volumes[order])
    place = int(np.searchsorted(below, percent / 100.0 * below[-1] * (1.0 - 1e-12)))
    return {"value": float(values[order][min(place, len(values) - 1)])}


def hottest(history: FieldHistory, *, field: str, above: float) -> dict[str, float]:
    """Return volume and centroid of the region where a field exceeds a threshold at the end.

    Notes
    -----
    Collective: yes. Without such a region only the volume, zero, is returned.
    """
    hot = history.last(field) > above
    weights = np.abs(history.weights[hot])
    sums = history.comm.sum(np.concatenate([[weights.sum()], weights @ history.positions[hot]]))
    if not sums[0] > 0.0:
        return {"volume": 0.0}
    return {"volume": float(sums[0]), **_coordinates(sums[1:] / sums[0])}


def coffin_manson(history: FieldHistory, *, ductility: float, exponent: float) -> dict[str, float]:
    r"""Return the fewest cycles to failure by the plastic strain of the last cycle.

    The range of the plastic strain is taken as half of what the cumulated plastic strain grows by:
    exact where the strain goes forth and back along one direction. See
    `romnet.reduction.life.coffin_manson_cycles`.

    Notes
    -----
    Collective: yes.
    """
    start, end = _ends(history)
    cycles = coffin_manson_cycles((end - start) / 2.0, ductility=ductility, exponent=exponent)
    return _shortest(history, cycles)


def creep_fatigue(
    history: FieldHistory,
    *,
    ductility: float,
    fatigue_exponent: float,
    strength: float,
    creep_exponent: float,
) -> dict[str, float]:
    r"""Return the fewest cycles to failure, damage of creep and fatigue added up linearly.

    :math:`1/N = 1/N_f + \int_{cycle} (\sigma_{eq}/A)^r \, dt` with the last cycle's
    :math:`N_f` of Coffin and Manson; the integral by the trapezoidal rule between instants.

    Notes
    -----
    Collective: yes. Cost: reads the fields at each instant of the last cycle.
    """
    start, end = _ends(history)
    fatigue = 1.0 / coffin_manson_cycles(
        (end - start) / 2.0, ductility=ductility, exponent=fatigue_exponent
    )
    creep = np.zeros_like(fatigue)
    numbers = np.arange(history.cycle, len(history.times))
    before: Array | None = None
    for number, fields in zip(numbers, history.instants(numbers), strict=True):
        rate = creep_damage_rate(
            von_mises(_stress(fields)), strength=strength, exponent=creep_exponent
        )
        if before is not None:
            creep += 0.5 * (rate + before) * (history.times[number] - history.times[number - 1])
        before = rate
    with np.errstate(divide="ignore"):
        return _shortest(history, 1.0 / (fatigue + creep))


def _ends(history: FieldHistory) -> tuple[Array, Array]:
    """Return the cumulated plastic strain at both ends of the last cycle."""
    ends = np.array([history.cycle, len(history.times) - 1])
    start, end = (_named(fields, "p") for fields in history.instants(ends))
    return start, end


def _shortest(history: FieldHistory, cycles: Array) -> dict[str, float]:
    """Return the smallest number of cycles and where it is."""
    least = history.comm.min(float(cycles.min(initial=np.inf)))
    if not np.isfinite(least):
        return {"cycles": least}
    places = history.comm.concatenate(history.positions[cycles <= least])
    return {"cycles": least, **_coordinates(places[0])}


def _stress(fields: Fields) -> Float[Array, "n_points n_components"]:
    """Return the components of the stress, in the order of Voigt."""
    names = [name for name in fields if name.startswith("stress_")]
    if len(names) not in {4, 6}:
        # A component that never moved in training has no mode.
        order = ("11", "22", "33", "12", "13", "23")
        some = _named(fields, "p")
        columns = [fields.get(f"stress_{one}", np.zeros(len(some))) for one in order]
        return np.stack(columns, axis=1)
    return np.stack([fields[name] for name in names], axis=1)


def _named(fields: Fields, name: str) -> Array:
    """Return a field by name."""
    if name not in fields:
        message = f"no field {name!r} is rebuilt; there are: {', '.join(fields)}."
        raise ValueError(message)
    return fields[name]


def _coordinates(place: Array) -> dict[str, float]:
    """Name the coordinates of a place."""
    return {axis: float(value) for axis, value in zip("xyz", place, strict=False)}
