"""Whether local models pay: what simplified simulations say, judged by what computing costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import together
from romnet.core.errors import StoreError
from romnet.core.snapshots import StackedSource
from romnet.reduction.basis import Truncation
from romnet.reduction.classifier_training import Learning, learn
from romnet.reduction.criterion import (
    Advice,
    Candidate,
    Costs,
    Grid,
    Limits,
    Objective,
    efficiency_criterion,
)
from romnet.reduction.criterion import advise as judged
from romnet.reduction.dissimilarity import dissimilarities, settled
from romnet.reduction.features import thinned
from romnet.reduction.local_errors import coordinates
from romnet.reduction.pod import pod
from romnet.store import artefact
from romnet.store.manifest import Manifest, read_manifest
from romnet.study.context import Context
from romnet.study.local.candidates import (
    SIMPLIFIED,
    candidate_cases,
    compute,
    has_temperature,
    inputs_of,
    local_of,
    simplified_study,
)
from romnet.study.schema import Local
from romnet.study.stage import Stage

ADVICE = Path("advice.h5")
CRITERION = Path("criterion.h5")
_HOUR = 3600.0
# Coordinates leave out less than any basis that is compared.
_EXACT = 1e-7


@dataclass(frozen=True)
class Simplified:
    """What the simplified simulations say, whatever computing costs.

    Attributes
    ----------
    names
        Of the candidates for training.
    dissimilarity
        Sine of the angle between each two of them.
    table
        What to expect of each number of clusters and of modes.
    """

    names: tuple[str, ...]
    dissimilarity: Float[Array, "n n"]
    table: tuple[Candidate, ...]


def criterion_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Compute the simplified simulations that are missing, and compare them."""
    local = local_of(context.located)
    simple = replace(
        context, located=simplified_study(context.located), folder=context.folder / SIMPLIFIED
    )
    names = tuple(candidate.name for candidate in local.candidates)
    compute(simple, names, progress=context.progress)
    sources = tuple(simple.displacement(name) for name in names)
    product = simple.workspace.inner_product()
    basis = pod(
        StackedSource(sources), product, truncation=Truncation(rtol=_EXACT), comm=context.comm
    )
    trajectories = coordinates(sources, basis, product, context.comm)
    inputs = np.zeros((len(names), 1))
    classify = None
    if has_temperature(context.located):
        nodes = thinned(context.workspace.mesh.nodes, Learning().nodes)
        inputs = inputs_of(context, candidate_cases(context.located), nodes).shapes
        classify = _Classify(context.workspace.mesh.nodes[nodes], local.seed)
    advice = efficiency_criterion(
        trajectories,
        inputs,
        grid=grid_of(local),
        limits=_limits(local),
        classify=classify,
        rng=np.random.default_rng(local.seed),
    )
    angles = settled(dissimilarities(sources, product, comm=context.comm))
    context.save(stage.path, Simplified(names, angles, advice.candidates), manifest)


def judge(context: Context) -> Advice:
    """Judge what the simplified simulations say by the costs that are known by now.

    Parameters
    ----------
    context
        Study with the key ``local``, folder and ranks.

    Returns
    -------
    Advice
        Also written to ``advice.h5`` in the folder of results.

    Raises
    ------
    StoreError
        If the simplified simulations have not been compared yet: stage ``criterion``.

    Notes
    -----
    Collective: yes. Deterministic: yes, for the seed of the study. Hours are taken from the
    manifests of simulations and answers in the folder of results, where the study gives none.
    """
    local = local_of(context.located)
    found = artefact.load(context.folder / CRITERION, Simplified)
    advice = judged(
        found.table,
        limits=_limits(local),
        costs=costs_of(context),
        objective=Objective[local.objective.upper()],
    )
    manifest = Manifest(
        parameters={"local": local.model_dump(mode="json", exclude={"candidates"})},
        citations=("Daniel2022",),
    )
    context.save(ADVICE, advice, manifest)
    return advice


@dataclass(frozen=True)
class _Classify:
    """Learns clusters from temperatures, and tells those of others."""

    places: Float[Array, "n_nodes n_dim"]
    seed: int

    def __call__(
        self,
        fields: Float[Array, "n n_nodes"],
        labels: Int[Array, " n"],
        others: Float[Array, "n_others n_nodes"],
    ) -> Int[Array, " n_others"]:
        """Learn and tell."""
        # What it tells is judged by the criterion itself.
        learning, rng = Learning(folds=0), np.random.default_rng(self.seed)
        return learn(fields, self.places, labels, learning=learning, rng=rng).clusters(others)


def grid_of(local: Local) -> Grid:
    """Return what is tried: what the study lists, and what it wants anyway."""
    clusters, modes = set(local.clusters), set(local.modes)
    wanted = local.dictionary
    if wanted is not None and wanted.clusters != "auto":
        clusters.add(wanted.clusters)
    if wanted is not None and wanted.modes != "auto":
        modes.add(wanted.modes)
    return Grid(tuple(sorted(clusters)), tuple(sorted(modes)), local.folds)


def _limits(local: Local) -> Limits:
    """Return what a dictionary must respect."""
    return Limits(
        budget=float("inf") if local.budget is None else local.budget,
        smallest_cluster=local.smallest_cluster,
        smallest_gain=local.smallest_gain,
        queries=local.queries,
    )


def costs_of(context: Context) -> Costs:
    """Return hours of a run and of an answer: given, or measured in the folder of results.

    Notes
    -----
    Collective: yes; rank 0 reads manifests.
    """
    local = local_of(context.located)
    found = np.full(3, np.nan)
    with together(context.comm):
        if context.comm.rank == 0:
            folder = context.folder
            found[0] = local.training_hours or _hours(sorted(folder.glob("snapshots/*.h5")))
            found[1] = local.online_hours or _hours(sorted(folder.glob("online/*.h5")))
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
