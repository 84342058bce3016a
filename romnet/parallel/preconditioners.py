"""What makes linear systems easy: a factorisation, aggregates, or the corners of cells."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float

from romnet.core.arrays import Array
from romnet.fe.coarsening import CornerInterpolation
from romnet.parallel.layout import Layout
from romnet.parallel.petsc import petsc

# Pivots below this fraction of the norm of the matrix belong to motions that nothing holds.
_NULL_PIVOT = 1e-12
# Dofs of the corners; a factorisation of more costs more than the cycles it saves.
COARSE_DIRECT_LIMIT = 100_000

Matrix = Any  # PETSc's; its bindings have no types
Solver = Any


@runtime_checkable
class Preconditioner(Protocol):
    """Prepares a PETSc solver for a matrix."""

    def prepare(self, matrix: Matrix) -> None:
        """Compute what depends on the values of the matrix. Collective: yes."""

    def check(self) -> None:
        """Raise `ArithmeticError` when the last answer cannot be trusted. Collective: no."""


class Factorisation:
    """Gaussian elimination by MUMPS; Cholesky-like where the matrix is symmetric."""

    def __init__(self, solver: Solver, *, symmetric: bool) -> None:
        self._solver = solver
        self._counts = False
        solver.setType("preonly")
        factorise(solver.getPC(), symmetric=symmetric)

    def prepare(self, matrix: Matrix) -> None:
        """Have MUMPS count pivots that are zero but for rounding, instead of dividing by them."""
        self._solver.setOperators(matrix)
        if not self._counts:
            self._solver.getPC().setFactorSetUpSolverType()
            self._factor.setMumpsIcntl(24, 1)
            self._factor.setMumpsCntl(3, _NULL_PIVOT)
            self._counts = True

    def check(self) -> None:
        """Refuse answers where pivots were zero."""
        if (free := self._factor.getMumpsInfog(28)) > 0:
            message = f"linear solver: {free} motions of the body are not held."
            raise ArithmeticError(message)

    @property
    def _factor(self) -> Matrix:
        """The factorised matrix."""
        return self._solver.getPC().getFactorMatrix()


class Aggregates:
    """Smoothed-aggregation multigrid, whose coarse spaces are built from rigid motions."""

    def __init__(self, solver: Solver, layout: Layout, rigid: Float[Array, "n n_rigid"]) -> None:
        self._solver = solver
        self._rigid = near_null_space(layout, rigid)

    def prepare(self, matrix: Matrix) -> None:
        """Tell the matrix its rigid motions; PETSc does the rest, from the beginning."""
        self._solver.getPC().setType("none")  # or the old interpolation would stay
        self._solver.getPC().setType("gamg")
        matrix.setNearNullSpace(self._rigid)
        self._solver.setOperators(matrix)

    def check(self) -> None:
        """Trust the norm of the residual."""


class Corners:
    """Two levels: a quadratic mesh is corrected on the linear one that its corners make.

    Yielding bodies are nearly incompressible, and quadratic cells couple far nodes: aggregates of
    nodes do badly on both accounts; linear fields within the same cells do not.
    """

    def __init__(
        self,
        solver: Solver,
        coarse: Layout,
        interpolation: Matrix,
        rigid: Float[Array, "n n_rigid"],
        *,
        symmetric: bool,
    ) -> None:
        self._solver, self._interpolation = solver, interpolation
        self._coarse: Matrix = None
        self._rigid = near_null_space(coarse, rigid)
        levels = solver.getPC()
        levels.setType("mg")
        levels.setMGLevels(2)
        levels.setMGInterpolation(1, interpolation)
        smoother = levels.getMGSmoother(1)
        smoother.setType("chebyshev")
        smoother.setTolerances(max_it=1)
        smoother.getPC().setType("sor")
        self._coarse_solver = levels.getMGCoarseSolve()
        self._coarse_solver.setType("preonly")
        if coarse.n_global <= COARSE_DIRECT_LIMIT:
            factorise(self._coarse_solver.getPC(), symmetric=symmetric)
        else:
            self._coarse_solver.getPC().setType("gamg")

    def prepare(self, matrix: Matrix) -> None:
        """Restrict the matrix to the corners."""
        PETSc = petsc()
        self._coarse = matrix.PtAP(self._interpolation, result=self._coarse)
        if self._coarse_solver.getPC().getType() == "gamg":  # the old interpolation must go
            self._coarse_solver.getPC().setType("none")
            self._coarse_solver.getPC().setType("gamg")
        diagonal = self._coarse.getDiagonal()
        empty = diagonal.array == 0.0  # held corners
        diagonal.array[empty] = np.abs(diagonal.array).max(initial=0.0) or 1.0
        self._coarse.setDiagonal(diagonal, PETSc.InsertMode.INSERT_VALUES)
        self._coarse.setNearNullSpace(self._rigid)
        self._coarse_solver.setOperators(self._coarse)
        self._solver.setOperators(matrix)

    def check(self) -> None:
        """Trust the norm of the residual."""


def factorise(preconditioner: Any, *, symmetric: bool) -> None:  # noqa: ANN401  (PETSc's)
    """Make a preconditioner a factorisation by MUMPS."""
    preconditioner.setType("cholesky" if symmetric else "lu")
    preconditioner.setFactorSolverType("mumps")


def near_null_space(layout: Layout, motions: Float[Array, "n_dofs n_motions"]) -> Any:  # noqa: ANN401
    """Orthonormalise motions that cost little energy, given on this rank's dofs."""
    vectors: list[Any] = []
    for motion in motions.T:
        vector = layout.vector()
        vector.array[:] = motion[layout.owned]
        for earlier in vectors:
            vector.axpy(-earlier.dot(vector), earlier)
        vector.normalize()
        vectors.append(vector)
    return petsc().NullSpace().create(vectors=vectors, comm=layout.raw_comm)


def interpolation_matrix(
    layouts: tuple[Layout, Layout],
    interpolation: CornerInterpolation,
    held: Bool[Array, " n_dofs"],
    *,
    rows: Bool[Array, " n_dofs"] | None = None,
) -> Matrix:
    """Return the matrix from free dofs of corners to free dofs of all nodes.

    Parameters
    ----------
    layouts
        Numbering of all nodes and of the corners.
    interpolation
        Between corners.
    held
        Dofs held, which get and give nothing.
    rows
        Dofs that get nothing, if others than those held.

    Notes
    -----
    Collective: yes.
    """
    fine, coarse = layouts
    n_dim = fine.n_dim
    keep = ~held.reshape(-1, n_dim)
    gets = keep if rows is None else ~rows.reshape(-1, n_dim)
    nodes = fine.owned[::n_dim] // n_dim
    parents = interpolation.matrix[nodes]
    row = np.repeat(np.arange(len(nodes)), np.diff(parents.indptr))
    # Held dofs keep their places, with zeros: the coarse matrix then has its whole diagonal.
    both = gets[nodes[row]] & keep[interpolation.corners[parents.indices]]
    values = parents.data[:, None] * both
    counts = np.repeat(np.diff(parents.indptr), n_dim)
    order = np.argsort((row[:, None] * n_dim + np.arange(n_dim)).ravel(), kind="stable")
    columns = coarse.numbers[parents.indices][:, None] * n_dim + np.arange(n_dim)
    PETSc = petsc()
    return PETSc.Mat().createAIJ(
        (fine.sizes, coarse.sizes),
        bsize=n_dim,
        csr=(
            np.concatenate([[0], np.cumsum(counts)]).astype(PETSc.IntType),
            columns.ravel()[order].astype(PETSc.IntType),
            values.ravel()[order],
        ),
        comm=fine.raw_comm,
    )


def rigid_motions(coordinates: Float[Array, "n_nodes n_dim"]) -> Float[Array, "n_dofs n_rigid"]:
    """Return shifts and spins of some nodes, three in the plane and six in space.

    Examples
    --------
    >>> rigid_motions(np.array([[0.0, 0.0], [2.0, 0.0]])).T.tolist()
    [[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0], [-0.0, 0.0, -0.0, 2.0]]
    """
    n_dim = coordinates.shape[1]
    motions = [np.tile(axis, (len(coordinates), 1)) for axis in np.eye(n_dim)]
    for a, b in [(0, 1), (1, 2), (2, 0)][: 1 if n_dim == 2 else 3]:  # noqa: PLR2004
        spin = np.zeros_like(coordinates)
        spin[:, a], spin[:, b] = -coordinates[:, b], coordinates[:, a]
        motions.append(spin)
    return np.stack([motion.ravel() for motion in motions], axis=1)
