"""Ansys: meshes of ``.cdb`` archives, results of ``.rst`` and ``.rth`` files.

Both are read by ansys-mapdl-reader, an optional dependency, in a process of its own: damaged files
may end it. Result files hold stresses at the nodes of each element, not at its integration points,
so stresses are replayed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError
from romnet.fe.mesh import CellBlock, Mesh
from romnet.store.converters.ansys_cells import BRICKS, TETRAHEDRA, Element, cell_blocks
from romnet.store.converters.base import Converter, Results, check_node_order
from romnet.store.converters.guarded import GuardedFile
from romnet.store.converters.nodal import field_reader
from romnet.store.snapshots import FieldInfo

ARCHIVES = (".cdb",)
RESULTS = (".rst", ".rth")
MODAL = 2
_DIRECTIONS = ("UX", "UY", "UZ")
_SERVER = "romnet.store.converters.ansys_server"
_FIRST_NODE, _KIND, _NUMBER = 10, 1, 8
# Words of the head of a result file: the standard header, then the header of results.
_RESULT_FORMAT, _HEADER, _HEADER_WORDS, _HEAD_WORDS = 12, 103, 80, 185
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Reader:
    """Results opened by the foreign reader, on the nodes of a mesh."""

    path: Path
    raw: GuardedFile
    n_rows: int
    order: Int[Array, " n_nodes"]
    columns: Mapping[str, tuple[int, ...]]

    def read(self, number: int, names: tuple[str, ...]) -> dict[str, Array]:
        """Read some fields of one instant."""
        values = self.raw.ask("instant", number)["values"]
        n_columns = 1 + max((place for part in self.columns.values() for place in part), default=0)
        if values.ndim != 2 or len(values) != self.n_rows or values.shape[1] < n_columns:  # noqa: PLR2004
            message = f"{self.path}: instant {number} has {values.shape} values: damaged."
            raise ConversionError(message)
        rows = values[self.order]
        return {name: np.ravel(rows[:, list(self.columns[name])]) for name in names}


def read_mesh(path: Path) -> Mesh:
    """Read the solid elements of an archive or of a result file.

    Parameters
    ----------
    path
        ``.cdb``, ``.rst`` or ``.rth`` file.

    Returns
    -------
    Mesh
        Nodes of solid elements in the order of the file, with their numbers. Components are node
        and cell sets; archives keep them, not all result files do. SOLID185, 186 and 187 (and 45,
        95, 92 and the thermal 70, 90, 87) are read; degenerate bricks become prisms, pyramids and
        tetrahedra. Other elements are left out.

    Raises
    ------
    ConversionError
        If ansys-mapdl-reader is not installed or cannot read the file, or there are no solids.

    Notes
    -----
    Collective: no. Deterministic: yes. Cost: the first file starts a process, which takes seconds.

    Examples
    --------
    >>> read_mesh(Path("absent.cdb"))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.cdb: does not exist.
    """
    found = _open(path).ask("mesh")
    kinds = {int(number): int(kind) for number, kind in found["kinds"]}
    ends = np.cumsum(found["lengths"])
    rows = np.split(found["elements"], ends[:-1]) if ends.size else []
    if any(row.size <= _FIRST_NODE for row in rows):
        message = f"{path}: an element has no nodes."
        raise ConversionError(message)
    elements = [_element(row, kinds) for row in rows]
    if len(found["numbers"]) != len(found["places"]):
        message = f"{path}: {len(found['numbers'])} node numbers, {len(found['places'])} places."
        raise ConversionError(message)
    return _mesh(path, elements, found)


def read_results(path: Path, mesh: Mesh) -> Results:
    """Read the header of a result file; values are read one instant at a time.

    Parameters
    ----------
    path
        ``.rst`` or ``.rth`` file.
    mesh
        Mesh with the node numbers of the results.

    Returns
    -------
    Results
        ``displacement`` in the global axes, ``temperature`` where it was solved for. Modes have no
        instants: their numbers 1, 2, ... stand for them, with a warning.

    Raises
    ------
    ConversionError
        If ansys-mapdl-reader is not installed or cannot read the file, a node of the mesh has no
        results, or instants do not increase.

    Notes
    -----
    Collective: no. Deterministic: yes. As for `read_mesh`.

    Examples
    --------
    >>> read_results(Path("absent.rst"), Mesh(np.zeros((0, 3)), (), np.arange(0)))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.rst: does not exist.
    """
    if path.suffix.lower() not in RESULTS:
        message = f"{path}: archives hold no results; name a .rst or .rth file."
        raise ConversionError(message)
    raw = _open(path)
    head = raw.ask("results")
    order = _order(path, head["numbers"], mesh)
    dofs = head["dofs"].tolist()
    times = _times(path, head["times"])
    columns: dict[str, tuple[int, ...]] = {}
    fields: dict[str, FieldInfo] = {}
    if all(name in dofs for name in _DIRECTIONS):
        columns["displacement"] = tuple(dofs.index(name) for name in _DIRECTIONS)
        fields["displacement"] = FieldInfo("node", ("1", "2", "3"), "displacement", "length")
    if "TEMP" in dofs:
        columns["temperature"] = (dofs.index("TEMP"),)
        fields["temperature"] = FieldInfo("node", (), "temperature", "temperature")
    return Results(times, fields, _Reader(path, raw, head["numbers"].size, order, columns).read)


def _open(path: Path) -> GuardedFile:
    """Open a file with the foreign reader."""
    if not path.is_file():
        message = f"{path}: does not exist."
        raise ConversionError(message)
    if not _installed():
        message = f"{path}: needs ansys-mapdl-reader; pip install 'romnet[ansys]'."
        raise ConversionError(message)
    if path.suffix.lower() in ARCHIVES:
        _refuse_cut_archive(path)
    else:
        _refuse_cut_results(path)
    return GuardedFile(_SERVER, path)


def _installed() -> bool:
    """Whether the foreign reader can be imported."""
    try:
        return find_spec("ansys.mapdl.reader") is not None
    except ModuleNotFoundError:
        return False


def _refuse_cut_archive(path: Path) -> None:
    """Refuse text that is no archive or ends early: the foreign reader takes what there is."""
    content = path.read_bytes()
    if b"NBLOCK" not in content.upper() or b"EBLOCK" not in content.upper():
        message = f"{path}: is no Ansys archive, it lacks NBLOCK or EBLOCK."
        raise ConversionError(message)
    if b"FINISH" not in content[-2000:].upper() and b"EOF" not in content[-2000:].upper():
        message = f"{path}: ends without FINISH, the file is truncated."
        raise ConversionError(message)


@dataclass(frozen=True)
class _Header:
    """What the head of a result file says."""

    analysis: int
    sectors: int
    end: int


def _header(path: Path) -> _Header:
    """Read the head of a result file."""
    with path.open("rb") as file:
        head = np.frombuffer(file.read(4 * _HEAD_WORDS), dtype="<i4")
    if head.size < _HEAD_WORDS or head[2] != _RESULT_FORMAT or head[_HEADER] != _HEADER_WORDS:
        message = f"{path}: is no Ansys result file."
        raise ConversionError(message)
    words = head[_HEADER + 2 :]
    long_end = int(words[22]) & 0xFFFFFFFF | int(words[23]) << 32
    return _Header(int(words[7]), int(words[20]), int(words[9]) if words[9] > 0 else long_end)


def _refuse_cut_results(path: Path) -> None:
    """Refuse what is no result file, ends early, or holds one sector of many."""
    header = _header(path)
    if path.stat().st_size < 4 * header.end:
        message = f"{path}: expected {4 * header.end} bytes, the file is truncated."
        raise ConversionError(message)
    if header.sectors > 1:
        message = f"{path}: holds one of {header.sectors} sectors; cyclic results are not read."
        raise ConversionError(message)


def _element(row: Array, kinds: Mapping[int, int]) -> Element:
    """Return an element of the foreign reader's table."""
    nodes = tuple(int(node) for node in row[_FIRST_NODE:])
    return Element(int(row[_NUMBER]), kinds.get(int(row[_KIND]), 0), nodes)


def _mesh(path: Path, elements: Sequence[Element], tables: Mapping[str, Array]) -> Mesh:
    """Return the mesh of the solids, with the nodes that they use."""
    solid = [element for element in elements if element.kind in (*BRICKS, *TETRAHEDRA)]
    if not solid:
        kinds = sorted({element.kind for element in elements})
        message = f"{path}: holds no solid elements, only types {kinds}."
        raise ConversionError(message)
    if len(solid) < len(elements):
        kept_kinds = {element.kind for element in solid}
        left_out = sorted({element.kind for element in elements} - kept_kinds)
        logger.warning("%s: elements of types %s are left out", path, left_out)
    numbers, places = tables["numbers"], tables["places"]
    if np.unique(numbers).size < numbers.size or not np.isfinite(places).all():
        message = f"{path}: a node number occurs twice, or a coordinate is not finite."
        raise ConversionError(message)
    used = np.isin(numbers, np.unique([node for element in solid for node in element.nodes]))
    kept = numbers[used]
    positions = {int(number): place for place, number in enumerate(kept)}
    blocks = cell_blocks(path, solid, positions)
    for block in blocks:
        check_node_order(path, block.cell_type, places[used], block.connectivity)
    cell_ids = np.concatenate([block.ids for block in blocks])
    return Mesh(
        nodes=np.ascontiguousarray(places[used]),
        blocks=_unique_ids(path, blocks, cell_ids),
        node_ids=kept,
        node_sets=_sets("node", tables, kept),
        cell_sets=_sets("cell", tables, cell_ids),
    )


def _unique_ids(
    path: Path, blocks: tuple[CellBlock, ...], ids: Int[Array, " n"]
) -> tuple[CellBlock, ...]:
    """Return the blocks, whose element numbers must occur once."""
    if np.unique(ids).size < ids.size:
        message = f"{path}: an element number occurs twice."
        raise ConversionError(message)
    return blocks


def _sets(kind: str, tables: Mapping[str, Array], ids: Int[Array, " n"]) -> dict[str, Array]:
    """Return components as positions; those without a solid part are left out."""
    found = {
        name.removeprefix(f"{kind} "): np.flatnonzero(np.isin(ids, members))
        for name, members in tables.items()
        if name.startswith(f"{kind} ")
    }
    return {name: members for name, members in found.items() if members.size}


def _order(path: Path, numbers: Int[Array, " n"], mesh: Mesh) -> Int[Array, " n_nodes"]:
    """Return the row of each node of the mesh."""
    rows = np.argsort(numbers, kind="stable")
    places = np.minimum(np.searchsorted(numbers[rows], mesh.node_ids), max(numbers.size - 1, 0))
    found = rows[places] if numbers.size else places
    absent = mesh.node_ids[numbers[found] != mesh.node_ids] if numbers.size else mesh.node_ids
    if absent.size:
        message = f"{path}: has no results at node {absent[0]} of the mesh."
        raise ConversionError(message)
    return np.asarray(found, dtype=np.int64)


def _times(path: Path, times: Float[Array, " n"]) -> Float[Array, " n_times"]:
    """Return the instants, or the numbers of modes."""
    if _header(path).analysis == MODAL:
        logger.warning("%s: holds modes; their numbers stand for instants", path)
        return np.arange(1.0, times.size + 1.0)
    if times.size == 0 or not np.isfinite(times).all() or np.any(np.diff(times) <= 0.0):
        message = f"{path}: expected increasing instants, found {times[:5].tolist()}."
        raise ConversionError(message)
    return times


CONVERTER = Converter(
    name="ansys",
    suffixes=(*ARCHIVES, *RESULTS),
    read_mesh=read_mesh,
    read_results=read_results,
    read_field=field_reader(read_results),
)
