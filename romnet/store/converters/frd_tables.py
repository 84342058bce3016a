"""The blocks of a ``.frd`` file as arrays: one table, the nodes, the elements."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError
from romnet.fe.formulations import default_formulation
from romnet.fe.mesh import CellBlock, Mesh
from romnet.store.converters.base import check_node_order
from romnet.store.converters.frd_index import (
    CELL_NODES,
    DOUBLE,
    NUMBER_SIZE,
    SINGLE,
    Cells,
    Table,
    read_index,
    row_layout,
)
from romnet.store.converters.native import MalformedRowError, as_numbers, read_columns
from romnet.store.converters.native.files import part_of

# In this format the mid-side nodes of the vertical edges come before those of the top.
_HEX_20 = (*range(12), *range(16, 20), *range(12, 16))
_WEDGE_15 = (*range(9), *range(12, 15), *range(9, 12))
CELL_TYPES: dict[int, tuple[str, tuple[int, ...]]] = {
    1: ("hex8", tuple(range(8))),
    2: ("wedge6", tuple(range(6))),
    3: ("tet4", tuple(range(4))),
    4: ("hex20", _HEX_20),
    5: ("wedge15", _WEDGE_15),
    6: ("tet10", tuple(range(10))),
}
_VALUES = {SINGLE: np.dtype("<f4"), DOUBLE: np.dtype("<f8")}


def read_table(
    path: Path, table: Table
) -> tuple[Int[Array, " n_rows"], Float[Array, "n_rows n_components"]]:
    """Read one table: node numbers and values.

    Parameters
    ----------
    path
        File.
    table
        From its index.

    Raises
    ------
    ConversionError
        If a number is malformed or not finite, a node occurs twice, or the file has changed.

    Notes
    -----
    Collective: no. Deterministic: yes. Memory: that of the table and its text.
    """
    body = part_of(path, table.start, table.stop)
    ids, values = (_binary if table.layout is None else _text)(path, table, body)
    if np.unique(ids).size != ids.size:
        message = f"{path}: byte {table.start}: a node occurs twice in {table.name or 'the nodes'}."
        raise ConversionError(message)
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
        message = f"{path}: {table.name} at t = {table.time:g} is not finite at node {ids[row]}."
        raise ConversionError(message)
    return ids, values


def _text(path: Path, table: Table, body: bytes) -> tuple[Array, Array]:
    """Read a table in text."""
    layout = table.layout or row_layout(len(table.components), table.form)
    try:
        found = read_columns(body, layout)
    except MalformedRowError as problem:
        message = (
            f"{path}: byte {table.start + problem.row * layout.width}: {problem.text!r} is no row "
            f"of {len(table.components)} finite numbers."
        )
        raise ConversionError(message) from problem
    try:
        return as_numbers(found[:, 0]), found[:, 1:]
    except ValueError as problem:
        message = f"{path}: byte {table.start}: nodes of {table.name}: {problem}"
        raise ConversionError(message) from problem


def _binary(path: Path, table: Table, body: bytes) -> tuple[Array, Array]:
    """Read a binary table."""
    del path
    kind = np.dtype([("id", "<i4"), ("values", _VALUES[table.form], (len(table.components),))])
    rows = np.frombuffer(body, dtype=kind)
    with np.errstate(invalid="ignore"):  # a signalling NaN is refused by the caller
        return rows["id"].astype(np.int64), rows["values"].astype(np.float64)


def read_frd_mesh(path: Path) -> Mesh:
    """Read nodes and elements of a result file.

    Parameters
    ----------
    path
        ``.frd`` file.

    Returns
    -------
    Mesh
        Without sets. The file does not say how the elements are integrated, so they get the
        formulation ``romnet:<cell>``; read the input deck instead where there is one.

    Raises
    ------
    ConversionError
        If the file is damaged, holds no solid elements, or elements of other kinds.

    Notes
    -----
    Collective: no. Deterministic: yes.

    Examples
    --------
    >>> read_frd_mesh(Path("absent.frd"))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.frd: cannot be read (No such file or directory).
    """
    index = read_index(path)
    if index.nodes is None or index.cells is None:
        message = f"{path}: holds no mesh; read the input deck instead."
        raise ConversionError(message)
    ids, nodes = read_table(path, index.nodes)
    order = np.argsort(ids)
    blocks = []
    for kind, (cell_ids, connectivity) in _read_cells(path, index.cells).items():
        if kind not in CELL_TYPES:
            message = f"{path}: elements of type {kind} are no solids of known kind."
            raise ConversionError(message)
        cell_type, vtk = CELL_TYPES[kind]
        places = _places(path, ids[order], connectivity[:, list(vtk)])
        check_node_order(path, cell_type, nodes, order[places])
        blocks.append(CellBlock(cell_type, order[places], default_formulation(cell_type), cell_ids))
    if not blocks:
        message = f"{path}: holds no elements."
        raise ConversionError(message)
    all_ids = np.concatenate([block.ids for block in blocks])
    if np.unique(all_ids).size != all_ids.size:
        message = f"{path}: an element number occurs twice."
        raise ConversionError(message)
    return Mesh(nodes, tuple(blocks), ids)


def _places(path: Path, ids: Array, wanted: Array) -> Array:
    """Return where each number stands among ascending ones."""
    places = np.searchsorted(ids, wanted).clip(max=max(ids.size - 1, 0))
    if ids.size == 0 or np.any(ids[places] != wanted):
        message = f"{path}: an element names a node that does not exist."
        raise ConversionError(message)
    return np.asarray(places)


def _read_cells(path: Path, cells: Cells) -> dict[int, tuple[Array, Array]]:
    """Return numbers and nodes of the elements of each type."""
    body = part_of(path, cells.start, cells.stop)
    read = _text_cells if cells.form in NUMBER_SIZE else _binary_cells
    found = read(path, body, cells)
    if sum(len(rows) for rows in found.values()) != cells.n_cells:
        message = f"{path}: byte {cells.start}: announces {cells.n_cells} elements, has others."
        raise ConversionError(message)
    return {
        kind: (np.array([row[0] for row in rows]), np.array([row[1:] for row in rows]))
        for kind, rows in found.items()
    }


def _text_cells(path: Path, body: bytes, cells: Cells) -> dict[int, list[list[int]]]:
    """Read elements in text."""
    width = NUMBER_SIZE[cells.form]
    found: dict[int, list[list[int]]] = {}
    row: list[int] = []
    wanted = 0
    for line in body.splitlines():
        begins = line[:3] == b" -1" and len(row) == wanted
        try:
            stop = 3 + width if begins else None
            numbers = _integers(line[3:stop].rstrip(), width)
            if begins:
                row, wanted = numbers, 1 + CELL_NODES[int(line[3 + width : 8 + width])]
                found.setdefault(int(line[3 + width : 8 + width]), []).append(row)
        except (ValueError, KeyError) as problem:
            raise _malformed(path, line) from problem
        if not begins:
            if line[:3] != b" -2" or len(row) >= wanted:
                raise _malformed(path, line)
            row += numbers
    if any(len(row) != 1 + CELL_NODES[kind] for kind, rows in found.items() for row in rows):
        message = f"{path}: an element has not the nodes of its type."
        raise ConversionError(message)
    return found


def _integers(text: bytes, width: int) -> list[int]:
    """Return the integers in columns of equal width."""
    return [int(text[at : at + width]) for at in range(0, len(text), width)]


def _malformed(path: Path, line: bytes) -> ConversionError:
    """Return the error of a line of the elements."""
    return ConversionError(f"{path}: element line {line.decode('latin-1')!r} is malformed.")


def _binary_cells(path: Path, body: bytes, cells: Cells) -> dict[int, list[list[int]]]:
    """Read binary elements, whose types the index has checked."""
    del path, cells
    found: dict[int, list[list[int]]] = {}
    numbers = np.frombuffer(body[: len(body) // 4 * 4], dtype="<i4")
    place = 0
    while place + 4 <= numbers.size:
        kind = int(numbers[place + 1])
        stop = place + 4 + CELL_NODES[kind]
        found.setdefault(kind, []).append(
            [int(numbers[place]), *numbers[place + 4 : stop].tolist()]
        )
        place = stop
    return found
