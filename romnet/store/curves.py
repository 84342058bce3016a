"""Histories of a material point as tables of numbers: comma-separated values."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError
from romnet.core.tensors import VOIGT
from romnet.online.material_paths import MaterialPath
from romnet.online.material_point import Driven

_PLANE_STRAIN, _OUT_OF_PLANE = 4, 2
_ALWAYS = frozenset({"stress", "initial_thermal_strain"})


def read_path(path: Path, *, n_components: int, temperature: float) -> MaterialPath:
    r"""Read a history to drive a material point along.

    Parameters
    ----------
    path
        Comma-separated values. The first line names the columns: ``time``; ``e11`` ... ``e23``
        for prescribed strains (engineering shear); ``s11`` ... ``s23`` for prescribed stresses;
        ``temperature``. A component without a column is free of stress; in plane strain 33 is held.
    n_components
        6, or 4 in plane strain.
    temperature
        Temperature all along if the file has no such column [temperature].

    Returns
    -------
    MaterialPath
        The history.

    Raises
    ------
    ConversionError
        If the file cannot be read, a column is unknown or missing, or the numbers are no history.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "path.csv"
    ...     _ = file.write_text("time,e11,s22\n0,0,0\n1,0.01,50\n")
    ...     read = read_path(file, n_components=4, temperature=20.0)
    >>> read.values[1].tolist(), read.by_strain.tolist()
    ([0.01, 50.0, 0.0, 0.0], [True, False, True, False])
    """
    columns = _read_columns(path)
    names = VOIGT[:n_components]
    known = {"time", "temperature", *(kind + name for kind in "es" for name in names)}
    if unknown := sorted(set(columns) - known):
        message = (
            f"{path}:1 unknown columns {', '.join(unknown)}; known: {', '.join(sorted(known))}."
        )
        raise ConversionError(message)
    if "time" not in columns:
        message = f"{path}:1 has no column time."
        raise ConversionError(message)
    times = columns["time"]
    values = np.zeros((len(times), n_components))
    by_strain = np.zeros(n_components, dtype=bool)
    for position, name in enumerate(names):
        both = [kind + name for kind in "es" if kind + name in columns]
        if len(both) > 1:
            message = f"{path}:1 prescribes both {both[0]} and {both[1]}; choose one."
            raise ConversionError(message)
        held = n_components == _PLANE_STRAIN and position == _OUT_OF_PLANE and not both
        by_strain[position] = held or both == ["e" + name]
        if both:
            values[:, position] = columns[both[0]]
    temperatures = columns.get("temperature", np.full(len(times), temperature))
    try:
        return MaterialPath(times, values, by_strain, temperatures)
    except ValueError as problem:
        message = f"{path}: {problem}"
        raise ConversionError(message) from problem


def columns_of(driven: Driven) -> dict[str, Array]:
    """Return the columns of the table of a driven point.

    Parameters
    ----------
    driven
        What the point went through.

    Returns
    -------
    dict
        ``time``, ``temperature``, ``e11`` ..., ``s11`` ..., then the named fields of the state (the
        rest of the state under numbers, if the law names nothing), ``iterations`` and ``cuts``.
    """
    n_components = driven.strain.shape[1]
    columns = {"time": driven.times, "temperature": driven.temperatures}
    for kind, values in (("e", driven.strain), ("s", driven.stress)):
        columns |= {kind + name: values[:, k] for k, name in enumerate(VOIGT[:n_components])}
    for name, place in _fields(driven).items():
        columns |= _split(name, driven.state[:, place], n_components)
    return {**columns, "iterations": driven.iterations, "cuts": driven.cuts}


def write_driven(path: Path, driven: Driven) -> None:
    """Write what a material point went through as comma-separated values.

    Parameters
    ----------
    path
        File to write; its folder must exist.
    driven
        What the point went through; columns as in `columns_of`, numbers in full precision.

    Raises
    ------
    ConversionError
        If the file cannot be written.
    """
    columns = columns_of(driven)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    table.writerows(zip(*(values.tolist() for values in columns.values()), strict=True))
    try:
        path.write_text(text.getvalue(), encoding="utf-8")
    except OSError as problem:
        message = f"{path}: cannot be written ({problem})."
        raise ConversionError(message) from problem


def _read_columns(path: Path) -> dict[str, Array]:
    """Read the columns of a file of numbers."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [row for row in csv.reader(file) if row and not row[0].lstrip().startswith("#")]
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        message = f"{path}: cannot be read ({problem})."
        raise ConversionError(message) from problem
    if not lines:
        message = f"{path}: is empty; the first line must name the columns, such as time,e11."
        raise ConversionError(message)
    names = [name.strip() for name in lines[0]]
    if len(set(names)) != len(names):
        message = f"{path}:1 names a column twice: {', '.join(names)}."
        raise ConversionError(message)
    numbers = np.empty((len(lines) - 1, len(names)))
    for number, row in enumerate(lines[1:]):
        try:
            entries = [float(entry) for entry in row]
            numbers[number] = np.reshape(entries, len(names))
        except ValueError as problem:
            message = f"{path}: row {number + 1} needs {len(names)} numbers, got {','.join(row)}."
            raise ConversionError(message) from problem
    return dict(zip(names, np.ascontiguousarray(numbers.T), strict=True))


def _fields(driven: Driven) -> Mapping[str, slice]:
    """Return the ranges of the state that a table shows beyond strain and stress."""
    named = {name: place for name, place in driven.state_fields.items() if name not in _ALWAYS}
    first = max((place.stop for name, place in driven.state_fields.items() if name in _ALWAYS))
    if named or first >= driven.state.shape[1]:
        return named
    return {"statev": slice(first, driven.state.shape[1])}


def _split(name: str, values: Array, n_components: int) -> dict[str, Array]:
    """Name the columns of a field."""
    width = values.shape[1]
    if width == 1 and name != "statev":
        return {name: values[:, 0]}
    numbers = [str(number) for number in range(1, width + 1)]
    tensor = width == n_components and name != "statev"
    words = VOIGT[:width] if tensor else numbers
    return {f"{name}_{word}": values[:, k] for k, word in enumerate(words)}
