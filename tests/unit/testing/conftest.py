"""Plug-ins with one fault each, compiled once."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

PLUGIN = Path(__file__).parents[3] / "plugins" / "umat_c"
SOURCE = Path(__file__).with_name("faulty.c")


@pytest.fixture(scope="session")
def faulty(
    tmp_path_factory: pytest.TempPathFactory, needed: Callable[[str], str]
) -> Callable[[str], dict[str, Any]]:
    """Return what compiles a plug-in with a fault and specifies its law."""
    folder = tmp_path_factory.mktemp("faulty")

    @cache
    def build(fault: str) -> dict[str, Any]:
        needed("gcc")
        library = folder / f"{fault.lower()}.so"
        command = ["gcc", "-O1", "-fPIC", "-shared", f"-DFAULT={fault}", f"-I{PLUGIN}", SOURCE]
        done = subprocess.run(
            [*command, "-o", library, "-lm"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        properties = [2.0e5, 0.3, 250.0, 1.0e3]
        law = {"umat": str(library), "properties": properties, "n_state": 1, "symmetric": True}
        return {"law": law}

    return build
