"""A law as it is offered to users: named parameters with a meaning, a unit and a domain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from romnet.core.errors import LawError, StudyError
from romnet.laws.contract import ConstitutiveLaw
from romnet.laws.tables import Table, ThermalExpansion


@dataclass(frozen=True)
class Structure:
    """A parameter of more than one number, with a form of its own.

    Attributes
    ----------
    form
        How a study writes it, such as ``"{first: [x, y, z], second: [x, y, z]}"``.
    read
        Makes entries of PROPS of what a study says and a name for messages; raises `StudyError`
        or `LawError`.
    default
        What a study means that leaves it out; None if it must be given.
    """

    form: str
    read: Callable[[object, str], tuple[Table, ...]]
    default: object = None


@dataclass(frozen=True)
class Parameter:
    """One parameter of a law, or a list of groups of parameters.

    Attributes
    ----------
    name
        Key in the study.
    meaning
        What it is, in a few words.
    unit
        Dimension in the study's own set, such as ``"stress"``; ``"-"`` for none.
    default
        Value when left out; None if it must be given.
    above, at_least, below
        Bounds that every value of a table must respect.
    group
        If not empty, the parameter is a list of mappings with these keys, empty by default.
    structure
        If given, the parameter has a form of its own; default and bounds do not apply.
    """

    name: str
    meaning: str
    unit: str = "-"
    default: float | None = None
    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    group: tuple[Parameter, ...] = ()
    structure: Structure | None = None

    @property
    def required(self) -> bool:
        """Whether a study must give it."""
        if self.structure is not None:
            return self.structure.default is None
        return self.default is None and not self.group

    def read(self, given: object, where: str) -> Table:
        """Read its value, a number or a temperature table, and check its domain.

        Parameters
        ----------
        given
            What a study says.
        where
            Name for messages.

        Returns
        -------
        Table
            The value as a function of temperature.

        Raises
        ------
        StudyError
            If `given` is neither a number nor a table.
        LawError
            If a value lies outside the domain.

        Examples
        --------
        >>> Parameter("poisson", "Poisson ratio", above=-1.0, below=0.5).read(0.5, "poisson")
        Traceback (most recent call last):
        romnet.core.errors.LawError: poisson: must be above -1 and below 0.5, got 0.5.
        """
        table = Table.read(given, where)
        low, high = float(table.values.min()), float(table.values.max())
        if self.above is not None and low <= self.above:
            self._refuse(where, low)
        if self.at_least is not None and low < self.at_least:
            self._refuse(where, low)
        if self.below is not None and high >= self.below:
            self._refuse(where, high)
        return table

    def _refuse(self, where: str, value: float) -> None:
        """Say which bound a value breaks."""
        bounds = {"above": self.above, "at least": self.at_least, "below": self.below}
        domain = " and ".join(f"{word} {b:g}" for word, b in bounds.items() if b is not None)
        message = f"{where}: must be {domain}, got {value:g}."
        raise LawError(message)


@dataclass(frozen=True)
class ParameterValues:
    """Parameters of a law after reading: all there, all in their domain.

    Attributes
    ----------
    tables
        Value of each single parameter.
    groups
        Entries of each list of groups.
    given
        Names that the study gave itself.
    columns
        Entries of PROPS of each parameter that has a form of its own.
    """

    tables: Mapping[str, Table]
    groups: Mapping[str, tuple[Mapping[str, Table], ...]] = field(default_factory=dict)
    given: frozenset[str] = frozenset()
    columns: Mapping[str, tuple[Table, ...]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Table:
        """Return the value of a single parameter."""
        return self.tables[name]

    def demand(self, name: str, *, because_of: str) -> None:
        """Refuse a missing parameter that another one makes necessary.

        Raises
        ------
        StudyError
            If `because_of` has a value other than zero and `name` was not given.
        """
        if name not in self.given and self.tables[because_of].values.any():
            message = f"parameters.{name}: must be given together with {because_of}."
            raise StudyError(message)


@dataclass(frozen=True)
class LawModel:
    """What an entry point of the group ``romnet.laws`` names.

    Attributes
    ----------
    name
        Name in the study.
    summary
        One line.
    equations
        The law in formulas, plain text.
    parameters
        What a study can say.
    assemble
        Makes the law from its parameters, its thermal expansion and the number of components.
    example
        Parameters of a plausible material, in N, mm, s: what documentation, benchmarks and the
        conformity suite build the law with.
    """

    name: str
    summary: str
    equations: str
    parameters: tuple[Parameter, ...]
    assemble: Callable[[ParameterValues, ThermalExpansion, int], ConstitutiveLaw]
    example: Mapping[str, object] = field(default_factory=dict)

    def build(
        self,
        parameters: Mapping[str, object],
        expansion: ThermalExpansion,
        *,
        n_components: int,
    ) -> ConstitutiveLaw:
        """Read the parameters and make the law.

        Parameters
        ----------
        parameters
            Numbers or temperature tables by name.
        expansion
            Thermal expansion.
        n_components
            6, or 4 in plane strain.

        Returns
        -------
        ConstitutiveLaw
            The law, ready for batches of any size.

        Raises
        ------
        StudyError
            If a parameter is unknown or missing.
        LawError
            If a value lies outside its domain.
        """
        return self.assemble(self.read(parameters), expansion, n_components)

    def read(self, parameters: Mapping[str, object]) -> ParameterValues:
        """Check names and domains, and fill in the defaults.

        Parameters
        ----------
        parameters
            Numbers or temperature tables by name.

        Returns
        -------
        ParameterValues
            Every parameter of the law.

        Raises
        ------
        StudyError
            If a parameter is unknown or missing.
        LawError
            If a value lies outside its domain.
        """
        formed = {p.name: p.structure for p in self.parameters if p.structure is not None}
        single = tuple(p for p in self.parameters if not p.group and p.name not in formed)
        lists = tuple(parameter for parameter in self.parameters if parameter.group)
        _check_names(parameters, self.parameters, f"law {self.name}: parameters")
        groups = {
            parameter.name: _read_groups(parameters.get(parameter.name, ()), parameter)
            for parameter in lists
        }
        columns = {
            name: structure.read(parameters.get(name, structure.default), f"parameters.{name}")
            for name, structure in formed.items()
        }
        tables = _read_tables(parameters, single, "parameters")
        return ParameterValues(tables, groups, frozenset(parameters), columns)


def unknown_name(name: str, known: list[str]) -> str:
    """Say that a name is unknown, which one may have been meant, and which there are.

    Examples
    --------
    >>> unknown_name("yung", ["poisson", "young"])
    "'yung' is unknown; did you mean 'young'? There are: poisson, young."
    """
    close = get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    return f"{name!r} is unknown{hint} There are: {', '.join(known)}."


def _check_names(
    given: Mapping[str, object], parameters: tuple[Parameter, ...], where: str
) -> None:
    """Refuse names that do not exist, and missing ones that must."""
    known = sorted(parameter.name for parameter in parameters)
    for name in given:
        if name not in known:
            message = f"{where}: {unknown_name(str(name), known)}"
            raise StudyError(message)
    missing = [p for p in parameters if p.required and p.name not in given]
    if missing:
        wanted = ", ".join(f"{p.name} ({p.meaning}) [{p.unit}]" for p in missing)
        message = f"{where}: missing {wanted}."
        raise StudyError(message)


def _read_tables(
    given: Mapping[str, object], parameters: tuple[Parameter, ...], where: str
) -> dict[str, Table]:
    """Read single parameters whose names are right."""
    return {p.name: p.read(given.get(p.name, p.default), f"{where}.{p.name}") for p in parameters}


def _read_groups(given: object, parameter: Parameter) -> tuple[dict[str, Table], ...]:
    """Read a list of mappings."""
    where = f"parameters.{parameter.name}"
    if not isinstance(given, list | tuple) or not all(isinstance(g, Mapping) for g in given):
        keys = ", ".join(f"{p.name}: ..." for p in parameter.group)
        message = f"{where}: must be a list of {{{keys}}}, got {given!r}."
        raise StudyError(message)
    groups: list[dict[str, Table]] = []
    for number, entry in enumerate(given):
        _check_names(entry, parameter.group, f"{where}[{number}]")
        groups.append(_read_tables(entry, parameter.group, f"{where}[{number}]"))
    return tuple(groups)
