"""Readers on thousands of damaged files, in processes whose memory is bounded."""

from __future__ import annotations

import logging
import resource
import warnings
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from loading import load_test_file

# Files of each format; those of Ansys are read by foreign code, which bounds its own memory.
_OWN, _FOREIGN = 10_000, 1_000
FORMATS: dict[str, int] = {
    **dict.fromkeys(("inp", "frd", "frd_binary", "dat", "geof", "zset", "zset_deck"), _OWN),
    **dict.fromkeys(("cdb", "rst"), _FOREIGN),
}
_EXTRA_MEMORY = 1 << 30


def measure(name: str) -> dict[str, object]:
    """Read damaged copies of a good file; return how many, and what was no `ConversionError`."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("error")
    mutated, seeds = load_test_file("mutated"), load_test_file("seeds")
    cases = FORMATS[name]
    with TemporaryDirectory() as folder:
        foreign = cases == _FOREIGN
        seed = (seeds.ansys_seeds() if foreign else seeds.all_seeds(Path(folder)))[name]
        if not foreign:
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + _EXTRA_MEMORY, -1))
        place = Path(folder) / "damaged"
        place.mkdir()
        failures = mutated.failures(
            seed.files,
            seed.read,
            place,
            main=seed.main,
            cases=cases,
            seed=list(FORMATS).index(name),
        )
        return {"cases": cases, "failures": list(failures)}


def summary(found: Mapping[str, Mapping[str, Any]]) -> dict[str, object]:
    """Put the formats together."""
    return {
        "fuzz_cases": sum(part["cases"] for part in found.values()),
        "fuzz_failures": sum(len(part["failures"]) for part in found.values()),
        "fuzz": {
            name: {"cases": part["cases"], "failures": len(part["failures"])}
            for name, part in found.items()
        },
        "fuzz_first_failures": [text for part in found.values() for text in part["failures"][:3]],
    }
