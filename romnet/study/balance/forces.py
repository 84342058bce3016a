"""Nodal forces of stresses, loads and thermal strains, between which a balance is struck."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from romnet.core.arrays import Array
from romnet.fe.equations import Elimination
from romnet.fe.history import SeparatedField
from romnet.fe.loading import Loading
from romnet.laws.contract import TimeStep
from romnet.laws.tables import ThermalExpansion
from romnet.study.workspace import Workspace

# Forces that cancel within the structure count this much: a heated body balances no load.
_SELF_EQUILIBRATED = 0.05


@dataclass(frozen=True)
class Forces:
    """Forces at one instant.

    Attributes
    ----------
    internal
        Of the stresses (n_dofs,) [force].
    loads
        Of each load (n_loads, n_dofs) [force].
    size
        What an imbalance is measured with [force].
    """

    internal: Float[Array, " n_dofs"]
    loads: Float[Array, "n_loads n_dofs"]
    size: float

    @property
    def residual(self) -> Float[Array, " n_dofs"]:
        """Internal less external forces."""
        return np.asarray(self.internal - self.loads.sum(axis=0))


def forces_at(
    workspace: Workspace,
    force: SeparatedField,
    time: float,
    stress: Float[Array, " n"],
    free: Bool[Array, " n_dofs"],
) -> Forces:
    """Return the forces of one instant and the size they are measured with.

    Parameters
    ----------
    workspace
        Mesh and integration points.
    force
        The loads.
    time
        The instant [time].
    stress
        At all points, flat [stress].
    free
        Dofs that are not held.

    Notes
    -----
    Collective: no. Forces that cancel within the structure count a twentieth in the size.
    """
    points = workspace.discretization
    operator = points.strain_operator
    weighted = np.repeat(points.weights, points.n_components) * stress
    internal = np.asarray(operator.T @ weighted)
    cancelling = np.asarray(abs(operator).T @ np.abs(weighted))
    factors = np.array([amplitude.at(time) for amplitude in force.amplitudes])
    loads = factors[:, None] * force.vectors
    size = max(
        float(np.linalg.norm(loads.sum(axis=0)[free])),
        float(np.linalg.norm(internal[free])),
        _SELF_EQUILIBRATED * float(np.linalg.norm(cancelling[free])),
        float(np.finfo(float).tiny),
    )
    return Forces(internal, loads, size)


def on_masters(forces: Forces, equations: Elimination | None) -> Forces:
    """Hand the forces on slaves on to their masters, where dofs are tied."""
    if equations is None:
        return forces
    loads = np.array([equations.gathered(load) for load in forces.loads])
    loads = loads.reshape(forces.loads.shape)  # also where there are none
    return Forces(equations.gathered(forces.internal), loads, forces.size)


def virgin(
    workspace: Workspace, loading: Loading, time: float
) -> tuple[
    Float[Array, "n_points n_components n_components"], Float[Array, "n_points n_components"]
]:
    """Return the tangent of the virgin material, and how it expands, at the heat of an instant.

    Notes
    -----
    Collective: no. Cost: one call of the laws at all points.
    """
    points, n_components = workspace.discretization, workspace.discretization.n_components
    start = float(loading.times[0])
    cold, warm = loading.temperature.at(start), loading.temperature.at(time)
    still = np.zeros((points.n_points, n_components))
    step = TimeStep(start, time - start, 1)
    state = workspace.laws.initial_state(warm)
    tangent = workspace.laws.integrate(still, still, state, warm, warm, step).tangent
    expansion = still.copy()
    for number, material in enumerate(workspace.located.study.materials):
        thermal = ThermalExpansion.read(material.expansion)
        strain = np.vectorize(thermal.strain, otypes=[float])
        mine = workspace.law_of_point == number
        if mine.any():
            expansion[mine, :3] = (strain(warm[mine]) - strain(cold[mine]))[:, None]
    return tangent, expansion


def force_of_strain(
    workspace: Workspace,
    loading: Loading,
    tangent: Float[Array, "n_points n_components n_components"],
    strain: Float[Array, "n_points n_components"],
) -> Float[Array, " n_dofs"]:
    """Return the internal forces B^T W C of a strain, those of tied dofs handed on."""
    points = workspace.discretization
    stress = np.einsum("pij,pj->pi", tangent, strain)
    forces = points.strain_operator.T @ (points.weights[:, None] * stress).ravel()
    gathered: Array = forces if loading.equations is None else loading.equations.gathered(forces)
    return np.asarray(gathered)
