"""Studies that are computed once and copied by the tests that change them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


def _small() -> ModuleType:
    """Load the helpers beside this file."""
    spec = importlib.util.spec_from_file_location(
        "small_study", Path(__file__).with_name("small_study.py")
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def small() -> ModuleType:
    """Return the helpers that write small studies."""
    return _small()


@pytest.fixture(scope="session")
def hf_study(small: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a computed study whose training romnet's own solver computed."""
    path = small.write_study(tmp_path_factory.mktemp("hf"), small.STUDY)
    small.computed(path)
    return path


@pytest.fixture(scope="session")
def foreign_study(
    small: ModuleType, hf_study: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a computed study whose training another code computed."""
    from romnet.study import commands

    folder = tmp_path_factory.mktemp("foreign")
    path = small.write_foreign(folder, commands.open_study(hf_study))
    small.computed(path)
    return path
