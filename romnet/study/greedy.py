"""Greedy choice of training loads: the worst candidate is computed, and the model redone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.errors import StudyError
from romnet.online.indicator import Calibrations, Monitor, Watched, assess
from romnet.online.solve import solve
from romnet.reduction.model import ReducedModel
from romnet.reduction.signals import GappySignals
from romnet.store import artefact
from romnet.store.manifest import Manifest
from romnet.study.answers import reduced_loading
from romnet.study.context import Context
from romnet.study.indicator.calibrating import training_space
from romnet.study.indicator.left_out import discard, trained
from romnet.study.read import HF
from romnet.study.schema import Greedy, Indicator, Training
from romnet.study.stage import Stage
from romnet.study.training import displacement_basis


@dataclass(frozen=True)
class GreedyRecord:
    """Which candidates were added to the training, and what was estimated of all of them.

    Attributes
    ----------
    candidates
        Names of the load cases.
    chosen
        Those that were computed, in this order.
    estimates
        Largest estimated error of each candidate (rows: rounds, the first with the training as it
        is) [-]; infinite where the model did not converge, zero of those that are trained.
    tolerance
        Largest estimate accepted [-].
    modes
        Displacement modes in each round.
    wanted
        The candidate that is to be computed next, where its reference is not ``hf``; else empty.
    """

    candidates: tuple[str, ...]
    chosen: tuple[str, ...]
    estimates: Float[Array, "n_rounds n_candidates"]
    tolerance: float
    modes: tuple[int, ...]
    wanted: str

    @property
    def words(self) -> str:
        """What was found, and what to do."""
        last = float(self.estimates[-1].max(initial=0.0))
        text = f"largest estimate {last:.2g} (tolerance {self.tolerance:g})"
        if self.chosen:
            text += f" after training on {', '.join(self.chosen)} as well: move them to training"
        if self.wanted:
            text += f"; compute {self.wanted} next and add its results to training"
        return f"{text}."


def greedy_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Add the worst candidate to the training until all are good enough, or the budget is spent."""
    from romnet.parallel.petsc import petsc

    petsc()
    keys = context.located.study.offline.greedy
    if keys is None:
        message = "offline.greedy is not given."
        raise StudyError(message)
    refuse_loose_candidates(context, keys)
    tolerance = keys.tolerance
    chosen: list[str] = []
    rounds: list[list[float]] = []
    modes: list[int] = []
    wanted = ""
    while True:
        estimates, n_modes = _round(context, keys.candidates, chosen)
        rounds.append(list(estimates.values()))
        modes.append(n_modes)
        worst = max(estimates, key=lambda name: estimates[name])
        if estimates[worst] <= tolerance or len(chosen) >= keys.budget:
            break
        if context.located.online(worst).reference != HF:
            wanted = worst
            break
        _compute(context, worst)
        chosen.append(worst)
        context.progress(len(chosen) / (keys.budget + 1))
        context.safe_point(f"in {stage.name}, after {worst}")
    record = GreedyRecord(
        keys.candidates, tuple(chosen), np.array(rounds), tolerance, tuple(modes), wanted
    )
    context.save(stage.path, record, manifest)


def refuse_loose_candidates(context: Context, keys: Greedy) -> None:
    """Refuse candidates that are no online cases, and studies without an indicator."""
    located = context.located
    place = ("offline", "greedy")
    if located.study.indicator is None:
        message = "needs the key indicator, which estimates the errors."
        raise located.error(place, message)
    known = [entry.name for entry in located.study.online]
    for name in keys.candidates:
        if name not in known:
            message = f"there is no online case {name!r}; there are: {', '.join(known)}."
            raise located.error((*place, "candidates"), message)


def _compute(context: Context, name: str) -> None:
    """Bring the simulation of a candidate up to date; one that is there is not computed again."""
    from romnet.study.runner import run

    progress = context.progress
    run(context, [f"snapshots[{name}]", f"replay[{name}]"])
    context.progress = progress


def _round(
    context: Context, candidates: Sequence[str], chosen: Sequence[str]
) -> tuple[Mapping[str, float], int]:
    """Estimate the largest error of each candidate; return it with the number of modes."""
    own = context if not chosen else _extended(context, chosen)
    keys = context.located.study.indicator or Indicator()
    model = artefact.load(own.folder / "model.h5", ReducedModel)
    monitor = Monitor(
        gappy=GappySignals.of(model),
        space=training_space(own, model),
        # Errors of the model of the training as it is, whose signals mean much the same.
        calibrations=artefact.load(context.folder / "calibration.h5", Calibrations),
        watched=Watched(keys.field, keys.tolerance),
    )
    modes = displacement_basis(own).modes
    found = {}
    for name in candidates:
        if name in chosen:
            found[name] = 0.0
            continue
        loading = reduced_loading(own, context.loading(name), modes, model.points)
        solution = solve(model, loading, options=context.newton_options, comm=context.comm)
        estimates = assess(monitor, loading, solution).estimates[keys.field]
        found[name] = float(estimates.max()) if solution.status.ok else np.inf
    if own is not context:
        discard(own)
    return found, model.n_modes


def _extended(context: Context, chosen: Sequence[str]) -> Context:
    """Train on some candidates as well."""
    added = []
    for name in chosen:
        grid = context.located.online(name).model_dump(
            include={"loads", "until", "increments", "times", "cycles"}
        )
        added.append(Training.model_validate({**grid, "name": name, "results": HF}))
    return trained(context, (*context.located.study.training, *added), "greedy")
