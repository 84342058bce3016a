"""Asking the reduced model: load cases reduced, runs, fields rebuilt and compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator, together
from romnet.core.errors import StudyError
from romnet.fe.history import SeparatedField
from romnet.fe.loading import Loading
from romnet.online.solve import FailedPoint, ReducedSolution, solve
from romnet.reduction.model import ReducedLoading, ReducedModel
from romnet.reduction.selection import at_points
from romnet.store import artefact
from romnet.store.manifest import Manifest
from romnet.store.point_file import PointIncrement, read_increment, write_increment
from romnet.study.context import Context
from romnet.study.dual_errors import dual_errors
from romnet.study.models import displacement_modes, model_of
from romnet.study.rebuilding import how_rebuilt, rebuilt_displacement, rebuilt_instants
from romnet.study.stage import Stage
from romnet.study.training import strain_at
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
        Relative L2 error of the displacement at each instant [-]; where the reference is zero,
        relative to its largest norm over the instants.
    dual
        Relative L2 error of each dual scalar at the last instant [-].
    hottest
        The same on the hottest 1 % of points: those where the reference is largest [-].
    over_time, hottest_over_time
        Over all instants, roots of ratios of energies: ``u`` and the dual scalars; the latter also
        on the points that are hottest at the last instant [-].
    rebuilt
        How the dual fields were rebuilt: ``"gappy"`` or ``"replay"``.
    history, hottest_history
        Relative error of each dual scalar at each instant; the latter on the points that are
        hottest at the last one [-].
    from_modes, from_modes_hottest
        `dual` and `hottest`, had the fields been rebuilt from their modes [-].
    """

    reference: str
    times: Float[Array, " n_times"]
    displacement: Float[Array, " n_times"]
    dual: Mapping[str, float]
    hottest: Mapping[str, float]
    over_time: Mapping[str, float] = field(default_factory=dict)
    hottest_over_time: Mapping[str, float] = field(default_factory=dict)
    rebuilt: str = "gappy"
    history: Mapping[str, Float[Array, " n_times"]] = field(default_factory=dict)
    hottest_history: Mapping[str, Float[Array, " n_times"]] = field(default_factory=dict)
    from_modes: Mapping[str, float] = field(default_factory=dict)
    from_modes_hottest: Mapping[str, float] = field(default_factory=dict)


def online_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Ask the reduced model."""
    stored = model_of(context, stage.case)
    # The libraries of user laws may have moved with the study since the model was made.
    model = replace(stored, law_specs=law_specs(context.located))
    loading = model.loadings.get(stage.case)
    if loading is None:
        modes = displacement_modes(context, stage.case)
        loading = reduced_loading(context, context.loading(stage.case), modes, model.points)
    end = float(loading.times[-1])
    failed: list[FailedPoint] = []
    solution = solve(
        model,
        loading,
        options=context.newton_options,
        comm=context.comm,
        on_step=lambda time: context.progress(time / end),
        on_failure=failed.append,
    )
    _write_failed(context, stage, model, failed)
    context.save(stage.path, solution, manifest)


def _write_failed(
    context: Context, stage: Stage, model: ReducedModel, failed: list[FailedPoint]
) -> None:
    """Write what a law was asked in vain, beside the answer; remove what an earlier run wrote."""
    workspace, comm = context.workspace, context.comm
    ids = np.concatenate([block.ids for block in workspace.part.mesh.blocks])
    cells = ids[workspace.discretization.cell_of_point].astype(float)
    cells = at_points(model.points, cells, workspace.part.points, comm)
    path, known = failed_path(context, stage.case), model.locations
    with together(comm):
        if comm.rank == 0:
            path.unlink(missing_ok=True)
    with together(comm):
        for one in failed:
            increment = PointIncrement(
                strain_old=one.strain_old,
                strain_new=one.strain_new,
                state_old=one.state_old,
                temperatures=one.temperatures,
                step=one.step,
                point=int(model.points[one.number]),
                cell=int(cells[one.number]),
                location=None if known is None else known.take(np.array([one.number])),
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            write_increment(path, increment)


def failed_path(context: Context, case: str) -> Path:
    """Return where the increment is written that ended an answer because a law failed."""
    return context.folder / "online" / f"{case}.failed.json"


def failure_words(context: Context, case: str) -> str:
    """Say where a law failed and how to ask it again; nothing if none did."""
    path = failed_path(context, case)
    if not path.is_file():
        return ""
    found = read_increment(path)
    return (
        f"the law failed at point {found.point}, cell {found.cell}, in the increment to "
        f"t = {found.step.end:g}, also in one of length {found.step.length:.3g}; "
        f"ask it again with `romnet laws drive --replay {path}`"
    )


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
    columns = nearest[common]
    displacement, overall = _displacement_errors(context, solution, reference, columns, common)
    how = how_rebuilt(context, solution.case)
    instants = rebuilt_instants(context, solution, common, how=how)
    dual = dual_errors(context, instants, reference, columns)
    other = dual
    if how != "gappy":
        instants = rebuilt_instants(context, solution, common, how="gappy")
        other = dual_errors(context, instants, reference, columns)
    return Comparison(
        reference=reference,
        times=solution.times[common],
        displacement=displacement,
        dual={name: float(errors[-1]) for name, errors in dual.whole.items()},
        hottest={name: float(errors[-1]) for name, errors in dual.hottest.items()},
        over_time={"u": overall, **dual.over_time},
        hottest_over_time=dual.hottest_over_time,
        rebuilt=how,
        history=dual.whole,
        hottest_history=dual.hottest,
        from_modes={name: float(errors[-1]) for name, errors in other.whole.items()},
        from_modes_hottest={name: float(errors[-1]) for name, errors in other.hottest.items()},
    )


def rebuilt_fields(
    context: Context, solution: ReducedSolution, number: int
) -> Mapping[str, Float[Array, " n_points"]]:
    """Rebuild every dual scalar at this rank's points, at one instant, as the study asks."""
    how = how_rebuilt(context, solution.case)
    return next(rebuilt_instants(context, solution, np.array([number]), how=how))[1]


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
    errors, norms = np.zeros(len(numbers)), np.zeros(len(numbers))
    for place, (number, column) in enumerate(zip(numbers, columns, strict=True)):
        exact = truth.column(int(column))
        errors[place] = _norm(product @ (displacement(int(number)) - exact), context.comm)
        norms[place] = _norm(product @ exact, context.comm)
    return relative_errors(errors, norms)


def relative_errors(
    errors: Float[Array, " n_times"], norms: Float[Array, " n_times"]
) -> tuple[Float[Array, " n_times"], float]:
    """Return the relative error at each instant, and over all of them.

    Parameters
    ----------
    errors, norms
        Norms of the error and of the reference at each instant, of any unit.

    Notes
    -----
    An instant at which the reference is zero is compared with the largest norm of all instants,
    so that no error is ever an absolute one. If the reference is zero throughout, an answer that
    is not is wholly wrong: its error is 1.

    Examples
    --------
    >>> relative_errors(np.array([0.5, 0.5]), np.array([0.0, 2.0]))[0].tolist()
    [0.25, 0.25]
    """
    scale = float(norms.max(initial=0.0)) or float(errors.max(initial=0.0)) or 1.0
    each = errors / np.where(norms > 0.0, norms, scale)
    # Divided first, so that squares neither overflow nor vanish.
    size = float(np.linalg.norm(norms / scale)) or float(np.linalg.norm(errors / scale)) or 1.0
    return each, float(errors.max(initial=0.0) / scale) * _shape(errors) / size


def _shape(values: Float[Array, " n"]) -> float:
    """Return the norm of values over their largest."""
    largest = float(values.max(initial=0.0))
    return float(np.linalg.norm(values / largest)) if largest else 0.0


def _norm(values: Float[Array, " n"], comm: Communicator) -> float:
    """Return the norm over all ranks; of tiny values the squares would vanish. Collective."""
    scale = comm.max(float(np.abs(values).max(initial=0.0)))
    if scale == 0.0:
        return 0.0
    parts = np.array([((values / scale) ** 2).sum()])
    return scale * float(np.sqrt(comm.sum(parts)[0]))
