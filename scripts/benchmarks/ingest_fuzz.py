"""Readers on thousands of damaged files, in a process whose memory is bounded."""

from __future__ import annotations

import json
import logging
import resource
import subprocess
import sys
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

from loading import load_test_file

CASES = 10_000
_EXTRA_MEMORY = 1 << 30


def measure(cases: int = CASES) -> dict[str, object]:
    """Return how many damaged files were read, and what was no `ConversionError`, by format."""
    done = subprocess.run(
        [sys.executable, __file__, str(cases)], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    return {
        "fuzz_cases": sum(part["cases"] for part in found.values()),
        "fuzz_failures": sum(len(part["failures"]) for part in found.values()),
        "fuzz": {
            name: {"cases": part["cases"], "failures": len(part["failures"])}
            for name, part in found.items()
        },
        "fuzz_first_failures": [text for part in found.values() for text in part["failures"][:3]],
    }


def _run(cases: int) -> dict[str, object]:
    """Read damaged copies of a good file of each format."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("error")
    mutated, seeds = load_test_file("mutated"), load_test_file("seeds")
    with TemporaryDirectory() as folder:
        good = seeds.all_seeds(Path(folder))
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + _EXTRA_MEMORY, -1))
        found = {}
        for number, (name, seed) in enumerate(good.items()):
            place = Path(folder) / f"damaged_{name}"
            place.mkdir()
            failures = mutated.failures(
                seed.files, seed.read, place, main=seed.main, cases=cases, seed=number
            )
            found[name] = {"cases": cases, "failures": list(failures)}
    return found


if __name__ == "__main__":
    print(json.dumps(_run(int(sys.argv[1]))))
