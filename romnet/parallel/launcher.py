"""The program that starts ranks: the ``mpiexec`` of the MPI library that mpi4py uses."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

# What the version of a launcher says, by words in the name of its library.
_FAMILIES = {"Open MPI": ("Open MPI", "OpenRTE"), "MPICH": ("HYDRA", "MPICH"), "Intel": ("Intel",)}
_NAMES = ("mpiexec", "mpiexec.openmpi", "mpiexec.mpich", "mpiexec.hydra")
_SECONDS = 20


@dataclass(frozen=True)
class Launcher:
    """What starts ranks on this machine.

    Attributes
    ----------
    library
        The MPI library that mpi4py loads.
    program
        The launcher that belongs to it; None if there is none.
    strangers
        Launchers of other libraries, with which every rank would believe to be alone.
    """

    library: str
    program: Path | None
    strangers: tuple[Path, ...] = ()


def find_launcher() -> Launcher:
    """Find the launcher that belongs to the MPI library of mpi4py.

    Raises
    ------
    ImportError
        If mpi4py is not installed, or its library cannot be loaded.

    Notes
    -----
    Collective: no. Loads MPI without starting it, and asks launchers for their version. Beside the
    running Python is looked first, then along ``PATH``.
    """
    import mpi4py

    started = mpi4py.rc.initialize
    mpi4py.rc.initialize = False  # login nodes may forbid to start it
    try:
        from mpi4py import MPI
    finally:
        mpi4py.rc.initialize = started
    library = MPI.Get_library_version().split(",")[0].split("\n")[0].strip("\0 \n")
    words = next((found for name, found in _FAMILIES.items() if name in library), ())
    strangers: list[Path] = []
    for candidate in _candidates():
        said = _version_of(candidate)
        if not words or any(word in said for word in words):
            return Launcher(library, candidate, tuple(strangers))
        strangers.append(candidate)
    return Launcher(library, None, tuple(strangers))


def _candidates() -> list[Path]:
    """List the launchers there are, in the order in which they are tried."""
    beside = str(Path(sys.executable).parent)
    found = [shutil.which(name, path=path) for path in (beside, None) for name in _NAMES]
    return list(dict.fromkeys(Path(program) for program in found if program is not None))


def _version_of(program: Path) -> str:
    """Return what a launcher says of its version; nothing if it does not answer."""
    try:
        asked = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout
