"""The visible surface of a mesh, as polygons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.fe.cells import CELLS
from romnet.fe.faces import boundary_faces, face_connectivity
from romnet.fe.mesh import Mesh

_QUAD, _TRIANGLE = 4, 3
_SPACE = 3


@dataclass(frozen=True)
class Skin:
    """Polygons of a surface in space.

    Attributes
    ----------
    vertices
        Coordinates (n_vertices, 3) [length].
    quads
        Corners of the quadrilaterals (n_quads, 4), turning around the outward normal by the
        right-hand rule.
    triangles
        Corners of the triangles (n_triangles, 3), in the same sense.

    Raises
    ------
    ValueError
        When built with a corner that is no vertex.
    """

    vertices: Float[Array, "n_vertices 3"]
    quads: Int[Array, "n_quads 4"]
    triangles: Int[Array, "n_triangles 3"]

    def __post_init__(self) -> None:
        """Check that all corners are vertices."""
        for faces in (self.quads, self.triangles):
            if faces.size and not 0 <= faces.min() <= faces.max() < len(self.vertices):
                message = (
                    f"a face of the skin names vertices {faces.min()} to {faces.max()}; "
                    f"there are {len(self.vertices)}."
                )
                raise ValueError(message)

    @property
    def n_faces(self) -> int:
        """Number of polygons."""
        return len(self.quads) + len(self.triangles)


def skin_of(mesh: Mesh) -> tuple[Skin, Int[Array, " n_vertices"]]:
    """Return the skin of a mesh and the node that each vertex is.

    Parameters
    ----------
    mesh
        A whole mesh. Of a plane one, the cells themselves are the skin.

    Returns
    -------
    skin
        Faces that belong to one cell only, drawn between their corners.
    nodes
        Node number of each vertex, ascending: ``field[nodes]`` is a nodal field on the skin.

    Notes
    -----
    Collective: no. Deterministic: yes. Cost: one sort of all faces of the mesh.

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> skin, nodes = skin_of(box_mesh((1.0, 1.0, 1.0), (3, 3, 3)))
    >>> skin.n_faces, len(nodes)
    (54, 56)
    """
    quads, triangles = [np.zeros((0, _QUAD), np.int64)], [np.zeros((0, _TRIANGLE), np.int64)]
    for corners in _polygons(mesh):
        (quads if corners.shape[1] == _QUAD else triangles).append(corners)
    all_quads, all_triangles = np.concatenate(quads), np.concatenate(triangles)
    nodes, vertex = np.unique(
        np.concatenate([all_quads.ravel(), all_triangles.ravel()]), return_inverse=True
    )
    vertices = np.zeros((len(nodes), _SPACE))
    vertices[:, : mesh.n_dim] = mesh.nodes[nodes]
    split = all_quads.size
    skin = Skin(
        vertices,
        vertex[:split].reshape(-1, _QUAD).astype(np.int64),
        vertex[split:].reshape(-1, _TRIANGLE).astype(np.int64),
    )
    return skin, nodes


def _polygons(mesh: Mesh) -> list[Array]:
    """Return the corners of the faces of the skin, one array for each kind of face."""
    if mesh.n_dim == _SPACE:
        return [
            group.nodes[:, : CELLS[group.cell_type].n_corners]
            for group in face_connectivity(mesh, boundary_faces(mesh))
        ]
    return [block.connectivity[:, : CELLS[block.cell_type].n_corners] for block in mesh.blocks]
