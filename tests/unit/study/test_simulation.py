"""Simulations that are killed and go on, that subdivide their steps, and whose law fails."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import numpy as np
import pytest

from romnet.core.errors import ConvergenceError
from romnet.laws.registry import build_law
from romnet.store.manifest import read_manifest
from romnet.store.point_file import read_increment
from romnet.study import commands
from romnet.study.runner import Silence, run
from romnet.study.workspace import law_specs

TRAINING = "snapshots[one]"
# Ends itself as the system would, right after one of the instants.
KILLED = """
import os, pathlib, signal, sys
from romnet.study import checkpoints, commands
from romnet.study.runner import run
saved = checkpoints.Checkpoints.passed
count = [0]
def passed(self, outcome, *, now):
    saved(self, outcome, now=now)
    count[0] += 1
    if count[0] == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
checkpoints.Checkpoints.passed = passed
run(commands.open_study(pathlib.Path(sys.argv[1])), ["snapshots[one]"])
"""


def fields_of(context):
    """All recorded fields of the training simulation."""
    store = context.snapshots("one")
    rows = {name: store.source(name) for name in store.fields}
    return {name: source.rows(np.arange(source.n_rows)) for name, source in rows.items()}


def study_of(small, folder, **changes):
    training = [{"name": "one", "results": "hf", "until": 1.0, "increments": 6}]
    return small.write_study(folder, small.changed(small.STUDY, training=training, **changes))


def simulated(path):
    context = commands.open_study(path)
    run(context, [TRAINING])
    return context


@pytest.fixture(scope="module")
def uninterrupted(small, tmp_path_factory):
    """Fields of the simulation that nothing stopped."""
    return fields_of(simulated(study_of(small, tmp_path_factory.mktemp("whole"))))


@pytest.mark.parametrize(("instants", "killed_after"), [(1, 3), (2, 5)])
def test_a_killed_simulation_goes_on_and_gives_the_same_bits(
    small, tmp_path, uninterrupted, instants, killed_after
):
    path = study_of(small, tmp_path, checkpoint={"instants": instants})
    command = [sys.executable, "-c", KILLED, str(path), str(killed_after)]
    ended = subprocess.run(command, check=False, timeout=120)
    assert ended.returncode == -signal.SIGKILL
    assert small.states(path)[TRAINING] == "missing"
    assert (tmp_path / "results" / "checkpoints" / "one").is_dir()

    context = commands.open_study(path)
    parts = []

    class Watch(Silence):
        def progressed(self, part):
            parts.append(part)

    run(context, [TRAINING], observer=Watch())
    first = killed_after - killed_after % instants + 1
    assert [round(6 * part) for part in parts] == list(range(first, 7))
    for name, values in fields_of(context).items():
        np.testing.assert_array_equal(values, uninterrupted[name])
    assert not (tmp_path / "results" / "checkpoints" / "one").exists()
    assert small.states(path)[TRAINING] == "fresh"


def test_the_state_of_other_inputs_is_not_used(small, tmp_path, uninterrupted, caplog):
    path = study_of(small, tmp_path, checkpoint={"instants": 1}, newton={"tolerance": 1e-3})
    command = [sys.executable, "-c", KILLED, str(path), "2"]
    subprocess.run(command, check=False, timeout=120)
    path = study_of(small, tmp_path, checkpoint={"instants": 1})
    for name, values in fields_of(simulated(path)).items():
        np.testing.assert_array_equal(values, uninterrupted[name])
    assert "belongs to other inputs" in caplog.text


def test_increments_are_counted(small, tmp_path):
    path = study_of(small, tmp_path, increments={"largest": 0.05})
    context = simulated(path)
    manifest = read_manifest(context.folder / "snapshots" / "one.h5")
    assert manifest.counts["increments"] >= 20
    assert manifest.parameters["increments"]["largest"] == 0.05
    assert len(context.snapshots("one").times) == 7


FAILS = """
#include <stddef.h>
#include <math.h>
void umat_(double *stress, double *statev, double *ddsdde, double *sse, double *spd, double *scd,
  double *rpl, double *ddsddt, double *drplde, double *drpldt, double *stran, double *dstran,
  double *time, double *dtime, double *temp, double *dtemp, double *predef, double *dpred,
  char *cmname, int *ndi, int *nshr, int *ntens, int *nstatv, double *props, int *nprops,
  double *coords, double *drot, double *pnewdt, double *celent, double *dfgrd0, double *dfgrd1,
  int *noel, int *npt, int *layer, int *kspt, int *kstep, int *kinc, size_t cmname_length)
{
    for (int i = 0; i < 6; i++) {
        ddsdde[7 * i] = i < 3 ? 2.0 * props[0] : props[0];
        stress[i] = ddsdde[7 * i] * (stran[i] + dstran[i]);
    }
    if (time[1] + *dtime > 0.6 && *temp + *dtemp > 150.0) stress[0] = NAN;
}
"""


def test_a_law_that_fails_stops_the_simulation_with_what_it_was_asked(small, tmp_path, needed):
    needed("gcc")
    source, library = tmp_path / "law.c", tmp_path / "law.so"
    source.write_text(FAILS)
    compile_it = ["gcc", "-O2", "-fPIC", "-shared", str(source), "-o", str(library)]
    subprocess.run(compile_it, check=True)
    law = {"umat": "law.so", "properties": [8.0e4], "n_state": 0}
    path = study_of(
        small, tmp_path, materials=[{"law": law, "density": 1e-8}], offline__dual=["stress"]
    )
    with pytest.raises(ConvergenceError) as told:
        simulated(path)
    context = commands.open_study(path)
    warm = context.loading("one").temperature.at(0.6)
    point = int(np.flatnonzero(warm > 150.0)[0])
    assert point > 0
    expected = rf"point {point}, cell {point // 8 + 1}, in the increment to t = 0\.6"
    assert re.search(expected, str(told.value))
    assert re.search(r"of length 0\.000\d+, the smallest", str(told.value))
    assert small.states(path)[TRAINING] == "missing"
    written = tmp_path / "results" / "snapshots" / "one.failed.json"
    assert str(written) in str(told.value)
    increment = read_increment(written)
    assert increment.step.start < 0.6 < increment.step.end + 1e-9
    (spec,) = law_specs(context.located)
    answer = increment.put_to(build_law(spec, n_components=6))
    assert answer.failed.size or not np.isfinite(answer.stress).all()
