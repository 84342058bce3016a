"""From a YAML file to a study whose every name refers to something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from romnet.core.errors import StudyError
from romnet.study.schema import Load, OnlineCase, Study, TimeGrid, Training
from romnet.study.times import has_own_instants
from romnet.study.yaml_lines import LocatedYaml, Place, read_yaml

HF = Path("hf")
# Of any number in a study: density omega^2 r^2 of such numbers is still finite.
LARGEST = 1e60
# Built once: a study may have hundreds of cases.
_LOAD: TypeAdapter[Load] = TypeAdapter(Load)
# What a design can vary of loads of each type, besides their size.
_VARIED = {"centrifugal": ("scale", "omega"), "temperature": ("scale", "shift")}


@dataclass(frozen=True)
class Case:
    """A computation that the study asks for: training or online.

    Attributes
    ----------
    name
        Its name, unique in the study.
    loads
        The loads of the study with the changes of this case.
    grid
        Instants it asks for.
    """

    name: str
    loads: tuple[Load, ...]
    grid: TimeGrid


@dataclass(frozen=True)
class LocatedStudy:
    """A study and where it came from.

    Attributes
    ----------
    study
        Its validated contents.
    yaml
        The file, with the line of every value.
    cases
        Training and online cases by name, loads resolved.
    """

    study: Study
    yaml: LocatedYaml
    cases: Mapping[str, Case]

    @property
    def folder(self) -> Path:
        """Folder that relative paths of the study start from."""
        return self.yaml.path.resolve().parent

    def resolve(self, path: Path) -> Path:
        """Return a path of the study as one that can be opened."""
        return path if path.is_absolute() else self.folder / path

    def error(self, place: Place, message: str) -> StudyError:
        """Return an error that names file, line and key."""
        return StudyError(f"{self.yaml.where(place)}: {message}")

    def load_place(self, case: str, load: str, key: str) -> Place:
        """Return where a value of a load stands: among the changes of the case, or the loads."""
        for section in ("training", "online"):
            for number, entry in enumerate(getattr(self.study, section)):
                changed = (section, number, "loads", load, key)
                if entry.name == case and changed in self.yaml.lines:
                    return changed
        numbers = {entry.name: number for number, entry in enumerate(self.study.loads)}
        return ("loads", numbers[load], key)

    def result_place(self, case: str) -> Place:
        """Return where the results, or the reference, of a case are named."""
        for number, entry in enumerate(self.study.training):
            if entry.name == case:
                return ("training", number, "results")
        names = [entry.name for entry in self.study.online]
        return ("online", names.index(case), "reference")

    def loads_of(self, entry: TimeGrid, place: Place) -> tuple[Load, ...]:
        """Return the loads of the study with the changes of an entry, which stand at a place."""
        return _changed_loads(self.study, entry, self.yaml, place)

    def training(self, name: str) -> Training:
        """Return the training entry of this name."""
        return next(entry for entry in self.study.training if entry.name == name)

    def online(self, name: str) -> OnlineCase:
        """Return the online case of this name.

        Raises
        ------
        StudyError
            If there is none; the message lists those there are.
        """
        for case in self.study.online:
            if case.name == name:
                return case
        known = ", ".join(case.name for case in self.study.online) or "none"
        raise self.error(("online",), f"there is no case {name!r}; there are: {known}.")


def read_study(path: Path) -> LocatedStudy:
    """Read and validate a study file.

    Parameters
    ----------
    path
        YAML file, or a folder that holds ``study.yaml``.

    Raises
    ------
    StudyError
        If anything is missing, unknown, of a wrong type or refers to nothing: one line for each
        problem, with file and line.

    Notes
    -----
    Collective: no. Reads the YAML only, none of the files it names.
    """
    located = read_yaml(path / "study.yaml" if path.is_dir() else path)
    try:
        study = Study.model_validate(located.content)
    except ValidationError as problem:
        raise StudyError("\n".join(_words(problem, located, ()))) from problem
    misread = (*_too_large(located.content), *_misread(located.content, study.model_dump()))
    found = misread or tuple(_loose_ends(study))
    problems = [f"{located.where(place)}: {text}" for place, text in found]
    if problems:
        raise StudyError("\n".join(problems))
    cases: dict[str, Case] = {}
    for section in ("training", "online"):
        for number, entry in enumerate(getattr(study, section)):
            loads = _changed_loads(study, entry, located, (section, number, "loads"))
            cases[entry.name] = Case(entry.name, loads, entry)
    return LocatedStudy(study, located, cases)


def _too_large(given: object, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Find numbers that no quantity has in any units, and whose products overflow."""
    if isinstance(given, int | float) and not abs(given) <= LARGEST:
        yield place, f"must be a number of at most {LARGEST:g}, got {str(given)[:20]}."
    elif isinstance(given, Mapping | list):
        for part, value in given.items() if isinstance(given, Mapping) else enumerate(given):
            yield from _too_large(value, (*place, part))


def _misread(given: object, read: object, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Find true and false that were read as the numbers one and zero."""
    if isinstance(given, bool) and isinstance(read, int | float) and not isinstance(read, bool):
        yield place, f"must be a number, got {str(given).lower()}."
    elif isinstance(given, Mapping) and isinstance(read, Mapping):
        for name in given.keys() & read.keys():
            yield from _misread(given[name], read[name], (*place, name))
    elif isinstance(given, list) and isinstance(read, tuple | list):
        for number, pair in enumerate(zip(given, read, strict=False)):
            yield from _misread(*pair, (*place, number))


def _changed_loads(
    study: Study, entry: TimeGrid, located: LocatedYaml, place: Place
) -> tuple[Load, ...]:
    """Apply the changes of a case to the loads of the study."""
    loads = []
    for load in study.loads:
        changes = entry.loads.get(load.name)
        if changes is None:
            loads.append(load)
            continue
        merged = _merged(load.model_dump(exclude_unset=True), changes)
        try:
            changed = _LOAD.validate_python(merged)
        except ValidationError as problem:
            # pydantic puts the tag of the union first
            words = _words(problem, located, (*place, load.name), skip=1)
            raise StudyError("\n".join(words)) from problem
        for below, text in _misread(merged, changed.model_dump()):
            message = f"{located.where((*place, load.name, *below))}: {text}"
            raise StudyError(message)
        loads.append(changed)
    return tuple(loads)


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Merge mappings key by key; any other value is replaced."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return merged


def _words(
    problem: ValidationError, located: LocatedYaml, prefix: Place, *, skip: int = 0
) -> list[str]:
    """Say each validation error with file and line."""
    lines: dict[str, None] = {}
    errors = problem.errors(include_url=False)
    for error in errors:
        if error["type"] == "too_short" and any(_below(one["loc"], error["loc"]) for one in errors):
            continue  # entries with errors of their own were not counted
        absent = error["type"] == "missing"
        place = (*prefix, *_yaml_place(error["loc"][skip:], located, prefix, absent=absent))
        text = error["msg"].removeprefix("Value error, ")
        if error["type"] == "extra_forbidden":
            text = "unknown key"
        elif absent:
            text = "is missing"
        given = error.get("input")
        if isinstance(given, str | int | float) and error["type"] != "extra_forbidden":
            text = f"{text}, got {given!r}"
        lines.setdefault(f"{located.where(place)}: {text}.", None)
    return list(lines)


def _below(place: tuple[str | int, ...], other: tuple[str | int, ...]) -> bool:
    """Say whether a place lies below another one."""
    return len(place) > len(other) and place[: len(other)] == other


def _yaml_place(
    parts: tuple[str | int, ...], located: LocatedYaml, prefix: Place, *, absent: bool
) -> Place:
    """Drop what pydantic adds to a place, the tags of unions; keep the key that is absent."""
    place: Place = ()
    for position, part in enumerate(parts):
        known = (*prefix, *place, part) in located.lines
        if known or (absent and position == len(parts) - 1):
            place = (*place, part)
    return place


def _loose_ends(study: Study) -> Iterator[tuple[Place, str]]:
    """Find names that refer to nothing and names given twice."""
    load_names = [load.name for load in study.loads]
    for number, name in enumerate(load_names):
        if name in load_names[:number]:
            yield ("loads", number), f"two loads are named {name!r}; give each a name."
    for section, entries in (("loads", study.loads), ("constraints", study.constraints)):
        for number, entry in enumerate(entries):
            amplitude = getattr(entry, "amplitude", None)
            if amplitude is not None and amplitude not in study.amplitudes:
                known = ", ".join(study.amplitudes) or "none"
                place = (section, number, "amplitude")
                yield place, f"there is no amplitude {amplitude!r}; there are: {known}."
    seen: set[str] = set()
    for section in ("training", "online"):
        for number, case in enumerate(getattr(study, section)):
            if case.name in seen:
                yield (section, number, "name"), f"two cases are named {case.name!r}."
            seen.add(case.name)
            for key, text in _case_problems(case, load_names):
                yield (section, number, *key), text
    yield from _loose_candidates(study, seen)
    yield from _loose_references(study)
    yield from _loose_designs(study)


def _loose_candidates(study: Study, seen: set[str]) -> Iterator[tuple[Place, str]]:
    """Find candidates of a name that another case has, and what is wrong within them."""
    load_names = [load.name for load in study.loads]
    for number, candidate in enumerate(() if study.local is None else study.local.candidates):
        place: Place = ("local", "candidates", number)
        if candidate.name in seen:
            yield (*place, "name"), f"two cases are named {candidate.name!r}."
        seen.add(candidate.name)
        for key, text in _case_problems(candidate, load_names):
            yield (*place, *key), text


def _loose_designs(study: Study) -> Iterator[tuple[Place, str]]:
    """Find uncertain parameters that no load has."""
    allowed = {load.name: _VARIED.get(load.type, ("scale",)) for load in study.loads}
    known = [f"{name}.{key}" for name, keys in allowed.items() for key in keys]
    for number, question in enumerate(study.online):
        if question.design is None:
            continue
        place = ("online", number, "design")
        for name in question.design.parameters:
            if name not in known:
                text = f"there is no parameter {name!r}; there are: {', '.join(known)}."
                yield (*place, "parameters", name), text
        wanted = question.design.temperature
        if wanted is None:
            continue
        if not any(load.type == "temperature" for load in study.loads):
            yield (*place, "temperature"), "varies the temperature, and no load gives one."
        if wanted.amplitude is not None and wanted.amplitude not in study.amplitudes:
            names = ", ".join(study.amplitudes) or "none"
            text = f"there is no amplitude {wanted.amplitude!r}; there are: {names}."
            yield (*place, "temperature", "amplitude"), text


def _loose_references(study: Study) -> Iterator[tuple[Place, str]]:
    """Find references that are neither computed, nor a file, nor a training simulation."""
    names = [case.name for case in study.training]
    for number, question in enumerate(study.online):
        reference = question.reference
        if reference is None or reference == HF or str(reference) in names or reference.suffix:
            continue
        text = f"{str(reference)!r} is neither hf, nor a result file, nor a training name"
        yield ("online", number, "reference"), f"{text}; these are: {', '.join(names)}."


def _case_problems(case: TimeGrid, load_names: list[str]) -> Iterator[tuple[Place, str]]:
    """Find what is wrong within one case."""
    for name in case.loads:
        if name in load_names:
            continue
        known = ", ".join(load_names) or "none"
        yield ("loads", name), f"there is no load {name!r}; there are: {known}."
    if case.times is not None and (case.until is not None or case.increments is not None):
        yield ("times",), "give either times or until, not both."
    if case.times is not None and case.times[0] != 0.0:
        yield ("times",), f"must start from zero, the virgin state, got {case.times[0]:g}."
    alone = case.times is None and case.until is None and case.increments is None
    if case.cycles is not None and not alone:
        yield ("cycles",), "give either cycles, or times or until, not both."
    if case.cycles is not None and isinstance(case, Training) and case.cycles.thinned:
        yield ("cycles",), "training needs every instant; leave store and every out."
    if case.increments is not None and case.until is None:
        yield ("increments",), "needs until, the last instant."
    if isinstance(case, Training) and case.results == HF and not has_own_instants(case):
        yield (), "results: hf needs times, or until and increments."
