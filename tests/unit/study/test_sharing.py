"""Two runs in one folder never compute the same stage, nor mix each other's results."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from romnet.core.errors import StoreError
from romnet.store.lock import holding
from romnet.store.manifest import read_manifest, write_manifest
from romnet.study import commands, runner
from romnet.study.runner import run


class AtStart:
    """An observer that does something when a stage begins."""

    def __init__(self, stage: str, action: object) -> None:
        self.stage, self.action = stage, action

    def started(self, name: str) -> None:
        if name == self.stage:
            self.action()

    def progressed(self, part: float) -> None: ...
    def finished(self, name: str, seconds: float) -> None: ...


def test_a_stage_that_another_run_computes_is_refused(small: ModuleType, tmp_path: Path) -> None:
    context = commands.open_study(small.write_study(tmp_path, small.STUDY))
    with (
        holding(tmp_path / "results" / "mesh.h5"),
        pytest.raises(StoreError, match=r"mesh\.h5 is being computed by .*remove .*mesh\.h5\.lock"),
    ):
        run(context, ["mesh"])
    assert list(run(context, ["mesh"])) == ["mesh"]


def test_what_another_run_finished_meanwhile_is_kept(
    small: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = commands.open_study(small.write_study(tmp_path, small.STUDY))

    @contextmanager
    def late(path: Path) -> Iterator[None]:
        monkeypatch.undo()
        run(commands.open_study(tmp_path), ["mesh"])
        with holding(path):
            yield

    monkeypatch.setattr(runner, "holding", late)
    assert run(context, ["mesh"]) == {}


def test_a_result_of_replaced_inputs_is_taken_back(small: ModuleType, tmp_path: Path) -> None:
    context = commands.open_study(small.write_study(tmp_path, small.STUDY))
    path = context.folder / "mesh.h5"

    def replaced() -> None:
        write_manifest(path, replace(read_manifest(path), key="other"))

    with pytest.raises(StoreError, match=r"mesh\.h5 was replaced by another run while snapshots"):
        run(context, ["snapshots[one]"], observer=AtStart("snapshots[one]", replaced))
    assert small.states(tmp_path)["snapshots[one]"] == "stale"
    assert list(run(context, ["snapshots[one]"])) == ["mesh", "snapshots[one]"]


def test_a_damaged_input_is_refused_before_the_stage(small: ModuleType, tmp_path: Path) -> None:
    context = commands.open_study(small.write_study(tmp_path, small.STUDY))
    run(context, ["mesh"])
    path = context.folder / "mesh.h5"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"mesh\.h5 is not the file of its manifest"):
        run(context, ["snapshots[one]"])
    assert small.states(tmp_path)["snapshots[one]"] == "missing"


def test_what_a_run_left_that_died_at_the_end_of_a_stage_is_removed(
    small: ModuleType, tmp_path: Path
) -> None:
    context = commands.open_study(small.write_study(tmp_path, small.STUDY))
    run(context, ["mesh"])
    before = small.bytes_in(context.folder)
    for name in ("mesh.h5.lock", f"mesh.h5.json.tmp-{os.uname().nodename}-999999999"):
        (context.folder / name).touch()
    assert run(context, ["mesh"]) == {}
    assert small.bytes_in(context.folder) == before
