"""What users see: words and progress bars on stderr, answers on stdout, from rank 0 only."""

from __future__ import annotations

import json
import math
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from romnet.core.errors import (
    AccuracyError,
    ConvergenceError,
    RomnetError,
    StoppedError,
)

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from romnet.cli.doctor import Finding
    from romnet.core.communicator import Communicator
    from romnet.study.commands import OfflineSummary, OnlineSummary
    from romnet.study.runner import Observer
    from romnet.study.stopping import StopRequest

# The last is that of a failure which another attempt mends (EX_TEMPFAIL).
BAD_INPUT, NOT_CONVERGED, STOPPED = 2, 3, 75
LATER_S, LATEST_S = 0.2, 5.0


def exit_code_of(problem: RomnetError) -> int:
    """Return 75 for a run that stopped as asked, 3 for a failed iteration, 2 for bad input."""
    if isinstance(problem, StoppedError):
        return STOPPED
    return NOT_CONVERGED if isinstance(problem, ConvergenceError | AccuracyError) else BAD_INPUT


class Console:
    """Speaks for rank 0; silent on the others.

    Attributes
    ----------
    comm
        The ranks.
    as_json
        Whether stdout carries one JSON object and words go to stderr.
    quiet
        Whether words and progress are left out; errors and JSON stay.
    stop
        Whether signals asked to stop.
    """

    def __init__(
        self,
        comm: Communicator,
        *,
        as_json: bool,
        quiet: bool = False,
        stop: StopRequest | None = None,
    ) -> None:
        self.comm = comm
        self.as_json = as_json
        self.quiet = quiet
        self.stop = stop

    def say(self, text: str) -> None:
        """Print one line for people."""
        if self.comm.rank == 0 and not self.quiet:
            stream = sys.stderr if self.as_json else sys.stdout
            stream.write(f"{text}\n")

    def note(self, text: str) -> None:
        """Print one line on stderr."""
        if self.comm.rank == 0:
            sys.stderr.write(f"romnet: {text}\n")

    def answer(self, content: Mapping[str, Any]) -> None:
        """Print the JSON object, if that is what was asked for."""
        if self.as_json and self.comm.rank == 0:
            _write_json(content)

    def fail(self, problem: RomnetError, code: int) -> None:
        """Tell an error once, and end the other ranks when it happened on this one alone."""
        everywhere = self.comm.size == 1 or problem.on_all_ranks
        if not everywhere:
            # Where several ranks fail alike, the first to speak ends the others.
            time.sleep(min(LATER_S * self.comm.rank, LATEST_S))
        if self.comm.rank == 0 or not everywhere:
            sys.stderr.write(f"romnet: {problem}\n")
            if self.as_json:
                _write_json({"error": str(problem), "exit_code": code})
        sys.stdout.flush()
        sys.stderr.flush()
        if not everywhere:
            self.comm.abort(code)

    def end_others(self) -> None:
        """Show the exception being handled and end all ranks, if there are others."""
        if self.comm.size > 1:
            traceback.print_exc()
            sys.stderr.flush()
            self.comm.abort(1)

    @contextmanager
    def progress(self) -> Iterator[Observer | None]:
        """Show a bar for the running stage and a line for each finished one."""
        if self.comm.rank != 0 or self.quiet:
            yield None
            return
        from rich.console import Console as Terminal
        from rich.progress import (
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description}", justify="left"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left:"),
            TimeRemainingColumn(),
        )
        terminal = Terminal(stderr=True)
        silent = not terminal.is_terminal
        with Progress(*columns, console=terminal, transient=True, disable=silent) as bars:
            yield _Bars(bars)

    def offline(self, summary: OfflineSummary) -> None:
        """Tell what the offline stage made."""
        errors = ", ".join(
            f"{name} {value:.1e}" for name, value in summary.training_errors.items() if value
        )
        self.say(
            f"{summary.modes} modes, {summary.points} of {summary.points_full} points "
            f"(+{summary.points_dual} for dual fields); "
            f"cubature residual {summary.cubature_residual:.1e}, "
            f"volume error {summary.weights_sum_error:.1e}"
        )
        if summary.dictionary is not None:
            self.say(summary.dictionary.words)
        self.say(f"errors on the training loads: {errors or 'none measured'}")
        for name, field in summary.validation.items():
            hot = "" if field.hottest is None else f", {field.hottest:.1e} on the hottest 1 %"
            self.say(f"  {name}: predicted {field.predicted:.1e}, found {field.realised:.1e}{hot}")

    def online(self, summaries: Sequence[OnlineSummary]) -> None:
        """Tell what the reduced model answered."""
        for summary in summaries:
            text = (
                f"{summary.case}: {summary.status}, {summary.steps} steps, "
                f"{summary.newton_iterations} iterations, {summary.wall_s:.3f} s"
            )
            text += _hardship(summary)
            if summary.reference_s is not None and summary.wall_s > 0.0:
                text += f" ({summary.reference_s / summary.wall_s:.0f} x faster than its reference)"
            shown = {name: value for name, value in summary.errors.items() if value is not None}
            if shown:
                text += "; errors " + ", ".join(f"{name} {v:.1e}" for name, v in shown.items())
            self.say(text)
            for line in _further(summary):
                self.say(f"  {line}")
            if summary.cycles is not None:
                from romnet.study.cycling import cycle_words

                self.say(f"  {cycle_words(summary.cycles)}")
                for one in summary.cycles.drift:
                    parts = {"u": one.u, "p": one.p, "p_hot": one.p_hot}
                    known = [f"{name} {v:.1e}" for name, v in parts.items() if v is not None]
                    self.say(f"  cycle {one.cycle}: errors {', '.join(known)}")
            if summary.indicator is not None:
                watch = summary.indicator
                self.say(
                    f"  estimated error of {watch.watched} {watch.estimate:.1e}, upper bound "
                    f"{watch.bound:.1e}, tolerance {watch.tolerance:g}"
                )
                for warning in watch.warnings:
                    self.say(f"  {warning}")
            if not summary.ok:
                self.say(f"  {summary.advice}")

    def status(self, states: Mapping[str, Mapping[str, str]]) -> None:
        """Tell the state of every stage."""
        width = max(map(len, states), default=0)
        for name, verdict in states.items():
            self.say(f"{name:<{width}}  {verdict['state']:<8} {verdict['reason']}")

    def doctor(self, findings: Sequence[Finding]) -> None:
        """Tell what was found on this machine."""
        width = max(len(found.name) for found in findings)
        for found in findings:
            mark = "ok" if found.ok else "!!"
            self.say(f"{mark}  {found.name:<{width}}  {found.found}")
            if not found.ok:
                self.say(f"    {'':<{width}}  try: {found.remedy}")


def _hardship(summary: OnlineSummary) -> str:
    """Tell what was cut, and where and why a case stopped."""
    text = f", {summary.cuts} increments cut" if summary.cuts else ""
    if summary.reason != summary.status:
        text += f"; stopped after t = {summary.until:g} ({summary.reason})"
    return text


def _further(summary: OnlineSummary) -> Iterator[str]:
    """Tell what came with an answer."""
    if summary.choice is not None:
        yield summary.choice.words
    if summary.lifting:
        yield summary.lifting
    for name, values in summary.quantities.items():
        yield f"{name}: " + ", ".join(f"{key} {v:.4g}" for key, v in values.items())
    if summary.design is not None:
        yield summary.design.words


def _write_json(content: Mapping[str, Any]) -> None:
    """Write one object; JSON has no word for NaN."""
    sys.stdout.write(json.dumps(_finite(content), allow_nan=False, default=str) + "\n")


def _finite(value: Any) -> Any:  # noqa: ANN401  (anything that JSON can say)
    """Replace what is no finite number by null."""
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


class _Bars:
    """One bar that serves the running stage."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task: TaskID | None = None
        self._began = 0.0

    def started(self, name: str) -> None:
        """Show a new bar."""
        self._began = time.perf_counter()
        self._task = self._bars.add_task(name, total=1.0, rate="")

    def progressed(self, part: float) -> None:
        """Move the bar, and say how fast it moves."""
        if self._task is not None:
            minutes = (time.perf_counter() - self._began) / 60.0
            rate = f"{100.0 * part / minutes:.3g} %/min" if minutes > 0.0 else ""
            self._bars.update(self._task, completed=part, rate=rate)

    def finished(self, name: str, seconds: float) -> None:
        """Replace the bar by a line."""
        if self._task is not None:
            self._bars.remove_task(self._task)
        # square brackets are markup to rich
        self._bars.console.print(f"{name}  {seconds:.2f} s", markup=False, highlight=False)
