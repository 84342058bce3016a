"""The kernels of BLAS that fit the processor, chosen before NumPy loads its BLAS."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "OPENBLAS_CORETYPE"
# What romnet chose. Batch systems and launchers hand the environment on to other machines, where
# the choice has to be made again; what a user chose has no such companion.
OURS = "ROMNET_CORETYPE"
# Kernels of OpenBLAS, best first, with what a processor must know to run them.
_KERNELS = {
    "SkylakeX": {"avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd"},
    "Haswell": {"avx2", "fma"},
}
_PROCESSOR = Path("/proc/cpuinfo")
_ENOUGH = 2**13  # B: the first core's flags; a large machine lists hundreds of cores


def choose_kernels(processor: Path = _PROCESSOR) -> None:
    """Name the kernels in this process's environment, unless someone did.

    An OpenBLAS that is older than the processor does not know it and takes the kernels of 2004:
    the one inside NumPy's wheels then multiplies matrices at a seventh of the speed.

    Parameters
    ----------
    processor
        Where Linux tells what the processor knows.

    Notes
    -----
    Collective: no. Mutates ``os.environ``; a choice that came with the environment from another
    machine is made again. Without effect where NumPy is loaded already, on other systems than
    Linux, and on BLAS libraries other than OpenBLAS.
    """
    if os.environ.get(VARIABLE) != os.environ.get(OURS):
        return
    kernels = kernels_for(_flags(processor))
    for name in (VARIABLE, OURS):
        if kernels is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = kernels


def kernels_for(flags: frozenset[str]) -> str | None:
    """Return the name of the best kernels for what a processor knows, None for the library's own.

    Parameters
    ----------
    flags
        Instruction sets, as Linux names them.

    Notes
    -----
    Collective: no.

    Examples
    --------
    >>> kernels_for(frozenset({"sse2", "avx2", "fma"}))
    'Haswell'
    >>> kernels_for(frozenset({"asimd"})) is None
    True
    """
    return next((name for name, needed in _KERNELS.items() if needed <= flags), None)


def _flags(processor: Path) -> frozenset[str]:
    """Return the instruction sets of the first core, none where the system does not tell."""
    try:
        with processor.open("rb") as file:
            text = file.read(_ENOUGH).decode("ascii", "replace")
    except OSError:
        return frozenset()
    line = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return frozenset(line.partition(":")[2].split())
