"""Errors on the training loads: predicted by the spectrum, found by the model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from romnet.store.manifest import read_manifest
from romnet.study import commands
from romnet.study.schema import Offline


@pytest.fixture(scope="module")
def bar(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bar")
    context = commands.open_study(commands.init(folder))
    return context, commands.offline(context)


def test_every_field_has_a_prediction_and_no_answer_beats_it(bar):
    _, summary = bar
    assert {"u", "p"} <= set(summary.validation)
    for name, field in summary.validation.items():
        # The POD leaves the least out of all bases: nothing in its span comes closer.
        assert field.realised >= 0.999 * field.predicted, name
        assert field.predicted < 1e-4, name
        assert (field.hottest is None) == (name == "u")


def test_the_error_over_time_lies_between_those_of_the_instants(bar):
    _, summary = bar
    largest = summary.training_errors["u"]
    assert largest is not None
    assert 0.0 < summary.validation["u"].realised <= largest


def test_the_manifest_has_memory_and_time_of_each_rank(bar):
    context, _ = bar
    manifest = read_manifest(Path(context.folder) / "pod.h5")
    assert len(manifest.rank_memory_mb) == len(manifest.rank_wall_s) == 1
    assert sum(manifest.rank_memory_mb) == pytest.approx(manifest.peak_memory_mb)
    assert replace(manifest, rank_wall_s=()) != manifest


@pytest.mark.parametrize(("text", "size"), [("2 GiB", 2**31), ("0.5 MiB", 2**19)])
def test_memory_is_a_number_and_a_unit(text, size):
    assert Offline(memory=text).memory_bytes == size


@pytest.mark.parametrize("text", ["2", "2 GB", "-1 GiB", "GiB", "1.2.3 GiB"])
def test_other_memories_are_refused(text):
    with pytest.raises(ValueError, match="memory"):
        Offline(memory=text)
