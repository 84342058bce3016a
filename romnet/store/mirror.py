"""Results seen in a plane of symmetry: a second computation to learn from, at no cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import cKDTree

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError
from romnet.fe.mesh import Mesh
from romnet.store.converters.base import Results

_AXES = "xyz"
_FIELD = "displacement"
# Of the size of the mesh: so far may the partner of a node lie from its mirror image.
_APART = 1e-6


@dataclass(frozen=True)
class Plane:
    """A plane normal to an axis.

    Attributes
    ----------
    axis
        Number of the axis.
    place
        Where the plane cuts it [length].
    """

    axis: int
    place: float

    def __str__(self) -> str:
        """Return the plane as `of` reads it."""
        return f"{_AXES[self.axis]}={self.place:.17g}"

    @classmethod
    def of(cls, text: str) -> Plane:
        """Read a plane such as ``y=1.5``.

        Raises
        ------
        ValueError
            If the text is something else.

        Examples
        --------
        >>> Plane.of("y=1.5")
        Plane(axis=1, place=1.5)
        """
        name, sign, number = text.partition("=")
        try:
            place = float(number)
        except ValueError:
            place = np.nan
        if name.strip() not in tuple(_AXES) or not sign or not np.isfinite(place):
            message = f"a plane is an axis and a number, such as y=1.5; got {text!r}."
            raise ValueError(message)
        return cls(_AXES.index(name.strip()), place)


def partners(mesh: Mesh, plane: Plane) -> Int[Array, " n_nodes"]:
    """Return for each node the one at its mirror image.

    Parameters
    ----------
    mesh
        Of the whole structure.
    plane
        The plane of symmetry.

    Raises
    ------
    ConversionError
        If the nodes are not symmetric (names the worst), or two of them lie on each other.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing.

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> partners(box_mesh((1.0, 1.0, 1.0), (1, 1, 1)), Plane.of("x=0.5")).tolist()
    [1, 0, 3, 2, 5, 4, 7, 6]
    """
    if plane.axis >= mesh.n_dim:
        message = f"the mesh has {mesh.n_dim} dimensions, no axis {_AXES[plane.axis]}."
        raise ConversionError(message)
    image = np.array(mesh.nodes)
    image[:, plane.axis] = 2.0 * plane.place - image[:, plane.axis]
    apart, found = cKDTree(mesh.nodes).query(image)
    size = float(np.linalg.norm(np.ptp(mesh.nodes, axis=0)))
    worst = int(np.argmax(apart))
    if apart[worst] > _APART * size:
        message = (
            f"the mesh is not symmetric to {plane}: the image of the "
            f"node at {mesh.nodes[worst].round(6).tolist()} lies {apart[worst]:.3g} from the next "
            "node; mesh one half and mirror it."
        )
        raise ConversionError(message)
    if np.unique(found).size < found.size:
        message = "nodes of the mesh lie on each other: which mirrors which cannot be told."
        raise ConversionError(message)
    return np.asarray(found, dtype=np.int64)


def mirrored(
    displacement: Float[Array, " n_dofs"], other: Int[Array, " n_nodes"], plane: Plane
) -> Float[Array, " n_dofs"]:
    """Return a displacement as it looks in the mirror.

    Parameters
    ----------
    displacement
        Node by node.
    other
        The `partners` of the nodes.
    plane
        The plane of symmetry.

    Examples
    --------
    >>> mirrored(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1, 0]), Plane.of("y=0")).tolist()
    [3.0, -4.0, 1.0, -2.0]
    """
    values = np.array(np.reshape(displacement, (len(other), -1))[other])
    values[:, plane.axis] *= -1.0
    return values.ravel()


def in_mirror(results: Results, mesh: Mesh, plane: Plane) -> Results:
    """Return the displacements of a computation as they look in the mirror.

    They are those of the mirrored load, if mesh, materials and supports are symmetric. Other fields
    are left out: stresses are replayed from displacements.

    Parameters
    ----------
    results
        Of the whole structure, displacements among them.
    mesh
        Their mesh.
    plane
        The plane of symmetry.

    Raises
    ------
    ConversionError
        If the mesh is not symmetric, or there are no displacements.

    Notes
    -----
    Collective: no. Deterministic: yes. Memory: values are mirrored as they are read.

    Examples
    --------
    >>> from romnet.fe.structured import box_mesh
    >>> in_mirror(Results(np.zeros(1), {}, lambda *_: {}), box_mesh((1.0, 1.0, 1.0), (1, 1, 1)),
    ...     Plane.of("x=0.5"))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: there is no displacement to mirror; there is [].
    """
    if _FIELD not in results.fields:
        message = f"there is no {_FIELD} to mirror; there is {sorted(results.fields)}."
        raise ConversionError(message)
    other = partners(mesh, plane)

    def read(number: int, names: tuple[str, ...]) -> dict[str, Array]:
        """Read one instant."""
        found = results.instant(number, names)
        return {name: mirrored(np.ravel(found[name]), other, plane) for name in names}

    return Results(results.times, {_FIELD: results.fields[_FIELD]}, read)
