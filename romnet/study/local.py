"""Whether local models pay: simplified simulations of a study, and what they advise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from romnet.core.communicator import together
from romnet.core.errors import StoreError
from romnet.core.snapshots import StackedSource
from romnet.reduction.basis import Truncation
from romnet.reduction.criterion import (
    Advice,
    Costs,
    Grid,
    Limits,
    Objective,
    efficiency_criterion,
)
from romnet.reduction.local_errors import coordinates
from romnet.reduction.pod import pod
from romnet.store import artefact
from romnet.store.artefact import Manifest, read_manifest
from romnet.study.context import Context
from romnet.study.read import HF, Case, LocatedStudy
from romnet.study.runner import Observer, run
from romnet.study.schema import Local, Material, Training

ADVICE = Path("advice.h5")
_SIMPLIFIED = Path("simplified")
_HOUR = 3600.0
# Coordinates leave out less than any basis that is compared.
_EXACT = 1e-7


def advise(context: Context, *, observer: Observer | None = None) -> Advice:
    """Say whether a dictionary of local models will pay, before its training is computed.

    Simplified simulations of all candidates are computed, or brought in, and kept below the folder
    of results: what was finished is not computed again.

    Parameters
    ----------
    context
        Study with the key ``local``, folder and ranks.
    observer
        Told about progress, on rank 0.

    Returns
    -------
    Advice
        Also written to ``advice.h5`` in the folder of results.

    Raises
    ------
    StudyError
        If the study has no key ``local``, or a law that cannot be simplified.

    Notes
    -----
    Collective: yes. Deterministic: yes, for the seed of the study. Hours are taken from the
    manifests of simulations and answers in the folder of results, where the study gives none.
    """
    located = context.located
    local = _local(located)
    simple = Context(simplified_study(located), context.folder / _SIMPLIFIED, context.comm)
    names = [candidate.name for candidate in local.candidates]
    run(simple, [f"snapshots[{name}]" for name in names], observer=observer)
    sources = tuple(simple.displacement(name) for name in names)
    product = simple.workspace.inner_product()
    basis = pod(
        StackedSource(sources), product, truncation=Truncation(rtol=_EXACT), comm=context.comm
    )
    trajectories = coordinates(sources, basis, product, context.comm)
    advice = efficiency_criterion(
        trajectories,
        np.zeros((len(names), 1)),
        grid=Grid(local.clusters, local.modes, local.folds),
        limits=Limits(
            budget=float("inf") if local.budget is None else local.budget,
            smallest_cluster=local.smallest_cluster,
            smallest_gain=local.smallest_gain,
            queries=local.queries,
        ),
        costs=costs_of(context),
        objective=Objective[local.objective.upper()],
        rng=np.random.default_rng(local.seed),
    )
    manifest = Manifest(
        parameters={"local": local.model_dump(mode="json")}, citations=("Daniel2022",)
    )
    context.save(ADVICE, advice, manifest)
    return advice


def simplified_study(located: LocatedStudy) -> LocatedStudy:
    """Return the study whose training are the simplified simulations of all candidates.

    Raises
    ------
    StudyError
        If two candidates have one name, one has no last instant, or a law has no Young's modulus.

    Notes
    -----
    Collective: no. Computes nothing.
    """
    study, recipe = located.study, _local(located).simplified
    cases: dict[str, Case] = {}
    training: list[Training] = []
    for number, candidate in enumerate(_local(located).candidates):
        place = ("local", "candidates", number)
        if candidate.name in cases:
            raise located.error(place, f"two candidates are named {candidate.name!r}.")
        for name in candidate.loads:
            if name not in {load.name for load in study.loads}:
                raise located.error((*place, "loads", name), f"there is no load {name!r}.")
        imported = candidate.results != HF
        end = recipe.until or candidate.until or (candidate.times[-1] if candidate.times else None)
        if end is None and not imported:
            raise located.error(place, "needs until, the last instant.")
        grid: dict[str, Any] = {}
        if not imported:
            grid = {"until": end, "increments": recipe.increments}
        entry = Training(
            name=candidate.name, results=candidate.results, loads=candidate.loads, **grid
        )
        training.append(entry)
        cases[candidate.name] = Case(
            candidate.name, located.loads_of(candidate, (*place, "loads")), entry
        )
    changes: dict[str, Any] = {
        "training": tuple(training),
        "online": (),
        "local": None,
        "newton": study.newton.model_copy(update={"tolerance": recipe.tolerance}),
    }
    if recipe.elastic:
        changes["materials"] = tuple(
            _elastic(located, material, number) for number, material in enumerate(study.materials)
        )
        changes["offline"] = study.offline.model_copy(update={"dual": ("stress",)})
    if recipe.mesh is not None:
        changes["mesh"] = recipe.mesh
    return replace(located, study=study.model_copy(update=changes), cases=cases)


def costs_of(context: Context) -> Costs:
    """Return hours of a run and of an answer: given, or measured in the folder of results.

    Notes
    -----
    Collective: yes; rank 0 reads manifests.
    """
    local = _local(context.located)
    found = np.full(3, np.nan)
    with together(context.comm):
        if context.comm.rank == 0:
            folder = context.folder
            found[0] = local.training_hours or _hours(folder.glob("snapshots/*.h5"))
            found[1] = local.online_hours or _hours(folder.glob("online/*.h5"))
            found[2] = _modes(folder / "model.h5")
    training, online, modes = context.comm.broadcast(found)
    measured = local.training_hours is None and bool(np.isfinite(training))
    return Costs(
        training=float(training) if np.isfinite(training) else 1.0,
        online=float(online) if np.isfinite(online) else 0.0,
        online_modes=int(modes) if np.isfinite(modes) else max(local.modes),
        measured=measured,
    )


def rows(advice: Advice) -> list[Mapping[str, Any]]:
    """Return the table of the advice as plain values, one mapping for each candidate."""
    return [
        {
            "clusters": found.n_clusters,
            "modes": found.n_modes,
            "global_error": found.global_error,
            "local_error": found.local_error,
            "gain": found.gain,
            "equivalent_modes": found.equivalent_modes,
            "saving": found.saving,
            "runs": found.runs,
            "smallest_cluster": found.smallest_cluster,
            "worth_it": found.worth_it,
            "reasons": list(found.reasons),
        }
        for found in advice.candidates
    ]


def _local(located: LocatedStudy) -> Local:
    """Return the key of local models."""
    if located.study.local is None:
        message = "is missing: name the candidates for training to be advised on local models."
        raise located.error(("local",), f"local {message}")
    return located.study.local


def _elastic(located: LocatedStudy, material: Material, number: int) -> Material:
    """Return a material that keeps nothing but its elasticity and expansion."""
    needed = ("young", "poisson")
    if not isinstance(material.law, str) or any(key not in material.parameters for key in needed):
        message = (
            f"law {material.law!r} has no young and poisson to simplify; use elastic: false in "
            f"local.simplified, or results of your own simplified simulations."
        )
        raise located.error(("materials", number, "law"), message)
    parameters = {key: material.parameters[key] for key in needed}
    return material.model_copy(update={"law": "elastic", "parameters": parameters})


def _hours(paths: Iterable[Path]) -> float:
    """Return the mean wall time that manifests tell; NaN if none does."""
    seconds = []
    for path in paths:
        try:
            seconds.append(read_manifest(path).wall_s)
        except StoreError:
            continue
    known = [value for value in seconds if value]
    return float(np.mean(known)) / _HOUR if known else float("nan")


def _modes(path: Path) -> float:
    """Return the modes of the model in the folder of results; NaN without one."""
    from romnet.reduction.model import ReducedModel

    try:
        return float(artefact.load(path, ReducedModel).n_modes)
    except (StoreError, OSError):
        return float("nan")
