"""One step of the work, and everything that its result depends on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from romnet.store.manifest import Manifest
from romnet.study.context import Context

Action = Callable[[Context, "Stage", Manifest], None]


@dataclass(frozen=True)
class Stage:
    """One step of the work, and everything that its result depends on.

    Attributes
    ----------
    name
        ``"pod"``, ``"replay[cycle1]"``, ...
    path
        Its artefact, in the folder of results.
    action
        What it does.
    version
        Raised when the same inputs give another result.
    parameters
        The values of the study that it depends on, by their dotted place.
    inputs
        Names of the stages whose artefacts it reads.
    files
        Foreign files that it reads, by a name that does not depend on where they lie.
    case
        The training or online case it belongs to.
    offline
        Whether it is needed before any question can be asked.
    citations
        Keys of the publications behind it.
    """

    name: str
    path: Path
    action: Action
    version: int = 1
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    files: Mapping[str, Path] = field(default_factory=dict)
    case: str = ""
    offline: bool = True
    citations: tuple[str, ...] = ()
