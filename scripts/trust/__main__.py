"""Inject faults, count what survives, what is refused in clear words, and what goes wrong."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from outcome import End, Outcome, table

# Each is a module beside this one with run(folder, *, short, seed) -> Iterator[Outcome].
PARTS = {
    "crashes": "kills, signals, full disks, read-only folders, lost ranks",
    "integrity": "damaged, truncated and old artefacts; locks",
    "inputs": "studies and meshes that make no sense",
    "numerics": "degenerate snapshots, laws that fail, long runs",
    "security": "data files and plug-ins that reach for more than they may",
    "determinism": "the same inputs give the same bytes",
}


def outcomes(parts: list[str], *, short: bool, seed: int) -> Iterator[Outcome]:
    """Run the parts one after another, each in a folder of its own."""
    for name in parts:
        module = importlib.import_module(name)
        with tempfile.TemporaryDirectory(prefix=f"romnet-{name}-") as folder:
            began, count = perf_counter(), 0
            for outcome in module.run(Path(folder), short=short, seed=seed):
                count += 1
                if outcome.end is End.WRONG:
                    print("WRONG", outcome.kind, outcome.fault, outcome.detail, file=sys.stderr)
                yield outcome
            seconds = perf_counter() - began
            print(f"{name:<12} {count:6d} faults  {seconds:6.1f} s", file=sys.stderr, flush=True)


def measure(parts: list[str], *, short: bool, seed: int) -> dict[str, Any]:
    """Return the table and its totals."""
    began = perf_counter()
    rows = table(outcomes(parts, short=short, seed=seed))
    total = {name: value for name, value in asdict(rows[-1]).items() if name != "kind"}
    minutes = round((perf_counter() - began) / 60, 2)
    return {**total, "minutes": minutes, "table": [asdict(row) for row in rows]}


def main() -> int:
    """Run what the command line asks for; the exit code is 1 if anything went wrong."""
    listing = "\n".join(f"  {name:<12} {text}" for name, text in PARTS.items())
    parser = argparse.ArgumentParser(
        prog="scripts/task trust",
        description=f"{__doc__}\n\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all when none is named")
    parser.add_argument("--short", action="store_true", help="the form for every change, 3 min")
    parser.add_argument("--seed", type=int, default=0, help="of the random times and mutations")
    parser.add_argument(
        "--mutations", action="store_true", help="take safeguards out of a copy: tests must fail"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if options.mutations:
        return importlib.import_module("mutations").main()
    found = measure(options.parts or list(PARTS), short=options.short, seed=options.seed)
    print(json.dumps(found) if options.json else words(found))
    return 1 if found["wrong"] else 0


def words(found: dict[str, Any]) -> str:
    """Lay the table out for people."""
    columns = ("injected", "survived", "refused", "wrong")
    lines = [f"{'fault':<32}" + "".join(f"{name:>10}" for name in columns)]
    rows = found["table"]
    lines += [
        f"{row['kind']:<32}" + "".join(f"{row[name]:>10}" for name in columns) for row in rows
    ]
    return "\n".join([*lines, f"{found['minutes']} min"])


if __name__ == "__main__":
    sys.exit(main())
