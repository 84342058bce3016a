"""Helpers of the tests that the measurements share."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "unit" / "store" / "converters"


def load_test_file(name: str) -> ModuleType:
    """Import a helper of the tests of the converters."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    if spec is None or spec.loader is None:
        message = f"{FOLDER / name}.py is missing"
        raise SystemExit(message)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
