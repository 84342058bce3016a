"""What `check` says of a study, and what happens to those who compute all the same."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from judging import tried
from outcome import End, Outcome

from romnet.core.errors import RomnetError
from romnet.study import commands
from romnet.study.checks.checking import check
from romnet.study.runner import run


def looked(
    kind: str,
    fault: str,
    asked: Callable[[], tuple[Path, str, bool]],
    *,
    stage: str = "snapshots[one]",
) -> Outcome:
    """Look at a study, which must be met with some words, and refused or computed after them.

    `asked` returns the study, the words, and whether to refuse it; `stage` is what is computed.
    """
    found = tried(kind, fault, lambda: _fault(*asked(), stage))
    refused = found.detail == _REFUSED
    return Outcome(kind, fault, End.REFUSED) if refused else found


_REFUSED = "refused, and nothing is left"


def _fault(path: Path, says: str, refused: bool, stage: str) -> str:  # noqa: FBT001  (of a table)
    """Say what is wrong with what is said, and done."""
    report = check(path)
    told = "\n".join(report.messages)
    if not re.search(says, told):
        return f"is not told: {told[-400:]}"
    if report.ok == refused:
        return f"must{'' if refused else ' not'} be an error: {told[-300:]}"
    try:
        run(commands.open_study(path), [stage])
    except RomnetError as problem:
        if not refused and not re.search(says, "\n".join(report.warnings)):
            return f"nothing stood in the way, but: {problem}"
        made = list((path.parent / "results").rglob(f"{stage.partition('[')[0]}/*.h5*"))
        return _REFUSED if not made else f"refused, but {made[0].name} is there"
    return "computes what check refuses" if refused else ""
