"""What `romnet check` predicts of the offline stages, against what their manifests report."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from romnet.store.manifest import read_manifest
from romnet.study import commands
from romnet.study.jobs.predicting import prediction

BENCHMARKS = Path(__file__).parents[2] / "scripts" / "benchmarks"
FILES = {
    "replay": "replay/seen.h5",
    "pod": "pod.h5",
    "cubature": "cubature.h5",
    "dual_pod": "dual_pod.h5",
}
# Cells along each edge: 32 768 integration points, where stages outweigh what starts them.
SIDE = 16
# Prediction and report differ at most by these factors.
MEMORY, SECONDS = 2.0, 10.0
# Opening and writing files is not predicted: seconds of a stage on a small mesh.
OPENING = 0.5


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A study whose snapshots a formula gave, its stages run in a process of their own."""
    folder = tmp_path_factory.mktemp("costs")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        from large import make_study

        study = make_study(folder, SIDE)
    results = folder / "results"
    subprocess.run(
        [sys.executable, BENCHMARKS / "large.py", study, results],
        check=True,
        capture_output=True,
        timeout=240,
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    workspace = commands.open_study(study, results=results).workspace
    return prediction(workspace).offline, results


def test_the_memory_that_is_predicted_is_what_the_stages_take(run):
    predicted, results = run
    peak = max(2**20 * read_manifest(results / file).peak_memory_mb for file in FILES.values())
    assert 1.0 / MEMORY < peak / predicted.memory < MEMORY


@pytest.mark.parametrize("stage", FILES)
def test_a_stage_takes_no_more_time_than_is_predicted(run, stage):
    predicted, results = run
    taken = read_manifest(results / FILES[stage]).wall_s
    assert taken < SECONDS * (predicted.seconds[stage] + OPENING)


def test_no_more_time_is_predicted_than_the_stages_take(run):
    predicted, results = run
    taken = sum(read_manifest(results / file).wall_s for file in FILES.values())
    assert sum(predicted.seconds.values()) < SECONDS * taken
