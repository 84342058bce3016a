"""Commands of romnet in processes of their own, which start in milliseconds and may be struck."""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
# What the commands import when they run; loaded once, inherited by every process.
LOADED = (
    "romnet.cli.main",
    "romnet.cli.advice",
    "romnet.cli.console",
    "romnet.report.advice",
    "romnet.study.answer_fields",
    "romnet.study.checks.checking",
    "romnet.study.commands",
    "romnet.study.converting",
    "romnet.study.export",
    "romnet.study.reporting",
    "rich.progress",
)
# File operations that Python tells its audit hooks of.
OPERATIONS = ("open", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.truncate")


@dataclass(frozen=True)
class Ended:
    """How a command ended; the code of one that a signal ended is negative."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def clear(self) -> bool:
        """Whether it refused with one message and no traceback."""
        told = [line for line in self.err.splitlines() if line.startswith("romnet: ")]
        return self.code in (2, 3) and len(told) == 1 and "Traceback" not in self.err


def load() -> None:
    """Import what the commands need; none waits for the disk, as the power does not fail."""
    setattr(os, "fsync", lambda _descriptor: None)  # noqa: B010  (a function of another type)
    for name in LOADED:
        importlib.import_module(name)


def small_study() -> ModuleType:
    """Return the helpers of the tests that write small studies."""
    place = ROOT / "tests/unit/study/small_study.py"
    spec = importlib.util.spec_from_file_location("small_study", place)
    if spec is None or spec.loader is None:
        message = f"{place} cannot be imported."
        raise ImportError(message)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(
    words: list[str],
    log: Path,
    *,
    strike_after: float | None = None,
    strike: int = signal.SIGKILL,
    first: Callable[[], None] | None = None,
    limit: float = 120.0,
) -> Ended:
    """Run a command to its end, or until it is struck.

    ``strike_after`` seconds after its start it gets the signal ``strike``. ``first`` is called in
    its process before it begins. A command that takes longer than ``limit`` is ended with code 124.
    """
    began = time.perf_counter()
    for kind in (".out", ".err"):
        log.with_suffix(kind).write_bytes(b"")
    process = os.fork()
    if process == 0:
        _be_command(words, log, first)
    code = _wait(process, began, strike_after, strike, limit)
    out, err = (log.with_suffix(kind).read_text(errors="replace") for kind in (".out", ".err"))
    return Ended(code, out, err, time.perf_counter() - began)


def _be_command(words: list[str], log: Path, first: Callable[[], None] | None) -> None:
    """Turn this process into a command; never returns."""
    code = 1
    try:
        os.setsid()
        for number, kind in ((1, ".out"), (2, ".err")):
            file = os.open(log.with_suffix(kind), os.O_WRONLY)
            os.dup2(file, number)
        sys.stdout = os.fdopen(1, "w", buffering=1)
        sys.stderr = os.fdopen(2, "w", buffering=1)
        from romnet.cli.main import app

        if first is not None:
            first()
        app(words)
    except SystemExit as left:
        code = int(left.code or 0)
    except BaseException:  # noqa: BLE001  (what Python would print)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wait(process: int, began: float, strike_after: float | None, strike: int, limit: float) -> int:
    """Wait for a process, strike it when it is time, and end it at the limit."""
    struck = strike_after is None
    while True:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        passed = time.perf_counter() - began
        if not struck and passed >= (strike_after or 0.0):
            os.kill(process, strike)
            struck = True
        if passed > limit:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return 124
        time.sleep(0.001)


def at_operation(number: int, strike: int = signal.SIGKILL) -> Callable[[], None]:
    """Return what makes a process strike itself right before its n-th file operation."""
    left = [number]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in OPERATIONS and not (event == "open" and _only_reads(arguments)):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), strike)

    return lambda: sys.addaudithook(hook)


def counting(path: Path) -> Callable[[], None]:
    """Return what makes a process write a byte into a file for each of its file operations."""

    def start() -> None:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            if event in OPERATIONS and not (event == "open" and _only_reads(arguments)):
                os.write(file, b".")

        sys.addaudithook(hook)

    return start


def _only_reads(arguments: tuple[object, ...]) -> bool:
    """Whether a file is opened for reading."""
    flags = arguments[2]
    return isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR) == 0
