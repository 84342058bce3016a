"""CalculiX and Abaqus: input decks, and the results of CalculiX.

Nodal results come from ``.frd``; tables printed at the integration points (``.dat``) that lie
beside it and hold the same instants join them.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError
from romnet.fe.mesh import Mesh
from romnet.store.converters.base import Converter, ForeignField, Results
from romnet.store.converters.calculix_dat import read_dat
from romnet.store.converters.deck import read_deck_field, read_deck_mesh
from romnet.store.converters.deck_cards import deck_files
from romnet.store.converters.frd import read_frd, read_frd_field
from romnet.store.converters.frd_tables import read_frd_mesh

# Times have six digits in one file and seven in the other.
_SAME_TIME = 2e-5
logger = logging.getLogger(__name__)


def read_mesh(path: Path) -> Mesh:
    """Read the mesh of an input deck, or the one in a result file, which knows no sets.

    Parameters
    ----------
    path
        ``.inp`` or ``.frd`` file.

    Raises
    ------
    ConversionError
        If it cannot be read.

    Notes
    -----
    Collective: no. Deterministic: yes.

    Examples
    --------
    >>> read_mesh(Path("job.dat"))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: job.dat: holds no mesh; read the deck (.inp).
    """
    suffix = path.suffix.lower()
    if suffix == ".dat":
        message = f"{path}: holds no mesh; read the deck (.inp)."
        raise ConversionError(message)
    return read_frd_mesh(path) if suffix == ".frd" else read_deck_mesh(path)


def read_results(path: Path, mesh: Mesh) -> Results:
    """Read the header of results; values are read one instant at a time.

    Parameters
    ----------
    path
        ``.frd`` file, or a ``.dat`` file that holds the displacements of all nodes.
    mesh
        Mesh of the computation; nodes and elements are matched by their numbers.

    Returns
    -------
    Results
        See `romnet.store.converters.frd.read_frd` and
        `romnet.store.converters.calculix_dat.read_dat`.

    Raises
    ------
    ConversionError
        If a file is damaged or truncated.

    Notes
    -----
    Collective: no. Deterministic: yes. Memory: one table.

    Examples
    --------
    >>> read_results(Path("job.inp"), Mesh(np.zeros((0, 3)), (), np.arange(0)))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: job.inp: is an input deck; results are in .frd or .dat.
    """
    suffix = path.suffix.lower()
    if suffix == ".inp":
        message = f"{path}: is an input deck; results are in .frd or .dat."
        raise ConversionError(message)
    if suffix == ".dat":
        return read_dat(path, mesh)
    nodal = read_frd(path, mesh)
    printed = path.with_suffix(".dat")
    if not printed.is_file() or b" and time " not in _beginning(printed):
        return nodal
    return _joined(nodal, read_dat(printed, mesh), printed)


def read_field(
    path: Path, mesh: Mesh, *, variable: str | None = None, face_set: str | None = None
) -> ForeignField:
    """Read a field of a deck or of nodal results.

    Parameters
    ----------
    path
        ``.inp`` or ``.frd`` file.
    mesh
        Mesh of the computation.
    variable, face_set
        See `romnet.store.converters.deck.read_deck_field` and
        `romnet.store.converters.frd.read_frd_field`.

    Raises
    ------
    ConversionError
        If the file is damaged or does not hold the field.

    Notes
    -----
    Collective: no. Deterministic: yes.

    Examples
    --------
    >>> read_field(Path("job.dat"), Mesh(np.zeros((0, 3)), (), np.arange(0)))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: job.dat: holds no such field; name the .frd file.
    """
    suffix = path.suffix.lower()
    if suffix == ".dat":
        message = f"{path}: holds no such field; name the .frd file."
        raise ConversionError(message)
    read = read_frd_field if suffix == ".frd" else read_deck_field
    return read(path, mesh, variable=variable, face_set=face_set)


def files(path: Path) -> tuple[Path, ...]:
    """Return a file and those that it includes.

    Raises
    ------
    ConversionError
        If a deck cannot be read.

    Examples
    --------
    >>> files(Path("job.frd"))
    (PosixPath('job.frd'),)
    """
    return deck_files(path) if path.suffix.lower() == ".inp" else (path,)


def _beginning(path: Path) -> bytes:
    """Return the first bytes of a file."""
    try:
        with path.open("rb") as file:
            return file.read(4096)
    except OSError as problem:
        message = f"{path}: cannot be read ({problem.strerror})."
        raise ConversionError(message) from problem


def _joined(nodal: Results, printed: Results, path: Path) -> Results:
    """Add fields at the points to nodal results where their instants are the same."""
    places = np.abs(printed.times[:, None] - nodal.times).argmin(axis=0)
    scale = float(np.abs(nodal.times).max(initial=0.0)) or 1.0
    if np.any(np.abs(printed.times[places] - nodal.times) > _SAME_TIME * scale):
        logger.warning("%s: has other instants than the nodal results and is ignored", path)
        return nodal
    added = {name: info for name, info in printed.fields.items() if info.location == "point"}

    def read(number: int, names: tuple[str, ...]) -> dict[str, Array]:
        """Read some fields of one instant."""
        at_nodes = tuple(name for name in names if name not in added)
        at_points = tuple(name for name in names if name in added)
        found = nodal.read(number, at_nodes)
        if at_points:
            found |= printed.read(int(places[number]), at_points)
        return found

    return Results(nodal.times, {**nodal.fields, **added}, read)


CONVERTER = Converter(
    name="calculix",
    suffixes=(".inp", ".frd", ".dat"),
    read_mesh=read_mesh,
    read_results=read_results,
    read_field=read_field,
    files=files,
)
