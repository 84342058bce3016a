"""Elastic lifting: a model learns the elastic response to loads that it was not trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import raise_together, together
from romnet.core.errors import ConvergenceError
from romnet.core.snapshots import ArraySource, StackedSource
from romnet.fe.loading import Loading
from romnet.laws.contract import TimeStep
from romnet.parallel.layout import Exchange, Layout
from romnet.reduction.basis import ReducedBasis
from romnet.reduction.compression import Compression, compressed
from romnet.reduction.cubature import CubatureOptions, ReducedQuadrature, select_points
from romnet.reduction.cubature_problem import CubatureProblem
from romnet.reduction.integrands import VirtualWork
from romnet.reduction.lifting import distance_outside, farthest_instants, further_modes
from romnet.reduction.model import ReducedModel
from romnet.reduction.selection import at_points
from romnet.store import artefact
from romnet.store.manifest import Manifest, read_manifest
from romnet.store.modes import load_bases, save_bases
from romnet.study.actions import packed_model
from romnet.study.answers import reduced_loading
from romnet.study.context import Context
from romnet.study.stage import Stage
from romnet.study.training import displacement_basis, memory_of_rank, training_field

TOLERANCE = 1e-2  # part of a load outside the training above which it is lifted
_SOLVES = 3
_LINEAR = 1e-8  # relative residual of the linear solves


@dataclass(frozen=True)
class Lifting:
    """How far a load is from the training, and what is done about it.

    Attributes
    ----------
    temperature, force
        Largest part of the temperature rise at the points of the model, and of the force, that no
        combination of the training loads gives [-].
    instants
        Positions among the instants of the case at which the elastic response is solved for;
        empty when the load is not lifted.
    asked
        What the study says: ``"auto"`` or ``"on"``.
    """

    temperature: float
    force: float
    instants: Int[Array, " n_instants"]
    asked: str

    @property
    def words(self) -> str:
        """What was found and done."""
        found = (
            f"{self.temperature:.1%} of the temperature rise and {self.force:.1%} of the force "
            "are no combination of training loads"
        )
        if self.instants.size == 0:
            return f"{found}: the model is used as it was trained."
        return f"{found}: {self.instants.size} linear elastic solves extend the model."


def lifting_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Measure how far a load is from the training and choose instants to solve at."""
    model = artefact.load(context.folder / "model.h5", ReducedModel)
    loading = context.loading(stage.case)
    trained = [context.loading(name) for name in context.training]
    temperature = distance_outside(*_temperatures(context, model, loading, trained), context.comm)
    force = distance_outside(*_forces(context, loading, trained), context.comm)
    asked = str(stage.parameters["lifting"])
    wanted = asked == "on" or max(temperature, force) > TOLERANCE
    chosen = np.zeros(0, dtype=np.int64)
    if wanted:
        chosen = farthest_instants(_signatures(context, model, loading), _SOLVES)
    context.save(stage.path, Lifting(temperature, force, chosen, asked), manifest)


def lifted_pod_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Solve for elastic responses and keep what they add to the modes."""
    from romnet.hf.problem import HighFidelityProblem
    from romnet.parallel.petsc import petsc

    petsc()
    workspace, comm = context.workspace, context.comm
    lifting = artefact.load(context.folder / f"lifting/{stage.case}.h5", Lifting)
    loading = context.loading(stage.case)
    problem = HighFidelityProblem(
        workspace.part, workspace.discretization, workspace.laws, loading, comm
    )
    columns = []
    for done, time in enumerate(loading.times[lifting.instants]):
        columns.append(_elastic_response(context, problem, float(time)))
        context.progress((done + 1) / len(lifting.instants))
    responses = np.stack(columns, axis=1) if columns else np.zeros((len(workspace.part.dofs), 0))
    basis = displacement_basis(context)
    further = further_modes(
        basis.modes,
        responses,
        workspace.inner_product(),
        comm,
        rtol=context.located.study.offline.tolerance,
    )
    save_bases(
        context.folder / stage.path,
        {
            "displacement": replace(basis, modes=further),
            "responses": replace(basis, modes=responses),
        },
        workspace.owned_dofs,
        kept=np.flatnonzero(workspace.part.owned_dofs),
        manifest=manifest,
        comm=comm,
    )


def lifted_model_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Integrate the new modes too, from the points there are, and pack the model of the case."""
    bases = load_bases(
        context.folder / f"lifted/{stage.case}_modes.h5", context.workspace.part.dofs
    )
    modes = np.hstack([displacement_basis(context).modes, bases["displacement"].modes])
    quadrature = artefact.load(context.folder / "cubature.h5", ReducedQuadrature)
    if bases["displacement"].n_modes:
        quadrature = _extended(context, stage.case, quadrature, modes, bases["responses"])
    model = packed_model(context, quadrature, modes)
    loading = reduced_loading(context, context.loading(stage.case), modes, model.points)
    # The training loads belong to the model that was trained.
    context.save(stage.path, replace(model, loadings={stage.case: loading}), manifest)


def _elastic_response(context: Context, problem: object, time: float) -> Float[Array, " n_dofs"]:
    """Solve one linear problem: the virgin structure under the load of an instant."""
    from romnet.hf.problem import HighFidelityProblem

    if not isinstance(problem, HighFidelityProblem):
        message = "needs a high-fidelity problem."
        raise TypeError(message)
    start = problem.start()
    increment = problem.increment(start, TimeStep(start.time, time - start.time))
    trial = increment.evaluate(start.unknown)
    if trial.failed:
        message = f"lifting: the law fails on the way to the temperature of t = {time:g}."
        raise_together(context.comm, ConvergenceError(message))
    solve = trial.inexact or (lambda _: trial.correction())
    response: Array = solve(_LINEAR)
    return np.asarray(np.where(problem.loading.constrained, 0.0, response))


def _extended(
    context: Context,
    case: str,
    quadrature: ReducedQuadrature,
    modes: Array,
    responses: ReducedBasis,
) -> ReducedQuadrature:
    """Select further points, so that the virtual work of the new modes is integrated as well."""
    workspace, comm, offline = context.workspace, context.comm, context.located.study.offline
    weights = workspace.discretization.weights
    with together(comm):
        elastic = _elastic_stresses(context, case, responses.modes)
    stress = StackedSource((training_field(context, "stress"), ArraySource(elastic)))
    work = VirtualWork(stress=stress, modes=modes, discretization=workspace.discretization)
    functions = compressed(work, weights, comm, Compression(memory=memory_of_rank(context)))
    problem = CubatureProblem.build(
        functions, weights, workspace.part.points, comm, volume=offline.cubature.volume
    )
    options = CubatureOptions(volume=offline.cubature.volume, start=quadrature)
    return select_points(problem, tolerance=offline.cubature_tolerance, options=options)


def _elastic_stresses(
    context: Context, case: str, responses: Float[Array, "n_dofs n"]
) -> Float[Array, "n_rows n"]:
    """Return the stresses of elastic responses, row = point * n_components + component."""
    lifting = artefact.load(context.folder / f"lifting/{case}.h5", Lifting)
    workspace, loading = context.workspace, context.loading(case)
    laws, points = workspace.laws, workspace.discretization
    still = np.zeros((points.n_points, points.n_components))
    cold = loading.temperature.at(float(loading.times[0]))
    virgin = laws.initial_state(cold)
    columns = []
    for response, time in zip(responses.T, loading.times[lifting.instants], strict=True):
        warm = loading.temperature.at(float(time))
        step = TimeStep(float(loading.times[0]), float(time - loading.times[0]))
        answer = laws.integrate(still, still, virgin, cold, warm, step)
        moved = response + loading.prescribed.at(float(time))
        strain = (points.strain_operator @ moved).reshape(still.shape)
        stress = answer.stress + np.einsum("kij,kj->ki", answer.tangent, strain)
        columns.append(stress.ravel())
    return np.stack(columns, axis=1)


def _temperatures(
    context: Context, model: ReducedModel, loading: Loading, trained: list[Loading]
) -> tuple[Array, Array]:
    """Return temperature rises at the points of the model: asked at instants, and trained."""
    comm = context.comm
    share = np.array_split(np.arange(len(model.points)), comm.size)[comm.rank]

    def rises(one: Loading) -> Array:
        values = _at_instants(context, model, one)
        return np.asarray((values - values[:, :1])[share])

    return rises(loading), np.hstack([rises(one) for one in trained])


def _at_instants(context: Context, model: ReducedModel, loading: Loading) -> Array:
    """Return the temperature at the points of the model at all instants (n_mask, n_times)."""
    numbers, vectors = context.workspace.part.points, loading.temperature.vectors
    local = at_points(model.points, np.ascontiguousarray(vectors.T), numbers, context.comm)
    amplitudes = loading.temperature.amplitudes
    factors = [[one.at(float(time)) for time in loading.times] for one in amplitudes]
    return np.asarray(local @ np.array(factors).reshape(len(amplitudes), -1))


def _forces(context: Context, loading: Loading, trained: list[Loading]) -> tuple[Array, Array]:
    """Return the force vectors at the dofs that this rank owns: asked and trained."""
    exchange = Exchange(Layout.build(context.workspace.part, context.comm))
    owned = context.workspace.part.owned_dofs

    def vectors(one: Loading) -> Array:
        whole = [exchange.accumulated(vector)[owned] for vector in one.force.vectors]
        return np.array(whole).reshape(len(whole), int(owned.sum())).T

    return vectors(loading), np.hstack([vectors(one) for one in trained])


def _signatures(context: Context, model: ReducedModel, loading: Loading) -> Array:
    """Return what acts at each instant: temperature rise and force, each on the scale one."""
    modes = displacement_basis(context).modes
    reduced = reduced_loading(context, loading, modes, model.points)
    force = np.stack([reduced.force.at(float(time)) for time in loading.times], axis=1)
    warm = _at_instants(context, model, loading)
    rows = [values - values[:, :1] for values in (warm, force)]
    sizes = [np.linalg.norm(values, axis=0).max(initial=0.0) or 1.0 for values in rows]
    return np.vstack([values / size for values, size in zip(rows, sizes, strict=True)])


def lifting_words(context: Context, case: str) -> str:
    """Return what was found of a case, if it was looked at."""
    path = context.folder / f"lifting/{case}.h5"
    return artefact.load(path, Lifting).words if path.exists() else ""


def seconds_of(context: Context, case: str) -> float | None:
    """Return the wall time that lifting took [s], if it was asked for."""
    paths = [
        context.folder / place
        for place in (f"lifting/{case}.h5", f"lifted/{case}_modes.h5", f"lifted/{case}.h5")
    ]
    if not all(path.exists() for path in paths):
        return None
    return sum(read_manifest(path).wall_s for path in paths)
