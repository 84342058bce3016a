"""What simulations and the offline stages will cost, predicted from sizes alone."""

from __future__ import annotations

from dataclasses import dataclass

# Modes that are assumed before any are known.
MODES = 10
# Speeds of one core that are assumed: law calls, matrix work and reading.
LAW_S_PER_POINT = 1.5e-6
FLOPS = 1e10
BYTES_S = 1e9
LIBRARIES = 150 * 2**20
# Of the high-fidelity solver on one core: time for each unknown and instant, memory for each.
HF_S = 1e-4
HF_BYTES = 16e3
# Functions that the compression keeps for each mode.
_KEPT = 10
# Old and new strain, state and temperature of a point, and what is written of them.
_POINT_VALUES = 40


@dataclass(frozen=True)
class Costs:
    """Predicted cost of some stages.

    Attributes
    ----------
    memory
        Of all ranks together [B].
    seconds
        Wall time of each stage [s].
    """

    memory: float
    seconds: dict[str, float]


def predicted_costs(
    *, n_points: int, n_dofs: int, n_snapshots: int, cell_nodes: int, blocks: int, ranks: int = 1
) -> Costs:
    """Predict memory and time of the offline stages of a three-dimensional mesh.

    Parameters
    ----------
    n_points, n_dofs
        Integration points and displacement components of the whole mesh.
    n_snapshots
        Training snapshots.
    cell_nodes
        Nodes of a cell.
    blocks
        ``offline.memory`` [B].
    ranks
        Number of ranks.

    Notes
    -----
    Collective: no. Assumed: ten modes, 1.5 us for a law call, 1e10 operations and 1 GB of reading a
    second on each core; no time for communication. Within a factor of a few, not more.

    Examples
    --------
    >>> costs = predicted_costs(n_points=10**6, n_dofs=397_953, n_snapshots=40, cell_nodes=8,
    ...     blocks=2**31)
    >>> round(costs.memory / 2**30, 1), round(costs.seconds["replay"])
    (2.9, 60)
    """
    functions = n_snapshots * MODES
    stress = 8.0 * 6 * n_points * n_snapshots
    gradients = 8.0 * 3 * cell_nodes * n_points
    states = 8.0 * _POINT_VALUES * n_points
    seconds = {
        "replay": LAW_S_PER_POINT * n_points * n_snapshots,
        "pod": 2.0 * 3 * n_dofs * n_snapshots * (n_snapshots + MODES) / FLOPS
        + 16.0 * n_dofs * n_snapshots / BYTES_S,
        "cubature": 2.0 * n_points * functions * (functions + 6) / FLOPS + 2.0 * stress / BYTES_S,
        "dual_pod": 2.0 * 7 * n_points * n_snapshots * (n_snapshots + MODES) / FLOPS
        + 2.0 * stress / BYTES_S,
    }
    kept = 8.0 * n_points * min(functions, _KEPT * MODES)
    memory = ranks * LIBRARIES + blocks + max(gradients + states, kept)
    return Costs(memory, {name: value / ranks for name, value in seconds.items()})


def simulation_costs(*, n_dofs: int, n_instants: int) -> Costs:
    """Predict memory and time of a simulation by romnet's own solver, on one rank.

    Parameters
    ----------
    n_dofs
        Displacement components of the mesh.
    n_instants
        Instants of the simulation.

    Notes
    -----
    Collective: no. Assumed: some four corrections from instant to instant by an iterative method;
    0.1 ms for each unknown and instant, 16 kB for each unknown. Within a factor of a few.

    Examples
    --------
    >>> costs = simulation_costs(n_dofs=100_000, n_instants=21)
    >>> round(costs.memory / 2**30, 1), round(costs.seconds["simulation"])
    (1.6, 210)
    """
    return Costs(LIBRARIES + HF_BYTES * n_dofs, {"simulation": HF_S * n_dofs * n_instants})


def shared(costs: Costs, ranks: int) -> Costs:
    """Return what costs on one rank become on several: time is shared, libraries are not.

    Parameters
    ----------
    costs
        On one rank.
    ranks
        Number of ranks.

    Examples
    --------
    >>> one = simulation_costs(n_dofs=100_000, n_instants=21)
    >>> shared(one, 2).seconds["simulation"] / one.seconds["simulation"]
    0.5
    """
    seconds = {name: value / ranks for name, value in costs.seconds.items()}
    return Costs(costs.memory + (ranks - 1) * LIBRARIES, seconds)
