"""A simulation by romnet's own solver: recorded, saved on the way, and told where it failed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from romnet.core.arrays import Array
from romnet.core.communicator import raise_together, together
from romnet.core.errors import ConvergenceError
from romnet.fe.loading import Loading
from romnet.laws.contract import TimeStep
from romnet.online.stepping import Rejected, StepOutcome
from romnet.store.manifest import Manifest, read_manifest, write_manifest
from romnet.store.point_file import PointIncrement, write_increment
from romnet.store.snapshots import writing_snapshots
from romnet.study.checkpoints import Checkpoints
from romnet.study.context import Context
from romnet.study.stage import Stage
from romnet.study.stopping import stopped
from romnet.study.times import kept_instants
from romnet.study.training import displacement_info, dual_infos, recorded_fields


def high_fidelity_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Compute a simulation, or what is left of one that was stopped."""
    from romnet.hf.problem import HighFidelityProblem, solve_high_fidelity
    from romnet.parallel.petsc import petsc

    # Before any file is open: MPI may start a helper process, which would inherit its lock.
    petsc()
    workspace = context.workspace
    loading = context.loading(stage.case)
    problem = HighFidelityProblem(
        workspace.part, workspace.discretization, workspace.laws, loading, context.comm
    )
    dual = recorded_fields(context)
    infos = {"displacement": displacement_info(context), **dual_infos(context, dual)}
    rows = {name: workspace.component_rows(infos[name].n_components) for name in dual}
    rows["displacement"] = workspace.owned_dofs
    target = context.folder / stage.path
    checkpoints = Checkpoints(context, stage.case, manifest, infos, rows)
    last = checkpoints.found()
    outcome = last
    with writing_snapshots(
        target, infos, rows=rows, manifest=manifest, comm=context.comm
    ) as writer:

        def record(time: float, unknown: Array, state: Array) -> None:
            values = {name: np.ravel(workspace.laws.field(state, name)) for name in dual}
            values["displacement"] = unknown[workspace.part.owned_dofs]
            writer.append(time, values)
            checkpoints.record(time, values)

        for time, values in checkpoints.recorded():
            writer.append(time, values)
        if last is None:
            start = problem.start()
            record(start.time, start.unknown, start.state)
        kept = dict(
            zip(
                loading.times.tolist(),
                kept_instants(context.located.cases[stage.case].grid, loading.times),
                strict=True,
            )
        )
        try:
            for outcome in solve_high_fidelity(
                problem, options=context.simulation_options, last=last
            ):
                if not outcome.status.ok:
                    _refuse(context, stage, loading, outcome)
                committed = outcome.committed
                if kept[committed.time]:
                    record(committed.time, committed.unknown, committed.state)
                last_one = committed.time >= loading.times[-1]
                stops = not last_one and context.stops
                checkpoints.passed(outcome, now=stops)
                context.progress(_part(loading.times, committed.time))
                if stops:
                    raise stopped(f"in {stage.name}, at t = {committed.time:g}")
        finally:
            checkpoints.close()
    failed_file(context, stage).unlink(missing_ok=True)
    _count(context, target, 0 if outcome is None else outcome.increments)
    checkpoints.forget()


def failed_file(context: Context, stage: Stage) -> Path:
    """Return where the increment is written at which a law failed."""
    return (context.folder / stage.path).with_suffix(".failed.json")


def _part(times: Array, time: float) -> float:
    """Return the part of the instants that is done."""
    return float(np.searchsorted(times, time)) / max(len(times) - 1, 1)


def _count(context: Context, target: Path, increments: int) -> None:
    """Write down how many increments it took. Collective."""
    with together(context.comm):
        if context.comm.rank == 0:
            manifest = read_manifest(target)
            write_manifest(target, replace(manifest, counts={"increments": increments}))


def _refuse(context: Context, stage: Stage, loading: Loading, outcome: StepOutcome) -> None:
    """Tell on all ranks why a simulation stopped, and write the increment that a law refused."""
    message = (
        f"{stage.name}: stopped after t = {outcome.committed.time:g} "
        f"({outcome.reason.label}); {outcome.reason.advice}."
    )
    rejected, comm = outcome.rejected, context.comm
    if rejected is None:
        raise_together(comm, ConvergenceError(message))
        return
    part = context.workspace.part
    numbers = part.points[rejected.points]
    first = comm.min(float(numbers.min()) if numbers.size else np.inf)
    error = None
    if np.isfinite(first) and first in numbers:
        point = int(np.searchsorted(part.points, int(first)))
        error = ConvergenceError(_told(context, stage, loading, (outcome, rejected, point)))
    raise_together(comm, error)


def _told(
    context: Context, stage: Stage, loading: Loading, failure: tuple[StepOutcome, Rejected, int]
) -> str:
    """Write the failing increment of a point of this rank, and say where and when it was."""
    outcome, rejected, point = failure
    workspace, step = context.workspace, rejected.step
    path = failed_file(context, stage)
    ids = np.concatenate([block.ids for block in workspace.part.mesh.blocks])
    cell = int(ids[workspace.discretization.cell_of_point[point]])
    number = int(workspace.part.points[point])
    found, known = _increment(context, loading, failure), workspace.laws.locations
    location = None if known is None else known.take(np.array([point]))
    increment = replace(found, point=number, cell=cell, location=location)
    write_increment(path, increment)
    return (
        f"{stage.name}: stopped after t = {outcome.committed.time:g}: the law failed at point "
        f"{number}, cell {cell}, in the increment to t = {step.end:g}, "
        f"also in one of length {step.length:.3g}, the smallest tried. "
        f"Ask the law again with `romnet laws drive --replay {path}`."
    )


def _increment(
    context: Context, loading: Loading, failure: tuple[StepOutcome, Rejected, int]
) -> PointIncrement:
    """Return what the law of one point was asked."""
    outcome, rejected, point = failure
    laws, step = context.workspace.laws, rejected.step
    n_state = laws.laws[int(laws.law_of_point[point])].n_state
    before, after = (loading.temperature.at(time)[point] for time in (step.start, step.end))
    return PointIncrement(
        strain_old=outcome.committed.strain[point],
        strain_new=rejected.strain[point],
        state_old=outcome.committed.state[point, :n_state],
        temperatures=(float(before), float(after)),
        step=TimeStep(step.start, step.length, step.number),
    )
