"""Artefacts that were damaged, exchanged or made by another version: refused, or read as they were.

What is read of a file is a hash of every value that the package's own readers return. A damaged
file must give that of the whole one, or a `StoreError` that names the file.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

import commands_run
import h5py
import integrity_commands
import numpy as np
from outcome import End, Outcome

from romnet.core.errors import StoreError
from romnet.fe.mesh import Mesh
from romnet.online.solve import ReducedSolution
from romnet.reduction.cubature import ReducedQuadrature
from romnet.reduction.model import ReducedModel
from romnet.store import artefact
from romnet.store.content_hash import sha256_of
from romnet.store.manifest import manifest_path, read_manifest, write_manifest
from romnet.store.modes import load_bases
from romnet.store.snapshots import SnapshotStore
from romnet.study.answers import Comparison

CLASSES = (Mesh, ReducedQuadrature, ReducedModel, ReducedSolution, Comparison)
ATTRIBUTES = tuple((n, v) for n in ("romnet_schema", "kind") for v in (None, 0, 2, "other"))
Damage = Callable[[bytes, np.random.Generator], bytes]


def run(folder: Path, *, short: bool, seed: int) -> Iterator[Outcome]:
    """Damage every artefact of a small study in every way, and ask the commands on damaged ones."""
    rng = np.random.default_rng(seed)
    commands_run.load()
    small = commands_run.small_study()
    first, second = folder / "first", folder / "second"
    small.computed(small.write_study(first, small.STUDY))
    other = small.changed(small.STUDY, materials__0__parameters__yield_stress=12.0)
    small.computed(small.write_study(second, other))
    count = 1 if short else 4
    for path in sorted((first / "results").rglob("*.h5")):
        twin = second / path.relative_to(first)
        yield from damaged_files(path, folder / "copy", count=count, rng=rng)
        yield from damaged_manifests(path, folder / "copy", count=count, rng=rng)
        yield exchanged(path, twin, folder / "copy")
        yield from rewritten(path, folder / "copy", count=2 if short else 20, rng=rng)
    yield from integrity_commands.damaged_studies(first, second, folder, short=short, rng=rng)
    yield from integrity_commands.two_runs(small, first, folder, count=3 if short else 12, rng=rng)


def damaged_files(
    path: Path, folder: Path, *, count: int, rng: np.random.Generator
) -> Iterator[Outcome]:
    """Damage the bytes of an artefact."""
    kinds: tuple[tuple[str, int, Damage], ...] = (
        ("truncated", 3 * count, truncated),
        ("bits flipped", 6 * count, flipped),
        ("block of zeros", 3 * count, zeroed),
    )
    for kind, times, damage in kinds:
        for _ in range(times):
            copy = copied(path, folder)
            copy.write_bytes(damage(path.read_bytes(), rng))
            yield judged(f"artefact: {kind}", path, copy)


def damaged_manifests(
    path: Path, folder: Path, *, count: int, rng: np.random.Generator
) -> Iterator[Outcome]:
    """Damage the manifest of an artefact."""
    for kind, damage in (("truncated", truncated), ("bits flipped", flipped), ("edited", edited)):
        for _ in range(2 * count):
            copy = copied(path, folder)
            described = manifest_path(copy)
            described.write_bytes(damage(described.read_bytes(), rng))
            yield judged(f"manifest: {kind}", path, copy)
    copy = copied(path, folder)
    manifest_path(copy).unlink()
    yield judged("manifest: removed", path, copy)


def exchanged(path: Path, twin: Path, folder: Path) -> Outcome:
    """Put the artefact of another study in its place."""
    copy = copied(path, folder)
    shutil.copy(twin, copy)
    if copy.read_bytes() == path.read_bytes():
        return Outcome("artefact: of another study", path.name, End.SURVIVED)
    return judged("artefact: of another study", path, copy)


def rewritten(
    path: Path, folder: Path, *, count: int, rng: np.random.Generator
) -> Iterator[Outcome]:
    """Change the structure of an artefact and give it a manifest that belongs to it."""
    for name, value in ATTRIBUTES:
        change = attribute(name, value)
        yield judged_change("attribute", f"{name} = {value}", path, folder, change)
    members = members_of(path)
    for number in rng.permutation(len(members))[:count]:
        name, text = members[number]
        yield judged_change("member removed", name, path, folder, removed(name))
        other = exchanged_by(name, 2.5 if text else "text")
        yield judged_change("member of other type", name, path, folder, other)
        yield judged_change("link to a file", name, path, folder, linked(name))


def members_of(path: Path) -> list[tuple[str, bool]]:
    """Return the names of all groups and datasets, and which of them are texts."""
    found = []

    def add_member(name: str, item: h5py.Group | h5py.Dataset) -> None:
        text = isinstance(item, h5py.Dataset) and h5py.check_string_dtype(item.dtype) is not None
        found.append((name, text))

    with h5py.File(path) as file:
        file.visititems(add_member)
    return found


def judged_change(
    kind: str, what: str, path: Path, folder: Path, change: Callable[[h5py.File], None]
) -> Outcome:
    """Change a copy of an artefact, mend its manifest and read it."""
    copy = copied(path, folder)
    manifest = read_manifest(copy)
    with h5py.File(copy, "a") as file:
        change(file)
    write_manifest(copy, replace(manifest, sha256=sha256_of(copy)))
    found = judged(f"rewritten: {kind}", path, copy)
    return replace(found, fault=f"{found.fault} {what}")


def attribute(name: str, value: object) -> Callable[[h5py.File], None]:
    """Return what sets an attribute of the file, or removes it."""

    def change(file: h5py.File) -> None:
        if value is None:
            del file.attrs[name]
        else:
            file.attrs[name] = value

    return change


def removed(name: str) -> Callable[[h5py.File], None]:
    """Return what removes a member."""

    def change(file: h5py.File) -> None:
        del file[name]

    return change


def exchanged_by(name: str, value: object) -> Callable[[h5py.File], None]:
    """Return what puts another value in the place of a member."""

    def change(file: h5py.File) -> None:
        del file[name]
        file[name] = value

    return change


def linked(name: str) -> Callable[[h5py.File], None]:
    """Return what puts a link to the same member of another file in its place."""
    return exchanged_by(name, h5py.ExternalLink("original.h5", f"/{name}"))


def judged(kind: str, path: Path, copy: Path) -> Outcome:
    """Read a copy and say how that ended."""
    fault = f"{path.parent.name}/{path.name}"
    try:
        found = values_of(copy), told(copy)
    except StoreError as problem:
        if copy.name in str(problem):
            return Outcome(kind, fault, End.REFUSED)
        return Outcome(kind, fault, End.WRONG, f"the file is not named: {problem}")
    except Exception as problem:  # noqa: BLE001  (anything else is a defect)
        return Outcome(kind, fault, End.WRONG, repr(problem))
    if found == (values_of(path), told(path)):
        return Outcome(kind, fault, End.SURVIVED)
    return Outcome(kind, fault, End.WRONG, "other values were read")


def told(path: Path) -> str:
    """Return what the manifest of a file says, but the hash of the file."""
    return repr(replace(read_manifest(path), sha256=""))


def values_of(path: Path) -> str:
    """Return a hash of everything that the package reads from an artefact."""
    digest = hashlib.sha256()
    kind = read_manifest(path).kind
    known = {cls.__name__: cls for cls in CLASSES}
    if kind == "snapshots":
        store = SnapshotStore.open(path)
        add(digest, (store.times, dict(store.parameters), repr(store.fields)))
        for name in store.fields:
            source = store.source(name)
            add(digest, source.rows(np.arange(source.n_rows)))
    elif kind == "bases":
        add(digest, load_bases(path))
    else:
        add(digest, artefact.load(path, known[kind]))
    return digest.hexdigest()


def add(digest: Any, value: Any) -> None:
    """Add a value of a dataclass, a container, an array or a number to a hash."""
    if is_dataclass(value) and not isinstance(value, type):
        for item in fields(value):
            add(digest, (item.name, getattr(value, item.name)))
    elif isinstance(value, dict):
        add(digest, tuple(value.items()))
    elif isinstance(value, tuple):
        digest.update(f"({len(value)}".encode())
        for item in value:
            add(digest, item)
    elif isinstance(value, np.ndarray):
        digest.update(f"{value.dtype}{value.shape}".encode() + value.tobytes())
    elif hasattr(value, "indptr"):
        add(digest, (value.data, value.indices, value.indptr, value.shape))
    elif value is None or isinstance(value, str | int | float | Enum):
        digest.update(repr(value).encode())
    else:
        message = f"values of class {type(value).__name__} are not hashed."
        raise TypeError(message)


def copied(path: Path, folder: Path) -> Path:
    """Copy an artefact and its manifest to a folder of nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copy(manifest_path(path), folder)
    shutil.copy(path, folder / "original.h5")
    return Path(shutil.copy(path, folder))


def truncated(content: bytes, rng: np.random.Generator) -> bytes:
    """Keep the beginning."""
    return content[: int(rng.integers(len(content)))]


def flipped(content: bytes, rng: np.random.Generator) -> bytes:
    """Flip one bit to eight."""
    changed = bytearray(content)
    for _ in range(int(rng.integers(1, 9))):
        changed[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def zeroed(content: bytes, rng: np.random.Generator) -> bytes:
    """Put zeros in the place of up to 4 KiB."""
    start = int(rng.integers(len(content)))
    length = min(int(rng.integers(1, 4097)), len(content) - start)
    return content[:start] + bytes(length) + content[start + length :]


def edited(content: bytes, rng: np.random.Generator) -> bytes:
    """Give one entry of a manifest another value, or remove it."""
    manifest = json.loads(content)
    name = list(manifest)[int(rng.integers(len(manifest)))]
    values: tuple[Any, ...] = ("", "other", 3, -1.5, None, [], {}, [1, 2], {"a": "b"}, True)
    choice = int(rng.integers(len(values) + 1))
    if choice == len(values):
        del manifest[name]
    else:
        manifest[name] = values[choice]
    return json.dumps(manifest).encode()
