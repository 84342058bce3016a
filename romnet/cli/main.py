"""Commands of ``romnet``: arguments in, calls, words or one JSON object out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from romnet.cli.console import Console
from romnet.cli.laws import app as laws
from romnet.cli.publishing import cite, export, schema
from romnet.cli.running import WISHES, Wishes
from romnet.cli.running import run as _run
from romnet.cli.submit import submit

app = typer.Typer(
    name="romnet",
    help="Reduced-order models of nonlinear structures from the results you already have.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(laws)
for _command in (submit, export, cite, schema):
    app.command()(_command)

StudyPath = Annotated[Path, typer.Argument(help="Study file, or the folder that holds it.")]
Results = Annotated[
    Path | None, typer.Option("--results", help="Folder of results; results/ beside the study.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
HERE = Path("study.yaml")


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where to write study.yaml.")] = Path(),
    *,
    template: Annotated[str, typer.Option(help="bar (runs as it is) or import.")] = "bar",
    deck: Annotated[
        Path | None,
        typer.Option("--from", help="Input deck of Abaqus, CalculiX or Z-set to translate."),
    ] = None,
    results: Annotated[
        list[Path] | None,
        typer.Option("--results", help="Result file of the deck; may be given several times."),
    ] = None,
    umat: Annotated[
        Path | None, typer.Option("--umat", help="Shared library of the deck's user materials.")
    ] = None,
    json: Json = False,
) -> None:
    """Write a commented study to start from, or the one that an input deck describes."""

    def work(console: Console) -> tuple[dict[str, Any], int]:
        from romnet.study import commands
        from romnet.study.from_deck.init import init_from_deck

        if deck is not None:
            made = init_from_deck(deck, folder, results=tuple(results or ()), umat=umat)
            for place, text in made.notes:
                console.say(f"not taken over: {place}: {text}")
            console.say(f"{made.path} is written; next: romnet check {made.path}")
            notes = [{"place": place, "text": text} for place, text in made.notes]
            return {"study": str(made.path), "notes": notes}, 0
        path = commands.init(folder, template=template)
        console.say(f"{path} is written; next: romnet check {path}")
        return {"study": str(path)}, 0

    _run(work, json=json)


@app.command()
def check(
    study: StudyPath = HERE,
    *,
    balance: Annotated[
        bool, typer.Option("--balance", help="Also compare stresses of results with the loads.")
    ] = False,
    json: Json = False,
) -> None:
    """Look at a study and every file it names, without computing."""

    def work(console: Console) -> tuple[dict[str, Any], int]:
        from romnet.study.checks import checking

        found = checking.check(study, balance=balance)
        for message in found.messages:
            console.say(message)
        doubts = f" {len(found.warnings)} warnings." if found.warnings else ""
        verdict = "can" if found.ok else "cannot"
        console.say(f"The study {verdict} be computed.{doubts}")
        answer = {
            "ok": found.ok,
            "messages": list(found.messages),
            "warnings": list(found.warnings),
            "errors": list(found.errors),
            "figures": list(found.figures),
        }
        return answer, 0 if found.ok else 2

    _run(work, json=json)


@app.command()
def offline(
    study: StudyPath = HERE,
    *,
    until: Annotated[str | None, typer.Option(help="Last stage, such as cubature.")] = None,
    results: Results = None,
    json: Json = False,
) -> None:
    """Build the reduced model; what is up to date is kept."""

    def work(console: Console) -> tuple[dict[str, Any], int]:
        from romnet.study import commands

        context = commands.open_study(study, results=results, comm=console.comm, stop=console.stop)
        with console.progress() as observer:
            summary = commands.offline(context, until=until, observer=observer)
        if summary is None:
            return {"until": until}, 0
        console.offline(summary)
        return asdict(summary), 0

    _run(work, json=json, stoppable=True)


@app.command()
def online(
    study: StudyPath = HERE,
    *,
    case: Annotated[str | None, typer.Option(help="One case; all if left out.")] = None,
    results: Results = None,
    json: Json = False,
) -> None:
    """Ask the reduced model, and write fields for ParaView."""

    def work(console: Console) -> tuple[dict[str, Any], int]:
        from romnet.study import commands

        context = commands.open_study(study, results=results, comm=console.comm, stop=console.stop)
        with console.progress() as observer:
            summaries = commands.online(context, case=case, observer=observer)
        console.online(summaries)
        plain = [asdict(summary) for summary in summaries]
        code = 0 if all(summary.ok for summary in summaries) else 3
        if code == 0 and any(s.indicator is not None and s.indicator.above for s in summaries):
            code = 4
        return (plain[0] if case is not None else {"cases": plain}), code

    _run(work, json=json, stoppable=True)


@app.command()
def status(study: StudyPath = HERE, *, results: Results = None, json: Json = False) -> None:
    """Say what is up to date, what will run again, and why."""

    def work(console: Console) -> tuple[dict[str, Any], int]:
        from romnet.study import commands

        context = commands.open_study(study, results=results)
        states = commands.status(context)
        console.status(states)
        return states, 0

    _run(work, json=json)


@app.command()
def report(study: StudyPath = HERE, *, results: Results = None, json: Json = False) -> None:
    """Write one HTML page on the model and its answers."""

    def work(console: Console) -> tuple[dict[str, Any], int]:
        from romnet.study import commands, reporting

        context = commands.open_study(study, results=results)
        path = reporting.write_report(context)
        console.say(f"{path} is written; open it in a browser.")
        return {"report": str(path)}, 0

    _run(work, json=json)


@app.command()
def convert(  # noqa: PLR0913  (each is an option of the command line)
    results: Annotated[Path, typer.Argument(help="Result file of any known format.")],
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Of type .h5, .vtkhdf, .xdmf or .pvd.")
    ],
    mesh: Annotated[
        Path | None, typer.Option("--mesh", help="Mesh file, where the results hold none.")
    ] = None,
    unit: Annotated[
        list[str] | None, typer.Option("--unit", help="Such as length=mm; may be repeated.")
    ] = None,
    mirror: Annotated[
        str | None,
        typer.Option("--mirror", help="Plane of symmetry, such as y=1.5, to see them in."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    json: Json = False,
) -> None:
    """Write results to the store, or as VTKHDF, XDMF or VTU series."""

    def work(console: Console) -> tuple[dict[str, Any], int]:
        from romnet.study import converting

        units = converting.converted_units(unit or [])
        with console.progress() as observer:
            if observer is not None:
                observer.started(f"convert {results.name}")
            made = converting.convert(
                results,
                output,
                mesh=mesh,
                units=units or None,
                mirror=None if mirror is None else converting.plane_of(mirror),
                force=force,
                progress=None if observer is None else observer.progressed,
            )
        console.say(f"{made.path} is written: {made.n_times} instants of {', '.join(made.fields)}")
        return {
            "path": str(made.path),
            "files": [str(file) for file in made.files],
            "n_times": made.n_times,
            "fields": list(made.fields),
        }, 0

    _run(work, json=json)


@app.command()
def advise(study: StudyPath = HERE, *, results: Results = None, json: Json = False) -> None:
    """Say, from cheap simulations, whether local models will pay."""

    def work(console: Console) -> tuple[dict[str, Any], int]:
        from romnet.cli import advice as words
        from romnet.report.advice import advice_svg
        from romnet.study import commands

        context = commands.open_study(study, results=results, comm=console.comm, stop=console.stop)
        with console.progress() as observer:
            found = commands.advise(context, observer=observer)
        words.tell(console, found)
        picture = context.folder / "advice.svg"
        if context.comm.rank == 0:
            picture.write_bytes(advice_svg(found))
        console.say(f"{picture} shows it.")
        return words.answer(found), 0

    _run(work, json=json, stoppable=True)


@app.command()
def doctor(*, json: Json = False) -> None:
    """Look at Python, MPI, PETSc, threads and plug-ins of this machine."""

    def work(console: Console) -> tuple[dict[str, Any], int]:
        from romnet.cli.doctor import examine

        findings = examine()
        console.doctor(findings)
        healthy = all(finding.ok for finding in findings)
        return {"ok": healthy, "checks": [asdict(found) for found in findings]}, 0 if healthy else 2

    _run(work, json=json)


@app.callback(invoke_without_command=True)
def _version(
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No words and no progress; errors only.")
    ] = False,
    logs: Annotated[
        Path | None, typer.Option("--logs", help="Folder that gets one log for each rank.")
    ] = None,
) -> None:
    """Reduced-order models of nonlinear structures from the results you already have."""
    WISHES.set(Wishes(quiet=quiet, logs=logs))
    if version:
        import romnet

        typer.echo(romnet.__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
