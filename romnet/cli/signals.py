"""Signals that ask a run to stop where it can go on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from romnet.study.stopping import StopRequest

# Schedulers send SIGTERM before they kill, and SIGUSR1 when told to warn.
SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


@contextmanager
def listening() -> Iterator[StopRequest]:
    """Take SIGTERM and SIGUSR1 as the wish to stop at the next safe point.

    Yields
    ------
    StopRequest
        Asked when a signal came; further ones change nothing, and Ctrl-C still ends the run at
        once.

    Notes
    -----
    Collective: no. Signals reach the main thread only; elsewhere nothing is listened to. What was
    done with the signals before is done again afterwards.

    Examples
    --------
    >>> with listening() as request:
    ...     signal.raise_signal(signal.SIGUSR1)
    ...     request.asked
    True
    """
    request = StopRequest()

    def ask(_number: int, _frame: FrameType | None) -> None:
        request.ask()

    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.signal(number, ask) for number in SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
