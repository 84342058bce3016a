"""One HDF5 file for each result, whole or absent, with a JSON manifest beside it.

A file is written under a temporary name in its own folder, flushed to the disk and renamed, so
that a run killed half-way leaves nothing under the final name. Its root attributes say what it
is: ``romnet_schema``, ``kind``, ``key`` and ``units``. The manifest, ``<file>.json``, repeats the
key, records where the result came from, and holds the hash of the file and, as its seal, one of
itself. A file is opened only after its contents were compared with that hash, once in a process.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import socket
import time
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields, replace
from io import FileIO
from pathlib import Path
from typing import Any, TypeVar, cast

import h5py
import numpy as np

import romnet
from romnet.core.communicator import Communicator, SerialCommunicator, on_first, together
from romnet.core.errors import StoreError
from romnet.store import codec
from romnet.store.lock import holding, is_alive, lock_path
from romnet.store.new_file import new_file

T = TypeVar("T")
SCHEMA = 1
STALE_AFTER_S = 24 * 3600.0
HASHED_BYTES = 2**26
_READ_BYTES = 2**20
# What the files were whose contents this process has compared with their manifests.
_verified: dict[Path, tuple[int, ...]] = {}
logger = logging.getLogger(__name__)


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
            flushed = None if temporary is None else flusher.submit(_flush_to_disk, temporary)
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


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`, renamed to it when the block ends well.

    Notes
    -----
    Temporaries of dead runs for the same target are removed first: those of this machine whose
    process is gone, and those of other machines untouched for a day.

    Raises
    ------
    StoreError
        If the folder or the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(Path(folder) / "a.txt") as temporary:
    ...         _ = temporary.write_text("whole")
    ...         before = (Path(folder) / "a.txt").exists()
    ...     before, (Path(folder) / "a.txt").read_text()
    (False, 'whole')
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(path)
    except OSError as problem:
        message = f"{path.parent} cannot be written ({problem})."
        raise StoreError(message) from problem
    temporary = path.with_name(f"{path.name}.tmp-{socket.gethostname()}-{os.getpid()}")
    try:
        yield temporary
        _flush_to_disk(temporary)
        temporary.replace(path)
        _flush_to_disk(path.parent)
    except OSError as problem:
        message = f"{path} was not written ({problem})."
        raise StoreError(message) from problem
    finally:
        with suppress(OSError):  # where nothing can be written, nothing can be removed
            temporary.unlink(missing_ok=True)


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


def sha256_of(path: Path, comm: Communicator | None = None) -> str:
    """Return the content hash of a file, read in blocks.

    Parameters
    ----------
    path
        Any file.
    comm
        The ranks that share the work.

    Returns
    -------
    str
        SHA-256 of a file of at most 64 MiB; of a larger one, that of the hashes of its parts of
        64 MiB, so that any number of ranks can make it.

    Raises
    ------
    OSError
        If the file cannot be read, or became shorter meanwhile.

    Notes
    -----
    Collective: yes, if `comm` is given. Deterministic: yes, for any number of ranks.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as empty:
    ...     sha256_of(Path(empty.name))[:8]
    'e3b0c442'
    """
    ranks = SerialCommunicator() if comm is None else comm
    parts = b""
    with together(ranks):
        n_parts = max(1, -(-path.stat().st_size // HASHED_BYTES))
        first, stop = (n_parts * number // ranks.size for number in (ranks.rank, ranks.rank + 1))
        with path.open("rb", buffering=0) as file:
            parts = b"".join(_hash_of_part(file, number) for number in range(first, stop))
    hashes = ranks.concatenate(np.frombuffer(parts, dtype=np.uint8)).tobytes()
    return hashes.hex() if n_parts == 1 else hashlib.sha256(hashes).hexdigest()


def _hash_of_part(file: FileIO, number: int) -> bytes:
    """Return the SHA-256 of one part of a file."""
    digest = hashlib.sha256()
    file.seek(number * HASHED_BYTES)
    left = HASHED_BYTES
    buffer = memoryview(bytearray(_READ_BYTES))
    while left and (count := file.readinto(buffer[:left])):
        digest.update(buffer[:count])
        left -= count
    return digest.digest()


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


def _seal(content: Mapping[str, Any]) -> str:
    """Return the hash of what a manifest says."""
    said = {name: value for name, value in content.items() if name != "seal"}
    return hashlib.sha256(codec.canonical_json(said).encode()).hexdigest()


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


def _flush_to_disk(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
            _remove_stale(one)
        if lock_path(path).exists():
            with holding(path):
                pass


def _remove_stale(path: Path) -> None:
    """Remove temporaries that dead runs left for this target."""
    prefix = f"{path.name}.tmp-"
    for found in path.parent.iterdir():
        if not found.name.startswith(prefix):
            continue
        host, _, process = found.name.removeprefix(prefix).rpartition("-")
        if host == socket.gethostname():
            stale = not process.isdigit() or not is_alive(int(process))
        else:
            stale = time.time() - found.stat().st_mtime > STALE_AFTER_S
        if stale:
            logger.info("removing %s, left by a run that ended", found)
            found.unlink(missing_ok=True)
