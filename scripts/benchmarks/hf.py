"""The high-fidelity solver against the reference table of the cube, and against CalculiX."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import calculix
import numpy as np
from cube import CASE, reference_table

from romnet.core.communicator import SerialCommunicator
from romnet.core.tensors import von_mises
from romnet.fe.inner_products import l2_mass
from romnet.hf.problem import HighFidelityProblem, solve_high_fidelity
from romnet.study.loadcases import loading_of
from romnet.study.read import read_study
from romnet.study.times import instants
from romnet.study.workspace import build_workspace, read_mesh

_FIRST_PLASTIC = 1  # the table itself knows p there to 8e-5 only


def measure(data: Path | None) -> dict[str, object]:
    """Return deviations from the table and from CalculiX, and the time against CalculiX."""
    return _cube() | calculix.measure(data) | calculix.measure_large()


def _cube() -> dict[str, object]:
    """Return the largest deviation from the table, the iterations and the time."""
    located = read_study(CASE)
    workspace = build_workspace(located, read_mesh(located), SerialCommunicator())
    case = located.cases["cycle1"]
    loading = loading_of(workspace, case, instants(case.grid, None))
    problem = HighFidelityProblem(
        workspace.part, workspace.discretization, workspace.laws, loading, workspace.comm
    )
    mass = l2_mass(workspace.mesh).factor
    weights = workspace.discretization.weights
    table = reference_table()
    found: dict[str, list[float]] = {name: [] for name in table if name != "time"}
    began = perf_counter()
    outcomes = list(solve_high_fidelity(problem))
    seconds = perf_counter() - began
    for outcome in outcomes:
        displacement, state = outcome.committed.unknown, outcome.committed.state
        p = workspace.laws.field(state, "p")[:, 0]
        found["largest_displacement"].append(np.abs(displacement).max())
        found["l2_displacement"].append(np.linalg.norm(mass @ displacement))
        found["largest_p"].append(p.max())
        found["l2_p"].append(np.sqrt(weights @ p**2))
        found["largest_von_mises"].append(von_mises(workspace.laws.field(state, "stress")).max())
    deviations = {name: _deviation(np.array(found[name]), np.array(table[name])) for name in found}
    plastic = {name: deviations[name][_FIRST_PLASTIC] for name in ("largest_p", "l2_p")}
    for name in plastic:
        deviations[name][_FIRST_PLASTIC] = 0.0
    return {
        "cube_worst": float(max(column.max() for column in deviations.values())),
        "cube_worst_by_column": {name: float(c.max()) for name, c in deviations.items()},
        "cube_first_plastic_p": float(max(plastic.values())),
        "cube_newton": sum(outcome.iterations for outcome in outcomes),
        "cube_s": seconds,
    }


def _deviation(found: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Return relative deviations; where the table says zero, relative to its largest entry."""
    return np.abs(found - table) / np.where(table != 0.0, np.abs(table), np.abs(table).max())
