"""Opens shared libraries by path and finds functions in them."""

from __future__ import annotations

import ctypes
import logging
import sys
from pathlib import Path

from romnet.core.errors import PluginError
from romnet.laws.native import library_path

logger = logging.getLogger(__name__)


def load_function(path: Path, symbol: str) -> int:
    """Load a shared library and return the address of one of its functions.

    Parameters
    ----------
    path
        The library, by explicit path; nothing is searched for.
    symbol
        Exported name, such as ``"umat_"``.

    Returns
    -------
    int
        Address of the function; the library stays loaded until the process ends.

    Raises
    ------
    PluginError
        If the file is missing, is no library of this machine, needs another library that is not
        found, does not export `symbol`, or changes the floating-point arithmetic of the process
        in a way that cannot be undone.

    Notes
    -----
    A library linked with ``-ffast-math`` may switch the process to flush-to-zero. That is undone
    and logged as a warning.

    Examples
    --------
    >>> load_function(library_path("elastic"), "umat_") > 0
    True
    """
    if not path.is_file():
        message = f"{path}: there is no such shared library."
        raise PluginError(message)
    before = _keeps_subnormals()
    try:
        library = ctypes.CDLL(str(path.resolve()))
    except OSError as problem:
        message = f"{path}: cannot be loaded as a shared library of this machine ({problem})."
        raise PluginError(message) from problem
    if before and not _keeps_subnormals():
        _restore(path)
    try:
        address = ctypes.cast(library[symbol], ctypes.c_void_p).value
    except AttributeError:
        address = None
    if not address:
        message = (
            f"{path}: exports no function {symbol!r}; list what it has with `nm -D {path.name}` "
            "(Fortran compilers add an underscore: umat_)."
        )
        raise PluginError(message)
    return address


def _keeps_subnormals() -> bool:
    """Return whether this thread computes with numbers below the smallest normal one."""
    return sys.float_info.min / 2.0 > 0.0


def _restore(path: Path) -> None:
    """Undo flush-to-zero, or refuse the library."""
    ctypes.CDLL(str(library_path("batch"))).romnet_restore_environment()
    if not _keeps_subnormals():
        message = (
            f"{path}: loading it switched the process to flush-to-zero, and this cannot be undone; "
            "link the library without -ffast-math."
        )
        raise PluginError(message)
    logger.warning(
        "%s: loading it switched the process to flush-to-zero; undone. "
        "Link the library without -ffast-math.",
        path,
    )
