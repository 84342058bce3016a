"""Z-set text meshes (``.geof``): nodes, elements, and node, element and face sets.

Cells keep the order of the file, on which the result files rely: consecutive elements of one type
make one block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
from jaxtyping import Int

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError, StudyError
from romnet.fe.faces import locate_faces
from romnet.fe.mesh import CellBlock, FaceSet, Mesh
from romnet.store.converters.base import check_node_order

_RING_6 = (0, 2, 4, 1, 3, 5)
_RING_8 = (0, 2, 4, 6, 1, 3, 5, 7)
_TET_10 = (0, 1, 2, 9, 3, 4, 5, 6, 7, 8)
_WEDGE_15 = (0, 2, 4, 9, 11, 13, 1, 3, 5, 10, 12, 14, 6, 7, 8)
_HEX_20 = (0, 2, 4, 6, 12, 14, 16, 18, 1, 3, 5, 7, 13, 15, 17, 19, 8, 9, 10, 11)

# Z-set walks around quadratic cells layer by layer, corners and mid-side nodes in turn; the tuple
# gives, for each node in VTK order, its place in the file.
ELEMENTS: dict[str, tuple[str, tuple[int, ...]]] = {
    "c2d3": ("tri3", tuple(range(3))),
    "c2d4": ("quad4", tuple(range(4))),
    "c2d6": ("tri6", _RING_6),
    "c2d6r": ("tri6", _RING_6),
    "c2d8": ("quad8", _RING_8),
    "c2d8r": ("quad8", _RING_8),
    "c3d4": ("tet4", tuple(range(4))),
    "c3d5": ("pyramid5", tuple(range(5))),
    "c3d6": ("wedge6", tuple(range(6))),
    "c3d8": ("hex8", tuple(range(8))),
    "c3d8r": ("hex8", tuple(range(8))),
    "c3d10": ("tet10", _TET_10),
    "c3d10_4": ("tet10", _TET_10),
    "c3d15": ("wedge15", _WEDGE_15),
    "c3d15r": ("wedge15", _WEDGE_15),
    "c3d20": ("hex20", _HEX_20),
    "c3d20r": ("hex20", _HEX_20),
}
FACETS: dict[str, tuple[int, ...]] = {
    "t3": tuple(range(3)),
    "q4": tuple(range(4)),
    "t6": _RING_6,
    "q8": _RING_8,
    "line": (0, 1),
    "quad": (0, 2, 1),
}
_IGNORED = ("***geometry", "***group", "***return")
_PLANE = 2


@dataclass(frozen=True)
class _Section:
    """One keyword of the file with the lines below it."""

    path: Path
    keyword: str
    argument: str
    first: int
    lines: Sequence[str]

    def fail(self, problem: str, line: int | None = None) -> ConversionError:
        """Return an error that names the line (counted within the section; its title if None)."""
        number = self.first if line is None else self.first + 1 + line
        return ConversionError(f"{self.path}:{number}: {problem}")

    def tokens(self) -> list[tuple[int, list[str]]]:
        """Return the words of each line that is neither empty nor a comment."""
        words = ((number, line.split()) for number, line in enumerate(self.lines))
        return [(number, found) for number, found in words if found and found[0][0] != "%"]

    def integers(self) -> Int[Array, " n"]:
        """Return all numbers of the section."""
        return self.numbers(self.tokens())

    def numbers(self, rows: list[tuple[int, list[str]]]) -> Int[Array, " n"]:
        """Return the integers in some rows, one after the other."""
        try:
            return np.array([word for _, words in rows for word in words], dtype=np.int64)
        except (ValueError, OverflowError) as problem:
            line, word = _first_bad_word(rows, int)
            raise self.fail(f"{word!r} is no integer.", line) from problem


def read_geof(path: Path) -> Mesh:
    """Read a Z-set mesh.

    Parameters
    ----------
    path
        Text file, from ``***geometry`` to ``***return``.

    Returns
    -------
    Mesh
        Formulations are named after the elements, ``"zset:c3d8"``. Face sets keep the order of
        the file. A ``liset`` of a mesh in space becomes the node set of its nodes.

    Raises
    ------
    ConversionError
        If the text is malformed or ends early, numbers do not exist, or an element type is not
        known; the message names the line.

    Notes
    -----
    Collective: no. Deterministic: yes. Memory: a few times the file.

    Examples
    --------
    >>> read_geof(Path("absent.geof"))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.geof: cannot be read (No such file or directory).
    """
    sections = _sections(path)
    nodes_section, cells_section = (
        _only(path, sections, keyword) for keyword in ("node", "element")
    )
    nodes, node_ids = _read_nodes(nodes_section)
    numbers = _Numbering(node_ids)
    blocks = _read_elements(cells_section, numbers)
    for block in blocks:
        check_node_order(path, block.cell_type, nodes, block.connectivity)
    mesh = Mesh(nodes, blocks, node_ids)
    return _with_sets(mesh, sections, numbers)


@dataclass(frozen=True)
class _Numbering:
    """From foreign numbers to positions."""

    ids: Int[Array, " n"]

    def positions(self, wanted: Int[Array, " m"], section: _Section) -> Int[Array, " m"]:
        """Return where each foreign number is."""
        if self.ids.size == 0 and wanted.size:
            raise section.fail(f"{section.keyword} {section.argument} names what does not exist.")
        order = np.argsort(self.ids, kind="stable")
        places = np.searchsorted(self.ids[order], wanted)
        found = order[np.minimum(places, self.ids.size - 1)] if wanted.size else places
        absent = wanted[self.ids[found] != wanted] if wanted.size else wanted
        if absent.size:
            title = f"{section.keyword} {section.argument}".strip()
            raise section.fail(f"{title} names number {absent[0]}, which does not exist.")
        return np.asarray(found)


def _sections(path: Path) -> list[_Section]:
    """Cut the file at its keywords."""
    try:
        lines = path.read_text(encoding="latin-1").splitlines()
    except OSError as problem:
        message = f"{path}: cannot be read ({problem.strerror})."
        raise ConversionError(message) from problem
    starts = [number for number, line in enumerate(lines) if line.lstrip().startswith("*")]
    if not starts or "geometry" not in lines[starts[0]]:
        message = f"{path}: is no Z-set mesh, it does not begin with ***geometry."
        raise ConversionError(message)
    if not any(lines[start].split()[0] == "***return" for start in starts):
        message = f"{path}:{len(lines)}: ends without ***return, the file is truncated."
        raise ConversionError(message)
    sections = []
    for start, stop in zip(starts, [*starts[1:], len(lines)], strict=True):
        keyword, _, argument = lines[start].strip().partition(" ")
        if keyword not in _IGNORED:
            body = lines[start + 1 : stop]
            sections.append(_Section(path, keyword.lstrip("*"), argument.strip(), start + 1, body))
    return sections


def _only(path: Path, sections: Sequence[_Section], keyword: str) -> _Section:
    """Return the one section with this keyword."""
    found = [section for section in sections if section.keyword == keyword]
    if len(found) != 1:
        message = f"{path}: expected one **{keyword} section, found {len(found)}."
        raise ConversionError(message)
    return found[0]


def _header(section: _Section, rows: list[tuple[int, list[str]]], count: int) -> list[int]:
    """Return the integers of the first line of a section."""
    if not rows or len(rows[0][1]) < count:
        problem = f"**{section.keyword} must be followed by {count} numbers."
        raise section.fail(problem)
    return [int(number) for number in section.numbers([(rows[0][0], rows[0][1][:count])])]


def _read_nodes(section: _Section) -> tuple[Array, Array]:
    """Return coordinates and foreign numbers of the nodes."""
    rows = section.tokens()
    count, n_dim = _header(section, rows, 2)
    rows = rows[1:]
    _check_count(section, rows, count)
    for line, words in rows:
        if len(words) != n_dim + 1:
            raise section.fail(f"expected a number and {n_dim} coordinates.", line)
    try:
        nodes = np.array([word for _, words in rows for word in words[1:]], dtype=np.float64)
    except ValueError as problem:
        line, word = _first_bad_word([(line, words[1:]) for line, words in rows], float)
        raise section.fail(f"{word!r} is no coordinate.", line) from problem
    ids = section.numbers([(line, words[:1]) for line, words in rows])
    _check_unique(section, ids)
    return nodes.reshape(count, n_dim), ids


def _read_elements(section: _Section, numbers: _Numbering) -> tuple[CellBlock, ...]:
    """Return the cells, one block for each run of one type."""
    rows = section.tokens()
    (count,) = _header(section, rows, 1)
    rows = rows[1:]
    _check_count(section, rows, count)
    for line, words in rows:
        if len(words) < 2 or words[1] not in ELEMENTS:  # noqa: PLR2004
            known = ", ".join(ELEMENTS)
            kind = words[1] if len(words) > 1 else ""
            raise section.fail(f"element type {kind!r} is not known; known are {known}.", line)
    blocks = tuple(
        _block(section, name, list(run), numbers)
        for name, run in groupby(rows, key=lambda row: row[1][1])
    )
    _check_unique(section, np.concatenate([np.zeros(0, np.int64), *(b.ids for b in blocks)]))
    return blocks


def _block(
    section: _Section, name: str, rows: list[tuple[int, list[str]]], numbers: _Numbering
) -> CellBlock:
    """Return the cells of one run of elements of one type."""
    cell_type, order = ELEMENTS[name]
    ids = section.numbers([(line, words[:1]) for line, words in rows])
    connectivity = _connectivity(
        section, [(line, words[2:]) for line, words in rows], order, numbers
    )
    return CellBlock(cell_type, connectivity, f"zset:{name}", ids)


def _connectivity(
    section: _Section,
    rows: list[tuple[int, list[str]]],
    order: tuple[int, ...],
    numbers: _Numbering,
) -> Int[Array, "n_cells n_cell_nodes"]:
    """Return node positions in VTK order."""
    for line, words in rows:
        if len(words) != len(order):
            raise section.fail(f"expected {len(order)} nodes, found {len(words)}.", line)
    places = numbers.positions(section.numbers(rows), section)
    return np.asarray(places.reshape(len(rows), len(order))[:, list(order)])


def _with_sets(mesh: Mesh, sections: Sequence[_Section], numbers: _Numbering) -> Mesh:
    """Return the mesh with its named sets."""
    node_sets: dict[str, Array] = {}
    cell_sets: dict[str, Array] = {}
    face_sets: dict[str, FaceSet] = {}
    cells = _Numbering(np.concatenate([np.zeros(0, np.int64), *(b.ids for b in mesh.blocks)]))
    for section in sections:
        name = section.argument
        if section.keyword == "nset":
            node_sets[name] = numbers.positions(section.integers(), section)
        elif section.keyword == "elset":
            cell_sets[name] = cells.positions(section.integers(), section)
        elif section.keyword == "faset" or (section.keyword == "liset" and mesh.n_dim == _PLANE):
            face_sets[name] = _faces(mesh, section, numbers)
        elif section.keyword == "liset":
            node_sets.setdefault(name, _line_nodes(section, numbers))
    return replace(mesh, node_sets=node_sets, cell_sets=cell_sets, face_sets=face_sets)


def _faces(mesh: Mesh, section: _Section, numbers: _Numbering) -> FaceSet:
    """Return the faces of a set, in the order of the file."""
    n_faces = len(section.tokens())
    cells, local_faces = np.zeros(n_faces, np.int64), np.zeros(n_faces, np.int64)
    for places, facets in _facets(section, numbers):
        try:
            found = locate_faces(mesh, facets)
        except StudyError as problem:
            raise section.fail(f"{section.keyword} {section.argument}: {problem}") from problem
        cells[places], local_faces[places] = found.cells, found.local_faces
    return FaceSet(cells, local_faces)


def _line_nodes(section: _Section, numbers: _Numbering) -> Int[Array, " n"]:
    """Return the nodes of a set of lines in space."""
    found = [np.ravel(facets) for _, facets in _facets(section, numbers)]
    return np.asarray(np.unique(np.concatenate([np.zeros(0, np.int64), *found])))


def _facets(
    section: _Section, numbers: _Numbering
) -> Iterator[tuple[Int[Array, " n"], Int[Array, "n n_facet_nodes"]]]:
    """Yield, for each facet type, the places in the set and the nodes in VTK order."""
    rows = section.tokens()
    for line, words in rows:
        if words[0] not in FACETS:
            known = ", ".join(FACETS)
            raise section.fail(f"facet type {words[0]!r} is not known; known are {known}.", line)
    kinds = [words[0] for _, words in rows]
    for kind in dict.fromkeys(kinds):
        places = np.array([place for place, found in enumerate(kinds) if found == kind])
        body = [(rows[place][0], rows[place][1][1:]) for place in places]
        yield places, _connectivity(section, body, FACETS[kind], numbers)


def _check_count(section: _Section, rows: list[tuple[int, list[str]]], count: int) -> None:
    """Refuse a section that has more or fewer lines than it announces."""
    if len(rows) != count:
        problem = f"**{section.keyword} announces {count} lines, found {len(rows)}."
        raise section.fail(problem)


def _check_unique(section: _Section, ids: Int[Array, " n"]) -> None:
    """Refuse foreign numbers that occur twice."""
    values, counts = np.unique(ids, return_counts=True)
    if np.any(counts > 1):
        raise section.fail(f"number {values[counts > 1][0]} occurs twice in **{section.keyword}.")


def _first_bad_word(
    rows: list[tuple[int, list[str]]], number: type[int] | type[float]
) -> tuple[int, str]:
    """Return the line and the first word that is no number."""
    for line, words in rows:
        for word in words:
            try:
                number(word)
            except ValueError:
                return line, word
    return rows[0][0], "a number out of range"
