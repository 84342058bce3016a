"""Numbering of distributed dofs, sums over interfaces and copies to ghosts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.fe.partition import Subdomain
from romnet.parallel.mpi import MpiCommunicator
from romnet.parallel.petsc import petsc


@dataclass(frozen=True)
class Layout:
    """Numbering of the dofs of all ranks in PETSc: owned dofs of rank 0, of rank 1, ...

    Attributes
    ----------
    comm
        The ranks.
    n_dim
        Dofs of a node.
    owned
        Positions of the owned dofs among this rank's dofs.
    numbers
        PETSc number of each node of this rank, ghosts included.
    n_owned, n_global
        Dofs owned by this rank and by all.
    """

    comm: Communicator
    n_dim: int
    owned: Int[Array, " n_owned"]
    numbers: Int[Array, " n_nodes"]
    n_owned: int
    n_global: int

    @classmethod
    def build(cls, subdomain: Subdomain, comm: Communicator) -> Layout:
        """Give every node its PETSc number.

        Notes
        -----
        Collective: yes.
        """
        every = np.arange(subdomain.mesh.n_nodes)
        return cls.of_nodes(subdomain, every, comm)

    @classmethod
    def of_nodes(cls, subdomain: Subdomain, nodes: Int[Array, " n"], comm: Communicator) -> Layout:
        """Give PETSc numbers to some nodes only, such as the corners of the cells.

        Parameters
        ----------
        subdomain
            Mesh of this rank.
        nodes
            Local nodes, ascending; a node is among them on all ranks that have it, or on none.
        comm
            The ranks.

        Notes
        -----
        Collective: yes. `owned` and `numbers` count within `nodes`.
        """
        n_dim = subdomain.mesh.n_dim
        owned = np.flatnonzero(subdomain.owned[nodes])
        ordered = comm.concatenate(subdomain.nodes[nodes[owned]])
        place = np.full(subdomain.n_global_nodes, -1, dtype=np.int64)
        place[ordered] = np.arange(len(ordered))
        return cls(
            comm=comm,
            n_dim=n_dim,
            owned=(owned[:, None] * n_dim + np.arange(n_dim)).ravel(),
            numbers=place[subdomain.nodes[nodes]],
            n_owned=len(owned) * n_dim,
            n_global=len(ordered) * n_dim,
        )

    @property
    def sizes(self) -> tuple[int, int]:
        """Dofs owned by this rank and by all, as PETSc asks for them."""
        return self.n_owned, self.n_global

    @property
    def dof_numbers(self) -> Int[Array, " n_dofs"]:
        """PETSc number of each dof of this rank, ghosts included."""
        dofs = self.numbers[:, None] * self.n_dim + np.arange(self.n_dim)
        return np.asarray(dofs.ravel())

    def vector(self) -> Any:  # noqa: ANN401  (a PETSc vector)
        """Return a new distributed vector of zeros. Collective: yes."""
        return petsc().Vec().createMPI(self.sizes, bsize=self.n_dim, comm=self.raw_comm)

    @property
    def raw_comm(self) -> Any:  # noqa: ANN401  (an MPI communicator)
        """The communicator in PETSc's terms."""
        return self.comm.raw if isinstance(self.comm, MpiCommunicator) else petsc().COMM_SELF


class Exchange:
    """Sums over interfaces and copies to ghosts, on arrays of this rank's dofs.

    Notes
    -----
    Collective: every method.
    """

    def __init__(self, layout: Layout) -> None:
        PETSc = petsc()
        self.layout = layout
        numbers = layout.numbers.astype(PETSc.IntType)
        self._global = layout.vector()
        self._local = PETSc.Vec().createSeq(
            len(numbers) * layout.n_dim, bsize=layout.n_dim, comm=PETSc.COMM_SELF
        )
        index = PETSc.IS().createBlock(layout.n_dim, numbers, comm=PETSc.COMM_SELF)
        self._scatter = PETSc.Scatter().create(self._global, index, self._local, None)

    def accumulated(self, part: Float[Array, " n_dofs"]) -> Float[Array, " n_dofs"]:
        """Sum the contributions of all ranks to each dof."""
        PETSc = petsc()
        self._local.array[:] = part
        self._global.set(0.0)
        add, reverse = PETSc.InsertMode.ADD_VALUES, PETSc.ScatterMode.REVERSE
        self._scatter.scatter(self._local, self._global, addv=add, mode=reverse)
        return self._spread()

    def spread(self, owned: Float[Array, " n_owned"]) -> Float[Array, " n_dofs"]:
        """Copy the values of owners to ghosts."""
        self._global.array[:] = owned
        return self._spread()

    def norm(self, values: Float[Array, " n_dofs"]) -> float:
        """Return the Euclidean norm over all dofs, each counted once."""
        mine = values[self.layout.owned]
        return float(np.sqrt(self.layout.comm.sum(np.array([mine @ mine]))[0]))

    def _spread(self) -> Array:
        self._scatter.scatter(self._global, self._local)
        return np.array(self._local.array)
