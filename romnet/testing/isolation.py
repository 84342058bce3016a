"""The conformity suite in a process of its own: a law that crashes or hangs is reported."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any, BinaryIO

from romnet.core import errors
from romnet.core.errors import PluginError
from romnet.testing.laws import INTERLEAVED, Probe
from romnet.testing.verdicts import LawCheck, LawReport

SURVIVES = "the process survives"
IN_TIME = "answers come in time"
FRESH = "a fresh process gives the same answer"
_STARTING, _LOADING = "the start of the process", "loading the law"
_START_LIMIT = 120.0  # [s]; imports may be slow where nothing else is
_ADVICE = {
    SURVIVES: "compile with -g -fsanitize=address (or -fcheck=all -g) and look at array bounds, "
    "at the number of STATEV entries and properties, at STOP statements",
    IN_TIME: "look for iterations without a bound; or allow more time with --time-limit",
    FRESH: "the answer depends on what the process did before: look for SAVE, COMMON, static or "
    "module variables",
}


@dataclass
class _Child:
    """What is known of the child so far."""

    plan: dict[str, float] = field(default_factory=dict)
    checks: list[LawCheck] = field(default_factory=list)
    running: str = _STARTING
    digest: str | None = None
    ended: bool = False

    @property
    def why_unsteady(self) -> str:
        """Why there is no answer to compare with that of another process."""
        (steady,) = (check for check in self.checks if check.name == INTERLEAVED)
        return f"it needs: {INTERLEAVED}" if steady.examined else steady.detail

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take in one event.

        Raises
        ------
        RomnetError
            If the law was refused before it could be examined.
        """
        kind = event["event"]
        if kind == "refused":
            raise getattr(errors, event["kind"], PluginError)(event["message"])
        if kind == "ready":
            self.running = _LOADING
        elif kind == "plan":
            self.plan = {entry["name"]: entry["limit"] for entry in event["statements"]}
        elif kind == "begin":
            self.running = event["name"]
        elif kind == "check":
            self.checks.append(LawCheck(**{k: v for k, v in event.items() if k != "event"}))
        elif kind == "answer":
            self.digest = event["digest"]
        else:
            self.ended = True


def examine_in_child(
    spec: Mapping[str, Any],
    *,
    n_components: int = 6,
    probe: Probe | None = None,
    time_limit: float = 20.0,
) -> LawReport:
    """Examine a law in a process of its own, which it may crash.

    Parameters
    ----------
    spec
        The law as plain data, see `romnet.laws.registry.build_law`.
    n_components
        6, or 4 in plane strain.
    probe
        Conditions of the examination. The law is examined on one thread; if it is called
        thread-safe, here or in `spec`, it is held to that as well.
    time_limit
        Wall time that one check may take [s].

    Returns
    -------
    LawReport
        Whether the process survived and in time, then all checks of
        `romnet.testing.laws.examine_law`, then whether a second process gives the same answer.
        After a crash the rest is not examined.

    Raises
    ------
    StudyError, LawError, PluginError
        If the law cannot be built: a parameter is wrong or a library cannot be loaded.

    Notes
    -----
    Collective: no. Starts two processes, one after the other, and waits for them; whatever the law
    prints is thrown away. Nothing of it is loaded into this process.

    Examples
    --------
    >>> spec = {"law": "elastic", "parameters": {"young": 2.0e5, "poisson": 0.3}}
    >>> report = examine_in_child(spec, probe=Probe(n_points=2))
    >>> report.passed, report.checks[0].name
    (True, 'the process survives')
    """
    alone, claims_threads = _serial(spec)
    probe = probe or Probe()
    claimed = replace(probe, thread_safe=probe.thread_safe or claims_threads)
    request = {"spec": alone, "n_components": n_components, "probe": asdict(claimed)}
    child, ends = _run({**request, "task": "examine"}, time_limit)
    checks = [*ends, *child.checks]
    known = {check.name for check in checks}
    checks += [
        LawCheck(name, float("nan"), limit, f"it needs: {_broken(ends)}", examined=False)
        for name, limit in child.plan.items()
        if name not in known
    ]
    if child.digest is None or not child.ended:
        reason = child.why_unsteady if child.ended else f"it needs: {_broken(ends)}"
        fresh = LawCheck(FRESH, float("nan"), 0.0, reason, examined=False)
    else:
        fresh = _fresh(child.digest, request, time_limit)
    return LawReport((*checks, fresh))


def _serial(spec: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return the law on one thread, and whether it is called thread-safe."""
    law = spec.get("law")
    if not isinstance(law, Mapping):
        return dict(spec), False
    alone = {key: value for key, value in law.items() if key != "threads"}
    return {**spec, "law": alone}, bool(law.get("thread_safe", False))


def _fresh(digest: str, request: Mapping[str, Any], time_limit: float) -> LawCheck:
    """Compare the answer of a second process with that of the first."""
    again, ends = _run({**request, "task": "answer"}, time_limit)
    broken = [check for check in ends if not check.passed]
    if broken:
        return LawCheck(FRESH, float("nan"), 0.0, broken[0].detail, _ADVICE[FRESH])
    return LawCheck(FRESH, float(again.digest != digest), 0.0, advice=_ADVICE[FRESH])


def _run(request: Mapping[str, Any], time_limit: float) -> tuple[_Child, list[LawCheck]]:
    """Run a child to its end; return what it told, and whether it survived and in time."""
    child, reader, writer = _Child(), *os.pipe()
    with (
        os.fdopen(reader, "rb", buffering=0) as events,
        tempfile.TemporaryFile() as asked,
        tempfile.TemporaryFile() as said,
    ):
        asked.write(json.dumps(request).encode())
        asked.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-m", "romnet.testing.child", str(writer)],
            stdin=asked,
            stdout=said,
            stderr=subprocess.STDOUT,
            pass_fds=(writer,),
            start_new_session=True,
        )
        os.close(writer)
        late = False
        try:
            for event in _events(events, time_limit):
                child.hear(event)
            process.wait(time_limit)
        except (TimeoutError, subprocess.TimeoutExpired):
            late = True
        finally:
            _end(process)
        said.seek(0)
        words = said.read().decode("utf-8", "replace").strip().splitlines()
    return child, _ends(child, process.returncode, late=late, limit=time_limit, words=words)


def _events(stream: BinaryIO, time_limit: float) -> Iterator[Mapping[str, Any]]:
    """Yield the events of a child until it closes its end."""
    rest, patience = b"", max(time_limit, _START_LIMIT)
    while True:
        ready, _, _ = select.select([stream], [], [], patience)
        if not ready:
            raise TimeoutError
        chunk = os.read(stream.fileno(), 1 << 16)
        if not chunk:
            return
        patience = time_limit
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield json.loads(line)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a child, and what it started, if it still runs."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _ends(
    child: _Child, code: int, *, late: bool, limit: float, words: list[str]
) -> list[LawCheck]:
    """Say whether the child survived, and in time."""
    if late:
        in_time = LawCheck(
            IN_TIME,
            float("inf"),
            limit,
            f"no answer while examining: {child.running}",
            _ADVICE[IN_TIME],
        )
        return [LawCheck(SURVIVES, 0.0, 0.0), in_time]
    in_time = LawCheck(IN_TIME, 0.0, limit)
    if child.ended and code == 0:
        return [LawCheck(SURVIVES, 0.0, 0.0), in_time]
    cause = _signal_name(-code) if code < 0 else f"exit code {code}"
    detail = f"{cause} while examining: {child.running}"
    if words:
        detail += f"; last words: {words[-1][:200]}"
    return [LawCheck(SURVIVES, float(abs(code) or 1), 0.0, detail, _ADVICE[SURVIVES]), in_time]


def _broken(ends: list[LawCheck]) -> str:
    """Name what kept the rest from being examined."""
    return next((check.name for check in ends if not check.passed), IN_TIME)


def _signal_name(number: int) -> str:
    """Return the name of a signal."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
