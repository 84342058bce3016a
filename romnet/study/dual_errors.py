"""Errors of rebuilt dual fields against a simulation, over all instants and where it matters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.online.solve import ReducedSolution
from romnet.reduction.dual import dual_scalars
from romnet.reduction.model import ReducedModel
from romnet.store import artefact
from romnet.store.modes import load_bases
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


def errors_over_time(
    context: Context,
    solution: ReducedSolution,
    reference: str,
    columns: Int[Array, " n_times"],
    numbers: Int[Array, " n_times"],
) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Return the relative error of each dual scalar over all instants, and on its hottest points.

    Parameters
    ----------
    context
        Study and ranks.
    solution
        The answer.
    reference
        Name of the simulation.
    columns, numbers
        Instants of the simulation and of the answer that belong together.

    Returns
    -------
    dict, dict
        Roots of ratios of energies, in L2 over the volume: over all points, and over the 1 % of
        points where the reference is largest at the last of these instants [-].

    Notes
    -----
    Collective: yes. Cost: reads each field once, one instant at a time.
    """
    comm, points = context.comm, context.workspace.part.points
    model = artefact.load(context.folder / "model.h5", ReducedModel)
    bases = load_bases(context.folder / "dual_pod.h5", points)
    weights = np.abs(context.workspace.discretization.weights)
    scalars = dual_scalars(context.located.study.offline.dual, context.workspace.laws)
    coefficients = {name: model.gappy[name].inverse @ solution.dual[name] for name in bases}
    whole: dict[str, float] = {}
    peak: dict[str, float] = {}
    for field in dict.fromkeys(scalar.field for scalar in scalars):
        group = [scalar for scalar in scalars if scalar.field == field and scalar.name in bases]
        if not group:
            continue
        source = reference_source(context, reference, field)
        last = source.column(int(columns[-1])).reshape(len(points), -1)
        hot = {scalar.name: hottest(last[:, scalar.column], comm) for scalar in group}
        sums = np.zeros((len(group), 4))
        for column, number in zip(columns, numbers, strict=True):
            values = source.column(int(column)).reshape(len(points), -1)
            for place, scalar in enumerate(group):
                name, truth = scalar.name, values[:, scalar.column]
                rest: Array = bases[name].modes @ coefficients[name][:, number] - truth
                squares = np.stack([weights * rest**2, weights * truth**2])
                sums[place, :2] += squares.sum(axis=1)
                sums[place, 2:] += squares[:, hot[name]].sum(axis=1)
        for scalar, (rest_all, all_, rest_hot, hot_) in zip(group, comm.sum(sums), strict=True):
            whole[scalar.name] = _root_ratio(rest_all, all_)
            peak[scalar.name] = _root_ratio(rest_hot, hot_)
    return whole, peak


def _root_ratio(part: float, whole: float) -> float:
    """Return the relative error, or the error itself where there is nothing to relate it to."""
    return float(np.sqrt(part / whole if whole > 0.0 else part))
