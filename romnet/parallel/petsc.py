"""PETSc: its start, and its partitioner."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import scipy.sparse
from jaxtyping import Int

from romnet.core.arrays import Array
from romnet.core.errors import PluginError


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
    Collective: no. Uses PT-Scotch through PETSc, whose random numbers go on from call to call: ask
    on one rank and share the answer.
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
