"""Errors of rebuilt dual fields against a simulation, over all instants and where it matters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.reduction.dual import dual_scalars
from romnet.store.snapshots import StoredSource
from romnet.study.context import Context

HOTTEST = 0.01  # part of the points where fatigue is decided


def reference_source(context: Context, reference: str, field: str) -> StoredSource:
    """Return a dual field of a simulation: as it was stored, else as it was replayed."""
    stored = context.snapshots(reference)
    store = stored if field in stored.fields else context.replayed(reference)
    return context.point_field(store, field)


def hottest(truth: Float[Array, " n_points"], comm: Communicator) -> Bool[Array, " n_points"]:
    """Return which of this rank's points are among the 1 % where a field is largest.

    Notes
    -----
    Collective: yes.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> np.flatnonzero(hottest(np.arange(-1.0, 200.0), SerialCommunicator())).tolist()
    [198, 199, 200]
    """
    sizes = np.abs(comm.concatenate(truth))
    place = int((1.0 - HOTTEST) * (len(sizes) - 1))
    return np.asarray(np.abs(truth) >= np.partition(sizes, place)[place])


@dataclass(frozen=True)
class DualErrors:
    """Relative errors of rebuilt dual scalars, each in L2 over the volume [-].

    Attributes
    ----------
    whole, hottest
        At each instant, over all points and over those that are hottest at the last instant.
    over_time, hottest_over_time
        Over all instants, roots of ratios of energies.
    """

    whole: Mapping[str, Float[Array, " n_times"]]
    hottest: Mapping[str, Float[Array, " n_times"]]
    over_time: Mapping[str, float]
    hottest_over_time: Mapping[str, float]


def dual_errors(
    context: Context,
    rebuilt: Iterator[tuple[int, Mapping[str, Array]]],
    reference: str,
    columns: Int[Array, " n_times"],
) -> DualErrors:
    """Return the relative error of each rebuilt dual scalar against a simulation.

    Parameters
    ----------
    context
        Study and ranks.
    rebuilt
        Fields of the answer, instant by instant.
    reference
        Name of the simulation.
    columns
        Its instants that belong to those of the answer.

    Notes
    -----
    Collective: yes. Cost: reads each field once, one instant at a time.
    """
    comm, n_points = context.comm, len(context.workspace.part.points)
    weights = np.abs(context.workspace.discretization.weights)
    scalars = dual_scalars(context.located.study.offline.dual, context.workspace.laws)
    fields = dict.fromkeys(scalar.field for scalar in scalars)
    sources = {field: reference_source(context, reference, field) for field in fields}

    def truths(column: int) -> dict[str, Array]:
        values = {f: s.column(column).reshape(n_points, -1) for f, s in sources.items()}
        return {one.name: values[one.field][:, one.column] for one in scalars}

    hot = {name: hottest(truth, comm) for name, truth in truths(int(columns[-1])).items()}
    sums: dict[str, list[list[float]]] = {}
    for column, (_, values) in zip(columns, rebuilt, strict=True):
        exact = truths(int(column))
        for name, field in values.items():
            rest = weights * (field - exact[name]) ** 2
            all_ = weights * exact[name] ** 2
            parts = [rest.sum(), all_.sum(), rest[hot[name]].sum(), all_[hot[name]].sum()]
            sums.setdefault(name, []).append(parts)
    total = {name: comm.sum(np.array(rows)) for name, rows in sums.items()}
    return DualErrors(
        whole={name: _root_ratios(rows[:, :2]) for name, rows in total.items()},
        hottest={name: _root_ratios(rows[:, 2:]) for name, rows in total.items()},
        over_time={name: _root_ratio(*rows.sum(0)[:2]) for name, rows in total.items()},
        hottest_over_time={name: _root_ratio(*rows.sum(0)[2:]) for name, rows in total.items()},
    )


def _root_ratios(rows: Float[Array, "n_times 2"]) -> Float[Array, " n_times"]:
    """Return the relative error at each instant."""
    return np.array([_root_ratio(part, whole) for part, whole in rows])


def _root_ratio(part: float, whole: float) -> float:
    """Return the relative error, or the error itself where there is nothing to relate it to."""
    return float(np.sqrt(part / whole if whole > 0.0 else part))
