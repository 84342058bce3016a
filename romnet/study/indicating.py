"""The stage that estimates the errors of an answer."""

from __future__ import annotations

from romnet.online.indicator import Calibrations, Watched, assess
from romnet.online.solve import ReducedSolution
from romnet.reduction.model import ReducedModel
from romnet.store import artefact
from romnet.store.artefact import Manifest
from romnet.study.answers import reduced_loading
from romnet.study.calibrating import training_space
from romnet.study.context import Context
from romnet.study.schema import Indicator
from romnet.study.stage import Stage
from romnet.study.training import displacement_basis


def indicator_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Estimate the errors of an answer."""
    keys = context.located.study.indicator or Indicator()
    model = artefact.load(context.folder / "model.h5", ReducedModel)
    solution = artefact.load(context.folder / f"online/{stage.case}.h5", ReducedSolution)
    loading = model.loadings.get(stage.case)
    if loading is None:
        modes = displacement_basis(context).modes
        loading = reduced_loading(context, context.loading(stage.case), modes, model.points)
    found = assess(
        model,
        loading,
        solution,
        artefact.load(context.folder / "calibration.h5", Calibrations),
        space=training_space(context, model),
        watched=Watched(keys.field, keys.tolerance),
    )
    context.save(stage.path, found, manifest)
