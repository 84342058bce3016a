"""The stage that answers a case with a model that learns where it must."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.errors import AccuracyError
from romnet.online.enrichment import AdaptiveAnswer, Policy, solve_adaptively
from romnet.online.indicator import REPLAYED, SWEPT, Calibrations, Watched
from romnet.online.sweeps import SweepPolicy, solve_in_sweeps
from romnet.reduction.model import ReducedModel
from romnet.reduction.signals import LoadSpace
from romnet.store import artefact
from romnet.store.manifest import Manifest
from romnet.store.modes import save_bases
from romnet.study.answers import Comparison, compare, reduced_loading
from romnet.study.context import Context
from romnet.study.enrichment.growing import GrowingModel
from romnet.study.enrichment.teacher import Teacher
from romnet.study.schema import Indicator
from romnet.study.stage import Stage
from romnet.study.workspace import law_specs


@dataclass(frozen=True)
class EnrichmentRecord:
    """What enriching an answer took, and what it brought.

    Attributes
    ----------
    case
        The load case.
    times, estimates
        Instants [time], and the estimated error of the reduced step tried at each of them [-].
    full_steps
        Numbers of the instants computed on the whole mesh.
    replayed_steps
        Numbers of those whose reduced displacement was good enough, and only the dual fields were
        learnt, by driving the law along it.
    modes, points
        Displacement modes and quadrature points, before and after.
    seconds
        Wall time of the whole run [s].
    field, tolerance
        The field watched, and the largest estimate accepted of it.
    comparison
        The enriched answer beside the reference of the case, if it has one.
    """

    case: str
    times: Float[Array, " n_times"]
    estimates: Float[Array, " n_times"]
    full_steps: tuple[int, ...]
    replayed_steps: tuple[int, ...]
    modes: tuple[int, int]
    points: tuple[int, int]
    seconds: float
    field: str
    tolerance: float
    comparison: Comparison


def enrich_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Answer a case with a model that learns, and keep that model beside the old one."""
    from romnet.parallel.petsc import petsc

    petsc()
    keys = context.located.study.indicator or Indicator()
    model = replace(
        artefact.load(context.folder / "model.h5", ReducedModel),
        law_specs=law_specs(context.located),
    )
    calibrations = artefact.load(context.folder / "calibration.h5", Calibrations)
    began = perf_counter()
    teacher, answer = enriched_answer(context, stage.case, model, calibrations)
    seconds = perf_counter() - began
    folder = stage.path.parent
    _save(context, folder, (teacher, answer), manifest)
    own = replace(context, folder=context.folder / folder, origin=context.simulations)
    reference = stage.parameters["reference"]
    none = np.zeros(0)
    comparison = (
        Comparison("", none, none, {}, {})
        if reference is None
        else compare(own, answer.solution, str(reference))
    )
    record = EnrichmentRecord(
        case=stage.case,
        times=answer.solution.times,
        estimates=answer.estimates,
        full_steps=answer.full_steps,
        replayed_steps=answer.replayed_steps,
        modes=(model.n_modes, answer.model.n_modes),
        points=(model.n_quadrature, answer.model.n_quadrature),
        seconds=seconds,
        field=keys.field,
        tolerance=keys.tolerance,
        comparison=comparison,
    )
    context.save(stage.path, record, manifest)


def enriched_answer(
    context: Context,
    case: str,
    model: ReducedModel,
    calibrations: Calibrations,
) -> tuple[Teacher, AdaptiveAnswer]:
    """Answer a case with a model that learns where it must.

    Parameters
    ----------
    context
        Study, folder of the offline artefacts and ranks.
    case
        Name of the load case.
    model
        The model to begin with.
    calibrations
        From signals to errors.

    Returns
    -------
    Teacher, AdaptiveAnswer
        The first holds the enriched bases.

    Notes
    -----
    Collective: yes. PETSc must have been started.
    """
    keys = context.located.study.indicator or Indicator()
    loading = context.loading(case)
    teacher = Teacher(GrowingModel(context, model, loading))
    reduced = model.loadings.get(case) or reduced_loading(
        context, loading, teacher.growing.basis.modes, model.points
    )
    if keys.learning == "sweeps":
        if SWEPT not in calibrations.fields:
            message = (
                "sweeps: too few pairs of unbalance and error of the watched field were met; give "
                "more indicator.calibration.loads, or larger ones."
            )
            raise AccuracyError(message)
        most = keys.most_steps or len(loading.times) - 1
        answer = solve_in_sweeps(
            model,
            reduced,
            teacher,
            policy=SweepPolicy(
                calibration=calibrations.fields[SWEPT],
                watched=Watched(keys.field, keys.tolerance),
                most=most,
            ),
            options=context.newton_options,
            on_sweep=lambda done: context.progress(done / most),
        )
        return teacher, answer
    end = float(loading.times[-1])
    answer = solve_adaptively(
        model,
        reduced,
        teacher,
        policy=Policy(
            calibration=calibrations.fields[keys.field],
            replayed=calibrations.fields.get(REPLAYED),
            space=LoadSpace.of([model.loadings[name] for name in context.training]),
            watched=Watched(keys.field, keys.tolerance),
            most=keys.most_steps,
        ),
        options=context.newton_options,
        on_step=lambda time: context.progress(time / end),
    )
    return teacher, answer


def _save(
    context: Context,
    folder: object,
    found: tuple[Teacher, AdaptiveAnswer],
    manifest: Manifest,
) -> None:
    """Write the enriched model and its answer as the offline stages write theirs."""
    teacher, answer = found
    workspace, comm = context.workspace, context.comm
    below = context.folder / str(folder)
    save_bases(
        below / "pod.h5",
        {"displacement": teacher.growing.basis},
        workspace.owned_dofs,
        kept=np.flatnonzero(workspace.part.owned_dofs),
        manifest=manifest,
        comm=comm,
    )
    numbers = workspace.part.points
    kept = np.arange(len(numbers))
    save_bases(
        below / "dual_pod.h5",
        teacher.growing.dual,
        numbers,
        kept=kept,
        manifest=manifest,
        comm=comm,
    )
    context.save(below / "cubature.h5", teacher.growing.quadrature, manifest)
    context.save(below / "model.h5", answer.model, manifest)
    context.save(below / "online" / f"{answer.solution.case}.h5", answer.solution, manifest)
