"""Local bases: gains on clustered trajectories, five problems, criterion, a cube's dictionary."""

from __future__ import annotations

import importlib.util
import os
import resource
import sys
from pathlib import Path
from time import perf_counter, process_time
from types import ModuleType

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
CLUSTERS = (2, 4, 8, 16)
SEEDS = 10
POOL = 150


def measure(data: Path | None) -> dict[str, object]:
    """Return gains, errors by strategy, rank correlation of the criterion, and the cube's chain."""
    began, spent = perf_counter(), process_time()
    compare, chain = (_module(ROOT / "cases" / name) for name in _CASES)
    five = compare.measure(POOL, SEEDS, ROOT / "cases" / "five_physics" / "results")
    cube = {
        name: chain.measure(
            chain.Sizes(burners=burners), ROOT / "cases" / "romnet_cube" / "results" / name
        )
        for name, burners in (("burners", chain.BURNERS), ("anywhere", 0))
    }
    chosen = [found["chosen"] for found in five["criterion"].values() if found["chosen"]]
    return {
        **clustering_set(data),
        "five_physics": {
            name: variants["scattered"]["error"] for name, variants in five["problems"].items()
        },
        "five_physics_normalised": {
            name: variants["normalised"]["error"] for name, variants in five["problems"].items()
        },
        "local_dimension": {
            name: variants["scattered"]["local_dimension"]
            for name, variants in five["problems"].items()
        },
        "criterion_rank_correlation": five["rank_correlation"],
        "criterion_rank_correlation_of_each": five["rank_correlation_of_each"],
        "criterion_rank_correlation_held_out": five["rank_correlation_held_out"],
        "criterion_chosen_over_best": [
            found["realised"] / found["best_realised"] for found in chosen
        ],
        "romnet_cube": cube["burners"],
        "romnet_cube_anywhere": cube["anywhere"],
        "dissimilarity_matrix_s": dissimilarity_matrix(),
        "seconds": perf_counter() - began,
        "cpu_seconds": process_time() - spent,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
    }


def dissimilarity_matrix() -> float:
    """Return the seconds that comparing a thousand trajectories of 23 x 27 values takes."""
    from romnet.core.communicator import SerialCommunicator
    from romnet.core.snapshots import ArraySource
    from romnet.fe.inner_products import identity
    from romnet.reduction.dissimilarity import dissimilarities

    fields = np.random.default_rng(0).normal(size=(1000, 23, 27))
    sources = [ArraySource(field) for field in fields]
    began = perf_counter()
    dissimilarities(sources, identity(np.ones(23, dtype=bool)), comm=SerialCommunicator())
    return perf_counter() - began


def clustering_set(data: Path | None) -> dict[str, object]:
    """Return the gains at two modes on trajectories held out, and what the criterion says."""
    from romnet.reduction.clustering import Strategy, partition
    from romnet.reduction.criterion import Grid, efficiency_criterion
    from romnet.reduction.local_errors import cluster_modes, local_curves, width_curves

    shared = Path(os.environ.get("ROMNET_SHARED", ROOT.parent / "shared"))
    path = (data or shared / "data" / "romnet_clustering") / "trajectories.npz"
    if not path.is_file():
        return {"clustering_set": f"no trajectories at {path}; set ROMNET_SHARED"}
    with np.load(path) as arrays:
        train, test = arrays["train"], arrays["test"]
    rng = np.random.default_rng(0)
    none = np.zeros((len(test), 1))
    whole = width_curves(cluster_modes(train), test, 2)[:, 1].mean()
    gains = {}
    for n_clusters in CLUSTERS:
        found = partition(Strategy.SINE, train, np.zeros((len(train), 1)), n_clusters, rng)
        errors = local_curves(train, found.labels, test, found.assign(test, none), 2)
        gains[str(n_clusters)] = float(whole / errors[:, 1].mean())
    modes = (2, 3, 4, 5, 6)
    advice = efficiency_criterion(
        train, np.zeros((len(train), 1)), grid=Grid(CLUSTERS, modes), rng=rng
    )
    return {
        "clustering_set": gains,
        "clustering_set_worth_it": {str(n): advice.verdict(n) for n in modes},
        "clustering_set_reasons": {
            f"{found.n_clusters} x {found.n_modes}": list(found.reasons)
            for found in advice.candidates
            if found.reasons
        },
    }


_CASES = ("five_physics/compare.py", "romnet_cube/chain.py")


def _module(path: Path) -> ModuleType:
    """Import a case by its file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(str(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module
