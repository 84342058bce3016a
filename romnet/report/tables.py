"""Tables of the page: cells as text, whole histories thinned to what can be read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from romnet.core.arrays import Array
from romnet.report.case_values import CaseFacts, CycleFacts, NodalField, WatchFacts
from romnet.report.model_values import (
    CubatureFacts,
    GappyFacts,
    SelectedPoints,
    Spectrum,
    TrainedField,
)
from romnet.report.skin import Skin

MOST_ROWS = 400
_HOTTEST = 10
_DOI = re.compile(r"\b10\.\d{4,9}/[^\s\"<>]*[^\s\"<>.,;)]")
_MISSING = "–"  # noqa: RUF001  (en dash)


@dataclass(frozen=True)
class Table:
    """Rows of text under headings.

    Attributes
    ----------
    columns
        Headings, with units.
    rows
        Cells.
    note
        What was left out.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Whether a column holds numbers only, which are set flush right.

        Examples
        --------
        >>> table(["name", "value"], [("p", 1.5), ("q", None)]).numeric
        (False, True)
        """
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(self.columns)
        return tuple(all(_is_number(text) for text in column) for column in columns)


def rows_for(n_cases: int) -> int:
    """Return how many rows a history of one of so many cases may have.

    Examples
    --------
    >>> rows_for(3), rows_for(50), rows_for(1000)
    (400, 80, 40)
    """
    return min(MOST_ROWS, max(40, 10 * MOST_ROWS // max(1, n_cases)))


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, most: int = MOST_ROWS
) -> Table:
    """Write values as cells; of very many rows, keep some, the last among them.

    Examples
    --------
    >>> table(["step", "residual [-]"], [(1, 0.5), (2, 1.25e-7)]).rows
    (('1', '0.5'), ('2', '1.25e-07'))
    """
    every = list(rows)
    step = max(1, -(-len(every) // most))
    kept = every[::step]
    if every and (len(every) - 1) % step:
        kept.append(every[-1])
    note = f"{len(kept)} of {len(every)} rows: one in {step}, and the last." if step > 1 else ""
    return Table(tuple(columns), tuple(tuple(map(cell, row)) for row in kept), note)


def cell(value: object) -> str:
    """Return a value as a cell shows it: five digits, a dash when there is none.

    Examples
    --------
    >>> [cell(value) for value in (3, 0.1234567, "name", float("nan"))]
    ['3', '0.12346', 'name', 'nan']
    """
    if value is None:
        return _MISSING
    return f"{value:.5g}" if isinstance(value, float | np.floating) else str(value)


def spectra_table(spectra: Sequence[Spectrum]) -> Table:
    """Return relative singular values, one column for each basis."""
    longest = max((len(spectrum.singular_values) for spectrum in spectra), default=0)
    columns = [f"{spectrum.name} ({spectrum.kept} kept)" for spectrum in spectra]
    rows = (
        [rank + 1, *(_item(spectrum.singular_values, rank) for spectrum in spectra)]
        for rank in range(longest)
    )
    return table(["mode", *columns], rows)


def history_table(cubature: CubatureFacts) -> Table:
    """Return the residual after each selection."""
    return table(["selection", "residual [-]"], enumerate(cubature.history.tolist(), start=1))


def points_table(points: SelectedPoints, length_unit: str) -> Table:
    """Return positions and weights of the selected points, the heaviest first."""
    order = np.argsort(-points.weights, kind="stable")
    length = f" [{length_unit}]" if length_unit else ""
    volume = f" [{length_unit}³]" if length_unit else ""
    columns = [f"{name}{length}" for name in "xyz"] + [f"weight{volume}"]
    return table(columns, ([*points.positions[k], points.weights[k]] for k in order))


def gappy_table(gappy: Sequence[GappyFacts]) -> Table:
    """Return modes and condition of each dual field."""
    rows = ((facts.name, facts.n_modes, facts.condition) for facts in gappy)
    return table(["dual field", "modes", "condition [-]"], rows)


def validation_table(fields: Sequence[TrainedField]) -> Table:
    """Return predicted and realised errors on the training loads."""
    columns = ["field", "predicted [-]", "found, all points [-]", "found, hottest 1 % [-]"]
    rows = ((one.name, one.predicted, one.realised, one.hottest) for one in fields)
    return table(columns, rows)


def mapping_table(values: Mapping[str, object], columns: Sequence[str]) -> Table:
    """Return names and values."""
    return table(columns, values.items())


def cases_table(cases: Sequence[CaseFacts]) -> Table:
    """Return one row for each case."""
    columns = [
        "case",
        "load",
        "outcome",
        "steps",
        "Newton iterations",
        "cuts",
        "answer [s]",
        "laws [s]",
        "reference",
        "reference [s]",
        "speed-up",
        "displacement error [-]",
        "dual error [-]",
        "hottest 1 % [-]",
    ]
    return table(columns, (_case_row(case) for case in cases))


def error_table(case: CaseFacts, time_unit: str, *, most: int = MOST_ROWS) -> Table:
    """Return the error of the displacement at each instant compared."""
    rows = zip(case.error_times, case.displacement_error, strict=True)
    return table([_time(time_unit), "relative error [-]"], rows, most=most)


def newton_table(case: CaseFacts, time_unit: str, *, most: int = MOST_ROWS) -> Table:
    """Return Newton iterations and cuts of each step."""
    rows = (
        [step + 1, _item(case.times, step + 1), int(count), int(case.cuts[step])]
        for step, count in enumerate(case.newton_iterations)
    )
    return table(["step", f"up to {_time(time_unit)}", "iterations", "cuts"], rows, most=most)


def dual_table(case: CaseFacts) -> Table:
    """Return the errors of each dual field at the last instant compared."""
    names = dict.fromkeys([*case.dual_error, *case.hottest_error])
    rows = ((name, case.dual_error.get(name), case.hottest_error.get(name)) for name in names)
    return table(["dual field", "error, all points [-]", "error, hottest 1 % [-]"], rows)


def dual_history_table(case: CaseFacts, time_unit: str, *, most: int = MOST_ROWS) -> Table:
    """Return the errors of the dual fields at each instant compared."""
    hot = {f"{name}, hottest 1 %": found for name, found in case.hottest_history.items()}
    every = {**case.dual_history, **hot}
    rows = zip(case.error_times, *every.values(), strict=True)
    return table([_time(time_unit), *(f"{name} [-]" for name in every)], rows, most=most)


def drift_table(facts: CycleFacts) -> Table:
    """Return the errors at the end of each cycle compared."""
    rows = zip(facts.cycles.tolist(), *facts.drift.values(), strict=True)
    return table(["cycle", *(f"{name} [-]" for name in facts.drift)], rows)


def watch_table(facts: WatchFacts) -> Table:
    """Return the estimated error and its upper bound at each instant."""
    rows = zip(facts.times.tolist(), facts.estimate, facts.bound, strict=True)
    return table(["time", f"estimated error of {facts.field} [-]", "upper bound [-]"], rows)


def cycles_table(facts: CycleFacts) -> Table:
    """Return what changes from cycle to cycle."""
    columns = ["cycle", "growth of p [-]", "its change [-]", "stress range", "its change [-]"]
    values = [[None if np.isnan(value) else value for value in row] for row in facts.changes]
    return table(columns, ([int(row[0] or 0), *row[1:]] for row in values))


def field_table(field: NodalField) -> Table:
    """Return the distribution of a field over the vertices of the picture."""
    unit = f" [{field.unit}]" if field.unit not in {"", "-"} else " [-]"
    finite = field.values[np.isfinite(field.values)]
    if finite.size == 0:
        return table(["share of the vertices", f"value{unit}"], [])
    shares = {"smallest": 0, "5 %": 5, "25 %": 25, "median": 50, "75 %": 75, "95 %": 95}
    shares["largest"] = 100
    values = np.percentile(finite, list(shares.values()))
    rows = [*zip(shares, values, strict=True), ("vertices", len(field.values))]
    return table(["part of the vertices below", f"value{unit}"], rows)


def hottest_table(skin: Skin, field: NodalField, length_unit: str) -> Table:
    """Return places and values of the ten largest values on the skin."""
    length = f" [{length_unit}]" if length_unit else ""
    unit = f" [{field.unit}]" if field.unit not in {"", "-"} else " [-]"
    known = np.flatnonzero(np.isfinite(field.values))
    order = known[np.argsort(-field.values[known], kind="stable")][:_HOTTEST]
    columns = [f"{name}{length}" for name in "xyz"] + [f"value{unit}"]
    return table(columns, ([*skin.vertices[k], field.values[k]] for k in order))


def split_doi(reference: str) -> tuple[str, str, str]:
    """Return what stands before a DOI, the DOI, and what stands after it.

    Examples
    --------
    >>> split_doi("A. Author, Title. doi:10.1000/xyz.12.")
    ('A. Author, Title. doi:', '10.1000/xyz.12', '.')
    >>> split_doi("no number")
    ('no number', '', '')
    """
    found = _DOI.search(reference)
    if found is None:
        return reference, "", ""
    return reference[: found.start()], found.group(), reference[found.end() :]


def _case_row(case: CaseFacts) -> list[object]:
    """Return the cells of a case."""
    return [
        case.name,
        "training" if case.in_training else "new",
        case.status.label,
        len(case.newton_iterations),
        int(case.newton_iterations.sum()),
        int(case.cuts.sum()),
        case.wall_seconds,
        case.law_seconds,
        case.reference or None,
        case.hf_seconds,
        case.speedup,
        case.worst_displacement,
        max(case.dual_error.values(), default=None),
        max(case.hottest_error.values(), default=None),
    ]


def _is_number(text: str) -> bool:
    """Tell whether a cell holds a number or nothing."""
    try:
        float(text.replace(_MISSING, "0"))
    except ValueError:
        return False
    return True


def _item(values: Array, position: int) -> float | None:
    """Return one value, or nothing beyond the end."""
    return float(values[position]) if position < len(values) else None


def _time(unit: str) -> str:
    """Return the heading of instants."""
    return f"time [{unit}]" if unit else "time"
