"""A thousand random temperatures of the blade, against high-fidelity runs of some of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time

import numpy as np
import yaml
from asking import ask
from blade_draws import CASE, FIELD, TIMES, blade_in
from jaxtyping import Float, Int
from law_calls import over_law

from romnet.online.batch import solve_batch
from romnet.online.prepared import PreparedModel, prepare
from romnet.online.solve import solve
from romnet.reduction.model import ReducedModel
from romnet.store import artefact
from romnet.store.manifest import read_manifest
from romnet.study import commands
from romnet.study.answers import Comparison
from romnet.study.context import Context
from romnet.study.design.answering import CHUNK, design_of, uncertain_load
from romnet.study.design.answers import DesignAnswers, field_statistics, load_answers
from romnet.study.design.draws import draws_of
from romnet.study.design.forecast import Forecast
from romnet.study.models import model_of
from romnet.study.stages import stages_of

_DRAWS, _TESTS, _SINGLE = 1024, 12, 24
_TURNS = 20  # on one rank and on two
_CELL = 5.5  # mm: 21 135 dofs
_OFFLINE = {"tolerance": 1e-4, "dual": ["p"]}
_DESIGN = {
    "kind": "sobol",
    "n": _DRAWS,
    "temperature": {
        "deviation": FIELD["amplitude"],
        "length": FIELD["length"],
        "modes": FIELD["modes"],
        "amplitude": "flight",
    },
}
_QUESTION = {"name": "uq", "times": TIMES, "design": _DESIGN}


def measure(folder: Path) -> dict[str, object]:
    """Train along the modes of the uncertainty, ask for 1 024 draws and compare twelve others.

    A draw in a batch and a single query are compared from drawn numbers to answers, on prepared
    models. The ranks are compared by the whole stage: modes of the random temperature, drawing,
    solving and writing, each in processes of its own. Runs on one rank and on two follow each
    other, and the ratio is the middle one of twenty such turns: the shortest run on two ranks
    would need two undisturbed cores at once, that on one rank a single one.
    """
    study = blade_in(folder, cell_size=_CELL, n_test=_TESTS, changes={"offline": _OFFLINE})
    ask(study, ranks=2)  # models and references
    content = yaml.safe_load(study.read_text(encoding="utf-8"))
    content["online"].append(_QUESTION)
    study.write_text(yaml.safe_dump(content), encoding="utf-8")
    context = commands.open_study(study)
    commands.online(context, case="uq")
    answers = load_answers(context, "uq")
    turns = _in_turns(context, answers)
    whole = read_manifest(context.folder / "designs/uq.h5").wall_s / _DRAWS
    statistics = field_statistics(context, "uq").largest
    compared = [
        artefact.load(context.folder / f"fields/test{k}.h5", Comparison) for k in range(_TESTS)
    ]
    errors = [one.dual["p"] for one in compared]
    model = model_of(context, "map_a")
    over = over_law(prepare(model), model.loadings["map_a"], repeats=200)
    one, two = _of_stage(study, context.folder).T
    hf_s = [read_manifest(context.folder / f"snapshots/test{k}.h5").wall_s for k in range(_TESTS)]
    offline = [stage for stage in stages_of(context.located).values() if stage.offline]
    paths = [context.folder / stage.path for stage in offline]
    # Questions need the model, not its answers to the loads of the training.
    offline_s = sum(read_manifest(path).wall_s for path in paths if path.exists())
    return {
        "dofs": context.workspace.mesh.n_dofs,
        "over_law_blade": over.ratio,
        "over_law_blade_detail": over.told(),
        "uq_median_error": median(errors),
        "uq_errors": errors,
        "uq_median_error_from_modes": median(one.from_modes["p"] for one in compared),
        "converged": answers.status.count("converged"),
        "largest_p": {
            "mean": float(statistics.mean()),
            "q05": float(np.quantile(statistics, 0.05)),
            "q95": float(np.quantile(statistics, 0.95)),
        },
        **turns,
        "draw_of_stage_s": whole,
        "evaluations_per_step_batch": 1.0
        + float(answers.newton_iterations.mean()) / (len(TIMES) - 1),
        "design_s": [median(one), median(two)],
        "design_shortest_s": [one.min(), two.min()],
        "speedup_2_ranks": median(one / two),
        "hf_s": median(hf_s),
        "offline_s": offline_s,
        "break_even_queries": offline_s / (median(hf_s) - whole),
    }


def _in_turns(context: Context, answers: DesignAnswers) -> dict[str, float]:
    """Compare the CPU time of a draw in a batch with that of a single one, in turns.

    From the drawn numbers to the same answers: coefficients of the displacement and of the fields.
    The batch foresees its answers from those before it and notes them for the next, as the stage
    does. A single query is asked of a prepared model (`single_s`), and of one that is not, as
    `solve` with a model that was just read does (`query_s`).
    """
    model = model_of(context, "uq")
    prepared = prepare(model)
    load = uncertain_load(context, "uq", design_of(context, "uq"), model)
    draws = draws_of(design_of(context, "uq"), CASE)
    first = _DRAWS // 2
    forecast = Forecast(draws.values)
    forecast.learn(draws.values[:first], answers.coefficients[:first])
    evaluations: list[float] = []

    def batch(chosen: Int[np.ndarray, " n"]) -> None:
        loadings = [load.drawn(f"{k}", draws.of(k)) for k in chosen]
        seen = forecast.of(draws.values[chosen])
        found = solve_batch(prepared, loadings, options=context.newton_options, expected=seen)
        forecast.learn(draws.values[chosen], found.coefficients)

    def single(asked: ReducedModel | PreparedModel, chosen: Int[np.ndarray, " n"]) -> None:
        for k in chosen:
            found = solve(asked, load.drawn(f"{k}", draws.of(k)), options=context.newton_options)
            for name, values in found.dual.items():
                model.gappy[name].inverse @ values
            evaluations.append(1.0 + found.newton_iterations.mean())

    seconds = []
    for start in range(first, _DRAWS, CHUNK):
        chosen = np.arange(start, start + CHUNK)
        few = chosen[:_SINGLE]
        seconds.append(
            [
                _seconds(batch, chosen) / CHUNK,
                _seconds(single, prepared, few) / _SINGLE,
                _seconds(single, model, few) / _SINGLE,
            ]
        )
    in_batch, one, query = np.median(seconds, axis=0).tolist()
    ratios = np.array(seconds)
    return {
        "single_s": one,
        "query_s": query,
        "batch_s": in_batch,
        "batch_over_single": float(np.median(ratios[:, 0] / ratios[:, 1])),
        "batch_over_query": float(np.median(ratios[:, 0] / ratios[:, 2])),
        "evaluations_per_step_single": float(np.mean(evaluations)),
    }


def _seconds(work: Callable[..., None], *arguments: object) -> float:
    """Return the CPU time of some work."""
    began = process_time()
    work(*arguments)
    return process_time() - began


def _of_stage(study: Path, results: Path) -> Float[np.ndarray, "n_turns 2"]:
    """Answer the design on one rank and on two, in turns; return the wall times [s]."""
    seconds = np.empty((_TURNS, 2))
    for turn, ranks in np.ndindex(*seconds.shape):
        for path in results.glob("designs/uq*"):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        ask(study, ranks=ranks + 1, case="uq")
        artefact.load(results / "designs/uq.h5", DesignAnswers)
        seconds[turn, ranks] = read_manifest(results / "designs/uq.h5").wall_s
    return seconds
