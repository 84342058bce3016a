"""Z-set results of a mesh that was cut into subdomains: one ``.cut`` file, one set for each.

Beside ``job.cut`` lie ``job-001.ut``, ``job-001.node``, ``job-001.integ`` and so on; each index
names the mesh of its subdomain, whose nodes and elements keep the numbers of the whole mesh.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Int

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError
from romnet.fe.formulations import formulation
from romnet.fe.mesh import Mesh
from romnet.store.converters.base import Results
from romnet.store.converters.geof import read_geof
from romnet.store.converters.reach import beside
from romnet.store.converters.zset import read_results
from romnet.store.converters.zset_index import mesh_file
from romnet.store.snapshots import FieldInfo

MOST_DOMAINS = 100_000
PART_REACTION = "part_reaction"
_SAME_PLACE = 1e-9


@dataclass(frozen=True)
class Decomposition:
    """What a ``.cut`` file says.

    Attributes
    ----------
    mesh_file
        The whole mesh.
    indices
        Index of each subdomain, in order.
    """

    mesh_file: Path
    indices: tuple[Path, ...]


@dataclass(frozen=True)
class _Part:
    """Results of one subdomain, and where they belong in the whole mesh."""

    results: Results
    nodes: Int[Array, " n_part_nodes"]
    points: Int[Array, " n_part_points"]

    def places(self, info: FieldInfo) -> Int[Array, " n"]:
        """Return the nodes or points of the whole mesh that a field of this part is given at."""
        return self.nodes if info.location == "node" else self.points


@dataclass(frozen=True)
class _Whole:
    """The whole mesh, where foreign numbers are looked up."""

    mesh: Mesh
    cell_ids: Int[Array, " n_cells"]
    first_cell: Int[Array, " n_blocks"]
    first_point: Int[Array, " n"]

    @classmethod
    def of(cls, path: Path, mesh: Mesh) -> _Whole:
        """Return the numbering of a mesh."""
        sizes = [len(block.connectivity) for block in mesh.blocks]
        counts = [
            np.full(len(block.connectivity), _points_per_cell(path, block.formulation))
            for block in mesh.blocks
        ]
        return cls(
            mesh,
            np.concatenate([np.zeros(0, np.int64), *(block.ids for block in mesh.blocks)]),
            np.cumsum([0, *sizes], dtype=np.int64),
            np.cumsum(np.concatenate([np.zeros(1, np.int64), *counts]), dtype=np.int64),
        )

    def nodes_of(self, index: Path, own: Mesh) -> Int[Array, " n_part_nodes"]:
        """Return the nodes of a part, which must lie where the whole mesh has them."""
        found = _find(index, "node", self.mesh.node_ids, own.node_ids)
        if own.n_dim != self.mesh.n_dim:
            message = f"{index}: its mesh is {own.n_dim}-D, the whole one {self.mesh.n_dim}-D."
            raise ConversionError(message)
        size = float(np.ptp(self.mesh.nodes, axis=0).max(initial=0.0)) if found.size else 0.0
        away = np.abs(self.mesh.nodes[found] - own.nodes).max(axis=1, initial=0.0)
        if away.size and away.max() > _SAME_PLACE * size:
            message = (
                f"{index}: node {own.node_ids[away.argmax()]} lies {away.max():.3g} away from "
                "that of the whole mesh; subdomains must keep its numbers."
            )
            raise ConversionError(message)
        return found

    def points_of(
        self, index: Path, own: Mesh, nodes: Int[Array, " n"]
    ) -> Int[Array, " n_part_points"]:
        """Return the points of a part, whose cells must be those of the whole mesh."""
        found = [np.zeros(0, np.int64)]
        for block in own.blocks:
            cells = _find(index, "element", self.cell_ids, block.ids)
            blocks = np.searchsorted(self.first_cell, cells, side="right") - 1
            same = np.zeros(len(cells), dtype=bool)
            for number in np.unique(blocks):
                other, mine = self.mesh.blocks[number], blocks == number
                if other.formulation == block.formulation:
                    rows = other.connectivity[cells[mine] - self.first_cell[number]]
                    same[mine] = (rows == nodes[block.connectivity[mine]]).all(axis=1)
            if not same.all():
                number = block.ids[np.flatnonzero(~same)[0]]
                message = f"{index}: element {number} of its mesh is not that of the whole mesh."
                raise ConversionError(message)
            n_points = _points_per_cell(index, block.formulation)
            found.append((self.first_point[cells][:, None] + np.arange(n_points)).ravel())
        return np.concatenate(found)


def read_decomposition(path: Path) -> Decomposition:
    r"""Read the head of a ``.cut`` file.

    Parameters
    ----------
    path
        The file; the indices ``<stem>-001.ut``, ... lie beside it.

    Raises
    ------
    ConversionError
        If it does not say which mesh was cut into how many subdomains.

    Notes
    -----
    Collective: no. Deterministic: yes. Opens none of the files that it names.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "job.cut"
    ...     _ = path.write_text("***decomposition\n **global_mesh a.geof\n **domains 2\n")
    ...     [index.name for index in read_decomposition(path).indices]
    ['job-001.ut', 'job-002.ut']
    """
    try:
        text = path.read_text(encoding="latin-1")
    except OSError as problem:
        message = f"{path}: cannot be read ({problem.strerror})."
        raise ConversionError(message) from problem
    mesh = re.search(r"^\s*\*\*global_mesh\s+(\S+)\s*$", text, re.MULTILINE)
    domains = re.search(r"^\s*\*\*domains\s+([0-9]{1,9})\s*$", text, re.MULTILINE)
    if "***decomposition" not in text or mesh is None or domains is None:
        message = f"{path}: is no Z-set decomposition, it lacks **global_mesh or **domains."
        raise ConversionError(message)
    count = int(domains[1])
    if not 0 < count <= MOST_DOMAINS:
        message = f"{path}: announces {count} domains, expected 1 ... {MOST_DOMAINS}."
        raise ConversionError(message)
    indices = tuple(path.parent / f"{path.stem}-{number + 1:03d}.ut" for number in range(count))
    return Decomposition(beside(path, mesh[1]), indices)


def read_partitioned(path: Path, mesh: Mesh) -> Results:
    """Read the headers of the results of all subdomains as results of the whole mesh.

    Parameters
    ----------
    path
        ``.cut`` file.
    mesh
        The whole mesh.

    Returns
    -------
    Results
        The fields of `romnet.store.converters.zset.read_results`. Between two parts the files
        hold the forces from one to the other, not reactions: that field is ``part_reaction``.

    Raises
    ------
    ConversionError
        If a file is missing or damaged, subdomains have unequal instants or fields, a node or
        element is not where the whole mesh has it, or some belong to no subdomain.

    Notes
    -----
    Collective: no. Deterministic: yes; shared nodes take the value of the first subdomain. Memory:
    the meshes of the subdomains while it runs, then one instant of what is asked for.

    Examples
    --------
    >>> read_partitioned(Path("absent.cut"), Mesh(np.zeros((0, 3)), (), np.arange(0)))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.cut: cannot be read (No such file or directory).
    """
    decomposition = read_decomposition(path)
    whole = _Whole.of(path, mesh)
    parts: list[_Part] = []
    for index in decomposition.indices:
        own = read_geof(mesh_file(index))
        nodes = whole.nodes_of(index, own)
        part = _Part(read_results(index, own), nodes, whole.points_of(index, own, nodes))
        parts.append(part)
        _check_alike(index, parts[0].results, part.results)
    n_points = int(whole.first_point[-1])
    for what, found, count in (
        ("nodes", np.unique(np.concatenate([part.nodes for part in parts])).size, mesh.n_nodes),
        ("points", sum(part.points.size for part in parts), n_points),
    ):
        if found != count:
            message = f"{path}: its {len(parts)} subdomains hold {found} of {count} {what}."
            raise ConversionError(message)
    return _joined(parts, {"node": mesh.n_nodes, "point": n_points})


def _joined(parts: list[_Part], counts: Mapping[str, int]) -> Results:
    """Return results that put those of the parts together when asked for."""
    given = parts[0].results.fields
    names = {PART_REACTION if name == "reaction" else name: name for name in given}
    fields = {
        name: replace(given[own], quantity="force between parts")
        if name == PART_REACTION
        else given[own]
        for name, own in names.items()
    }

    def read(number: int, wanted: tuple[str, ...]) -> dict[str, Array]:
        """Read some fields of one instant."""
        own = tuple(names[name] for name in wanted)
        whole = {
            name: np.zeros((counts[fields[name].location], fields[name].n_components))
            for name in wanted
        }
        for part in reversed(parts):
            instant = part.results.instant(number, own)
            for name in wanted:
                width = fields[name].n_components
                values = instant[names[name]].reshape(-1, width)
                whole[name][part.places(fields[name])] = values
        return {
            name: values.ravel()
            if fields[name].location == "node" or not fields[name].components
            else values
            for name, values in whole.items()
        }

    return Results(parts[0].results.times, fields, read)


def _find(
    index: Path, what: str, ids: Int[Array, " n"], wanted: Int[Array, " m"]
) -> Int[Array, " m"]:
    """Return where foreign numbers are among those of the whole mesh."""
    order = np.argsort(ids, kind="stable")
    places = np.minimum(np.searchsorted(ids[order], wanted), max(ids.size - 1, 0))
    absent = wanted[ids[order][places] != wanted] if ids.size else wanted
    if absent.size:
        message = f"{index}: {what} {absent[0]} of its mesh is not in the whole mesh."
        raise ConversionError(message)
    return np.asarray(order[places] if wanted.size else places, dtype=np.int64)


def _points_per_cell(path: Path, name: str) -> int:
    """Return how many points a cell has; meshes of other codes are refused."""
    if not name.startswith("zset:"):
        message = f"{path}: Z-set results belong to a Z-set mesh, not to {name} cells."
        raise ConversionError(message)
    return formulation(name).n_points


def _check_alike(index: Path, first: Results, other: Results) -> None:
    """Refuse a part whose instants or fields are not those of the first."""
    if not np.array_equal(first.times, other.times):
        message = f"{index}: its instants are not those of the first subdomain."
        raise ConversionError(message)
    if dict(first.fields) != dict(other.fields):
        message = f"{index}: its fields are not those of the first subdomain."
        raise ConversionError(message)
