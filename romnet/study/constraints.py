"""From the constraints of a study to prescribed displacements and equations, on this rank."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from romnet.core.arrays import Array
from romnet.fe.cells import CELLS
from romnet.fe.equations import ContradictionError, Elimination, Equations, eliminate
from romnet.fe.history import Amplitude, SeparatedField
from romnet.fe.mesh import Mesh
from romnet.study.read import LocatedStudy
from romnet.study.schema import Constraint, Equal, Equation, Periodic
from romnet.study.workspace import Workspace
from romnet.study.yaml_lines import Place

ONE = Amplitude(np.array([0.0]), np.array([1.0]), after="hold")
# Part of the size of a set by which rotated nodes may miss their partners.
_PAIRED = 1e-6
_DIRECTIONS = "xyz"


@dataclass(frozen=True, eq=False)
class Constraints:
    """What the constraints of a study do to this rank's dofs.

    Attributes
    ----------
    prescribed
        Displacement of held dofs and slaves in time, where all other dofs are still [length].
    constrained
        Which dofs are held.
    equations
        What ties dofs of the whole mesh, or nothing.
    """

    prescribed: SeparatedField
    constrained: Bool[Array, " n_dofs"]
    equations: Elimination | None


def constraints_of(workspace: Workspace) -> Constraints:
    """Build the constraints of a study on this rank's dofs.

    Raises
    ------
    StudyError
        If a set does not exist or has another size, a component does not exist, nodes have no
        partner, or equations contradict one another; with the place in the study.

    Notes
    -----
    Collective: no. Cost: one pass over the sets; with equations, every rank solves all of them.
    """
    located, part = workspace.located, workspace.part
    entries = located.study.constraints
    if all(isinstance(entry, Constraint) for entry in entries):
        held, prescribed = _held(located, workspace.mesh, part.mesh)
        return Constraints(prescribed, held, None)
    held, prescribed = _held(located, workspace.mesh, workspace.mesh)
    elimination, amplitudes = _eliminated(located, workspace.mesh, held, prescribed)
    n_old = prescribed.n_terms
    vectors = np.zeros((len(amplitudes), workspace.mesh.n_dofs))
    vectors[:n_old] = prescribed.vectors
    vectors[:, elimination.slaves] = elimination.values
    return Constraints(
        SeparatedField(amplitudes, np.ascontiguousarray(vectors[:, part.dofs])),
        held[part.dofs],
        elimination,
    )


def amplitude_of(located: LocatedStudy, name: str | None) -> Amplitude:
    """Return a named amplitude, or one that is always one."""
    if name is None:
        return ONE
    table = located.study.amplitudes[name]
    return Amplitude(np.array(table.times), np.array(table.values), after=table.after)


def _held(
    located: LocatedStudy, whole: Mesh, mesh: Mesh
) -> tuple[Bool[Array, " n_dofs"], SeparatedField]:
    """Return which dofs of a mesh, or of a part of it, are held, and where in time."""
    held = np.zeros(mesh.n_dofs, dtype=bool)
    total = SeparatedField.zero(mesh.n_dofs)
    for number, entry in enumerate(located.study.constraints):
        if not isinstance(entry, Constraint):
            continue
        place = ("constraints", number)
        _refuse_unknown_set(located, whole, entry.nodes, (*place, "nodes"))
        if len(entry.u) != mesh.n_dim:
            message = f"needs {mesh.n_dim} components, got {len(entry.u)}."
            raise located.error((*place, "u"), message)
        nodes = mesh.node_sets[entry.nodes]
        vector = np.zeros(mesh.n_dofs)
        for direction, value in enumerate(entry.u):
            if value is not None:
                held[nodes * mesh.n_dim + direction] = True
                vector[nodes * mesh.n_dim + direction] = value
        if any(entry.u):
            amplitude = amplitude_of(located, entry.amplitude)
            total = total.joined(SeparatedField((amplitude,), vector[None]))
    return held, total


@dataclass(frozen=True, eq=False)
class _Rows:
    """Equations of one entry: each has as many terms."""

    dofs: Int[Array, "n_equations n_terms"]
    coefficients: Float[Array, "n_equations n_terms"]


def _eliminated(
    located: LocatedStudy, mesh: Mesh, held: Array, prescribed: SeparatedField
) -> tuple[Elimination, tuple[Amplitude, ...]]:
    """Solve the equations of the study; return the amplitudes of the values, too."""
    amplitudes = list(prescribed.amplitudes)
    rows: list[_Rows] = []
    sources: list[int] = []
    terms: list[tuple[int, slice, float]] = []
    n_equations = 0
    for number, entry in enumerate(located.study.constraints):
        if isinstance(entry, Constraint):
            continue
        found = list(_rows(located, mesh, entry, ("constraints", number)))
        first = n_equations
        n_equations += sum(len(part.dofs) for part in found)
        rows += found
        sources += [number] * (n_equations - first)
        if isinstance(entry, Equation) and entry.value:
            terms.append((len(amplitudes), slice(first, n_equations), entry.value))
            amplitudes.append(amplitude_of(located, entry.amplitude))
    values = np.zeros((len(amplitudes), n_equations))
    for term, which, value in terms:
        values[term, which] = value
    held_values = np.zeros((len(amplitudes), mesh.n_dofs))
    held_values[: prescribed.n_terms] = prescribed.vectors
    equations = Equations(_matrix(rows, mesh.n_dofs), values)
    try:
        solved = eliminate(equations, held, held_values, kept=np.repeat(_corners(mesh), mesh.n_dim))
    except ContradictionError as problem:
        message = "contradicts the constraints before it and the prescribed displacements."
        place = ("constraints", sources[problem.equation])
        raise located.error(place, message) from problem
    return solved, tuple(amplitudes)


def _matrix(rows: list[_Rows], n_dofs: int) -> csr_matrix:
    """Stack equations in one sparse matrix."""
    widths = np.concatenate([np.full(len(part.dofs), part.dofs.shape[1]) for part in rows])
    starts = np.concatenate([[0], np.cumsum(widths)])
    columns = np.concatenate([part.dofs.ravel() for part in rows])
    data = np.concatenate([part.coefficients.ravel() for part in rows])
    matrix = csr_matrix((data, columns, starts), shape=(len(widths), n_dofs))
    matrix.sum_duplicates()
    return matrix


def _rows(
    located: LocatedStudy, mesh: Mesh, entry: Equation | Equal | Periodic, place: Place
) -> Iterator[_Rows]:
    """Yield the equations of one entry."""
    if isinstance(entry, Equation):
        yield _paired(located, mesh, entry, place)
    elif isinstance(entry, Equal):
        nodes = _set(located, mesh, entry.nodes, (*place, "nodes"))
        if len(nodes) < 2:  # noqa: PLR2004  (one node is equal to itself)
            message = f"the node set {entry.nodes!r} needs two nodes at least."
            raise located.error((*place, "nodes"), message)
        component = _component(located, mesh, entry.equal, (*place, "equal"))
        # A corner leads, so that those between two corners follow like all others.
        lead = int(np.argmax(_corners(mesh)[nodes]))
        others = np.delete(nodes, lead)
        pairs = np.stack([others, np.full(len(others), nodes[lead])], axis=1)
        yield _Rows(pairs * mesh.n_dim + component, np.tile([1.0, -1.0], (len(others), 1)))
    else:
        yield from _rotated(located, mesh, entry, place)


def _paired(located: LocatedStudy, mesh: Mesh, entry: Equation, place: Place) -> _Rows:
    """Return one equation for each node of the sets, taken in their order."""
    sets, components = [], []
    for number, term in enumerate(entry.equation):
        below = (*place, "equation", number)
        sets.append(_set(located, mesh, term.nodes, (*below, "nodes")))
        components.append(_component(located, mesh, term.component, (*below, "component")))
    size = max(map(len, sets))
    for number, nodes in enumerate(sets):
        if len(nodes) not in (1, size):
            message = f"the node set has {len(nodes)} nodes, others have {size}; give 1 or {size}."
            raise located.error((*place, "equation", number, "nodes"), message)
    dofs = [
        np.broadcast_to(nodes * mesh.n_dim + component, size)
        for nodes, component in zip(sets, components, strict=True)
    ]
    coefficients = np.array([term.coefficient for term in entry.equation])
    return _Rows(np.stack(dofs, axis=1), np.tile(coefficients, (size, 1)))


def _rotated(located: LocatedStudy, mesh: Mesh, entry: Periodic, place: Place) -> Iterator[_Rows]:
    """Yield equations by which a face moves as the other does, turned by the angle."""
    n_dim = mesh.n_dim
    first = _set(located, mesh, entry.nodes, (*place, "nodes"))
    second = _set(located, mesh, entry.periodic, (*place, "periodic"))
    if len(entry.axis.point) != n_dim:
        message = f"needs {n_dim} components, got {len(entry.axis.point)}."
        raise located.error((*place, "axis", "point"), message)
    direction = np.array(entry.axis.direction)
    turn = Rotation.from_rotvec(
        np.deg2rad(entry.angle) * direction / np.linalg.norm(direction)
    ).as_matrix()[:n_dim, :n_dim]
    point = np.array(entry.axis.point)
    expected = point + (mesh.nodes[first] - point) @ turn.T
    if len(first) != len(second):
        message = f"{len(first)} nodes in {entry.nodes!r}, {len(second)} in {entry.periodic!r}."
        raise located.error((*place, "periodic"), message)
    distance, partner = cKDTree(mesh.nodes[second]).query(expected)
    allowed = _PAIRED * float(np.ptp(mesh.nodes[first], axis=0).max())
    far = int(distance.argmax())
    if distance[far] > allowed or len(np.unique(partner)) < len(partner):
        node = mesh.node_ids[first[far]]
        message = (
            f"node {node} of {entry.nodes!r}, turned by {entry.angle:g} degrees, lies "
            f"{distance[far]:.3g} from the nearest node of {entry.periodic!r}; "
            "try the other sign of the angle."
        )
        raise located.error((*place, "periodic"), message)
    own = first[:, None] * n_dim + np.arange(n_dim)
    for component in range(n_dim):
        image = second[partner] * n_dim + component
        row = np.concatenate([[1.0], -turn[component]])
        yield _Rows(np.column_stack([image, own]), np.tile(row, (len(first), 1)))


def _set(located: LocatedStudy, mesh: Mesh, name: str, place: Place) -> Int[Array, " n"]:
    """Return the nodes of a set, of which there must be one."""
    _refuse_unknown_set(located, mesh, name, place)
    nodes = mesh.node_sets[name]
    if len(nodes) == 0:
        message = f"the node set {name!r} is empty."
        raise located.error(place, message)
    return nodes


def _refuse_unknown_set(located: LocatedStudy, mesh: Mesh, name: str, place: Place) -> None:
    """Refuse the name of a set that the mesh does not have."""
    if name not in mesh.node_sets:
        known = ", ".join(sorted(mesh.node_sets)) or "none"
        message = f"the mesh has no node set {name!r}; it has: {known}."
        raise located.error(place, message)


def _component(located: LocatedStudy, mesh: Mesh, given: int | str, place: Place) -> int:
    """Return the number of a displacement component."""
    number = _DIRECTIONS.index(given) if isinstance(given, str) else given
    if not 0 <= number < mesh.n_dim:
        known = ", ".join(_DIRECTIONS[: mesh.n_dim])
        message = f"there is no component {given}; there are: {known}, or 0 to {mesh.n_dim - 1}."
        raise located.error(place, message)
    return number


def _corners(mesh: Mesh) -> Bool[Array, " n_nodes"]:
    """Return which nodes are a corner of a cell."""
    corner = np.zeros(mesh.n_nodes, dtype=bool)
    for block in mesh.blocks:
        corner[block.connectivity[:, : CELLS[block.cell_type].n_corners]] = True
    return corner
