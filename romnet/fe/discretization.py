"""Integration points of a mesh: weights, positions, strain and interpolation operators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NoReturn

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_matrix

from romnet.core.arrays import Array
from romnet.core.errors import StudyError
from romnet.core.tensors import n_components
from romnet.fe.cells import CELLS, ReferenceCell
from romnet.fe.formulations import formulation, mass_rule
from romnet.fe.mesh import CellBlock, Mesh
from romnet.fe.quadrature import QuadratureRule

# Points treated together: bounds the memory beyond the result to some 100 MB.
_CHUNK = 16_384

# One row of a differential operator: its terms (direction of the gradient, displacement
# component), by ascending component. Voigt order, engineering shear, 33 = 0 in plane strain.
_Row = tuple[tuple[int, int], ...]
STRAIN_ROWS: dict[int, tuple[_Row, ...]] = {
    2: (((0, 0),), ((1, 1),), (), ((1, 0), (0, 1))),
    3: (
        ((0, 0),),
        ((1, 1),),
        ((2, 2),),
        ((1, 0), (0, 1)),
        ((2, 0), (0, 2)),
        ((2, 1), (1, 2)),
    ),
}


@dataclass(frozen=True, eq=False)
class BlockDiscretization:
    """Cells of one block at their integration points.

    Attributes
    ----------
    block
        The cells.
    nodes
        Coordinates of the mesh (n_nodes, n_dim) [length].
    rule
        Integration rule of each cell.
    shape
        Shape functions at the points of the reference cell (n_q, n_cell_nodes) [-].
    temperature_shape
        What takes nodal temperatures to the points, the way the code of the results does it.
    first_cell, first_point
        Numbers of the first cell and of the first point in the mesh.
    """

    block: CellBlock
    nodes: Float[Array, "n_nodes n_dim"]
    rule: QuadratureRule
    shape: Float[Array, "n_q n_cell_nodes"]
    temperature_shape: Float[Array, "n_q n_cell_nodes"]
    first_cell: int
    first_point: int

    @property
    def n_q(self) -> int:
        """Points of one cell."""
        return self.rule.n_points

    @property
    def n_cells(self) -> int:
        """Cells of the block."""
        return len(self.block.connectivity)

    @property
    def n_points(self) -> int:
        """Points of the block."""
        return self.n_cells * self.n_q

    @property
    def cell_dofs(self) -> Int[Array, "n_cells n_cell_dofs"]:
        """Dof numbers of each cell, node by node."""
        n_dim = self.nodes.shape[1]
        dofs = self.block.connectivity[:, :, None] * n_dim + np.arange(n_dim)
        return np.asarray(dofs.reshape(self.n_cells, -1), dtype=np.int64)

    @property
    def gradients(self) -> Float[Array, "n_cells n_q n_cell_nodes n_dim"]:
        """Shape gradients of all cells [1/length], computed at each call."""
        return self.gradients_of(slice(None))

    def gradients_of(self, cells: slice) -> Float[Array, "n_cells n_q n_cell_nodes n_dim"]:
        """Return the shape gradients of some cells of the block [1/length]."""
        numbers = np.arange(self.n_cells)[cells]
        points = (numbers[:, None] * self.n_q + np.arange(self.n_q)).ravel()
        gradients = self.gradients_at(points)
        return gradients.reshape(numbers.size, self.n_q, *gradients.shape[1:])

    def gradients_at(self, points: Int[Array, " n"]) -> Float[Array, "n n_cell_nodes n_dim"]:
        """Return the shape gradients at points counted within the block [1/length]."""
        reference, jacobians = self._jacobians(points)
        return np.asarray(reference @ np.linalg.inv(jacobians))

    def determinants_at(self, points: Int[Array, " n"]) -> Float[Array, " n"]:
        """Return the Jacobian determinants at points counted within the block."""
        with np.errstate(invalid="ignore"):  # the caller refuses NaN by name
            return np.asarray(np.linalg.det(self._jacobians(points)[1]))

    def _jacobians(self, points: Array) -> tuple[Array, Array]:
        """Return reference gradients and d position / d reference coordinates at points."""
        cells, local = np.divmod(points, self.n_q)
        corners = self.nodes[self.block.connectivity[cells]]
        reference = self._reference_gradients[local]
        return reference, np.swapaxes(corners, 1, 2) @ reference

    @cached_property
    def _reference_gradients(self) -> Array:
        """Derivatives of the shape functions at the points of the reference cell."""
        return CELLS[self.block.cell_type].gradient(self.rule.points)


# Values and column numbers of one row at several points, each (n_points, n_entries).
_Entries = tuple[Array, Array]
# Makes these rows for points counted within a block, whose cells have the given nodes.
_EntryMaker = Callable[[BlockDiscretization, Array, Array], Iterator[_Entries]]


@dataclass(frozen=True, eq=False)
class Discretization:
    """Integration points of a mesh, numbered cell by cell through the blocks.

    Attributes
    ----------
    mesh
        The mesh.
    blocks
        Each block of the mesh at its points.
    weights
        Quadrature weights times Jacobian determinants (n_points,) [volume]; some rules have
        negative ones.
    positions
        Places of the points (n_points, n_dim) [length].
    cell_of_point
        Cell of each point (n_points,).
    """

    mesh: Mesh
    blocks: tuple[BlockDiscretization, ...]
    weights: Float[Array, " n_points"]
    positions: Float[Array, "n_points n_dim"]
    cell_of_point: Int[Array, " n_points"]

    @property
    def n_points(self) -> int:
        """Number of integration points."""
        return int(self.weights.size)

    @property
    def n_components(self) -> int:
        """Voigt components: 6, or 4 in plane strain."""
        return n_components(self.mesh.n_dim)

    @property
    def n_dofs(self) -> int:
        """Number of displacement components."""
        return self.mesh.n_dofs

    @cached_property
    def strain_operator(self) -> csr_matrix:
        """Displacement to strain at all points (n_points * n_components, n_dofs).

        Row = point * n_components + component, Voigt order, engineering shear.
        """
        return self.strain_operator_of(np.arange(self.n_points))

    @cached_property
    def interpolation(self) -> csr_matrix:
        """Nodal field to its values at all points (n_points, n_nodes)."""
        return self.interpolation_of(np.arange(self.n_points))

    @cached_property
    def temperature_interpolation(self) -> csr_matrix:
        """Nodal temperature to its values at all points, as the code of the results does it."""
        return self.temperature_interpolation_of(np.arange(self.n_points))

    def strain_operator_of(self, points: Int[Array, " n_selected"]) -> csr_matrix:
        """Return the rows of the strain operator of some points, in the order given.

        Parameters
        ----------
        points
            Point numbers.

        Returns
        -------
        csr_matrix
            Shape (n_selected * n_components, n_dofs) [1/length].

        Notes
        -----
        Collective: no. Mutates nothing. Cost: proportional to the selected points; the whole
        operator is not built.
        """
        return self.gradient_rows_of(points, STRAIN_ROWS[self.mesh.n_dim])

    def gradient_rows_of(
        self, points: Int[Array, " n_selected"], rows: Sequence[_Row]
    ) -> csr_matrix:
        """Return linear combinations of the displacement gradient at some points.

        Parameters
        ----------
        points
            Point numbers.
        rows
            For each row, the terms to add up: pairs (direction of the gradient, displacement
            component), by ascending component.

        Returns
        -------
        csr_matrix
            Shape (n_selected * len(rows), n_dofs) [1/length].
        """
        n_dim = self.mesh.n_dim

        def entries(block: BlockDiscretization, local: Array, nodes: Array) -> Iterator[_Entries]:
            order = np.argsort(nodes, axis=1, kind="stable")
            gradients = np.take_along_axis(block.gradients_at(local), order[:, :, None], axis=1)
            dofs = np.take_along_axis(nodes, order, axis=1) * n_dim
            for row in rows:
                values = [gradients[:, :, direction] for direction, _ in row]
                columns = [dofs + component for _, component in row]
                yield _interleaved(values, len(local)), _interleaved(columns, len(local))

        n_terms = [len(row) for row in rows]
        return self._assemble(points, n_terms, entries, self.n_dofs)

    def interpolation_of(self, points: Int[Array, " n_selected"]) -> csr_matrix:
        """Return the rows of `interpolation` of some points, in the order given."""

        def entries(block: BlockDiscretization, local: Array, nodes: Array) -> Iterator[_Entries]:
            yield block.shape[local % block.n_q], nodes

        return self._assemble(points, [1], entries, self.mesh.n_nodes)

    def temperature_interpolation_of(self, points: Int[Array, " n_selected"]) -> csr_matrix:
        """Return the rows of `temperature_interpolation` of some points, in the order given."""

        def entries(block: BlockDiscretization, local: Array, nodes: Array) -> Iterator[_Entries]:
            yield block.temperature_shape[local % block.n_q], nodes

        return self._assemble(points, [1], entries, self.mesh.n_nodes)

    def _assemble(
        self, points: Array, n_terms: list[int], entries: _EntryMaker, n_columns: int
    ) -> csr_matrix:
        """Build rows of equal structure at some points: `n_terms` node vectors in each row."""
        numbers = self._block_numbers(points)
        n_nodes = np.array([block.shape[0].size for block in self.blocks], dtype=np.int64)
        lengths = np.outer(n_nodes[numbers], n_terms).ravel()
        starts = np.concatenate([[0], np.cumsum(lengths)])
        index_type = _index_type(int(starts[-1]), n_columns)
        data = np.empty(starts[-1])
        indices = np.empty(starts[-1], dtype=index_type)
        for number, block in enumerate(self.blocks):
            mine = np.flatnonzero(numbers == number)
            for begin in range(0, mine.size, _CHUNK):
                chunk = mine[begin : begin + _CHUNK]
                local = points[chunk] - block.first_point
                nodes = block.block.connectivity[local // block.n_q]
                pieces = list(entries(block, local, nodes))
                length = n_nodes[number] * sum(n_terms)
                places = starts[chunk * len(n_terms)][:, None] + np.arange(length)
                data[places] = np.concatenate([values for values, _ in pieces], axis=1)
                indices[places] = np.concatenate([columns for _, columns in pieces], axis=1)
        shape = (points.size * len(n_terms), n_columns)
        return csr_matrix((data, indices, starts.astype(index_type)), shape=shape)

    def _block_numbers(self, points: Array) -> Array:
        """Return the block of each point."""
        if points.size and not (points.min() >= 0 and points.max() < self.n_points):
            message = (
                f"points must lie in [0, {self.n_points}), got {points.min()}..{points.max()}."
            )
            raise ValueError(message)
        ends = np.cumsum([block.n_points for block in self.blocks])
        return np.asarray(np.searchsorted(ends, points, side="right"))


def discretize(mesh: Mesh) -> Discretization:
    """Place the integration points of every cell, with the rule of its formulation.

    Parameters
    ----------
    mesh
        Cells name their formulation (`romnet.fe.formulations.FORMULATIONS`).

    Returns
    -------
    Discretization
        Points numbered cell by cell through the blocks.

    Raises
    ------
    StudyError
        If a formulation is unknown or does not fit its cells, or if a cell is inverted: the
        message gives formulation, foreign cell number, point, determinant, and how many.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing. Cost: linear in the points; operators are
    built when first asked for.

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> points = discretize(box_mesh((2.0, 1.0, 1.0), (2, 1, 1)))
    >>> points.n_points, round(float(points.weights.sum()), 12)
    (16, 2.0)
    """
    rules = [formulation(block.formulation).quadrature for block in mesh.blocks]
    return _discretize(mesh, rules, check=True)


def discretize_for_mass(mesh: Mesh) -> Discretization:
    """Place points that integrate products of shape functions, all weights non-negative.

    Inverted corners of strongly curved cells, which the rule of the formulation may not see,
    count with the absolute value of their determinant.

    Raises
    ------
    StudyError
        If a formulation is unknown or does not fit its cells.

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> mesh = box_mesh((1.0, 1.0, 1.0), (1, 1, 1), "tet10", formulation="zset:c3d10")
    >>> bool(discretize(mesh).weights.min() < 0.0), discretize_for_mass(mesh).n_points
    (True, 84)
    """
    rules = [mass_rule(block.cell_type) for block in mesh.blocks]
    return _discretize(mesh, rules, check=False)


def element_strain_matrices(
    block: BlockDiscretization, cells: slice = slice(None)
) -> Float[Array, "n_cells n_q n_components n_cell_dofs"]:
    """Return the dense strain matrix of some cells at each of their points.

    Parameters
    ----------
    block
        Cells at their points.
    cells
        Which cells of the block.

    Returns
    -------
    ndarray
        Voigt order, engineering shear; columns as in `BlockDiscretization.cell_dofs` [1/length].

    Notes
    -----
    Collective: no. Cost: dense, twice the memory of the sparse rows; take slices of cells.

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> block = discretize(box_mesh((1.0, 1.0, 1.0), (2, 1, 1))).blocks[0]
    >>> element_strain_matrices(block, slice(0, 1)).shape
    (1, 8, 6, 24)
    """
    gradients = block.gradients_of(cells)
    n_dim = gradients.shape[-1]
    rows = STRAIN_ROWS[n_dim]
    matrices = np.zeros((*gradients.shape[:2], len(rows), gradients.shape[2] * n_dim))
    for number, row in enumerate(rows):
        for direction, component in row:
            matrices[:, :, number, component::n_dim] = gradients[..., direction]
    return matrices


def _interleaved(parts: list[Array], n_points: int) -> Array:
    """Merge node vectors node by node: (n_points, n_nodes * n_parts)."""
    if not parts:
        return np.zeros((n_points, 0), dtype=np.int64)
    return np.asarray(np.stack(parts, axis=-1).reshape(n_points, -1))


def _index_type(n_entries: int, n_columns: int) -> type[np.signedinteger]:  # type: ignore[type-arg]
    """Return the smallest index type that holds these numbers."""
    return np.int32 if max(n_entries, n_columns) < np.iinfo(np.int32).max else np.int64


def _discretize(mesh: Mesh, rules: list[QuadratureRule], *, check: bool) -> Discretization:
    """Place the points of one rule for each block."""
    blocks = []
    first_cell = first_point = 0
    for block, rule in zip(mesh.blocks, rules, strict=True):
        placed = _place(mesh, block, rule, first_cell, first_point)
        blocks.append(placed)
        first_cell += placed.n_cells
        first_point += placed.n_points
    weights = np.empty(first_point)
    positions = np.empty((first_point, mesh.n_dim))
    cells = np.empty(first_point, dtype=np.int64)
    for placed in blocks:
        points = slice(placed.first_point, placed.first_point + placed.n_points)
        determinants = _determinants(placed)
        if check:
            _refuse_inverted(placed, determinants)
        else:
            determinants = np.abs(determinants)
        weights[points] = (determinants * placed.rule.weights).ravel()
        corners = mesh.nodes[placed.block.connectivity]
        positions[points] = (placed.shape @ corners).reshape(-1, mesh.n_dim)
        cells[points] = placed.first_cell + np.arange(placed.n_points) // placed.n_q
    return Discretization(mesh, tuple(blocks), weights, positions, cells)


def _place(
    mesh: Mesh, block: CellBlock, rule: QuadratureRule, first_cell: int, first_point: int
) -> BlockDiscretization:
    """Put a rule on a block, whose formulation must fit."""
    element = formulation(block.formulation)
    cell: ReferenceCell = element.cell
    given = (block.cell_type, block.connectivity.shape[1], mesh.n_dim)
    expected = (cell.name, cell.n_nodes, cell.n_dim)
    if given != expected:
        message = (
            f"{block.formulation} is a {expected[0]} of {expected[1]} nodes in {expected[2]}-D, "
            f"but the mesh has {given[0]} cells of {given[1]} nodes in {given[2]}-D; "
            f"name another formulation."
        )
        raise StudyError(message)
    return BlockDiscretization(
        block=block,
        nodes=mesh.nodes,
        rule=rule,
        shape=cell.shape(rule.points),
        temperature_shape=element.temperature_shape(rule.points),
        first_cell=first_cell,
        first_point=first_point,
    )


def _determinants(block: BlockDiscretization) -> Array:
    """Return the Jacobian determinants of a block (n_cells, n_q), chunk by chunk."""
    numbers = np.arange(block.n_points)
    chunks = [
        block.determinants_at(numbers[start : start + _CHUNK])
        for start in range(0, numbers.size, _CHUNK)
    ]
    flat = np.concatenate([*chunks, np.zeros(0)])
    return np.asarray(flat.reshape(block.n_cells, block.n_q))


def _refuse_inverted(block: BlockDiscretization, determinants: Array) -> None:
    """Refuse cells that are turned inside out, flat or without coordinates."""
    bad = ~(determinants > 0.0)  # also catches NaN
    if bad.any():
        _raise_inverted(block, determinants, bad)


def _raise_inverted(block: BlockDiscretization, determinants: Array, bad: Array) -> NoReturn:
    """Name the first inverted cell."""
    cell, point = np.argwhere(bad)[0]
    message = (
        f"{block.block.formulation} cell {block.block.ids[cell]}: Jacobian determinant "
        f"{determinants[cell, point]:.3e} at its point {point} must be positive "
        f"({np.count_nonzero(bad.any(axis=1))} of {block.n_cells} cells of this formulation "
        f"are so); the cell is inverted or its nodes are in another order than VTK's."
    )
    raise StudyError(message)
