"""Whether a dictionary of local models will pay, told before its training is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.reduction.clustering import merged, silhouettes
from romnet.reduction.dissimilarity import settled, sines_between
from romnet.reduction.growth import runs_needed
from romnet.reduction.local_errors import cluster_modes, local_curves, width_curves
from romnet.reduction.medoids import k_medoids

# Given training inputs, their clusters and new inputs, says the clusters of the new ones.
Classify = Callable[[Array, Array, Array], Array]
# Errors of the global basis are looked up to so many times the largest number of modes.
_FURTHER = 4
# Starts of the clustering in each fold: the average over folds forgives a poor local minimum.
_RESTARTS = 5
# Standard errors below the mean: the gain is larger with 97.5 % confidence.
_CONFIDENCE = 1.96


class Objective(Enum):
    """What the best dictionary has most of."""

    SAVING = "modes that a global basis of equal error needs, over those of the local ones"
    GAIN = "error of the global basis, over that of the local ones of as many modes"


@dataclass(frozen=True)
class Costs:
    """What computing costs, in any one unit of time.

    Attributes
    ----------
    training
        One high-fidelity run [time].
    online
        One question to a reduced model [time].
    online_modes
        Modes of the model whose `online` was measured.
    exponent
        With which power of the number of modes the time of a question grows [-].
    measured
        Whether the times were measured rather than assumed.
    """

    training: float = 1.0
    online: float = 0.0
    online_modes: int = 1
    exponent: float = 1.0
    measured: bool = False

    def question(self, n_modes: int) -> float:
        """Return the time of one question to a model of some modes [time]."""
        return float(self.online * (n_modes / self.online_modes) ** self.exponent)


@dataclass(frozen=True)
class Limits:
    """What a dictionary must respect.

    Attributes
    ----------
    budget
        Time for high-fidelity training [time]; no limit if infinite.
    smallest_cluster
        Simplified simulations that each cluster must hold.
    smallest_gain
        Held-out gain below which a dictionary is not worth it [-].
    queries
        Questions that will be asked; zero if time online does not count.
    """

    budget: float = float("inf")
    smallest_cluster: int = 5
    smallest_gain: float = 1.2
    queries: int = 0


@dataclass(frozen=True)
class Candidate:
    """A number of clusters and of modes, and what to expect of them on unseen simulations.

    Attributes
    ----------
    n_clusters, n_modes
        What it is.
    global_error, local_error
        Mean relative projection errors, of one basis and of that of the nearest medoid [-].
    classified_error
        The same with the clusters that the classifier tells; NaN without one [-].
    gain, gain_low
        `global_error` over the error of the dictionary as it will be used (by the classifier, if
        there is one), and a lower confidence limit of it over the held-out simulations [-].
    equivalent_modes
        Modes at which the global basis is as good; one more than looked at if none is.
    runs, global_runs
        High-fidelity runs for the dictionary, and for a global basis of as many modes.
    smallest_cluster
        Members of the smallest cluster, least over the folds.
    silhouette
        Mean over simulations and folds [-].
    extra_time
        Training of the dictionary beyond that of the equivalent global model [time].
    saved_time
        What all questions together save online [time].
    reasons
        Why it is not worth it; none if it is.
    """

    n_clusters: int
    n_modes: int
    global_error: float
    local_error: float
    classified_error: float
    gain: float
    gain_low: float
    equivalent_modes: int
    runs: int
    global_runs: int
    smallest_cluster: int
    silhouette: float
    extra_time: float = 0.0
    saved_time: float = 0.0
    reasons: tuple[str, ...] = ()

    @property
    def saving(self) -> float:
        """Modes of the equivalent global basis over those of the local ones [-]."""
        return self.equivalent_modes / self.n_modes

    @property
    def worth_it(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons


@dataclass(frozen=True)
class Advice:
    """The whole table, what to choose from it, and why.

    Attributes
    ----------
    candidates
        All of them, by clusters, then by modes.
    chosen
        Position of the best one among those that are worth it; None: use a global basis.
    recommendation
        The same in a sentence with its reasons.
    """

    candidates: tuple[Candidate, ...]
    chosen: int | None
    recommendation: str

    def verdict(self, n_modes: int) -> bool:
        """Return whether any dictionary of so many modes each is worth it."""
        return any(found.worth_it for found in self.candidates if found.n_modes == n_modes)


@dataclass(frozen=True)
class Grid:
    """What is tried.

    Attributes
    ----------
    clusters
        Numbers of clusters, two or more.
    modes
        Numbers of modes of each local basis.
    folds
        Parts into which simulations are divided, each held out once.
    """

    clusters: tuple[int, ...] = (2, 4, 8, 16)
    modes: tuple[int, ...] = tuple(range(1, 11))
    folds: int = 5


def efficiency_criterion(  # noqa: PLR0913  (what is compared, and by which rules)
    trajectories: Float[Array, "n n_rows n_times"],
    inputs: Float[Array, "n n_inputs"],
    *,
    grid: Grid = Grid(),
    limits: Limits = Limits(),
    costs: Costs = Costs(),
    objective: Objective = Objective.SAVING,
    classify: Classify | None = None,
    rng: np.random.Generator,
) -> Advice:
    r"""Predict, from simplified simulations, what local bases will gain over a global one.

    Every fold is held out once. Clusters and bases are made of the others; a held-out simulation
    takes the basis of its nearest medoid, or of the cluster that the classifier tells from its
    input. With the mean errors :math:`e`, :math:`Gain = e_{glob}(n) / e_{loc}(K, n)`;
    :math:`n_{eq}` is the least number of modes with
    :math:`e_{glob}(n_{eq}) \le e_{loc}(K, n)` and :math:`Saving = n_{eq} / n`. The idea to decide
    so before the training is that of [1]_; this criterion is ours.

    Parameters
    ----------
    trajectories
        Simplified simulations in coordinates of an orthonormal basis.
    inputs
        What was asked of each; only the classifier looks at them.
    grid
        What is tried.
    limits
        Budget, smallest cluster, smallest gain, number of questions.
    costs
        Of a training run and of a question.
    objective
        What the chosen dictionary has most of.
    classify
        Learns the clusters of simulations from their inputs and tells those of others.
    rng
        Source of folds and starts.

    Returns
    -------
    Advice
        Table, choice and a sentence.

    Raises
    ------
    ValueError
        If there are too few simulations for the folds or the clusters.
    AccuracyError
        If a simulation is zero.

    Notes
    -----
    Collective: no; the same on every rank that starts from the same seed. Deterministic: yes, for
    a given state of `rng`, which is advanced. Cost: one k-medoids clustering for each fold and
    number of clusters, one small eigenproblem for each cluster and number of training runs tried.

    References
    ----------
    .. [1] T. Daniel, F. Casenave, N. Akkari, A. Ketata, D. Ryckelynck, "Physics-informed cluster
       analysis and a priori efficiency criterion for the construction of local reduced-order
       bases", J. Comput. Phys. 458 (2022).

    Examples
    --------
    Two families, each on a line of its own: one mode each does what a global basis does with two.

    >>> angle = np.repeat([0.0, np.pi / 2], 10)
    >>> fields = np.stack([np.cos(angle), np.sin(angle)], axis=1)[:, :, None]
    >>> advice = efficiency_criterion(fields, angle[:, None], grid=Grid((2,), (1,)),
    ...     rng=np.random.default_rng(0))
    >>> advice.candidates[0].equivalent_modes, advice.chosen
    (2, 0)
    """
    n_folds = min(grid.folds, len(trajectories))
    held_in = len(trajectories) - -(-len(trajectories) // max(1, n_folds))
    if n_folds < 2 or held_in < max(grid.clusters):  # noqa: PLR2004
        message = (
            f"{len(trajectories)} simulations in {grid.folds} folds leave {held_in} to make "
            f"{max(grid.clusters)} clusters of; give more simulations or ask for fewer clusters."
        )
        raise ValueError(message)
    seed = int(rng.integers(2**31))
    part = rng.permutation(np.arange(len(trajectories)) % n_folds)
    folds = [
        _Fold(trajectories, inputs, part == number, classify, seed) for number in range(n_folds)
    ]
    length = _FURTHER * max(grid.modes)
    one = [fold.measured(1, length, 1) for fold in folds]
    found: list[Candidate] = []
    for n_clusters in grid.clusters:
        many = [fold.measured(n_clusters, length, limits.smallest_cluster) for fold in folds]
        found += [_candidate(n_clusters, n_modes, one, many) for n_modes in grid.modes]
    return advise(found, limits=limits, costs=costs, objective=objective)


def advise(
    candidates: Sequence[Candidate],
    *,
    limits: Limits,
    costs: Costs,
    objective: Objective = Objective.SAVING,
) -> Advice:
    """Judge candidates, choose one and say why.

    Parameters
    ----------
    candidates
        Whose errors and training runs are known; judged afresh.
    limits, costs, objective
        As in `efficiency_criterion`.

    Notes
    -----
    Collective: no. Deterministic: yes; of equally good candidates the one of fewer training runs,
    then of fewer modes, is chosen. Mutates nothing.
    """
    judged = tuple(_judged(found, limits, costs) for found in candidates)
    usable = [number for number, found in enumerate(judged) if found.worth_it]

    def merit(number: int) -> tuple[float, int, int]:
        found = judged[number]
        value = found.saving if objective is Objective.SAVING else found.gain
        return (-value, found.runs, found.n_modes)

    chosen = min(usable, key=merit) if usable else None
    return Advice(judged, chosen, _sentence(judged, chosen, costs))


@dataclass(frozen=True)
class _Measured:
    """What one fold says of a number of clusters."""

    near: Array  # (n_held_out, n_modes)
    told: Array | None
    runs: Array  # (n_modes,)
    smallest: int
    silhouette: float


@dataclass
class _Fold:
    """Simulations held out, and what is learnt from the others."""

    trajectories: Array
    inputs: Array
    out: Array
    classify: Classify | None
    seed: int

    def measured(self, n_clusters: int, length: int, smallest: int) -> _Measured:
        """Cluster the others and look at the errors of those held out."""
        kept, new = self.trajectories[~self.out], self.trajectories[self.out]
        if n_clusters == 1:
            near = width_curves(cluster_modes(kept), new, length)
            labels, assigned = np.zeros(len(kept), dtype=int), np.zeros(len(new), dtype=int)
            distances = self._sines(kept)
            runs = runs_needed(kept, labels, distances, (new, assigned), length)
            return _Measured(near, None, runs, len(kept), 0.0)
        distances = self._sines(kept)
        rng = np.random.default_rng(self.seed)
        found = merged(
            distances, k_medoids(distances, n_clusters, rng=rng, restarts=_RESTARTS), smallest
        )
        flat = new.reshape(len(new), -1)
        medoids = kept[found.members].reshape(found.members.size, -1)
        assigned = sines_between(flat, medoids).argmin(axis=1)
        near = local_curves(kept, found.labels, new, assigned, length)
        told = None
        if self.classify is not None:
            guess = self.classify(self.inputs[~self.out], found.labels, self.inputs[self.out])
            told = local_curves(kept, found.labels, new, guess, length)
        runs = runs_needed(kept, found.labels, distances, (new, assigned), length)
        sizes = np.bincount(found.labels)
        # What was merged away counts as missing.
        smallest_seen = int(sizes.min()) if sizes.size == n_clusters else 0
        width = float(silhouettes(distances, found.labels).mean())
        return _Measured(near, told, runs, smallest_seen, width)

    def _sines(self, kept: Array) -> Array:
        """Return the dissimilarities of the simulations kept."""
        flat = kept.reshape(len(kept), -1)
        found = sines_between(flat, flat)
        found = settled(0.5 * (found + found.T))
        np.fill_diagonal(found, 0.0)
        return found


def _candidate(
    n_clusters: int, n_modes: int, one: Sequence[_Measured], many: Sequence[_Measured]
) -> Candidate:
    """Average the folds."""
    curve = np.concatenate([fold.near for fold in one])
    near = np.concatenate([fold.near for fold in many])
    told = None
    if all(fold.told is not None for fold in many):
        told = np.concatenate([fold.told for fold in many if fold.told is not None])
    used = near if told is None else told
    column = n_modes - 1
    global_errors, errors = curve[:, column], used[:, column]
    means = curve.mean(axis=0)
    reached = np.flatnonzero(means <= errors.mean())
    gain = float(global_errors.mean() / errors.mean())
    # Linearised ratio of means over the same simulations.
    spread = float((global_errors - gain * errors).std() / errors.mean() / np.sqrt(errors.size))
    return Candidate(
        n_clusters=n_clusters,
        n_modes=n_modes,
        global_error=float(global_errors.mean()),
        local_error=float(near[:, column].mean()),
        classified_error=float("nan") if told is None else float(told[:, column].mean()),
        gain=gain,
        gain_low=gain - _CONFIDENCE * spread,
        equivalent_modes=int(reached[0]) + 1 if reached.size else means.size + 1,
        runs=int(np.ceil(np.mean([fold.runs[column] for fold in many]))),
        global_runs=int(np.ceil(np.mean([fold.runs[column] for fold in one]))),
        smallest_cluster=min(fold.smallest for fold in many),
        silhouette=float(np.mean([fold.silhouette for fold in many])),
    )


def _judged(found: Candidate, limits: Limits, costs: Costs) -> Candidate:
    """Say what speaks against a candidate."""
    extra = max(0, found.runs - found.global_runs) * costs.training
    saved = limits.queries * (
        costs.question(found.equivalent_modes) - costs.question(found.n_modes)
    )
    reasons: list[str] = []
    if found.gain_low < limits.smallest_gain:
        reasons.append(
            f"held-out gain {found.gain:.2f} (surely {found.gain_low:.2f}) is below "
            f"{limits.smallest_gain:g}"
        )
    if found.equivalent_modes <= found.n_modes:
        reasons.append("a global basis of as many modes is as good")
    if found.smallest_cluster < limits.smallest_cluster:
        reasons.append(
            f"its smallest cluster holds {found.smallest_cluster or 'too few'} simulations, fewer "
            f"than {limits.smallest_cluster}"
        )
    if found.runs * costs.training > limits.budget:
        reasons.append(
            f"{found.runs} training runs take {found.runs * costs.training:.3g}, more than the "
            f"budget of {limits.budget:.3g}"
        )
    if limits.queries and costs.online > 0.0 and saved < extra:
        reasons.append(
            f"{limits.queries} questions save {saved:.3g} online, less than the {extra:.3g} of "
            f"extra training"
        )
    return replace(found, extra_time=extra, saved_time=saved, reasons=tuple(reasons))


def _sentence(judged: Sequence[Candidate], chosen: int | None, costs: Costs) -> str:
    """Say the choice and its reasons."""
    times = "measured" if costs.measured else "assumed"
    if chosen is not None:
        found = judged[chosen]
        return (
            f"Use a dictionary of {found.n_clusters} clusters with {found.n_modes} modes each: "
            f"held-out error {found.global_error / found.gain:.3g} instead of "
            f"{found.global_error:.3g} (gain {found.gain:.2f}); one global basis needs "
            f"{found.equivalent_modes} modes for that. It takes {found.runs} training runs, "
            f"{found.runs * costs.training:.3g} in {times} times."
        )
    if not judged:
        return "Nothing was tried."
    best = max(judged, key=lambda found: found.gain)
    return (
        f"Not worth it: use one global basis. The largest gain is that of {best.n_clusters} "
        f"clusters with {best.n_modes} modes each, but {'; '.join(best.reasons)}."
    )
