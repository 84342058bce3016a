"""Reduced models on disk, read on any number of ranks."""

from __future__ import annotations

from pathlib import Path

from romnet.reduction.model import ReducedModel
from romnet.store import artefact


def load_model(path: Path | str) -> ReducedModel:
    """Read the reduced model that the offline stage wrote.

    Parameters
    ----------
    path
        The file, usually ``results/model.h5``.

    Raises
    ------
    StoreError
        If the file is missing, damaged or holds something else.

    Notes
    -----
    Collective: no; every rank that takes part in a solution reads the whole model, which is small.

    Examples
    --------
    >>> load_model("absent.h5")
    Traceback (most recent call last):
    romnet.core.errors.StoreError: absent.h5 does not exist.
    """
    return artefact.load(Path(path), ReducedModel)
