"""Helpers as fixtures, and runs of CalculiX that several tests share."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest


def load(name: str):
    """Import a helper that lies here."""
    place = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, place)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def seeds():
    return load("seeds")


@pytest.fixture(scope="session")
def mutated():
    return load("mutated")


@pytest.fixture(scope="session")
def bars(needed):
    """Decks of a bar, and CalculiX to run them."""
    needed("ccx")
    return load("ccx_deck")
