"""Fields of an answer for ParaView, gathered one instant at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator, on_first, together
from romnet.online.solve import ReducedSolution
from romnet.reduction.model import ReducedModel
from romnet.store import artefact
from romnet.store.artefact import Manifest
from romnet.store.vtkhdf import cell_averages, writing_vtkhdf
from romnet.study.context import Context
from romnet.study.models import model_of
from romnet.study.rebuilding import how_rebuilt, rebuilt_displacement, rebuilt_instants
from romnet.study.stage import Stage
from romnet.study.times import kept_instants

KIND = "vtkhdf"


def export_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Write displacement, dual fields, selected points and subdomains as VTKHDF."""
    workspace, comm = context.workspace, context.comm
    solution = artefact.load(context.folder / f"online/{stage.case}.h5", ReducedSolution)
    model = model_of(context, stage.case)
    kept = kept_instants(context.located.cases[stage.case].grid, solution.times)
    numbers = np.flatnonzero(kept)
    how = how_rebuilt(context, stage.case)
    instants = rebuilt_instants(context, solution, numbers, how=how)
    displacement = rebuilt_displacement(context, solution)
    nodes = _Gathered.build(workspace.part.nodes[workspace.part.owned], comm)
    cells = _Gathered.build(workspace.part.cells, comm)
    weights = np.abs(workspace.discretization.weights)
    owned = workspace.part.owned_dofs
    n_dim = workspace.mesh.n_dim
    static = {
        "selected_points": cells.whole(_points_in_cells(context, model)),
        "subdomain": cells.whole(np.full(len(workspace.part.cells), float(comm.rank))),
    }
    path = context.folder / stage.path
    with together(comm):
        if comm.rank == 0:
            # A manifest must never speak of another file, not even after a kill.
            artefact.manifest_path(path).unlink(missing_ok=True)
    with on_first(writing_vtkhdf(path, workspace.mesh), comm) as writer:
        for place, (number, dual) in enumerate(instants):
            moved = displacement(number)[owned].reshape(-1, n_dim)
            nodal = {"displacement": nodes.whole(moved)}
            fields = dict(static)
            for name, values in dual.items():
                averages = cell_averages(values, weights, workspace.discretization.cell_of_point)
                fields[name] = cells.whole(averages)
            with together(comm):
                if writer is not None:
                    writer.append(
                        float(solution.times[number]), point_fields=nodal, cell_fields=fields
                    )
            context.progress((place + 1) / len(numbers))
    with together(comm):
        if comm.rank == 0:
            digest = artefact.sha256_of(path)
            artefact.write_manifest(path, replace(manifest, kind=KIND, sha256=digest))


class _Gathered:
    """Values of all ranks put in the global order."""

    def __init__(self, order: Int[Array, " n"], comm: Communicator) -> None:
        self._order = order
        self._comm = comm

    @classmethod
    def build(cls, numbers: Int[Array, " n_own"], comm: Communicator) -> _Gathered:
        """Find the order of global numbers, each of which one rank has. Collective: yes."""
        return cls(np.argsort(comm.concatenate(numbers), kind="stable"), comm)

    def whole(self, values: Float[Array, "n_own ..."]) -> Float[Array, "n ..."]:
        """Return the values of all ranks in global order. Collective: yes."""
        return np.asarray(self._comm.concatenate(values)[self._order])


def _points_in_cells(context: Context, model: ReducedModel) -> Float[Array, " n_cells"]:
    """Count the quadrature points of the model in each cell of this rank."""
    selected = model.points[: model.n_quadrature]
    inside = np.isin(context.workspace.part.points, selected)
    cells = context.workspace.discretization.cell_of_point[inside]
    return np.bincount(cells, minlength=len(context.workspace.part.cells)).astype(float)
