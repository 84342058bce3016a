"""Regular meshes of a box or a rectangle, in every cell type, for tests and benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, permutations, product

import numpy as np

from romnet.core.arrays import Array
from romnet.fe.cells import CELLS
from romnet.fe.faces import boundary_faces, face_connectivity
from romnet.fe.formulations import default_formulation
from romnet.fe.mesh import CellBlock, FaceSet, Mesh

# From the bottom to the top of a box of the lattice.
_UP = np.array([0.0, 0.0, 2.0])


def box_mesh(
    lengths: Sequence[float],
    divisions: Sequence[int],
    cell_type: str = "hex8",
    *,
    formulation: str | None = None,
) -> Mesh:
    """Mesh a box (or a rectangle) with its lowest corner at the origin.

    Each of the equal boxes is one hexahedron, two wedges, six tetrahedra or six pyramids; in the
    plane one quadrilateral or two triangles.

    Parameters
    ----------
    lengths
        Sides, two or three [length].
    divisions
        Boxes along each side.
    cell_type
        Any solid or plane type of `romnet.fe.cells.CELLS`.
    formulation
        Element formulation; the default of the cell type when not given.

    Returns
    -------
    Mesh
        Nodes numbered along x first, then y, then z. Node sets of faces ``x0, x1, y0, ...``,
        edges ``x0y0, ...`` and vertices ``x0y0z0, ...`` (edges of a rectangle are ``x0, ...``);
        face sets ``x0, x1, ...``. Foreign numbers start at 1.

    Raises
    ------
    ValueError
        If `cell_type` does not fill a box of this dimension.

    Notes
    -----
    Collective: no. Deterministic: yes.

    Examples
    --------
    >>> mesh = box_mesh((1.0, 1.0, 1.0), (6, 6, 6))
    >>> mesh.n_nodes, mesh.n_cells, mesh.node_sets["x0y1z1"].tolist()
    (343, 216, [336])
    """
    if len(lengths) != len(divisions) or CELLS[cell_type].n_dim != len(lengths):
        message = (
            f"{cell_type} fills {CELLS[cell_type].n_dim} dimensions, got lengths "
            f"{tuple(lengths)} and divisions {tuple(divisions)}."
        )
        raise ValueError(message)
    # Lattice of all corners and middles: twice as fine as the boxes.
    lattice = tuple(2 * n + 1 for n in divisions)
    used, connectivity = np.unique(
        _numbers(_box_origins(divisions)[:, None, None] + _cell_places(cell_type), lattice),
        return_inverse=True,
    )
    connectivity = connectivity.reshape(-1, CELLS[cell_type].n_nodes).astype(np.int64)
    places = np.stack(np.unravel_index(used, lattice[::-1])[::-1], axis=1)
    nodes = places / (np.array(lattice) - 1) * np.array(lengths, dtype=float)
    block = CellBlock(
        cell_type=cell_type,
        connectivity=connectivity,
        formulation=formulation or default_formulation(cell_type),
        ids=np.arange(1, len(connectivity) + 1),
    )
    node_ids = np.arange(1, len(nodes) + 1)
    on_side = {
        f"{axis}{end}": places[:, number] == end * (lattice[number] - 1)
        for number, axis in enumerate("xyz"[: len(lengths)])
        for end in (0, 1)
    }
    bare = Mesh(nodes, (block,), node_ids)
    return Mesh(
        nodes, (block,), node_ids, node_sets=_node_sets(on_side), face_sets=_sides(bare, on_side)
    )


def _cell_places(cell_type: str) -> Array:
    """Return the lattice places of the nodes of the cells in one box (n_cells, n_nodes, n_dim)."""
    cell = CELLS[cell_type]
    corners = {
        "quad": _square,
        "tri": _two_triangles,
        "hex": _cube,
        "tet": _six_tetrahedra,
        "wedge": _two_wedges,
        "pyramid": _six_pyramids,
    }[cell.geometry]()
    first_order = CELLS[f"{cell.geometry}{cell.n_corners}"]
    return np.asarray(np.rint(first_order.shape(cell.nodes) @ corners), dtype=np.int64)


def _square() -> Array:
    """Return the square itself."""
    return np.array([[(0, 0), (2, 0), (2, 2), (0, 2)]], dtype=float)


def _two_triangles() -> Array:
    """Return the halves of the square along its first diagonal."""
    return np.asarray(_square()[0][[[0, 1, 2], [0, 2, 3]]])


def _cube() -> Array:
    """Return the cube itself."""
    base = np.insert(_square(), 2, 0.0, axis=2)
    return np.concatenate([base, base + _UP], axis=1)


def _two_wedges() -> Array:
    """Return the halves of the cube above the triangles."""
    base = np.insert(_two_triangles(), 2, 0.0, axis=2)
    return np.concatenate([base, base + _UP], axis=1)


def _six_tetrahedra() -> Array:
    """Return one tetrahedron for each order of walking along the axes from corner to corner."""
    tetrahedra = []
    for order in permutations(range(3)):
        steps = 2.0 * np.eye(3)[list(order)]
        walk = np.vstack([np.zeros(3), np.cumsum(steps, axis=0)])
        # An odd order walks around the diagonal the other way.
        if np.linalg.det(steps) < 0.0:
            walk = walk[[0, 2, 1, 3]]
        tetrahedra.append(walk)
    return np.array(tetrahedra)


def _six_pyramids() -> Array:
    """Return one pyramid from each side of the cube to its centre."""
    cube = _cube()[0]
    # The base of a pyramid looks inwards, the side of a hexahedron outwards.
    bases = [cube[list(corners)[::-1]] for _, corners in CELLS["hex8"].faces]
    return np.array([np.vstack([base, np.ones(3)]) for base in bases])


def _box_origins(divisions: Sequence[int]) -> Array:
    """Return the lattice place of the lowest corner of each box, x fastest."""
    numbers = np.indices(tuple(divisions)[::-1]).reshape(len(divisions), -1)[::-1].T
    return np.asarray(2 * numbers)


def _numbers(places: Array, lattice: tuple[int, ...]) -> Array:
    """Return lattice numbers, x fastest."""
    strides = np.cumprod((1, *lattice[:-1]))
    return np.asarray(places @ strides)


def _node_sets(on_side: dict[str, Array]) -> dict[str, Array]:
    """Return sides and their intersections: ``x0``, ``x0y0``, ``x0y0z0``."""
    axes = sorted({name[0] for name in on_side})
    sets = {}
    for n_axes in range(1, len(axes) + 1):
        for chosen in combinations(axes, n_axes):
            for ends in product("01", repeat=n_axes):
                names = [axis + end for axis, end in zip(chosen, ends, strict=True)]
                members = np.logical_and.reduce([on_side[name] for name in names])
                sets["".join(names)] = np.flatnonzero(members)
    return sets


def _sides(mesh: Mesh, on_side: dict[str, Array]) -> dict[str, FaceSet]:
    """Return the faces of the skin on each side."""
    skin = boundary_faces(mesh)
    sides = {}
    for name, members in on_side.items():
        inside = np.zeros(len(skin.cells), dtype=bool)
        for group in face_connectivity(mesh, skin):
            inside[group.positions] = members[group.nodes].all(axis=1)
        sides[name] = FaceSet(skin.cells[inside], skin.local_faces[inside])
    return sides
