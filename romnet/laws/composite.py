"""A body of several materials: one law for each integration point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.laws.contract import ConstitutiveLaw, LawResponse, LocatedLaw, TimeStep
from romnet.laws.native.driver import CompiledLaw
from romnet.laws.points import PointLocations
from romnet.laws.umat import UmatLaw


@dataclass(frozen=True, eq=False)
class Heterogeneous:
    """Laws of a fixed set of points, itself a law for exactly these points.

    The state is as wide as the widest law needs; the columns that a law does not use are zero.
    With one law nothing is copied.

    Attributes
    ----------
    laws
        The laws; some may have no point.
    law_of_point
        Position in `laws` for each point (n_points,).
    locations
        Places and numbers of the points, passed on to laws that ask for them by a method `bound`;
        None if they do not matter.

    Raises
    ------
    ValueError
        When built without a law, with laws of different dimension, with a number that is no
        position in `laws`, or with locations of other points.

    Examples
    --------
    >>> from romnet.laws.registry import build_law
    >>> specs = [
    ...     {"law": "elastic", "parameters": {"young": young, "poisson": 0.0}}
    ...     for young in (1.0, 3.0)
    ... ]
    >>> soft, hard = (build_law(spec, n_components=6) for spec in specs)
    >>> body = Heterogeneous((soft, hard), np.array([1, 0, 1]))
    >>> warm, still, stretched = np.zeros(3), np.zeros((3, 6)), np.tile(np.eye(6)[0], (3, 1))
    >>> virgin = body.initial_state(warm)
    >>> answer = body.integrate(still, stretched, virgin, warm, warm, TimeStep(0.0, 1.0))
    >>> answer.stress[:, 0].tolist()
    [3.0, 1.0, 3.0]
    """

    laws: tuple[ConstitutiveLaw, ...]
    law_of_point: Int[Array, " n_points"]
    locations: PointLocations | None = None

    def __post_init__(self) -> None:
        """Check that the laws fit together and that every point has one."""
        if len({law.n_components for law in self.laws}) != 1:
            sizes = [law.n_components for law in self.laws]
            message = f"laws must have the same number of components, got {sizes}."
            raise ValueError(message)
        numbers = self.law_of_point
        if numbers.size and not (numbers.min() >= 0 and numbers.max() < len(self.laws)):
            message = (
                f"points name laws {numbers.min()} to {numbers.max()}, "
                f"but there are {len(self.laws)}."
            )
            raise ValueError(message)
        if self.locations is not None and len(self.locations) != self.n_points:
            message = f"{len(self.locations)} locations for the laws of {self.n_points} points."
            raise ValueError(message)

    @property
    def n_points(self) -> int:
        """Number of points."""
        return len(self.law_of_point)

    @cached_property
    def n_components(self) -> int:
        """Voigt components."""
        return self.laws[0].n_components

    @cached_property
    def n_state(self) -> int:
        """Columns of the widest law."""
        return max(law.n_state for law in self.laws)

    @cached_property
    def state_fields(self) -> Mapping[str, slice]:
        """Fields of all laws by name, each with the columns of the widest law that has it.

        Laws may keep one field in different columns: read states with `field`.
        """
        fields: dict[str, slice] = {}
        for law in self.laws:
            for name, columns in law.state_fields.items():
                if name not in fields or _width(columns) > _width(fields[name]):
                    fields[name] = columns
        return fields

    @cached_property
    def symmetric_tangent(self) -> bool:
        """Whether the tangent of every law that has points is symmetric."""
        return all(law.symmetric_tangent for law, _ in self._parts)

    @cached_property
    def _parts(self) -> tuple[tuple[ConstitutiveLaw, Array], ...]:
        """Laws that have points, with the numbers of these points."""
        parts = (
            (law, np.flatnonzero(self.law_of_point == number))
            for number, law in enumerate(self.laws)
        )
        return tuple((self._located(law, points), points) for law, points in parts if points.size)

    def _located(self, law: ConstitutiveLaw, points: Array) -> ConstitutiveLaw:
        """Return a law that knows its points, if it wants to."""
        if self.locations is None or not isinstance(law, LocatedLaw):
            return law
        return law.bound(self.locations.take(points))

    @cached_property
    def _only(self) -> ConstitutiveLaw | None:
        """Return the law of all points when they share one that fills the state."""
        if len(self._parts) == 1 and self._parts[0][0].n_state == self.n_state:
            return self._parts[0][0]
        return None

    @cached_property
    def compiled(self) -> CompiledLaw | None:
        """What other compiled loops call, if all points share one compiled law."""
        return self._only.compiled if isinstance(self._only, UmatLaw) else None

    def restricted_to(self, points: Int[Array, " n_kept"]) -> Heterogeneous:
        """Return the laws of some points, in this order; rows of states stay valid.

        Examples
        --------
        >>> from romnet.laws.registry import build_law
        >>> spec = {"law": "elastic", "parameters": {"young": 1.0, "poisson": 0.0}}
        >>> body = Heterogeneous((build_law(spec, n_components=6),), np.zeros(5, dtype=int))
        >>> body.restricted_to(np.array([4, 1])).n_points
        2
        """
        locations = None if self.locations is None else self.locations.take(points)
        return Heterogeneous(self.laws, self.law_of_point[points], locations)

    def initial_state(
        self, temperature: Float[Array, " n_points"]
    ) -> Float[Array, "n_points n_state"]:
        """Return the virgin state, free of stress and of thermal strain at this temperature."""
        self._check_count(len(temperature))
        state = np.zeros((self.n_points, self.n_state))
        for law, points in self._parts:
            state[points, : law.n_state] = law.initial_state(temperature[points])
        return state

    def field(
        self, state: Float[Array, "*many n_points n_state"], name: str
    ) -> Float[Array, "*many n_points n_columns"]:
        """Read a named field at every point.

        Parameters
        ----------
        state
            State of these points, or many states of them.
        name
            One of `state_fields`.

        Returns
        -------
        ndarray
            One row a point in each state; zeros where the law of the point has no such field. A
            view of `state` when all points share one law.

        Raises
        ------
        KeyError
            If no law has such a field.

        Notes
        -----
        Mutates nothing; treat the answer as read-only.

        Examples
        --------
        >>> from romnet.laws.registry import build_law
        >>> spec = {"law": "elastic", "parameters": {"young": 1.0, "poisson": 0.0}}
        >>> body = Heterogeneous((build_law(spec, n_components=6),), np.zeros(2, dtype=int))
        >>> body.field(body.initial_state(np.zeros(2)), "stress").shape
        (2, 6)
        """
        self._check_count(state.shape[-2])
        if name not in self.state_fields:
            message = f"no law has a field {name!r}; there are: {', '.join(self.state_fields)}."
            raise KeyError(message)
        if self._only is not None and name in self._only.state_fields:
            return state[..., self._only.state_fields[name]]
        values = np.zeros((*state.shape[:-1], _width(self.state_fields[name])))
        for law, points in self._parts:
            if name in law.state_fields:
                columns = law.state_fields[name]
                values[..., points, : _width(columns)] = state[..., points, columns]
        return values

    def integrate(
        self,
        strain_old: Float[Array, "n_points n_components"],
        strain_new: Float[Array, "n_points n_components"],
        state_old: Float[Array, "n_points n_state"],
        temperature_old: Float[Array, " n_points"],
        temperature_new: Float[Array, " n_points"],
        step: TimeStep,
    ) -> LawResponse:
        """Integrate one increment from the committed state; arguments stay untouched.

        Raises
        ------
        ValueError
            If the arrays do not belong to these points.
        """
        self._check_count(len(state_old))
        old, new = temperature_old, temperature_new
        if self._only is not None:
            return self._only.integrate(strain_old, strain_new, state_old, old, new, step)
        n = self.n_components
        stress = np.empty((self.n_points, n))
        state = np.zeros((self.n_points, self.n_state))
        tangent = np.empty((self.n_points, n, n))
        failed: list[Array] = [np.empty(0, dtype=np.int64)]
        factor = 1.0
        for law, points in self._parts:
            answer = law.integrate(
                strain_old[points],
                strain_new[points],
                state_old[points, : law.n_state],
                old[points],
                new[points],
                step,
            )
            stress[points] = answer.stress
            state[points, : law.n_state] = answer.state
            tangent[points] = answer.tangent
            failed.append(points[answer.failed])
            factor = min(factor, answer.step_factor)
        return LawResponse(stress, state, tangent, np.sort(np.concatenate(failed)), factor)

    def _check_count(self, count: int) -> None:
        """Refuse arrays of another set of points."""
        if count != self.n_points:
            message = f"these are the laws of {self.n_points} points, got {count} rows."
            raise ValueError(message)


def _width(columns: slice) -> int:
    """Return how many columns a range has."""
    return int(columns.stop - columns.start)
