"""How far a foreign file may reach: into its own folder and what lies below, no further."""

from __future__ import annotations

import os
from pathlib import Path

import h5py

from romnet.core.errors import ConversionError


def beside(path: Path, named: str) -> Path:
    """Return a file that another one names, which must lie in its folder or below.

    Parameters
    ----------
    path
        File that names the other one.
    named
        What it says.

    Raises
    ------
    ConversionError
        If that leads out of the folder. A link of that name in the folder may lead anywhere.

    Examples
    --------
    >>> beside(Path("runs/cube.ut"), "mesh/cube.geof").as_posix()
    'runs/mesh/cube.geof'
    >>> beside(Path("cube.ut"), "../a.geof")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: cube.ut: names '../a.geof', which lies outside ...
    """
    plain = Path(os.path.normpath(named))
    if "\0" in named or plain.is_absolute() or plain.parts[:1] == (os.pardir,):
        message = f"{path}: names {named!r:.200}, which lies outside its folder; copy it beside."
        raise ConversionError(message)
    return path.parent / named


def refuse_links(path: Path, group: h5py.Group) -> None:
    """Refuse an HDF5 file whose values are kept in other files.

    Parameters
    ----------
    path
        The file, for the message.
    group
        Its root.

    Raises
    ------
    ConversionError
        If a link, a virtual dataset or an external storage leads out of the file; names the place.

    Notes
    -----
    Cost: a look at the name and the layout of every member, none at values.

    Examples
    --------
    >>> with h5py.File("one.med", "w", driver="core", backing_store=False) as file:
    ...     file["far"] = h5py.ExternalLink("/etc/other.h5", "values")
    ...     refuse_links(Path("one.med"), file)
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: one.med:/far leads to another file, which is refused.
    """
    waiting = [group]
    seen = set()
    while waiting:
        here = waiting.pop()
        for name in here:
            link = here.get(name, getlink=True)
            place = f"{path}:{here.name.rstrip('/')}/{name}"
            far = isinstance(link, h5py.ExternalLink)
            if not far and isinstance(link, h5py.HardLink):
                found = here[name]
                far = isinstance(found, h5py.Dataset) and bool(found.is_virtual or found.external)
                if isinstance(found, h5py.Group):
                    number = h5py.h5o.get_info(found.id).addr
                    waiting += [] if number in seen else [found]
                    seen.add(number)
            if far:
                message = f"{place} leads to another file, which is refused."
                raise ConversionError(message)
