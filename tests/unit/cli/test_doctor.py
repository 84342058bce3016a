"""What goes wrong on machines is named, with what helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from romnet.cli import doctor
from romnet.parallel import launcher


def program(path: Path, text: str) -> Path:
    """Write a program."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of ``PATH``, and where Python seems to be."""
    pytest.importorskip("mpi4py")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(launcher.sys, "executable", str(tmp_path / "bin" / "python"))
    return tmp_path / "bin"


def test_an_mpiexec_of_another_library_is_a_fault(elsewhere: Path) -> None:
    program(elsewhere / "mpiexec", "echo 'a launcher of somebody else'")
    found = doctor._mpi()
    assert not found.ok
    assert f"but {elsewhere / 'mpiexec'} of another MPI" in found.found
    assert "mpi4py was built with" in found.remedy


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("size 1\nsize 1", "every rank believes to be alone"),
        ("There are not enough slots available in the system", "--oversubscribe"),
        ("mpiexec has detected an attempt to run as root.", "OMPI_ALLOW_RUN_AS_ROOT=1"),
        ("something else", "docs/installation.md"),
    ],
)
def test_ranks_that_do_not_find_each_other(elsewhere: Path, said: str, remedy: str) -> None:
    words = "Open MPI HYDRA Intel"
    program(elsewhere / "mpiexec", f"[ $1 = --version ] && echo {words} || echo '{said}'")
    found = doctor._ranks()
    assert not found.ok
    assert remedy in found.remedy
    assert found.found in said


def test_ranks_that_find_each_other(elsewhere: Path) -> None:
    words = "Open MPI HYDRA Intel"
    program(
        elsewhere / "mpiexec", f"[ $1 = --version ] && echo {words} || printf 'size 2\\nsize 2'"
    )
    assert doctor._ranks().ok


def test_a_file_system_without_locks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import h5py

    def refuse(*_: object) -> None:
        raise BlockingIOError(11, "unable to lock file")

    monkeypatch.chdir(tmp_path)
    assert doctor._files().ok
    monkeypatch.setattr(h5py, "File", refuse)
    found = doctor._files()
    assert not found.ok
    assert "HDF5_USE_FILE_LOCKING=FALSE" in found.remedy
    assert not list(tmp_path.iterdir())
