"""Cells turned the right way round: foreign formats disagree about their sense."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.fe.cells import CELLS

# Corners of a cell seen from its other side.
_MIRRORED = {
    "tri": (0, 2, 1),
    "quad": (0, 3, 2, 1),
    "tet": (0, 2, 1, 3),
    "pyramid": (0, 3, 2, 1, 4),
    "wedge": (0, 2, 1, 3, 5, 4),
    "hex": (0, 3, 2, 1, 4, 7, 6, 5),
}
_LINEAR = {cell.geometry: cell for cell in CELLS.values() if cell.n_nodes == cell.n_corners}


def upright(
    cell_type: str, rows: Int[Array, "n_cells n_nodes"], points: Float[Array, "n_points n_dim"]
) -> Int[Array, "n_cells n_nodes"]:
    """Mirror cells whose volume, or area in a plane, is negative.

    Parameters
    ----------
    cell_type
        Such as ``"wedge6"``.
    rows
        Node numbers of each cell in VTK order.
    points
        Coordinates [length].

    Raises
    ------
    ValueError
        If the cells have another number of nodes than their type.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing. Faces in space stay as they are.

    Examples
    --------
    >>> points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> upright("tri3", np.array([[0, 2, 1], [0, 1, 2]]), points).tolist()
    [[0, 1, 2], [0, 1, 2]]
    """
    if not rows.size:
        return rows
    cell = CELLS[cell_type]
    if cell.n_dim != points.shape[1] and np.ptp(points[:, cell.n_dim :]) > 0.0:
        return rows  # faces of solids: their sense does not matter
    if rows.shape[1] != cell.n_nodes:
        message = f"{cell_type} cells have {rows.shape[1]} nodes, not {cell.n_nodes}."
        raise ValueError(message)
    linear = _LINEAR[cell.geometry]
    slopes = linear.gradient(linear.nodes.mean(axis=0, keepdims=True))[0]
    corners = points[rows[:, : cell.n_corners], : cell.n_dim]
    negative = np.linalg.det(np.einsum("cki,kj->cij", corners, slopes)) < 0.0
    return np.where(negative[:, None], rows[:, _mirror(cell.name)], rows)


def _mirror(name: str) -> list[int]:
    """Return the order of the nodes of a mirrored cell: middles follow their corners."""
    cell = CELLS[name]
    turned = _MIRRORED[cell.geometry]
    shares = _LINEAR[cell.geometry].shape(cell.nodes) > 1e-9  # noqa: PLR2004
    owners = [frozenset(np.flatnonzero(row).tolist()) for row in shares]
    return [owners.index(frozenset(turned[corner] for corner in owner)) for owner in owners]
