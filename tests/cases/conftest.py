"""Running the cases, and comparing them with the numbers that are kept beside them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

CASES = Path(__file__).parents[2] / "cases"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that rewrites the numbers."""
    parser.addoption(
        "--update", action="store_true", help="rewrite cases/*/reference.json and print the change"
    )


@pytest.fixture(scope="session")
def command() -> Callable[..., dict[str, Any]]:
    """Return what runs a romnet command and gives its answer."""

    def call(*words: object) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "romnet.cli.main", *map(str, words), "--json"],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    return call


@pytest.fixture
def agrees(request: pytest.FixtureRequest) -> Callable[[str, Mapping[str, float]], None]:
    """Return what compares found numbers with the reference of a case, or rewrites it."""

    def compare(case: str, found: Mapping[str, float]) -> None:
        path = CASES / case / "reference.json"
        kept = json.loads(path.read_text())
        assert set(kept) == set(found)
        assert len(kept) <= 20
        if request.config.getoption("--update", default=False):
            _update(path, kept, found)
            return
        wrong = [
            f"{name}: {found[name]:.6g}, expected {entry['value']:.6g} ({entry['reason']})"
            for name, entry in kept.items()
            if abs(found[name] - entry["value"]) > entry["tolerance"]
        ]
        assert not wrong, "\n".join(wrong)

    return compare


def _update(path: Path, kept: dict[str, dict[str, Any]], found: Mapping[str, float]) -> None:
    """Rewrite the values, keep tolerances and reasons, and print what changed."""
    for name, entry in kept.items():
        new = float(f"{found[name]:.4g}")
        if new != entry["value"]:
            sys.stderr.write(f"{path.parent.name} {name}: {entry['value']:g} -> {new:g}\n")
        entry["value"] = new if new != int(new) else int(new)
    path.write_text(json.dumps(kept, indent=1) + "\n")
