"""What stages are made from: keys of the study, and files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from romnet.core.errors import ConversionError
from romnet.store.converters.base import find_converter
from romnet.study.fields import field_files
from romnet.study.read import Case, LocatedStudy
from romnet.study.schema import Centrifugal, Keys, Load, Study, Temperature
from romnet.study.times import has_own_instants
from romnet.study.workspace import law_libraries


def case_parameters(located: LocatedStudy, case: Case) -> dict[str, Any]:
    """Return what a load case depends on."""
    grid = case.grid.model_dump(mode="json", include={"until", "increments", "times"})
    if case.grid.cycles is not None:
        keys = {"period", "count", "increments"}
        grid["cycles"] = case.grid.cycles.model_dump(mode="json", include=keys)
    return {
        "loads": plain(case.loads),
        "grid": grid,
        **amplitudes(located, case.loads),
    }


def increments(study: Study) -> dict[str, Any]:
    """Return the rule of automatic increments, where there is one."""
    return {} if study.increments is None else {"increments": plain(study.increments)}


def kept_cycles(case: Case) -> dict[str, Any]:
    """Return the cycles whose fields are kept, where that is not all of them."""
    cycles = case.grid.cycles
    return {"cycles": list(cycles.stored)} if cycles is not None and cycles.thinned else {}


def rebuilding(located: LocatedStudy, name: str) -> dict[str, Any]:
    """Return how the fields of a case are rebuilt, where it is not from their modes."""
    asked = {one.name: one.fields for one in located.study.online if one.fields != "gappy"}
    return {"fields": asked[name]} if name in asked else {}


def materials(study: Study, loads: Iterable[Load]) -> list[Any]:
    """Return the laws, and the densities where a load acts on mass."""
    heavy = any(isinstance(load, Centrifugal) for load in loads)
    massless = {} if heavy else {"density": 0.0}
    return [plain(entry.model_copy(update=massless)) for entry in study.materials]


def amplitudes(located: LocatedStudy, users: tuple[Keys, ...]) -> dict[str, Any]:
    """Return the amplitudes that loads or constraints use."""
    names = {getattr(user, "amplitude", None) for user in users} - {None}
    tables = located.study.amplitudes
    return {f"amplitudes.{name}": plain(tables[str(name)]) for name in sorted(map(str, names))}


def case_files(
    located: LocatedStudy, name: str, *, only: type[Keys] | None = None
) -> dict[str, Path]:
    """Return the field files that a case reads, by the load that wants them."""
    files: dict[str, Path] = {}
    for load in located.cases[name].loads:
        if only is not None and not isinstance(load, only):
            continue
        frames = load.keyframes if isinstance(load, Temperature) else (load,)
        for number, frame in enumerate(frames):
            # Files of equal name may lie in several folders, so the name alone is not enough.
            for path in field_files(getattr(frame, "field", 0.0), located.folder):
                for part, found in enumerate(with_included(path).values()):
                    label = f"{load.name}[{number}] {found.name}"
                    files[label if part == 0 else f"{label} {part}"] = found
    return files


def libraries(located: LocatedStudy) -> dict[str, Path]:
    """Return the shared libraries of user laws."""
    numbered = enumerate(law_libraries(located))
    return {f"law[{number}] {path.name}": path for number, path in numbered}


def result_files(located: LocatedStudy, case: str, path: Path) -> dict[str, Path]:
    """Return a result file, those of the same stem and those that it names."""
    if not path.is_file():
        message = f"there is no result file {path}."
        raise located.error(located.result_place(case), message)
    study = located.yaml.path.resolve()
    alike = {found for found in path.parent.iterdir() if found.stem == path.stem}
    family = alike.union(with_included(path).values())
    return {
        found.name: found
        for found in sorted(family)
        if found.is_file() and found.resolve() != study
    }


def with_included(path: Path) -> dict[str, Path]:
    """Return a mesh or field file, and those that it includes."""
    if not path.is_file():
        return {"mesh": path}  # told as any absent file
    try:
        included = [found for found in find_converter(path).files(path) if found != path]
    except ConversionError:
        return {"mesh": path}  # told when it is read
    return {"mesh": path} | {f"mesh[{n}] {found.name}": found for n, found in enumerate(included)}


def instants_from(located: LocatedStudy, case: Case) -> tuple[str, ...]:
    """Return the stage whose instants a case takes over, if it does."""
    if has_own_instants(case.grid):
        return ()
    return (f"snapshots[{located.study.training[0].name}]",)


def plain(value: Any) -> Any:  # noqa: ANN401  (anything the schema holds)
    """Return plain JSON of schema values."""
    if isinstance(value, Keys):
        return plain(value.model_dump())
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    # Where a file lies does not matter, and its contents are hashed.
    return value.name if isinstance(value, Path) else value
