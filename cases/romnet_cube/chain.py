"""Dictionary against global model on random temperature fields: python chain.py [--quick]."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import yaml

from romnet.core.arrays import Array
from romnet.online.solve import solve
from romnet.reduction.cubature import select_points
from romnet.reduction.dictionary import FALLBACK, Dictionary, regret
from romnet.reduction.dissimilarity import sines_between
from romnet.reduction.model import ReducedModel
from romnet.store import artefact
from romnet.store.manifest import read_manifest
from romnet.store.modes import load_bases
from romnet.study import commands
from romnet.study.actions import cubature_problem, packed_model, training_integrands
from romnet.study.answers import Comparison, reduced_loading
from romnet.study.context import Context
from romnet.study.local.candidates import inputs_of
from romnet.study.local.dictionary import Clusters, own_rule, trained
from romnet.study.models import LocalModels, chosen_of
from romnet.study.training import displacement_basis

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from body import COLD, VISCOPLASTIC, Cube, random_fields, simplified_cube, temperature  # noqa: E402

SEED = 2022
BURNERS = 6
# Cubature tolerances of global models that may have no more points than the local ones.
LOOSE = (0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)


@dataclass(frozen=True)
class Sizes:
    """How large the study is."""

    candidates: int = 240
    unseen: int = 64
    clusters: tuple[int, ...] = (2, 4, 8)
    modes: tuple[int, ...] = (2, 3, 4, 6, 8, 10)
    smallest_cluster: int = 6
    divisions: int = 4
    burners: int = BURNERS


def write_study(sizes: Sizes, folder: Path) -> Cube:
    """Write the study and the temperatures it names; return the cube of its simplified runs."""
    cube = simplified_cube(sizes.divisions)
    asked = {
        "c": random_fields(sizes.candidates, np.random.default_rng(SEED), burners=sizes.burners),
        "q": unseen_fields(sizes),
    }
    (folder / "fields").mkdir(parents=True, exist_ok=True)
    cases: dict[str, list[dict]] = {}
    for kind, parameters in asked.items():
        cases[kind] = []
        for number, field in enumerate(temperature(parameters, cube.mesh.nodes)):
            name = f"{kind}{number:03d}"
            # A nodal field of Z-set: big-endian numbers of four bytes.
            field.astype(">f4").tofile(folder / "fields" / f"{name}.node")
            cases[kind].append(case(name))
    held = {"x0": [0.0, None, None], "x0y0": [None, 0.0, None], "x0y0z0": [None, None, 0.0]}
    study = {
        "name": "romnet_cube",
        "units": {"length": "mm", "force": "N", "time": "s", "temperature": "degC"},
        "mesh": {"box": {"lengths": [1.0, 1.0, 1.0], "divisions": [sizes.divisions] * 3}},
        "materials": [VISCOPLASTIC],
        "constraints": [{"nodes": nodes, "u": u} for nodes, u in held.items()],
        "loads": [{"type": "temperature", "keyframes": frames("c000")}],
        # Reduced models are best in energy, to which H1 is closer than L2.
        "offline": {
            "inner_product": "h1",
            "tolerance": 1e-3,
            "cubature": {"tolerance": 1e-3},
            "dual": [],
        },
        "training": [{**case("first", of="c000"), "results": "hf"}],
        "local": {
            "candidates": cases["c"],
            "clusters": list(sizes.clusters),
            "modes": list(sizes.modes),
            "smallest_cluster": sizes.smallest_cluster,
            "dictionary": {},
        },
        "online": [{**question, "reference": "hf"} for question in cases["q"]],
    }
    text = yaml.safe_dump(study, sort_keys=False, default_flow_style=None)
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    return cube


def unseen_fields(sizes: Sizes) -> Array:
    """Return the parameters of temperatures that nothing is learnt from."""
    return random_fields(sizes.unseen, np.random.default_rng(SEED + 1), burners=sizes.burners)


def case(name: str, *, of: str = "") -> dict:
    """Return a load case of the study: heated in five steps."""
    loads = {"temperature": {"keyframes": frames(of or name)}}
    return {"name": name, "until": 1.0, "increments": 5, "loads": loads}


def frames(name: str) -> list[dict]:
    """Return the keyframes of a temperature that grows from cold to that of a file."""
    return [{"time": 0.0, "field": COLD}, {"time": 1.0, "field": f"fields/{name}.node"}]


@dataclass(frozen=True)
class Model:
    """A reduced model and the modes that rebuild its displacement."""

    reduced: ReducedModel
    modes: Array

    def answered(self, context: Context, name: str) -> tuple[float, float]:
        """Return the relative error over all instants of an answer, and its seconds."""
        loading = reduced_loading(context, context.loading(name), self.modes, self.reduced.points)
        found = solve(self.reduced, loading, options=context.newton_options)
        if not found.status.ok:
            return 1.0, found.wall_seconds
        product = context.workspace.inner_product()
        source = context.displacement(name)
        exact = np.stack([source.column(number) for number in range(source.n_snapshots)], axis=1)
        rest = self.modes @ found.coefficients - exact
        wrong, whole = (np.linalg.norm(product @ columns) for columns in (rest, exact))
        return float(wrong / whole), found.wall_seconds


def of_equal_modes(context: Context, names: list[str], n_modes: int) -> Model:
    """Return the global model of as many modes, its points selected by the same tolerance."""
    own = trained(context, Path("equal", str(n_modes)), names, modes=n_modes)
    modes = displacement_basis(own).modes
    return Model(packed_model(own, own_rule(own), modes), modes)


def of_equal_points(
    context: Context, names: list[str], n_modes: int, n_points: float
) -> dict[int, Model]:
    """Return global models of no more points, by their modes: as tight a rule as that allows."""
    found: dict[int, Model] = {}
    while True:
        own = trained(context, Path("equal", str(n_modes)), names, modes=n_modes)
        modes, weights = displacement_basis(own).modes, own.workspace.discretization.weights
        problem = cubature_problem(own, training_integrands(own).functions, weights)
        rules = [select_points(problem, tolerance=tolerance) for tolerance in LOOSE]
        small = [rule for rule in rules if len(rule.points) <= n_points]
        if not small or modes.shape[1] < n_modes:
            return found
        found[n_modes] = Model(packed_model(own, small[-1], modes), modes)
        n_modes += 1


def measure(sizes: Sizes, folder: Path) -> dict[str, object]:
    """Write the study, let its stages make and ask the dictionary, and judge the answers."""
    cube = write_study(sizes, folder)
    context = commands.open_study(folder)
    advice = commands.advise(context)
    said = {"worth_it": advice.chosen is not None, "recommendation": advice.recommendation}
    if advice.chosen is None:
        return said
    commands.offline(context)
    commands.online(context)
    clusters = artefact.load(context.folder / "clusters.h5", Clusters)
    found = artefact.load(context.folder / "dictionary.h5", LocalModels).dictionary
    if clusters.expected is None or found is None:
        raise RuntimeError(clusters.recommendation)
    every = [name for group in clusters.training for name in group]
    locals_ = [
        Model(
            model,
            load_bases(context.folder / f"dictionary/cluster{k}/pod.h5")["displacement"].modes,
        )
        for k, model in enumerate(found.models)
    ]
    n_points = float(np.mean([one.n_quadrature for one in found.models]))
    single = of_equal_modes(context, every, clusters.expected.n_modes)
    loose = of_equal_points(context, every, clusters.expected.n_modes, n_points)

    names = [question.name for question in context.located.study.online]
    used = np.array(
        [
            artefact.load(context.folder / f"fields/{name}.h5", Comparison).over_time["u"]
            for name in names
        ]
    )
    own = np.array([[one.answered(context, name) for one in locals_] for name in names])
    whole = np.array([single.answered(context, name) for name in names])
    # The best of them in hindsight; on small meshes none has so few points.
    best = min(
        (
            (float(np.mean([one.answered(context, name)[0] for name in names])), n_modes)
            for n_modes, one in loose.items()
        ),
        default=None,
    )
    picked = np.array([chosen_of(context, name).choice.cluster for name in names])
    nearest, compare_seconds = compared(cube, sizes, clusters)
    sure = np.where(picked == FALLBACK, nearest, picked)
    choose_seconds = choosing_seconds(context, found)
    return {
        "dictionary_over_global": float(used.mean() / whole[:, 0].mean()),
        "dictionary_over_global_of_equal_points": best and float(used.mean()) / best[0],
        "accuracy": float((sure == nearest).mean()),
        "regret": float(regret(own[:, :, 0], sure).mean()),
        "choose_ms": 1e3 * choose_seconds,
        "compare_over_choose": compare_seconds / choose_seconds,
        "dictionary_error": float(used.mean()),
        "global_error": float(whole[:, 0].mean()),
        "clusters": len(found.models),
        "modes": clusters.expected.n_modes,
        "modes_of_equal_points": best and best[1],
        "points_dictionary": n_points,
        "points_global": single.reduced.n_quadrature,
        "online_ms_dictionary": 1e3 * float(np.median(own[np.arange(len(sure)), sure, 1])),
        "online_ms_global": 1e3 * float(np.median(whole[:, 1])),
        "training_runs": len(every),
        "fallbacks": int((picked == FALLBACK).sum()),
        "classifier_accuracy_held_out": found.classifier.accuracy,
        "predicted_gain": clusters.expected.gain,
        "stage_s": {
            name: read_manifest(context.folder / f"{name}.h5").wall_s
            for name in ("criterion", "clusters", "dictionary")
        },
        **said,
    }


def compared(cube: Cube, sizes: Sizes, clusters: Clusters) -> tuple[Array, float]:
    """Return the nearest medoid of each unseen field without a classifier, and its seconds.

    A simplified simulation of the field is computed and compared with those of the medoids.
    """

    def flat(row: Array) -> Array:
        return (cube.inner_product @ cube.solve(row)[0]).ravel()

    known = random_fields(sizes.candidates, np.random.default_rng(SEED), burners=sizes.burners)
    medoids = np.stack([flat(known[number]) for number in clusters.medoids])
    asked = unseen_fields(sizes)
    began = perf_counter()
    nearest = [int(sines_between(flat(row)[None], medoids).argmin()) for row in asked]
    return np.array(nearest), (perf_counter() - began) / len(asked)


def choosing_seconds(context: Context, dictionary: Dictionary) -> float:
    """Return the median time of choosing a model for a temperature that is at hand."""
    cases = [context.located.cases[one.name] for one in context.located.study.online]
    nodes = np.arange(context.workspace.mesh.n_nodes)
    spent = []
    for field in inputs_of(context, cases, nodes).shapes:
        began = perf_counter()
        dictionary.choose(field)
        spent.append(perf_counter() - began)
    return float(np.median(spent))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few simulations")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    options = parser.parse_args()
    few = Sizes(candidates=60, unseen=6, clusters=(2, 4), modes=(2, 4), divisions=3)
    sizes = few if options.quick else Sizes()
    families = {"burners": sizes, "anywhere": replace(sizes, burners=0)}
    found = {name: measure(one, options.results / name) for name, one in families.items()}
    print(json.dumps(found, indent=1))
