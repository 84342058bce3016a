"""Dofs tied to others, which other ranks may have, as a distributed change of unknowns."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.fe.equations import Elimination
from romnet.fe.partition import Subdomain
from romnet.parallel.layout import Exchange, Layout
from romnet.parallel.petsc import petsc

Matrix = Any  # PETSc's; its bindings have no types


class Ties:
    r"""The square matrix T of :math:`u = T q + g`: slaves follow their masters, others stay.

    Parameters
    ----------
    elimination
        Slaves and masters in the whole mesh, the same on all ranks.
    subdomain
        Mesh of this rank.
    exchange
        Sums over interfaces.

    Notes
    -----
    Collective: building and every method. Slaves keep their places among the unknowns, where
    their equations say zero. Memory: one entry for each dof, and those of the equations.
    """

    def __init__(self, elimination: Elimination, subdomain: Subdomain, exchange: Exchange) -> None:
        layout = exchange.layout
        every = np.arange(subdomain.mesh.n_nodes)
        places = petsc_places(subdomain, every, layout.comm)
        self.elimination = elimination
        self.slaves = slaves_of(elimination, subdomain)
        self.matrix = tie_matrix(elimination, subdomain, layout, every, places)
        self._layout, self._exchange = layout, exchange
        self._work = layout.vector(), layout.vector()
        self._reduced: Matrix = None

    def follow(self, displacement: Float[Array, " n_dofs"]) -> Float[Array, " n_dofs"]:
        """Return T q: slaves move as their masters say."""
        given, answer = self._work
        given.array[:] = displacement[self._layout.owned]
        self.matrix.mult(given, answer)
        return self._exchange.spread(np.array(answer.array))

    def gathered(self, force: Float[Array, " n_dofs"]) -> Float[Array, " n_dofs"]:
        """Return the forces on the unknowns: masters bear those on their slaves, too."""
        given, answer = self._work
        given.array[:] = force[self._layout.owned]
        self.matrix.multTranspose(given, answer)
        borne = self._exchange.spread(np.array(answer.array))
        return np.where(self.slaves, 0.0, borne)

    def reduced(self, matrix: Matrix) -> Matrix:
        """Return the stiffness over the unknowns, always the same PETSc matrix."""
        self._reduced = matrix.PtAP(self.matrix, result=self._reduced)
        diagonal = self._reduced.getDiagonal()
        held = self.slaves[self._layout.owned]
        rest = np.abs(diagonal.array[~held])
        total, count = self._layout.comm.sum(np.array([rest.sum(), float(rest.size)]))
        diagonal.array[held] = total / count if total > 0.0 else 1.0
        self._reduced.setDiagonal(diagonal, petsc().InsertMode.INSERT_VALUES)
        return self._reduced


def slaves_of(elimination: Elimination, subdomain: Subdomain) -> Bool[Array, " n_dofs"]:
    """Return which dofs of this rank are slaves. Collective: no."""
    return np.asarray(np.isin(subdomain.dofs, elimination.slaves))


def petsc_places(
    subdomain: Subdomain, nodes: Int[Array, " n"], comm: Communicator
) -> Int[Array, " n_global_nodes"]:
    """Return the PETSc number of every node of the whole mesh, -1 for those not among `nodes`.

    Notes
    -----
    Collective: yes.
    """
    ordered = comm.concatenate(subdomain.nodes[nodes[subdomain.owned[nodes]]])
    places = np.full(subdomain.n_global_nodes, -1, dtype=np.int64)
    places[ordered] = np.arange(len(ordered))
    return places


def tie_matrix(
    elimination: Elimination,
    subdomain: Subdomain,
    layout: Layout,
    nodes: Int[Array, " n"],
    places: Int[Array, " n_global_nodes"],
) -> Matrix:
    """Return T over the dofs of some nodes, with which all masters of theirs must be.

    Parameters
    ----------
    elimination
        Slaves and masters in the whole mesh.
    subdomain
        Mesh of this rank.
    layout
        Numbering of the nodes.
    nodes
        Local nodes that it numbers.
    places
        PETSc number of every node of the whole mesh.

    Notes
    -----
    Collective: yes.
    """
    n_dim, PETSc = layout.n_dim, petsc()
    mine = nodes[subdomain.owned[nodes]]
    dofs = (subdomain.nodes[mine][:, None] * n_dim + np.arange(n_dim)).ravel()
    numbers = (places[subdomain.nodes[mine]][:, None] * n_dim + np.arange(n_dim)).ravel()
    tied = np.flatnonzero(np.isin(dofs, elimination.slaves))
    rows = elimination.masters[np.searchsorted(elimination.slaves, dofs[tied])]
    master_numbers = places[rows.indices // n_dim] * n_dim + rows.indices % n_dim
    counts = np.diff(rows.indptr)
    # The diagonal of a slave is zero, and has its place: products keep theirs, too.
    values = np.ones(len(dofs))
    values[tied] = 0.0
    row = np.concatenate([np.arange(len(dofs)), np.repeat(tied, counts)])
    column = np.concatenate([numbers, master_numbers])
    entry = np.concatenate([values, rows.data])
    order = np.lexsort((column, row))
    starts = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(dofs)))])
    return PETSc.Mat().createAIJ(
        (layout.sizes, layout.sizes),
        bsize=n_dim,
        csr=(
            starts.astype(PETSc.IntType),
            column[order].astype(PETSc.IntType),
            entry[order],
        ),
        comm=layout.raw_comm,
    )


def within(elimination: Elimination, places: Int[Array, " n_global_nodes"], n_dim: int) -> bool:
    """Whether all masters of slaves among some nodes are among these nodes, too."""
    there = places[elimination.slaves // n_dim] >= 0
    return bool((places[elimination.masters[np.flatnonzero(there)].indices // n_dim] >= 0).all())
