"""CalculiX tables of printed results (``.dat``): values at the integration points and at nodes.

``*EL PRINT`` names element and point of each row, in the order of romnet's rules; tensors come as
xx, yy, zz, xy, xz, yz, strains with tensor shear.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError, StudyError
from romnet.core.tensors import VOIGT
from romnet.fe.formulations import formulation
from romnet.fe.mesh import Mesh
from romnet.store.converters.base import Results
from romnet.store.converters.native import Layout, MalformedRowError, as_numbers, read_columns
from romnet.store.converters.native.files import forget_pages, mapped, part_of
from romnet.store.snapshots import FieldInfo

_ID, _POINT, _VALUE = 10, 4, 14
_HEADER_LIMIT = 400
_FORGET = 1 << 26
_TITLE = re.compile(
    rb"^\s*(?P<kind>[a-z][a-z ]*?)\s*\((?P<columns>[^()\n]*(?:\([^()\n]*\))?[^()\n]*)\)"
    rb"\s*for set\s+(?P<set>\S+) and time\s+(?P<time>\S+)\s*$"
)
_MARK = b" and time "
_DIRECTIONS = ("1", "2", "3")


@dataclass(frozen=True)
class _Kind:
    """What a table holds."""

    name: str
    location: Literal["node", "point"]
    components: tuple[str, ...]
    unit: str


KINDS: Mapping[str, _Kind] = {
    "displacements": _Kind("displacement", "node", _DIRECTIONS, "length"),
    "forces": _Kind("reaction", "node", _DIRECTIONS, "force"),
    "temperatures": _Kind("temperature", "node", (), "temperature"),
    "stresses": _Kind("stress", "point", VOIGT, "stress"),
    "strains": _Kind("strain", "point", VOIGT, "-"),
    "mechanical strains": _Kind("mechanical_strain", "point", VOIGT, "-"),
    "equivalent plastic strain": _Kind("p", "point", (), "-"),
}
_STRAINS = ("strain", "mechanical_strain")


@dataclass(frozen=True)
class _Table:
    """One table of the file."""

    kind: _Kind
    time: float
    start: int
    stop: int


@dataclass(frozen=True)
class _Places:
    """Where the values of a foreign number go: nodes, or first points of cells."""

    ids: Int[Array, " n"]
    first: Int[Array, " n"]
    count: Int[Array, " n"]
    total: int

    def rows(self, ids: Int[Array, " m"], points: Int[Array, " m"]) -> Int[Array, " m"]:
        """Return the row of each (number, point); -1 where the mesh has none."""
        if self.ids.size == 0:
            return np.full(ids.size, -1, dtype=np.int64)
        places = np.searchsorted(self.ids, ids).clip(max=self.ids.size - 1)
        known = (self.ids[places] == ids) & (points >= 1) & (points <= self.count[places])
        return np.where(known, self.first[places] + points - 1, -1)


@dataclass(frozen=True)
class _Reader:
    """Reads instants of one file."""

    path: Path
    places: Mapping[str, _Places]
    tables: tuple[dict[str, list[_Table]], ...]
    fields: dict[str, FieldInfo] = field(default_factory=dict)

    def read(self, number: int, names: tuple[str, ...]) -> dict[str, Array]:
        """Read some fields of one instant."""
        return {name: self._field(self.tables[number][name]) for name in names}

    def _field(self, tables: list[_Table]) -> Array:
        """Gather the tables of one field at one instant."""
        kind = tables[0].kind
        places = self.places[kind.location]
        values = np.full((places.total, max(len(kind.components), 1)), np.nan)
        for table in tables:
            rows, found = self._rows(table)
            known = rows >= 0
            values[rows[known]] = found[known]
        absent = int(np.isnan(values[:, 0]).sum())
        if absent:
            message = (
                f"{self.path}: {kind.name} at t = {tables[0].time:g} is not printed at {absent} of "
                f"{places.total} {kind.location}s."
            )
            raise ConversionError(message)
        if kind.name in _STRAINS:
            values[:, 3:] *= 2.0
        if kind.location == "node":
            return values.ravel()
        return values if kind.components else np.ascontiguousarray(values[:, 0])

    def _rows(self, table: _Table) -> tuple[Array, Array]:
        """Read one table: rows of the field and values."""
        layout = _layout(table.kind)
        try:
            found = read_columns(part_of(self.path, table.start, table.stop), layout)
        except MalformedRowError as problem:
            message = (
                f"{self.path}: byte {table.start + problem.row * layout.width}: {problem.text!r} "
                f"is no row of {table.kind.name}."
            )
            raise ConversionError(message) from problem
        at_points = table.kind.location == "point"
        try:
            ids = as_numbers(found[:, 0])
            points = as_numbers(found[:, 1]) if at_points else np.ones_like(ids)
        except ValueError as problem:
            message = f"{self.path}: byte {table.start}: {table.kind.name}: {problem}"
            raise ConversionError(message) from problem
        return self.places[table.kind.location].rows(ids, points), found[:, 1 + at_points :]


def read_dat(path: Path, mesh: Mesh) -> Results:
    """Read the header of printed tables; values are read one instant at a time.

    Parameters
    ----------
    path
        ``.dat`` file of CalculiX.
    mesh
        Mesh of the computation; nodes and elements are matched by their numbers.

    Returns
    -------
    Results
        ``displacement``, ``reaction`` and ``temperature`` at the nodes; ``stress``, ``strain``,
        ``mechanical_strain`` and ``p`` at the integration points, in romnet's order of points:
        those fields that are printed at every instant. Several sets of one instant make one
        field.

    Raises
    ------
    ConversionError
        If the file cannot be read, holds no such table, ends within one, instants do not
        increase; later, if a field is not printed at every node or point.

    Notes
    -----
    Collective: no. Deterministic: yes. Memory: one table; titles are found without reading rows.

    Examples
    --------
    >>> read_dat(Path("absent.dat"), Mesh(np.zeros((0, 3)), (), np.arange(0)))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.dat: cannot be read (No such file or directory).
    """
    tables = _find_tables(path, mapped(path))
    instants: dict[float, dict[str, list[_Table]]] = {}
    for table in tables:
        instants.setdefault(table.time, {}).setdefault(table.kind.name, []).append(table)
    times = list(instants)
    if not times or times != sorted(times):
        message = f"{path}: expected printed tables at increasing instants, found {times[:5]}."
        raise ConversionError(message)
    every = tuple(instants.values())
    fields = {
        name: FieldInfo(found[0].kind.location, found[0].kind.components, name, found[0].kind.unit)
        for name, found in every[0].items()
        if all(name in instant for instant in every)
    }
    places = {"node": _node_places(mesh), "point": _point_places(path, mesh)}
    return Results(np.array(times), fields, _Reader(path, places, every, fields).read)


def _find_tables(path: Path, text: mmap.mmap) -> list[_Table]:
    """Find titles and ends of the tables."""
    tables: list[_Table] = []
    seen, place = 0, text.find(_MARK)
    while place >= 0:
        first = text.rfind(b"\n", max(place - _HEADER_LIMIT, 0), place) + 1
        stop = text.find(b"\n", place, place + _HEADER_LIMIT)
        if stop < 0:
            message = f"{path}: byte {first}: the title of a table ends early; truncated."
            raise ConversionError(message)
        title = _TITLE.match(text[first:stop])
        kind = KINDS.get(title["kind"].decode("ascii")) if title else None
        place = stop
        if title is not None and kind is not None:
            start, end = _body(path, text, stop + 1, _layout(kind).width)
            tables.append(_Table(kind, _time(path, title["time"]), start, end))
            place = end - 1
        if place - seen > _FORGET:
            seen = place
            forget_pages(text)
        place = text.find(_MARK, max(place, stop))
    return tables


def _body(path: Path, text: mmap.mmap, place: int, width: int) -> tuple[int, int]:
    """Return the rows after a title and a blank line, up to the next blank line or the end."""
    blank = text.find(b"\n", place, place + _HEADER_LIMIT)
    if blank < 0 or text[place:blank].strip():
        message = f"{path}: byte {place}: expected a blank line below the title; truncated."
        raise ConversionError(message)
    start = blank + 1
    end = text.find(b"\n\n", start)
    end = len(text) if end < 0 else end + 1
    if end <= start or (end - start) % width or text[end - 1 : end] != b"\n":
        message = (
            f"{path}: byte {start}: a table of {end - start} bytes has not whole rows of {width}; "
            "it is truncated, or has columns that are not known."
        )
        raise ConversionError(message)
    return start, end


def _layout(kind: _Kind) -> Layout:
    """Return the columns of a table."""
    parts: list[str | int] = [_ID]
    if kind.location == "point":
        parts.append(_POINT)
    return Layout.of([*parts, *[_VALUE] * max(len(kind.components), 1), "\n"])


def _time(path: Path, word: bytes) -> float:
    """Return the instant in a title."""
    try:
        time = float(word)
    except ValueError:
        time = float("nan")
    if not np.isfinite(time):
        message = f"{path}: {word.decode('latin-1')!r} is no instant."
        raise ConversionError(message)
    return time


def _node_places(mesh: Mesh) -> _Places:
    """Return where the values of each node go."""
    order = np.argsort(mesh.node_ids)
    return _Places(mesh.node_ids[order], order, np.ones_like(order), mesh.n_nodes)


def _point_places(path: Path, mesh: Mesh) -> _Places:
    """Return where the values of each cell go."""
    ids, counts = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for block in mesh.blocks:
        try:
            n_points = formulation(block.formulation).n_points
        except StudyError as problem:
            message = f"{path}: {problem}"
            raise ConversionError(message) from problem
        ids.append(block.ids)
        counts.append(np.full(len(block.ids), n_points))
    all_ids, all_counts = np.concatenate(ids), np.concatenate(counts)
    first: Float[Array, " n"] | Int[Array, " n"] = np.cumsum(all_counts) - all_counts
    order = np.argsort(all_ids)
    return _Places(
        all_ids[order], np.asarray(first[order]), all_counts[order], int(all_counts.sum())
    )
