"""A look at the machine: what romnet stands on, and what to do when it wobbles."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
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
    Collective: no. Loads MPI and PETSc, and starts two ranks that end at once; changes nothing.
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
    from romnet.parallel.launcher import find_launcher

    remedy = "scripts/task setup, or see docs/installation.md"
    try:
        found = find_launcher()
    except ImportError as problem:
        return Finding("mpi", ok=False, found=str(problem), remedy=remedy)
    if found.program is not None:
        return Finding("mpi", ok=True, found=f"{found.library}, {found.program}")
    others = ", ".join(map(str, found.strangers))
    text = f"{found.library}, {f'but {others} of another MPI' if others else 'no mpiexec'}"
    return Finding(
        "mpi",
        ok=False,
        found=text,
        remedy="use the mpiexec of the MPI that mpi4py was built with" if others else remedy,
    )


def _ranks() -> Finding:
    from romnet.parallel.launcher import find_launcher
    from romnet.parallel.mpi import world

    if world().size > 1:
        return Finding("ranks", ok=True, found=f"{world().size} in this run")
    try:
        program = find_launcher().program
    except ImportError:
        program = None
    if program is None:
        return Finding("ranks", ok=True, found="not tried without mpiexec")
    code = "from mpi4py import MPI; print('size', MPI.COMM_WORLD.Get_size())"
    # Where this process has loaded MPI already, its variables would mislead the launcher.
    plain = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OMPI_COMM", "OMPI_MCA_ess", "OMPI_MCA_orte", "PMI", "PMIX"))
    }
    words = [str(program), "-n", "2", sys.executable, "-c", code]
    try:
        ran = subprocess.run(
            words, capture_output=True, text=True, timeout=_RANKS_S, check=False, env=plain
        )
    except subprocess.TimeoutExpired:
        text = f"two ranks did not start within {_RANKS_S} s"
        return Finding("ranks", ok=False, found=text, remedy="scripts/mpi 2 romnet doctor")
    if ran.returncode == 0 and ran.stdout.count("size 2") == 2:  # noqa: PLR2004
        return Finding("ranks", ok=True, found="two started and found each other")
    said = ran.stdout + ran.stderr
    for sign, remedy in _FAULTS_OF_RANKS.items():
        if sign in said:
            return Finding("ranks", ok=False, found=_first_line(said, sign), remedy=remedy)
    remedy = "scripts/task setup, or see docs/installation.md"
    return Finding("ranks", ok=False, found=_first_line(said, ""), remedy=remedy)


def _first_line(text: str, sign: str) -> str:
    """Return the first line that says something, and that."""
    lines = (line.strip(" -\t") for line in text.splitlines())
    return next((line for line in lines if line and sign in line), "two ranks said nothing")


def _petsc() -> Finding:
    remedy = "scripts/task setup"
    try:
        from romnet.parallel.petsc import petsc

        library = petsc()
    except RomnetError as problem:
        return Finding("petsc", ok=False, found=str(problem), remedy=remedy)
    version = ".".join(str(part) for part in library.Sys.getVersion())
    scalar = library.ScalarType.__name__
    if scalar != "float64":
        text = f"PETSc {version} computes in {scalar}"
        return Finding("petsc", ok=False, found=text, remedy="load or install the real one")
    solvers = [
        name for name in ("mumps", "hypre", "ptscotch") if library.Sys.hasExternalPackage(name)
    ]
    return Finding("petsc", ok=True, found=f"PETSc {version}, GAMG {' '.join(solvers)}".rstrip())


def _blas() -> Finding:
    maps = Path("/proc/self/maps")
    loaded = maps.read_text(encoding="utf-8") if maps.is_file() else ""
    libraries = {Path(line.split()[-1]) for line in loaded.splitlines() if ".so" in line}
    plain = sorted(str(one) for one in libraries if one.match("*/blas/libblas.so*"))
    if plain:
        remedy = "Debian: apt-get install libopenblas0-pthread"
        text = f"{plain[0]} is the reference, direct solvers will be slow"
        return Finding("blas", ok=False, found=text, remedy=remedy)
    fast = sorted({one.name.split(".")[0] for one in libraries if _is_blas(one.name)})
    return Finding("blas", ok=True, found=", ".join(fast) or "not recognised")


def _is_blas(name: str) -> bool:
    """Whether a library is known for fast linear algebra."""
    return any(word in name for word in ("openblas", "mkl_core", "blis", "libsci", "flexiblas"))


def _threads() -> Finding:
    from romnet.parallel.mpi import world

    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    unset = [name for name in names if name not in os.environ]
    text = ", ".join(f"{name}={os.environ.get(name, 'unset')}" for name in names)
    text = f"{text}; {len(os.sched_getaffinity(0))} cores for this process"
    ok = world().size == 1 or not unset
    remedy = "" if ok else f"export {' '.join(f'{name}=1' for name in unset)}, or use scripts/mpi"
    return Finding("threads", ok=ok, found=text, remedy=remedy)


def _files() -> Finding:
    import h5py

    here = Path.cwd()
    free = shutil.disk_usage(here).free / 2**30
    try:
        with tempfile.NamedTemporaryFile(dir=here, suffix=".h5") as made, h5py.File(made.name, "w"):
            pass
    except PermissionError:
        return Finding("files", ok=True, found=f"{here} is read-only; {free:.0f} GiB free")
    except OSError as problem:
        remedy = "export HDF5_USE_FILE_LOCKING=FALSE where the file system has no locks"
        return Finding("files", ok=False, found=f"{here}: {problem}", remedy=remedy)
    if free < _LITTLE_GIB:
        remedy = "make room, or give --results FOLDER elsewhere"
        return Finding("files", ok=False, found=f"{here}: {free:.1f} GiB free", remedy=remedy)
    return Finding("files", ok=True, found=f"{here}: HDF5 can lock, {free:.0f} GiB free")


def _tools() -> Finding:
    asked = {"cc": "C laws", "gfortran": "Fortran laws", "sbatch": "romnet submit"}
    parts = [
        f"{name} {'found' if shutil.which(name) else 'absent'} ({use})"
        for name, use in asked.items()
    ]
    return Finding("tools", ok=True, found=", ".join(parts))


_LITTLE_GIB = 1.0
_RANKS_S = 60
# What launchers say, and what helps.
_FAULTS_OF_RANKS = {
    "size 1": "every rank believes to be alone: use the mpiexec of mpi4py's library, scripts/mpi",
    "not enough slots": "scripts/mpi, or mpiexec --oversubscribe",
    "as root": "export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1, or scripts/mpi",
}
_LOOKS: tuple[Callable[[], Finding], ...] = (
    _python,
    _laws,
    _converters,
    _mpi,
    _ranks,
    _petsc,
    _blas,
    _threads,
    _files,
    _tools,
)
