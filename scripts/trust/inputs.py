"""Studies and meshes that make no sense: refused before anything is computed, in clear words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import study_fuzz
from outcome import Outcome

STUDIES, STUDIES_SHORT = 10_000, 200


def run(folder: Path, *, short: bool, seed: int) -> Iterator[Outcome]:
    """Mutate studies, spoil meshes, and give numbers in the wrong unit."""
    yield from study_fuzz.run(folder, count=STUDIES_SHORT if short else STUDIES, seed=seed)
