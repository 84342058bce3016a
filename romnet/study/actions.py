"""What each offline stage does: read artefacts, call the numerics, write one artefact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator, together
from romnet.core.errors import AccuracyError
from romnet.core.snapshots import in_sample
from romnet.fe.inner_products import point_l2
from romnet.laws.points import PointLocations
from romnet.reduction.basis import ReducedBasis, Truncation
from romnet.reduction.compression import CompressedIntegrands, Compression, compress
from romnet.reduction.cubature import ReducedQuadrature, select_points
from romnet.reduction.cubature_cells import CellMeans, expanded
from romnet.reduction.cubature_problem import CubatureProblem
from romnet.reduction.cubature_refinement import refined_cubature
from romnet.reduction.dual import dual_scalars
from romnet.reduction.gappy import GappyOperator, further_points
from romnet.reduction.integrands import (
    ElasticWork,
    Integrands,
    StackedIntegrands,
    VirtualWork,
)
from romnet.reduction.model import ReducedModel, mask_points
from romnet.reduction.pod import component_pods, pod
from romnet.reduction.replay import replay
from romnet.reduction.selection import at_points
from romnet.store import artefact
from romnet.store.manifest import Manifest
from romnet.store.mesh_file import save_mesh
from romnet.store.modes import load_bases, save_bases
from romnet.store.snapshots import writing_snapshots
from romnet.study.answers import reduced_loading
from romnet.study.context import Context
from romnet.study.foreign import finite_instant, open_results, result_path
from romnet.study.loadcases import point_temperature
from romnet.study.read import HF
from romnet.study.stage import Stage
from romnet.study.training import (
    displacement_basis,
    dual_infos,
    elastic_tangent,
    largest_norms,
    memory_of_rank,
    recorded_fields,
    strain_at,
    training_displacement,
    training_field,
)
from romnet.study.workspace import integration_points, read_mesh

# Part of the cubature tolerance that compressing the integrands may lose of them.
_LOST = 1e-3


def mesh_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Read or make the mesh."""
    with together(context.comm):
        if context.comm.rank == 0:
            located = context.located
            mesh = read_mesh(located)
            # Or a mesh that is bad, or of another computation, would replace a good one.
            integration_points(located, mesh)
            for entry in located.study.training:
                if entry.results != HF:
                    open_results(located, entry.name, mesh)
            save_mesh(context.folder / stage.path, mesh, manifest)


def convert_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Bring displacements, and the dual fields there are, of foreign results into the store."""
    workspace, comm = context.workspace, context.comm
    located = context.located
    with together(comm):
        path = result_path(located, stage.case)
        results = open_results(located, stage.case, workspace.mesh)
    dual = (name for name in located.study.offline.dual if name in results.fields)
    names = ("displacement", *(n for n in dual if results.fields[n].location == "point"))
    infos = {name: results.fields[name] for name in names}
    rows = {
        name: workspace.owned_dofs
        if info.location == "node"
        else workspace.component_rows(info.n_components)
        for name, info in infos.items()
    }
    target = context.folder / stage.path
    with writing_snapshots(target, infos, rows=rows, manifest=manifest, comm=comm) as writer:
        if results.times[0] > 0.0:
            # Codes that save loaded instants only leave out the virgin state.
            writer.append(0.0, {name: np.zeros(rows[name].size) for name in names})
        for number, time in enumerate(results.times):
            with together(comm):
                fields = finite_instant(path, results, number, names)
            values = {name: np.ravel(fields[name])[rows[name]] for name in names}
            writer.append(float(time), values)
            context.progress((number + 1) / results.n_times)
            context.safe_point(f"in {stage.name}, at t = {time:g}")


def replay_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Drive the laws along the displacements of a simulation."""
    from romnet.hf.assembly import CellOperators

    workspace, comm = context.workspace, context.comm
    times = np.asarray(context.snapshots(stage.case).times)
    case = context.located.cases[stage.case]
    with together(comm):
        temperature = point_temperature(workspace, case)
        operators = CellOperators.build(workspace.discretization)
    fields = recorded_fields(context)
    infos = dual_infos(context, fields)
    rows = {name: workspace.component_rows(infos[name].n_components) for name in fields}
    history = replay(
        context.displacement(stage.case),
        times,
        temperature,
        discretization=workspace.discretization,
        laws=workspace.laws,
        strain_of=operators.strain,
    )
    target = context.folder / stage.path
    with writing_snapshots(target, infos, rows=rows, manifest=manifest, comm=comm) as writer:
        for number in range(len(times)):
            with together(comm):
                instant = next(history)
                values = {
                    name: np.ravel(workspace.laws.field(instant.state, name)) for name in fields
                }
            writer.append(instant.time, values)
            context.progress((number + 1) / len(times))
            context.safe_point(f"in {stage.name}, at t = {instant.time:g}")


def pod_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Build the basis of the displacement."""
    workspace = context.workspace
    offline = context.located.study.offline
    sample = workspace.part.owned_dofs & in_sample(workspace.part.dofs)
    basis = pod(
        training_displacement(context),
        workspace.inner_product(),
        truncation=Truncation(rtol=offline.tolerance, modes=offline.modes),
        comm=context.comm,
        sample=np.flatnonzero(sample),
        memory=memory_of_rank(context),
    )
    save_bases(
        context.folder / stage.path,
        {"displacement": basis},
        workspace.owned_dofs,
        kept=np.flatnonzero(workspace.part.owned_dofs),
        manifest=manifest,
        comm=context.comm,
    )


def cubature_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Select the reduced quadrature."""
    few = training_integrands(context)
    weights = context.workspace.discretization.weights
    context.save(stage.path, _selected(context, few, weights), manifest)


def training_integrands(context: Context) -> CompressedIntegrands:
    """Return what the reduced quadrature must integrate, compressed.

    Notes
    -----
    Collective: yes.
    """
    workspace, comm = context.workspace, context.comm
    weights = workspace.discretization.weights
    keys = context.located.study.offline.cubature
    basis = displacement_basis(context)
    work = VirtualWork(
        stress=training_field(context, "stress"),
        modes=basis.modes * basis.amplitudes if keys.by_amplitude else basis.modes,
        discretization=workspace.discretization,
    )
    integrands: Integrands = work
    if keys.elastic_tangent:
        with together(comm):
            tangent = elastic_tangent(context)
        elastic = ElasticWork.balanced(tangent, work, weights, comm)
        integrands = StackedIntegrands((work, elastic))
    rtol = max(_LOST * context.located.study.offline.cubature_tolerance, 1e-12)
    options = Compression(memory=memory_of_rank(context), rtol=rtol)
    return compress(integrands, weights, comm, options)


def _selected(context: Context, few: CompressedIntegrands, weights: Array) -> ReducedQuadrature:
    """Select points, or cells, as the study asks; what the compression lost counts as error."""
    offline = context.located.study.offline
    tolerance = goal = offline.cubature_tolerance
    problem = cubature_problem(context, few.functions, weights)
    while True:
        rule = _rule(context, problem, weights, goal)
        numbers = context.workspace.part.points
        lost = few.lost_error(rule.points, rule.weights, numbers, context.comm) / problem.scale
        residual = float(np.hypot(rule.residual, lost))
        if residual <= tolerance:
            return replace(rule, residual=residual)
        goal = min(0.99 * goal, tolerance - 2.0 * lost)
        if not goal > 0.0:
            message = (
                f"cubature: the compression loses {lost:.1e} of the integrals, more than the "
                f"tolerance {tolerance:.1e} leaves; try a larger one."
            )
            raise AccuracyError(message)


def cubature_problem(context: Context, functions: Array, weights: Array) -> CubatureProblem:
    """Set up the selection of points, or of cells. Collective: yes."""
    workspace, comm = context.workspace, context.comm
    keys = context.located.study.offline.cubature
    if not keys.element_wise:
        numbers = workspace.part.points
        return CubatureProblem.build(functions, weights, numbers, comm, volume=keys.volume)
    cell_of_point = workspace.part.cells[workspace.discretization.cell_of_point]
    cells = CellMeans.of(functions, weights, cell_of_point)
    return CubatureProblem.build(cells.means, cells.volumes, cells.cells, comm, volume=keys.volume)


def _rule(
    context: Context, problem: CubatureProblem, weights: Array, tolerance: float
) -> ReducedQuadrature:
    """Select as the study asks; cells become their points."""
    workspace, keys = context.workspace, context.located.study.offline.cubature
    rule = (refined_cubature if keys.refine else select_points)(problem, tolerance=tolerance)
    if keys.element_wise:
        cell_of_point = workspace.part.cells[workspace.discretization.cell_of_point]
        rule = expanded(rule, weights, workspace.part.points, cell_of_point, context.comm)
    return rule


def dual_pod_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Build the bases of the scalar dual fields."""
    workspace, comm = context.workspace, context.comm
    truncation = Truncation(rtol=context.located.study.offline.tolerance)
    bases: dict[str, ReducedBasis] = {}
    scalars = dual_scalars(context.located.study.offline.dual, workspace.laws)
    for field in dict.fromkeys(scalar.field for scalar in scalars):
        members = [scalar for scalar in scalars if scalar.field == field]
        found = component_pods(
            training_field(context, field),
            point_l2(workspace.discretization.weights, members[0].width),
            members[0].width,
            truncation=truncation,
            comm=comm,
            memory=memory_of_rank(context),
        )
        # A component that never moves has nothing to rebuild.
        bases |= {
            scalar.name: basis for scalar in members if (basis := found[scalar.column]) is not None
        }
    save_bases(
        context.folder / stage.path,
        bases,
        workspace.part.points,
        kept=np.arange(len(workspace.part.points)),
        manifest=manifest,
        comm=comm,
    )


def model_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Pack everything that an online computation needs."""
    quadrature = artefact.load(context.folder / "cubature.h5", ReducedQuadrature)
    modes = displacement_basis(context).modes
    model = packed_model(context, quadrature, modes)
    loadings = {
        name: reduced_loading(context, context.loading(name), modes, model.points)
        for name in context.training
    }
    context.save(stage.path, replace(model, loadings=loadings), manifest)


def packed_model(context: Context, quadrature: ReducedQuadrature, modes: Array) -> ReducedModel:
    """Return the model of a quadrature and modes, without any load.

    Notes
    -----
    Collective: yes.
    """
    workspace, comm, located = context.workspace, context.comm, context.located
    numbers = workspace.part.points
    bases = load_bases(context.folder / "dual_pod.h5", numbers)
    extra = [
        further_points(basis.modes, numbers, comm, known=quadrature.points)
        for basis in bases.values()
    ]
    points = mask_points(
        quadrature.points, np.concatenate(extra) if extra else np.zeros(0, dtype=np.int64)
    )
    scalars = dual_scalars(located.study.offline.dual, workspace.laws)
    norms = largest_norms(context, (s for s in scalars if s.name in bases), points)
    return ReducedModel(
        points=points,
        weights=quadrature.weights,
        strain_modes=strain_at(context, points, modes),
        law_specs=workspace.law_specs,
        law_of_point=at_points(points, workspace.law_of_point.astype(float), numbers, comm).astype(
            np.int64
        ),
        dual=located.study.offline.dual,
        gappy={
            name: GappyOperator.build(
                at_points(points, basis.modes, numbers, comm),
                largest_norm=norms[name],
            )
            for name, basis in bases.items()
        },
        loadings={},
        units=located.study.units.model_dump(),
        locations=locations_at(points, workspace.laws.locations, numbers, comm),
    )


def locations_at(
    points: Array, locations: PointLocations | None, numbers: Array, comm: Communicator
) -> PointLocations | None:
    """Give every rank places and numbers of some points, if laws ask for them."""
    if locations is None:
        return None
    columns = (locations.coordinates, locations.elements[:, None], locations.numbers[:, None])
    found = at_points(points, np.hstack(columns), numbers, comm)
    return PointLocations(found[:, :3], found[:, 3].astype(np.int64), found[:, 4].astype(np.int64))
