"""Studies and meshes that make no sense: refused before anything is computed, in clear words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import implausible
import spoiled_meshes
import study_fuzz
from outcome import Outcome

STUDIES, STUDIES_SHORT = 10_000, 200
COMMANDS, COMMANDS_SHORT = 30, 3


def run(folder: Path, *, short: bool, seed: int) -> Iterator[Outcome]:
    """Mutate studies, spoil meshes, and give numbers in the wrong unit."""
    yield from spoiled_meshes.run(folder / "meshes")
    yield from implausible.run(folder / "plausibility")
    count = COMMANDS_SHORT if short else COMMANDS
    yield from study_fuzz.run_commands(folder / "commands", count=count, seed=seed + 1)
    yield from study_fuzz.run(folder, count=STUDIES_SHORT if short else STUDIES, seed=seed)
