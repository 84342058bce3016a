"""Whether the constraints of a body keep every connected part of it from moving freely."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.core.errors import StudyError
from romnet.fe.mesh import Mesh
from romnet.fe.partition import Subdomain
from romnet.parallel.preconditioners import rigid_motions

# Motions that constrained dofs feel less than this, relative to the others, are free.
_FREE = 1e-10
_NAMES = {
    2: ("shift along x", "shift along y", "spin about z"),
    3: (
        "shift along x",
        "shift along y",
        "shift along z",
        "spin about z",
        "spin about x",
        "spin about y",
    ),
}


def refuse_free_motions(
    subdomain: Subdomain, held: Bool[Array, " n_dofs"], comm: Communicator
) -> None:
    """Raise when a connected part of the body can move without straining.

    Parameters
    ----------
    subdomain
        Cells of this rank.
    held
        Dofs of this rank that are held.
    comm
        The ranks.

    Raises
    ------
    StudyError
        On all ranks; names the motions and the place of the part.

    Notes
    -----
    Collective: yes. Cost: one pass over the mesh.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> from romnet.fe.partition import whole
    >>> from romnet.fe.structured import box_mesh
    >>> part = whole(box_mesh((1.0, 1.0), (2, 2), "quad4"))
    >>> held = np.zeros((9, 2), dtype=bool)
    >>> held[part.mesh.node_sets["x0"], 0] = True
    >>> refuse_free_motions(part, held.ravel(), SerialCommunicator())  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    romnet.core.errors.StudyError: the body around (0.5, 0.5) is not held: shift along y; ...
    """
    mesh, n_dim = subdomain.mesh, subdomain.mesh.n_dim
    n_parts, part_of_node = connected_parts(subdomain, comm)
    mine = subdomain.owned & (part_of_node >= 0)
    centres = _centres(mesh, part_of_node, mine, n_parts, comm)
    nodes = np.flatnonzero(mine)
    arms = mesh.nodes[nodes] - centres[part_of_node[nodes]]
    size = max(comm.max(float(np.abs(arms).max(initial=0.0))), 1e-300)
    motions = rigid_motions(arms / size).reshape(len(nodes), n_dim, len(_NAMES[n_dim]))
    felt = motions * held.reshape(-1, n_dim)[nodes][:, :, None]
    products = np.einsum("nam,nak->nmk", felt, felt)
    grams = np.zeros((n_parts, *products.shape[1:]))
    np.add.at(grams, part_of_node[nodes], products)
    for centre, gram in zip(centres, comm.sum(grams), strict=True):
        free = _free_motions(gram, n_dim)
        if free:
            place = ", ".join(f"{x:.3g}" for x in centre)
            message = f"the body around ({place}) is not held: {free}; add constraints."
            raise StudyError(message)


def connected_parts(subdomain: Subdomain, comm: Communicator) -> tuple[int, Int[Array, " n_nodes"]]:
    """Return how many connected parts the whole mesh has, and that of each node of this rank.

    Notes
    -----
    Collective: yes. Nodes of no cell get -1. Cost: linear in the cells and interfaces.
    """
    mesh = subdomain.mesh
    rows = [np.repeat(b.connectivity[:, 0], b.connectivity.shape[1]) for b in mesh.blocks]
    columns = [block.connectivity.ravel() for block in mesh.blocks]
    row, column = _stacked(rows), _stacked(columns)
    graph = coo_matrix((np.ones(row.size), (row, column)), shape=(mesh.n_nodes, mesh.n_nodes))
    n_local, local = connected_components(graph, directed=False)
    touched = np.zeros(mesh.n_nodes, dtype=bool)
    touched[column] = True
    # Parts of all ranks are joined through the nodes that they share: one vertex each.
    counts = comm.concatenate(np.array([n_local]))
    label = local + int(counts[: comm.rank].sum())
    shared = np.flatnonzero(touched & _on_interface(subdomain, comm))
    labels, numbers = comm.concatenate(label[shared]), comm.concatenate(subdomain.nodes[shared])
    _, vertices = np.unique(numbers, return_inverse=True)
    n_labels = int(counts.sum())
    size = n_labels + int(vertices.max(initial=-1)) + 1
    links = coo_matrix((np.ones(labels.size), (labels, n_labels + vertices)), shape=(size, size))
    _, joined = connected_components(links, directed=False)
    used = np.unique(comm.concatenate(np.unique(joined[label[touched]])))
    part = np.full(mesh.n_nodes, -1, dtype=np.int64)
    part[touched] = np.searchsorted(used, joined[label[touched]])
    return int(used.size), part


def _on_interface(subdomain: Subdomain, comm: Communicator) -> Bool[Array, " n_nodes"]:
    """Return which nodes of this rank another rank may have, too."""
    ghosts = comm.concatenate(subdomain.nodes[~subdomain.owned])
    return np.asarray(np.isin(subdomain.nodes, ghosts))


def _centres(
    mesh: Mesh, part_of_node: Array, mine: Array, n_parts: int, comm: Communicator
) -> Float[Array, "n_parts n_dim"]:
    """Return the mean place of the nodes of each part."""
    sums = np.zeros((n_parts, mesh.n_dim + 1))
    rows = np.column_stack([mesh.nodes[mine], np.ones(int(mine.sum()))])
    np.add.at(sums, part_of_node[mine], rows)
    sums = comm.sum(sums)
    return np.asarray(sums[:, :-1] / sums[:, -1:])


def _free_motions(gram: Array, n_dim: int) -> str:
    """Name the motions that no held dof feels: spins about any axis, then shifts without spin."""
    values, vectors = np.linalg.eigh(gram)
    free = vectors[:, values <= _FREE * max(float(values.max(initial=0.0)), 1e-300)]
    _, sizes, turns = np.linalg.svd(free[n_dim:])
    n_spins = int((sizes > _FREE).sum())
    shifts = free[:n_dim] @ turns[n_spins:].T
    spins = free[n_dim:] @ turns[:n_spins].T
    shift_names, spin_names = _NAMES[n_dim][:n_dim], _NAMES[n_dim][n_dim:]
    return ", ".join(_largest(shifts, shift_names) + _largest(spins, spin_names))


def _largest(motions: Array, names: tuple[str, ...]) -> list[str]:
    """Return one name for each independent motion, that of its largest component."""
    projector = motions @ motions.T
    found = []
    for _ in range(motions.shape[1]):
        largest = int(np.diagonal(projector).argmax())
        found.append(names[largest])
        column = projector[:, largest] / np.sqrt(max(projector[largest, largest], 1e-300))
        projector = projector - np.outer(column, column)
    return sorted(found)


def _stacked(parts: list[Array]) -> Array:
    """Join arrays of node numbers, of which there may be none."""
    return np.concatenate([np.zeros(0, dtype=np.int64), *parts])
