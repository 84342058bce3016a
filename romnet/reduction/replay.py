"""Stresses and internal variables from displacements alone: the law driven along their history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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

# Points driven together: what a law returns besides the state stays small, whatever the mesh.
_CHUNK_POINTS = 32_768


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
    strain_of: Callable[[Array], Array] | None = None,
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
    strain_of
        Returns the strain (n_points, n_components) of a displacement; the sparse strain operator,
        which takes up to 2 kB a point, if left out.

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
    if strain_of is None:
        shape = (discretization.n_points, discretization.n_components)
        operator = discretization.strain_operator

        def strain_of(column: Array) -> Array:
            return np.asarray((operator @ column).reshape(shape))

    parts = _parts(laws)
    warm = temperature.at(times[0])
    strain = strain_of(displacement.column(0))
    state = laws.initial_state(warm)
    yield ReplayedInstant(float(times[0]), strain, state)
    for number in range(1, len(times)):
        start, end = float(times[number - 1]), float(times[number])
        step = TimeStep(start, end - start, number)
        old_strain, old_warm, old_state = strain, warm, state
        strain = strain_of(displacement.column(number))
        warm = temperature.at(times[number])
        state = np.empty_like(old_state)
        failed: list[Array] = []
        for points, law in parts:
            response = law.integrate(
                old_strain[points],
                strain[points],
                old_state[points],
                old_warm[points],
                warm[points],
                step,
            )
            state[points] = response.state
            failed.append(points.start + response.failed)
        _refuse_failed(np.concatenate([np.zeros(0, np.int64), *failed]), discretization, step)
        yield ReplayedInstant(end, strain, state)


def _parts(laws: Heterogeneous) -> list[tuple[slice, Heterogeneous]]:
    """Cut the points in consecutive parts, each with its laws."""
    if laws.n_points <= _CHUNK_POINTS:
        return [(slice(0, laws.n_points), laws)]
    starts = range(0, laws.n_points, _CHUNK_POINTS)
    slices = [slice(start, min(start + _CHUNK_POINTS, laws.n_points)) for start in starts]
    return [(part, laws.restricted_to(np.arange(part.start, part.stop))) for part in slices]


def _refuse_failed(failed: Array, discretization: Discretization, step: TimeStep) -> None:
    """Name the first point that cannot follow, if there is one."""
    if failed.size:
        message = (
            f"replay: the law fails at {failed.size} points (first: "
            f"{discretization.positions[failed[0]].round(6).tolist()}) between "
            f"t = {step.start:g} and {step.start + step.length:g}; the saved instants may be "
            "too far apart for the law, or its parameters are not those of the results."
        )
        raise LawError(message)


def stress_of(state: Float[Array, "n_points n_state"], laws: Heterogeneous) -> Array:
    """Return the stress in a state, flat: row = point * n_components + component."""
    return np.ascontiguousarray(laws.field(state, "stress")).ravel()
