"""The compiled half of the laws: plain shared libraries, found by name."""

from __future__ import annotations

import sysconfig
from pathlib import Path

from romnet.core.errors import PluginError


def library_path(name: str) -> Path:
    """Return the path of a shared library that is built with romnet.

    Parameters
    ----------
    name
        ``"batch"`` (the driver) or a reference law, such as ``"elastic"``.

    Returns
    -------
    Path
        Absolute path; the libraries of the laws export `umat_` and may be loaded by other codes.

    Raises
    ------
    PluginError
        When romnet was not built.

    Examples
    --------
    >>> library_path("elastic").is_absolute()
    True
    """
    path = Path(__file__).resolve().parent / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
    if not path.is_file():
        message = f"{path} is missing: romnet is not built; run `pip install -e .` in its checkout."
        raise PluginError(message)
    return path
