"""Linear solves with a distributed stiffness that changes a little from one to the next."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from jaxtyping import Bool, Float, Int

from romnet.core.arrays import Array
from romnet.fe.coarsening import CornerInterpolation
from romnet.fe.partition import Subdomain
from romnet.parallel.layout import Exchange, Layout
from romnet.parallel.matrix import DistributedMatrix
from romnet.parallel.petsc import petsc
from romnet.parallel.preconditioners import (
    Aggregates,
    Corners,
    Factorisation,
    Preconditioner,
    interpolation_matrix,
    rigid_motions,
)
from romnet.parallel.ties import Ties, petsc_places, tie_matrix, within

DIRECT_LIMIT = 6_000  # dofs; above, Krylov methods are faster and leaner
_MAX_ITERATIONS = 500
# Yielding bodies are nearly incompressible: a short Krylov basis stagnates there.
_KRYLOV_VECTORS = 200
# An old preconditioner is given up when it needs this many times the iterations of a new one.
_STALE = 1.6
_QUADRATIC = 0.7  # corners among the nodes; fewer on meshes of quadratic cells


class LinearSolver:
    """Solves with a stiffness given in parts, some dofs held at zero.

    Small systems are factorised (MUMPS). Large ones use CG, or GMRES where the matrix is not
    symmetric, with two levels on quadratic meshes and smoothed aggregates on linear ones. What
    is prepared for one stiffness serves the following ones as long as it does well.

    Parameters
    ----------
    subdomain
        Mesh of this rank.
    exchange
        Sums over interfaces.
    pairs
        Coupled nodes of this rank's parts: columns and row starts.
    constrained
        Held dofs.
    symmetric
        Whether every stiffness is symmetric.
    ties
        Change of unknowns where dofs are tied: `solve` then takes forces on the unknowns and
        answers with them; slaves answer zero.

    Notes
    -----
    Collective: every method.
    """

    def __init__(
        self,
        subdomain: Subdomain,
        exchange: Exchange,
        pairs: tuple[Int[Array, " n_pairs"], Int[Array, " n_rows"]],
        constrained: Bool[Array, " n_dofs"],
        *,
        symmetric: bool,
        ties: Ties | None = None,
    ) -> None:
        layout = exchange.layout
        self._exchange = exchange
        self._ties = ties
        self._free = ~constrained if ties is None else ~(constrained | ties.slaves)
        self._distributed = DistributedMatrix(layout, *pairs, constrained)
        self._matrix: Any = None
        self._direct = layout.n_global <= DIRECT_LIMIT
        self._solver = self._krylov(symmetric=symmetric)
        self._preconditioner = self._choose(subdomain, constrained, symmetric=symmetric)
        self._work = layout.vector(), layout.vector()
        self._stale = True
        self._fresh_rate = np.inf
        self.iterations = 0
        self.preparations = 0

    def update(self, part: scipy.sparse.csr_matrix) -> None:
        """Take a new stiffness: the part of this rank's cells, over its dofs."""
        matrix = self._distributed.assemble(part)
        self._matrix = matrix if self._ties is None else self._ties.reduced(matrix)
        self._stale = self._stale or self._direct

    def solve(self, load: Float[Array, " n_dofs"], *, rtol: float = 1e-10) -> Array:
        """Solve for the summed load; held dofs answer zero.

        Parameters
        ----------
        load
            Right side, the same on all ranks that share a dof.
        rtol
            Accepted residual relative to the load; a factorisation does better.

        Raises
        ------
        ArithmeticError
            If the factorisation or the iteration fails, or if the body can move freely.
        """
        right, answer = self._work
        right.array[:] = np.where(self._free, load, 0.0)[self._exchange.layout.owned]
        self._solver.setTolerances(rtol=rtol, atol=0.0, max_it=_MAX_ITERATIONS)
        if not (self._attempt_old() or self._attempt_new() or self._attempt_general()):
            reason = self._solver.getConvergedReason()
            message = f"linear solver stopped, PETSc reason {reason}"
            raise ArithmeticError(message)
        self._preconditioner.check()
        # Coarse spaces leave traces on held dofs.
        return np.where(self._free, self._exchange.spread(answer.array), 0.0)

    def _attempt_old(self) -> bool:
        """Solve with what was prepared before, if it is worth it."""
        return not self._stale and self._attempt()

    def _attempt_new(self) -> bool:
        """Solve with a preconditioner made for this matrix."""
        self._prepare()
        return self._attempt()

    def _attempt_general(self) -> bool:
        """Solve by GMRES, which forgives a preconditioner that is not positive, from now on."""
        if self._solver.getType() != "cg":
            return False
        self._set_gmres(self._solver)
        return self._attempt()

    def _prepare(self) -> None:
        """Fit the preconditioner to the matrix."""
        PETSc = petsc()
        try:
            self._solver.getPC().setReusePreconditioner(flag=False)
            self._preconditioner.prepare(self._matrix)
            self._solver.setUp()
        except PETSc.Error as problem:
            message = f"linear solver: {problem}"
            raise ArithmeticError(message) from problem
        self._solver.getPC().setReusePreconditioner(flag=True)
        self._stale = False
        self._fresh_rate = np.inf
        self.preparations += 1

    def _attempt(self) -> bool:
        """Solve with what is prepared; say whether it did."""
        PETSc = petsc()
        try:
            self._solver.solve(*self._work)
        except PETSc.Error as problem:
            message = f"linear solver: {problem}"
            raise ArithmeticError(message) from problem
        self.iterations += self._solver.getIterationNumber()
        if self._solver.getConvergedReason() < 0:
            return False
        self._judge()
        return True

    def _judge(self) -> None:
        """Mark the preconditioner stale when iterations gain less than just after it was made."""
        before = self._work[0].norm()
        after = self._solver.getResidualNorm()
        decades = np.log10(before / after) if before > after > 0.0 else np.inf
        rate = self._solver.getIterationNumber() / max(decades, 1e-3)
        if np.isinf(self._fresh_rate):
            self._fresh_rate = rate
        elif rate > _STALE * self._fresh_rate + 1.0:
            self._stale = True

    def _krylov(self, *, symmetric: bool) -> Any:  # noqa: ANN401  (a PETSc solver)
        """Return the iterative method."""
        PETSc = petsc()
        solver = PETSc.KSP().create(comm=self._exchange.layout.raw_comm)
        solver.setNormType(PETSc.KSP.NormType.UNPRECONDITIONED)
        if symmetric:
            solver.setType("cg")
        else:
            self._set_gmres(solver)
        return solver

    @staticmethod
    def _set_gmres(solver: Any) -> None:  # noqa: ANN401  (a PETSc solver)
        """Iterate by GMRES."""
        solver.setType("gmres")
        solver.setPCSide(petsc().PC.Side.RIGHT)
        solver.setGMRESRestart(_KRYLOV_VECTORS)

    def _choose(
        self, subdomain: Subdomain, constrained: Array, *, symmetric: bool
    ) -> Preconditioner:
        """Return the preconditioner that suits size and mesh."""
        if self._direct:
            return Factorisation(self._solver, symmetric=symmetric)
        layout, coordinates = self._exchange.layout, subdomain.mesh.nodes
        corners = CornerInterpolation.build(subdomain.mesh)
        coarse = Layout.of_nodes(subdomain, corners.corners, layout.comm)
        if coarse.n_global > _QUADRATIC * layout.n_global:
            return Aggregates(self._solver, layout, rigid_motions(coordinates))
        matrix = self._interpolation(subdomain, (layout, coarse), corners, constrained)
        if matrix is None:
            return Aggregates(self._solver, layout, rigid_motions(coordinates))
        motions = rigid_motions(coordinates[corners.corners])
        return Corners(self._solver, coarse, matrix, motions, symmetric=symmetric)

    def _interpolation(
        self,
        subdomain: Subdomain,
        layouts: tuple[Layout, Layout],
        corners: CornerInterpolation,
        constrained: Array,
    ) -> Any:  # noqa: ANN401  (a PETSc matrix)
        """Return the matrix from unknowns at corners to all, if corners follow corners only."""
        if self._ties is None:
            return interpolation_matrix(layouts, corners, constrained)
        fine, coarse = layouts
        elimination = self._ties.elimination
        places = petsc_places(subdomain, corners.corners, fine.comm)
        if not within(elimination, places, fine.n_dim):
            return None
        # Slaves at corners move with their masters; those elsewhere are no unknowns.
        moved = interpolation_matrix(layouts, corners, constrained, rows=~self._free)
        tied = tie_matrix(elimination, subdomain, coarse, corners.corners, places)
        return moved.matMult(tied)
