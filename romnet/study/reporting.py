"""From the artefacts of a study to the values that its report shows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

import romnet
from romnet.core.arrays import Array
from romnet.core.errors import StoreError
from romnet.fe.mesh import Mesh
from romnet.online.solve import ReducedSolution
from romnet.reduction.criterion import Advice
from romnet.reduction.cubature import ReducedQuadrature
from romnet.reduction.model import ReducedModel
from romnet.report.case_values import CaseFacts, NodalField
from romnet.report.cost_values import Kind, StageFacts
from romnet.report.model_values import (
    CubatureFacts,
    GappyFacts,
    LocalFacts,
    MeshFacts,
    SelectedPoints,
    Spectrum,
    TrainedField,
)
from romnet.report.page import render_page
from romnet.report.pictures import render_field
from romnet.report.skin import skin_of
from romnet.report.values import ReportData
from romnet.store import artefact
from romnet.store.manifest import read_manifest
from romnet.store.modes import load_bases
from romnet.store.replacing import replacing
from romnet.store.vtkhdf import cell_averages
from romnet.study import commands
from romnet.study.answers import Comparison, rebuilt_fields
from romnet.study.checks.data_quality import data_facts
from romnet.study.citing import cited
from romnet.study.context import Context
from romnet.study.cycling import cycle_facts
from romnet.study.indicator.indicating import watch_facts
from romnet.study.local.criterion import ADVICE, CRITERION, Simplified
from romnet.study.local.dictionary import CLUSTERS, Clusters
from romnet.study.rebuilding import rebuilt_displacement
from romnet.study.runner import State, Verdict, verdicts
from romnet.study.stage import Stage
from romnet.study.validation import validation

Nodes = Int[Array, " n_vertices"]


def write_report(context: Context) -> Path:
    """Write the report of what has been computed so far, and a picture beside it.

    Parameters
    ----------
    context
        The study; its model must have been built.

    Returns
    -------
    Path
        The HTML page; the picture has the same name and ends in ``.png``.

    Raises
    ------
    StoreError
        If the model has not been built.

    Notes
    -----
    Collective: no; one rank calls it.
    """
    data = report_data(context)
    path = context.folder / "report.html"
    with replacing(path) as temporary:
        temporary.write_text(render_page(data), encoding="utf-8")
    # An answer that was never computed before says more than the training.
    for case in sorted(data.cases, key=lambda case: case.in_training):
        if case.picture is not None and data.skin is not None:
            picture, unit = path.with_suffix(".png"), data.units["length"]
            render_field(picture, data.skin, case.picture, length_unit=unit)
            break
    return path


def report_data(context: Context) -> ReportData:
    """Collect what the report shows.

    Raises
    ------
    StoreError
        If the model has not been built.
    """
    located, folder = context.located, context.folder
    if not (folder / "model.h5").exists():
        message = f"{folder} holds no model; run romnet offline first."
        raise StoreError(message)
    model = artefact.load(folder / "model.h5", ReducedModel)
    quadrature = artefact.load(folder / "cubature.h5", ReducedQuadrature)
    workspace = context.workspace
    skin, nodes = skin_of(workspace.mesh)
    # Of training loads there may be no answer, or one of an earlier model: `romnet online` asks
    # only what it was asked.
    judged = verdicts(located, folder)
    fresh = {name for name, verdict in judged.items() if verdict.state is State.FRESH}
    answered = [name for name in located.cases if f"fields[{name}]" in fresh]
    trained = [
        artefact.load(folder / f"fields/{name}.h5", Comparison)
        for name in context.training
        if name in answered
    ]
    positions = np.zeros((model.n_quadrature, 3))
    positions[:, : workspace.mesh.n_dim] = workspace.discretization.positions[quadrature.points]
    done = (folder / verdict.stage.path for verdict in judged.values())
    keys = {key for path in done if path.exists() for key in read_manifest(path).citations}
    return ReportData(
        study=located.study.name,
        romnet_version=romnet.__version__,
        units=located.study.units.model_dump(),
        asked=located.yaml.path.read_text(encoding="utf-8"),
        mesh=_mesh_facts(workspace.mesh, workspace.part.n_global_points),
        tolerance=located.study.offline.tolerance,
        spectra=_spectra(folder),
        cubature=CubatureFacts(
            tolerance=located.study.offline.cubature_tolerance,
            residual=quadrature.residual,
            volume_error=quadrature.volume_error,
            n_selected=model.n_quadrature,
            n_mask=len(model.points),
            history=quadrature.history,
        ),
        gappy=tuple(
            GappyFacts(name, operator.mask_modes.shape[1], operator.condition)
            for name, operator in model.gappy.items()
        ),
        validation=tuple(
            TrainedField(name, one.predicted, one.realised, one.hottest)
            for name, one in validation(folder, trained).items()
        ),
        stages=_stages(context, judged),
        cases=tuple(_case(context, name, nodes) for name in answered),
        skin=skin,
        points=SelectedPoints(positions, quadrature.weights),
        citations={one.key: one.text for one in cited(keys)},
        versions=dict(read_manifest(folder / "model.h5").versions),
        local=_local_facts(folder),
        learned=tuple(data_facts(context, name) for name in context.training),
    )


def _local_facts(folder: Path) -> LocalFacts | None:
    """Collect clusters and criterion, if they were computed."""
    if not (folder / CRITERION).exists() or not (folder / ADVICE).exists():
        return None
    found = artefact.load(folder / CRITERION, Simplified)
    none = np.zeros(0, dtype=np.int64)
    labels, medoids = none, none
    if (folder / CLUSTERS).exists():
        clusters = artefact.load(folder / CLUSTERS, Clusters)
        labels, medoids = clusters.labels, clusters.medoids
    advice = artefact.load(folder / ADVICE, Advice)
    return LocalFacts(found.names, found.dissimilarity, labels, medoids, advice)


def _case(context: Context, name: str, nodes: Nodes) -> CaseFacts:
    """Collect what is known of one answer."""
    solution = artefact.load(context.folder / f"online/{name}.h5", ReducedSolution)
    comparison = artefact.load(context.folder / f"fields/{name}.h5", Comparison)
    summary = commands.online_summary(context, name)
    return CaseFacts(
        name=name,
        status=solution.status,
        times=solution.times,
        newton_iterations=solution.newton_iterations,
        cuts=solution.cuts,
        wall_seconds=solution.wall_seconds,
        law_seconds=solution.law_seconds,
        in_training=name in context.training,
        reason=solution.reason,
        reference=comparison.reference,
        error_times=comparison.times,
        displacement_error=comparison.displacement,
        dual_error=comparison.dual,
        hottest_error=comparison.hottest,
        dual_history=comparison.history,
        hottest_history=comparison.hottest_history,
        hf_seconds=summary.reference_s,
        picture=_picture(context, solution, nodes),
        cycles=None if summary.cycles is None else cycle_facts(summary.cycles),
        watch=watch_facts(context, name),
        quantities=tuple(
            (quantity, key, value)
            for quantity, values in summary.quantities.items()
            for key, value in values.items()
        ),
    )


def _picture(
    context: Context,
    solution: ReducedSolution,
    nodes: Nodes,
) -> NodalField:
    """Show a dual field at the last instant, or the displacement when there is none."""
    mesh = context.workspace.mesh
    last = len(solution.times) - 1
    moved = rebuilt_displacement(context, solution)(last).reshape(-1, mesh.n_dim)
    displacement = np.zeros((len(nodes), 3))
    displacement[:, : mesh.n_dim] = moved[nodes]
    units = context.located.study.units
    instant = f"t = {solution.times[last]:g} {units.time}"
    if not solution.dual:
        lengths = np.linalg.norm(displacement, axis=1)
        return NodalField(f"displacement at {instant}", units.length, lengths, displacement)
    name = "p" if "p" in solution.dual else next(iter(solution.dual))
    values = _at_nodes(context, rebuilt_fields(context, solution, last)[name])[nodes]
    unit = f"{units.force}/{units.length}^2" if name.startswith("stress") else "-"
    return NodalField(f"{name} at {instant}", unit, values, displacement)


def _at_nodes(context: Context, values: Float[Array, " n_points"]) -> Float[Array, " n_nodes"]:
    """Average a field at the points over cells, then over the cells around each node."""
    workspace = context.workspace
    discretization = workspace.discretization
    averages = cell_averages(values, np.abs(discretization.weights), discretization.cell_of_point)
    sums, counts = np.zeros(workspace.mesh.n_nodes), np.zeros(workspace.mesh.n_nodes)
    first = 0
    for block in workspace.mesh.blocks:
        here = averages[first : first + len(block.connectivity)]
        np.add.at(sums, block.connectivity, here[:, None])
        np.add.at(counts, block.connectivity, 1.0)
        first += len(block.connectivity)
    return np.asarray(np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0.0))


def _spectra(folder: Path) -> tuple[Spectrum, ...]:
    """Collect the singular values of all bases."""
    none = np.zeros(0, dtype=np.int64)
    bases = load_bases(folder / "pod.h5", none) | load_bases(folder / "dual_pod.h5", none)
    return tuple(
        Spectrum(name, basis.singular_values / basis.singular_values[0], basis.n_modes)
        for name, basis in bases.items()
    )


def _mesh_facts(mesh: Mesh, n_points: int) -> MeshFacts:
    """Collect the sizes of the high-fidelity problem."""
    return MeshFacts(mesh.n_nodes, mesh.n_cells, n_points, mesh.n_dofs)


def _stages(context: Context, judged: Mapping[str, Verdict]) -> tuple[StageFacts, ...]:
    """Collect what ran."""
    facts = []
    for name, verdict in judged.items():
        path, kind = context.folder / verdict.stage.path, _kind(context, verdict.stage)
        if not path.exists():
            facts.append(StageFacts(name, 0.0, 0.0, verdict.state.value, kind=kind))
            continue
        manifest = read_manifest(path)
        facts.append(
            StageFacts(
                name=name,
                seconds=manifest.wall_s,
                peak_mb=manifest.peak_memory_mb,
                state=verdict.state.value,
                key=manifest.key,
                ranks=manifest.ranks,
                kind=kind,
                cpu_seconds=manifest.cpu_s or None,  # older manifests do not tell
            )
        )
    return tuple(facts)


def _kind(context: Context, stage: Stage) -> Kind:
    """Say what a stage is for."""
    what = stage.name.partition("[")[0]
    asked = {entry.name for entry in context.located.study.online}
    known = stage.case in asked.union(context.training)
    if what == "snapshots" and known and commands.is_computed(context.located, stage.case):
        return "training" if stage.case in context.training else "reference"
    if stage.offline or not stage.case:
        return "offline"
    return "comparison" if what in {"snapshots", "replay", "fields"} else "online"
