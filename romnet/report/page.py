"""The page: one HTML file that needs nothing else, neither network nor script."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib import resources

from romnet.report import cost_tables, tables, words
from romnet.report.advice import advice_svg, clusters_svg, clusters_table, criterion_table
from romnet.report.album import Album, Picture
from romnet.report.case_view import case_view
from romnet.report.cost_figures import ledger_svg
from romnet.report.figures import cubature_svg, spectra_svg
from romnet.report.pictures import points_png
from romnet.report.values import ReportData

_MOST_SECTIONS = 60


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
    album = Album()
    shown = _leading_case(data)
    # What comes first finds room; the sections stand in another order.
    reduction, local = list(_reduction_pictures(data, album)), list(_local_pictures(data, album))
    saving = _saving_picture(data, album)
    views = {case: case_view(data.cases[case], data, album) for case in _order(data, shown)}
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
        reduction=reduction,
        saving=saving,
        local=local,
        tables=tables,
        cost_tables=cost_tables,
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
    """Return the numbers of the cases shown, in the order in which their pictures find room."""
    others = [number for number in range(len(data.cases)) if number != first][:_MOST_SECTIONS]
    others.sort(key=lambda number: data.cases[number].in_training)
    return ([] if first is None else [first]) + others


def _local_pictures(data: ReportData, album: Album) -> Iterator[Picture]:
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


def _reduction_pictures(data: ReportData, album: Album) -> Iterator[Picture]:
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


def _saving_picture(data: ReportData, album: Album) -> Picture | None:
    """Draw after how many questions the model has paid, if that is known."""
    ledger = data.ledger
    if ledger.break_even is None or ledger.in_full is None or ledger.asked is None:
        return None
    said = (
        f"{words.seconds_words(ledger.in_full)} a question in full, "
        f"{words.seconds_words(ledger.asked)} with the model, which took "
        f"{words.seconds_words(ledger.made)} to make: paid after {ledger.break_even}."
    )
    return album.picture(
        lambda: ledger_svg(ledger),
        cost_tables.break_even_table(ledger),
        alt=f"Wall time over the number of questions, in full and with the model; {said}",
        caption=said[0].upper() + said[1:],
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
