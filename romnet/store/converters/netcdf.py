"""Variables of Exodus files: netCDF-3 is read by scipy, netCDF-4 is HDF5."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from scipy.io import netcdf_file

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError, RomnetError
from romnet.store.converters.reach import refuse_links


@dataclass(frozen=True)
class NetcdfFile:
    """Variables of an open file, whatever its format.

    Attributes
    ----------
    names
        Of the variables.
    read, row
        Give a whole variable, or one row of it.
    kind_of
        Gives the element type of a block.
    """

    names: frozenset[str]
    read: Callable[[str], Array]
    row: Callable[[str, int], Array]
    kind_of: Callable[[str], str]


@contextmanager
def opened(path: Path) -> Iterator[NetcdfFile]:
    """Open a file, and turn whatever reading it raises into a `ConversionError`.

    Parameters
    ----------
    path
        Exodus file in netCDF-3 or netCDF-4.

    Yields
    ------
    NetcdfFile
        Its variables.

    Raises
    ------
    ConversionError
        If it does not exist, or reading it fails within the ``with``.

    Notes
    -----
    Collective: no. Deterministic: yes.

    Examples
    --------
    >>> with opened(Path("absent.e")):
    ...     pass
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.e: does not exist.
    """
    if not path.is_file():
        message = f"{path}: does not exist."
        raise ConversionError(message)
    try:
        with path.open("rb") as raw:
            classic = raw.read(3) == b"CDF"
        with (_classic if classic else _netcdf4)(path) as file:
            yield file
    except ConversionError:
        raise
    except (RomnetError, Exception) as problem:
        message = f"{path}: cannot be read as Exodus ({type(problem).__name__}: {problem})."
        raise ConversionError(message) from problem


@contextmanager
def _classic(path: Path) -> Iterator[NetcdfFile]:
    """Open netCDF-3; arrays are copied, so that the file can be closed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with netcdf_file(path, "r", mmap=True) as raw:
            variables = raw.variables
            yield NetcdfFile(
                frozenset(variables),
                lambda name: np.array(variables[name].data),
                lambda name, number: np.array(variables[name].data[number]),
                lambda name: variables[name].elem_type.decode("latin-1").strip("\0 "),
            )


@contextmanager
def _netcdf4(path: Path) -> Iterator[NetcdfFile]:
    """Open netCDF-4, which is HDF5."""
    with h5py.File(path, "r") as raw:
        refuse_links(path, raw)

        def kind_of(name: str) -> str:
            """Return the element type of a block."""
            kind = raw[name].attrs["elem_type"]
            text = kind.decode("latin-1") if isinstance(kind, bytes) else str(kind)
            return text.strip("\0 ")

        yield NetcdfFile(
            frozenset(raw),
            lambda name: np.asarray(raw[name]),
            lambda name, number: np.asarray(raw[name][number]),
            kind_of,
        )
