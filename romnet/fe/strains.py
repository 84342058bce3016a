"""Strains of several displacements at once, without the sparse strain operator."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.fe.discretization import STRAIN_ROWS, BlockDiscretization, Discretization


def strains_at(
    discretization: Discretization,
    points: Int[Array, " n_selected"],
    displacements: Float[Array, "n_dofs n"],
) -> Float[Array, "n_selected n_components n"]:
    """Return the strains of displacements at some points, in the order given.

    Parameters
    ----------
    discretization
        Points and cells of this rank.
    points
        Point numbers.
    displacements
        One in each column [length].

    Returns
    -------
    ndarray
        Voigt order, engineering shear [-].

    Notes
    -----
    Collective: no. Mutates nothing. Cost: the cells of these points are looked at whole, so
    consecutive points are cheap: one small matrix product for each cell.

    Examples
    --------
    >>> from romnet.fe.discretization import discretize
    >>> from romnet.fe.structured import box_mesh
    >>> cube = discretize(box_mesh((1.0, 1.0, 1.0), (2, 1, 1)))
    >>> pull = (cube.mesh.nodes * (0.1, 0.0, 0.0)).reshape(-1, 1)
    >>> (strains_at(cube, np.array([9]), pull)[0, :, 0].round(9) + 0.0).tolist()
    [0.1, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    n_components, n = discretization.n_components, displacements.shape[1]
    strains = np.empty((len(points), n_components, n))
    for block in discretization.blocks:
        local = points - block.first_point
        mine = np.flatnonzero((local >= 0) & (local < block.n_points))
        if mine.size:
            strains[mine] = _of_block(block, local[mine], displacements)
    return strains


def _of_block(block: BlockDiscretization, local: Array, displacements: Array) -> Array:
    """Return the strains at points counted within a block."""
    n_dim, n = block.nodes.shape[1], displacements.shape[1]
    cells, cell_of_point = np.unique(local // block.n_q, return_inverse=True)
    nodes = block.block.connectivity[cells]
    of_cells = displacements.reshape(-1, n_dim * n)[nodes]
    every = (cells[:, None] * block.n_q + np.arange(block.n_q)).ravel()
    gradients = np.swapaxes(block.gradients_at(every), 1, 2)
    flat = gradients.reshape(len(cells), block.n_q * n_dim, -1)
    # Of each displacement component (second) along each direction (first).
    changes = np.matmul(flat, of_cells).reshape(-1, n_dim, n_dim, n)
    rows = STRAIN_ROWS[n_dim]
    strains = np.zeros((len(changes), len(rows), n))
    for number, row in enumerate(rows):
        for direction, component in row:
            strains[:, number] += changes[:, direction, component]
    places = cell_of_point * block.n_q + local % block.n_q
    if len(places) == len(strains) and (np.diff(places) == 1).all():
        return strains
    return np.asarray(strains[places])
