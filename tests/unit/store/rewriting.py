"""Artefacts changed as by a program that keeps their manifests up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import h5py

from romnet.store.content_hash import sha256_of
from romnet.store.manifest import Manifest, read_manifest, write_manifest


@contextmanager
def rewritten(path: Path) -> Iterator[h5py.File]:
    """Open an artefact for a change of what is in it; its manifest gets the new hash."""
    manifest = read_manifest(path)
    with h5py.File(path, "a") as file:
        yield file
    resealed(path, manifest)


def resealed(path: Path, manifest: Manifest | None = None) -> None:
    """Give an artefact the manifest that belongs to its contents."""
    known = manifest or read_manifest(path)
    write_manifest(path, replace(known, sha256=sha256_of(path)))
