"""Logs: one file for each rank, or warnings on the terminal of rank 0."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from romnet.core.communicator import Communicator

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


@contextmanager
def logging_to(folder: Path | None, comm: Communicator) -> Iterator[None]:
    """Send what romnet logs to a file of this rank, or warnings of rank 0 to stderr.

    Parameters
    ----------
    folder
        Gets ``rank-0.log``, ``rank-1.log``, ...; made if absent, earlier logs are continued.
    comm
        The ranks.

    Notes
    -----
    Collective: no. Only the logger ``romnet`` is touched, and set back at the end.
    """
    logger = logging.getLogger("romnet")
    level, propagates = logger.level, logger.propagate
    handler: logging.Handler
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(folder / f"rank-{comm.rank}.log", encoding="utf-8")
        handler.setFormatter(logging.Formatter(FORMAT))
        logger.setLevel(logging.INFO)
    else:
        handler = logging.StreamHandler() if comm.rank == 0 else logging.NullHandler()
        handler.setLevel(logging.WARNING)
        handler.setFormatter(logging.Formatter("romnet: %(message)s"))
    logger.addHandler(handler)
    # Programs that call the commands in their own process see the messages as well.
    logger.propagate = folder is None and bool(logging.getLogger().handlers)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()
        logger.setLevel(level)
        logger.propagate = propagates
