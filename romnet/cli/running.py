"""How every command runs: on all ranks, its errors told once, and its exit code."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from romnet.cli.console import Console


@dataclass(frozen=True)
class Wishes:
    """What is said before the command and holds for any.

    Attributes
    ----------
    quiet
        No words and no progress, errors only.
    logs
        Folder of one log for each rank.
    """

    quiet: bool = False
    logs: Path | None = None


WISHES: ContextVar[Wishes | None] = ContextVar("WISHES", default=None)


def run(
    work: Callable[[Console], tuple[dict[str, Any], int]], *, json: bool, stoppable: bool = False
) -> None:
    """Run a command on all ranks, tell errors once, and leave with its exit code.

    Parameters
    ----------
    work
        Returns what the command answers, and its exit code.
    json
        Whether stdout carries the answer as one JSON object.
    stoppable
        Whether signals are taken as the wish to stop at a safe point, which `work` must look at;
        they end any other command at once.

    Raises
    ------
    Exit
        Always: this is how typer ends a command.
    """
    from romnet.cli.console import exit_code_of
    from romnet.cli.logs import logging_to
    from romnet.cli.signals import listening
    from romnet.core.errors import RomnetError
    from romnet.parallel.mpi import world

    wishes, comm = WISHES.get() or Wishes(), world()
    with listening() if stoppable else nullcontext() as stop, logging_to(wishes.logs, comm):
        console = Console(comm, as_json=json, quiet=wishes.quiet, stop=stop)
        try:
            answer, code = work(console)
        except RomnetError as problem:
            code = exit_code_of(problem)
            console.fail(problem, code)
        except KeyboardInterrupt:
            console.note("interrupted; what was finished is kept.")
            code = 130
        except Exception:
            console.end_others()  # a mistake in romnet: they would wait for this rank
            raise
        else:
            console.answer(answer)
    raise typer.Exit(code)
