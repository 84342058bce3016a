"""Jobs for a cluster: what they ask for, what they run, and that they survive schedulers."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from time import monotonic, sleep
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from romnet.core.errors import StudyError
from romnet.study import commands
from romnet.study.jobs.planning import Job, Needs, planned_jobs
from romnet.study.jobs.slurm import Site, job_script, submit
from romnet.study.runner import run

HERE = Path(__file__).parent
TRAINING = [{"name": "one", "results": "hf", "until": 1.0, "increments": 30}]
JOB = Job("offline", ("offline",), Needs(2, 630.0, 1.0e9))


def script_of(job: Job = JOB, **changes: Any) -> str:
    """The script of a job of a study."""
    given = {"study": Path("/s/study.yaml"), "results": Path("/s/results"), "name": "small"}
    site = changes.pop("site", Site(("romnet",)))
    return job_script(job, site, **given | changes)


def planned(small: ModuleType, folder: Path, **changes: Any) -> dict[str, Job]:
    """The jobs of a study that nothing is computed of."""
    path = small.write_study(folder, small.changed(small.STUDY, **changes))
    return {job.name: job for job in planned_jobs(commands.open_study(path))}


def test_simulations_come_before_the_model_and_answers_after(
    small: ModuleType, tmp_path: Path
) -> None:
    jobs = planned(small, tmp_path)
    assert [(job.name, job.after) for job in jobs.values()] == [
        ("simulation", ()),
        ("offline", ("simulation",)),
        ("online", ("offline",)),
    ]
    assert jobs["simulation"].command == ("offline", "--until", "snapshots[one]")


def test_several_simulations_share_an_array_and_find_the_mesh(
    small: ModuleType, tmp_path: Path
) -> None:
    two = [{**TRAINING[0], "name": name} for name in ("a", "b")]
    online = [{"name": name, "until": 1.0, "increments": 2, "reference": "hf"} for name in "xy"]
    jobs = planned(small, tmp_path, training=two, online=online)
    assert jobs["simulations"].tasks == ("snapshots[a]", "snapshots[b]")
    assert jobs["simulations"].after == ("mesh",)
    assert jobs["offline"].after == ("simulations",)
    assert (jobs["online"].tasks, jobs["online"].command) == (("x", "y"), ("online", "--case"))


def test_what_is_up_to_date_needs_no_job(computed: Path) -> None:
    assert planned_jobs(commands.open_study(computed)) == ()


def test_larger_meshes_get_more_ranks_time_and_memory(small: ModuleType, tmp_path: Path) -> None:
    less = planned(small, tmp_path / "less")["simulation"].needs
    box = {"lengths": [1.0, 1.0, 1.0], "divisions": [32, 32, 32]}
    more = planned(small, tmp_path / "more", mesh={"box": box})["simulation"].needs
    assert (less.ranks, more.ranks) == (1, 2)  # 107 811 unknowns
    assert more.seconds > less.seconds
    assert more.memory > less.memory


@pytest.mark.parametrize("tasks", [(), ("snapshots[a]", "snapshots[b]")])
def test_a_script_is_what_a_shell_can_run(tasks: tuple[str, ...]) -> None:
    job = Job("offline", ("offline", "--until"), JOB.needs, tasks=tasks)
    text = script_of(job)
    checked = subprocess.run(
        ["bash", "-n"], input=text, text=True, capture_output=True, check=False
    )
    assert checked.stderr == ""
    assert "\n#SBATCH --ntasks=2\n" in text
    assert "\n#SBATCH --time=11\n" in text
    assert "\n#SBATCH --mem-per-cpu=1024M\n" in text
    assert ("\n#SBATCH --array=0-1\n" in text) == bool(tasks)


@pytest.mark.parametrize("evil", ["a'; touch owned; '", "$(touch owned)", "a b", 'a"`touch owned`'])
def test_names_of_files_are_never_read_as_shell(tmp_path: Path, evil: str) -> None:
    shown = tmp_path / "show"
    shown.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    shown.chmod(0o755)
    study = tmp_path / evil / "study.yaml"
    job = Job("offline", ("offline",), Needs(1, 60.0, 1.0))
    text = script_of(job, study=study, results=tmp_path / evil, site=Site((str(shown),)))
    ran = subprocess.run(
        ["bash"], input=text, text=True, capture_output=True, check=True, cwd=tmp_path
    )
    assert ran.stdout.splitlines() == ["offline", str(study), "--results", str(tmp_path / evil)]
    assert not (tmp_path / "owned").exists()
    (line,) = [line for line in text.splitlines() if "--output" in line]
    assert shlex.split(line.removeprefix("#SBATCH ")) == [
        f"--output={tmp_path / evil}/jobs/%x-%j.log"
    ]


@pytest.mark.parametrize("option", ["partition=long", "--x\n#SBATCH --y", "; rm", "-p long"])
def test_what_is_no_option_of_sbatch_is_refused(option: str) -> None:
    with pytest.raises(StudyError, match="no option of sbatch"):
        script_of(site=Site(("romnet",), options=(option,)))


@pytest.mark.parametrize(
    ("code", "signal_sent", "requeued"),
    [(0, "", False), (75, "", True), (3, "", False), (75, "USR1", True), (75, "TERM", False)],
)
def test_a_stopped_job_queues_again_unless_the_scheduler_ends_it(
    tmp_path: Path, code: int, signal_sent: str, requeued: bool
) -> None:
    program = tmp_path / "program"
    wait = "trap 'exit $1' USR1; touch ready; while :; do sleep 0.05; done" if signal_sent else ":"
    program.write_text(f"#!/bin/bash\nset -- {code}\n{wait}\nexit {code}\n")
    told = tmp_path / "scontrol"
    told.write_text('#!/bin/sh\necho "$@" > told\n')
    for file in (program, told):
        file.chmod(0o755)
    job = Job("offline", ("offline",), Needs(1, 60.0, 1.0))
    script = tmp_path / "job.sh"
    script.write_text(script_of(job, site=Site((str(program),))))
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_JOB_ID": "7"}
    with subprocess.Popen(["bash", script], cwd=tmp_path, env=environment) as ran:
        if signal_sent:
            _until((tmp_path / "ready").exists)
            subprocess.run(["kill", f"-{signal_sent}", str(ran.pid)], check=True)
        assert ran.wait(20) == code
    assert (tmp_path / "told").exists() == requeued
    assert not requeued or (tmp_path / "told").read_text() == "requeue 7\n"


def test_without_slurm_the_scripts_can_still_be_written(
    romnet: Callable[..., Any],
    small: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = small.write_study(tmp_path, small.STUDY)
    monkeypatch.setenv("PATH", str(tmp_path))
    dry = romnet("submit", path, "--dry-run", "--ranks", "2", "--launcher", "srun", "--json").json
    assert [job["name"] for job in dry["jobs"]] == ["simulation", "offline", "online"]
    assert "(srun -n 2 " in Path(dry["jobs"][0]["script"]).read_text()
    refused = romnet("submit", path, "--ranks", "1")
    assert refused.code == 2
    assert "there is no sbatch here; write the scripts with --dry-run" in refused.err
    with pytest.raises(StudyError, match="no sbatch"):
        submit([JOB], {"offline": path})


def _until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something holds."""
    end = monotonic() + seconds
    while not holds():
        assert monotonic() < end
        sleep(0.02)


@pytest.fixture
def slurm(needed: Callable[[str], str], tmp_path: Path) -> Iterator[Any]:
    """Return a Slurm of this machine alone."""
    for program in ("slurmctld", "slurmd", "munged", "sbatch", "mpiexec"):
        needed(program)
    if os.geteuid() != 0:
        pytest.skip("slurmd must be started as root")
    spec = spec_from_file_location("slurm_node", HERE / "slurm_node.py")
    assert spec is not None
    assert spec.loader is not None
    node = module_from_spec(spec)
    sys.modules["slurm_node"] = node  # dataclasses look their module up
    spec.loader.exec_module(node)
    folder = tmp_path / "slurm"
    folder.mkdir()
    with node.running_slurm(folder) as running:
        yield running


def fields_of(path: Path) -> dict[str, np.ndarray]:
    """All recorded fields of the training simulation."""
    store = commands.open_study(path).snapshots("one")
    sources = {name: store.source(name) for name in store.fields}
    return {name: source.rows(np.arange(source.n_rows)) for name, source in sources.items()}


@pytest.mark.slow
@pytest.mark.timeout(600)  # Slurm looks at its queue every few seconds
def test_preempted_and_warned_jobs_go_on_to_the_same_result(
    slurm: Any, small: ModuleType, tmp_path: Path
) -> None:
    given = small.changed(small.STUDY, training=TRAINING, online=[])
    path = small.write_study(tmp_path / "a study", given)
    plain = {n: v for n, v in slurm.environment.items() if not re.match("OMPI_|PMI", n)}
    asked = subprocess.run(
        [sys.executable, "-m", "romnet.cli.main", "submit", path, "--ranks", "2", "--json"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={**plain, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"},
    )
    jobs = {job["name"]: job["id"] for job in json.loads(asked.stdout)["jobs"]}
    simulation, saved = jobs["simulation"], path.parent / "results" / "checkpoints" / "one"

    def stops(count: int, *words: str) -> None:
        slurm.wait(simulation, "RUNNING")
        _until(lambda: any(saved.glob(f"records-{count:06d}.h5.tmp*")))
        slurm.say(*words, simulation)
        slurm.wait(simulation, "PENDING")
        assert (saved / f"state-{count:06d}.h5").exists()
        # Not in the same second, for which Slurm has revoked the credential of the job.
        slurm.say("scontrol", "update", f"JobId={simulation}", "StartTime=now+3")

    stops(1, "scontrol", "requeue")  # as the scheduler does for a more urgent job
    stops(2, "scancel", "--batch", "--signal=USR1")  # as it does before the time is over
    for name in ("simulation", "offline"):
        slurm.wait(jobs[name], "COMPLETED")
    assert set(small.states(path).values()) == {"fresh"}

    alone = small.write_study(tmp_path / "alone", given)
    run(commands.open_study(alone), ["snapshots[one]"])
    whole = fields_of(alone)
    for field, values in fields_of(path).items():
        scale = np.abs(whole[field]).max()
        np.testing.assert_allclose(values, whole[field], rtol=0.0, atol=1e-6 * scale)
