"""An artefact is whole, or it is not there."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.errors import StoreError
from romnet.store import artefact, content_hash
from romnet.store.content_hash import sha256_of
from romnet.store.manifest import Manifest, manifest_path, read_manifest
from tests.unit.store.rewriting import rewritten


@dataclass(frozen=True)
class Weights:
    values: Float[Array, " n"]


@dataclass(frozen=True)
class Other:
    values: Float[Array, " n"]


WEIGHTS = Weights(np.linspace(0.0, 1.0, 5000))


def test_artefact_and_manifest_come_back(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "weights.h5"
    given = Manifest(
        key="1f0c",
        inputs={"mesh": "77"},
        parameters={"tolerance": 1e-5, "modes": [1, 2]},
        units={"length": "mm"},
        ranks=4,
        wall_s=1.5,
        peak_memory_mb=12.0,
        citations=("Hernandez2017",),
    )
    made = artefact.save(path, WEIGHTS, given)
    np.testing.assert_array_equal(artefact.load(path, Weights).values, WEIGHTS.values)
    assert made == read_manifest(path)
    assert (made.key, made.kind, made.inputs) == ("1f0c", "Weights", {"mesh": "77"})
    assert made.parameters == given.parameters
    assert made.citations == ("Hernandez2017",)
    assert set(made.versions) == {"romnet", "numpy", "h5py", "python"}
    with h5py.File(path) as file:
        assert dict(file.attrs) == {
            "romnet_schema": artefact.SCHEMA,
            "kind": "Weights",
            "key": "1f0c",
            "units": '{"length":"mm"}',
        }
    assert json.loads((path.parent / "weights.h5.json").read_text())["ranks"] == 4
    artefact.verify(path)


def test_another_file_than_that_of_the_manifest_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    artefact.save(path, WEIGHTS)
    with h5py.File(path, "a") as file:
        file["values"][0] = 9.0
    for read in (artefact.verify, lambda path: artefact.load(path, Weights)):
        with pytest.raises(StoreError, match=r"weights\.h5 is not the file of its manifest"):
            read(path)


def test_a_file_without_manifest_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    artefact.save(tmp_path / "a.h5", WEIGHTS)
    (tmp_path / "a.h5").rename(path)
    with pytest.raises(StoreError, match=r"weights\.h5 has no manifest beside it .*copy it too"):
        artefact.load(path, Weights)


def test_contents_are_compared_once_and_again_after_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights.h5"
    artefact.save(path, WEIGHTS)
    read: list[Path] = []
    monkeypatch.setattr(artefact, "verify", read.append)
    artefact.load(path, Weights)  # known since it was written
    assert read == []
    copied = path.read_bytes()
    path.unlink()
    path.write_bytes(copied)
    artefact.load(path, Weights)
    assert read == [path]


def test_a_manifest_that_was_edited_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    artefact.save(path, WEIGHTS, Manifest(key="1f0c", wall_s=1.5))
    described = manifest_path(path)
    text = described.read_text()
    described.write_text(text.replace("1.5", "2.5"))
    with pytest.raises(StoreError, match=r"weights\.h5\.json is no manifest \(it was changed"):
        read_manifest(path)
    # Those of earlier versions have no seal.
    content = {name: value for name, value in json.loads(text).items() if name != "seal"}
    described.write_text(json.dumps(content))
    assert read_manifest(path).wall_s == 1.5
    np.testing.assert_array_equal(artefact.load(path, Weights).values, WEIGHTS.values)


def test_a_failing_block_leaves_the_older_artefact_and_no_temporary(tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    artefact.save(path, WEIGHTS)
    before = path.read_bytes()

    def fail_half_way() -> None:
        with artefact.writing(path, "Weights") as file:
            file["values"] = np.zeros(3)
            message = "stopped"
            raise RuntimeError(message)

    with pytest.raises(RuntimeError, match="stopped"):
        fail_half_way()
    assert path.read_bytes() == before
    assert sorted(found.name for found in tmp_path.iterdir()) == ["weights.h5", "weights.h5.json"]
    artefact.verify(path)


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from romnet.store import artefact
with artefact.writing(Path(sys.argv[1]), "Weights") as file:
    file["values"] = np.zeros(1000)
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_write_leaves_nothing_under_the_name_and_is_cleaned_later(tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    run = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert run.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith("weights.h5.tmp-")
    with pytest.raises(StoreError, match="does not exist"):
        artefact.load(path, Weights)
    artefact.save(path, WEIGHTS)
    assert not left.exists()


def test_temporaries_of_living_runs_and_of_other_targets_are_left(tmp_path: Path) -> None:
    host = os.uname().nodename
    alive = tmp_path / f"weights.h5.tmp-{host}-{os.getppid()}"
    elsewhere = tmp_path / "weights.h5.tmp-another-machine-1"
    old = tmp_path / "weights.h5.tmp-old-machine-1"
    other = tmp_path / f"other.h5.tmp-{host}-999999999"
    for found in (alive, elsewhere, old, other):
        found.touch()
    os.utime(old, (0.0, 0.0))
    artefact.save(tmp_path / "weights.h5", WEIGHTS)
    assert [found.exists() for found in (alive, elsewhere, old, other)] == [True, True, False, True]


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.99])
def test_a_truncated_file_is_a_store_error_that_names_it(share: float, tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    artefact.save(path, WEIGHTS)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(StoreError, match=r"weights\.h5"):
        artefact.load(path, Weights)


def test_wrong_kind_and_schema_are_said_in_words(tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    artefact.save(path, WEIGHTS)
    with pytest.raises(StoreError, match=r"weights\.h5 holds Weights, expected Other"):
        artefact.load(path, Other)
    for schema, words in ((0, "older romnet"), (artefact.SCHEMA + 1, "newer romnet .*upgrade")):
        with rewritten(path) as file:
            file.attrs["romnet_schema"] = schema
        with pytest.raises(StoreError, match=words):
            artefact.load(path, Weights)
    with rewritten(path) as file:
        del file.attrs["romnet_schema"]
    with pytest.raises(StoreError, match="no artefact of romnet"):
        artefact.load(path, Weights)


def test_a_folder_that_cannot_be_written_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"):
        artefact.save(tmp_path / "file" / "weights.h5", WEIGHTS)


@pytest.mark.parametrize("content", ["{", "[1]", '{"ranks": 1, "citations": 3}'])
def test_a_damaged_manifest_is_a_store_error(content: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    artefact.save(path, WEIGHTS)
    manifest_path(path).write_text(content)
    with pytest.raises(StoreError, match=r"weights\.h5\.json is no manifest"):
        read_manifest(path)


def test_the_hash_of_a_large_file_is_that_of_the_hashes_of_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content_hash, "HASHED_BYTES", 1000)
    content = np.random.default_rng(0).bytes(2500)
    path = tmp_path / "large"
    path.write_bytes(content)
    parts = [hashlib.sha256(content[start : start + 1000]) for start in (0, 1000, 2000)]
    expected = hashlib.sha256(b"".join(part.digest() for part in parts))
    assert sha256_of(path) == expected.hexdigest()
    path.write_bytes(content[:1000])
    assert sha256_of(path) == hashlib.sha256(content[:1000]).hexdigest()
