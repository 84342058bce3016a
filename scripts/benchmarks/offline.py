"""The reduced model of the cube: modes, points, errors, time of each stage."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from cube import study_in

from romnet.study import commands


def measure(_: Path | None) -> dict[str, object]:
    """Return the summary of the offline stage."""
    with TemporaryDirectory() as folder:
        context = commands.open_study(study_in(Path(folder), {}))
        summary = commands.offline(context)
    return asdict(summary) if summary is not None else {}
