"""Nodal fields of formats that name them freely: which is the displacement, in which shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError
from romnet.fe.mesh import Mesh
from romnet.store.converters.base import FieldReader, ForeignField, Results
from romnet.store.snapshots import FieldInfo

# Names of nodal fields, in lower case, that are taken for known ones.
DISPLACEMENTS = ("displacement", "displacements", "disp", "depl", "u")
REACTIONS = ("reaction", "reactions", "reaction force", "rf")
TEMPERATURES = ("temperature", "temperatures", "temp", "nt", "nt11")
_SAME_PLACE = 1e-6
_COORDINATES = 3


def known_fields(
    path: Path, data: Mapping[str, Array], n_dim: int
) -> tuple[dict[str, str], dict[str, FieldInfo]]:
    """Return which foreign data each field comes from, and what it is.

    Parameters
    ----------
    path
        File, for messages.
    data
        Foreign data by name, each (n, ...); only the shape beyond the first axis counts.
    n_dim
        Space dimension.

    Raises
    ------
    ConversionError
        If two could be the displacement, the reaction or the temperature.

    Examples
    --------
    >>> known_fields(Path("a"), {"U": np.zeros((0, 3)), "hot": np.zeros(0)}, 3)[0]
    {'displacement': 'U', 'hot': 'hot'}
    """
    directions = ("1", "2", "3")[:n_dim]
    known = (
        ("displacement", DISPLACEMENTS, directions, "length"),
        ("reaction", REACTIONS, directions, "force"),
        ("temperature", TEMPERATURES, (), "temperature"),
    )
    sources: dict[str, str] = {}
    fields: dict[str, FieldInfo] = {}
    for field, names, components, unit in known:
        found = [name for name in data if name.lower() in names]
        if len(found) > 1:
            message = f"{path}: {found} could all be the {field}; keep one."
            raise ConversionError(message)
        if found:
            sources[field] = found[0]
            fields[field] = FieldInfo("node", components, field, unit)
    for name, values in data.items():
        if name not in sources.values():
            count = int(np.prod(np.shape(values)[1:], dtype=np.int64))
            components = tuple(str(number + 1) for number in range(count)) if count > 1 else ()
            sources[name] = name
            fields[name] = FieldInfo("node", components, name)
    return sources, fields


def values_of(
    path: Path, data: Mapping[str, Any], name: str, shape: tuple[int, int]
) -> Float[Array, " n_rows"]:
    """Return foreign data as flat rows; a plane mesh drops the third component of vectors.

    Parameters
    ----------
    path
        File, for messages.
    data
        Foreign data by name.
    name
        Which.
    shape
        Nodes and components that are expected.

    Raises
    ------
    ConversionError
        If the data are missing or have another shape.

    Examples
    --------
    >>> values_of(Path("a"), {"U": [[1.0, 2.0, 0.0]]}, "U", (1, 2)).tolist()
    [1.0, 2.0]
    """
    if name not in data:
        message = f"{path}: point data {name!r} are missing at this instant."
        raise ConversionError(message)
    found = np.asarray(data[name], dtype=np.float64)
    values = found.reshape(len(found), -1)
    if shape[1] == 2 and values.shape[1] == _COORDINATES:  # noqa: PLR2004
        values = values[:, :2]
    if values.shape != shape:
        message = f"{path}: point data {name!r} have shape {found.shape}, expected {shape}."
        raise ConversionError(message)
    return np.ascontiguousarray(values).ravel()


def check_points(path: Path, points: Array, mesh: Mesh) -> None:
    """Refuse results on other nodes, or on the same nodes in another order.

    Parameters
    ----------
    path
        File, for messages.
    points
        Coordinates of the results (n_points, n) [length], n at least the dimension of the mesh.
    mesh
        The mesh.

    Raises
    ------
    ConversionError
        If a node is farther from its place than a millionth of the size of the mesh.

    Examples
    --------
    >>> line = Mesh(np.array([[0.0, 0.0], [1.0, 0.0]]), (), np.arange(2))
    >>> check_points(Path("a.vtu"), line.nodes[::-1], line)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: a.vtu: node 0 is 1 away from that of the mesh; ...
    """
    if len(points) != mesh.n_nodes:
        message = f"{path}: has {len(points)} nodes, the mesh has {mesh.n_nodes}."
        raise ConversionError(message)
    if mesh.n_nodes == 0:
        return
    distance = np.abs(points[:, : mesh.n_dim] - mesh.nodes).max(axis=1)
    size = float(np.ptp(mesh.nodes, axis=0).max())
    if distance.max() > _SAME_PLACE * size:
        worst = int(distance.argmax())
        message = (
            f"{path}: node {worst} is {distance[worst]:.3g} away from that of the mesh; "
            f"the nodes are numbered otherwise, or moved."
        )
        raise ConversionError(message)


def field_reader(read_results: Callable[[Path, Mesh], Results]) -> FieldReader:
    """Return what reads one scalar nodal field of the last instant, such as a temperature map.

    Parameters
    ----------
    read_results
        Opens the results of a file.

    Returns
    -------
    FieldReader
        `read_field` of a converter; it raises what `one_field` raises.

    Examples
    --------
    >>> read_field = field_reader(lambda path, mesh: Results(np.zeros(0), {}, lambda *_: {}))
    >>> read_field(Path("a.med"), Mesh(np.zeros((0, 3)), (), np.arange(0)), face_set="skin")
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: a.med: holds fields at nodes only, none on 'skin'.
    """

    def read_field(
        path: Path, mesh: Mesh, *, variable: str | None = None, face_set: str | None = None
    ) -> ForeignField:
        """Read one scalar nodal field."""
        return one_field(path, lambda: read_results(path, mesh), variable, face_set)

    return read_field


def one_field(
    path: Path, results: Callable[[], Results], variable: str | None, face_set: str | None
) -> ForeignField:
    """Return one scalar nodal field of the last instant of results.

    Parameters
    ----------
    path
        File, for messages.
    results
        Opens the results.
    variable
        Which field; may be left out when there is one scalar field.
    face_set
        Refused: such files hold no values on facets.

    Raises
    ------
    ConversionError
        If there is no such field, or several and none is named.

    Examples
    --------
    >>> from romnet.store.snapshots import FieldInfo
    >>> infos = {"hot": FieldInfo("node")}
    >>> warm = Results(np.zeros(1), infos, lambda number, names: {"hot": np.full(2, 80.0)})
    >>> one_field(Path("a"), lambda: warm, None, None).values.tolist()
    [80.0, 80.0]
    """
    if face_set is not None:
        message = f"{path}: holds fields at nodes only, none on {face_set!r}."
        raise ConversionError(message)
    opened = results()
    scalars = [
        name
        for name, info in opened.fields.items()
        if info.location == "node" and not info.components
    ]
    if variable is None and len(scalars) != 1:
        message = f"{path}: holds {scalars}; say which variable is meant."
        raise ConversionError(message)
    name = scalars[0] if variable is None else variable
    if name not in scalars:
        message = f"{path}: holds no variable {name!r}; it holds {scalars}."
        raise ConversionError(message)
    return ForeignField(name, "node", opened.instant(opened.n_times - 1, (name,))[name])
