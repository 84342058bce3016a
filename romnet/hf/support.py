"""Whether the constraints of a body keep every connected part of it from moving freely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.core.errors import StudyError
from romnet.fe.equations import Elimination
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
    subdomain: Subdomain,
    held: Bool[Array, " n_dofs"],
    comm: Communicator,
    *,
    equations: Elimination | None = None,
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
    equations
        What ties dofs, which may hold one part by another.

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
    places = _Places(nodes, part_of_node[nodes], motions)
    felt = motions * held.reshape(-1, n_dim)[nodes][:, :, None]
    products = np.einsum("nam,nak->nmk", felt, felt)
    grams = np.zeros((n_parts, *products.shape[1:]))
    np.add.at(grams, part_of_node[nodes], products)
    grams = comm.sum(grams)
    if equations is None:
        motions_left = [_null_space(gram) for gram in grams]
    else:
        null = _tied_null_space(grams, _slips(subdomain, held, comm, equations, places))
        motions_left = [_seen(null, part, n_dim) for part in range(n_parts)]
    for centre, free in zip(centres, motions_left, strict=True):
        if free.shape[1]:
            place = ", ".join(f"{x:.3g}" for x in centre)
            named = _named(free, n_dim)
            message = f"the body around ({place}) is not held: {named}; add constraints."
            raise StudyError(message)


@dataclass(frozen=True)
class _Places:
    """Own nodes that have cells, their parts and what each motion of the part does to them."""

    nodes: Int[Array, " n"]
    parts: Int[Array, " n"]
    motions: Float[Array, "n n_dim n_motions"]


def _slips(
    subdomain: Subdomain,
    held: Array,
    comm: Communicator,
    equations: Elimination,
    places: _Places,
) -> Float[Array, "n_equations n"]:
    """Return what the motions of all parts, and of tied nodes without cells, do to the equations.

    Collective: yes.
    """
    n_dim, n_slaves = subdomain.mesh.n_dim, len(equations.slaves)
    _, _, n_motions = places.motions.shape
    n_parts = 1 + int(comm.max(float(places.parts.max(initial=-1))))
    involved = equations.involved
    lonely = np.setdiff1d(involved, comm.concatenate(_dofs(subdomain, places.nodes)))
    fixed = comm.concatenate(np.intersect1d(subdomain.dofs[held], lonely))
    lonely = np.setdiff1d(lonely, fixed)
    # Value of each involved dof for each motion: rows of the involved dofs.
    values = np.zeros((len(involved), n_parts * n_motions + len(lonely)))
    mine = np.isin(_dofs(subdomain, places.nodes), involved)
    row = np.searchsorted(involved, _dofs(subdomain, places.nodes)[mine])
    part = np.repeat(places.parts, n_dim)[mine]
    column = part[:, None] * n_motions + np.arange(n_motions)
    values[row[:, None], column] = places.motions.reshape(-1, n_motions)[mine]
    values = comm.sum(values)
    values[np.searchsorted(involved, lonely), n_parts * n_motions + np.arange(len(lonely))] = 1.0
    led = equations.masters[:, involved] @ values
    moved = values[np.searchsorted(involved, equations.slaves)]
    size = np.sqrt(1.0 + np.asarray(equations.masters.power(2).sum(axis=1)))
    return np.asarray((moved - led) / size.reshape(n_slaves, 1))


def _dofs(subdomain: Subdomain, nodes: Array) -> Int[Array, " n"]:
    """Return the numbers in the whole mesh of the dofs of some nodes."""
    n_dim = subdomain.mesh.n_dim
    return np.asarray((subdomain.nodes[nodes][:, None] * n_dim + np.arange(n_dim)).ravel())


def _tied_null_space(grams: Array, slips: Array) -> Float[Array, "n n_free"]:
    """Return the motions of all parts together that neither supports nor equations feel."""
    n_parts, n_motions, _ = grams.shape
    whole = slips.T @ slips
    for part in range(n_parts):
        own = slice(part * n_motions, (part + 1) * n_motions)
        whole[own, own] += grams[part]
    return _null_space(whole)


def _seen(null: Array, part: int, n_dim: int) -> Float[Array, "n_motions n_free"]:
    """Return the independent motions of one part among those of all parts."""
    n_motions = len(_NAMES[n_dim])
    left, sizes, _ = np.linalg.svd(null[part * n_motions : (part + 1) * n_motions])
    return np.asarray(left[:, : int((sizes > np.sqrt(_FREE)).sum())])


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


def _null_space(gram: Array) -> Float[Array, "n n_free"]:
    """Return the motions that cost nothing."""
    values, vectors = np.linalg.eigh(gram)
    return np.asarray(vectors[:, values <= _FREE * max(float(values.max(initial=0.0)), 1e-300)])


def _named(free: Array, n_dim: int) -> str:
    """Name motions: spins about any axis, then shifts without spin."""
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
