"""From result files of any known format to the store, and to what other programs draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from romnet.core import tensors
from romnet.core.arrays import Array
from romnet.core.errors import ConversionError, RomnetError, StudyError
from romnet.fe.discretization import Discretization, discretize
from romnet.fe.mesh import Mesh
from romnet.store.content_hash import sha256_of
from romnet.store.converters.base import Results, find_converter
from romnet.store.converters.stored import STORE
from romnet.store.manifest import Manifest, manifest_path, read_manifest, write_manifest
from romnet.store.mesh_file import save_mesh
from romnet.store.mirror import Plane, in_mirror
from romnet.store.series import companions, writing_series
from romnet.store.snapshots import writing_snapshots
from romnet.store.vtkhdf import cell_averages, to_vtk_tensor

TARGETS = (STORE, ".vtkhdf", ".xdmf", ".pvd")


@dataclass(frozen=True)
class Conversion:
    """What was written.

    Attributes
    ----------
    path
        The file.
    files
        It and what belongs to it.
    n_times
        Instants.
    fields
        Names of the fields.
    """

    path: Path
    files: tuple[Path, ...]
    n_times: int
    fields: tuple[str, ...]


def convert(  # noqa: PLR0913  (two files, and five choices)
    results: Path,
    output: Path,
    *,
    mesh: Path | None = None,
    units: Mapping[str, str] | None = None,
    mirror: Plane | None = None,
    force: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Conversion:
    """Write results of any known format to the store or to a format that is drawn.

    Parameters
    ----------
    results
        File that a registered converter reads.
    output
        ``.h5`` (snapshots, with their mesh in ``<stem>.mesh.h5``), ``.vtkhdf``, ``.xdmf`` or
        ``.pvd``. In the last three, fields at the integration points become averages over cells.
    mesh
        File of the mesh; that of the results if left out.
    units
        Set that the numbers are in, such as ``{"length": "mm"}``; kept from stored results.
    mirror
        Plane of symmetry; displacements are written as they look in it, and nothing else.
    force
        Whether to replace what is there.
    progress
        Told the part that is done.

    Returns
    -------
    Conversion
        What was written. A manifest beside the file says where it came from.

    Raises
    ------
    StudyError
        If the output exists, or has another suffix.
    ConversionError
        If the results cannot be read, or the mesh is not symmetric.

    Notes
    -----
    Collective: no. Deterministic: yes. Memory: the mesh and one instant. A run that is stopped
    leaves nothing under the final name.

    Examples
    --------
    >>> convert(Path("a.frd"), Path("a.txt"))
    Traceback (most recent call last):
    romnet.core.errors.StudyError: a.txt: is written as .h5, .vtkhdf, .xdmf, .pvd only.
    """
    suffix = output.suffix.lower()
    if suffix not in TARGETS:
        message = f"{output}: is written as {', '.join(TARGETS)} only."
        raise StudyError(message)
    files = (output, *_belonging(output))
    _refuse_existing(results, files, force=force)
    source = results if mesh is None else mesh
    body = find_converter(source).read_mesh(source)
    opened = find_converter(results).read_results(results, body)
    manifest = _manifest(results, source, units)
    if mirror is not None:
        opened = in_mirror(opened, body, mirror)
        manifest = replace(manifest, parameters={**manifest.parameters, "mirror": str(mirror)})
    report = progress or _silent
    if suffix == STORE:
        _store(output, body, opened, manifest, report)
    else:
        _draw(output, body, opened, manifest, report)
    return Conversion(output, files, opened.n_times, tuple(opened.fields))


def _silent(_: float) -> None:
    """Report nothing."""


def _belonging(output: Path) -> tuple[Path, ...]:
    """Return what is written beside the output, manifests apart."""
    if output.suffix.lower() == STORE:
        return (output.with_suffix(f".mesh{STORE}"),)
    return companions(output)


def _refuse_existing(results: Path, files: tuple[Path, ...], *, force: bool) -> None:
    """Refuse to write over what is there, and over the results themselves in any case."""
    for file in files:
        if file.resolve() == results.resolve():
            message = f"{file} would be written while it is read; name another output."
            raise StudyError(message)
        if file.exists() and not force:
            message = f"{file} exists already; say --force to replace it."
            raise StudyError(message)


def _manifest(results: Path, mesh: Path, units: Mapping[str, str] | None) -> Manifest:
    """Say where the numbers come from."""
    kept: Mapping[str, str] = {}
    if manifest_path(results).is_file():
        try:
            kept = read_manifest(results).units
        except RomnetError:
            kept = {}
    inputs = {
        str(file.name): sha256_of(file)
        for origin in dict.fromkeys((results, mesh))
        for file in find_converter(origin).files(origin)
        if file.is_file()
    }
    return Manifest(inputs=inputs, parameters={"converted_from": str(results)}, units=units or kept)


def _store(
    output: Path,
    mesh: Mesh,
    results: Results,
    manifest: Manifest,
    progress: Callable[[float], None],
) -> None:
    """Write snapshots and their mesh."""
    save_mesh(output.with_suffix(f".mesh{STORE}"), mesh, manifest)
    infos = {
        name: replace(info, unit=_unit(info.unit, manifest.units))
        for name, info in results.fields.items()
    }
    with writing_snapshots(output, infos, manifest=manifest) as writer:
        for number, (time, fields) in enumerate(results.instants()):
            writer.append(time, {name: np.ravel(values) for name, values in fields.items()})
            progress((number + 1) / results.n_times)


def _unit(dimension: str, units: Mapping[str, str]) -> str:
    """Return the unit of a dimension, where the set is known."""
    if dimension == "stress" and {"force", "length"} <= set(units):
        return f"{units['force']}/{units['length']}^2"
    return units.get(dimension, dimension)


def _draw(
    output: Path,
    mesh: Mesh,
    results: Results,
    manifest: Manifest,
    progress: Callable[[float], None],
) -> None:
    """Write a series; what is known at integration points becomes an average in each cell."""
    at_points = [name for name, info in results.fields.items() if info.location == "point"]
    points = discretize(mesh) if at_points else None
    manifest_path(output).unlink(missing_ok=True)
    with writing_series(output, mesh) as writer:
        for number, (time, fields) in enumerate(results.instants()):
            nodal = {name: values for name, values in fields.items() if name not in at_points}
            cells = (
                {}
                if points is None
                else {name: _averages(name, fields[name], points) for name in at_points}
            )
            writer.append(time, point_fields=nodal, cell_fields=cells)
            progress((number + 1) / results.n_times)
    digest = sha256_of(output)
    kind = output.suffix.lower().lstrip(".")
    write_manifest(output, replace(manifest, kind=kind, sha256=digest))


def _averages(name: str, values: Array, points: Discretization) -> Array:
    """Return averages over cells, tensors in the order of VTK."""
    if len(values) != points.n_points:
        message = f"field {name} has {len(values)} points, the mesh has {points.n_points}."
        raise ConversionError(message)
    averages = cell_averages(values, np.abs(points.weights), points.cell_of_point)
    tensor = averages.ndim > 1 and averages.shape[1] == tensors.n_components(points.mesh.n_dim)
    return to_vtk_tensor(averages) if tensor else averages


def converted_units(words: list[str]) -> dict[str, Any]:
    """Read units as they are given on the command line.

    Raises
    ------
    StudyError
        If one is not ``name=unit``.

    Examples
    --------
    >>> converted_units(["length=mm", "force=N"])
    {'length': 'mm', 'force': 'N'}
    """
    units = {}
    for word in words:
        name, equals, unit = word.partition("=")
        if not (name and equals and unit):
            message = f"units are given as length=mm, got {word!r}."
            raise StudyError(message)
        units[name] = unit
    return units


def plane_of(word: str) -> Plane:
    """Read a plane as it is given on the command line.

    Raises
    ------
    StudyError
        If it is not an axis and a number.

    Examples
    --------
    >>> str(plane_of("y=1.5"))
    'y=1.5'
    """
    try:
        return Plane.of(word)
    except ValueError as problem:
        raise StudyError(str(problem)) from problem
