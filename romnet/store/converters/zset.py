"""Z-set results: the ``.ut`` index with its binary ``.node`` and ``.integ`` files.

Values are big-endian single precision. ``.node`` holds, for each instant and each variable, all
nodes; ``.integ``, for each instant, each element and each variable, all points of the element;
``.ctnod``, where there is one, the variables of the points as Z-set takes them to the nodes.
Tensors come in the order 11, 22, 33, 12, 23, 31, strains with tensor shear.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from romnet.core import tensors
from romnet.core.arrays import Array
from romnet.core.errors import ConversionError, StudyError
from romnet.fe.formulations import formulation
from romnet.fe.mesh import Mesh
from romnet.store.converters.base import Converter, ForeignField, Results
from romnet.store.converters.geof import read_geof
from romnet.store.converters.zset_index import Index, mesh_file, read_index
from romnet.store.snapshots import FieldInfo

SINGLE = np.dtype(">f4")
TENSOR_ORDER = ("11", "22", "33", "12", "23", "31")
VECTORS = {"displacement": ("U", "length"), "reaction": ("RU", "force")}
TENSORS = {"strain": ("eto", "-"), "stress": ("sig", "stress")}
SCALAR_UNITS = {"temperature": "temperature"}
# The accumulated inelastic strain is named after the potential; all of these are also called p.
ACCUMULATED = ("evrcum", "epcum", "evcum", "eicum")
# Before the names of point variables in the file of values taken to the nodes.
AT_NODES = "nodal_"
_Names = tuple[str, ...]
_Group = tuple[Literal["node", "point"], _Names, dict[str, tuple[str, str]], _Names, _Names]


@dataclass(frozen=True)
class _Reader:
    """Reads instants of one set of result files."""

    index: Index
    mesh: Mesh
    points: tuple[tuple[int, int], ...]
    variables: dict[str, tuple[int, ...]]
    fields: dict[str, FieldInfo]

    def read(self, number: int, names: tuple[str, ...]) -> dict[str, Array]:
        """Read some fields of one instant."""
        return {name: self._field(number, name) for name in names}

    def _field(self, number: int, name: str) -> Array:
        """Read one field of one instant in romnet's convention."""
        info, columns = self.fields[name], self.variables[name]
        if name.startswith(AT_NODES):
            values = self._nodal(number, columns, ".ctnod", len(self.index.point_variables))
            return np.ravel(self._in_our_order(values, info) if info.components else values)
        if info.location == "node":
            return np.ravel(self._nodal(number, columns, ".node", len(self.index.node_variables)))
        values = self._at_points(number, columns)
        return self._in_our_order(values, info) if info.components else values[:, 0].copy()

    def _in_our_order(self, values: Array, info: FieldInfo) -> Array:
        """Return tensors in romnet's convention."""
        order = TENSOR_ORDER[: values.shape[1]]
        if info.quantity == "strain":
            return tensors.to_voigt(values, order, quantity="strain", tensor_shear=True)
        return tensors.to_voigt(values, order, quantity="stress")

    def _nodal(self, number: int, columns: tuple[int, ...], suffix: str, n_variables: int) -> Array:
        """Read variables at the nodes (n_nodes, n_columns)."""
        n_nodes = self.mesh.n_nodes
        path = self.index.path.with_suffix(suffix)
        whole = _mapped(path, len(self.index.times) * n_variables * n_nodes)
        instant = whole.reshape(-1, n_variables, n_nodes)[number]
        values = np.stack([instant[column] for column in columns], axis=-1)
        return _double(values)

    def _at_points(self, number: int, columns: tuple[int, ...]) -> Array:
        """Read variables at the integration points (n_points, n_columns)."""
        n_variables = len(self.index.point_variables)
        size = n_variables * _total(self.points)
        path = self.index.path.with_suffix(".integ")
        instant = _mapped(path, len(self.index.times) * size)[number * size : (number + 1) * size]
        parts, start = [], 0
        for n_cells, n_cell_points in self.points:
            stop = start + n_cells * n_variables * n_cell_points
            block = instant[start:stop].reshape(n_cells, n_variables, n_cell_points)
            chosen = _double(block[:, list(columns), :])
            parts.append(chosen.transpose(0, 2, 1).reshape(-1, len(columns)))
            start = stop
        return np.concatenate(parts)


def read_results(path: Path, mesh: Mesh) -> Results:
    """Read the header of Z-set results; values are read one instant at a time.

    Parameters
    ----------
    path
        ``.ut`` index; the ``.node`` and ``.integ`` files lie beside it.
    mesh
        Mesh that `read_geof` read from the file named in the index.

    Returns
    -------
    Results
        ``displacement``, ``reaction``, ``strain``, ``stress`` where the files hold all their
        components, and every other variable by its own name. The accumulated inelastic strain
        (``evrcum``, ``epcum``, ``evcum`` or ``eicum``, when there is exactly one) is also ``p``.
        With a ``.ctnod`` file, fields at the points exist at the nodes too: ``nodal_stress``, ...

    Raises
    ------
    ConversionError
        If the index is malformed (the message names the line), or a binary file does not have the
        size that index and mesh demand.

    Notes
    -----
    Collective: no. Deterministic: yes. Cost: the index only; then one instant of one variable.

    Examples
    --------
    >>> empty = Mesh(np.zeros((0, 3)), (), np.arange(0))
    >>> read_results(Path("absent.ut"), empty)
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.ut: cannot be read (No such file or directory).
    """
    index = read_index(path)
    points = tuple(
        (len(block.connectivity), _points_per_cell(path, block.formulation))
        for block in mesh.blocks
    )
    n_times = len(index.times)
    sizes = (
        (".node", len(index.node_variables), mesh.n_nodes, "nodes"),
        (".integ", len(index.point_variables), _total(points), "points"),
        (".ctnod", len(index.point_variables), mesh.n_nodes, "nodes"),
    )
    contoured = path.with_suffix(".ctnod").is_file()
    for suffix, n_variables, count, entity in sizes:
        if n_variables and (suffix != ".ctnod" or contoured):
            shape = f"{n_times} instants x {n_variables} variables x {count} {entity}"
            _check_size(path.with_suffix(suffix), n_times * n_variables * count, shape)
    variables, fields = _fields(index, mesh.n_dim)
    if contoured:
        at_points = [name for name, info in fields.items() if info.location == "point"]
        for name in at_points:
            variables[AT_NODES + name] = variables[name]
            fields[AT_NODES + name] = replace(fields[name], location="node")
    reader = _Reader(index, mesh, points, variables, fields)
    return Results(index.times, fields, reader.read)


def read_field(
    path: Path, mesh: Mesh, *, variable: str | None = None, face_set: str | None = None
) -> ForeignField:
    """Read a temperature map, a pressure map, or another field of one instant.

    Parameters
    ----------
    path
        ``.node`` file. When a ``.ut`` index lies beside it, its names are used; otherwise the
        file holds one variable.
    mesh
        Mesh it belongs to.
    variable
        Which variable; may be omitted when there is only one.
    face_set
        Set of faces with one value for each, in the order of the set. When omitted, the values
        are at the nodes.

    Raises
    ------
    ConversionError
        If the size does not fit, the variable or the set does not exist, or there is more than
        one instant.

    Notes
    -----
    Collective: no. Deterministic: yes.

    Examples
    --------
    >>> import tempfile
    >>> mesh = Mesh(np.zeros((2, 3)), (), np.arange(2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "hot.node"
    ...     np.array([20.0, 400.0], dtype=">f4").tofile(path)
    ...     field = read_field(path, mesh, variable="temperature")
    >>> field.name, field.location, field.values.tolist()
    ('temperature', 'node', [20.0, 400.0])
    """
    if face_set is not None and face_set not in mesh.face_sets:
        message = f"{path}: the mesh has no face set {face_set!r}; it has {sorted(mesh.face_sets)}."
        raise ConversionError(message)
    names = _field_variables(path, variable)
    if variable is not None and variable not in names:
        message = f"{path}: holds no variable {variable!r}; it holds {list(names)}."
        raise ConversionError(message)
    if variable is None and len(names) > 1:
        message = f"{path}: holds {list(names)}; say which variable is meant."
        raise ConversionError(message)
    name = variable or names[0]
    count = mesh.n_nodes if face_set is None else len(mesh.face_sets[face_set].cells)
    entity = "nodes" if face_set is None else f"facets of {face_set}"
    _check_size(path, len(names) * count, f"{len(names)} variables x {count} {entity}")
    values = _mapped(path, len(names) * count).reshape(len(names), count)[names.index(name)]
    return ForeignField(name, "node" if face_set is None else "facet", _double(values))


def _field_variables(path: Path, variable: str | None) -> tuple[str, ...]:
    """Return the variables of a field file, from the index beside it if there is one."""
    index_path = path.with_suffix(".ut")
    if not index_path.is_file():
        return (variable or path.stem,)
    index = read_index(index_path)
    if len(index.times) > 1:
        message = f"{path}: holds {len(index.times)} instants; read {index_path.name} as results."
        raise ConversionError(message)
    return index.node_variables


def _fields(index: Index, n_dim: int) -> tuple[dict[str, tuple[int, ...]], dict[str, FieldInfo]]:
    """Group the variables of the files into fields."""
    variables: dict[str, tuple[int, ...]] = {}
    fields: dict[str, FieldInfo] = {}
    directions = ("1", "2", "3")[:n_dim]
    components = TENSOR_ORDER[: tensors.n_components(n_dim)]
    groups: tuple[_Group, ...] = (
        ("node", index.node_variables, VECTORS, directions, directions),
        ("point", index.point_variables, TENSORS, components, tensors.VOIGT[: len(components)]),
    )
    for location, names, known, foreign, ours in groups:
        rest = dict(zip(names, range(len(names)), strict=True))
        for field, (stem, unit) in known.items():
            parts = [stem + component for component in foreign]
            if all(part in rest for part in parts):
                variables[field] = tuple(rest.pop(part) for part in parts)
                fields[field] = FieldInfo(location, ours, field, unit)
        for name, column in rest.items():
            variables[name] = (column,)
            fields[name] = FieldInfo(location, (), name, SCALAR_UNITS.get(name, ""))
    accumulated = [name for name in ACCUMULATED if name in index.point_variables]
    if len(accumulated) == 1 and "p" not in variables:
        variables["p"] = variables[accumulated[0]]
        fields["p"] = FieldInfo("point", (), "accumulated inelastic strain", "-")
    return variables, fields


def _check_size(path: Path, count: int, shape: str) -> None:
    """Refuse a binary file that has not exactly this many values."""
    try:
        found = path.stat().st_size
    except OSError as problem:
        message = f"{path}: cannot be read ({problem.strerror})."
        raise ConversionError(message) from problem
    expected = count * SINGLE.itemsize
    if found != expected:
        message = (
            f"{path}: expected {expected} bytes ({shape} x {SINGLE.itemsize}), found {found}; "
            f"the file is truncated or belongs to another mesh."
        )
        raise ConversionError(message)


def _mapped(path: Path, count: int) -> Float[Array, " n"]:
    """Map the values of a file whose size was checked, without reading them."""
    if count == 0:
        return np.zeros(0, dtype=SINGLE)
    try:
        return np.memmap(path, dtype=SINGLE, mode="r", shape=(count,))
    except (OSError, ValueError) as problem:
        message = f"{path}: changed while it was read ({problem})."
        raise ConversionError(message) from problem


def _double(values: Array) -> Array:
    """Return values in double precision; damaged ones may be signalling NaNs, refused later."""
    with np.errstate(invalid="ignore"):
        return values.astype(np.float64)


def _points_per_cell(path: Path, name: str) -> int:
    """Return how many integration points Z-set gives to a cell."""
    try:
        return formulation(name).n_points
    except StudyError as problem:
        message = f"{path}: {problem}"
        raise ConversionError(message) from problem


def _total(points: tuple[tuple[int, int], ...]) -> int:
    """Return the number of points of all blocks."""
    return sum(n_cells * n_cell_points for n_cells, n_cell_points in points)


def _any_mesh(path: Path) -> Mesh:
    """Read a mesh, or the one that results name."""
    from romnet.store.converters.zset_cut import read_decomposition

    if path.suffix.lower() == ".ut":
        return read_geof(mesh_file(path))
    if path.suffix.lower() == ".cut":
        return read_geof(read_decomposition(path).mesh_file)
    return read_geof(path)


def _any_results(path: Path, mesh: Mesh) -> Results:
    """Read results of the whole mesh, or of its subdomains."""
    from romnet.store.converters.zset_cut import read_partitioned

    return (read_partitioned if path.suffix.lower() == ".cut" else read_results)(path, mesh)


def _files(path: Path) -> tuple[Path, ...]:
    """Return a file and those that hold its values."""
    from romnet.store.converters.zset_cut import read_decomposition

    indices: tuple[Path, ...] = (path,) if path.suffix.lower() == ".ut" else ()
    if path.suffix.lower() == ".cut":
        indices = read_decomposition(path).indices
    values = (
        file
        for index in indices
        for file in (index, *map(index.with_suffix, (".node", ".integ", ".ctnod")))
    )
    return (path, *(file for file in values if file != path and file.is_file()))


CONVERTER = Converter(
    name="zset",
    suffixes=(".geof", ".ut", ".cut", ".node"),
    read_mesh=_any_mesh,
    read_results=_any_results,
    read_field=read_field,
    files=_files,
)
