"""The notched bar on loads between those of its training."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import numpy as np
import yaml
from asking import ask
from cube import maker_of
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.online.prepared import prepare
from romnet.online.solve import solve
from romnet.reduction.model import ReducedModel
from romnet.store import artefact
from romnet.store.mirror import Plane
from romnet.study import commands
from romnet.study.answers import Comparison, reduced_loading
from romnet.study.context import Context
from romnet.study.converting import convert
from romnet.study.models import displacement_modes

LOOSE = {"tolerance": 2e-5, "cubature": {"tolerance": 4e-6, "by_amplitude": True}}
TIGHT = {"tolerance": 2e-5, "cubature": {"tolerance": 1.5e-6, "by_amplitude": True}}
# The bar is symmetric to this plane, and so is what is learned from two of the three loads.
PLANE = "y=1.5"
IN_THE_MIRROR = {"down": [80.0, 6.0, 0.0], "up": [100.0, -6.0, 0.0]}


def measure(folder: Path) -> dict[str, object]:
    """Return error, points and CPU time of a tight and of a loose model.

    The error is that of the displacement in L2 over space and all instants, of the worse of two
    unseen loads (`u`) and over both together, node by node (`u_together`). The CPU time is that of
    `solve` on a prepared model for one load case, in one thread, shortest of several runs. Both
    models also learn from the mirror images of two training loads: no further computation.
    """
    study = maker_of("bar").make(folder)
    ask(study, ranks=2)  # references, and what is seen in the mirror
    _learn_mirrored(study)
    return {"tight": _variant(study, TIGHT), "loose": _variant(study, LOOSE)}


def _learn_mirrored(study: Path) -> None:
    """Add the mirror images of what was computed to the training of a study."""
    content = yaml.safe_load(study.read_text(encoding="utf-8"))
    for name, vector in IN_THE_MIRROR.items():
        target = study.parent / f"{name}_mirrored.h5"
        computed = study.parent / f"results/snapshots/{name}.h5"
        convert(computed, target, mirror=Plane.of(PLANE))
        seen = {"name": target.stem, "results": target.name, "loads": {"end": {"vector": vector}}}
        content["training"].append(seen)
    study.write_text(yaml.safe_dump(content), encoding="utf-8")


def _variant(study: Path, offline: dict[str, object]) -> dict[str, object]:
    """Build a model of the bar and ask it; what does not depend on tolerances is kept."""
    content = yaml.safe_load(study.read_text(encoding="utf-8"))
    content["offline"] = {"dual": ["p"]} | offline
    study.write_text(yaml.safe_dump(content), encoding="utf-8")
    ask(study, ranks=2)
    context = commands.open_study(study)
    summary = commands.offline(context)
    if summary is None:
        message = "no model was made."
        raise SystemExit(message)
    answers = commands.online(context)
    model = artefact.load(context.folder / "model.h5", ReducedModel)
    found = [
        artefact.load(context.folder / f"fields/{answer.case}.h5", Comparison) for answer in answers
    ]
    seconds, squares = [], []
    prepared = prepare(model)
    for answer in answers:
        modes = displacement_modes(context, answer.case)
        loading = reduced_loading(context, context.loading(answer.case), modes, model.points)
        runs = []
        for _ in range(7):
            began = process_time()
            answered = solve(prepared, loading, options=context.newton_options)
            runs.append(process_time() - began)
        seconds.append(min(runs))
        truth = _displacement(context, answer.case)
        squares.append([((modes @ answered.coefficients - truth) ** 2).sum(), (truth**2).sum()])
    wrong, whole = np.sum(squares, axis=0)
    return {
        "u": max(one.over_time["u"] for one in found),
        "u_together": float(np.sqrt(wrong / whole)),
        "u_last": max(float(one.displacement[-1]) for one in found),
        "p": max(one.dual["p"] for one in found),
        "points": len(model.points),
        "quadrature_points": model.n_quadrature,
        "modes": model.n_modes,
        "cpu_s": max(seconds),
        "newton_iterations": [answer.newton_iterations for answer in answers],
        "cubature_s": float(np.round(summary.time["cubature"], 3)),
        "reference_s": max(answer.reference_s or 0.0 for answer in answers),
    }


def _displacement(context: Context, case: str) -> Float[Array, "n_dofs n_times"]:
    """Return the displacement of a high-fidelity run at all instants."""
    source = context.displacement(case)
    return source.rows(np.arange(source.n_rows))
