"""The stage that estimates the errors of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from romnet.online.indicator import Assessment, Calibrations, Monitor, Watched, assess
from romnet.online.solve import ReducedSolution
from romnet.reduction.model import ReducedModel
from romnet.reduction.signals import GappySignals
from romnet.report.case_values import WatchFacts
from romnet.store import artefact
from romnet.store.manifest import Manifest
from romnet.study.answers import online_stage, reduced_loading
from romnet.study.context import Context
from romnet.study.enrichment.enriching import EnrichmentRecord
from romnet.study.indicator.calibrating import training_space
from romnet.study.schema import Indicator
from romnet.study.stage import Stage
from romnet.study.training import displacement_basis


def indicator_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Estimate the errors of an answer."""
    context.save(stage.path, _assessed(context, stage.case), manifest)


def _assessed(context: Context, case: str) -> Assessment:
    """Estimate the errors of a stored answer."""
    keys = context.located.study.indicator or Indicator()
    model = artefact.load(context.folder / "model.h5", ReducedModel)
    solution = artefact.load(context.folder / f"online/{case}.h5", ReducedSolution)
    loading = model.loadings.get(case)
    if loading is None:
        modes = displacement_basis(context).modes
        loading = reduced_loading(context, context.loading(case), modes, model.points)
    monitor = Monitor(
        gappy=GappySignals.of(model),
        space=training_space(context, model),
        calibrations=artefact.load(context.folder / "calibration.h5", Calibrations),
        watched=Watched(keys.field, keys.tolerance),
    )
    return assess(monitor, loading, solution)


def stopping_online_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Ask the reduced model, and end the answer at the first instant that is not good enough."""
    online_stage(context, stage, manifest)
    found = _assessed(context, stage.case)
    if found.first_alarm is not None:
        solution = artefact.load(context.folder / stage.path, ReducedSolution)
        context.save(stage.path, _until(solution, found.first_alarm + 1), manifest)


def _until(solution: ReducedSolution, n_times: int) -> ReducedSolution:
    """Return the first instants of an answer."""
    return replace(
        solution,
        times=solution.times[:n_times],
        coefficients=np.ascontiguousarray(solution.coefficients[:, :n_times]),
        dual={
            name: np.ascontiguousarray(values[:, :n_times])
            for name, values in solution.dual.items()
        },
        newton_iterations=solution.newton_iterations[: n_times - 1],
        cuts=solution.cuts[: n_times - 1],
    )


@dataclass(frozen=True)
class WatchSummary:
    """What the indicator says of an answer.

    Attributes
    ----------
    watched, tolerance
        The field watched, and the largest estimate accepted of it.
    estimate, bound
        Largest estimated error, and largest upper bound [-]; of an enriched answer those of the
        steps that were accepted.
    above
        Whether the estimate is above the tolerance.
    warnings
        In words.
    full_steps
        Steps that were solved on the whole mesh, of an enriched answer.
    enriched_errors
        Of the enriched answer against the reference: ``u`` largest over the instants, ``p`` at the
        last [-].
    """

    watched: str
    tolerance: float
    estimate: float
    bound: float
    above: bool
    warnings: tuple[str, ...]
    full_steps: int | None = None
    enriched_errors: Mapping[str, float | None] = field(default_factory=dict)


def watch_facts(context: Context, name: str) -> WatchFacts | None:
    """Return what a report shows of the estimates of a case; None where it was not watched."""
    keys = context.located.study.indicator
    path = context.folder / "indicator" / f"{name}.h5"
    if keys is None or not path.is_file():
        return None
    found = artefact.load(path, Assessment)
    field = found.watched.field
    return WatchFacts(
        field=field,
        tolerance=found.watched.tolerance,
        times=found.times,
        estimate=found.estimates[field],
        bound=found.bounds[field],
        confidence=keys.confidence,
        alarm=found.first_alarm,
    )


def watch_summary(context: Context, name: str) -> WatchSummary | None:
    """Summarise what the indicator says of a case; None where it was not watched."""
    keys = context.located.study.indicator
    path = context.folder / "indicator" / f"{name}.h5"
    if keys is None or not path.is_file():
        return None
    found = artefact.load(path, Assessment)
    estimate = float(found.estimates[keys.field].max())
    margin = float(found.bounds[keys.field].max()) / estimate if estimate > 0.0 else 1.0
    if keys.action != "enrich":
        return WatchSummary(
            watched=keys.field,
            tolerance=keys.tolerance,
            estimate=estimate,
            bound=margin * estimate,
            above=found.first_alarm is not None,
            warnings=found.warnings,
        )
    record = artefact.load(context.folder / "enriched" / name / "record.h5", EnrichmentRecord)
    learnt = {*record.full_steps, *record.replayed_steps}
    kept = [float(e) for n, e in enumerate(record.estimates) if n not in learnt]
    largest = max(kept, default=0.0)
    words = (
        f"{len(record.full_steps)} of {len(record.times) - 1} steps were solved on the whole mesh "
        f"({record.seconds:.1f} s); the model grew from {record.modes[0]} to {record.modes[1]} "
        "modes."
    )
    compared = record.comparison
    errors: dict[str, float | None] = {}
    if compared.reference:
        errors = {"u": float(compared.displacement.max()), "p": compared.dual.get("p")}
    return WatchSummary(
        watched=keys.field,
        tolerance=keys.tolerance,
        estimate=largest,
        bound=margin * largest,
        above=largest > keys.tolerance,
        warnings=(words,),
        full_steps=len(record.full_steps),
        enriched_errors=errors,
    )
