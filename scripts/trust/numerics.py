"""Degenerate snapshots and loads, laws that fail, singular models, and long runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import degenerate
import failing_laws
import long_runs
from outcome import Outcome


def run(folder: Path, *, short: bool, seed: int) -> Iterator[Outcome]:
    """Spoil snapshots, loads, modes and laws; then march many steps."""
    yield from degenerate.run(folder / "degenerate", short=short, seed=seed)
    yield from failing_laws.run(folder / "laws", short=short)
    yield from long_runs.run(folder / "long", steps=500 if short else 10_000)
