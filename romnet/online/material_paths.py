"""What is done to a material point: strains or stresses prescribed over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from romnet.core.arrays import Array

_QUARTERS = 4
_OUT_OF_PLANE = 2
_PLANE_STRAIN = 4


@dataclass(frozen=True, eq=False)
class MaterialPath:
    """History of a material point: each component has its strain or its stress prescribed.

    Attributes
    ----------
    times
        Instants, ascending [time]; the point is virgin at the first one.
    values
        Strain [-] or stress [stress] of each component at each instant, linear between them; zeros
        at the first one.
    by_strain
        Whether the strain of a component is prescribed, else its stress.
    temperatures
        At each instant, linear between them [temperature].

    Raises
    ------
    ValueError
        When built with instants that do not ascend, or values that are not finite or do not begin
        with zeros.

    Examples
    --------
    >>> path = uniaxial(0.02, duration=1.0, steps=4)
    >>> path.values[:, 0].tolist(), path.by_strain.tolist()
    ([0.0, 0.005, 0.01, 0.015, 0.02], [True, False, False, False, False, False])
    """

    times: Float[Array, " n_times"]
    values: Float[Array, "n_times n_components"]
    by_strain: Bool[Array, " n_components"]
    temperatures: Float[Array, " n_times"]

    def __post_init__(self) -> None:
        """Check that it is a history."""
        if len(self.times) < 2 or not (np.diff(self.times) > 0.0).all():  # noqa: PLR2004
            message = f"a path needs two instants or more, ascending, got {self.times.tolist()}."
            raise ValueError(message)
        if not (np.isfinite(self.values).all() and np.isfinite(self.temperatures).all()):
            message = "a path must be finite."
            raise ValueError(message)
        if self.values[0].any():
            message = (
                "a path begins with the virgin state: strains and stresses must be zero at "
                f"t = {self.times[0]:g}, got {self.values[0].tolist()}."
            )
            raise ValueError(message)

    @property
    def n_components(self) -> int:
        """Voigt components."""
        return len(self.by_strain)

    def at(self, time: float) -> Float[Array, " n_components"]:
        """Return the prescribed values at one instant."""
        return np.array([np.interp(time, self.times, column) for column in self.values.T])

    def temperature(self, time: float) -> Float[Array, " 1"]:
        """Return the temperature at one instant [temperature]."""
        return np.array([np.interp(time, self.times, self.temperatures)])


@dataclass(frozen=True)
class Setup:
    """How a specimen is held while one component is driven; the others are free of stress.

    Attributes
    ----------
    component
        Position of the driven component: 0 is 11, 3 is 12 (engineering shear).
    n_components
        6, or 4 in plane strain, where the strain 33 is held.
    temperature
        Temperature all along [temperature].

    Raises
    ------
    ValueError
        When built with another number of components, or a component that does not exist.
    """

    component: int = 0
    n_components: int = 6
    temperature: float = 0.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.n_components not in {4, 6} or not 0 <= self.component < self.n_components:
            message = (
                f"component {self.component} of {self.n_components}: there must be 4 or 6, "
                "numbered from 0."
            )
            raise ValueError(message)

    def path(
        self, times: Float[Array, " n_times"], driven: Float[Array, " n_times"], *, by_strain: bool
    ) -> MaterialPath:
        """Return the path that drives the component by strain or by stress."""
        values = np.zeros((len(times), self.n_components))
        values[:, self.component] = driven
        strained = np.zeros(self.n_components, dtype=bool)
        strained[self.component] = by_strain
        if self.n_components == _PLANE_STRAIN and self.component != _OUT_OF_PLANE:
            strained[_OUT_OF_PLANE] = True
        return MaterialPath(times, values, strained, np.full(len(times), self.temperature))


def uniaxial(
    strain: float, *, duration: float, steps: int, setup: Setup | None = None
) -> MaterialPath:
    """Pull to a strain at a constant rate.

    Parameters
    ----------
    strain
        Strain at the end [-].
    duration
        Of the pull [time].
    steps
        Increments.
    setup
        What is pulled; component 11 of six if left out.

    Examples
    --------
    >>> uniaxial(0.01, duration=2.0, steps=100).times.size
    101
    """
    times = np.linspace(0.0, duration, _positive(steps, "steps") + 1)
    return (setup or Setup()).path(times, strain * times / duration, by_strain=True)


def cyclic(
    strain: float, *, cycles: int, duration: float, steps: int, setup: Setup | None = None
) -> MaterialPath:
    """Pull and push between a strain and its opposite at a constant rate.

    Parameters
    ----------
    strain
        Amplitude [-].
    cycles
        Full cycles: up, down through zero, back to zero.
    duration
        Of one cycle [time].
    steps
        Increments of one cycle; made a multiple of four, so that the peaks are instants.
    setup
        What is pulled; component 11 of six if left out.

    Examples
    --------
    >>> cyclic(0.5, cycles=1, duration=4.0, steps=8).values[:, 0].tolist()
    [0.0, 0.25, 0.5, 0.25, 0.0, -0.25, -0.5, -0.25, 0.0]
    """
    quarter = -(-_positive(steps, "steps") // _QUARTERS)
    n_quarters = _QUARTERS * _positive(cycles, "cycles")
    progress = np.linspace(0.0, n_quarters, n_quarters * quarter + 1)
    wave = np.interp(progress % _QUARTERS, [0.0, 1.0, 3.0, 4.0], [0.0, 1.0, -1.0, 0.0])
    times = progress * duration / _QUARTERS
    return (setup or Setup()).path(times, strain * wave, by_strain=True)


def relaxation(
    strain: float, *, ramp: float, duration: float, steps: int, setup: Setup | None = None
) -> MaterialPath:
    """Pull to a strain and hold it.

    Parameters
    ----------
    strain
        Strain held [-].
    ramp
        Duration of the pull, in ten increments [time].
    duration
        Of the hold [time].
    steps
        Increments of the hold, which grow in proportion to their number.
    setup
        What is pulled; component 11 of six if left out.

    Examples
    --------
    >>> relaxation(0.01, ramp=1.0, duration=6.0, steps=2).times[-3:].tolist()
    [1.0, 3.0, 7.0]
    """
    times, part = _ramp_and_hold(ramp, duration, steps)
    return (setup or Setup()).path(times, strain * part, by_strain=True)


def creep(
    stress: float, *, ramp: float, duration: float, steps: int, setup: Setup | None = None
) -> MaterialPath:
    """Load to a stress and hold it.

    Parameters
    ----------
    stress
        Stress held [stress].
    ramp
        Duration of the loading, in ten increments [time].
    duration
        Of the hold [time].
    steps
        Increments of the hold, which grow in proportion to their number.
    setup
        What is loaded; component 11 of six if left out.

    Examples
    --------
    >>> bool(creep(50.0, ramp=1.0, duration=8.0, steps=2).by_strain.any())
    False
    """
    times, part = _ramp_and_hold(ramp, duration, steps)
    return (setup or Setup()).path(times, stress * part, by_strain=False)


def _ramp_and_hold(ramp: float, duration: float, steps: int) -> tuple[Array, Array]:
    """Return instants, and the part of the full load at each."""
    rising = np.linspace(0.0, ramp, 11)
    n_steps = _positive(steps, "steps")
    # Sums of 1 + 2 + ... + k: fast at first, when most happens.
    numbers = np.arange(1, n_steps + 1)
    holding = ramp + duration * numbers * (numbers + 1) / (n_steps * (n_steps + 1))
    times = np.concatenate([rising, holding])
    return times, np.minimum(times / ramp, 1.0)


def _positive(count: int, name: str) -> int:
    """Return a count, if it is one."""
    if count < 1:
        message = f"{name} must be 1 or more, got {count}."
        raise ValueError(message)
    return count
