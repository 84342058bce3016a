"""What a law may know of its points beyond strain and temperature: places, numbers, fields."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.errors import LawError

# An increment may end this much (relatively) after the last instant by rounding.
_TIME_ROUNDING = 1e-9


@dataclass(frozen=True)
class PointLocations:
    """Where the points of a batch lie and how the mesh numbers them.

    Attributes
    ----------
    coordinates
        Positions (n_points, 3); zeros for the direction that a plane mesh lacks [length].
    elements
        Number of the cell of each point, from 1: NOEL of a UMAT.
    numbers
        Number of each point in its cell, from 1: NPT of a UMAT.

    Raises
    ------
    ValueError
        When built with arrays of different length.
    """

    coordinates: Float[Array, "n_points 3"]
    elements: Int[Array, " n_points"]
    numbers: Int[Array, " n_points"]

    def __post_init__(self) -> None:
        """Check the lengths."""
        if not len(self.coordinates) == len(self.elements) == len(self.numbers):
            message = (
                f"points need one position, element and number each, got {len(self.coordinates)}, "
                f"{len(self.elements)} and {len(self.numbers)}."
            )
            raise ValueError(message)

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.coordinates)

    def take(self, rows: Int[Array, " n_kept"]) -> PointLocations:
        """Return some of the points, in this order.

        Examples
        --------
        >>> four = np.arange(1, 5)
        >>> PointLocations(np.zeros((4, 3)), four, four).take(np.array([3, 0])).elements.tolist()
        [4, 1]
        """
        return PointLocations(self.coordinates[rows], self.elements[rows], self.numbers[rows])


@dataclass(frozen=True)
class PredefinedField:
    """A scalar field that drives a law besides temperature, such as humidity or fluence.

    Attributes
    ----------
    name
        For messages.
    times
        Instants, ascending; one instant means a field constant in time [time].
    values
        One row for each instant; one column for a uniform field, else one for each point [of the
        field]. Linear between instants.

    Raises
    ------
    LawError
        When built with instants that do not ascend, or values that are not finite.

    Examples
    --------
    >>> dose = PredefinedField("dose", np.array([0.0, 10.0]), np.array([[0.0], [4.0]]))
    >>> dose.at(2.5).tolist()
    [1.0]
    """

    name: str
    times: Float[Array, " n_times"]
    values: Float[Array, "n_times n_columns"]

    def __post_init__(self) -> None:
        """Check that the field is a function of time."""
        if len(self.times) != len(self.values) or not len(self.times):
            message = (
                f"field {self.name!r}: needs a row of values for each instant, got "
                f"{len(self.values)} for {len(self.times)}."
            )
            raise LawError(message)
        if not (np.diff(self.times) > 0.0).all() or not np.isfinite(self.values).all():
            message = f"field {self.name!r}: instants must ascend and values be finite."
            raise LawError(message)

    @classmethod
    def constant(cls, name: str, value: float) -> PredefinedField:
        """Return the field that is the same everywhere and always."""
        return cls(name, np.zeros(1), np.array([[float(value)]]))

    def at(self, time: float) -> Float[Array, " n_columns"]:
        """Return the field at one instant.

        Raises
        ------
        LawError
            If the field is not known at that instant.
        """
        if len(self.times) == 1:
            return np.asarray(self.values[0])
        first, last = float(self.times[0]), float(self.times[-1])
        slack = _TIME_ROUNDING * (last - first)
        if not first - slack <= time <= last + slack:
            message = (
                f"field {self.name!r}: is known from t = {first:g} to {last:g}, not at {time:g}."
            )
            raise LawError(message)
        right = int(np.clip(np.searchsorted(self.times, time), 1, len(self.times) - 1))
        begin, end = self.times[right - 1], self.times[right]
        part = min(max((time - begin) / (end - begin), 0.0), 1.0)
        return np.asarray((1.0 - part) * self.values[right - 1] + part * self.values[right])
