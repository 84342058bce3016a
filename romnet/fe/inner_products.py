"""Inner products as square-root factors, so that snapshots keep all their digits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse
from scipy.sparse import csr_matrix

from romnet.core.arrays import Array
from romnet.fe.discretization import BlockDiscretization, Discretization, discretize_for_mass
from romnet.fe.mesh import Mesh

# Eigenvalues of a stiffness below this fraction of the largest are zero.
_ZERO_STIFFNESS = 1e-12
# Values of cell matrices treated together (128 MB).
_CHUNK_VALUES = 2**24


@dataclass(frozen=True, eq=False)
class FactorBlock:
    """Some rows of the factor of an inner product, restricted to the dofs that they touch.

    Attributes
    ----------
    scalar
        What acts on each component alike (n_rows, n_nodes).
    n_components
        Components at each node; rows and dofs are numbered node by node.
    """

    scalar: csr_matrix
    n_components: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and dofs."""
        n_rows, n_columns = self.scalar.shape
        return n_rows * self.n_components, n_columns * self.n_components

    def __matmul__(self, values: Float[Array, n_dofs * n]) -> Float[Array, n_rows * n]:
        """Return the product with vectors, columns."""
        if _is_diagonal(self.scalar):
            roots = np.repeat(self.scalar.data, self.n_components)
            roots = roots.reshape(-1, *[1] * (values.ndim - 1))
            return values if (roots == 1.0).all() else np.asarray(roots * values)
        shape = values.shape
        by_node = np.ascontiguousarray(values).reshape(self.scalar.shape[1], -1)
        return np.asarray(self.scalar @ by_node).reshape(self.shape[0], *shape[1:])

    def toarray(self) -> Float[Array, "n_rows n_dofs"]:
        """Return the rows as a dense matrix."""
        return np.kron(self.scalar.toarray(), np.eye(self.n_components))


@dataclass(frozen=True, eq=False)
class InnerProduct:
    r"""Inner product :math:`\langle u, v \rangle = (S u) \cdot (S v)`.

    Rows of the factor belong to one rank each (its own cells, or dofs that it owns), so the sum
    over ranks counts nothing twice. A factor that treats all components alike,
    :math:`S = S_0 \otimes I`, is kept as :math:`S_0`.

    Attributes
    ----------
    name
        What it measures, as written to artefacts: ``"l2"``, ``"h1"``, ``"energy"``, ...
    scalar
        :math:`S_0` (n_rows / n_components, n_dofs / n_components).
    n_components
        Components that are treated alike; dofs are numbered node by node.
    """

    name: str
    scalar: csr_matrix
    n_components: int = 1

    @property
    def n_dofs(self) -> int:
        """Length of the vectors."""
        return int(self.scalar.shape[1]) * self.n_components

    @property
    def factor(self) -> csr_matrix:
        """The factor :math:`S`, expanded at each call (n_rows, n_dofs)."""
        return self._expanded(self.scalar)

    @property
    def gram(self) -> csr_matrix:
        """Matrix of the inner product on this rank, computed at each call (n_dofs, n_dofs)."""
        return self._expanded((self.scalar.T @ self.scalar).tocsr())

    def __matmul__(self, values: Float[Array, n_dofs * n]) -> Float[Array, n_rows * n]:
        """Return :math:`S u` of vectors, columns."""
        return FactorBlock(self.scalar, self.n_components) @ values

    def blocks(self, max_rows: int) -> Iterator[tuple[Int[Array, " n_columns"], FactorBlock]]:
        """Yield row blocks of the factor, restricted to the dofs that they touch.

        Parameters
        ----------
        max_rows
            Largest number of rows of a block, at least the number of components.

        Yields
        ------
        columns
            Dofs that the rows touch, ascending.
        chunk
            These rows and columns of the factor.

        Notes
        -----
        Collective: no. Mutates nothing.

        Examples
        --------
        >>> product = identity(np.array([True, False, True]))
        >>> [(columns.tolist(), chunk.toarray().tolist()) for columns, chunk in product.blocks(1)]
        [([0], [[1.0]]), ([2], [[1.0]])]
        """
        if max_rows < 1:
            message = f"max_rows must be positive, got {max_rows}."
            raise ValueError(message)
        size = max(1, max_rows // self.n_components)
        for start in range(0, self.scalar.shape[0], size):
            rows = self.scalar[start : start + size]
            nodes, local = _touched(rows.indices)
            shape = (rows.shape[0], nodes.size)
            columns = nodes[:, None] * self.n_components + np.arange(self.n_components)
            chunk = csr_matrix((rows.data, local, rows.indptr), shape)
            yield columns.ravel(), FactorBlock(chunk, self.n_components)

    def component(self, number: int, n_components: int) -> InnerProduct:
        """Return the inner product of one component of a field whose factor mixes none of them.

        Examples
        --------
        >>> point_l2(np.array([4.0, 9.0]), 2).component(1, 2).factor.toarray().tolist()
        [[2.0, 0.0], [0.0, 3.0]]
        """
        if n_components == 1:
            return self
        if self.n_components == n_components:
            return InnerProduct(self.name, self.scalar)
        rows = self.scalar[number::n_components]
        return InnerProduct(self.name, rows[:, number::n_components].tocsr())

    def _expanded(self, scalar: csr_matrix) -> csr_matrix:
        """Return a matrix that acts on each component alike."""
        if self.n_components == 1:
            return scalar
        return sparse.kron(scalar, np.eye(self.n_components), format="csr")


def l2_mass(mesh: Mesh) -> InnerProduct:
    r"""Return the inner product :math:`\int u \cdot v` of displacements.

    Notes
    -----
    Collective: no. The rule has positive weights whatever the formulation of the cells; exact on
    cells with straight edges and parallel faces.

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> product = l2_mass(box_mesh((2.0, 1.0, 1.0), (2, 1, 1)))
    >>> round(float((product.factor @ np.ones(product.n_dofs)) @ (product.factor @ np.ones(36))), 9)
    6.0
    """

    def matrices(block: BlockDiscretization, cells: slice) -> Array:
        return np.broadcast_to(
            block.shape, (len(range(*cells.indices(block.n_cells))), *block.shape.shape)
        )

    return InnerProduct("l2", _cell_factors(discretize_for_mass(mesh), matrices), mesh.n_dim)


def h1_seminorm(mesh: Mesh) -> InnerProduct:
    r"""Return the semi-inner product :math:`\int \nabla u : \nabla v`, zero on translations.

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> mesh = box_mesh((2.0, 1.0, 1.0), (2, 1, 1))
    >>> stretch = (mesh.nodes * (3.0, 0.0, 0.0)).ravel()
    >>> round(float(stretch @ (h1_seminorm(mesh).gram @ stretch)), 9)
    18.0
    """

    def matrices(block: BlockDiscretization, cells: slice) -> Array:
        return np.swapaxes(block.gradients_of(cells), 2, 3)

    return InnerProduct("h1", _cell_factors(discretize_for_mass(mesh), matrices), mesh.n_dim)


def energy(
    discretization: Discretization, stiffness: Float[Array, "n_components n_components"]
) -> InnerProduct:
    r"""Return the semi-inner product :math:`\int \varepsilon(u) : C : \varepsilon(v)`.

    Parameters
    ----------
    discretization
        Points; where a weight is negative, the points of `l2_mass` take their place.
    stiffness
        Symmetric, positive semi-definite :math:`C`, Voigt order [stress].

    Raises
    ------
    ValueError
        If `stiffness` is not symmetric or has a negative eigenvalue.

    Examples
    --------
    >>> from romnet.fe.discretization import discretize
    >>> from romnet.fe.structured import box_mesh
    >>> mesh = box_mesh((2.0, 1.0, 1.0), (2, 1, 1))
    >>> stretch = (mesh.nodes * (3.0, 0.0, 0.0)).ravel()
    >>> round(float(stretch @ (energy(discretize(mesh), np.eye(6)).gram @ stretch)), 9)
    18.0
    """
    root = _root(stiffness)
    points = discretization
    if (points.weights < 0.0).any():
        points = discretize_for_mass(points.mesh)
    roots = sparse.kron(sparse.diags(np.sqrt(points.weights)), root, format="csr")
    return InnerProduct("energy", (roots @ points.strain_operator).tocsr())


def identity(owned: Bool[Array, " n_dofs"]) -> InnerProduct:
    """Return the Euclidean inner product of the dofs that this rank owns.

    Examples
    --------
    >>> identity(np.array([True, False])).gram.toarray().tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    numbers = np.flatnonzero(owned)
    entries = (np.ones(numbers.size), (np.arange(numbers.size), numbers))
    return InnerProduct("identity", csr_matrix(entries, shape=(numbers.size, owned.size)))


def point_l2(weights: Float[Array, " n_points"], n_components: int = 1) -> InnerProduct:
    """Return the inner product of fields at integration points, weighted by their volume.

    Parameters
    ----------
    weights
        Quadrature weights [volume]; of negative ones the absolute value counts.
    n_components
        Components of the field at each point, point by point.

    Examples
    --------
    >>> point_l2(np.array([2.0, -1.0])).gram.toarray().round(12).tolist()
    [[2.0, 0.0], [0.0, 1.0]]
    """
    roots = sparse.diags(np.sqrt(np.abs(weights)), format="csr")
    return InnerProduct("point_l2", roots, n_components)


def _cell_factors(
    points: Discretization, matrices: Callable[[BlockDiscretization, slice], Array]
) -> csr_matrix:
    """Return one triangle for each cell, with the Gram matrix of the weighted rows at its points.

    `matrices` gives (n_cells, n_q, ..., n_cell_nodes) for some cells of a block. A cell of *n*
    nodes needs *n* rows, however many points its rule has.
    """
    data: list[Array] = []
    indices: list[Array] = []
    lengths: list[Array] = []
    for block in points.blocks:
        nodes = block.block.connectivity
        first = block.first_point
        size = max(1, _CHUNK_VALUES // (block.shape.size * points.mesh.n_dim))
        for start in range(0, block.n_cells, size):
            cells = slice(start, min(start + size, block.n_cells))
            rows = matrices(block, cells)
            span = slice(first + cells.start * block.n_q, first + cells.stop * block.n_q)
            roots = np.sqrt(points.weights[span]).reshape(-1, block.n_q)
            roots = roots.reshape(*roots.shape, *[1] * (rows.ndim - 2))
            stacked = (roots * rows).reshape(len(rows), -1, nodes.shape[1])
            triangles: Array = np.asarray(np.linalg.qr(stacked, mode="r"))
            # Columns of a row must ascend, and the mesh does not number the nodes of a cell so.
            order = np.argsort(nodes[cells], axis=1, kind="stable")
            data.append(np.take_along_axis(triangles, order[:, None, :], axis=2).ravel())
            ordered = np.take_along_axis(nodes[cells], order, axis=1)
            indices.append(np.repeat(ordered, triangles.shape[1], axis=0).ravel())
            lengths.append(np.full(len(rows) * triangles.shape[1], nodes.shape[1]))
    starts = np.concatenate([[0], np.cumsum(np.concatenate([*lengths, np.zeros(0, dtype=int)]))])
    shape = (len(starts) - 1, points.mesh.n_nodes)
    values = np.concatenate([*data, np.zeros(0)])
    columns = np.concatenate([*indices, np.zeros(0, dtype=np.int64)])
    return csr_matrix((values, columns, starts), shape=shape)


def _is_diagonal(matrix: csr_matrix) -> bool:
    """Whether every row, in order, has its only entry in the column of its own number."""
    size = matrix.shape[0]
    return bool(
        matrix.shape[1] == size == matrix.nnz
        and np.array_equal(matrix.indices, np.arange(size))
        and np.array_equal(matrix.indptr, np.arange(size + 1))
    )


def _touched(indices: Array) -> tuple[Array, Array]:
    """Return the distinct numbers, ascending, and the place of each given one among them."""
    if indices.size == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    lowest = int(indices.min())
    shifted = indices - lowest
    mark = np.zeros(int(shifted.max()) + 1, dtype=bool)
    mark[shifted] = True
    places = np.cumsum(mark) - 1
    return np.flatnonzero(mark).astype(np.int64) + lowest, places[shifted]


def _root(stiffness: Array) -> Array:
    """Return R with R^T R = stiffness, without the rows of zero eigenvalues."""
    scale = float(np.abs(stiffness).max())
    if not np.allclose(stiffness, stiffness.T, rtol=0.0, atol=_ZERO_STIFFNESS * scale):
        message = "the stiffness of an energy product must be symmetric."
        raise ValueError(message)
    values, vectors = np.linalg.eigh(stiffness)
    if values[0] < -_ZERO_STIFFNESS * scale:
        message = (
            f"the stiffness of an energy product has the negative eigenvalue {values[0]:.3e}; "
            f"it must be positive semi-definite."
        )
        raise ValueError(message)
    kept = values > _ZERO_STIFFNESS * scale
    return np.asarray(np.sqrt(values[kept])[:, None] * vectors[:, kept].T)
