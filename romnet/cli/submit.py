"""``romnet submit``: a study as jobs of a cluster."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from romnet.cli.console import Console
from romnet.cli.running import run as _run

_Study = Annotated[Path, typer.Argument(help="Study file, or the folder that holds it.")]


def submit(  # noqa: PLR0913  (each is an option of the command line)
    study: _Study = Path("study.yaml"),
    *,
    results: Annotated[
        Path | None,
        typer.Option("--results", help="Folder of results; results/ beside the study."),
    ] = None,
    ranks: Annotated[int | None, typer.Option(min=1, help="Ranks of each job.")] = None,
    minutes: Annotated[
        float | None, typer.Option("--time", min=1.0, help="Time limit of each job, in minutes.")
    ] = None,
    memory: Annotated[
        float | None, typer.Option(min=1.0, help="Memory of each rank, in MB.")
    ] = None,
    launcher: Annotated[
        str | None, typer.Option(help="What starts ranks, such as 'srun --mpi=pmix'.")
    ] = None,
    sbatch: Annotated[
        list[str] | None,
        typer.Option(help="Further option, such as --sbatch=--partition=long; may be repeated."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write the scripts and hand nothing in.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object only.")] = False,
) -> None:
    """Write Slurm jobs for what is not up to date, and hand them in."""

    def work(console: Console) -> tuple[dict[str, Any], int]:
        from romnet.study import commands
        from romnet.study.jobs import planning, slurm

        context = commands.open_study(study, results=results)
        planned = [
            planning.asked(job, ranks=ranks, minutes=minutes, memory=memory)
            for job in planning.planned_jobs(context)
        ]
        several = any(job.needs.ranks > 1 for job in planned)
        site = slurm.Site(
            program=(sys.executable, "-m", "romnet.cli.main"),
            launcher=_launcher(launcher, several=several),
            options=tuple(sbatch or ()),
        )
        scripts = slurm.write_scripts(
            planned,
            site,
            study=context.located.yaml.path.resolve(),
            results=context.folder.resolve(),
            name=context.located.study.name,
        )
        numbers = {} if dry_run else slurm.submit(planned, scripts)
        answer = [_row(job, scripts[job.name], numbers) for job in planned]
        for row in answer:
            console.say(_words(row))
        if not planned:
            console.say("Everything is up to date.")
        return {"jobs": answer}, 0

    _run(work, json=json)


def _launcher(given: str | None, *, several: bool) -> tuple[str, ...]:
    """Return the words that start ranks: those given, or the launcher of mpi4py's library."""
    from romnet.core.errors import PluginError
    from romnet.parallel.launcher import find_launcher

    if given is not None:
        return tuple(shlex.split(given))
    if not several:
        return ("mpiexec",)
    try:
        found = find_launcher()
    except ImportError as problem:
        message = f"several ranks need mpi4py ({problem}); ask for --ranks 1."
        raise PluginError(message) from problem
    if found.program is None:
        message = f"there is no mpiexec of {found.library}; give --launcher, or --ranks 1."
        raise PluginError(message)
    return (str(found.program),)


def _row(job: Any, script: Path, numbers: Mapping[str, str]) -> dict[str, Any]:  # noqa: ANN401
    """Return a job as plain values."""
    from romnet.study.jobs.planning import megabytes, minutes

    return {
        "name": job.name,
        "script": str(script),
        "id": numbers.get(job.name),
        "after": list(job.after),
        "tasks": list(job.tasks),
        "ranks": job.needs.ranks,
        "minutes": minutes(job.needs),
        "memory_mb": megabytes(job.needs),
    }


def _words(row: Mapping[str, Any]) -> str:
    """Say what becomes of a job."""
    many = f" x {len(row['tasks'])}" if row["tasks"] else ""
    text = (
        f"{row['name']}{many}: {row['ranks']} ranks, {row['minutes']} min, "
        f"{row['memory_mb']} MB a rank; "
    )
    if row["id"] is None:
        return text + f"{row['script']} is written"
    waits = f" after {', '.join(row['after'])}" if row["after"] else ""
    return text + f"job {row['id']}{waits}"
