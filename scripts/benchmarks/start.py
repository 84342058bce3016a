"""Time to import romnet and to print its help, as whole processes."""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path
from time import perf_counter

_RUNS = 7


def measure(_: Path | None) -> dict[str, object]:
    """Return median wall times [s]."""
    program = Path(sys.executable).with_name("romnet")
    commands = {
        "import_s": [sys.executable, "-c", "import romnet"],
        "help_s": [str(program), "--help"],
    }
    return {name: statistics.median(_times(command)) for name, command in commands.items()}


def _times(command: list[str]) -> list[float]:
    """Run a command several times."""
    times = []
    for _ in range(_RUNS):
        began = perf_counter()
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        times.append(perf_counter() - began)
    return times
