"""Distributed sparse algebra: numbering, interface sums and linear solves by PETSc."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse
from jaxtyping import Bool, Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator
from romnet.core.errors import PluginError
from romnet.fe.partition import Subdomain
from romnet.parallel.mpi import MpiCommunicator

if TYPE_CHECKING:
    from petsc4py import PETSc

# Pivots below this fraction of the norm of the matrix belong to motions that nothing holds.
_NULL_PIVOT = 1e-12
DIRECT_LIMIT = 30_000  # dofs; above, CG or GMRES with algebraic multigrid is faster and leaner


def petsc() -> Any:  # noqa: ANN401  (a module)
    """Load PETSc, after MPI as both demand.

    Raises
    ------
    PluginError
        If petsc4py is not installed.

    Notes
    -----
    Collective: the first call, which starts PETSc on all ranks of the run.
    """
    if "petsc4py.PETSc" not in sys.modules:
        try:
            import mpi4py.MPI  # noqa: F401  (first, or PETSc initialises MPI its own way)
            from petsc4py import PETSc
        except ImportError as problem:
            message = f"PETSc is needed and cannot be imported ({problem}); run scripts/task setup."
            raise PluginError(message) from problem
        PETSc.Sys.pushErrorHandler("ignore")  # errors come as exceptions, said once
    return sys.modules["petsc4py.PETSc"]


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
        n_dim = subdomain.mesh.n_dim
        mine = subdomain.nodes[subdomain.owned]
        ordered = comm.concatenate(mine)
        place = np.empty(subdomain.n_global_nodes, dtype=np.int64)
        place[ordered] = np.arange(len(ordered))
        nodes = np.flatnonzero(subdomain.owned)
        return cls(
            comm=comm,
            n_dim=n_dim,
            owned=(nodes[:, None] * n_dim + np.arange(n_dim)).ravel(),
            numbers=place[subdomain.nodes],
            n_owned=len(mine) * n_dim,
            n_global=subdomain.n_global_nodes * n_dim,
        )

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
        self._global = PETSc.Vec().createMPI(
            (layout.n_owned, layout.n_global), bsize=layout.n_dim, comm=layout.raw_comm
        )
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


# Yielding bodies are nearly incompressible: a short Krylov basis stagnates there.
_KRYLOV_VECTORS = 200


class LinearSolver:
    """Solves with a stiffness given in parts, some dofs held at zero.

    Small systems are factorised (MUMPS); large ones use a Krylov method with smoothed-aggregation
    multigrid, whose coarse spaces are built from the rigid-body modes.

    Notes
    -----
    Collective: every method.
    """

    def __init__(
        self,
        exchange: Exchange,
        constrained: Bool[Array, " n_dofs"],
        coordinates: Float[Array, "n_nodes n_dim"],
        *,
        symmetric: bool,
        rtol: float = 1e-6,
    ) -> None:
        PETSc = petsc()
        layout = exchange.layout
        self._exchange = exchange
        self._free = ~constrained
        self._direct = layout.n_global <= DIRECT_LIMIT
        self._matrix: Any = None
        numbers = layout.numbers.astype(PETSc.IntType)
        self._map = PETSc.LGMap().create(numbers, bsize=layout.n_dim, comm=layout.raw_comm)
        self._near_null = self._rigid_modes(coordinates)
        self._solver = PETSc.KSP().create(comm=layout.raw_comm)
        preconditioner = self._solver.getPC()
        if self._direct:
            self._solver.setType("preonly")
            preconditioner.setType("lu")
            preconditioner.setFactorSolverType("mumps")
        else:
            self._solver.setType("cg" if symmetric else "gmres")
            self._solver.setNormType(PETSc.KSP.NormType.UNPRECONDITIONED)
            if not symmetric:
                self._solver.setPCSide(PETSc.PC.Side.RIGHT)
            preconditioner.setType("gamg")
            self._solver.setTolerances(rtol=rtol, max_it=500)
            self._solver.setGMRESRestart(_KRYLOV_VECTORS)
        self._work = (
            PETSc.Vec().createMPI((layout.n_owned, layout.n_global), comm=layout.raw_comm),
            PETSc.Vec().createMPI((layout.n_owned, layout.n_global), comm=layout.raw_comm),
        )

    def factorise(self, part: scipy.sparse.csr_matrix) -> None:
        """Take a new stiffness: the part of this rank's cells, over its dofs."""
        PETSc = petsc()
        layout = self._exchange.layout
        kept = _held(part, self._free)
        local = PETSc.Mat().createAIJ(
            kept.shape,
            bsize=layout.n_dim,
            csr=(
                kept.indptr.astype(PETSc.IntType),
                kept.indices.astype(PETSc.IntType),
                kept.data,
            ),
            comm=PETSc.COMM_SELF,
        )
        sizes = (layout.n_owned, layout.n_global)
        unassembled = PETSc.Mat().createIS(
            (sizes, sizes), self._map, self._map, comm=layout.raw_comm
        )
        unassembled.setISLocalMat(local)
        unassembled.assemble()
        if self._matrix is None:
            self._matrix = unassembled.convert("aij", PETSc.Mat())
            self._matrix.setNearNullSpace(self._near_null)
            self._solver.setOperators(self._matrix)
            if self._direct:
                self._count_null_pivots()
        else:
            unassembled.convert("aij", self._matrix)
            self._solver.setOperators(self._matrix)
        unassembled.destroy()
        local.destroy()

    def solve(self, load: Float[Array, " n_dofs"]) -> Float[Array, " n_dofs"]:
        """Solve for the summed load; held dofs answer zero.

        Raises
        ------
        ArithmeticError
            If the factorisation or the iteration fails, or if the body can move freely.
        """
        PETSc = petsc()
        right, answer = self._work
        right.array[:] = np.where(self._free, load, 0.0)[self._exchange.layout.owned]
        try:
            self._solver.solve(right, answer)
        except PETSc.Error as problem:
            message = f"linear solver: {problem}"
            raise ArithmeticError(message) from problem
        if self._solver.getConvergedReason() < 0:
            message = f"linear solver stopped, PETSc reason {self._solver.getConvergedReason()}"
            raise ArithmeticError(message)
        if self._direct and (free := self._factor.getMumpsInfog(28)) > 0:
            message = f"linear solver: {free} motions of the body are not held."
            raise ArithmeticError(message)
        # Multigrid leaves traces on held dofs: its coarse spaces do not know them.
        return np.where(self._free, self._exchange.spread(answer.array), 0.0)

    @property
    def _factor(self) -> Any:  # noqa: ANN401  (a PETSc matrix)
        """The factorised matrix."""
        return self._solver.getPC().getFactorMatrix()

    def _count_null_pivots(self) -> None:
        """Have MUMPS count pivots that are zero but for rounding, instead of dividing by them."""
        self._solver.getPC().setFactorSetUpSolverType()
        self._factor.setMumpsIcntl(24, 1)
        self._factor.setMumpsCntl(3, _NULL_PIVOT)

    def _rigid_modes(self, coordinates: Array) -> PETSc.NullSpace:
        """Return the rigid-body modes as a near-null space."""
        PETSc = petsc()
        layout = self._exchange.layout
        vector = PETSc.Vec().createMPI(
            (layout.n_owned, layout.n_global), bsize=layout.n_dim, comm=layout.raw_comm
        )
        vector.array[:] = coordinates.ravel()[layout.owned]
        return PETSc.NullSpace().createRigidBody(vector)


def _held(matrix: scipy.sparse.csr_matrix, free: Array) -> scipy.sparse.csr_matrix:
    """Replace the rows and columns of held dofs by a diagonal, keeping the pattern."""
    held = matrix.copy()
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    held.data[~(free[rows] & free[matrix.indices])] = 0.0
    diagonal = matrix.diagonal()
    level = float(np.abs(diagonal).sum()) / max(diagonal.size, 1) or 1.0
    held.data[(rows == matrix.indices) & ~free[rows]] = level
    return held


def partition(graph: scipy.sparse.csr_matrix, n_parts: int) -> Int[Array, " n_cells"]:
    """Share the vertices of a graph among parts of equal size with few cut edges.

    Parameters
    ----------
    graph
        Adjacency of the cells (n_cells, n_cells).
    n_parts
        Number of parts.

    Returns
    -------
    ndarray
        Part of each cell.

    Notes
    -----
    Collective: no; the answer is the same on every rank that asks. Uses PT-Scotch through PETSc.
    """
    PETSc = petsc()
    adjacency = (
        PETSc.Mat()
        .createAIJ(
            graph.shape,
            csr=(
                graph.indptr.astype(PETSc.IntType),
                graph.indices.astype(PETSc.IntType),
                np.ones(graph.nnz),
            ),
            comm=PETSc.COMM_SELF,
        )
        .convert("mpiadj")
    )
    # The number of parts has no setter in petsc4py; it goes through a private options prefix.
    option = "romnet_mat_partitioning_nparts"
    PETSc.Options()[option] = n_parts
    partitioner = PETSc.MatPartitioning().create(comm=PETSc.COMM_SELF)
    partitioner.setOptionsPrefix("romnet_")
    partitioner.setAdjacency(adjacency)
    partitioner.setType("ptscotch")
    partitioner.setFromOptions()
    PETSc.Options().delValue(option)
    parts = PETSc.IS().create(comm=PETSc.COMM_SELF)
    partitioner.apply(parts)
    return np.array(parts.getIndices(), dtype=np.int64)
