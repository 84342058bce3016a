"""Jobs for Slurm: their scripts, and handing them in."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from romnet.core.errors import StudyError
from romnet.store.replacing import replacing
from romnet.study.jobs.planning import Job, megabytes, minutes

# Exit code of a run that stopped as asked, and how often a job may queue again.
STOPPED, RESTARTS = 75, 50
# Warning before the time limit, and what Open MPI's ranks get twice after a SIGTERM [s]: schedulers
# kill after thirty seconds, and it waits as long when ranks have left.
WARNING_S, GRACE_S = 300, 5
_OPTION = re.compile(r"--[a-z][a-z0-9-]*(=.*)?")
_SECONDS = 60


@dataclass(frozen=True)
class Site:
    """What jobs of this machine have in common.

    Attributes
    ----------
    program
        Words that start ``romnet``.
    launcher
        Words before ``-n RANKS`` that start several ranks.
    options
        Further options of ``sbatch``, such as ``--partition=long``.
    """

    program: tuple[str, ...]
    launcher: tuple[str, ...] = ("mpiexec",)
    options: tuple[str, ...] = ()


def job_script(job: Job, site: Site, *, study: Path, results: Path, name: str) -> str:
    """Return the batch script of a job.

    Parameters
    ----------
    job
        What to run, and with what.
    site
        How to run it here.
    study, results
        Study file and folder of results; logs go to ``jobs`` below the latter.
    name
        Of the study.

    Raises
    ------
    StudyError
        If an option of the site is none, or a path holds a line break.

    Notes
    -----
    Collective: no. Every word that comes from outside is quoted for the shell.

    Examples
    --------
    >>> from romnet.study.jobs.planning import Needs
    >>> job = Job("offline", ("offline",), Needs(2, 600.0, 2.0**30))
    >>> text = job_script(job, Site(("romnet",)), study=Path("a b/study.yaml"),
    ...     results=Path("r"), name="bar")
    >>> [line for line in text.splitlines() if line.startswith("command")]
    ["command=(mpiexec -n 2 romnet offline 'a b/study.yaml' --results r)"]
    """
    from jinja2 import Environment, StrictUndefined

    words = (*site.program, job.command[0], str(study), "--results", str(results))
    words += job.command[1:]
    if job.needs.ranks > 1:
        words = (*site.launcher, "-n", str(job.needs.ranks), *words)
    source = (files("romnet.study") / "templates" / "slurm.sh").read_text(encoding="utf-8")
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    return environment.from_string(source).render(
        options=[_directive(option) for option in _options(job, site, results, name)],
        tasks=shlex.join(job.tasks),
        command=shlex.join(words),
        stopped=STOPPED,
        restarts=RESTARTS,
        grace=GRACE_S,
    )


def write_scripts(
    jobs: Sequence[Job], site: Site, *, study: Path, results: Path, name: str
) -> dict[str, Path]:
    """Write the scripts of all jobs below the folder of results.

    Parameters
    ----------
    jobs
        What to run.
    site, study, results, name
        As for `job_script`.

    Returns
    -------
    dict
        Script of each job by its name.

    Raises
    ------
    StudyError
        As `job_script`.
    StoreError
        If the disk refuses.
    """
    folder = results / "jobs"
    scripts = {
        job.name: job_script(job, site, study=study, results=results, name=name) for job in jobs
    }
    paths: dict[str, Path] = {}
    for number, (job, text) in enumerate(scripts.items(), start=1):
        paths[job] = folder / f"{number}-{job}.sh"
        with replacing(paths[job]) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return paths


def submit(jobs: Sequence[Job], scripts: Mapping[str, Path]) -> dict[str, str]:
    """Hand jobs in, each after those it waits for.

    Parameters
    ----------
    jobs
        In an order in which they can run.
    scripts
        Script of each by its name.

    Returns
    -------
    dict
        Number that Slurm gave to each job.

    Raises
    ------
    StudyError
        If there is no ``sbatch``, or it refuses; the jobs handed in before are taken back.
    """
    numbers: dict[str, str] = {}
    for job in jobs:
        words = ["sbatch", "--parsable"]
        if job.after:
            waits = ":".join(numbers[name] for name in job.after)
            words += [f"--dependency=afterok:{waits}", "--kill-on-invalid-dep=yes"]
        try:
            numbers[job.name] = _told([*words, str(scripts[job.name])]).split(";")[0].strip()
        except StudyError:
            if numbers:
                _told(["scancel", *numbers.values()])
            raise
    return numbers


def _told(words: list[str]) -> str:
    """Run a command of Slurm and return what it says."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except FileNotFoundError as problem:
        message = f"there is no {words[0]} here; write the scripts with --dry-run."
        raise StudyError(message) from problem
    except subprocess.TimeoutExpired as problem:
        message = f"{words[0]} did not answer within {_SECONDS} s."
        raise StudyError(message) from problem
    if done.returncode:
        message = f"{words[0]} refused {words[-1]}: {done.stderr.strip()}"
        raise StudyError(message)
    return done.stdout


def _options(job: Job, site: Site, results: Path, name: str) -> list[str]:
    """List the options of sbatch; those of the site come last and win."""
    output = str(results / "jobs").replace("%", "%%")
    log = "%x-%A_%a.log" if job.tasks else "%x-%j.log"
    options = [
        f"--job-name={name}-{job.name}",
        f"--ntasks={job.needs.ranks}",
        "--cpus-per-task=1",
        f"--mem-per-cpu={megabytes(job.needs)}M",
        f"--time={minutes(job.needs)}",
        f"--output={output}/{log}",
        "--open-mode=append",
        "--requeue",
        f"--signal=B:USR1@{_lead(job)}",
    ]
    if job.tasks:
        options.append(f"--array=0-{len(job.tasks) - 1}")
    return [*options, *site.options]


def _lead(job: Job) -> int:
    """Return how long before the time limit a job is warned [s]."""
    return max(1, min(WARNING_S, 60 * minutes(job.needs) // 2))


def _directive(option: str) -> str:
    """Return an option as sbatch reads it from a script."""
    if _OPTION.fullmatch(option) is None:
        message = f"{option!r} is no option of sbatch; write it as --name=value."
        raise StudyError(message)
    return shlex.quote(option)
