"""Words of ``romnet laws`` as values: numbers, paths, conditions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from romnet.core.errors import StudyError

if TYPE_CHECKING:
    from romnet.online.material_paths import MaterialPath
    from romnet.study.law_targets import LawTarget
    from romnet.testing.subject import Probe

_COMPONENTS = (4, 6)


@dataclass(frozen=True)
class PathWords:
    """A path as the command line says it.

    Attributes
    ----------
    kind
        A named path, or a CSV file.
    strain, stress
        What is reached or held; None if not said.
    duration, ramp
        Of the path, and of what comes before a hold; None is a hundredth of the duration.
    steps, cycles
        Increments and repetitions.
    component
        Position of the driven component.
    """

    kind: str
    strain: float | None
    stress: float | None
    duration: float
    ramp: float | None
    steps: int
    cycles: int
    component: int

    def path(self, n_components: int, temperature: float) -> MaterialPath:
        """Return the path.

        Raises
        ------
        StudyError
            If a word is missing or makes no sense.
        ConversionError
            If a file cannot be read.
        """
        from romnet.store.curves import read_path

        if Path(self.kind).suffix or Path(self.kind).name != self.kind:
            return read_path(Path(self.kind), n_components=n_components, temperature=temperature)
        if self.duration <= 0.0 or (self.ramp is not None and self.ramp <= 0.0):
            message = "--duration and --ramp must be positive."
            raise StudyError(message)
        try:
            return self._named(n_components, temperature)
        except ValueError as problem:
            raise StudyError(str(problem)) from problem

    def _named(self, n_components: int, temperature: float) -> MaterialPath:
        """Return one of the named paths."""
        from romnet.online import material_paths as paths

        setup = paths.Setup(self.component, n_components, temperature)
        ramp = self.ramp if self.ramp is not None else self.duration / 100.0
        common: dict[str, Any] = {"duration": self.duration, "steps": self.steps, "setup": setup}
        if self.kind == "creep":
            return paths.creep(_given(self.stress, "--stress"), ramp=ramp, **common)
        strain = _given(self.strain, "--strain")
        if self.kind == "uniaxial":
            return paths.uniaxial(strain, **common)
        if self.kind == "cyclic":
            return paths.cyclic(strain, cycles=self.cycles, **common)
        if self.kind == "relaxation":
            return paths.relaxation(strain, ramp=ramp, **common)
        message = (
            f"--path {self.kind}: is none of uniaxial, cyclic, relaxation, creep, and no CSV file."
        )
        raise StudyError(message)


def probe_of(
    law: LawTarget, temperature: str, strain: float, duration: float, *, thread_safe: bool
) -> Probe:
    """Return the conditions of an examination."""
    from romnet.study.law_targets import known_temperature
    from romnet.testing.subject import Probe

    warm = numbers_in(temperature, "--temperature")
    if not warm:
        middle = known_temperature(law.spec)
        warm = (Probe().temperatures[0] if middle is None else middle,)
    return Probe(
        strain=strain,
        temperatures=(warm[0], warm[-1]),
        duration=duration,
        thread_safe=thread_safe,
    )


def one_temperature(law: LawTarget, given: str) -> float:
    """Return the temperature of a path; a law that depends on it must be told.

    Raises
    ------
    StudyError
        If more than one is given, or none for a law with tables.
    """
    from romnet.laws.registry import temperature_range
    from romnet.study.law_targets import known_temperature

    warm = numbers_in(given, "--temperature")
    if len(warm) > 1:
        message = "--temperature: one number; a CSV file may have a column temperature."
        raise StudyError(message)
    low, high = temperature_range(law.spec)
    if warm and not low <= warm[0] <= high:
        message = (
            f"--temperature: {warm[0]:g} leaves the tables of {law.name}, {low:g} to {high:g}."
        )
        raise StudyError(message)
    if warm:
        return warm[0]
    if known_temperature(law.spec) is not None:
        message = f"{law.name} depends on temperature: give --temperature, {low:g} to {high:g}."
        raise StudyError(message)
    return 0.0


def numbers_in(given: str, option: str) -> tuple[float, ...]:
    """Read numbers separated by commas.

    Raises
    ------
    StudyError
        If a word is no number; the message names the option.

    Examples
    --------
    >>> numbers_in("2e5, 0.3", "--properties")
    (200000.0, 0.3)
    """
    try:
        return tuple(float(word) for word in given.split(",") if word.strip())
    except ValueError:
        message = f"{option}: must be numbers separated by commas, got {given!r}."
        raise StudyError(message) from None


def strain_of(given: str) -> float | None:
    """Read a strain, or an amplitude with both signs; None if nothing is given.

    Raises
    ------
    StudyError
        If it is no number.

    Examples
    --------
    >>> strain_of("±0.005"), strain_of("")
    (0.005, None)
    """
    found = numbers_in(given.removeprefix("±").removeprefix("+-"), "--strain")
    return found[0] if found else None


def component_of(name: str) -> int:
    """Return the position of a component.

    Raises
    ------
    StudyError
        If there is none of this name.

    Examples
    --------
    >>> component_of("12")
    3
    """
    from romnet.core.tensors import VOIGT

    if name not in VOIGT:
        message = f"--component: must be one of {', '.join(VOIGT)}, got {name!r}."
        raise StudyError(message)
    return VOIGT.index(name)


def components_of(count: int) -> int:
    """Return a number of components, if it is one.

    Raises
    ------
    StudyError
        If it is neither 6 nor 4.
    """
    if count not in _COMPONENTS:
        message = f"--components: must be 6, or 4 in plane strain, got {count}."
        raise StudyError(message)
    return count


def _given(value: float | None, option: str) -> float:
    """Return an option that this path needs."""
    if value is None:
        message = f"this path needs {option}."
        raise StudyError(message)
    return value


def conditions(probe: Probe, components: int) -> str:
    """Say under which conditions a law is examined."""
    before, after = probe.temperatures
    return (
        f"{components} components, increments of strain {probe.strain:g} in {probe.duration:g}, "
        f"temperature {before:g} to {after:g}"
    )
