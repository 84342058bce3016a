"""The dictionary of local models: clusters, whole simulations, one model for each, a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import together
from romnet.core.errors import AccuracyError
from romnet.reduction.classifier import Classifier, Kind
from romnet.reduction.classifier_training import Learning, learn
from romnet.reduction.clustering import merged, silhouettes
from romnet.reduction.criterion import Candidate
from romnet.reduction.cubature import ReducedQuadrature
from romnet.reduction.cubature_cells import expanded
from romnet.reduction.cubature_common import CommonQuadrature, common_points
from romnet.reduction.dictionary import Dictionary
from romnet.reduction.features import thinned
from romnet.reduction.growth import farthest_first
from romnet.reduction.medoids import Medoids, k_medoids
from romnet.store import artefact
from romnet.store.manifest import Manifest
from romnet.study.actions import (
    cubature_problem,
    cubature_stage,
    dual_pod_stage,
    packed_model,
    pod_stage,
    training_integrands,
)
from romnet.study.context import Context
from romnet.study.local.candidates import (
    candidate_cases,
    inputs_of,
    local_of,
    up_to_date,
    whole_study,
)
from romnet.study.local.criterion import CRITERION, Simplified, judge
from romnet.study.models import DICTIONARY, GLOBAL, LOCAL, LocalModels
from romnet.study.schema import LocalDictionary
from romnet.study.stage import Stage
from romnet.study.training import displacement_basis

CLUSTERS = Path("clusters.h5")


@dataclass(frozen=True)
class Clusters:
    """Which candidates belong together, and which of them are learnt from.

    Attributes
    ----------
    names
        Of all candidates.
    labels
        Cluster of each candidate; none if there is no dictionary.
    medoids
        Number of the candidate that stands for each cluster.
    silhouette
        Of each candidate: how much nearer it is to its own cluster than to the next [-].
    training
        Names of the candidates that each cluster learns from, the medoid first.
    expected
        What the criterion expects of it; None if there is no dictionary.
    recommendation
        The criterion in a sentence.
    """

    names: tuple[str, ...]
    labels: Int[Array, " n"]
    medoids: Int[Array, " n_clusters"]
    silhouette: Float[Array, " n"]
    training: tuple[tuple[str, ...], ...]
    expected: Candidate | None
    recommendation: str


@dataclass(frozen=True)
class DictionarySummary:
    """What became of the dictionary of local models.

    Attributes
    ----------
    recommendation
        What the criterion says.
    sizes
        Candidates in each cluster; none if there is no dictionary.
    modes, points
        Displacement modes, and points of the reduced quadrature, of each local model.
    runs
        Whole simulations that were learnt from.
    accuracy
        Part of held-out temperatures whose cluster the classifier told [-].
    regret
        Held-out projection error with the clusters told, over that with the nearest medoids [-].
    """

    recommendation: str
    sizes: tuple[int, ...] = ()
    modes: tuple[int, ...] = ()
    points: tuple[int, ...] = ()
    runs: int = 0
    accuracy: float | None = None
    regret: float | None = None

    @property
    def words(self) -> str:
        """One line for people."""
        if not self.sizes or self.accuracy is None:
            return f"no local models: {self.recommendation}"
        return (
            f"{len(self.sizes)} local models of {min(self.modes)} to {max(self.modes)} modes and "
            f"{min(self.points)} to {max(self.points)} points, learnt from {self.runs} runs; "
            f"the classifier tells {self.accuracy:.0%} of held-out temperatures"
        )


def dictionary_summary(context: Context) -> DictionarySummary | None:
    """Summarise the dictionary; None for a study without one.

    Raises
    ------
    StoreError
        If it has not been made.
    """
    local = context.located.study.local
    if local is None or local.dictionary is None:
        return None
    clusters = artefact.load(context.folder / CLUSTERS, Clusters)
    found = artefact.load(context.folder / DICTIONARY, LocalModels).dictionary
    if found is None or clusters.expected is None:
        return DictionarySummary(clusters.recommendation)
    return DictionarySummary(
        recommendation=clusters.recommendation,
        sizes=tuple(np.bincount(clusters.labels).tolist()),
        modes=tuple(model.n_modes for model in found.models),
        points=tuple(model.n_quadrature for model in found.models),
        runs=sum(len(group) for group in clusters.training),
        accuracy=found.classifier.accuracy,
        regret=clusters.expected.classified_error / clusters.expected.local_error,
    )


def clusters_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Divide the candidates as the criterion advises, or as the study wants."""
    local, keys = local_of(context.located), dictionary_of(context)
    found = artefact.load(context.folder / CRITERION, Simplified)
    advice = judge(context)
    chosen = _chosen(advice.candidates, keys, objective=local.objective)
    if keys.clusters == "auto" and keys.modes == "auto":
        chosen = None if advice.chosen is None else advice.candidates[advice.chosen]
    none = np.zeros(0, dtype=np.int64)
    clusters = Clusters(found.names, none, none, np.zeros(0), (), None, advice.recommendation)
    if chosen is not None:
        angles = found.dissimilarity
        rng = np.random.default_rng(local.seed)
        medoids = k_medoids(angles, chosen.n_clusters, rng=rng)
        medoids = merged(angles, medoids, local.smallest_cluster)
        counted = -(-chosen.runs // chosen.n_clusters)
        training = _farthest(angles, medoids, counted if keys.runs == "auto" else keys.runs)
        clusters = replace(
            clusters,
            labels=medoids.labels,
            medoids=medoids.members,
            silhouette=silhouettes(angles, medoids.labels),
            training=tuple(tuple(found.names[one] for one in group) for group in training),
            expected=chosen,
        )
    context.save(stage.path, clusters, manifest)


def dictionary_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Compute the whole simulations that are missing; make the models and the classifier."""
    clusters = artefact.load(context.folder / CLUSTERS, Clusters)
    if clusters.expected is None:
        context.save(stage.path, LocalModels(None, 0.0, clusters.recommendation), manifest)
        return
    keys = dictionary_of(context)
    every = [name for group in clusters.training for name in group]
    learnt = replace(context, located=whole_study(context.located, every))
    # What takes long comes first and is kept: the models are made again after a kill.
    up_to_date(learnt, [f"replay[{name}]" for name in every], progress=context.progress)
    owns = [
        trained(context, LOCAL / f"cluster{number}", names, modes=clusters.expected.n_modes)
        for number, names in enumerate(clusters.training)
    ]
    rules = common_rules(owns) if keys.points == "common" else [own_rule(own) for own in owns]
    whole = trained(context, LOCAL / GLOBAL, every)
    fallback = packed_model(whole, own_rule(whole), displacement_basis(whole).modes)
    models = tuple(
        packed_model(own, rule, displacement_basis(own).modes)
        for own, rule in zip(owns, rules, strict=True)
    )
    classifier, rise = _learnt(context, clusters, keys)
    dictionary = None
    if classifier is not None:
        dictionary = Dictionary(models, fallback, clusters.medoids, classifier, keys.probability)
    # Rank 0 alone has learnt the classifier, and writes.
    context.save(stage.path, LocalModels(dictionary, rise), manifest)


def dictionary_of(context: Context) -> LocalDictionary:
    """Return what the study says of its dictionary.

    Raises
    ------
    StudyError
        If it wants none.
    """
    keys = local_of(context.located).dictionary
    if keys is None:
        raise context.located.error(("local", "dictionary"), "is missing.")
    return keys


def trained(
    context: Context, folder: Path, names: Sequence[str], *, modes: int | None = None
) -> Context:
    """Make the modes of a model that learns from some candidates, whose simulations are there.

    Parameters
    ----------
    context
        Study and ranks.
    folder
        Where the modes are kept, below the folder of results.
    names
        Candidates.
    modes
        Displacement modes at most; those of the study if left out.

    Returns
    -------
    Context
        The study with this training, and the folder of the modes.

    Notes
    -----
    Collective: yes.
    """
    own = replace(
        context,
        located=whole_study(context.located, names, modes=modes),
        folder=context.folder / folder,
        origin=context.simulations,
    )
    # The structure is the same, and large.
    own.workspace = context.workspace
    for name, action in (("pod", pod_stage), ("dual_pod", dual_pod_stage)):
        action(own, Stage(name, Path(f"{name}.h5"), action), Manifest())
    return own


def own_rule(own: Context) -> ReducedQuadrature:
    """Select points for one model alone. Collective: yes."""
    path = Path("cubature.h5")
    cubature_stage(own, Stage("cubature", path, cubature_stage), Manifest())
    return artefact.load(own.folder / path, ReducedQuadrature)


def common_rules(owns: Sequence[Context]) -> list[ReducedQuadrature]:
    """Select one set of points for several models; each skips those that do not count for it.

    Raises
    ------
    AccuracyError
        If the tolerance of the study cannot be met.

    Notes
    -----
    Collective: yes.
    """
    first = owns[0]
    workspace, comm, offline = first.workspace, first.comm, first.located.study.offline
    weights, numbers = workspace.discretization.weights, workspace.part.points
    fews = [training_integrands(own) for own in owns]
    problems = [cubature_problem(first, few.functions, weights) for few in fews]
    tolerance = goal = offline.cubature_tolerance
    while True:
        shared = common_points(problems, tolerance=goal)
        rules, lost = [], []
        for place, (few, problem) in enumerate(zip(fews, problems, strict=True)):
            rule = _of_one(shared, place, problem.volume)
            if offline.cubature.element_wise:
                cells = workspace.part.cells[workspace.discretization.cell_of_point]
                rule = expanded(rule, weights, numbers, cells, comm)
            missing = few.lost_error(rule.points, rule.weights, numbers, comm) / problem.scale
            rules.append(replace(rule, residual=float(np.hypot(rule.residual, missing))))
            lost.append(missing)
        if max(rule.residual for rule in rules) <= tolerance:
            return rules
        # What the compression loses counts as error, too.
        goal = min(0.99 * goal, tolerance - 2.0 * max(lost))
        if not goal > 0.0:
            message = (
                f"cubature: the compression loses {max(lost):.1e} of the integrals, more than the "
                f"tolerance {tolerance:.1e} leaves; try a larger one."
            )
            raise AccuracyError(message)


def _of_one(shared: CommonQuadrature, place: int, volume: float) -> ReducedQuadrature:
    """Return the rule of one problem: without change of model, zero weights need no law."""
    kept = np.flatnonzero(shared.weights[place])
    weights = shared.weights[place][kept]
    return ReducedQuadrature(
        points=shared.points[kept],
        weights=weights,
        residual=float(shared.residuals[place]),
        volume_error=abs(float(weights.sum()) - volume) / volume,
        history=np.zeros(0),
    )


def _chosen(
    candidates: Sequence[Candidate], keys: LocalDictionary, *, objective: str
) -> Candidate | None:
    """Return the best of those that the study allows, whatever speaks against them."""
    allowed = [
        found
        for found in candidates
        if keys.clusters in {"auto", found.n_clusters} and keys.modes in {"auto", found.n_modes}
    ]
    return max(allowed, key=lambda found: getattr(found, objective), default=None)


def _farthest(angles: Array, found: Medoids, n_runs: int) -> list[Array]:
    """Return the members that each cluster learns from: its medoid, then farthest first."""
    groups = []
    for cluster, medoid in enumerate(found.members):
        own = np.flatnonzero(found.labels == cluster)
        start = int(np.flatnonzero(own == medoid)[0])
        within = angles[np.ix_(own, own)]
        groups.append(own[farthest_first(within, start, min(own.size, n_runs))])
    return groups


def _learnt(
    context: Context, clusters: Clusters, keys: LocalDictionary
) -> tuple[Classifier | None, float]:
    """Learn on rank 0 to tell the cluster of a temperature; return its largest rise, too."""
    local, learning = local_of(context.located), Learning(kind=Kind[keys.classifier.upper()])
    mesh = context.workspace.mesh
    nodes = thinned(mesh.nodes, learning.nodes)
    inputs = inputs_of(context, candidate_cases(context.located), nodes)
    found = None
    with together(context.comm):
        if context.comm.rank == 0:
            found = learn(
                inputs.shapes,
                mesh.nodes[nodes],
                clusters.labels,
                learning=learning,
                rng=np.random.default_rng(local.seed),
            )
            found = replace(found, nodes=nodes[found.nodes])
    return found, float(inputs.rises.max())
