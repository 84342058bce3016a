"""Tests that run on any number of ranks: alone in the ordinary suite, and under mpiexec.

What several ranks compute is compared with what each of them computes alone, so that no reference
is stored. Every test is collective: all ranks run it, in the same order.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import numpy as np
import pytest

from romnet.parallel.mpi import world

_PATH_BYTES = 4096
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    """Mark the tests of this folder, and bound them: a rank that waits for ever must not."""
    for item in items:
        if _HERE in Path(item.path).parents:
            item.add_marker(pytest.mark.mpi)
            item.add_marker(pytest.mark.timeout(120))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Say a failure at once: the other ranks may wait for this one until the time is over."""
    report = yield
    if report.failed and world().size > 1:
        capture = item.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            sys.stderr.write(f"rank {world().rank}: {report.nodeid}\n{report.longreprtext}\n")
    return report


@pytest.fixture(scope="session")
def comm():
    """All ranks of this run."""
    return world()


@pytest.fixture(autouse=True)
def in_step(comm):
    """Free distributed objects on all ranks at the same time, then wait for one another."""
    yield
    gc.collect()
    comm.barrier()


@pytest.fixture(scope="session")
def new_shared_folder(comm, tmp_path_factory):
    """Function that makes a folder that all ranks see."""

    def make():
        buffer = np.zeros(_PATH_BYTES, dtype=np.uint8)
        if comm.rank == 0:
            text = str(tmp_path_factory.mktemp("shared")).encode()
            buffer[: len(text)] = np.frombuffer(text, dtype=np.uint8)
        return Path(comm.broadcast(buffer).tobytes().rstrip(b"\0").decode())

    return make


@pytest.fixture
def shared_folder(comm, new_shared_folder):
    """A new folder that all ranks see."""
    yield new_shared_folder()
    comm.barrier()


@pytest.fixture
def gathered(comm):
    """Function that puts rows of all ranks in the order of their global numbers, on every rank."""

    def gather(rows, numbers):
        order = np.argsort(comm.concatenate(numbers), kind="stable")
        return comm.concatenate(rows)[order]

    return gather
