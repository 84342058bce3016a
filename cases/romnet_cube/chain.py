"""Dictionary against global model on random temperature fields: python chain.py [--quick]."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np

from romnet.core.arrays import Array
from romnet.core.snapshots import ArraySource
from romnet.fe.history import SeparatedField
from romnet.online.solve import solve
from romnet.reduction.basis import ReducedBasis, Truncation
from romnet.reduction.classifier_training import Learning, learn
from romnet.reduction.compression import Compression, compressed
from romnet.reduction.criterion import Costs, Grid, Limits, efficiency_criterion
from romnet.reduction.cubature_common import common_points
from romnet.reduction.cubature_problem import CubatureProblem
from romnet.reduction.dictionary import FALLBACK, Dictionary, regret
from romnet.reduction.dissimilarity import dissimilarities, sines_between
from romnet.reduction.growth import farthest_first
from romnet.reduction.integrands import VirtualWork
from romnet.reduction.local_errors import coordinates
from romnet.reduction.medoids import k_medoids
from romnet.reduction.model import ReducedLoading, ReducedModel
from romnet.reduction.pod import pod

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from body import ALONE, Cube, random_fields, real_cube, simplified_cube, temperature  # noqa: E402

SEED = 2022
TOLERANCE = 1e-3
BURNERS = 6


@dataclass(frozen=True)
class Sizes:
    """How large the study is."""

    simplified: int = 300
    unseen: int = 64
    clusters: tuple[int, ...] = (2, 4, 8)
    modes: tuple[int, ...] = (2, 3, 4, 6, 8, 10)
    runs_per_cluster: int = 6
    divisions: int = 4
    burners: int = 0


def real_runs(cube: Cube, parameters: np.ndarray, folder: Path) -> list[tuple[Array, Array]]:
    """Return displacements and stresses of real simulations, each computed once."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for row in parameters:
        path = folder / f"{hashlib.sha256(row.tobytes()).hexdigest()[:16]}-{cube.divisions}.npz"
        if not path.is_file():
            displacement, stress = cube.solve(row)
            partial = path.with_suffix(".partial.npz")
            np.savez(partial, displacement=displacement, stress=stress)
            partial.rename(path)
        with np.load(path) as data:
            found.append((data["displacement"], data["stress"]))
    return found


@dataclass(frozen=True)
class Local:
    """A reduced model and the modes that rebuild its displacement."""

    model: ReducedModel
    modes: Array


def bases(cube: Cube, groups: list[list[tuple[Array, Array]]], n_modes: int) -> list[ReducedBasis]:
    """Return the basis of each group of simulations."""
    return [
        pod(
            ArraySource(np.hstack([run[0] for run in runs])),
            cube.inner_product,
            truncation=Truncation(modes=n_modes),
            comm=ALONE,
        )
        for runs in groups
    ]


def models(cube: Cube, groups: list[list[tuple[Array, Array]]], n_modes: int) -> list[Local]:
    """Return one model for each group of simulations, all on the same points."""
    found = bases(cube, groups, n_modes)
    numbers = np.arange(cube.points.n_points)
    problems = []
    for runs, basis in zip(groups, found, strict=True):
        stress = ArraySource(np.hstack([run[1] for run in runs]))
        work = VirtualWork(stress=stress, modes=basis.modes, discretization=cube.points)
        functions = compressed(work, cube.points.weights, ALONE, Compression())
        problems.append(CubatureProblem.build(functions, cube.points.weights, numbers, ALONE))
    rule = common_points(problems, tolerance=TOLERANCE)
    strain = cube.points.strain_operator_of(rule.points)
    made = []
    for basis, weights in zip(found, rule.weights, strict=True):
        # Without a change of model under way, points that do not count need no law.
        kept = np.flatnonzero(weights)
        model = ReducedModel(
            points=rule.points[kept],
            weights=weights[kept],
            strain_modes=(strain @ basis.modes).reshape(rule.points.size, 6, -1)[kept],
            law_specs=(cube.law,),
            law_of_point=np.zeros(kept.size, dtype=np.int64),
            dual=(),
            gappy={},
            loadings={},
            units={},
        )
        made.append(Local(model, basis.modes))
    return made


def equally_dear(
    cube: Cube, runs: list[tuple[Array, Array]], n_modes: int, n_points: float
) -> Local:
    """Return the best global model that costs no more online: no more points, or as many modes."""
    best = models(cube, [runs], n_modes)[0]
    while True:
        n_modes += 1
        better = models(cube, [runs], n_modes)[0]
        if better.model.n_quadrature > n_points:
            return best
        best = better


def online(cube: Cube, local: Local, row: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the displacements that a model answers, and the seconds it took."""
    loading = cube.loading(row)
    reduced = ReducedLoading(
        name=loading.name,
        times=loading.times,
        force=loading.force.mapped(local.modes.T),
        temperature=SeparatedField(
            loading.temperature.amplitudes, loading.temperature.vectors[:, local.model.points]
        ),
        lift_strain=SeparatedField.zero(local.model.points.size * 6),
    )
    solution = solve(local.model, reduced)
    if not solution.status.ok:
        return np.full((len(local.modes), loading.times.size - 1), np.nan), solution.wall_seconds
    return local.modes @ solution.coefficients[:, 1:], solution.wall_seconds


def error(cube: Cube, answer: np.ndarray, truth: np.ndarray) -> float:
    """Return the relative error over all instants; one where there is no answer."""
    product = cube.inner_product
    found = np.linalg.norm(product @ (answer - truth)) / np.linalg.norm(product @ truth)
    return float(found) if np.isfinite(found) else 1.0


def measure(sizes: Sizes, folder: Path) -> dict[str, object]:
    """Run the whole chain, from simplified simulations to online errors of unseen fields."""
    rng = np.random.default_rng(SEED)
    cheap, real = simplified_cube(), real_cube(sizes.divisions)
    parameters = random_fields(sizes.simplified, rng, burners=sizes.burners)
    unseen = random_fields(sizes.unseen, np.random.default_rng(SEED + 1), burners=sizes.burners)

    began = perf_counter()
    simple = [cheap.solve(row)[0] for row in parameters]
    cheap_seconds = (perf_counter() - began) / len(simple)
    sources = tuple(ArraySource(values) for values in simple)
    basis = pod(
        ArraySource(np.hstack(simple)),
        cheap.inner_product,
        truncation=Truncation(rtol=1e-8),
        comm=ALONE,
    )
    trajectories = coordinates(sources, basis, cheap.inner_product, ALONE)

    began = perf_counter()
    real_runs(real, unseen[:1], folder / "runs")
    real_seconds = perf_counter() - began
    advice = efficiency_criterion(
        trajectories,
        parameters,
        grid=Grid(sizes.clusters, sizes.modes),
        limits=Limits(smallest_cluster=6),
        costs=Costs(training=real_seconds, measured=True),
        rng=np.random.default_rng(SEED),
    )
    chosen = advice.candidates[advice.chosen if advice.chosen is not None else 0]

    distances = dissimilarities(sources, cheap.inner_product, comm=ALONE)
    found = k_medoids(distances, chosen.n_clusters, rng=np.random.default_rng(SEED))
    members = []
    for cluster, medoid in enumerate(found.members):
        own = np.flatnonzero(found.labels == cluster)
        within = distances[np.ix_(own, own)]
        count = min(own.size, max(sizes.runs_per_cluster, -(-chosen.runs // chosen.n_clusters)))
        members.append(own[farthest_first(within, int(np.flatnonzero(own == medoid)[0]), count)])
    groups = [real_runs(real, parameters[own], folder / "runs") for own in members]
    local = models(real, groups, chosen.n_modes)
    everything = [run for runs in groups for run in runs]
    cost = float(np.mean([one.model.n_quadrature for one in local]))
    single = equally_dear(real, everything, chosen.n_modes, cost)

    classifier = learn(
        temperature(parameters, real.mesh.nodes),
        real.mesh.nodes,
        found.labels,
        learning=Learning(),
        rng=np.random.default_rng(SEED),
    )
    dictionary = Dictionary(
        tuple(one.model for one in local), single.model, found.members, classifier, 0.0
    )

    truth = [run[0] for run in real_runs(real, unseen, folder / "runs")]
    fields = temperature(unseen, real.mesh.nodes)
    choices, spent = [], []
    for field in fields:
        began = perf_counter()
        choices.append(dictionary.choose(field))
        spent.append(perf_counter() - began)
    # The way without a classifier: simulate cheaply, compare with the medoids.
    began = perf_counter()
    compared = [
        int(
            sines_between(
                _flat(cheap, cheap.solve(row)[0])[None],
                np.stack([_flat(cheap, simple[m]) for m in found.members]),
            ).argmin()
        )
        for row in unseen
    ]
    compare_seconds = (perf_counter() - began) / len(unseen)

    errors = np.array(
        [
            [error(real, online(real, one, row)[0], exact) for one in local]
            for row, exact in zip(unseen, truth, strict=True)
        ]
    )
    whole = [online(real, single, row) for row in unseen]
    global_errors = np.array(
        [error(real, answer, exact) for (answer, _), exact in zip(whole, truth, strict=True)]
    )
    picked = np.array([choice.cluster for choice in choices])
    sure = np.where(picked == FALLBACK, np.array(compared), picked)
    used = np.where(
        picked == FALLBACK, global_errors, errors[np.arange(len(errors)), np.maximum(picked, 0)]
    )
    seconds = [
        online(real, local[max(cluster, 0)], row)[1]
        for cluster, row in zip(picked, unseen, strict=True)
    ]
    return {
        "dictionary_over_global": float(used.mean() / global_errors.mean()),
        "accuracy": float((sure == np.array(compared)).mean()),
        "regret": float(regret(errors, sure).mean()),
        "choose_ms": 1e3 * float(np.median(spent)),
        "compare_over_choose": compare_seconds / float(np.median(spent)),
        "dictionary_error": float(used.mean()),
        "global_error": float(global_errors.mean()),
        "clusters": chosen.n_clusters,
        "modes": chosen.n_modes,
        "modes_global": single.model.n_modes,
        "points_dictionary": cost,
        "points_global": int(single.model.n_quadrature),
        "online_ms_dictionary": 1e3 * float(np.median(seconds)),
        "online_ms_global": 1e3 * float(np.median([spent for _, spent in whole])),
        "training_runs": len(everything),
        "fallbacks": int((picked == FALLBACK).sum()),
        "classifier_accuracy_held_out": classifier.accuracy,
        "predicted_gain": chosen.gain,
        "worth_it": advice.chosen is not None,
        "recommendation": advice.recommendation,
        "simplified_s": cheap_seconds,
        "real_s": real_seconds,
    }


def _flat(cube: Cube, displacement: np.ndarray) -> np.ndarray:
    """Return a trajectory as one vector whose Euclidean length is its norm."""
    return (cube.inner_product @ displacement).ravel()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few simulations")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    options = parser.parse_args()
    few = Sizes(simplified=60, unseen=6, clusters=(2, 4), modes=(2, 4), divisions=3)
    sizes = few if options.quick else Sizes()
    found = {
        "anywhere": measure(sizes, options.results),
        "burners": measure(replace(sizes, burners=BURNERS), options.results),
    }
    print(json.dumps(found, indent=1))
