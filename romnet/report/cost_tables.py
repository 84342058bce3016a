"""Tables of the page: costs, and the data that the model learned from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from romnet.report.cost_values import KINDS, Ledger, StageFacts
from romnet.report.data_values import DataFacts
from romnet.report.tables import Table, table

_STEPS = 8  # rows up to twice the break-even


def stages_table(stages: Sequence[StageFacts]) -> Table:
    """Return what every stage cost."""
    rows = ((s.name, s.state, s.seconds, s.cpu_seconds, s.peak_mb, s.ranks) for s in stages)
    columns = ["stage", "state", "wall time [s]", "CPU time [s]", "peak memory [MB]", "ranks"]
    return table(columns, rows)


def keys_table(stages: Sequence[StageFacts]) -> Table:
    """Return the key of every artefact."""
    return table(["stage", "key"], ((stage.name, stage.key or None) for stage in stages))


def ledger_table(stages: Sequence[StageFacts]) -> Table:
    """Return what the stages of each kind took together.

    Examples
    --------
    >>> stages = [StageFacts("snapshots[a]", 3.0, 90.0, "fresh", kind="training", cpu_seconds=5.0),
    ...     StageFacts("pod", 1.0, 80.0, "fresh", cpu_seconds=1.5),
    ...     StageFacts("cubature", 2.0, 85.0, "fresh", cpu_seconds=2.0)]
    >>> ledger_table(stages).rows[1]
    ('building and testing the model', '2', '3', '3.5', '85')
    """
    return table(
        ["what for", "stages", "wall time [s]", "CPU time [s]", "largest memory [MB]"],
        _ledger_rows(stages),
    )


def _ledger_rows(stages: Sequence[StageFacts]) -> Iterator[list[object]]:
    """Yield one row for each kind of stage that ran."""
    for kind, words in KINDS.items():
        ran = [stage for stage in stages if stage.kind == kind and stage.state != "missing"]
        if not ran:
            continue
        used = [stage.cpu_seconds for stage in ran if stage.cpu_seconds is not None]
        yield [
            words,
            len(ran),
            sum(stage.seconds for stage in ran),
            sum(used) if len(used) == len(ran) else None,
            max(stage.peak_mb for stage in ran),
        ]


def saving_table(ledger: Ledger) -> Table:
    """Return what a question costs with and without the model."""
    return table(
        ["a question", "wall time [s]", "speed-up"],
        [
            ("simulated in full", ledger.in_full, None),
            ("asked, increments alone", ledger.answered, ledger.step_speedup),
            ("asked, with reading, reducing and fields", ledger.asked, ledger.speedup),
        ],
    )


def break_even_table(ledger: Ledger) -> Table:
    """Return what numbers of questions cost with and without the model; nothing if unknown.

    Examples
    --------
    >>> break_even_table(Ledger(made=20.0, in_full=10.0, asked=1.0, answered=0.1)).rows[3]
    ('3', '30', '23')
    """
    rows: list[tuple[int, float, float]] = []
    even, full, asked = ledger.break_even, ledger.in_full, ledger.asked
    if even is not None and full is not None and asked is not None:
        last = 2 * even
        numbers = {*np.linspace(0, last, min(_STEPS, last) + 1).round().astype(int).tolist(), even}
        rows = [(n, n * full, ledger.made + n * asked) for n in sorted(numbers)]
    return table(["questions", "in full [s]", "with the model [s]"], rows)


def data_table(learned: Sequence[DataFacts], temperature_unit: str) -> Table:
    """Return one row for each training simulation."""
    unit = f" [{temperature_unit}]" if temperature_unit else ""
    columns = [
        "simulation",
        "from",
        "instants",
        "digits",
        "noise of strains [-]",
        "zero",
        "repeated",
        "motion of supports [-]",
        f"temperatures{unit}",
        f"tables of laws{unit}",
    ]
    rows = (
        (
            one.name,
            one.source,
            one.instants,
            one.digits,
            one.noise,
            one.zero,
            one.repeated,
            one.moved,
            _span(one.temperatures),
            _span(one.tables),
        )
        for one in learned
    )
    return table(columns, rows)


def _span(ends: tuple[float, float] | None) -> str | None:
    """Write a range; nothing if there is none."""
    if ends is None or not np.isfinite(ends).all():
        return None
    return f"{ends[0]:.4g} to {ends[1]:.4g}"
