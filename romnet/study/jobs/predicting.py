"""What the stages of a study will cost on one rank, known from its sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from romnet.study.foreign import open_results
from romnet.study.jobs.costs import Costs, predicted_costs, simulation_costs
from romnet.study.read import HF
from romnet.study.times import has_own_instants, instants
from romnet.study.workspace import Workspace


@dataclass(frozen=True)
class Prediction:
    """What the stages of a study will roughly cost on one rank.

    Attributes
    ----------
    n_dofs, n_snapshots
        Displacement components of the mesh; training instants.
    offline
        Of the stages between the simulations and the model.
    simulations
        Of each simulation by romnet's own solver, references of online cases included, by name.
    """

    n_dofs: int
    n_snapshots: int
    offline: Costs
    simulations: Mapping[str, Costs]


def prediction(workspace: Workspace) -> Prediction:
    """Predict memory and time of the stages of a study.

    Parameters
    ----------
    workspace
        The whole structure, on one rank.

    Raises
    ------
    StudyError, ConversionError
        If result files that the study names cannot be opened.

    Notes
    -----
    Collective: no. Reads how many instants result files have, not their fields.
    """
    located, part = workspace.located, workspace.part
    counts = {entry.name: _n_instants(workspace, entry.name) for entry in located.study.training}
    first = counts[located.study.training[0].name]
    computed = [entry.name for entry in located.study.training if entry.results == HF]
    computed += [entry.name for entry in located.study.online if entry.reference == HF]
    n_snapshots = sum(counts.values())
    values = 8 * 6 * part.n_global_points * n_snapshots
    return Prediction(
        n_dofs=part.n_global_dofs,
        n_snapshots=n_snapshots,
        offline=predicted_costs(
            n_points=part.n_global_points,
            n_dofs=part.n_global_dofs,
            n_snapshots=n_snapshots,
            cell_nodes=max(block.connectivity.shape[1] for block in workspace.mesh.blocks),
            blocks=min(located.study.offline.memory_bytes, 4 * values),
        ),
        simulations={
            name: simulation_costs(
                n_dofs=part.n_global_dofs, n_instants=_n_instants(workspace, name, default=first)
            )
            for name in computed
        },
    )


def _n_instants(workspace: Workspace, name: str, *, default: int = 1) -> int:
    """Count the instants of a case; the default is that of cases that take others over."""
    located = workspace.located
    grid = located.cases[name].grid
    results = {entry.name: entry.results for entry in located.study.training}.get(name, HF)
    if results != HF:
        return int(open_results(located, name, workspace.mesh).n_times)
    return len(instants(grid, None)) if has_own_instants(grid) else default
