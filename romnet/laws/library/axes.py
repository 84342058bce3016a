"""Material axes: how a study gives them, and in which planes a material can be in plane strain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.errors import LawError, StudyError
from romnet.laws.model import Parameter, Structure
from romnet.laws.tables import Table

CUBE_EDGES = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
CUBE_DIAGONALS = (
    (0.0, 1.0, 1.0),
    (0.0, 1.0, -1.0),
    (1.0, 0.0, 1.0),
    (1.0, 0.0, -1.0),
    (1.0, 1.0, 0.0),
    (1.0, -1.0, 0.0),
)
_FORM = "{first: [x, y, z], second: [x, y, z]} or {euler: [phi1, Phi, phi2]}"
_PARALLEL = 1e-8
_PLANE = 4  # components of plane strain


def axes_matrix(given: object, where: str) -> Float[Array, "3 3"]:
    """Return the material axes, one a row, that a study gives.

    Parameters
    ----------
    given
        ``{"first": [x, y, z], "second": [x, y, z]}``: a vector along the first axis and one that
        spans the plane of the first two with it; or ``{"euler": [phi1, Phi, phi2]}``: the angles
        of Bunge in degrees, which turn space about its third axis, the new first and the new
        third axis into the material.
    where
        Name for messages.

    Returns
    -------
    ndarray
        A rotation matrix.

    Raises
    ------
    StudyError
        If `given` has another form.
    LawError
        If the two vectors span no plane.

    Examples
    --------
    >>> turned = axes_matrix({"euler": [90.0, 0.0, 0.0]}, "axes")
    >>> np.round(turned + 0.0, 12).tolist()
    [[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if isinstance(given, Mapping) and set(given) == {"euler"}:
        angles = np.radians(_triple(given["euler"], f"{where}.euler"))
        return _about(2, angles[2]) @ _about(0, angles[1]) @ _about(2, angles[0])
    if not isinstance(given, Mapping) or set(given) != {"first", "second"}:
        message = f"{where}: must be {_FORM}, got {given!r}."
        raise StudyError(message)
    first = _triple(given["first"], f"{where}.first")
    second = _triple(given["second"], f"{where}.second")
    third = np.cross(first, second)
    size = np.linalg.norm(first) * np.linalg.norm(second)
    if not np.linalg.norm(third) > _PARALLEL * size:
        message = f"{where}: first {first.tolist()} and second {second.tolist()} span no plane."
        raise LawError(message)
    rows = np.stack([first, np.cross(third, first), third])
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=float)


def refuse_oblique_plane(
    axes: Sequence[Table], mirrors: Sequence[tuple[float, float, float]], n_components: int
) -> None:
    """Refuse plane strain across a plane that is no mirror of the material.

    Parameters
    ----------
    axes
        PROPS of the axes.
    mirrors
        Normals of the mirror planes in material axes.
    n_components
        Components of the law; 6 is never refused.

    Raises
    ------
    LawError
        If `n_components` is 4 and axis 3 of space is along no normal: stresses would shear the
        plane out of itself.

    Examples
    --------
    >>> tilted = AXES.structure.read({"first": [1.0, 0.0, 1.0], "second": [0.0, 1.0, 0.0]}, "axes")
    >>> refuse_oblique_plane(tilted, CUBE_EDGES + CUBE_DIAGONALS, 4)
    >>> refuse_oblique_plane(tilted, CUBE_EDGES, 4)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    romnet.core.errors.LawError: parameters.axes: plane strain needs axis 3 of space along ...
    """
    if n_components != _PLANE:
        return
    first, second = np.array([table.at(0.0) for table in axes]).reshape(2, 3)
    normal = np.array([first[2], second[2], np.cross(first, second)[2]])
    unit = np.array(mirrors) / np.linalg.norm(mirrors, axis=1, keepdims=True)
    if np.abs(unit @ normal).max() < 1.0 - _PARALLEL:
        message = (
            "parameters.axes: plane strain needs axis 3 of space along the normal of a mirror "
            f"plane of the material; it is along {np.round(normal, 6).tolist()} in its axes. "
            "Compute in three dimensions."
        )
        raise LawError(message)


def _read(given: object, where: str) -> tuple[Table, ...]:
    """Return PROPS of the axes: two unit vectors."""
    first_two = axes_matrix(given, where)[:2]
    return tuple(Table.constant(component) for component in first_two.ravel())


def _about(axis: int, angle: float) -> Float[Array, "3 3"]:
    """Return the matrix that takes components to axes turned about one of them."""
    matrix, i, j = np.eye(3), (axis + 1) % 3, (axis + 2) % 3
    matrix[i, i] = matrix[j, j] = np.cos(angle)
    matrix[i, j], matrix[j, i] = np.sin(angle), -np.sin(angle)
    return matrix


def _triple(given: object, where: str) -> Float[Array, " 3"]:
    """Read three finite numbers."""
    try:
        numbers = np.array(given, dtype=float)
    except (TypeError, ValueError):
        numbers = np.empty(0)
    if numbers.shape != (3,) or not np.isfinite(numbers).all():
        message = f"{where}: must be three numbers, got {given!r}."
        raise StudyError(message)
    return numbers


AXES = Parameter(
    "axes",
    "material axes in space: two vectors, or Bunge's Euler angles in degrees",
    structure=Structure(_FORM, _read, {"first": [1.0, 0.0, 0.0], "second": [0.0, 1.0, 0.0]}),
)
