"""Where the blocks of a ``.frd`` file are: headers are read, tables are skipped.

Rows of a table have equal length, so its end is known from the number of nodes. Only the header
of each block is looked at, and a file of any size is indexed in a moment.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from romnet.core.errors import ConversionError
from romnet.store.converters.native import Layout
from romnet.store.converters.native.files import mapped

SHORT, LONG, SINGLE, DOUBLE = range(4)
NUMBER_SIZE = {SHORT: 5, LONG: 10}
VALUE_SIZE = 12
VALUES_PER_ROW = 6
END = b" 9999"
_LINE_LIMIT = 400
_MOST_COMPONENTS = 1000
# Bytes of a node in binary tables: a 4-byte number, then single or double values.
_BYTES = {SINGLE: 4, DOUBLE: 8}
CELL_NODES = {1: 8, 2: 6, 3: 4, 4: 20, 5: 15, 6: 10, 7: 3, 8: 6, 9: 4, 10: 8, 11: 2, 12: 3}


@dataclass(frozen=True)
class Table:
    """Values at nodes: coordinates, or a result at one instant.

    Attributes
    ----------
    name
        Such as ``"DISP"``; empty for the coordinates.
    components
        Names of the stored components.
    time
        Instant [time].
    n_rows
        Nodes.
    start, stop
        Bytes of the table in the file.
    form
        `SHORT` or `LONG` text, `SINGLE` or `DOUBLE` binary.
    layout
        Columns of a text table, continuation lines included.
    """

    name: str
    components: tuple[str, ...]
    time: float
    n_rows: int
    start: int
    stop: int
    form: int
    layout: Layout | None = None


@dataclass(frozen=True)
class Cells:
    """The element block.

    Attributes
    ----------
    n_cells
        Elements.
    start, stop
        Bytes of the block in the file.
    form
        As for `Table`.
    """

    n_cells: int
    start: int
    stop: int
    form: int


@dataclass(frozen=True)
class Index:
    """All blocks of a file.

    Attributes
    ----------
    nodes
        Coordinates, if the file holds them.
    cells
        Elements, if the file holds them.
    tables
        Results in the order of the file.
    """

    nodes: Table | None
    cells: Cells | None
    tables: tuple[Table, ...]


def read_index(path: Path) -> Index:
    """Find the blocks of a result file.

    Parameters
    ----------
    path
        ``.frd`` file, text or binary.

    Raises
    ------
    ConversionError
        If it cannot be read, is no such file, or ends early; the message names the byte.

    Notes
    -----
    Collective: no. Deterministic: yes. Cost: the headers only; the file is mapped, not read.

    Examples
    --------
    >>> read_index(Path("absent.frd"))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.frd: cannot be read (No such file or directory).
    """
    return _Scanner(path, mapped(path)).index()


@dataclass
class _Scanner:
    """Walks through a file from block to block."""

    path: Path
    text: mmap.mmap
    place: int = 0

    def fail(self, problem: str, place: int | None = None) -> ConversionError:
        """Return an error that names the byte."""
        where = self.place if place is None else place
        return ConversionError(f"{self.path}: byte {where}: {problem}")

    def index(self) -> Index:
        """Return all blocks."""
        nodes, cells, tables, ended = None, None, [], False
        for line in self._lines():
            key = line[:6]
            if key == b"    2C":
                nodes = self._coordinates(line)
            elif key == b"    3C":
                cells = self._cells(line)
            elif key[:5] == b"  100":
                tables.append(self._table(line))
            elif line[:5] == END:
                ended = True
                break
            elif key[:5] != b"    1" or (self.place == len(line) and key[:6] != b"    1C"):
                problem = f"expected the header of a block, found {line[:20].decode('latin-1')!r}."
                raise self.fail(problem, max(self.place - len(line), 0))
        if not ended:
            problem = "the file ends without 9999: it is truncated, or still being written."
            raise self.fail(problem)
        return Index(nodes, cells, tuple(tables))

    def _lines(self) -> Iterator[bytes]:
        """Yield the lines between the blocks."""
        while self.place < len(self.text):
            yield self._line()

    def _line(self) -> bytes:
        """Return the next line without its end."""
        stop = self.text.find(b"\n", self.place, self.place + _LINE_LIMIT)
        if stop < 0:
            raise self.fail("expected a line of text; the file is damaged or truncated.")
        line = self.text[self.place : stop]
        self.place = stop + 1
        return line

    def _coordinates(self, header: bytes) -> Table:
        """Read the header of the coordinates and skip them."""
        n_rows, form = self._count(header, slice(12, 36)), self._form(header)
        return self._body("", ("x", "y", "z"), 0.0, n_rows, DOUBLE if form >= SINGLE else form)

    def _cells(self, header: bytes) -> Cells:
        """Read the header of the elements and skip them."""
        n_cells, form, start = self._count(header, slice(12, 36)), self._form(header), self.place
        if form in NUMBER_SIZE:
            stop = self.text.find(b"\n -3", start - 1) + 1
            if stop == 0:
                raise self.fail("the elements do not end with -3; the file is truncated.", start)
            self.place = stop
            self._line()
            return Cells(n_cells, start, stop, form)
        for _ in range(n_cells):
            record = self.text[self.place : self.place + 16]
            kind = int.from_bytes(record[4:8], "little")
            if len(record) < 16 or kind not in CELL_NODES:  # noqa: PLR2004
                raise self.fail(f"element type {kind} is not known.")
            self.place += 16 + 4 * CELL_NODES[kind]
        self._within(self.place)
        return Cells(n_cells, start, self.place, form)

    def _table(self, header: bytes) -> Table:
        """Read the headers of a result and skip its values."""
        start = self.place
        try:
            time = float(header[12:24])
        except ValueError as problem:
            raise self.fail(f"{header[12:24]!r} is no instant.", start) from problem
        n_rows, form = self._count(header, slice(24, 36)), self._form(header)
        title = self._line()
        if title[:3] != b" -4":
            raise self.fail("expected -4, the name of the result.", start)
        name = title[5:13].decode("latin-1").strip()
        count = self._count(title, slice(13, 18))
        if not name or not 0 < count <= _MOST_COMPONENTS:
            raise self.fail(f"result {name!r} announces {count} components.", start)
        components = []
        for _ in range(count):
            line = self._line()
            if line[:3] != b" -5":
                raise self.fail(f"{name}: expected {count} components.", start)
            # Components marked so are computed from the others, and not stored.
            if line[33:38].strip() != b"1":
                components.append(line[5:13].decode("latin-1").strip())
        if not components:
            raise self.fail(f"{name}: no component is stored.", start)
        return self._body(name, tuple(components), time, n_rows, form)

    def _body(
        self, name: str, components: tuple[str, ...], time: float, n_rows: int, form: int
    ) -> Table:
        """Skip the values of a table and check that it ends where it must."""
        start, layout = self.place, None
        if form in _BYTES:
            stop = start + n_rows * (4 + len(components) * _BYTES[form])
            self._within(stop)
            self.place = stop
        else:
            newline = self._newline()
            layout = row_layout(len(components), form, newline)
            stop = start + n_rows * layout.width
            self._within(stop)
            self.place = stop
            if self._line().strip() != b"-3":
                problem = f"table {name or 'of nodes'} has not {n_rows} rows of {layout.width} B."
                raise self.fail(problem, start)
        return Table(name, components, time, n_rows, start, stop, form, layout)

    def _newline(self) -> str:
        """Return how lines of the next table end."""
        stop = self.text.find(b"\n", self.place, self.place + _LINE_LIMIT)
        return "\r\n" if stop > 0 and self.text[stop - 1 : stop] == b"\r" else "\n"

    def _within(self, stop: int) -> None:
        """Refuse a block that is longer than the file."""
        if stop > len(self.text):
            problem = f"a block should end at byte {stop} of {len(self.text)}: truncated."
            raise self.fail(problem)

    def _count(self, line: bytes, columns: slice) -> int:
        """Return a number of rows or components."""
        try:
            count = int(line[columns])
        except ValueError as problem:
            raise self.fail(f"{line[columns]!r} is no count.") from problem
        if not 0 <= count <= len(self.text):
            raise self.fail(f"{count} rows do not fit in {len(self.text)} bytes.")
        return count

    def _form(self, header: bytes) -> int:
        """Return how a block is written, the last number of its header."""
        words = header.split()
        form = words[-1] if words else b""
        if form not in (b"0", b"1", b"2", b"3"):
            raise self.fail(f"format {form.decode('latin-1')!r} is not known; known are 0 to 3.")
        return int(form)


def row_layout(n_components: int, form: int, newline: str = "\n") -> Layout:
    r"""Return the columns of one node: its number, and six values in each line.

    Examples
    --------
    >>> row_layout(7, LONG).template.count("\n"), row_layout(6, SHORT).width
    (2, 81)
    """
    parts: list[str | int] = [" -1", NUMBER_SIZE[form]]
    for component in range(n_components):
        if component and component % VALUES_PER_ROW == 0:
            parts += [newline, " -2", " " * NUMBER_SIZE[form]]
        parts.append(VALUE_SIZE)
    return Layout.of([*parts, newline])
