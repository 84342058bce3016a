"""Facts that `scripts/setup` asks of a Python interpreter; standard library only.

``setup_facts.py bindings`` loads mpi4py and petsc4py without starting MPI (login nodes may forbid
it) and prints ``name=value`` lines; ``setup_facts.py requirements`` prints what pip installs.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
DEBIAN_PETSC = "petsc*/*-real/lib/python3/dist-packages"
GROUPS = ("test", "cases", "docs")
# Both are bound to one MPI library: they are found, never installed.
FOUND_NOT_INSTALLED = {"mpi4py", "petsc4py"}


def bindings() -> dict[str, str]:
    """Load the two bindings and describe them; ImportError says what is missing."""
    if sys.version_info < (3, 11):  # noqa: UP036
        raise ImportError(f"Python {sys.version.split()[0]} is older than 3.11")
    if sys.base_prefix == "/usr":  # Debian keeps petsc4py in a folder of its own
        sys.path += sorted(map(str, Path("/usr/lib/petscdir").glob(DEBIAN_PETSC)), reverse=True)

    import mpi4py

    mpi4py.rc.initialize = False
    import numpy  # noqa: ICN001
    import petsc4py.lib
    from mpi4py import MPI

    petsc = petsc4py.lib.ImportPETSc()
    if petsc.ScalarType is not numpy.float64:
        raise ImportError(f"this PETSc computes in {petsc.ScalarType.__name__}, not float64")
    folders = {str(Path(m.__file__).parent.parent): None for m in (mpi4py, petsc4py, numpy)}
    return {
        "python": sys.version.split()[0],
        "base": getattr(sys, "_base_executable", sys.executable),
        "numpy": numpy.__version__,
        "petsc": ".".join(map(str, petsc.Sys.getVersion())),
        "mpi": re.sub(r"\s*Version:\s*", " ", re.split(r"[,\n\0]", MPI.Get_library_version())[0]),
        "folders": os.pathsep.join(folders),
    }


def requirements() -> list[str]:
    """Return what pyproject.toml asks for to run, test, document, build, without the found ones."""
    import tomllib

    table = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))
    project = table["project"]
    wanted = [
        *project["dependencies"],
        *(line for group in GROUPS for line in project["optional-dependencies"][group]),
        *table["build-system"]["requires"],
    ]
    return [line for line in wanted if re.split(r"[^\w-]", line)[0] not in FOUND_NOT_INSTALLED]


def main() -> int:
    """Print one set of facts, or the reason on standard error."""
    if sys.argv[1:] == ["requirements"]:
        print("\n".join(requirements()))
        return 0
    try:
        facts = bindings()
    except (ImportError, OSError) as problem:
        print(f"{problem}".splitlines()[0], file=sys.stderr)
        return 1
    print("\n".join(f"{name}={value}" for name, value in facts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
