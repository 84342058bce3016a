"""One increment of one material point as a JSON file, to be asked again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError
from romnet.laws.contract import ConstitutiveLaw, LawResponse, LocatedLaw, TimeStep
from romnet.laws.points import PointLocations

_ROWS = ("strain_old", "strain_new", "state_old")
_NUMBERS = ("temperature_old", "temperature_new", "time", "dt")


@dataclass(frozen=True, eq=False)
class PointIncrement:
    """A committed state and the increment that was tried from it.

    Attributes
    ----------
    strain_old, strain_new
        Total strains at the start and at the end, engineering shear [-].
    state_old
        Committed state of the law.
    temperatures
        At the start and at the end [temperature].
    step
        The increment of time.
    point, cell
        Where it was: number of the point in the structure, number of its cell in the mesh file.
    location
        What a law is told about its place, if it asks.
    """

    strain_old: Float[Array, " n_components"]
    strain_new: Float[Array, " n_components"]
    state_old: Float[Array, " n_state"]
    temperatures: tuple[float, float]
    step: TimeStep
    point: int | None = None
    cell: int | None = None
    location: PointLocations | None = None

    def put_to(self, law: ConstitutiveLaw) -> LawResponse:
        """Return the answer of a law.

        Raises
        ------
        ConversionError
            If the law has another number of components or of state columns.

        Notes
        -----
        Mutates nothing.
        """
        sizes = (len(self.strain_old), len(self.strain_new), len(self.state_old))
        wanted = (law.n_components, law.n_components, law.n_state)
        if sizes != wanted:
            message = (
                f"the increment has strains of {sizes[0]} and {sizes[1]} components and a state of "
                f"{sizes[2]} columns; the law needs {wanted[0]} and {wanted[2]}."
            )
            raise ConversionError(message)
        if self.location is not None and isinstance(law, LocatedLaw):
            law = law.bound(self.location)
        before, after = (np.array([warm]) for warm in self.temperatures)
        old, new, state = self.strain_old[None], self.strain_new[None], self.state_old[None]
        return law.integrate(old.copy(), new.copy(), state.copy(), before, after, self.step)


def read_increment(path: Path) -> PointIncrement:
    """Read an increment.

    Parameters
    ----------
    path
        JSON object with ``strain_old``, ``strain_new``, ``state_old`` (lists), ``temperature_old``,
        ``temperature_new``, ``time`` (of the start), ``dt`` and, if not the first one of its
        history, ``number``; ``point`` and ``cell`` where they are known, ``coordinates`` and
        ``in_cell`` (the number of the point in its cell) for laws that ask where they are.

    Returns
    -------
    PointIncrement
        The increment.

    Raises
    ------
    ConversionError
        If the file cannot be read or a key is missing or of the wrong kind.
    """
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        rows = [np.array(given[key], dtype=float).reshape(-1) for key in _ROWS]
        before, after, start, length = (float(given[key]) for key in _NUMBERS)
        number = int(given.get("number", 1))
        place = [None if given.get(key) is None else int(given[key]) for key in ("point", "cell")]
        location = _location(given.get("coordinates"), place[1] or 1, given.get("in_cell", 1))
    except KeyError as problem:
        message = f"{path}: has no {problem.args[0]}; needs {', '.join((*_ROWS, *_NUMBERS))}."
        raise ConversionError(message) from problem
    except (OSError, ValueError, TypeError, AttributeError) as problem:
        message = f"{path}: is no increment of a material point ({problem})."
        raise ConversionError(message) from problem
    step = TimeStep(start, length, number)
    return PointIncrement(
        rows[0], rows[1], rows[2], (before, after), step, place[0], place[1], location
    )


def _location(coordinates: list[float] | None, cell: int, number: int) -> PointLocations | None:
    """Return where a point is; nothing if that is not said."""
    if coordinates is None:
        return None
    place = np.array(coordinates, dtype=float).reshape(1, 3)
    return PointLocations(place, np.array([int(cell)]), np.array([int(number)]))


def write_increment(path: Path, increment: PointIncrement) -> None:
    """Write an increment; every number survives.

    Parameters
    ----------
    path
        JSON file to write.
    increment
        The increment.

    Examples
    --------
    >>> import tempfile
    >>> zeros, step = np.zeros(6), TimeStep(0.0, 0.1, 3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "point.json"
    ...     write_increment(file, PointIncrement(zeros, zeros, zeros, (20.0, 30.0), step))
    ...     read_increment(file).step == step
    True
    """
    content = {
        "strain_old": increment.strain_old.tolist(),
        "strain_new": increment.strain_new.tolist(),
        "state_old": increment.state_old.tolist(),
        "temperature_old": increment.temperatures[0],
        "temperature_new": increment.temperatures[1],
        "time": increment.step.start,
        "dt": increment.step.length,
        "number": increment.step.number,
        "point": increment.point,
        "cell": increment.cell,
    }
    if increment.location is not None:
        content["coordinates"] = increment.location.coordinates[0].tolist()
        content["in_cell"] = int(increment.location.numbers[0])
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
