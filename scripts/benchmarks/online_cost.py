"""What a reduced computation costs beside its law calls, and on meshes of any size."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import numpy as np
from cube import study_in
from jaxtyping import Float
from law_calls import OverLaw, over_law

from romnet.fe.discretization import discretize
from romnet.fe.history import Amplitude, SeparatedField
from romnet.fe.structured import box_mesh
from romnet.online.prepared import prepare
from romnet.online.solve import solve
from romnet.reduction.model import ReducedLoading, ReducedModel
from romnet.store import artefact
from romnet.study import commands

_LAW = {
    "law": "j2_viscoplastic",
    "parameters": {"young": 2.0e5, "poisson": 0.3, "yield_stress": 250.0, "hardening": 2000.0},
}
_DIVISIONS = (5, 11, 23, 50)  # 1 000, 10 648, 97 336 and 1 000 000 points
_MODES, _POINTS, _STEPS = 10, 100, 20


def of_study(results: Path, case: str) -> OverLaw:
    """Compare a computation of a study with its law calls."""
    model = artefact.load(results / "model.h5", ReducedModel)
    return over_law(prepare(model), model.loadings[case])


def cube(folder: Path, *, tolerance: float, cubature: float) -> OverLaw:
    """Compare the computation of the cube with its law calls."""
    offline = {"tolerance": tolerance, "cubature": {"tolerance": cubature}, "dual": ["p"]}
    context = commands.open_study(study_in(folder, {"offline": offline, "online": []}))
    commands.offline(context)
    return of_study(context.folder, context.training[0])


def flatness(*, repeats: int = 200) -> dict[str, object]:
    """Compare the time of a step of models of one size, made on meshes of very different sizes.

    The points are spread over each mesh, the modes are smooth functions of its nodes; the whole
    path of `solve` on a prepared model is measured, in turns. As the points of each mesh lie
    elsewhere, steps take more iterations on one than on another, for which the mesh is not to
    blame: `spread` compares steps of equally many evaluations, `spread_as_run` those that were run.
    """
    coarsest = discretize(box_mesh((1.0, 1.0, 1.0), (_DIVISIONS[0],) * 3)).positions
    places = np.random.default_rng(0).permutation(coarsest)[:_POINTS]
    models = [_smooth_model(n, places) for n in _DIVISIONS]
    prepared = [(prepare(model), loading) for model, loading in models]
    seconds = np.empty((repeats, len(prepared)))
    iterations = [0] * len(prepared)
    for repeat in range(repeats):
        for column, (model, loading) in enumerate(prepared):
            began = process_time()
            answer = solve(model, loading)
            seconds[repeat, column] = process_time() - began
            iterations[column] = int(answer.newton_iterations.sum())
    as_run = 1e6 * seconds.min(axis=0) / _STEPS
    evaluations = 1.0 + np.array(iterations) / _STEPS
    per_step = as_run * evaluations.mean() / evaluations
    return {
        "mesh_points": [8 * n**3 for n in _DIVISIONS],
        "step_us": per_step.tolist(),
        "iterations": iterations,
        "spread": float(per_step.max() / per_step.min() - 1.0),
        "spread_as_run": float(as_run.max() / as_run.min() - 1.0),
    }


def _smooth_model(
    n: int, places: Float[np.ndarray, "n_points 3"]
) -> tuple[ReducedModel, ReducedLoading]:
    """Return a model of a cube of n^3 cells with modes that every mesh can represent."""
    mesh = box_mesh((1.0, 1.0, 1.0), (n, n, n))
    points = discretize(mesh)
    nearest = [int(((points.positions - place) ** 2).sum(axis=1).argmin()) for place in places]
    x, y, z = mesh.nodes.T
    shapes = [x, x * x, x * y, x * z, x**3]
    columns = [np.outer(s, e).ravel() for s in shapes for e in np.eye(3)[:2]][:_MODES]
    modes = np.stack(columns, axis=1)
    chosen = np.array(nearest)
    strain = points.strain_operator_of(chosen) @ modes
    ramp = Amplitude(np.array([0.0, 0.5, 1.0]), np.array([0.0, 1.0, -1.0]))
    loading = ReducedLoading(
        name="pull",
        times=np.linspace(0.0, 1.0, _STEPS + 1),
        force=SeparatedField((ramp,), 300.0 * np.linspace(1.0, 0.5, _MODES)[None]),
        temperature=SeparatedField.zero(_POINTS),
        lift_strain=SeparatedField.zero(6 * _POINTS),
    )
    model = ReducedModel(
        points=chosen,
        weights=np.full(_POINTS, 1.0 / _POINTS),
        strain_modes=strain.reshape(_POINTS, 6, _MODES),
        law_specs=(_LAW,),
        law_of_point=np.zeros(_POINTS, dtype=np.int64),
        dual=(),
        gappy={},
        loadings={"pull": loading},
        units={},
    )
    return model, loading
