"""Conformity of converters: what every reader of foreign files must do."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError, PluginError
from romnet.fe.cells import CELLS
from romnet.fe.discretization import discretize
from romnet.fe.formulations import formulation
from romnet.fe.mesh import Mesh
from romnet.store.converters.base import Converter, Results

STRAIN_TOLERANCE = 0.1
VALUE_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Expected:
    """What is known to be in files, so that nothing can get lost or change places.

    Attributes
    ----------
    sets
        Number of members of node, cell and face sets, by name.
    last
        Fields of the last instant in romnet's conventions, by name.

    Examples
    --------
    >>> Expected(sets={"left": 4}).last
    {}
    """

    sets: Mapping[str, int] = field(default_factory=dict)
    last: Mapping[str, Array] = field(default_factory=dict)


def check_converter(
    converter: Converter, mesh_path: Path, results_path: Path, *, expected: Expected | None = None
) -> None:
    """Check a converter on a mesh and on results of yours.

    Parameters
    ----------
    converter
        The converter, built-in or a plug-in.
    mesh_path, results_path
        Files it must read; the results belong to the mesh and have at least one instant.
    expected
        What is in these files. A set that is left out, or components in another order, are seen
        only by who knows what is there.

    Raises
    ------
    PluginError
        At the first rule that is broken: foreign ids occur once, sets are not empty and name what
        exists, times increase, the number of rows of each field fits the mesh, every value is
        finite, a second pass over the results reads the same, strains at points are those of the
        displacements where both are read and the points are known, what is expected is there, and
        missing, foreign or truncated files raise `ConversionError` and nothing else.
    ConversionError
        If the files themselves are refused.

    Notes
    -----
    Collective: no. Deterministic: yes. Cost: reads the results twice, and copies half of both
    files. Files of the same stem are taken to belong to them.

    Examples
    --------
    >>> import tempfile
    >>> import meshio
    >>> from romnet.store.converters.meshio_bridge import CONVERTER
    >>> points = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    >>> raw = meshio.Mesh(points, {"triangle": [[0, 1, 2]]}, point_data={"u": 0.1 * points})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "a.vtu"
    ...     raw.write(path, binary=False)
    ...     check_converter(CONVERTER, path, path)
    """
    for path in (mesh_path, results_path):
        _require(
            path.suffix.lower() in converter.suffixes,
            f"{converter.name} does not announce '{path.suffix}' among {converter.suffixes}",
        )
    mesh = converter.read_mesh(mesh_path)
    _check_mesh(mesh)
    results = converter.read_results(results_path, mesh)
    _check_results(mesh, results)
    _check_strain(mesh, results)
    if expected is not None:
        _check_expected(mesh, results, expected)
    with tempfile.TemporaryDirectory() as folder:
        _check_refusals(converter, mesh, Path(folder), (mesh_path, results_path))


def _check_mesh(mesh: Mesh) -> None:
    """Check numbers and sets."""
    _require(mesh.n_nodes > 0 and mesh.n_cells > 0, "the mesh is empty")
    _require(bool(np.isfinite(mesh.nodes).all()), "a coordinate is not finite")
    _require(np.unique(mesh.node_ids).size == mesh.n_nodes, "a node id occurs twice or is missing")
    cell_ids = np.concatenate([block.ids for block in mesh.blocks])
    _require(np.unique(cell_ids).size == mesh.n_cells, "a cell id occurs twice or is missing")
    for block in mesh.blocks:
        n_nodes = CELLS[block.cell_type].n_nodes
        _require(
            block.connectivity.shape[1] == n_nodes,
            f"{block.formulation} cells have {block.connectivity.shape[1]} nodes, not {n_nodes}",
        )
    _check_sets("node set", mesh.node_sets, mesh.n_nodes)
    _check_sets("cell set", mesh.cell_sets, mesh.n_cells)
    faces = {name: found.cells for name, found in mesh.face_sets.items()}
    _check_sets("face set", faces, mesh.n_cells)


def _check_sets(kind: str, sets: Mapping[str, Array], count: int) -> None:
    """Check that sets are not empty and name what exists."""
    for name, members in sets.items():
        _require(members.size > 0, f"{kind} {name} is empty")
        _require(
            bool(members.min() >= 0 and members.max() < count),
            f"{kind} {name} names {members.min()} ... {members.max()} of {count}",
        )


def _check_results(mesh: Mesh, results: Results) -> None:
    """Check times, shapes, finiteness and that a second pass reads the same."""
    _require(results.n_times > 0, "there are no instants")
    _require(bool(np.all(np.diff(results.times) > 0.0)), "times do not increase")
    _require("displacement" in results.fields, "there is no field 'displacement'")
    n_points: dict[str, int] = {}
    for number, (time, first) in enumerate(results.instants()):
        _require(time == float(results.times[number]), f"instant {number} comes with time {time:g}")
        second = results.instant(number)
        _require(set(first) == set(results.fields), f"instant {number} lacks announced fields")
        for name, values in first.items():
            place = f"field {name} at instant {number}"
            _require(bool(np.isfinite(values).all()), f"{place} is not finite")
            _require(np.array_equal(values, second[name]), f"{place} differs when read again")
            _check_shape(place, mesh, results, name, values)
            if results.fields[name].location == "point":
                n_points[name] = len(values)
    _require(len(set(n_points.values())) <= 1, f"fields have unequal numbers of points: {n_points}")


def _check_strain(mesh: Mesh, results: Results) -> None:
    """Check that strains at the points are those of the displacements."""
    info = results.fields.get("strain")
    known = all(formulation(block.formulation).verified for block in mesh.blocks)
    if info is None or info.location != "point" or not known:
        return
    fields = results.instant(results.n_times - 1, ("displacement", "strain"))
    computed = discretize(mesh).strain_operator @ fields["displacement"]
    off = float(np.linalg.norm(np.ravel(fields["strain"]) - computed))
    size = float(np.linalg.norm(computed))
    _require(
        off <= STRAIN_TOLERANCE * size,
        f"strains are {off / max(size, 1e-300):.2g} away from those of the displacements; their "
        "components, their shear or the points come in another order",
    )


def _check_expected(mesh: Mesh, results: Results, expected: Expected) -> None:
    """Check sets and values that are known."""
    faces = {name: found.cells for name, found in mesh.face_sets.items()}
    for name, count in expected.sets.items():
        sizes = [
            sets[name].size for sets in (mesh.node_sets, mesh.cell_sets, faces) if name in sets
        ]
        _require(bool(sizes), f"set {name} is lost")
        _require(count in sizes, f"set {name} has {sizes} members, expected {count}")
    last = results.instant(results.n_times - 1, tuple(expected.last))
    for name, values in expected.last.items():
        _require(
            last[name].shape == values.shape,
            f"field {name} has shape {last[name].shape}, expected {values.shape}",
        )
        off = np.abs(last[name] - values)
        size = float(np.abs(values).max(initial=0.0))
        row = int(np.ravel(off).argmax()) if off.size else 0
        _require(
            bool(off.max(initial=0.0) <= VALUE_TOLERANCE * size),
            f"field {name} differs at {results.fields[name].where(row)}: "
            f"{np.ravel(last[name])[row]:.6g}, expected {np.ravel(values)[row]:.6g}"
            if off.size
            else "",
        )


def _check_shape(place: str, mesh: Mesh, results: Results, name: str, values: Array) -> None:
    """Check the shape of one field."""
    info = results.fields[name]
    if info.location == "node":
        expected: tuple[int, ...] = (mesh.n_nodes * info.n_components,)
    else:
        expected = (len(values), info.n_components)[: 1 + bool(info.components)]
    _require(values.shape == expected, f"{place} has shape {values.shape}, expected {expected}")
    if name == "displacement":
        _require(values.size == mesh.n_dofs, f"{place} has {values.size} of {mesh.n_dofs} dofs")


def _check_refusals(
    converter: Converter, mesh: Mesh, folder: Path, paths: tuple[Path, Path]
) -> None:
    """Check that files which are not what they claim to be raise `ConversionError`."""
    mesh_path, results_path = paths
    for path in paths:
        _must_refuse(converter, mesh, folder / f"absent{path.suffix}", path is results_path)
        foreign = folder / f"foreign{path.suffix}"
        foreign.write_bytes(b"\x00\xff no such format \x00" * 8)
        _must_refuse(converter, mesh, foreign, path is results_path)
    for source, as_results in ((mesh_path, False), (results_path, True)):
        beside = folder / ("results" if as_results else "mesh")
        beside.mkdir()
        for other in source.parent.glob(f"{source.stem}.*"):
            (beside / other.name).symlink_to(other.resolve())
        content = source.read_bytes()
        cut = beside / source.name
        cut.unlink()
        cut.write_bytes(content[: len(content) // 2])
        _must_refuse(converter, mesh, cut, as_results)


def _must_refuse(converter: Converter, mesh: Mesh, path: Path, as_results: bool) -> None:  # noqa: FBT001
    """Require a `ConversionError` that names the file."""
    try:
        if as_results:
            for _ in converter.read_results(path, mesh).instants():
                pass
        else:
            converter.read_mesh(path)
    except ConversionError as refusal:
        _require(path.stem in str(refusal), f"the refusal of {path.name} does not name it")
    except (Exception, SystemExit) as problem:
        message = f"{path.name} raised {type(problem).__name__}, not ConversionError: {problem}"
        raise PluginError(message) from problem
    else:
        _require(False, f"{path.name} was read without complaint")  # noqa: FBT003


def _require(condition: bool, problem: str) -> None:  # noqa: FBT001
    """Raise when a rule is broken."""
    if not condition:
        message = f"not a converter: {problem}."
        raise PluginError(message)
