"""Result files of other codes, as a study names them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError
from romnet.fe.mesh import Mesh
from romnet.store.converters.base import Results, find_converter
from romnet.study.read import LocatedStudy


def result_path(located: LocatedStudy, case: str) -> Path:
    """Return the result file of a training simulation, or of the reference of an online case.

    Raises
    ------
    StudyError
        If the case names none, or the file does not exist.
    """
    place = located.result_place(case)
    section, number, key = place
    given = getattr(getattr(located.study, str(section))[number], str(key))
    if given is None:
        raise located.error(place[:-1], f"case {case!r} has no reference results.")
    path = located.resolve(given)
    if not path.is_file():
        raise located.error(place, f"there is no result file {path}.")
    return path


def open_results(located: LocatedStudy, case: str, mesh: Mesh) -> Results:
    """Read the header of the results of a case, which must hold displacements.

    Raises
    ------
    StudyError
        If there is no such file, or it holds no displacement.
    ConversionError
        If it cannot be read, or does not fit the mesh.
    """
    path = result_path(located, case)
    results = find_converter(path).read_results(path, mesh)
    if "displacement" not in results.fields:
        message = f"{path} holds no displacement; it holds {', '.join(sorted(results.fields))}."
        raise located.error(located.result_place(case), message)
    return results


def finite_instant(
    path: Path, results: Results, number: int, names: tuple[str, ...] | None = None
) -> dict[str, Array]:
    """Read one instant, every value of which must be finite.

    Raises
    ------
    ConversionError
        If a value is NaN or infinite; names file, field, instant and node or point.
    """
    fields = results.instant(number, names)
    for name, values in fields.items():
        bad = np.flatnonzero(~np.isfinite(np.ravel(values)))
        if bad.size:
            message = (
                f"{path}: {name} is not finite at instant {number} (t = "
                f"{results.times[number]:g}), {results.fields[name].where(int(bad[0]))}; "
                f"{bad.size} such values."
            )
            raise ConversionError(message)
    return fields
