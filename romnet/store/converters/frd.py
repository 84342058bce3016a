"""CalculiX results at the nodes (``.frd``, text or binary), read one instant at a time."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError
from romnet.core.tensors import VOIGT
from romnet.fe.mesh import Mesh
from romnet.store.converters.base import ForeignField, Results
from romnet.store.converters.frd_index import Table, read_index
from romnet.store.converters.frd_tables import read_table
from romnet.store.snapshots import FieldInfo

DIRECTIONS = ("1", "2", "3")
# Foreign name: ours, components, unit. Other results keep their foreign names.
KNOWN: dict[str, tuple[str, tuple[str, ...], str]] = {
    "DISP": ("displacement", DIRECTIONS, "length"),
    "FORC": ("reaction", DIRECTIONS, "force"),
    "NDTEMP": ("temperature", (), "temperature"),
}
_TENSOR = ("XX", "YY", "ZZ", "XY", "YZ", "ZX")
_TO_VOIGT = [0, 1, 2, 3, 5, 4]
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Reader:
    """Reads instants of one file."""

    path: Path
    mesh: Mesh
    order: Int[Array, " n_nodes"]
    instants: tuple[dict[str, Table], ...]
    fields: dict[str, FieldInfo]

    def read(self, number: int, names: tuple[str, ...]) -> dict[str, Array]:
        """Read some fields of one instant."""
        tables = self.instants[number]
        return {name: self._at_nodes(tables[name]).ravel() for name in names}

    def _at_nodes(self, table: Table) -> Float[Array, "n_nodes n_components"]:
        """Read one table in the order of the nodes of the mesh."""
        ids, values = read_table(self.path, table)
        wanted = self.mesh.node_ids[self.order]
        ascending = np.argsort(ids)
        places = np.searchsorted(ids[ascending], wanted).clip(max=max(ids.size - 1, 0))
        absent = wanted if ids.size == 0 else wanted[ids[ascending][places] != wanted]
        if absent.size:
            message = (
                f"{self.path}: {table.name} at t = {table.time:g} has no value at node "
                f"{absent[0]} and {absent.size - 1} others of {wanted.size}; the file belongs to "
                "another mesh, or holds a part of the nodes only."
            )
            raise ConversionError(message)
        found = np.empty((wanted.size, values.shape[1]))
        found[self.order] = values[ascending[places]]
        return found[:, _TO_VOIGT] if _is_tensor(table) else found


def read_frd(path: Path, mesh: Mesh) -> Results:
    """Read the header of CalculiX results at the nodes.

    Parameters
    ----------
    path
        ``.frd`` file, text or binary.
    mesh
        Mesh of the results; nodes are matched by their numbers.

    Returns
    -------
    Results
        ``displacement`` (DISP), ``reaction`` (FORC), ``temperature`` (NDTEMP), and the other
        results that every instant holds by their foreign names. Tensors come in romnet's Voigt
        order; they are extrapolated to the nodes, so they are no stresses at the points.

    Raises
    ------
    ConversionError
        If the file is damaged or truncated, or instants do not increase.

    Notes
    -----
    Collective: no. Deterministic: yes. Memory: one table. Instants are those of the displacement,
    or of the first result if there is none.

    Examples
    --------
    >>> read_frd(Path("absent.frd"), Mesh(np.zeros((0, 3)), (), np.arange(0)))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.frd: cannot be read (No such file or directory).
    """
    tables = read_index(path).tables
    if not tables:
        message = f"{path}: holds no results."
        raise ConversionError(message)
    leading = "DISP" if any(table.name == "DISP" for table in tables) else tables[0].name
    instants = _instants(path, tables, leading)
    fields = _common_fields(path, instants)
    order = np.argsort(mesh.node_ids)
    reader = _Reader(path, mesh, order, instants, fields)
    times = np.array([_time_of(tables) for tables in instants])
    return Results(times, fields, reader.read)


def read_frd_field(
    path: Path, mesh: Mesh, *, variable: str | None = None, face_set: str | None = None
) -> ForeignField:
    """Read one scalar nodal result, such as the temperatures of a thermal computation.

    Parameters
    ----------
    path
        ``.frd`` file.
    mesh
        Mesh with the same node numbers.
    variable
        ``"temperature"``, or another scalar result by its name, of the last instant;
        ``"temperature@0.5"`` of the instant 0.5. The temperature if left out.
    face_set
        Not supported: these files hold nodal values only.

    Raises
    ------
    ConversionError
        If the file is damaged, or there is no such result or instant.

    Notes
    -----
    Collective: no. Deterministic: yes.

    Examples
    --------
    >>> read_frd_field(Path("a.frd"), Mesh(np.zeros((0, 3)), (), np.arange(0)), face_set="skin")
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: a.frd: holds fields at nodes only, none on 'skin'.
    """
    if face_set is not None:
        message = f"{path}: holds fields at nodes only, none on {face_set!r}."
        raise ConversionError(message)
    results = read_frd(path, mesh)
    name, _, wanted = (variable or "temperature").partition("@")
    number = results.n_times - 1
    if wanted:
        number = _number_of(path, results.times, wanted)
    if name in results.fields and results.fields[name].components:
        message = f"{path}: {name} is no scalar."
        raise ConversionError(message)
    return ForeignField(name, "node", results.instant(number, (name,))[name])


def _instants(path: Path, tables: tuple[Table, ...], leading: str) -> tuple[dict[str, Table], ...]:
    """Group the tables by instant, each begun by the leading result."""
    instants: dict[float, dict[str, Table]] = {}
    for table in tables:
        if table.name == leading:
            if table.time in instants:
                message = (
                    f"{path}: holds {leading} twice at t = {table.time:g}; times have six digits, "
                    "write fewer increments (FREQUENCY), and no modes or buckling steps."
                )
                raise ConversionError(message)
            instants[table.time] = {}
    for table in tables:
        if table.time in instants:
            instants[table.time].setdefault(_name(table), table)
    times = list(instants)
    if times != sorted(times):
        message = f"{path}: expected increasing instants, found {times[:5]}."
        raise ConversionError(message)
    return tuple(instants.values())


def _common_fields(path: Path, instants: tuple[dict[str, Table], ...]) -> dict[str, FieldInfo]:
    """Describe the results that every instant holds."""
    fields: dict[str, FieldInfo] = {}
    for name, table in instants[0].items():
        if any(
            name not in found or found[name].components != table.components for found in instants
        ):
            logger.warning("%s: %s is not written at every instant and ignored", path, name)
            continue
        fields[name] = _info(path, table)
    return fields


def _info(path: Path, table: Table) -> FieldInfo:
    """Describe one result."""
    if table.name in KNOWN:
        name, components, unit = KNOWN[table.name]
        if len(table.components) != max(len(components), 1):
            message = f"{path}: {table.name} has components {table.components}."
            raise ConversionError(message)
        return FieldInfo("node", components, name, unit)
    if _is_tensor(table):
        return FieldInfo("node", VOIGT, table.name)
    return FieldInfo("node", table.components if len(table.components) > 1 else (), table.name)


def _is_tensor(table: Table) -> bool:
    """Whether components are those of a symmetric tensor in this format's order."""
    return tuple(name[1:] for name in table.components) == _TENSOR


def _name(table: Table) -> str:
    """Return our name of a result."""
    return KNOWN[table.name][0] if table.name in KNOWN else table.name


def _time_of(tables: dict[str, Table]) -> float:
    """Return the instant of some tables."""
    return next(iter(tables.values())).time


def _number_of(path: Path, times: Array, wanted: str) -> int:
    """Return the number of an instant given as text."""
    try:
        time = float(wanted)
    except ValueError as problem:
        message = f"{path}: {wanted!r} is no instant."
        raise ConversionError(message) from problem
    number = int(np.abs(times - time).argmin())
    if not abs(times[number] - time) <= 1e-5 * max(abs(time), float(times[-1])):
        message = f"{path}: holds no instant {time:g}; the nearest is {times[number]:g}."
        raise ConversionError(message)
    return number
