"""The stage that chooses a local model for a case, and what it tells."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from romnet.core.errors import AccuracyError
from romnet.reduction.dictionary import FALLBACK, Choice
from romnet.store import artefact
from romnet.store.manifest import Manifest
from romnet.study.context import Context
from romnet.study.local.candidates import inputs_of
from romnet.study.local.dictionary import CLUSTERS, Clusters, dictionary_of
from romnet.study.models import (
    GLOBAL,
    LOCAL,
    Chosen,
    asks_dictionary,
    chosen_of,
    local_models,
)
from romnet.study.stage import Stage

# A temperature that rises more than this times the largest one learnt is no longer familiar.
_BEYOND = 1.1


@dataclass(frozen=True)
class ChoiceSummary:
    """Which model of the dictionary answered a case.

    Attributes
    ----------
    cluster
        Number of the local model; None for the global one.
    medoid
        Candidate that stands for the cluster.
    probability
        How surely the temperature belongs to it [-].
    distance
        From the nearest temperature learnt from, over what counts as familiar [-].
    reason
        Why the global model answered.
    words
        The same in one line.
    """

    cluster: int | None
    medoid: str
    probability: float
    distance: float
    reason: str
    words: str


def choice_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Choose the model for the temperature of a case, or refuse to answer."""
    local = local_models(context)
    found = local.dictionary
    clusters = artefact.load(context.folder / CLUSTERS, Clusters)
    if found is None:
        none = Choice(FALLBACK, float("nan"), float("nan"), clusters.recommendation)
        context.save(stage.path, Chosen(none, "", ""), manifest)
        return
    nodes = np.arange(context.workspace.mesh.n_nodes)
    inputs = inputs_of(context, [context.located.cases[stage.case]], nodes)
    choice = found.choose(inputs.shapes[0])
    rise = float(inputs.rises[0])
    if rise > _BEYOND * local.largest_rise:
        reason = f"it rises by {rise:.4g}, those learnt by {local.largest_rise:.4g} at most"
        choice = replace(choice, cluster=FALLBACK, reason=reason)
    if choice.cluster != FALLBACK:
        medoid = clusters.names[found.medoids[choice.cluster]]
        place = str(LOCAL / f"cluster{choice.cluster}")
        context.save(stage.path, Chosen(choice, place, medoid), manifest)
        return
    if dictionary_of(context).outside == "refuse":
        message = (
            f"case {stage.case!r} is outside of what the dictionary learnt: {choice.reason}; add "
            "candidates like it, or let the global model answer (local.dictionary.outside: global)."
        )
        raise AccuracyError(message)
    context.save(stage.path, Chosen(choice, str(LOCAL / GLOBAL), ""), manifest)


def choice_summary(context: Context, case: str) -> ChoiceSummary | None:
    """Summarise the choice for a case; None where there was none."""
    if not asks_dictionary(context.located, case):
        return None
    chosen = chosen_of(context, case)
    choice = chosen.choice
    return ChoiceSummary(
        cluster=None if choice.cluster == FALLBACK else choice.cluster,
        medoid=chosen.medoid,
        probability=choice.probability,
        distance=choice.distance,
        reason=choice.reason,
        words=chosen.words,
    )
