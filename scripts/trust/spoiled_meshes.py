"""Meshes that cannot carry a load, or look as if they could not: said before anything is solved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from looks import looked
from outcome import Outcome
from study_bases import bar, write

from romnet.fe.mesh import Mesh
from romnet.fe.structured import box_mesh
from romnet.store.mesh_file import save_mesh

_KIND = "input: mesh"


@dataclass(frozen=True)
class Spoiled:
    """A mesh, the constraints of its study, and what must be said of it, numbers included."""

    mesh: Mesh
    says: str
    refused: bool
    constraints: Any = None


def run(folder: Path) -> Iterator[Outcome]:
    """Look at each mesh, and compute where nothing stands in the way."""
    for name, spoil in SPOILED.items():
        yield looked(_KIND, name, partial(_asked, folder / name, spoil))


def _asked(folder: Path, spoil: Callable[[], Spoiled]) -> tuple[Path, str, bool]:
    """Write a study; return it, the words it must be met with, and whether it is refused."""
    spoiled = spoil()
    folder.mkdir(parents=True)
    save_mesh(folder / "mesh.h5", spoiled.mesh)
    changes = {} if spoiled.constraints is None else {"constraints": spoiled.constraints}
    path = write(folder, bar(mesh="mesh.h5", online=[], **changes))
    return path, spoiled.says, spoiled.refused


def _box() -> Mesh:
    """Return two cubes in a row: nodes along x first, so that 1, 4, 7 and 10 lie between them."""
    return box_mesh((2.0, 1.0, 1.0), (2, 1, 1))


def _mesh(nodes: Any, cells: Any) -> Mesh:
    """Return the box with other nodes and cells."""
    box = _box()
    places, rows = np.asarray(nodes, dtype=float), np.asarray(cells, dtype=np.int64)
    block = replace(box.blocks[0], connectivity=rows, ids=1 + np.arange(len(rows)))
    return replace(box, nodes=places, node_ids=1 + np.arange(len(places)), blocks=(block,))


def _moved(node: int, place: tuple[float, float, float]) -> Mesh:
    """Return the box with one node elsewhere."""
    mesh = _box()
    nodes = mesh.nodes.copy()
    nodes[node] = place
    return _mesh(nodes, mesh.blocks[0].connectivity)


def _parted(count: int) -> Mesh:
    """Let the second cube have its own copies of some of the nodes between."""
    mesh = _box()
    first, second = mesh.blocks[0].connectivity
    between = np.intersect1d(first, second)[:count]
    copies = dict(zip(between.tolist(), range(mesh.n_nodes, mesh.n_nodes + count), strict=True))
    apart = [copies.get(int(node), int(node)) for node in second]
    return _mesh(np.vstack([mesh.nodes, mesh.nodes[between]]), [first, apart])


def _inverted() -> Mesh:
    """Turn the second cube inside out."""
    first, second = _box().blocks[0].connectivity
    return _mesh(_box().nodes, [first, np.roll(second, 4)])


def _alone() -> Mesh:
    """Put a third cube far away."""
    mesh = _box()
    first, second = mesh.blocks[0].connectivity
    far = mesh.nodes[first] + [10.0, 0.0, 0.0]
    return _mesh(np.vstack([mesh.nodes, far]), [first, second, mesh.n_nodes + np.arange(8)])


def _touching(count: int) -> Mesh:
    """Let a third cube share one node, or one edge, with the end of the bar."""
    mesh = _box()
    first, second = mesh.blocks[0].connectivity
    corner = mesh.nodes[first]
    # Beyond x = 2 and y = 1, and above z = 1 where only one node is shared.
    third = corner + np.array([2.0, 1.0, 1.0 if count == 1 else 0.0])
    joined = [np.flatnonzero(np.isclose(mesh.nodes, place).all(axis=1)) for place in third]
    new = iter(range(mesh.n_nodes, mesh.n_nodes + 8))
    row = [int(found[0]) if found.size else next(new) for found in joined]
    added = [place for place, found in zip(third, joined, strict=True) if not found.size]
    return _mesh(np.vstack([mesh.nodes, added]), [first, second, row])


def _orphans() -> Mesh:
    """Add two nodes of no cell."""
    mesh = _box()
    more = [[5.0, 5.0, 5.0], [6.0, 5.0, 5.0]]
    return _mesh(np.vstack([mesh.nodes, more]), mesh.blocks[0].connectivity)


def _twice() -> Mesh:
    """Let the second cube be there twice, which doubles its stiffness."""
    first, second = _box().blocks[0].connectivity
    return _mesh(_box().nodes, [first, second, second])


def _collapsed() -> Mesh:
    """Let a cube name one node eight times."""
    first, _ = _box().blocks[0].connectivity
    return _mesh(_box().nodes, [first, np.repeat(first[1], 8)])


def _flat() -> Mesh:
    """Press the second cube to a thousandth."""
    mesh = _box()
    nodes = mesh.nodes.copy()
    nodes[nodes[:, 0] > 1.5, 0] = 1.0 + 1e-3  # noqa: PLR2004  (the second cube's end)
    return _mesh(nodes, mesh.blocks[0].connectivity)


def _sheared() -> Mesh:
    """Shear the second cube until its corners are almost flat."""
    mesh = _box()
    nodes = mesh.nodes.copy()
    nodes[nodes[:, 0] > 1.5, 1] += 110.0  # noqa: PLR2004
    return _mesh(nodes, mesh.blocks[0].connectivity)


def _empty() -> Mesh:
    """Leave no cell."""
    return _mesh(_box().nodes, np.zeros((0, 8)))


def _held(*rows: tuple[str, list[float | None]]) -> list[dict[str, Any]]:
    """Write constraints."""
    return [{"nodes": nodes, "u": values} for nodes, values in rows]


HINGE = _held(("x0y0", [0.0, 0.0, 0.0]))
SLIDES = _held(("x0", [0.0, None, None]), ("x0y0", [None, 0.0, None]))
SPINS = _held(("x0", [0.0, None, None]))
NONE: list[dict[str, Any]] = []
TWICE = [*bar()["constraints"], *_held(("x0", [1.0e-3, None, None]))]

SPOILED: dict[str, Callable[[], Spoiled]] = {
    "one node twice": lambda: Spoiled(_parted(1), r"1 pairs of nodes .*: \d+=13", refused=False),
    "all nodes between twice": lambda: Spoiled(
        _parted(4),
        r"(?s)4 pairs of nodes.*2 parts .*\(1\.5, 0\.5, 0\.5\) is not held: shift along x, shift",
        refused=True,
    ),
    "inverted cell": lambda: Spoiled(_inverted(), r"1 cells are inverted: 2", refused=True),
    "corner beyond the other side": lambda: Spoiled(
        _moved(2, (0.2, 0.0, 0.0)), r"1 cells are inverted: 2", refused=True
    ),
    "node that is not a number": lambda: Spoiled(
        _moved(2, (np.nan, 0.0, 0.0)), r"1 nodes have coordinates .* node 3: ", refused=True
    ),
    "node at infinity": lambda: Spoiled(
        _moved(2, (np.inf, 0.0, 0.0)), r"1 nodes have coordinates .* node 3: ", refused=True
    ),
    "cell of one node": lambda: Spoiled(_collapsed(), r"1 cells are inverted: 2", refused=True),
    "almost flat cell": lambda: Spoiled(
        _sheared(), r"1 cells are almost flat .*: 2", refused=False
    ),
    "thin cell": lambda: Spoiled(_flat(), r"worst scaled Jacobian 1 ", refused=False),
    "nodes of no cell": lambda: Spoiled(
        _orphans(), r"2 nodes belong to no cell: 13, 14", refused=False
    ),
    "part far away": lambda: Spoiled(
        _alone(),
        r"(?s)2 parts .* of 2, 1 cells.*\(10\.5, 0\.5, 0\.5\) is not held",
        refused=True,
    ),
    "part on one edge": lambda: Spoiled(
        _touching(2), r"2 pieces, of 2, 1 cells.*hinge", refused=False
    ),
    "part on one node": lambda: Spoiled(
        _touching(1), r"2 pieces, of 2, 1 cells.*hinge", refused=False
    ),
    "cell twice": lambda: Spoiled(_twice(), r"1 cells .* same nodes .*: 3", refused=False),
    "no cell": lambda: Spoiled(_empty(), r"holds no cell", refused=True),
    "held at nothing": lambda: Spoiled(
        _box(),
        r"is not held: (?:shift along ., ){3}(?:spin about .,? ?;? ?){3}",
        refused=True,
        constraints=NONE,
    ),
    "held along an edge": lambda: Spoiled(
        _box(),
        r"around \(1, 0\.5, 0\.5\) is not held: spin about z; add",
        refused=True,
        constraints=HINGE,
    ),
    "free to slide": lambda: Spoiled(
        _box(), r"is not held: shift along z; add", refused=True, constraints=SLIDES
    ),
    "free to spin": lambda: Spoiled(
        _box(),
        r"is not held: shift along y, shift along z, spin about x; add",
        refused=True,
        constraints=SPINS,
    ),
    "held in two ways": lambda: Spoiled(
        _box(), r"constraints\[0\] prescribes x of 4 of these", refused=False, constraints=TWICE
    ),
}
