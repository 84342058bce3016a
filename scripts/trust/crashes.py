"""Commands that are killed, asked to stop, run out of disk, may not write, or lose a rank.

The same command is given once more afterwards: its results must be those of a run that nothing
disturbed, bit for bit, and nothing but they must be left.
"""

from __future__ import annotations

import functools
import multiprocessing
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import commands_run
import crash_ranks
import numpy as np
from commands_run import Ended
from crash_studies import COMMANDS, Command, Undisturbed, damage_seen, prepared
from outcome import End, Outcome

LIMIT_S = 120.0
# How often each command is killed, and in the short form.
KILLS = {
    "offline": (104, 10),
    "online": (54, 6),
    "export": (15, 2),
    "convert": (15, 2),
    "check": (10, 1),
    "report": (6, 0),
    "advise": (12, 0),
}
STOPS = {"offline": (16, 3), "online": (8, 1), "convert": (2, 0), "report": (1, 0)}
FULL = (16, 3)
IN_A_ROW = 3


@dataclass(frozen=True)
class Task:
    """Some faults of one kind in one command, in a folder of their own."""

    kind: str
    command: Command
    before: Undisturbed
    folder: Path
    count: int
    seed: int


def run(folder: Path, *, short: bool, seed: int) -> Iterator[Outcome]:
    """Strike every command of a small study."""
    commands_run.load()
    names = [name for name, counts in KILLS.items() if counts[short]]
    before = prepared(folder / "undisturbed", names)
    tasks = [
        Task(kind, COMMANDS[name], before[name], folder / f"{kind}-{name}-{number}", count, number)
        for kind, table in (("killed", KILLS), ("asked to stop", STOPS))
        for name, counts in table.items()
        if name in before
        for number, count in enumerate(chunks(counts[short], IN_A_ROW))
    ]
    tasks += [
        Task(kind, COMMANDS["offline"], before["offline"], folder / f"{kind}-{number}", 1, number)
        for kind in ("disk full", "file size limited")
        for number in range(FULL[short])
    ]
    tasks += [
        Task("read-only folder", COMMANDS[name], before[name], folder / f"ro-{name}", 1, 0)
        for name in ("offline", "online", "report", "export", "convert")
        if name in before
    ]
    tasks = [task for task in tasks if possible(task)]
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(max_workers=2, mp_context=context) as pool:
        for found in pool.map(functools.partial(struck, seed=seed), tasks):
            yield from found
    yield from crash_ranks.run(folder / "ranks", short=short, seed=seed)


def chunks(total: int, size: int) -> list[int]:
    """Divide a number into parts of at most some size."""
    return [min(size, total - start) for start in range(0, total, size)]


def possible(task: Task) -> bool:
    """Whether this machine can do a fault; says so where it cannot."""
    if task.kind not in ("disk full", "read-only folder") or mounting():
        return True
    if task.seed == 0:
        text = f"crashes: {task.kind}: not possible here, file systems cannot be mounted"
        print(text, file=sys.stderr)
    return False


@functools.cache
def mounting() -> bool:
    """Whether a file system can be mounted."""
    here = Path("/tmp") / "romnet-mounting"
    here.mkdir(exist_ok=True)
    able = mount(here, "size=64k")
    if able:
        unmount(here)
    here.rmdir()
    return able


def mount(folder: Path, options: str, *, again: bool = False) -> bool:
    """Mount a file system in memory, or change its options."""
    folder.mkdir(exist_ok=True)
    words = ["mount", "-t", "tmpfs", "-o", f"remount,{options}" if again else options]
    done = subprocess.run([*words, "tmpfs", str(folder)], capture_output=True, check=False)
    return done.returncode == 0


def unmount(folder: Path) -> None:
    """Take a mounted file system away."""
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def struck(task: Task, *, seed: int) -> list[Outcome]:
    """Do the faults of one task, run the command again and judge what it left."""
    rng = np.random.default_rng([seed, task.seed, *task.kind.encode(), *task.command.name.encode()])
    action: Callable[[Task, np.random.Generator], list[Outcome]] = {
        "killed": signalled,
        "asked to stop": signalled,
        "disk full": disk_full,
        "file size limited": size_limited,
        "read-only folder": read_only,
    }[task.kind]
    try:
        return action(task, rng)
    finally:
        shutil.rmtree(task.folder, ignore_errors=True)


def signalled(task: Task, rng: np.random.Generator) -> list[Outcome]:
    """Send a signal at random times, or right before random file operations, one after another."""
    task.folder.mkdir()
    study, command, before = task.folder / "study", task.command, task.before
    shutil.copytree(before.start, study)
    strike = signal.SIGKILL if task.kind == "killed" else signal.SIGTERM
    outcomes: list[Outcome] = []
    for _ in range(20 * task.count):
        if len(outcomes) == task.count:
            break
        words, log = command.words(study), task.folder / "log"
        if rng.random() < 0.5:  # noqa: PLR2004
            after = float(rng.uniform(0.0, 1.05 * before.seconds))
            fault = f"{command.name} after {after:.3f} s"
            ended = commands_run.run(words, log, strike_after=after, strike=strike, limit=LIMIT_S)
        else:
            number = int(rng.integers(1, max(before.operations, 1) + 1))
            fault = f"{command.name} before file operation {number}"
            first = commands_run.at_operation(number, strike)
            ended = commands_run.run(words, log, first=first, limit=LIMIT_S)
        if ended.code == 0 and strike == signal.SIGKILL:
            # It came too late: from the beginning.
            shutil.rmtree(study)
            shutil.copytree(before.start, study)
            continue
        problem = stop_problem(ended, strike) or damage_seen(study)
        end = End.WRONG if problem else End.SURVIVED
        outcomes.append(Outcome(f"{task.kind}: {command.name}", fault, end, problem))
    return finished(task, study, outcomes)


def stop_problem(ended: Ended, strike: int) -> str:
    """Say what is wrong with the end of a command that got a signal."""
    # A signal may come before a run listens, after its end, or to a command that has no safe point.
    allowed = (-signal.SIGKILL,) if strike == signal.SIGKILL else (-signal.SIGTERM, 0, 75)
    if ended.code in allowed and "Traceback" not in ended.err:
        return ""
    return f"exit code {ended.code}: {ended.err[-300:]}"


def finished(task: Task, study: Path, outcomes: list[Outcome]) -> list[Outcome]:
    """Give the command once more; the last fault is to blame for what is wrong then."""
    if not outcomes:
        return []
    again = commands_run.run(task.command.words(study), task.folder / "log", limit=LIMIT_S)
    problem = ""
    if again.code != 0 or "Traceback" in again.err:
        problem = f"rerun: exit code {again.code}: {again.err[-300:]}"
    else:
        problem = task.before.difference(task.command, study)
    if problem:
        last = outcomes[-1]
        outcomes[-1] = Outcome(last.kind, last.fault, End.WRONG, f"{last.detail} {problem}")
    return outcomes


def disk_full(task: Task, rng: np.random.Generator) -> list[Outcome]:
    """Give a run less room than it needs, then enough."""
    room = int(rng.uniform(16, task.before.kilobytes))
    mount(task.folder, f"size={room}k")
    try:
        study, log = task.folder / "study", task.folder.with_suffix(".log")
        shutil.copytree(task.before.start, study)
        ended = commands_run.run(task.command.words(study), log, limit=LIMIT_S)
        outcome = refused(task, f"{room} KiB", ended, "No space left on device")
        mount(task.folder, "size=64m", again=True)
        return finished(task, study, [outcome])
    finally:
        unmount(task.folder)


def size_limited(task: Task, rng: np.random.Generator) -> list[Outcome]:
    """Let no file become larger than a random size, as quotas do, then let them."""
    room = int(rng.uniform(1, 50 * 1024))
    task.folder.mkdir()
    study = Path(shutil.copytree(task.before.start, task.folder / "study"))

    def limit() -> None:
        from romnet.parallel.petsc import petsc

        petsc()  # MPI makes files of its own, elsewhere
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    ended = commands_run.run(
        task.command.words(study), task.folder / "log", first=limit, limit=LIMIT_S
    )
    outcome = refused(task, f"{room} B a file", ended, "File too large")
    return finished(task, study, [outcome])


def read_only(task: Task, _rng: np.random.Generator) -> list[Outcome]:
    """Let a command work in a folder that it may not write to."""
    mount(task.folder, "size=64m")
    try:
        study, log = task.folder / "study", task.folder.with_suffix(".log")
        shutil.copytree(task.before.start, study)
        mount(task.folder, "ro", again=True)
        ended = commands_run.run(task.command.words(study), log, limit=LIMIT_S)
        outcome = refused(task, task.command.name, ended, "Read-only file system")
        mount(task.folder, "rw", again=True)
        return finished(task, study, [outcome])
    finally:
        unmount(task.folder)


def refused(task: Task, fault: str, ended: Ended, words: str) -> Outcome:
    """Judge a command that cannot write: it succeeds, or says so in one message."""
    kind = f"{task.kind}: {task.command.name}"
    if ended.code == 0:
        return Outcome(kind, fault, End.SURVIVED)
    if ended.clear and words in ended.err:
        return Outcome(kind, fault, End.REFUSED)
    return Outcome(kind, fault, End.WRONG, f"exit code {ended.code}: {ended.err[-400:]}")
