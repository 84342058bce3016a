"""``romnet cite``, ``schema`` and ``export``: for papers, editors and ParaView."""

from __future__ import annotations

import json as json_text
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from romnet.cli.console import Console
from romnet.cli.running import run as _run

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def cite(
    study: Annotated[
        Path | None, typer.Argument(help="Study whose methods are cited; all if left out.")
    ] = None,
    *,
    bibtex: Annotated[bool, typer.Option("--bibtex", help="Print entries of BibTeX.")] = False,
    json: _Json = False,
) -> None:
    """Name the papers that the methods come from, and romnet itself."""

    def work(console: Console) -> tuple[dict[str, Any], int]:
        import romnet
        from romnet.study.citing import PUBLICATIONS, citations_of, software_bibtex
        from romnet.study.read import read_study

        found = tuple(PUBLICATIONS.values()) if study is None else citations_of(read_study(study))
        software = f"The romnet developers, romnet {romnet.__version__}"
        own = software_bibtex(romnet.__version__)
        console.say(own if bibtex else software)
        for one in found:
            console.say(f"\n{one.bibtex}" if bibtex else one.text)
        rows = [{"key": one.key, "text": one.text, "bibtex": one.bibtex} for one in found]
        return {"citations": [{"key": "romnet", "text": software, "bibtex": own}, *rows]}, 0

    _run(work, json=json)


def schema(
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File; printed if left out.")
    ] = None,
    json: _Json = False,
) -> None:
    """Write the JSON Schema of studies, for editors."""

    def work(console: Console) -> tuple[dict[str, Any], int]:
        from romnet.study.published import schema_text, write_schema

        if output is not None:
            write_schema(output)
            console.say(f"{output} is written.")
            return {"path": str(output)}, 0
        if not json:
            sys.stdout.write(schema_text())
        return {"schema": json_text.loads(schema_text())}, 0

    _run(work, json=json)


def export(  # noqa: PLR0913  (each is an option of the command line)
    study: Annotated[Path, typer.Argument(help="Study file, or the folder that holds it.")] = Path(
        "study.yaml"
    ),
    *,
    case: Annotated[str, typer.Option(help="Online case or training simulation.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, .vtkhdf.")],
    field: Annotated[
        list[str] | None,
        typer.Option(help="Such as displacement, p, stress; may be repeated; all if left out."),
    ] = None,
    time: Annotated[
        list[float] | None,
        typer.Option(help="The nearest instant is taken; may be repeated; all if left out."),
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option("--results", help="Folder of results; results/ beside the study."),
    ] = None,
    json: _Json = False,
) -> None:
    """Write chosen fields of an answer, at chosen instants, as VTKHDF for ParaView."""

    def work(console: Console) -> tuple[dict[str, Any], int]:
        from romnet.study import commands
        from romnet.study.answer_fields import Selection
        from romnet.study.export import write_answer

        context = commands.open_study(study, results=results, comm=console.comm)
        wanted = Selection(tuple(field or ()), tuple(time or ()))
        made = write_answer(context, case, output, wanted=wanted)
        console.say(f"{made.path}: {', '.join(made.fields)} at {len(made.times)} instants")
        return {
            "path": str(made.path),
            "fields": list(made.fields),
            "times": list(made.times),
        }, 0

    _run(work, json=json)
