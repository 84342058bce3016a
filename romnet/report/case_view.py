"""A case of the page with its pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from romnet.report import tables, words
from romnet.report.album import Album, Picture
from romnet.report.answer_figures import (
    drift_svg,
    dual_error_svg,
    error_limits,
    error_svg,
    leading_dual,
    newton_svg,
    watch_svg,
)
from romnet.report.case_values import CaseFacts
from romnet.report.pictures import close_png, field_png
from romnet.report.tables import Table
from romnet.report.values import ReportData

_PIXELS = 760  # half a page is no wider


@dataclass(frozen=True)
class CaseView:
    """A case with its pictures.

    Attributes
    ----------
    case
        The case.
    field, close, error, dual_error, newton, drift, watch
        Its pictures; none where there is nothing to show.
    dual
        Errors of its dual fields.
    """

    case: CaseFacts
    field: Picture | None
    close: Picture | None
    error: Picture | None
    dual_error: Picture | None
    newton: Picture | None
    dual: Table
    drift: Picture | None = None
    watch: Picture | None = None


def case_view(case: CaseFacts, data: ReportData, album: Album) -> CaseView:
    """Draw the pictures of a case."""
    return CaseView(
        case,
        _field_picture(case, data, album),
        _close_picture(case, data, album),
        _error_picture(case, data, album),
        _dual_error_picture(case, data, album),
        _newton_picture(case, data, album),
        tables.dual_table(case),
        _drift_picture(case, album),
        _watch_picture(case, data, album),
    )


def _field_picture(case: CaseFacts, data: ReportData, album: Album) -> Picture | None:
    """Draw the field of a case."""
    field, skin = case.picture, data.skin
    if field is None or skin is None or not skin.n_faces:
        return None
    numbers, unit = tables.field_table(field), data.units.get("length", "")
    return album.picture(
        lambda: field_png(skin, field, length_unit=unit, pixels=_PIXELS),
        numbers,
        alt=f"The structure coloured by {field.name} of case {case.name}, "
        f"from {numbers.rows[0][1]} to {numbers.rows[-2][1]} {field.unit}."
        if numbers.rows
        else f"The structure; {field.name} of case {case.name} is unknown.",
        caption=f"Case {case.name}: {field.name}.",
    )


def _close_picture(case: CaseFacts, data: ReportData, album: Album) -> Picture | None:
    """Draw the surface around the largest value of the field of a new load."""
    field, skin = case.picture, data.skin
    if (
        case.in_training
        or field is None
        or skin is None
        or not skin.n_faces
        or not np.isfinite(field.values).any()
    ):
        return None
    unit = data.units.get("length", "")
    hottest = int(np.nanargmax(field.values))
    place = ", ".join(f"{value:.4g}" for value in skin.vertices[hottest])
    value = f"{field.values[hottest]:.4g} {field.unit.replace('-', '')}".rstrip()
    said = f"{value} at ({place}) {unit}".rstrip()
    return album.picture(
        lambda: close_png(skin, field, length_unit=unit, pixels=_PIXELS),
        tables.hottest_table(skin, field, unit),
        alt=f"The surface around the largest {field.name} of case {case.name}: {said}.",
        caption=f"Where it is largest on the surface: {said}.",
    )


def _error_picture(case: CaseFacts, data: ReportData, album: Album) -> Picture | None:
    """Draw the error of a case over time."""
    worst = case.worst_displacement
    if worst is None:
        return None
    unit = data.units.get("time", "")
    return album.picture(
        lambda: error_svg(case, time_unit=unit, limits=error_limits(data.cases)),
        tables.error_table(case, unit, most=tables.rows_for(len(data.cases))),
        alt=f"Relative error of the displacement of case {case.name} over time; "
        f"at most {words.error_words(worst)}.",
        caption=f"Displacement against {case.reference}, at most {words.error_words(worst)}.",
    )


def _dual_error_picture(case: CaseFacts, data: ReportData, album: Album) -> Picture | None:
    """Draw the errors of the dual fields of a case over time."""
    if not case.dual_history:
        return None
    unit, name = data.units.get("time", ""), leading_dual(case)
    said = f"{name} {words.error_words(float(case.dual_history[name][-1]))}"
    if name in case.hottest_history:
        hot = words.error_words(float(case.hottest_history[name][-1]))
        said += f", {hot} on the hottest 1 %"
    return album.picture(
        lambda: dual_error_svg(case, time_unit=unit),
        tables.dual_history_table(case, unit, most=tables.rows_for(len(data.cases))),
        alt=f"Relative errors of the dual fields of case {case.name} over time; at the end {said}.",
        caption=f"Dual fields against {case.reference}, at the end {said}.",
    )


def _drift_picture(case: CaseFacts, album: Album) -> Picture | None:
    """Draw how far a cyclic answer drifts from its reference."""
    facts = case.cycles
    if facts is None or facts.cycles.size == 0:
        return None
    last = ", ".join(
        f"{name} {words.error_words(float(errors[-1]))}" for name, errors in facts.drift.items()
    )
    return album.picture(
        lambda: drift_svg(facts),
        tables.drift_table(facts),
        alt=f"Errors of case {case.name} at the ends of cycles; at the last one {last}.",
        caption=f"Drift up to cycle {facts.cycles[-1]}: {last}.",
    )


def _watch_picture(case: CaseFacts, data: ReportData, album: Album) -> Picture | None:
    """Draw what the indicator says of a case."""
    facts = case.watch
    if facts is None:
        return None
    unit = data.units.get("time", "")
    alarm = "never above" if facts.alarm is None else f"above from t = {facts.times[facts.alarm]:g}"
    said = (
        f"Estimated error of {facts.field}, at most "
        f"{words.error_words(float(facts.estimate.max()))}, {alarm} the tolerance "
        f"{facts.tolerance:.3g}; upper bound at most {words.error_words(float(facts.bound.max()))}."
    )
    return album.picture(
        lambda: watch_svg(facts, time_unit=unit),
        tables.watch_table(facts),
        alt=f"Case {case.name}: {said}",
        caption=said,
    )


def _newton_picture(case: CaseFacts, data: ReportData, album: Album) -> Picture | None:
    """Draw the Newton iterations of a case."""
    if case.newton_iterations.size == 0:
        return None
    total, steps = int(case.newton_iterations.sum()), len(case.newton_iterations)
    return album.picture(
        lambda: newton_svg(case),
        tables.newton_table(
            case, data.units.get("time", ""), most=tables.rows_for(len(data.cases))
        ),
        alt=f"Newton iterations of each of {steps} steps of case {case.name}, {total} in all.",
        caption=f"Newton: {total} iterations in {steps} steps, {int(case.cuts.sum())} cuts.",
    )
