"""Runs of `romnet online` that the measurements of the online computation share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from cube import ROOT


def ask(study: Path, *, ranks: int, case: str | None = None) -> None:
    """Run `romnet online` on some ranks."""
    program = Path(sys.executable).with_name("romnet")
    chosen = [] if case is None else ["--case", case]
    done = subprocess.run(
        [ROOT / "scripts" / "mpi", str(ranks), program, "online", study, *chosen],
        check=False,
        capture_output=True,
        # As Python knows it: MPI, once started in this process, adds what another must not see.
        env=dict(os.environ),
        text=True,
        timeout=3600,
    )
    if done.returncode:
        message = f"romnet online {study} ended with {done.returncode}: {done.stdout}{done.stderr}"
        raise SystemExit(message)
