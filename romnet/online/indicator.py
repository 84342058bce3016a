"""How far an answer of the reduced model can be trusted, instant by instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.online.solve import ReducedSolution
from romnet.reduction.calibration import Calibration
from romnet.reduction.model import ReducedLoading
from romnet.reduction.signals import LOAD, GappySignals, LoadSpace, signals_of

# Distance to the loads of the training, in units of the largest of them, that is worth a word.
_FAR = 0.1
# The watched field as driven along the reduced displacement at every point, and what tells of it:
# what is out of balance, relative to the forces of the instant, or to the largest so far.
REPLAYED = "replayed"
BALANCE = "balance"
SWEPT = "swept"
BORNE = "borne"


@dataclass(frozen=True)
class Calibrations:
    """What was learnt about the errors of a reduced model.

    Attributes
    ----------
    fields
        Calibration of each field: ``"u"``, ``"p"``, ``"stress"``, ...
    loads
        Loads that the pairs come from.
    high_fidelity_s
        Wall time of the high-fidelity computations behind them [s].
    """

    fields: Mapping[str, Calibration]
    loads: int
    high_fidelity_s: float


@dataclass(frozen=True)
class Watched:
    """What an answer is good enough for.

    Attributes
    ----------
    field
        Name of the field.
    tolerance
        Largest estimated relative error that is accepted [-].
    """

    field: str
    tolerance: float


@dataclass(frozen=True)
class Assessment:
    """Signals, estimated errors and their upper bounds at each instant of an answer.

    Attributes
    ----------
    case
        Name of the load case.
    times
        Instants (n_times,) [time].
    signals
        By name: gappy residual of each dual field, distance to the loads of the training [-].
    estimates, bounds
        By field: estimated relative L2 error, and what it stays below with the confidence of the
        calibration [-].
    watched
        The field that matters, and how accurate it must be.
    warnings
        What a user should know, in words.
    """

    case: str
    times: Float[Array, " n_times"]
    signals: Mapping[str, Float[Array, " n_times"]]
    estimates: Mapping[str, Float[Array, " n_times"]]
    bounds: Mapping[str, Float[Array, " n_times"]]
    watched: Watched
    warnings: tuple[str, ...] = ()

    @property
    def first_alarm(self) -> int | None:
        """Number of the first instant whose estimate is above the tolerance."""
        above = np.flatnonzero(self.estimates[self.watched.field] > self.watched.tolerance)
        return int(above[0]) if above.size else None


@dataclass(frozen=True, eq=False)
class Monitor:
    """What watches the answers of one model, made once for many of them.

    Attributes
    ----------
    gappy
        Signals of the dual fields.
    space
        Loads of the training.
    calibrations
        From signals to errors.
    watched
        The field that matters, and how accurate it must be.
    """

    gappy: GappySignals
    space: LoadSpace
    calibrations: Calibrations
    watched: Watched


def assess(
    monitor: Monitor,
    loading: ReducedLoading,
    solution: ReducedSolution,
) -> Assessment:
    """Estimate the errors of an answer.

    Parameters
    ----------
    monitor
        What watches the model.
    loading, solution
        The load case and the answer.

    Notes
    -----
    Collective: no. Mutates nothing. Cost: independent of the mesh.
    """
    distances = monitor.space.distances(loading)[: len(solution.times)]
    signals = signals_of(monitor.gappy, solution.dual, distances)
    known = {
        name: found
        for name, found in monitor.calibrations.fields.items()
        if set(found.signals) <= set(signals)
    }
    estimates = {name: found.estimate(signals) for name, found in known.items()}
    bounds = {name: found.margin * estimates[name] for name, found in known.items()}
    found = Assessment(
        case=solution.case,
        times=solution.times,
        signals=signals,
        estimates=estimates,
        bounds=bounds,
        watched=monitor.watched,
    )
    return replace(found, warnings=tuple(_warnings(found)))


def _warnings(found: Assessment) -> list[str]:
    """Say in words what stands out."""
    said = []
    far = np.flatnonzero(found.signals[LOAD] > _FAR)
    if far.size:
        largest = float(found.signals[LOAD].max())
        said.append(
            f"the load leaves those of the training at t = {found.times[far[0]]:g}; it gets as "
            f"far from them as {largest:.0%} of the largest training load."
        )
    number = found.first_alarm
    if number is not None:
        field = found.watched.field
        estimate, bound = found.estimates[field], found.bounds[field]
        said.append(
            f"from t = {found.times[number]:g} the estimated error of {field} is above "
            f"{found.watched.tolerance:g}; it reaches {estimate.max():.2g} (upper bound "
            f"{bound.max():.2g}). Train on this load, or set indicator.action to enrich."
        )
    return said
