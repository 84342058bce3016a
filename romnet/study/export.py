"""Fields of an answer for ParaView, gathered one instant at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator, on_first, together
from romnet.reduction.model import ReducedModel
from romnet.store.content_hash import sha256_of
from romnet.store.manifest import Manifest, manifest_path, write_manifest
from romnet.store.vtkhdf import cell_averages, writing_vtkhdf
from romnet.study.answer_fields import DISPLACEMENT, Selection, open_answer
from romnet.study.context import Context
from romnet.study.models import model_of
from romnet.study.stage import Stage

KIND = "vtkhdf"


def export_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Write displacement, dual fields, selected points and subdomains as VTKHDF."""
    comm, path = context.comm, context.folder / stage.path
    with together(comm):
        if comm.rank == 0:
            # A manifest must never speak of another file, not even after a kill.
            manifest_path(path).unlink(missing_ok=True)
    write_answer(context, stage.case, path)
    with together(comm):
        if comm.rank == 0:
            digest = sha256_of(path)
            write_manifest(path, replace(manifest, kind=KIND, sha256=digest))


def write_answer(
    context: Context, case: str, path: Path, *, wanted: Selection | None = None
) -> Written:
    """Write fields of an answer as VTKHDF, averages of each cell where they live at points.

    Parameters
    ----------
    context
        Study and ranks; the case must have been answered.
    case
        Its name.
    path
        Where the file will appear, usually ``.vtkhdf``.
    wanted
        Fields and instants; all that the study keeps if left out.

    Raises
    ------
    StoreError
        If the case has not been answered, or the disk refuses.
    StudyError
        If there is no such field.

    Notes
    -----
    Collective: yes; rank 0 writes. Memory: one instant.
    """
    workspace, comm = context.workspace, context.comm
    answer = open_answer(context, case, wanted=wanted)
    model = model_of(context, case)
    nodes = _Gathered.build(workspace.part.nodes[workspace.part.owned], comm)
    cells = _Gathered.build(workspace.part.cells, comm)
    weights = np.abs(workspace.discretization.weights)
    owned = workspace.part.owned_dofs
    static = {}
    if answer.names is None:
        static = {
            "selected_points": cells.whole(_points_in_cells(context, model)),
            "subdomain": cells.whole(np.full(len(workspace.part.cells), float(comm.rank))),
        }
    found: dict[str, None] = {}
    with on_first(writing_vtkhdf(path, workspace.mesh), comm) as writer:
        for place, instant in enumerate(answer.instants()):
            nodal, fields = {}, dict(static)
            for name, values in instant.fields.items():
                if name == DISPLACEMENT:
                    nodal[name] = nodes.whole(values[owned].reshape(-1, workspace.mesh.n_dim))
                else:
                    averages = cell_averages(
                        values, weights, workspace.discretization.cell_of_point
                    )
                    fields[name] = cells.whole(averages)
            found |= dict.fromkeys([*nodal, *fields])
            with together(comm):
                if writer is not None:
                    writer.append(instant.time, point_fields=nodal, cell_fields=fields)
            context.progress((place + 1) / len(answer.numbers))
            context.safe_point(f"in the export of {case}, at t = {instant.time:g}")
    return Written(path, tuple(answer.times.tolist()), tuple(found))


@dataclass(frozen=True)
class Written:
    """What a file of fields holds.

    Attributes
    ----------
    path
        The file.
    times
        Its instants [time].
    fields
        Their names.
    """

    path: Path
    times: tuple[float, ...]
    fields: tuple[str, ...]


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
