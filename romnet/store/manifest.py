"""The manifest beside an artefact: where it came from, what it cost, and the hash of its file."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import romnet
from romnet.core.errors import StoreError
from romnet.store import codec
from romnet.store.replacing import replacing


def versions() -> dict[str, str]:
    """Return the versions that a result depends on.

    Examples
    --------
    >>> sorted(versions())
    ['h5py', 'numpy', 'python', 'romnet']
    """
    return {
        "romnet": romnet.__version__,
        "numpy": np.__version__,
        "h5py": h5py.__version__,
        "python": platform.python_version(),
    }


@dataclass(frozen=True)
class Manifest:
    """Where a result came from and what it cost.

    Attributes
    ----------
    key
        Name of the result in the cache: a hash of everything it depends on.
    kind
        What the file holds; filled when it is written.
    inputs
        Keys, or content hashes, of what it was computed from, by name.
    parameters
        Parameters that were declared for it; anything that JSON can say.
    units
        The study's own consistent set, such as ``{"length": "mm", "force": "N"}``.
    versions
        Of romnet and of what it stands on.
    counts
        What there was to do, such as ``{"increments": 12}``.
    ranks
        Number of ranks that computed it.
    wall_s, cpu_s
        Wall-clock time, and processor time summed over the ranks [s].
    peak_memory_mb
        Largest resident memory of the run so far, summed over the ranks [MB].
    rank_memory_mb, rank_wall_s
        The same and the wall time of each rank [MB], [s].
    citations
        Keys of the publications to cite.
    sha256
        Content hash of the HDF5 file (`sha256_of`); filled when it is written.

    Examples
    --------
    >>> Manifest(key="1f0c", parameters={"tolerance": 1e-5}).ranks
    1
    """

    key: str = ""
    kind: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=versions)
    counts: Mapping[str, int] = field(default_factory=dict)
    ranks: int = 1
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_memory_mb: float = 0.0
    rank_memory_mb: tuple[float, ...] = ()
    rank_wall_s: tuple[float, ...] = ()
    citations: tuple[str, ...] = ()
    sha256: str = ""


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write the manifest beside an artefact, whole or not at all.

    Raises
    ------
    StoreError
        If the disk refuses.
    """
    content = json.loads(json.dumps(asdict(manifest)))
    content["seal"] = _seal(content)
    with replacing(manifest_path(path)) as temporary:
        temporary.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


def manifest_path(path: Path) -> Path:
    """Return where the manifest of an artefact is.

    Examples
    --------
    >>> manifest_path(Path("runs/pod.h5")).name
    'pod.h5.json'
    """
    return path.with_name(f"{path.name}.json")


def read_manifest(path: Path) -> Manifest:
    """Read the manifest beside an artefact.

    Parameters
    ----------
    path
        The HDF5 file, not the manifest itself.

    Raises
    ------
    StoreError
        If it is missing, damaged or no manifest.

    Examples
    --------
    >>> read_manifest(Path("absent.h5"))
    Traceback (most recent call last):
    romnet.core.errors.StoreError: absent.h5.json does not exist.
    """
    described = manifest_path(path)
    if not described.is_file():
        message = f"{described} does not exist."
        raise StoreError(message)
    try:
        content = json.loads(described.read_text(encoding="utf-8"))
        if content.get("seal", _seal(content)) != _seal(content):  # none before there were seals
            message = "it was changed or damaged after it was written"
            raise ValueError(message)  # noqa: TRY301  (told as all others)
        known = {item.name for item in fields(Manifest)}
        content = {name: value for name, value in content.items() if name in known}
        lists = ("citations", "rank_memory_mb", "rank_wall_s")
        return Manifest(**{**content, **{name: tuple(content.get(name, ())) for name in lists}})
    except (ValueError, TypeError, AttributeError) as problem:
        message = f"{described} is no manifest ({problem})."
        raise StoreError(message) from problem


def _seal(content: Mapping[str, Any]) -> str:
    """Return the hash of what a manifest says."""
    said = {name: value for name, value in content.items() if name != "seal"}
    return hashlib.sha256(codec.canonical_json(said).encode()).hexdigest()
