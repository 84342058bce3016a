"""The hash of what a file holds, made by any number of ranks together."""

from __future__ import annotations

import hashlib
from io import FileIO
from pathlib import Path

import numpy as np

from romnet.core.communicator import Communicator, SerialCommunicator, together

HASHED_BYTES = 2**26
_READ_BYTES = 2**20


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
