"""The ``.ut`` index of Z-set results: names of variables, instants, the mesh."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError
from romnet.store.converters.reach import beside

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Index:
    """What a ``.ut`` file says.

    Attributes
    ----------
    path
        The file.
    node_variables, point_variables
        Names of what is stored at the nodes and at the integration points.
    times
        Instants (n_times,) [time].
    mesh_file
        Mesh as the file names it; empty if it does not.
    """

    path: Path
    node_variables: tuple[str, ...]
    point_variables: tuple[str, ...]
    times: Float[Array, " n_times"]
    mesh_file: str = ""


def read_index(path: Path) -> Index:
    """Read a ``.ut`` file.

    Raises
    ------
    ConversionError
        If it cannot be read or is malformed; names the line.

    Notes
    -----
    Collective: no. Deterministic: yes.

    Examples
    --------
    >>> read_index(Path("absent.ut"))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.ut: cannot be read (No such file or directory).
    """
    try:
        lines = path.read_text(encoding="latin-1").splitlines()
    except OSError as problem:
        message = f"{path}: cannot be read ({problem.strerror})."
        raise ConversionError(message) from problem
    variables: dict[str, tuple[str, ...]] = {}
    times: list[float] = []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0].startswith("*"):
            variables[words[0].lstrip("*")] = tuple(words[1:])
        else:
            times.append(_time(path, number, words))
    if "node" not in variables and "integ" not in variables:
        message = f"{path}: is no Z-set index, it names neither **node nor **integ variables."
        raise ConversionError(message)
    unknown = set(variables) - {"meshfile", "node", "integ", "element"}
    if unknown:
        logger.warning("%s: keywords %s are not known and ignored", path, sorted(unknown))
    if not times or np.any(np.diff(times) <= 0.0):
        message = f"{path}: expected increasing instants, found {times[:5]}."
        raise ConversionError(message)
    mesh = " ".join(variables.get("meshfile", ()))
    return Index(path, variables.get("node", ()), variables.get("integ", ()), np.array(times), mesh)


def mesh_file(path: Path) -> Path:
    """Return the mesh that a ``.ut`` index names.

    Raises
    ------
    ConversionError
        If the index is malformed or names none.

    Examples
    --------
    >>> mesh_file(Path("absent.ut"))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.ut: cannot be read (No such file or directory).
    """
    named = read_index(path).mesh_file
    if not named:
        message = f"{path}: names no **meshfile."
        raise ConversionError(message)
    return beside(path, named)


def _time(path: Path, number: int, words: list[str]) -> float:
    """Return the instant at the end of a line of the index."""
    try:
        return float(words[-1])
    except ValueError as problem:
        message = f"{path}:{number}: {words[-1]!r} is no instant."
        raise ConversionError(message) from problem
