"""A wish to stop a run, which a signal may bring at any time, and which is granted at a safe point.

A safe point is where every rank passes and nothing would be lost: between two stages, between two
instants of a simulation, between two instants that are only copied or rebuilt.
"""

from __future__ import annotations

from dataclasses import dataclass

from romnet.core.communicator import Communicator
from romnet.core.errors import StoppedError


@dataclass
class StopRequest:
    """Whether this rank was asked to stop; the others need not know yet.

    Attributes
    ----------
    asked
        Set once, by a signal handler or by a program; never taken back.

    Examples
    --------
    >>> from romnet.core.communicator import SerialCommunicator
    >>> request = StopRequest()
    >>> request.granted(SerialCommunicator())
    False
    >>> request.ask()
    >>> request.granted(SerialCommunicator())
    True
    """

    asked: bool = False

    def ask(self) -> None:
        """Ask to stop at the next safe point."""
        self.asked = True

    def granted(self, comm: Communicator) -> bool:
        """Whether any rank was asked, so that all stop at the same point.

        Notes
        -----
        Collective: yes. Cost: one number from each rank.
        """
        return comm.max(float(self.asked)) > 0.0


def stopped(place: str) -> StoppedError:
    """Return the error that every rank raises at a safe point.

    Parameters
    ----------
    place
        How far the run came.

    Examples
    --------
    >>> print(stopped("before the stage pod"))
    stopped before the stage pod, as asked; the same command goes on from there.
    """
    error = StoppedError(f"stopped {place}, as asked; the same command goes on from there.")
    error.on_all_ranks = True
    return error
