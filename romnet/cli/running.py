"""How every command runs: on all ranks, its errors told once, and its exit code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from romnet.cli.console import Console


def run(work: Callable[[Console], tuple[dict[str, Any], int]], *, json: bool) -> None:
    """Run a command on all ranks, tell errors once, and leave with its exit code.

    Parameters
    ----------
    work
        Returns what the command answers, and its exit code.
    json
        Whether stdout carries the answer as one JSON object.

    Raises
    ------
    Exit
        Always: this is how typer ends a command.
    """
    from romnet.cli.console import exit_code_of
    from romnet.core.errors import RomnetError
    from romnet.parallel.mpi import world

    console = Console(world(), as_json=json)
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
