"""Estimated against true errors on unseen loads of the cube, and enriched answers."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import numpy as np
import yaml
from blade_draws import TIMES
from cube import ROOT, study_in
from threadpoolctl import threadpool_limits

from romnet.core.arrays import Array
from romnet.core.communicator import SerialCommunicator
from romnet.online.indicator import Assessment, Calibrations, Monitor, Watched, assess
from romnet.online.prepared import prepare
from romnet.online.solve import ReducedSolution, solve
from romnet.reduction.model import ReducedModel
from romnet.reduction.signals import GappySignals, signals_of
from romnet.store import artefact
from romnet.study import commands
from romnet.study.answers import Comparison, reduced_loading
from romnet.study.context import Context
from romnet.study.enrichment.enriching import EnrichmentRecord
from romnet.study.indicator.calibrating import FieldErrors, training_space
from romnet.study.runner import run
from romnet.study.training import displacement_basis

PEAK, OMEGA, MIDDLE = 380.0, 1.5e4, (0.5, 0.5, 0.5)
CORNER = "corner"
THRESHOLDS = (None, 0.1, 0.05, 0.02)
ENRICHED = ("amplitude1.5", "spot3", "spot4")
ALARM = 0.1
FLIGHTS = 4
# Maps of the blade that no training saw: the rule of learning was chosen with the first in view.
USED, FRESH = "c", "e"


def measure(_: Path | None) -> dict[str, object]:
    """Return how good the estimates are, and what enrichment brings; on one thread."""
    with TemporaryDirectory() as folder, threadpool_limits(1):
        context = _context(Path(folder) / "cube", _cases(), None)
        found = _indicator(context)
        found["enrichment"] = _enrichment(context)
        found["blade"] = _blade(Path(folder) / "blade")
    return found


def _heated(centre: tuple[float, ...], factor: float = 1.0) -> dict[str, object]:
    """Return a change of the temperature: its place and its height."""
    hot = {"centre": list(centre), "base": 20.0, "peak": PEAK * factor, "rate": 4.0}
    frames = [(0.0, 20.0), (1.0, {"gaussian": hot}), (2.0, 20.0)]
    return {"temperature": {"keyframes": [{"time": t, "field": f} for t, f in frames]}}


def _cases() -> dict[str, dict[str, object]]:
    """Return loads that no training saw."""
    spots = [
        (0.6, 0.5, 0.5),
        (0.5, 0.65, 0.5),
        (0.5, 0.5, 0.75),
        (0.8, 0.5, 0.3),
        (0.3, 0.7, 0.6),
        (0.0, 0.5, 1.0),
        (0.45, 0.45, 0.5),
        (0.9, 0.2, 0.8),
    ]
    cases = {f"amplitude{a}": _heated(MIDDLE, a) for a in (0.8, 0.9, 1.1, 1.2, 1.35, 1.5)}
    cases |= {f"spot{n + 1}": _heated(spot) for n, spot in enumerate(spots)}
    cases |= {
        f"spin{s}": {"centrifugal": {"omega": OMEGA * s}} for s in (0.9, 0.95, 1.05, 1.1, 1.2)
    }
    cases["mixed"] = _heated((0.6, 0.4, 0.5), 1.2) | {"centrifugal": {"omega": OMEGA * 1.1}}
    cases[CORNER] = _heated((1.0, 1.0, 1.0))
    return cases


def _context(folder: Path, cases: dict[str, dict[str, object]], tolerance: float | None) -> Context:
    """Return the study of the cube, one training load and these questions."""
    asked = [
        {"name": name, "loads": loads, "until": 2.0, "increments": 10, "reference": "hf"}
        for name, loads in cases.items()
    ]
    keys = {"tolerance": tolerance or ALARM, "action": "enrich" if tolerance else "warn"}
    return commands.open_study(study_in(folder, {"online": asked, "indicator": keys}))


def _indicator(context: Context) -> dict[str, object]:
    """Compare estimates with true errors of p at each step of each case."""
    names = [entry.name for entry in context.located.study.online]
    wanted = ("online", "snapshots", "indicator")
    run(context, [f"{stage}[{name}]" for name in names for stage in wanted])
    model = artefact.load(context.folder / "model.h5", ReducedModel)
    truth = FieldErrors.build(context, model)
    estimates, bounds, errors = [], [], []
    early = False
    for name in names:
        found = artefact.load(context.folder / "indicator" / f"{name}.h5", Assessment)
        exact = _true_errors(context, truth, model, name)
        known = np.isfinite(exact)
        estimates += found.estimates["p"][known].tolist()
        bounds += found.bounds["p"][known].tolist()
        errors += exact[known].tolist()
        if name == CORNER:
            plastic = int(np.flatnonzero(known)[0])
            early = found.first_alarm is not None and found.first_alarm < plastic
    estimate, bound, error = np.array(estimates), np.array(bounds), np.array(errors)
    return {
        "pairs": len(error),
        "log_correlation": float(np.corrcoef(np.log(estimate), np.log(error))[0, 1]),
        "median_effectivity": float(np.median(estimate / error)),
        "above_bound": float(np.mean(error > bound)),
        "corner_alarm_before_plastic": early,
        **_costs(context, model, names[0]),
    }


def _true_errors(context: Context, truth: FieldErrors, model: ReducedModel, name: str) -> Array:
    """Return the true error of p at each instant, NaN while it is negligible."""
    solution = artefact.load(context.folder / f"online/{name}.h5", ReducedSolution)
    exact = context.point_field(context.snapshots(name), "p")
    basis, weights = truth.dual["p"].modes, context.workspace.discretization.weights
    rebuilt = basis @ (model.gappy["p"].inverse @ solution.dual["p"])
    errors = np.full(len(solution.times), np.nan)
    for number in range(len(errors)):
        column = exact.column(number)
        norm = np.sqrt(weights @ column**2)
        if norm > 1e-3 * truth.largest["p"]:
            errors[number] = np.sqrt(weights @ (rebuilt[:, number] - column) ** 2) / norm
    return errors


def _costs(context: Context, model: ReducedModel, name: str) -> dict[str, float]:
    """Return times relative to that of a run, each the best of several."""
    loading = reduced_loading(
        context, context.loading(name), displacement_basis(context).modes, model.points
    )
    found = artefact.load(context.folder / "calibration.h5", Calibrations)
    space, prepared = training_space(context, model), prepare(model)
    solution = solve(prepared, loading)
    monitor = Monitor(GappySignals.of(model), space, found, Watched("p", ALARM))
    distances = space.distances(loading)
    whole = _best(lambda: solve(prepared, loading))
    return {
        # Of the answer; what depends on the load alone is known when the load is reduced.
        "signal_cost": _best(lambda: signals_of(monitor.gappy, solution.dual, distances)) / whole,
        "load_cost": _best(lambda: space.distances(loading)) / whole,
        "assessment_cost": _best(lambda: assess(monitor, loading, solution)) / whole,
    }


def _best(work: Callable[[], object]) -> float:
    """Return the shortest wall time of many [s]."""
    return min(_timed(work)[0] for _ in range(200))


def _enrichment(context: Context) -> list[dict[str, object]]:
    """Answer three loads with several thresholds; offline artefacts are shared."""
    cases = {name: loads for name, loads in _cases().items() if name in ENRICHED}
    rows: list[dict[str, object]] = []
    for threshold in THRESHOLDS:
        folder = context.located.folder.parent / f"cube{threshold or 0}"
        own = _context(folder, cases, threshold)
        shutil.copytree(context.folder, own.folder)
        for name in ENRICHED:
            if threshold is None:
                run(own, [f"fields[{name}]"])
                p = artefact.load(own.folder / f"fields/{name}.h5", Comparison).dual["p"]
                rows.append({"load": name, "threshold": None, "hf_steps": 0, "p_final": p})
                continue
            run(own, [f"enrich[{name}]"])
            record = artefact.load(own.folder / f"enriched/{name}/record.h5", EnrichmentRecord)
            rows.append(
                {
                    "load": name,
                    "threshold": threshold,
                    "hf_steps": len(record.full_steps),
                    "replayed_steps": len(record.replayed_steps),
                    "p_final": record.comparison.dual["p"],
                    "seconds": record.seconds,
                }
            )
    return rows


def _blade(folder: Path) -> dict[str, object]:
    """Train the blade on three maps, ask for several flights with others, enrich in sweeps."""
    context = commands.open_study(_blade_study(folder), comm=SerialCommunicator())
    run(context, ["calibrate"])
    found = {name: _enriched_flights(context, f"map_{name}") for name in (USED, FRESH)}
    return found.pop(FRESH) | {"map": FRESH, "others": found}


def _enriched_flights(context: Context, name: str) -> dict[str, object]:
    """Compute flights in full, then ask for them and learn from single steps."""
    reference, reference_cpu = _timed(lambda: run(context, [f"snapshots[{name}]"]))
    run(context, [f"fields[{name}]"])
    # What is saved and compared afterwards is in the processor time too.
    _, enriched_cpu = _timed(lambda: run(context, [f"enrich[{name}]"]))
    before = artefact.load(context.folder / f"fields/{name}.h5", Comparison)
    record = artefact.load(context.folder / f"enriched/{name}/record.h5", EnrichmentRecord)
    return {
        "dofs": context.workspace.part.n_global_dofs,
        "steps": len(record.times) - 1,
        "p_before": before.dual["p"],
        "p_after": record.comparison.dual["p"],
        "p_after_hottest": record.comparison.hottest["p"],
        "hf_steps": len(record.full_steps),
        "gain": reference / record.seconds,
        "gain_cpu": reference_cpu / enriched_cpu,
        "seconds": record.seconds,
        "reference_s": reference,
    }


def _blade_study(folder: Path) -> Path:
    """Write the study: three flights in training, one with each map, four flights asked."""
    sys.path.insert(0, str(ROOT / "cases" / "blade"))
    from make import make

    study = make("S", folder)
    content = yaml.safe_load(study.read_text(encoding="utf-8"))
    content["training"] = [_flights(one) | {"results": "hf"} for one in ("a", "b", "d")]
    content["offline"]["tolerance"] = 1e-4
    asked = {"reference": "hf", "fields": "replay"}
    content["online"] = [_flights(name, FLIGHTS) | asked for name in (USED, FRESH)]
    content["indicator"] = {
        "tolerance": 0.03,
        "action": "enrich",
        "learning": "sweeps",
        "calibration": {"loads": 3, "modes": [1.0, 0.7]},
    }
    study.write_text(yaml.safe_dump(content), encoding="utf-8")
    return study


def _flights(name: str, count: int = 1) -> dict[str, object]:
    """Return a case of some flights with one map."""
    hot = f"map_{name}.vtu"
    frames = [(0.0, 400.0), (20.0, hot), (180.0, hot), (200.0, 400.0)]
    keys = [{"time": time, "field": field} for time, field in frames]
    later = [time + TIMES[-1] * flight for flight in range(1, count) for time in TIMES[1:]]
    loads = {"temperature": {"keyframes": keys, "after": "repeat"}}
    return {"name": f"map_{name}", "times": TIMES + later, "loads": loads}


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the wall time and the processor time of a work [s]."""
    began, began_cpu = perf_counter(), process_time()
    work()
    return perf_counter() - began, process_time() - began_cpu
