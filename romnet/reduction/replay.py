"""Stresses and internal variables from displacements alone: the law driven along their history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.errors import LawError
from romnet.core.snapshots import SnapshotSource
from romnet.fe.discretization import Discretization
from romnet.fe.history import SeparatedField
from romnet.laws.composite import Heterogeneous
from romnet.laws.contract import TimeStep


@dataclass(frozen=True)
class ReplayedInstant:
    """State of all points of this rank at one instant.

    Attributes
    ----------
    time
        The instant [time].
    strain
        Total strain (n_points, n_components) [-].
    state
        State of the laws (n_points, n_state), the stress included.
    """

    time: float
    strain: Float[Array, "n_points n_components"]
    state: Float[Array, "n_points n_state"]


def replay(
    displacement: SnapshotSource,
    times: Float[Array, " n_times"],
    temperature: SeparatedField,
    *,
    discretization: Discretization,
    laws: Heterogeneous,
) -> Iterator[ReplayedInstant]:
    """Drive the laws along a displacement history at every point of this rank.

    The stresses are then those of the law that the reduced model uses, whatever the code that
    made the displacements chose to export. One increment is taken for each snapshot, as
    an implicit code does between two instants that it saves all of.

    Parameters
    ----------
    displacement
        Displacement of this rank's dofs, one column for each instant; the first one virgin.
    times
        Instants [time].
    temperature
        Temperature at the points of this rank in time [temperature].
    discretization
        Points and strain operator of this rank.
    laws
        Laws of the points of this rank.

    Yields
    ------
    ReplayedInstant
        At every instant, the first included.

    Raises
    ------
    LawError
        If a point cannot follow the displacement; names the instant and the points.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing. Memory: two states of the points of this
    rank. Cost: one law call for each point and instant.

    Examples
    --------
    >>> from romnet.core.snapshots import ArraySource
    >>> from romnet.fe.discretization import discretize
    >>> from romnet.fe.structured import box_mesh
    >>> from romnet.laws.registry import build_law
    >>> points = discretize(box_mesh((1.0, 1.0, 1.0), (1, 1, 1)))
    >>> spec = {"law": "elastic", "parameters": {"young": 2.0, "poisson": 0.0}}
    >>> laws = Heterogeneous((build_law(spec, n_components=6),), np.zeros(8, dtype=int))
    >>> stretch = (points.mesh.nodes * (0.1, 0.0, 0.0)).ravel()
    >>> instants = replay(
    ...     ArraySource(np.outer(stretch, [0.0, 1.0])),
    ...     np.array([0.0, 1.0]),
    ...     SeparatedField.zero(8),
    ...     discretization=points,
    ...     laws=laws,
    ... )
    >>> [round(float(instant.state[0, 0]), 9) for instant in instants]
    [0.0, 0.2]
    """
    shape = (discretization.n_points, discretization.n_components)
    warm = temperature.at(times[0])
    strain = (discretization.strain_operator @ displacement.column(0)).reshape(shape)
    state = laws.initial_state(warm)
    yield ReplayedInstant(float(times[0]), strain, state)
    for number in range(1, len(times)):
        start, end = float(times[number - 1]), float(times[number])
        step = TimeStep(start, end - start, number)
        old_strain, old_warm = strain, warm
        strain = (discretization.strain_operator @ displacement.column(number)).reshape(shape)
        warm = temperature.at(times[number])
        response = laws.integrate(old_strain, strain, state, old_warm, warm, step)
        if response.failed.size:
            message = (
                f"replay: the law fails at {response.failed.size} points (first: "
                f"{discretization.positions[response.failed[0]].round(6).tolist()}) between "
                f"t = {times[number - 1]:g} and {times[number]:g}; the saved instants may be "
                "too far apart for the law, or its parameters are not those of the results."
            )
            raise LawError(message)
        state = response.state
        yield ReplayedInstant(float(times[number]), strain, state)


def stress_of(state: Float[Array, "n_points n_state"], laws: Heterogeneous) -> Array:
    """Return the stress in a state, flat: row = point * n_components + component."""
    return np.ascontiguousarray(laws.field(state, "stress")).ravel()
