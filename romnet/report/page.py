"""The page: one HTML file that needs nothing else, neither network nor script."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import resources

from romnet.report import tables, words
from romnet.report.advice import advice_svg, clusters_svg, clusters_table, criterion_table
from romnet.report.case_values import CaseFacts
from romnet.report.figures import (
    cubature_svg,
    drift_svg,
    error_limits,
    error_svg,
    newton_svg,
    spectra_svg,
    watch_svg,
)
from romnet.report.pictures import field_png, points_png
from romnet.report.tables import Table
from romnet.report.values import ReportData

# Base64 makes four bytes of three; tables and text need the rest of 5 MB.
_MOST_PICTURE_BYTES = 2_600_000
_MOST_SECTIONS = 60
_PNG_START = b"\x89PNG"


@dataclass(frozen=True)
class Picture:
    """A picture with its numbers.

    Attributes
    ----------
    source
        The picture itself as a data address; empty when the page has no room for it.
    alt
        What it shows, for those who do not see it.
    caption
        What stands below it.
    table
        Its numbers.
    """

    source: str
    alt: str
    caption: str
    table: Table


@dataclass(frozen=True)
class CaseView:
    """A case with its pictures.

    Attributes
    ----------
    case
        The case.
    field, error, newton, drift, watch
        Its pictures; none where there is nothing to show.
    dual
        Errors of its dual fields.
    """

    case: CaseFacts
    field: Picture | None
    error: Picture | None
    newton: Picture | None
    dual: Table
    drift: Picture | None = None
    watch: Picture | None = None


class _Album:
    """Turns drawings into pictures until the page is full."""

    def __init__(self) -> None:
        self._room = _MOST_PICTURE_BYTES

    def picture(
        self, draw: Callable[[], bytes], numbers: Table, *, alt: str, caption: str
    ) -> Picture:
        """Draw a picture if there is room; its numbers are there in any case."""
        content = draw() if self._room > 0 else b""
        self._room -= len(content)
        if not content or self._room < 0:
            self._room = 0
            return Picture("", alt, f"{caption} (Left out to keep the page small.)", numbers)
        kind = "png" if content.startswith(_PNG_START) else "svg+xml"
        data = base64.b64encode(content).decode("ascii")
        return Picture(f"data:image/{kind};base64,{data}", alt, caption, numbers)


def render_page(data: ReportData) -> str:
    """Write the report as one HTML page.

    Parameters
    ----------
    data
        Everything that the page shows.

    Returns
    -------
    str
        A page of at most 5 MB that asks nothing of the network and runs no script. When there are
        very many cases, the last ones have tables only.

    Notes
    -----
    Collective: no; rank 0 writes it. Deterministic: yes. Mutates nothing. Cost: about a second for
    each picture of a structure.

    Examples
    --------
    >>> from romnet.report.model_values import MeshFacts
    >>> page = render_page(ReportData("plate", "0.1", {}, "", MeshFacts(9, 4, 16, 18), 1e-6))
    >>> page.startswith("<!doctype html>"), "<title>plate" in page
    (True, True)
    """
    import jinja2
    from markupsafe import Markup

    folder = resources.files("romnet.report")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(folder.joinpath("page.html").read_text(encoding="utf-8"))
    album = _Album()
    shown = _leading_case(data)
    views = {case: _case_view(data.cases[case], data, album) for case in _order(data, shown)}
    hero = None if shown is None else views[shown].field
    if shown is not None:
        views[shown] = replace(views[shown], field=None)
    return template.render(
        data=data,
        css=Markup(folder.joinpath("page.css").read_text(encoding="utf-8")),
        verdict=words.verdict(data),
        tiles=_tiles(data),
        hero=hero,
        shown=shown,
        views=sorted(views.items()),
        reduction=list(_reduction_pictures(data, album)),
        local=list(_local_pictures(data, album)),
        tables=tables,
        words=words,
        references={key: tables.split_doi(text) for key, text in data.citations.items()},
    )


def _leading_case(data: ReportData) -> int | None:
    """Return the number of the case whose field stands on top: a new load before a trained one."""
    if data.skin is None or not data.skin.n_faces:
        return None
    drawn = [number for number, case in enumerate(data.cases) if case.picture is not None]
    drawn.sort(key=lambda k: (not data.cases[k].status.ok, data.cases[k].in_training))
    return drawn[0] if drawn else None


def _order(data: ReportData, first: int | None) -> list[int]:
    """Return the numbers of the cases shown, one before the others, so that it finds room."""
    others = [number for number in range(len(data.cases)) if number != first]
    return ([] if first is None else [first]) + others[:_MOST_SECTIONS]


def _case_view(case: CaseFacts, data: ReportData, album: _Album) -> CaseView:
    """Draw the pictures of a case."""
    return CaseView(
        case,
        _field_picture(case, data, album),
        _error_picture(case, data, album),
        _newton_picture(case, data, album),
        tables.dual_table(case),
        _drift_picture(case, album),
        _watch_picture(case, data, album),
    )


def _field_picture(case: CaseFacts, data: ReportData, album: _Album) -> Picture | None:
    """Draw the field of a case."""
    field, skin = case.picture, data.skin
    if field is None or skin is None or not skin.n_faces:
        return None
    numbers = tables.field_table(field)
    return album.picture(
        lambda: field_png(skin, field, length_unit=data.units.get("length", "")),
        numbers,
        alt=f"The structure coloured by {field.name} of case {case.name}, "
        f"from {numbers.rows[0][1]} to {numbers.rows[-2][1]} {field.unit}."
        if numbers.rows
        else f"The structure; {field.name} of case {case.name} is unknown.",
        caption=f"Case {case.name}: {field.name}.",
    )


def _error_picture(case: CaseFacts, data: ReportData, album: _Album) -> Picture | None:
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


def _drift_picture(case: CaseFacts, album: _Album) -> Picture | None:
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


def _watch_picture(case: CaseFacts, data: ReportData, album: _Album) -> Picture | None:
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


def _newton_picture(case: CaseFacts, data: ReportData, album: _Album) -> Picture | None:
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


def _local_pictures(data: ReportData, album: _Album) -> Iterator[Picture]:
    """Draw the clusters and what the criterion says of them."""
    facts = data.local
    if facts is None:
        return
    yield album.picture(
        lambda: advice_svg(facts.advice),
        criterion_table(facts.advice),
        alt="Held-out projection errors of one basis and of local ones over the number of modes.",
        caption=f"Criterion: {facts.advice.recommendation}",
    )
    yield album.picture(
        lambda: clusters_svg(facts),
        clusters_table(facts),
        alt=f"{len(facts.names)} candidates for training in the plane, by {len(facts.medoids)} "
        "clusters; the more apart, the more unlike.",
        caption="Candidates for training: the more apart, the more unlike; medoids bear a ring.",
    )


def _reduction_pictures(data: ReportData, album: _Album) -> Iterator[Picture]:
    """Draw the pictures of the reduced model."""
    if data.spectra:
        first = data.spectra[0]
        yield album.picture(
            lambda: spectra_svg(data.spectra, data.tolerance),
            tables.spectra_table(data.spectra),
            alt=f"Relative singular values falling towards the tolerance {data.tolerance:.3g}; "
            f"{first.kept} modes of {first.name} are kept.",
            caption=f"Singular values: {first.kept} of {len(first.singular_values)} modes of "
            f"{first.name} are kept at tolerance {data.tolerance:.3g}.",
        )
    rule = data.cubature
    if rule is not None:
        yield album.picture(
            lambda: cubature_svg(rule),
            tables.history_table(rule),
            alt=f"Residual of the quadrature falling over {len(rule.history)} selections "
            f"to {rule.residual:.2g}, below the tolerance {rule.tolerance:.3g}.",
            caption=f"Cubature: {rule.n_selected} of {words.counted(data.mesh.n_points)} points, "
            f"residual {rule.residual:.2g}, volume error {rule.volume_error:.2g}.",
        )
    points, skin = data.points, data.skin
    if points is not None and skin is not None and skin.n_faces:
        unit = data.units.get("length", "")
        yield album.picture(
            lambda: points_png(skin, points, length_unit=unit),
            tables.points_table(points, unit),
            alt=f"The {len(points.weights)} selected points inside the structure.",
            caption="Selected points: the area of a mark is its weight; far ones are paler.",
        )


def _tiles(data: ReportData) -> list[tuple[str, str, str]]:
    """Return the key numbers: value, what it is, and in relation to what."""
    tiles = []
    if data.spectra:
        tiles.append(
            (str(data.spectra[0].kept), "modes", f"for {words.counted(data.mesh.n_dofs)} dofs")
        )
    if data.cubature is not None:
        points = words.counted(data.cubature.n_selected)
        tiles.append((points, "points", f"of {words.counted(data.mesh.n_points)}"))
    judged = words.judged_cases(data.cases)
    scope = "trained loads" if all(case.in_training for case in judged) else "new loads"
    worst = words.worst_displacement(judged)
    if worst is not None:
        tiles.append((words.error_words(worst), "displacement error", f"largest, {scope}"))
    factors = [case.speedup for case in data.cases if case.speedup is not None]
    if factors:
        tiles.append(
            (
                f"{words.factor_words([min(factors)])}\N{MULTIPLICATION SIGN}",
                "speed-up",
                "smallest of all cases",
            )
        )
    return tiles
