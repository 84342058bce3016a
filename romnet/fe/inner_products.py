"""Inner products as square-root factors, so that snapshots keep all their digits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse
from scipy.sparse import csr_matrix

from romnet.core.arrays import Array
from romnet.fe.discretization import Discretization, discretize_for_mass
from romnet.fe.mesh import Mesh

# Eigenvalues of a stiffness below this fraction of the largest are zero.
_ZERO_STIFFNESS = 1e-12


@dataclass(frozen=True, eq=False)
class InnerProduct:
    r"""Inner product :math:`\langle u, v \rangle = (S u) \cdot (S v)`.

    Rows of the factor belong to one rank each (integration points of its own cells, or dofs that
    it owns), so the sum over ranks counts nothing twice.

    Attributes
    ----------
    name
        What it measures, as written to artefacts: ``"l2"``, ``"h1"``, ``"energy"``, ...
    factor
        :math:`S` (n_rows, n_dofs).
    """

    name: str
    factor: csr_matrix

    @property
    def n_dofs(self) -> int:
        """Length of the vectors."""
        return int(self.factor.shape[1])

    @property
    def gram(self) -> csr_matrix:
        """Matrix of the inner product on this rank, computed at each call (n_dofs, n_dofs)."""
        return (self.factor.T @ self.factor).tocsr()

    def blocks(self, max_rows: int) -> Iterator[tuple[Int[Array, " n_columns"], csr_matrix]]:
        """Yield row blocks of the factor, restricted to the dofs that they touch.

        Parameters
        ----------
        max_rows
            Largest number of rows of a block.

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
        for start in range(0, self.factor.shape[0], max_rows):
            rows = self.factor[start : start + max_rows]
            columns, local = np.unique(rows.indices, return_inverse=True)
            shape = (rows.shape[0], columns.size)
            yield columns.astype(np.int64), csr_matrix((rows.data, local, rows.indptr), shape)


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
    points = discretize_for_mass(mesh)
    scalar = sparse.diags(np.sqrt(points.weights)) @ points.interpolation
    return InnerProduct("l2", sparse.kron(scalar, np.eye(mesh.n_dim), format="csr"))


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
    points = discretize_for_mass(mesh)
    n_dim = mesh.n_dim
    rows = [((direction, component),) for component in range(n_dim) for direction in range(n_dim)]
    gradient = points.gradient_rows_of(np.arange(points.n_points), rows)
    roots = np.repeat(np.sqrt(points.weights), len(rows))
    return InnerProduct("h1", (sparse.diags(roots) @ gradient).tocsr())


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
    roots = np.repeat(np.sqrt(np.abs(weights)), n_components)
    return InnerProduct("point_l2", sparse.diags(roots, format="csr"))


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
