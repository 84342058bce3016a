"""Asking the reduced model: load cases reduced, runs, fields rebuilt and compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.errors import StudyError
from romnet.core.snapshots import SnapshotSource
from romnet.fe.history import SeparatedField
from romnet.fe.loading import Loading
from romnet.online.solve import ReducedSolution, rebuilt, solve
from romnet.reduction.dual import dual_scalars
from romnet.reduction.model import ReducedLoading, ReducedModel
from romnet.reduction.selection import at_points
from romnet.store import artefact
from romnet.store.artefact import Manifest
from romnet.store.modes import load_bases
from romnet.study.context import Context
from romnet.study.dual_errors import errors_over_time, hottest, reference_source
from romnet.study.stage import Stage
from romnet.study.training import (
    Component,
    displacement_basis,
    strain_at,
)
from romnet.study.workspace import law_specs

_TIME_MATCH = 1e-6


@dataclass(frozen=True)
class Comparison:
    """A reduced answer beside a reference.

    Attributes
    ----------
    reference
        Name of the reference simulation; empty when there is none.
    times
        Instants compared [time].
    displacement
        Relative L2 error of the displacement at each instant [-].
    dual
        Relative L2 error of each dual scalar at the last instant [-].
    hottest
        The same on the hottest 1 % of points: those where the reference is largest [-].
    over_time, hottest_over_time
        Over all instants, roots of ratios of energies: ``u`` and the dual scalars; the latter also
        on the points that are hottest at the last instant [-].
    """

    reference: str
    times: Float[Array, " n_times"]
    displacement: Float[Array, " n_times"]
    dual: Mapping[str, float]
    hottest: Mapping[str, float]
    over_time: Mapping[str, float] = field(default_factory=dict)
    hottest_over_time: Mapping[str, float] = field(default_factory=dict)


def online_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Ask the reduced model."""
    stored = artefact.load(context.folder / "model.h5", ReducedModel)
    # The libraries of user laws may have moved with the study since the model was made.
    model = replace(stored, law_specs=law_specs(context.located))
    loading = model.loadings.get(stage.case)
    if loading is None:
        modes = displacement_basis(context).modes
        loading = reduced_loading(context, context.loading(stage.case), modes, model.points)
    end = float(loading.times[-1])
    solution = solve(
        model,
        loading,
        options=context.newton_options,
        comm=context.comm,
        on_step=lambda time: context.progress(time / end),
    )
    context.save(stage.path, solution, manifest)


def reduced_loading(
    context: Context,
    loading: Loading,
    modes: Float[Array, "n_dofs n_modes"],
    points: Int[Array, " n_mask"],
) -> ReducedLoading:
    """Project a load case: forces on the modes, temperature and lift at the mask points.

    Notes
    -----
    Collective: yes. Cost: one pass over the mesh for each field of the load.
    """
    workspace, comm = context.workspace, context.comm
    numbers = workspace.part.points
    lift = [
        strain_at(context, points, vector[:, None])[..., 0].ravel()
        for vector in loading.prescribed.vectors
    ]
    n_strain = len(points) * workspace.discretization.n_components
    return ReducedLoading(
        name=loading.name,
        times=loading.times,
        force=SeparatedField(loading.force.amplitudes, comm.sum(loading.force.vectors @ modes)),
        temperature=SeparatedField(
            loading.temperature.amplitudes,
            at_points(points, loading.temperature.vectors.T, numbers, comm).T,
        ),
        lift_strain=SeparatedField(
            loading.prescribed.amplitudes, np.array(lift).reshape(len(lift), n_strain)
        ),
    )


def fields_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Compare the answer with its reference, if it has one."""
    solution = artefact.load(context.folder / f"online/{stage.case}.h5", ReducedSolution)
    reference = stage.parameters["reference"]
    if reference is None:
        none = np.zeros(0)
        comparison = Comparison("", none, none, {}, {})
    else:
        comparison = compare(context, solution, str(reference))
    context.save(stage.path, comparison, manifest)


def compare(context: Context, solution: ReducedSolution, reference: str) -> Comparison:
    """Measure a reduced answer against a stored simulation.

    Raises
    ------
    StudyError
        If the reference has none of the instants of the answer.

    Notes
    -----
    Collective: yes. Cost: one pass over the mesh for each instant.
    """
    times = np.asarray(context.snapshots(reference).times)
    span = max(float(np.ptp(times)), 1e-300)
    nearest = np.abs(times[:, None] - solution.times).argmin(axis=0)
    common = np.flatnonzero(np.abs(times[nearest] - solution.times) <= _TIME_MATCH * span)
    if common.size == 0:
        message = (
            f"case {solution.case!r} and its reference {reference!r} have no instant in common: "
            f"{solution.times[-1]:g} and {times[-1]:g} are their last ones."
        )
        raise StudyError(message)
    displacement, overall = _displacement_errors(
        context, solution, reference, nearest[common], common
    )
    last = int(common[-1])
    dual, hot = {}, {}
    for name, values in rebuilt_fields(context, solution, last).items():
        truth = _reference_field(context, reference, name).column(int(nearest[last]))
        dual[name], hot[name] = _field_errors(context, values, truth)
    over_time, hot_over_time = errors_over_time(
        context, solution, reference, nearest[common], common
    )
    return Comparison(
        reference=reference,
        times=solution.times[common],
        displacement=displacement,
        dual=dual,
        hottest=hot,
        over_time={"u": overall, **over_time},
        hottest_over_time=hot_over_time,
    )


def rebuilt_fields(
    context: Context, solution: ReducedSolution, number: int
) -> dict[str, Float[Array, " n_points"]]:
    """Rebuild every dual scalar at this rank's points, at one instant."""
    model = artefact.load(context.folder / "model.h5", ReducedModel)
    bases = load_bases(context.folder / "dual_pod.h5", context.workspace.part.points)
    return {
        name: rebuilt(basis.modes, model, solution, name)[:, number]
        for name, basis in bases.items()
    }


def rebuilt_displacement(
    context: Context, solution: ReducedSolution
) -> Callable[[int], Float[Array, " n_dofs"]]:
    """Return what rebuilds the displacement at this rank's dofs, at an instant by number."""
    modes = displacement_basis(context).modes
    prescribed = context.loading(solution.case).prescribed

    def at_instant(number: int) -> Float[Array, " n_dofs"]:
        moved: Array = modes @ solution.coefficients[:, number]
        # The first instant is the virgin state, also where the motion is prescribed throughout.
        if number > 0:
            moved = moved + prescribed.at(float(solution.times[number]))
        return moved

    return at_instant


def _displacement_errors(
    context: Context,
    solution: ReducedSolution,
    reference: str,
    columns: Int[Array, " n_times"],
    numbers: Int[Array, " n_times"],
) -> tuple[Float[Array, " n_times"], float]:
    """Return the relative error of the displacement at each instant, and over all of them."""
    truth = context.displacement(reference)
    displacement = rebuilt_displacement(context, solution)
    product = context.workspace.inner_product()
    parts = np.zeros((2, len(numbers)))
    for place, (number, column) in enumerate(zip(numbers, columns, strict=True)):
        exact = truth.column(int(column))
        error = displacement(int(number)) - exact
        parts[:, place] = ((product @ error) ** 2).sum(), ((product @ exact) ** 2).sum()
    errors, norms = np.sqrt(context.comm.sum(parts))
    whole = float(np.linalg.norm(errors) / (np.linalg.norm(norms) or 1.0))
    return np.where(norms > 0.0, errors / np.where(norms > 0.0, norms, 1.0), errors), whole


def _reference_field(context: Context, reference: str, name: str) -> SnapshotSource:
    """Return a dual scalar of a simulation: as it was stored, else as it was replayed."""
    scalars = dual_scalars(context.located.study.offline.dual, context.workspace.laws)
    scalar = next(scalar for scalar in scalars if scalar.name == name)
    source = reference_source(context, reference, scalar.field)
    return Component(source, scalar.column, scalar.width)


def _field_errors(context: Context, field: Array, truth: Array) -> tuple[float, float]:
    """Return the relative error in L2 over all points and over the hottest ones."""
    comm = context.comm
    weights = np.abs(context.workspace.discretization.weights)
    hot = hottest(truth, comm)
    parts = [
        (weights[chosen] * values[chosen] ** 2).sum()
        for chosen in (slice(None), hot)
        for values in (field - truth, truth)
    ]
    whole, whole_norm, peak, peak_norm = np.sqrt(comm.sum(np.array(parts)))
    return (
        float(whole / whole_norm) if whole_norm > 0.0 else float(whole),
        float(peak / peak_norm) if peak_norm > 0.0 else float(peak),
    )
