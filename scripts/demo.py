"""The main job on the cube: snapshots, reduced model, answers to unseen loads, report."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path
from time import perf_counter

from romnet.cli.console import Console
from romnet.core.communicator import SerialCommunicator
from romnet.study import commands, reporting

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Run everything that is not up to date, and say where to look."""
    began = perf_counter()
    console = Console(SerialCommunicator(), as_json=False)
    context = commands.open_study(ROOT / "cases" / "cube", results=ROOT / "demo")
    with console.progress() as observer:
        summary = commands.offline(context, observer=observer)
        answers = commands.online(context, observer=observer)
    page = reporting.write_report(context)
    if summary is not None:
        console.offline(summary)
    console.online(answers)
    console.say(f"\nreport    {page}\npicture   {page.with_suffix('.png')}")
    for answer in answers:
        console.say(f"ParaView  {context.folder / 'fields' / answer.case}.vtkhdf")
    console.say(f"done in {perf_counter() - began:.0f} s")
    if sys.stdout.isatty() and (os.environ.get("DISPLAY") or sys.platform == "darwin"):
        webbrowser.open(page.as_uri())


if __name__ == "__main__":
    main()
