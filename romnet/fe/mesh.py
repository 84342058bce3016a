"""Nodes, cells with the formulation their code gave them, and named sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jaxtyping import Float, Int

from romnet.core.arrays import Array


@dataclass(frozen=True)
class CellBlock:
    """Cells of one type and one formulation.

    Attributes
    ----------
    cell_type
        Geometric type: ``"hex8"``, ``"tet10"``, ... (`romnet.fe.cells.CELLS`). Nodes are in VTK
        order.
    connectivity
        Node numbers of each cell (n_cells, n_cell_nodes), positions in `Mesh.nodes`.
    formulation
        Element formulation of the code that made the results, which fixes the integration
        rule and the order of its points: ``"zset:c3d8"``, ``"abaqus:C3D20R"``, ...
        (`romnet.fe.formulations.FORMULATIONS`).
    ids
        Numbers that the foreign code gave to the cells (n_cells,).
    """

    cell_type: str
    connectivity: Int[Array, "n_cells n_cell_nodes"]
    formulation: str
    ids: Int[Array, " n_cells"]


@dataclass(frozen=True)
class FaceSet:
    """Faces named by the cell they belong to and their number in it.

    Attributes
    ----------
    cells
        Cell numbers (n_faces,), counted through the blocks of the mesh.
    local_faces
        Number of each face in its cell (n_faces,), positions in ``CELLS[...].faces``.
    """

    cells: Int[Array, " n_faces"]
    local_faces: Int[Array, " n_faces"]


@dataclass(frozen=True)
class Mesh:
    """Geometry of a computation, in the numbering of its file.

    Attributes
    ----------
    nodes
        Coordinates (n_nodes, n_dim) [length].
    blocks
        Cells; the cell number runs through the blocks in this order.
    node_ids
        Numbers that the foreign code gave to the nodes (n_nodes,).
    node_sets, cell_sets, face_sets
        Named sets; node and cell sets hold numbers (positions), not foreign ids.

    Raises
    ------
    ValueError
        When built with a node number that does not exist or arrays that do not fit together.
    """

    nodes: Float[Array, "n_nodes n_dim"]
    blocks: tuple[CellBlock, ...]
    node_ids: Int[Array, " n_nodes"]
    node_sets: Mapping[str, Int[Array, " _"]] = field(default_factory=dict)
    cell_sets: Mapping[str, Int[Array, " _"]] = field(default_factory=dict)
    face_sets: Mapping[str, FaceSet] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that all numbers point somewhere."""
        for block in self.blocks:
            if block.connectivity.size and not (
                block.connectivity.min() >= 0 and block.connectivity.max() < self.n_nodes
            ):
                message = (
                    f"{block.formulation} cells name node {block.connectivity.max()} "
                    f"of a mesh of {self.n_nodes} nodes."
                )
                raise ValueError(message)
        for name, members in self.node_sets.items():
            if members.size and members.max() >= self.n_nodes:
                message = f"node set {name} names node {members.max()} of {self.n_nodes}."
                raise ValueError(message)
        for name, members in self.cell_sets.items():
            if members.size and members.max() >= self.n_cells:
                message = f"cell set {name} names cell {members.max()} of {self.n_cells}."
                raise ValueError(message)

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return int(self.nodes.shape[0])

    @property
    def n_dim(self) -> int:
        """Space dimension, 2 (plane strain) or 3."""
        return int(self.nodes.shape[1])

    @property
    def n_cells(self) -> int:
        """Number of cells in all blocks."""
        return sum(len(block.connectivity) for block in self.blocks)

    @property
    def n_dofs(self) -> int:
        """Number of displacement components; dof = node * n_dim + direction."""
        return int(self.nodes.size)
