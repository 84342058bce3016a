"""What a constitutive law promises: a pure function of the committed state and the increment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.laws.points import PointLocations


@dataclass(frozen=True)
class TimeStep:
    """One increment of time.

    Attributes
    ----------
    start
        Its first instant [time].
    length
        Its length [time].
    number
        1 in the first increment of a history, more later; laws that prepare themselves in their
        first increment ask for it.
    """

    start: float
    length: float
    number: int = 1

    @property
    def end(self) -> float:
        """Time at the end of the increment [time]."""
        return self.start + self.length


@dataclass(frozen=True)
class LawResponse:
    """What a batch of points answers at the end of an increment.

    Attributes
    ----------
    stress
        Stress (n_points, n_components) [stress].
    state
        Trial state (n_points, n_state); the caller commits it or throws it away.
    tangent
        Consistent tangent d stress / d strain (n_points, n_components, n_components), row =
        stress component [stress].
    failed
        Numbers of the points whose integration failed; empty when all went well.
    step_factor
        Proposed factor on the time step, below 1 when a point asks for a cut [-].
    """

    stress: Float[Array, "n_points n_components"]
    state: Float[Array, "n_points n_state"]
    tangent: Float[Array, "n_points n_components n_components"]
    failed: Int[Array, " n_failed"]
    step_factor: float = 1.0

    @property
    def ok(self) -> bool:
        """Whether every point was integrated and none asks for a smaller step."""
        return self.failed.size == 0 and self.step_factor >= 1.0


@runtime_checkable
class ConstitutiveLaw(Protocol):
    """History-dependent law for a batch of integration points.

    Attributes
    ----------
    n_components
        Voigt components: 6, or 4 in plane strain.
    n_state
        Columns of the state, which holds *everything* the law remembers, the stress included.
    state_fields
        Named groups of columns of the state, such as ``{"stress": slice(0, 6), "p": slice(6, 7)}``.
    symmetric_tangent
        Whether the tangent is symmetric for every admissible state.
    """

    @property
    def n_components(self) -> int:
        """Voigt components."""

    @property
    def n_state(self) -> int:
        """Columns of the state."""

    @property
    def state_fields(self) -> Mapping[str, slice]:
        """Named groups of columns of the state."""

    @property
    def symmetric_tangent(self) -> bool:
        """Whether the tangent is always symmetric."""

    def initial_state(
        self, temperature: Float[Array, " n_points"]
    ) -> Float[Array, "n_points n_state"]:
        """Return the virgin state, free of stress and of thermal strain at this temperature."""

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

        Strains are *total* strains with engineering shear; thermal expansion belongs to the law.
        """


@runtime_checkable
class LocatedLaw(Protocol):
    """A law that can be told where its points lie."""

    def bound(self, locations: PointLocations) -> ConstitutiveLaw:
        """Return the same law for batches of exactly these points."""
