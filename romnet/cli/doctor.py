"""A look at the machine: what romnet stands on, and what to do when it wobbles."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from romnet.core.errors import RomnetError


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    name
        What.
    ok
        Whether it is as it should be.
    found
        What is there.
    remedy
        What to do when it is not as it should be.
    """

    name: str
    ok: bool
    found: str
    remedy: str = ""


def examine() -> tuple[Finding, ...]:
    """Look at everything romnet stands on.

    Notes
    -----
    Collective: no. Loads MPI and PETSc; changes nothing.
    """
    return tuple(look() for look in _LOOKS)


def _python() -> Finding:
    import h5py
    import numpy as np
    import scipy

    import romnet

    text = (
        f"romnet {romnet.__version__}, Python {platform.python_version()}, numpy {np.__version__}, "
        f"scipy {scipy.__version__}, h5py {h5py.__version__}"
    )
    return Finding("python", ok=True, found=text)


def _laws() -> Finding:
    from romnet.laws.registry import build_law, law_names

    try:
        spec = {"law": "elastic", "parameters": {"young": 1.0, "poisson": 0.3}}
        build_law(spec, n_components=6)
    except RomnetError as problem:
        return Finding("laws", ok=False, found=str(problem), remedy="scripts/task setup")
    return Finding("laws", ok=True, found=", ".join(law_names()))


def _converters() -> Finding:
    from romnet.store.converters.base import registered_converters

    try:
        found = registered_converters()
    except RomnetError as problem:
        return Finding("converters", ok=False, found=str(problem), remedy="uninstall the plug-in")
    text = "; ".join(f"{name}: {' '.join(one.suffixes)}" for name, one in found.items())
    return Finding("converters", ok=True, found=text)


def _mpi() -> Finding:
    remedy = "scripts/task setup, or see docs/installation.md"
    try:
        from mpi4py import MPI
    except ImportError as problem:
        return Finding("mpi", ok=False, found=str(problem), remedy=remedy)
    library = MPI.Get_library_version().split(",")[0].strip("\0 \n")
    beside = Path(sys.executable).parent
    launcher = shutil.which("mpiexec", path=str(beside)) or shutil.which("mpiexec")
    if launcher is None:
        return Finding("mpi", ok=False, found=f"{library}, no mpiexec", remedy=remedy)
    said = subprocess.run(
        [launcher, "--version"], capture_output=True, text=True, timeout=20, check=False
    ).stdout
    families = {"Open MPI": ("Open MPI", "OpenRTE"), "MPICH": ("HYDRA", "MPICH")}
    expected = next((words for name, words in families.items() if name in library), ())
    matches = not expected or any(word in said for word in expected)
    return Finding(
        "mpi",
        ok=matches,
        found=f"{library}, {launcher}",
        remedy="" if matches else "use the mpiexec of the MPI that mpi4py was built with",
    )


def _petsc() -> Finding:
    try:
        from romnet.parallel.petsc import petsc

        library = petsc()
    except RomnetError as problem:
        return Finding("petsc", ok=False, found=str(problem), remedy="scripts/task setup")
    version = ".".join(str(part) for part in library.Sys.getVersion())
    return Finding("petsc", ok=True, found=f"PETSc {version}")


def _threads() -> Finding:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    text = ", ".join(f"{name}={os.environ.get(name, 'unset')}" for name in names)
    return Finding("threads", ok=True, found=f"{text}; set both to 1 under mpiexec")


_LOOKS: tuple[Callable[[], Finding], ...] = (_python, _laws, _converters, _mpi, _petsc, _threads)
