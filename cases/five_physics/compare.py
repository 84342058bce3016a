"""Compare local bases by clustering strategy on five problems: python compare.py [--quick]."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from romnet.reduction.clustering import Strategy, partition
from romnet.reduction.criterion import Costs, Grid, Limits, Objective, advise, efficiency_criterion
from romnet.reduction.local_errors import cluster_modes, local_curves, width_curves

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from problems import PROBLEMS, Samples  # noqa: E402

CLUSTERS = (2, 4, 8, 16)
MAX_MODES = 10
# A local basis has the intrinsic dimension of its cluster when it leaves so little out.
SMALL = 0.1
SMALLEST = 1e-4
# Two problems to look at while the criterion is worked on; the others are only measured.
SEEN = ("thermal_cube", "moving_source")
BUDGET = 60.0


def compact(trajectories: np.ndarray) -> np.ndarray:
    """Express trajectories in coordinates that leave out a part of 1e-4 of each, or so."""
    count, _, n_times = trajectories.shape
    scales = np.sqrt((trajectories**2).sum(axis=(1, 2), keepdims=True))
    columns = (trajectories / scales).transpose(1, 0, 2).reshape(trajectories.shape[1], -1)
    energies, modes = np.linalg.eigh(columns @ columns.T)
    kept = modes[:, energies > SMALLEST**2 * energies[-1]]
    coordinates = (kept.T @ columns).reshape(-1, count, n_times).transpose(1, 0, 2)
    return np.ascontiguousarray(scales * coordinates)


def isometric(trajectories: np.ndarray) -> np.ndarray:
    """Replace trajectories by vectors of the same lengths and angles (n, at most n, 1)."""
    flat = trajectories.reshape(len(trajectories), -1)
    left, values, _ = np.linalg.svd(flat, full_matrices=False)
    return (left * values)[:, :, None]


def pool(name: str, count: int, folder: Path) -> Samples:
    """Return simulations of a problem, computed at the first call."""
    path = folder / f"{name}-{count}.npz"
    if not path.is_file():
        found = PROBLEMS[name](count, np.random.default_rng(2022))
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial.npz")
        np.savez(
            partial,
            inputs=found.inputs,
            simplified=compact(found.simplified),
            real=compact(found.real),
        )
        partial.rename(path)
    with np.load(path) as data:
        return Samples(data["inputs"], data["simplified"], data["real"])


def one_seed(samples: Samples, seed: int) -> dict[tuple[str, int], np.ndarray]:
    """Return the error curves (MAX_MODES,) of each strategy and number of clusters.

    All strategies but that of the inputs look at simplified simulations only; bases and errors are
    those of the real ones.
    """
    rng = np.random.default_rng(seed)
    train, test = split(len(samples.inputs), rng)
    scale = samples.inputs[train].std(axis=0)
    inputs = samples.inputs / np.where(scale > 0.0, scale, 1.0)
    whole = width_curves(cluster_modes(samples.real[train]), samples.real[test], MAX_MODES)
    seen = isometric(samples.simplified)
    curves = {(Strategy.GLOBAL.name, k): whole.mean(axis=0) for k in CLUSTERS}
    for n_clusters in CLUSTERS:
        for strategy in Strategy:
            if strategy is Strategy.GLOBAL:
                continue
            found = partition(strategy, seen[train], inputs[train], n_clusters, rng)
            told = found.assign(seen[test], inputs[test])
            errors = local_curves(
                samples.real[train], found.labels, samples.real[test], told, MAX_MODES
            )
            curves[strategy.name, n_clusters] = errors.mean(axis=0)
    return curves


def split(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Divide simulations: two thirds to learn from, one third never seen."""
    order = rng.permutation(count)
    return order[: 2 * count // 3], order[2 * count // 3 :]


def intrinsic(curves: list[dict[tuple[str, int], np.ndarray]]) -> int:
    """Return how many modes bases of eight clusters need to leave a tenth out."""
    mean = np.mean([found[Strategy.SINE.name, 8] for found in curves], axis=0)
    small = np.flatnonzero(mean <= SMALL)
    return int(small[0]) + 1 if small.size else MAX_MODES


def table(samples: Samples, seeds: int) -> dict[str, object]:
    """Return mean and standard deviation over seeds, by strategy, clusters and modes."""
    curves = [one_seed(samples, seed) for seed in range(seeds)]
    n_modes = intrinsic(curves)
    # Averages over the seeds, all numbers of clusters and the modes up to the local dimension.
    short = {
        strategy.name: [
            np.mean([found[strategy.name, k][:n_modes] for k in CLUSTERS]) for found in curves
        ]
        for strategy in Strategy
    }
    return {
        "local_dimension": n_modes,
        "error": {name: float(np.mean(values)) for name, values in short.items()},
        "deviation": {name: float(np.std(values)) for name, values in short.items()},
        "mean": {
            f"{name} {k}": np.mean([found[name, k] for found in curves], axis=0).tolist()
            for name, k in curves[0]
        },
        "std": {
            f"{name} {k}": np.std([found[name, k] for found in curves], axis=0).tolist()
            for name, k in curves[0]
        },
    }


def predicted_and_realised(
    samples: Samples, measured: dict[str, dict], seed: int = 0
) -> dict[str, object]:
    """Compare gains that the criterion predicts with those of real, unseen simulations.

    The criterion sees simplified simulations of one seed; realised gains are those of the table, of
    all seeds, for one test set is too small to rank by.
    """
    rng = np.random.default_rng(seed)
    train, _ = split(len(samples.inputs), rng)
    grid = Grid(CLUSTERS, tuple(range(1, MAX_MODES + 1)))
    limits = Limits(budget=BUDGET, smallest_cluster=1)
    advice = efficiency_criterion(
        samples.simplified[train],
        samples.inputs[train],
        grid=grid,
        limits=limits,
        objective=Objective.GAIN,
        rng=rng,
    )
    mean = measured["mean"]
    realised = {
        k: np.array(mean[f"{Strategy.GLOBAL.name} {k}"])
        / np.array(mean[f"{Strategy.SINE.name} {k}"])
        for k in CLUSTERS
    }
    gains = [float(realised[c.n_clusters][c.n_modes - 1]) for c in advice.candidates]
    affordable = [
        gain for c, gain in zip(advice.candidates, gains, strict=True) if c.runs <= BUDGET
    ]
    free = advise(
        advice.candidates,
        limits=Limits(smallest_cluster=1),
        costs=Costs(),
        objective=Objective.GAIN,
    )
    return {
        "predicted": [found.gain for found in advice.candidates],
        "realised": gains,
        "runs": [found.runs for found in advice.candidates],
        "chosen": None
        if advice.chosen is None
        else {
            "clusters": advice.candidates[advice.chosen].n_clusters,
            "modes": advice.candidates[advice.chosen].n_modes,
            "runs": advice.candidates[advice.chosen].runs,
            "realised": gains[advice.chosen],
            "best_realised": max(affordable),
        },
        "chosen_without_budget": None if free.chosen is None else gains[free.chosen],
        "sentence": advice.recommendation,
    }


def draw(results: dict[str, dict[str, dict]], path: Path) -> None:
    """Draw the curves of eight clusters, scattered above, normalised below."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(16, 6.5), layout="constrained")
    axes = figure.subplots(2, len(results), sharex=True, squeeze=False)
    for column, (name, variants) in enumerate(results.items()):
        for row, variant in enumerate(("scattered", "normalised")):
            for strategy in Strategy:
                key = f"{strategy.name} 8"
                mean, std = (np.array(variants[variant][which][key]) for which in ("mean", "std"))
                modes = np.arange(1, MAX_MODES + 1)
                axes[row, column].errorbar(modes, mean, std, label=strategy.name.lower(), lw=1)
            axes[row, column].set(yscale="log", title=f"{name}, {variant}")
            axes[row, column].axvline(variants[variant]["local_dimension"], color="0.8", zorder=0)
    axes[0, 0].legend(fontsize=7)
    figure.supxlabel("modes of each basis")
    figure.supylabel("mean relative projection error of unseen simulations")
    figure.savefig(path)


def measure(count: int, seeds: int, folder: Path) -> dict[str, object]:
    """Return the table of both variants, and predicted beside realised gains."""
    from scipy.stats import spearmanr

    results: dict[str, dict] = {}
    criterion: dict[str, dict] = {}
    for name in PROBLEMS:
        samples = pool(name, count, folder)
        results[name] = {
            "scattered": table(samples, seeds),
            "normalised": table(samples.normalised(), seeds),
        }
        criterion[name] = predicted_and_realised(samples, results[name]["scattered"])

    def correlation(names: Iterable[str]) -> float:
        pairs = [
            [gain for name in names for gain in criterion[name][kind]]
            for kind in ("predicted", "realised")
        ]
        return float(spearmanr(*pairs).statistic)

    draw(results, folder / "errors.svg")
    found = {
        "problems": results,
        "criterion": criterion,
        "rank_correlation": correlation(list(criterion)),
        "rank_correlation_of_each": {name: correlation([name]) for name in criterion},
        "rank_correlation_held_out": correlation([n for n in criterion if n not in SEEN]),
    }
    (folder / "results.json").write_text(json.dumps(found, indent=1))
    return found


def words(found: dict) -> str:
    """Say the table in Markdown."""
    head = "| problem | variant | n ≤ | " + " | ".join(s.name.lower() for s in Strategy) + " |"
    lines = [head, "|---" * (3 + len(Strategy)) + "|"]
    for name, variants in found["problems"].items():
        for variant, values in variants.items():
            cells = [
                f"{values['error'][s.name]:.3g} ± {values['deviation'][s.name]:.1g}"
                for s in Strategy
            ]
            lines.append(
                f"| {name} | {variant} | {values['local_dimension']} | {' | '.join(cells)} |"
            )
    lines.append(
        f"\nrank correlation of predicted and realised gains {found['rank_correlation']:.3f}"
    )
    lines += [
        f"{name}: {values['sentence']} {values['chosen']}"
        for name, values in found["criterion"].items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few simulations and seeds")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    options = parser.parse_args()
    size, repeats = (90, 2) if options.quick else (150, 10)
    print(words(measure(size, repeats, options.results)))
