"""Files that rank 0 writes and all ranks hash are those that one rank makes."""

from __future__ import annotations

import numpy as np
import pytest

from romnet.core.errors import RomnetError
from romnet.store import artefact, content_hash
from romnet.store.content_hash import sha256_of
from romnet.store.manifest import Manifest, read_manifest


@pytest.mark.parametrize("size", [0, 100, 100_000])
def test_the_hash_does_not_depend_on_the_ranks(comm, shared_folder, monkeypatch, size):
    monkeypatch.setattr(content_hash, "HASHED_BYTES", 4096)
    path = shared_folder / f"of {size}.h5"
    with artefact.writing_together(path, "series", Manifest(key="1f"), comm) as file:
        assert (file is None) == (comm.rank > 0)
        if file is not None:
            file["values"] = np.arange(size)
    found = read_manifest(path)
    assert (found.key, found.kind) == ("1f", "series")
    assert found.sha256 == sha256_of(path) == sha256_of(path, comm)
    artefact.verify(path)


def test_all_ranks_hear_that_a_file_cannot_be_hashed(comm, shared_folder):
    with pytest.raises((RomnetError, OSError)):
        sha256_of(shared_folder / "absent.h5", comm)
