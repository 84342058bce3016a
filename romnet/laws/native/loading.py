"""Opens shared libraries by path and finds functions in them."""

from __future__ import annotations

import ctypes
import hashlib
import logging
import sys
from pathlib import Path

from romnet.core.errors import PluginError
from romnet.laws.native import library_path

logger = logging.getLogger(__name__)


def load_function(path: Path, *symbols: str) -> int:
    """Load a shared library and return the address of one of its functions.

    Parameters
    ----------
    path
        The library, by explicit path; nothing is searched for.
    symbols
        Exported name, such as ``"umat_"``, or several of which the first one found is taken.

    Returns
    -------
    int
        Address of the function; the library stays loaded until the process ends.

    Raises
    ------
    PluginError
        If the file is missing, is no library of this machine, needs another library that is not
        found, exports none of `symbols`, or changes the floating-point arithmetic of the process
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
    found = exported(path, *symbols)
    if not found:
        wanted = " or ".join(repr(symbol) for symbol in symbols)
        message = (
            f"{path}: exports no function {wanted}; list what it has with `nm -D {path.name}` "
            "(Fortran compilers add an underscore: umat_)."
        )
        raise PluginError(message)
    return next(iter(found.values()))


def exported(path: Path, *symbols: str) -> dict[str, int]:
    """Load a shared library and return those of some functions that it exports.

    Parameters
    ----------
    path
        The library, by explicit path; nothing is searched for.
    symbols
        Names.

    Returns
    -------
    dict
        Address by name, in the order of `symbols`.

    Raises
    ------
    PluginError
        As `load_function`, save for missing functions.

    Examples
    --------
    >>> list(exported(library_path("elastic"), "UMAT", "umat_", "sdvini_"))
    ['umat_']
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
    addresses = {symbol: _address(library, symbol) for symbol in symbols}
    return {symbol: address for symbol, address in addresses.items() if address}


def library_digest(path: Path) -> str:
    """Return the SHA-256 of a shared library, to be written down with what it computed.

    Examples
    --------
    >>> len(library_digest(library_path("elastic")))
    64
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _address(library: ctypes.CDLL, symbol: str) -> int | None:
    """Return where a library has a function; None if it has not."""
    try:
        return ctypes.cast(library[symbol], ctypes.c_void_p).value
    except AttributeError:
        return None


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
