"""Fields in space as a study gives them: a number, a formula, or a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.errors import StudyError
from romnet.fe.mesh import Mesh
from romnet.store.converters.base import find_converter
from romnet.study.schema import FieldFile, GaussianField, SpatialField


def field_values(
    field: SpatialField,
    positions: Float[Array, "n n_dim"],
    *,
    mesh: Mesh,
    folder: Path,
    face_set: str | None = None,
) -> Float[Array, " n"]:
    """Evaluate a field at nodes, or at the centres of the faces of a set.

    Parameters
    ----------
    field
        As the study gives it.
    positions
        Where it is wanted [length].
    mesh
        The whole mesh, to which the values of a file belong.
    folder
        Folder that relative paths start from.
    face_set
        Face set at whose faces the field is wanted; at the nodes if left out.

    Raises
    ------
    StudyError
        If a file holds another number of values than wanted.
    ConversionError
        If a file cannot be read.
    """
    if isinstance(field, float | int):
        return np.full(len(positions), float(field))
    if isinstance(field, GaussianField):
        return _gaussian(field, positions)
    path, variable = _file_of(field)
    path = path if path.is_absolute() else folder / path
    read = find_converter(path).read_field
    values = read(path, mesh, variable=variable, face_set=face_set).values
    if values.shape != (len(positions),):
        message = f"{path} holds {values.size} values where {len(positions)} are needed."
        raise StudyError(message)
    return values


def field_files(field: SpatialField, folder: Path) -> tuple[Path, ...]:
    """Return the files that a field is read from."""
    if isinstance(field, float | int | GaussianField):
        return ()
    path, _ = _file_of(field)
    return (path if path.is_absolute() else folder / path,)


def _file_of(field: FieldFile | Path) -> tuple[Path, str | None]:
    """Return file and variable."""
    return (field.file, field.variable) if isinstance(field, FieldFile) else (field, None)


def _gaussian(field: GaussianField, positions: Array) -> Array:
    """Evaluate the bell-shaped formula."""
    shape = field.gaussian
    if len(shape.centre) != positions.shape[1]:
        message = f"gaussian.centre needs {positions.shape[1]} coordinates, got {shape.centre}."
        raise StudyError(message)
    squared = ((positions - np.array(shape.centre)) ** 2).sum(axis=1)
    return np.asarray(shape.base + shape.peak * np.exp(-shape.rate * squared))
