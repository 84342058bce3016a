"""The cube case, shared by the measurements."""

from __future__ import annotations

import csv
import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import yaml

ROOT = Path(__file__).resolve().parents[2]
CASE = ROOT / "cases" / "cube"


def maker_of(case: str) -> ModuleType:
    """Return ``cases/CASE/make.py``, whatever makers of other cases are loaded."""
    path = ROOT / "cases" / case / "make.py"
    spec = importlib.util.spec_from_file_location(f"make_{case}", path)
    if spec is None or spec.loader is None:
        message = f"{path} is missing."
        raise SystemExit(message)
    module = importlib.util.module_from_spec(spec)
    # Before it runs: dataclasses look their module up by its name.
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.pop(0)
    return module


def reference_table() -> dict[str, list[float]]:
    """Return the columns of the reference table."""
    with (CASE / "benchmark.csv").open() as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in rows[0]}


def study_in(folder: Path, changes: Mapping[str, object], *, source: str = "study.yaml") -> Path:
    """Write a cube study with some top-level keys replaced."""
    content = yaml.safe_load((CASE / source).read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(content | dict(changes)), encoding="utf-8")
    return path


def foreign_files(data: Path | None) -> Path:
    """Return the folder of the commercial code's files."""
    shared = Path(os.environ.get("ROMNET_SHARED", ROOT.parent / "shared"))
    folder = data or shared / "data" / "zset_cube"
    if not (folder / "cube.ut").is_file():
        message = f"{folder} holds no cube.ut; name the folder with --data."
        raise SystemExit(message)
    return folder


def foreign_study(folder: Path, data: Path, changes: Mapping[str, object]) -> Path:
    """Write the study on the commercial code's files, which are linked beside it."""
    path = study_in(folder, changes, source="zset.yaml")
    for file in data.iterdir():
        (folder / file.name).symlink_to(file)
    return path
