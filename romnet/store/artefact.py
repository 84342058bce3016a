"""One HDF5 file for each result, whole or absent, with a JSON manifest beside it.

A file is written under a temporary name in its own folder, flushed to the disk and renamed, so
that a run killed half-way leaves nothing under the final name. Its root attributes say what it
is: ``romnet_schema``, ``kind``, ``key`` and ``units``. The manifest, ``<file>.json``, repeats the
key, records where the result came from, and holds the hash of the file and, as its seal, one of
itself. A file is opened only after its contents were compared with that hash, once in a process.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

import h5py
import numpy as np

from romnet.core.communicator import Communicator, SerialCommunicator, on_first, together
from romnet.core.errors import StoreError
from romnet.store import codec
from romnet.store.content_hash import sha256_of
from romnet.store.lock import holding, lock_path
from romnet.store.manifest import Manifest, manifest_path, read_manifest, write_manifest
from romnet.store.new_file import new_file
from romnet.store.replacing import flush_to_disk, remove_stale, replacing

T = TypeVar("T")
SCHEMA = 1
# What the files were whose contents this process has compared with their manifests.
_verified: dict[Path, tuple[int, ...]] = {}


def save(path: Path, value: object, manifest: Manifest | None = None) -> Manifest:
    """Write a dataclass as an artefact whose kind is the name of its class.

    Parameters
    ----------
    path
        Where the HDF5 file will appear; its folder is made when absent.
    value
        Instance of a dataclass that `romnet.store.codec` can write.
    manifest
        Provenance; kind and hash are filled here.

    Returns
    -------
    Manifest
        As it was written beside the file.

    Raises
    ------
    TypeError
        If `value` cannot be stored.
    StoreError
        If the disk refuses.

    Notes
    -----
    Collective: no; one rank calls it. Deterministic: yes. Replaces an older file at once.

    Examples
    --------
    >>> import tempfile
    >>> from romnet.fe.mesh import FaceSet
    >>> faces = FaceSet(np.array([4, 7]), np.array([0, 3]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = save(Path(folder) / "faces.h5", faces, Manifest(key="1f0c"))
    ...     load(Path(folder) / "faces.h5", FaceSet).cells.tolist(), made.kind
    ([4, 7], 'FaceSet')
    """
    given = manifest or Manifest()
    with writing(path, type(value).__name__, given) as file:
        codec.write(file, value)
    return read_manifest(path)


def load(path: Path, cls: type[T], *, only: Mapping[str, Collection[str]] | None = None) -> T:
    """Read the artefact that `save` wrote.

    Parameters
    ----------
    path
        HDF5 file.
    cls
        The dataclass that was saved.
    only
        Members to read of fields that are mappings; all of the others.

    Raises
    ------
    StoreError
        If the file is missing, truncated, of another kind or schema, or holds anything else than
        the annotated types; the message names the file and the dataset.

    Notes
    -----
    Collective: no; any number of ranks may read at the same time. Deterministic: yes.

    Examples
    --------
    >>> from romnet.fe.mesh import FaceSet
    >>> load(Path("absent.h5"), FaceSet)
    Traceback (most recent call last):
    romnet.core.errors.StoreError: absent.h5 does not exist.
    """
    with opened(path, cls.__name__) as file:
        return codec.read(file, cls, only=only)


@contextmanager
def writing(path: Path, kind: str, manifest: Manifest | None = None) -> Iterator[h5py.File]:
    """Open a new artefact for a streamed result; it appears when the block ends well.

    Parameters
    ----------
    path
        Where the HDF5 file will appear.
    kind
        What it holds, asked for again when it is read.
    manifest
        Provenance; kind and hash are filled here.

    Raises
    ------
    StoreError
        If the disk refuses. An error of the block itself is passed on, and no file appears.

    Notes
    -----
    Collective: no; one rank calls it. An older manifest is removed before the new file gets its
    name, so that a manifest never speaks of another file.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with writing(Path(folder) / "a.h5", "series") as file:
    ...         file["times"] = [0.0, 1.0]
    ...     sorted(found.name for found in Path(folder).iterdir())
    ['a.h5', 'a.h5.json']
    """
    with writing_together(path, kind, manifest, SerialCommunicator()) as file:
        yield cast("h5py.File", file)


@contextmanager
def writing_together(
    path: Path, kind: str, manifest: Manifest | None, comm: Communicator
) -> Iterator[h5py.File | None]:
    """Open a new artefact that rank 0 writes and all ranks hash; the others get None.

    Parameters
    ----------
    path, kind, manifest
        As in `writing`.
    comm
        The ranks; all of them must see the folder.

    Raises
    ------
    StoreError
        On all ranks, if the disk refuses.

    Notes
    -----
    Collective: yes. An error in the block must be raised on all ranks. The hash of what was written
    is shared among the ranks, while a thread of rank 0 waits for the disk: of a large file both
    take as long as writing it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "a.h5"
    ...     with writing_together(path, "series", None, SerialCommunicator()) as file:
    ...         file["times"] = [0.0, 1.0]
    ...     read_manifest(path).sha256 == sha256_of(path)
    True
    """
    given = replace(manifest or Manifest(), kind=kind)
    with on_first(replacing(path), comm) as temporary:
        with on_first(_new_file(path if temporary is None else temporary, given), comm) as file:
            yield file
        name = b"" if temporary is None else str(temporary).encode()
        named = Path(comm.concatenate(np.frombuffer(name, dtype=np.uint8)).tobytes().decode())
        with ThreadPoolExecutor(max_workers=1) as flusher:
            flushed = None if temporary is None else flusher.submit(flush_to_disk, temporary)
            full = replace(given, sha256=sha256_of(named, comm))
        with together(comm):
            if flushed is not None:
                flushed.result()
                manifest_path(path).unlink(missing_ok=True)
    with together(comm):
        if comm.rank == 0:
            write_manifest(path, full)
    with together(comm):
        _verified[path.absolute()] = _identity(path)


@contextmanager
def opened(path: Path, kind: str) -> Iterator[h5py.File]:
    """Open an artefact for reading, once its schema and kind are what is expected.

    Raises
    ------
    StoreError
        If the file is missing, truncated, not that of its manifest, no artefact, or of another kind
        or schema.

    Notes
    -----
    Collective: no. Cost: the first time in a process, and after any change, the whole file is read
    to compare its hash; `verify` shares that among ranks.

    Examples
    --------
    >>> with opened(Path("absent.h5"), "series") as file:
    ...     pass
    Traceback (most recent call last):
    romnet.core.errors.StoreError: absent.h5 does not exist.
    """
    if not path.is_file():
        message = f"{path} does not exist."
        raise StoreError(message)
    if not _is_verified(path):
        verify(path)
    try:
        file = h5py.File(path, "r")
    except OSError as problem:
        message = f"{path} is no complete HDF5 file ({problem}); compute it again."
        raise StoreError(message) from problem
    with file:
        with codec.reading(str(path)):
            _check_identity(path, file.attrs, kind)
        yield file


def verify(path: Path, comm: Communicator | None = None) -> None:
    """Check that an artefact is the file its manifest speaks of.

    Parameters
    ----------
    path
        HDF5 file.
    comm
        The ranks that share the work.

    Raises
    ------
    StoreError
        If the contents differ, or one of both is missing.

    Notes
    -----
    Collective: yes, if `comm` is given. Mutates nothing. Cost: reads the whole file.

    Examples
    --------
    >>> verify(Path("absent.h5"))
    Traceback (most recent call last):
    romnet.core.errors.StoreError: absent.h5 does not exist.
    """
    ranks = SerialCommunicator() if comm is None else comm
    expected = ""
    with together(ranks):
        if not path.is_file():
            message = f"{path} does not exist."
            raise StoreError(message)
        if not manifest_path(path).is_file():
            message = (
                f"{path} has no manifest beside it ({path.name}.json), so its contents cannot be "
                f"checked; copy it too, or remove the file and compute it again."
            )
            raise StoreError(message)
        expected, identity = read_manifest(path).sha256, _identity(path)
    try:
        found = sha256_of(path, ranks)
    except OSError as problem:
        message = f"{path} cannot be read ({problem})."
        raise StoreError(message) from problem
    if expected != found:
        message = (
            f"{path} is not the file of its manifest: sha256 {found[:12]}..., expected "
            f"{expected[:12]}...; it was changed or damaged after it was written. Remove it and "
            f"compute it again."
        )
        raise StoreError(message)
    _verified[path.absolute()] = identity


def verify_once(path: Path, comm: Communicator) -> None:
    """Check an artefact as `verify` does, unless every rank knows that it has not changed since.

    Raises
    ------
    StoreError
        On all ranks, if the contents differ, or one of both is missing.

    Notes
    -----
    Collective: yes.

    Examples
    --------
    >>> verify_once(Path("absent.h5"), SerialCommunicator())
    Traceback (most recent call last):
    romnet.core.errors.StoreError: absent.h5 does not exist.
    """
    if comm.max(float(not _is_verified(path))) > 0.0:
        verify(path, comm)


@contextmanager
def _new_file(path: Path, manifest: Manifest) -> Iterator[h5py.File]:
    """Open a new HDF5 file that says what it is."""
    with new_file(path, ordered=True) as file:
        file.attrs["romnet_schema"] = SCHEMA
        file.attrs["kind"] = manifest.kind
        file.attrs["key"] = manifest.key
        file.attrs["units"] = codec.canonical_json(dict(manifest.units))
        yield file


def _identity(path: Path) -> tuple[int, ...]:
    """Return what changes when a file does."""
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _is_verified(path: Path) -> bool:
    """Whether this process has compared the file as it is now with its manifest."""
    try:
        return _verified.get(path.absolute()) == _identity(path)
    except OSError:
        return False


def _check_identity(path: Path, attributes: Mapping[str, Any], kind: str) -> None:
    """Refuse what is no artefact, or another schema or kind."""
    if "romnet_schema" not in attributes or "kind" not in attributes:
        message = f"{path} is an HDF5 file, but no artefact of romnet."
        raise StoreError(message)
    schema, found = int(attributes["romnet_schema"]), str(attributes["kind"])
    if schema > SCHEMA:
        message = (
            f"{path} was written by a newer romnet (schema {schema}, this one reads {SCHEMA}); "
            f"upgrade romnet or compute it again."
        )
        raise StoreError(message)
    if schema < SCHEMA:
        message = (
            f"{path} was written by an older romnet (schema {schema}, this one reads {SCHEMA}); "
            f"compute it again."
        )
        raise StoreError(message)
    if found != kind:
        message = f"{path} holds {found}, expected {kind}."
        raise StoreError(message)


def remove_left(path: Path) -> None:
    """Remove what a run left that died just after it had finished an artefact.

    Notes
    -----
    Collective: no. What belongs to a run that may live stays, and so does what cannot be removed.

    Examples
    --------
    >>> remove_left(Path("absent.h5"))
    """
    with suppress(OSError, StoreError):
        for one in (path, manifest_path(path)):
            remove_stale(one)
        if lock_path(path).exists():
            with holding(path):
                pass
