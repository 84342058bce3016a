"""What a terminal shows while a stage runs."""

from __future__ import annotations

import io

from rich.console import Console as Terminal
from rich.progress import Progress, TextColumn

from romnet.cli import console


def test_a_running_stage_tells_how_fast_it_is(monkeypatch):
    clock = iter([0.0, 30.0])
    monkeypatch.setattr(console.time, "perf_counter", lambda: next(clock))
    shown = io.StringIO()
    columns = (TextColumn("{task.description}"), TextColumn("{task.fields[rate]}"))
    terminal = Terminal(file=shown, force_terminal=True, width=80)
    with Progress(*columns, console=terminal, auto_refresh=False) as bars:
        observer = console._Bars(bars)
        observer.started("cubature")
        observer.progressed(0.25)
        bars.refresh()
        assert "50 %/min" in shown.getvalue()
        observer.finished("cubature", 30.0)
    assert "cubature  30.00 s" in shown.getvalue()
