"""What became of one injected fault."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class End(StrEnum):
    """How a program may end after a fault; only the last is a defect."""

    SURVIVED = "survived"  # the right answer all the same, at once or on a rerun
    REFUSED = "refused"  # a clear error that names its cause, nothing lost
    WRONG = "wrong"  # a false answer, a traceback, a hang, or results lost


@dataclass(frozen=True, slots=True)
class Outcome:
    """One fault and its end; ``detail`` says for a wrong one what was seen."""

    kind: str
    fault: str
    end: End
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """Numbers of one kind of fault, or of all."""

    kind: str
    injected: int
    survived: int
    refused: int
    wrong: int


def row(kind: str, outcomes: Iterable[Outcome]) -> Row:
    """Count outcomes by their end."""
    ends = [outcome.end for outcome in outcomes]
    return Row(kind, len(ends), *(ends.count(end) for end in End))


def table(outcomes: Iterable[Outcome]) -> list[Row]:
    """Count outcomes by kind, in order of appearance, and all of them last."""
    by_kind: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_kind.setdefault(outcome.kind, []).append(outcome)
    rows = [row(kind, some) for kind, some in by_kind.items()]
    return [*rows, row("all", (one for some in by_kind.values() for one in some))]
