"""What a converter offers, and the registry that finds one by the suffix of a file.

A converter turns foreign files into romnet's conventions, and is the only place where foreign
conventions are known. Built-in converters and plug-ins register by the same entry points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError, PluginError
from romnet.core.plugins import installed
from romnet.fe.cells import CELLS
from romnet.fe.mesh import Mesh
from romnet.store.snapshots import FieldInfo

GROUP = "romnet.converters"

LARGEST_COORDINATE = 1e100
LARGEST_BULGE = 0.35
LARGEST_SHARE = 0.1
_LINEAR = {cell.geometry: cell for cell in CELLS.values() if cell.n_nodes == cell.n_corners}


@dataclass(frozen=True)
class Results:
    """Results of one foreign simulation, read one instant at a time.

    Attributes
    ----------
    times
        Instants (n_times,) [time], increasing.
    fields
        What can be read, by name: ``displacement``, ``reaction``, ``temperature`` at the nodes,
        ``stress``, ``strain`` at the integration points, and other fields by their foreign names.
    read
        Reads some fields of one instant.

    Notes
    -----
    Nodal fields come flat, ``row = node * n_components + component``; fields at the points as
    (n_points, n_components) in romnet's Voigt order, or (n_points,) when scalar.

    Examples
    --------
    >>> ramp = Results(
    ...     np.array([0.0, 1.0]),
    ...     {"temperature": FieldInfo("node")},
    ...     lambda number, names: {name: np.full(2, 20.0 * number) for name in names},
    ... )
    >>> [(time, fields["temperature"].tolist()) for time, fields in ramp.instants()]
    [(0.0, [0.0, 0.0]), (1.0, [20.0, 20.0])]
    """

    times: Float[Array, " n_times"]
    fields: Mapping[str, FieldInfo]
    read: Callable[[int, tuple[str, ...]], dict[str, Array]]

    @property
    def n_times(self) -> int:
        """Number of instants."""
        return int(self.times.size)

    def instant(self, number: int, names: tuple[str, ...] | None = None) -> dict[str, Array]:
        """Read some fields of one instant, all of them by default.

        Raises
        ------
        IndexError
            If there is no such instant.
        ConversionError
            If a field does not exist or the file is damaged.
        """
        if not 0 <= number < self.n_times:
            message = f"there are {self.n_times} instants only, asked for number {number}."
            raise IndexError(message)
        wanted = tuple(self.fields) if names is None else names
        absent = [name for name in wanted if name not in self.fields]
        if absent:
            message = f"the results hold no field {absent[0]!r}; they hold {sorted(self.fields)}."
            raise ConversionError(message)
        return self.read(number, wanted)

    def instants(
        self, names: tuple[str, ...] | None = None
    ) -> Iterator[tuple[float, dict[str, Array]]]:
        """Read one instant after the other; memory of one.

        Raises
        ------
        ConversionError
            If a field does not exist or the file is damaged.
        """
        for number, time in enumerate(self.times):
            yield float(time), self.instant(number, names)


@dataclass(frozen=True)
class ForeignField:
    """One field of a foreign file that is no result: a temperature map, a pressure map.

    Attributes
    ----------
    name
        Variable in the file.
    location
        ``"node"``, or ``"facet"`` with one value for each facet of a face set, in its order.
    values
        The values (n_nodes,) or (n_facets,).
    """

    name: str
    location: Literal["node", "facet"]
    values: Float[Array, " n"]


@runtime_checkable
class FieldReader(Protocol):
    """Reads a field that is no result."""

    def __call__(
        self,
        path: Path,
        mesh: Mesh,
        *,
        variable: str | None = None,
        face_set: str | None = None,
    ) -> ForeignField:
        """Read `variable`, at the nodes or, when `face_set` is named, at its facets."""


def _itself(path: Path) -> tuple[Path, ...]:
    """Return the file alone."""
    return (path,)


@dataclass(frozen=True)
class Converter:
    """Reader of one family of foreign files.

    Attributes
    ----------
    name
        As registered, such as ``"zset"``.
    suffixes
        Lower-case suffixes of mesh, result and field files.
    read_mesh
        Reads a mesh.
    read_results
        Reads the header of results on a mesh that `read_mesh` gave; values are streamed.
    read_field
        Reads a field that is no result.
    files
        Names a file and those that it includes: what is read depends on all of them.

    Notes
    -----
    Every reader raises `ConversionError`, and nothing else, on files that are not what they claim
    to be; `romnet.testing.check_converter` checks it.
    """

    name: str
    suffixes: tuple[str, ...]
    read_mesh: Callable[[Path], Mesh]
    read_results: Callable[[Path, Mesh], Results]
    read_field: FieldReader
    files: Callable[[Path], tuple[Path, ...]] = _itself


def find_converter(path: Path) -> Converter:
    """Return the registered converter of a file, by its suffix.

    Parameters
    ----------
    path
        Foreign file; it is not opened.

    Raises
    ------
    ConversionError
        If no converter reads such files.
    PluginError
        If a registered converter cannot be loaded, or two claim the same suffix.

    Notes
    -----
    Collective: no. Deterministic: yes. Cost: imports the registered converters.

    Examples
    --------
    >>> find_converter(Path("blade.unknown"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: blade.unknown: no converter reads '.unknown' files; ...
    """
    converters = registered_converters()
    suffix = path.suffix.lower()
    found = [name for name, converter in converters.items() if suffix in converter.suffixes]
    if len(found) > 1:
        message = f"{path}: converters {found} all claim '{suffix}' files; uninstall one."
        raise PluginError(message)
    if not found:
        known = sorted({known for converter in converters.values() for known in converter.suffixes})
        message = f"{path}: no converter reads '{suffix}' files; known are {known}."
        raise ConversionError(message)
    return converters[found[0]]


def registered_converters() -> dict[str, Converter]:
    """Load every registered converter, by name.

    Raises
    ------
    PluginError
        If one cannot be loaded or is no converter.

    Examples
    --------
    >>> all(name == converter.name for name, converter in registered_converters().items())
    True
    """
    return dict(_loaded(installed(GROUP)))


@cache
def _loaded(points: tuple[EntryPoint, ...]) -> Mapping[str, Converter]:
    """Load converters, by name."""
    converters = {}
    for point in points:
        try:
            loaded = point.load()
        except Exception as problem:  # a plug-in may raise anything
            message = f"converter {point.name} ({point.value}) cannot be loaded: {problem!r}."
            raise PluginError(message) from problem
        if not isinstance(loaded, Converter):
            message = f"converter {point.name} ({point.value}) is a {type(loaded).__name__}."
            raise PluginError(message)
        converters[point.name] = loaded
    return converters


def check_node_order(
    path: Path,
    cell_type: str,
    nodes: Float[Array, "n_nodes n_dim"],
    connectivity: Int[Array, "n_cells n_cell_nodes"],
) -> None:
    """Refuse quadratic cells whose further nodes do not lie between their corners.

    Formats number the mid-side nodes in different ways, and a wrong order gives wrong results
    rather than an error. In VTK order each lies near the middle of its corners.

    Parameters
    ----------
    path
        File, for the message.
    cell_type
        Such as ``"tet10"``; linear cells are not looked at.
    nodes
        Coordinates [length].
    connectivity
        Node numbers in VTK order.

    Raises
    ------
    ConversionError
        If in more than a tenth of the cells a node is farther from the middle of its corners
        than 0.35 times their distance, or a coordinate is absurdly large.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing. Cost: one pass over the cells.

    Examples
    --------
    >>> corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> nodes = np.vstack([corners, 0.5 * (corners + np.roll(corners, -1, axis=0))])
    >>> check_node_order(Path("a.msh"), "tri6", nodes, np.array([[0, 1, 2, 3, 4, 5]]))
    >>> check_node_order(  # doctest: +ELLIPSIS
    ...     Path("a.msh"), "tri6", nodes, np.array([[0, 3, 1, 4, 2, 5]]))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: a.msh: 1 of 1 tri6 cells have nodes out of VTK order ...
    """
    cell = CELLS[cell_type]
    if np.abs(nodes).max(initial=0.0) > LARGEST_COORDINATE:
        message = f"{path}: a coordinate is beyond {LARGEST_COORDINATE:g}."
        raise ConversionError(message)
    corners = nodes[connectivity[:, : cell.n_corners]]
    wrong = np.zeros(len(connectivity), dtype=bool)
    for number in range(cell.n_corners, cell.n_nodes):
        share = _LINEAR[cell.geometry].shape(cell.nodes[number : number + 1])[0]
        middle = np.einsum("k,ckd->cd", share, corners)
        distance = np.linalg.norm(corners[:, share > 0.0] - middle[:, None, :], axis=2)
        bulge = np.linalg.norm(nodes[connectivity[:, number]] - middle, axis=1)
        wrong |= bulge > LARGEST_BULGE * 2.0 * distance.max(axis=1)
    if wrong.sum() > LARGEST_SHARE * len(wrong):
        message = (
            f"{path}: {wrong.sum()} of {len(wrong)} {cell_type} cells have nodes out of VTK order "
            f"or are badly distorted (first cell {int(np.flatnonzero(wrong)[0])} of the block)."
        )
        raise ConversionError(message)
