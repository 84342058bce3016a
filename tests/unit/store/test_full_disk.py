"""A disk that takes no more is a store error, and ends neither this process nor a later one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# A limit on the size of files stands for the end of the disk: HDF5 meets both in a write.
WRITES = """
import resource, sys
from pathlib import Path
import numpy as np
from romnet.core.errors import StoreError
from romnet.store import artefact
from romnet.store.snapshots import FieldInfo, writing_snapshots
room = int(sys.argv[2])
path = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (room, -1))
try:
    with writing_snapshots(path, {"p": FieldInfo("point")}) as writer:
        for time in range(40):
            writer.append(float(time), {"p": np.full(256, 1.0 + time)})
except StoreError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
with writing_snapshots(path, {"p": FieldInfo("point")}) as writer:
    writer.append(0.0, {"p": np.ones(256)})
artefact.verify(path)
print("written")
"""


@pytest.mark.parametrize("room", [100, 3_000, 20_000, 60_000, 80_000, 84_000])
def test_a_write_without_room_is_a_store_error_and_the_next_one_succeeds(
    tmp_path: Path, room: int
) -> None:
    words = [sys.executable, "-c", WRITES, str(tmp_path / "a.h5"), str(room)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    refused, written = done.stdout.splitlines()
    assert "a.h5" in refused
    assert "File too large" in refused
    assert written == "written"
    assert sorted(found.name for found in tmp_path.iterdir()) == ["a.h5", "a.h5.json"]
