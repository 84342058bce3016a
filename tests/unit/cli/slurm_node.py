"""A Slurm of one node: started for a test, stopped by process number."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=30
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=1
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=8000
PartitionName=main Nodes={host} Default=YES MaxTime=60 State=UP
"""


@dataclass(frozen=True)
class Slurm:
    """A running Slurm."""

    environment: dict[str, str]

    def say(self, *words: str) -> str:
        """Run one of its commands."""
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=60, check=True, env=self.environment
        )
        return done.stdout

    def state(self, job: str) -> dict[str, str]:
        """What ``scontrol`` knows of a job."""
        words = self.say("scontrol", "show", "job", "-o", job).splitlines()[0].split()
        return dict(word.partition("=")[::2] for word in words)

    def wait(self, job: str, *states: str, seconds: float = 120.0) -> dict[str, str]:
        """Wait until a job is in one of some states."""
        end = monotonic() + seconds
        while True:
            found = self.state(job)
            if found["JobState"] in states:
                return found
            if monotonic() > end:
                message = f"job {job} is {found['JobState']} ({found.get('Reason')})"
                raise TimeoutError(message)
            sleep(0.2)


@contextmanager
def running_slurm(folder: Path) -> Iterator[Slurm]:
    """Start munged, slurmctld and slurmd with all their files in a folder; stop them at the end."""
    host = socket.gethostname().split(".")[0]
    (folder / "state").mkdir()
    (folder / "spool").mkdir()
    conf = folder / "slurm.conf"
    conf.write_text(CONF.format(folder=folder, host=host, ports=_free_ports(2)))
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    started: list[subprocess.Popen[bytes]] = []
    environment = {**os.environ, "SLURM_CONF": str(conf)}

    def start(*words: str) -> None:
        program = shutil.which(words[0], path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        assert program is not None
        with (folder / f"{words[0]}.out").open("wb") as log:
            started.append(
                subprocess.Popen([program, *words[1:]], stdout=log, stderr=log, env=environment)
            )

    try:
        start(
            "munged",
            "--foreground",
            "--force",
            f"--socket={folder}/munge.socket",
            f"--key-file={key}",
            f"--pid-file={folder}/munge.pid",
            f"--log-file={folder}/munge.log",
            f"--seed-file={folder}/munge.seed",
        )
        _until(folder / "munge.socket")
        start("slurmctld", "-D", "-f", str(conf))
        start("slurmd", "-D", "-N", host, "-f", str(conf))
        slurm = Slurm(environment)
        _until_idle(slurm, folder)
        yield slurm
        slurm.say("scancel", "--user=root", "--signal=KILL", "--full")
        slurm.say("scancel", "--user=root")
        _until_empty(slurm)
    finally:
        for process in reversed(started):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_ports(count: int) -> list[int]:
    """Ask the system for ports that nobody listens to."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _until(path: Path, seconds: float = 20.0) -> None:
    """Wait for a file."""
    end = monotonic() + seconds
    while not path.exists():
        if monotonic() > end:
            message = f"{path} does not appear"
            raise TimeoutError(message)
        sleep(0.1)


def _until_idle(slurm: Slurm, folder: Path, seconds: float = 60.0) -> None:
    """Wait for the node."""
    end, words = monotonic() + seconds, ("sinfo", "--noheader", "--format=%T")
    found = ""
    while found != "idle":
        asked = subprocess.run(
            words, capture_output=True, text=True, timeout=30, check=False, env=slurm.environment
        )
        found = asked.stdout.strip()
        if monotonic() > end:
            logs = "\n".join(log.read_text()[-800:] for log in folder.glob("slurm*.log"))
            message = f"the node is {found or asked.stderr}; {logs}"
            raise TimeoutError(message)
        sleep(0.2)


def _until_empty(slurm: Slurm, seconds: float = 40.0) -> None:
    """Wait until no job is left."""
    end = monotonic() + seconds
    while slurm.say("squeue", "--noheader").strip() and monotonic() < end:
        sleep(0.2)
