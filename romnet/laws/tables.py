"""Material properties as functions of temperature: numbers, or piecewise linear tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.errors import LawError, StudyError


@dataclass(frozen=True)
class Table:
    """One property: a constant, or values at ascending temperatures with straight lines between.

    Attributes
    ----------
    temperatures
        Grid [temperature]; one entry, of no meaning, for a constant.
    values
        Value at each temperature [of the property].

    Raises
    ------
    LawError
        When built with temperatures that do not ascend, or values that are not finite.

    Examples
    --------
    >>> young = Table.read({"temperature": [20.0, 400.0], "value": [2.0e5, 1.6e5]}, "young")
    >>> young.at(210.0), young.at(1000.0), young.limits
    (180000.0, 160000.0, (20.0, 400.0))
    >>> Table.read(0.3, "poisson").limits
    (-inf, inf)
    """

    temperatures: Float[Array, " n_temperatures"]
    values: Float[Array, " n_temperatures"]

    def __post_init__(self) -> None:
        """Check that the table is a function of temperature."""
        if not (np.isfinite(self.temperatures).all() and np.isfinite(self.values).all()):
            message = "temperatures and values of a table must be finite."
            raise LawError(message)
        if (np.diff(self.temperatures) <= 0.0).any():
            message = f"temperatures of a table must ascend, got {self.temperatures.tolist()}."
            raise LawError(message)

    @classmethod
    def constant(cls, value: float) -> Table:
        """Return the property that has this value at every temperature."""
        return cls(np.zeros(1), np.array([float(value)]))

    @classmethod
    def read(cls, given: object, name: str) -> Table:
        """Read a number or ``{"temperature": [...], "value": [...]}``.

        Parameters
        ----------
        given
            What a study says.
        name
            Name of the property, for messages.

        Returns
        -------
        Table
            The property.

        Raises
        ------
        StudyError
            If `given` is neither a number nor such a table, of two temperatures or more.
        LawError
            If its temperatures do not ascend or a number is not finite.
        """
        try:
            return cls._read(given)
        except (StudyError, LawError) as problem:
            message = f"{name}: {problem}"
            raise type(problem)(message) from None

    @classmethod
    def _read(cls, given: object) -> Table:
        """Read without naming the property."""
        if _is_number(given):
            return cls.constant(float(given))  # type: ignore[arg-type]
        if not is_table(given):
            message = (
                f"must be a number or a table {{temperature: [...], value: [...]}}, got {given!r}."
            )
            raise StudyError(message)
        columns = [_numbers(given[key], key) for key in ("temperature", "value")]  # type: ignore[index]
        if columns[0].size != columns[1].size:
            message = (
                f"a table needs as many values as temperatures, got {columns[1].size} "
                f"and {columns[0].size}."
            )
            raise StudyError(message)
        if columns[0].size == 1:
            message = "a table needs two temperatures or more; write a number for a constant."
            raise StudyError(message)
        return cls(columns[0], columns[1])

    @property
    def is_constant(self) -> bool:
        """Whether temperature does not matter."""
        return self.values.size == 1

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest temperature at which the property is known [temperature]."""
        if self.is_constant:
            return (-inf, inf)
        return (float(self.temperatures[0]), float(self.temperatures[-1]))

    def at(self, temperature: float) -> float:
        """Return the value at one temperature; outside the grid that of the nearest end."""
        return float(np.interp(temperature, self.temperatures, self.values))


@dataclass(frozen=True)
class PropertyTable:
    """Several properties on one temperature grid, as the batch driver reads them.

    Attributes
    ----------
    temperatures
        Ascending grid [temperature].
    values
        One row for each temperature, one column for each property.

    Examples
    --------
    Different grids become their union; between its points every property stays what it was:

    >>> young = Table.read({"temperature": [0.0, 100.0], "value": [4.0, 2.0]}, "young")
    >>> limit = Table.read({"temperature": [50.0, 100.0], "value": [7.0, 5.0]}, "limit")
    >>> table = PropertyTable.merge([young, limit, Table.constant(0.3)])
    >>> table.temperatures.tolist(), table.values.tolist()
    ([0.0, 50.0, 100.0], [[4.0, 7.0, 0.3], [3.0, 7.0, 0.3], [2.0, 5.0, 0.3]])
    """

    temperatures: Float[Array, " n_temperatures"]
    values: Float[Array, "n_temperatures n_properties"]

    @classmethod
    def merge(cls, tables: Sequence[Table]) -> PropertyTable:
        """Put properties with different grids on the union of these grids, exactly.

        Parameters
        ----------
        tables
            One for each property, in the order of PROPS; may be empty.

        Returns
        -------
        PropertyTable
            One row, of no particular temperature, when every property is constant.
        """
        grids = [table.temperatures for table in tables if not table.is_constant]
        grid = np.unique(np.concatenate(grids)) if grids else np.zeros(1)
        values = np.empty((grid.size, len(tables)))
        for column, table in enumerate(tables):
            values[:, column] = np.interp(grid, table.temperatures, table.values)
        return cls(grid, values)

    def at(self, temperature: float) -> Float[Array, " n_properties"]:
        """Return every property at one temperature; outside the grid those of the nearest end."""
        return np.array(
            [np.interp(temperature, self.temperatures, column) for column in self.values.T]
        )


@dataclass(frozen=True)
class ThermalExpansion:
    """Isotropic thermal strain from a secant coefficient.

    Attributes
    ----------
    coefficient
        Secant coefficient of expansion from `reference` on [1/temperature].
    reference
        Temperature at which the coefficient was set to zero strain [temperature].

    Notes
    -----
    A body is free of thermal strain at its *initial* temperature, see
    `ConstitutiveLaw.initial_state`; `reference` only says what a secant coefficient means.

    Examples
    --------
    >>> steel = ThermalExpansion.read({"coefficient": 2e-5, "reference": 20.0})
    >>> round(steel.strain(120.0), 12)
    0.002
    >>> ThermalExpansion.none().strain(120.0)
    0.0
    """

    coefficient: Table
    reference: float

    @classmethod
    def none(cls) -> ThermalExpansion:
        """Return the expansion of a material that does not expand."""
        return cls(Table.constant(0.0), 0.0)

    @classmethod
    def read(cls, given: Mapping[str, object] | None) -> ThermalExpansion:
        """Read ``{"coefficient": number or table, "reference": number}``, or nothing.

        Parameters
        ----------
        given
            What a study says; nothing means no expansion.

        Returns
        -------
        ThermalExpansion
            The expansion.

        Raises
        ------
        StudyError
            If a key is missing, unknown, or no number.
        """
        if given is None:
            return cls.none()
        if set(given) != {"coefficient", "reference"}:
            message = f"expansion: must give coefficient and reference, got {sorted(given)}."
            raise StudyError(message)
        reference = Table.read(given["reference"], "expansion.reference")
        if not reference.is_constant:
            message = "expansion.reference: must be one temperature, got a table."
            raise StudyError(message)
        return cls(Table.read(given["coefficient"], "expansion.coefficient"), reference.at(0.0))

    def strain(self, temperature: float) -> float:
        """Return the thermal strain from `reference` to one temperature [-]."""
        return self.coefficient.at(temperature) * (temperature - self.reference)


def is_table(given: object) -> bool:
    """Return whether `given` has the keys of a temperature table.

    Examples
    --------
    >>> is_table({"temperature": [0.0, 1.0], "value": [2.0, 3.0]}), is_table({"modulus": 1.0})
    (True, False)
    """
    return isinstance(given, Mapping) and set(given) == {"temperature", "value"}


def _is_number(given: object) -> bool:
    """Return whether `given` is a number; a truth value is none."""
    return isinstance(given, int | float | np.number) and not isinstance(given, bool)


def _numbers(given: object, key: str) -> Float[Array, " n"]:
    """Read a non-empty list of numbers."""
    if (
        not isinstance(given, list | tuple | np.ndarray)
        or len(given) == 0
        or not all(_is_number(entry) for entry in given)
    ):
        message = f"{key} must be a list of numbers, got {given!r}."
        raise StudyError(message)
    return np.array(given, dtype=float)
