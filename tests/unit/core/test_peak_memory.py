"""A process tells its own memory, not that of the one that started it."""

from __future__ import annotations

import subprocess
import sys

from romnet.core.peak_memory import peak_memory

HELD = 200_000_000


def test_a_process_does_not_inherit_the_memory_of_the_one_that_started_it():
    held = b"x" * HELD
    assert peak_memory() > HELD
    words = "from romnet.core.peak_memory import peak_memory; print(peak_memory())"
    told = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert 1e6 < float(told.stdout) < len(held)
