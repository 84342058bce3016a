"""How long increments are: from one to the next by how hard the last one was."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True)
class IncrementControl:
    """Lengths of increments that follow the difficulty, not the instants asked for.

    Attributes
    ----------
    initial
        First length; up to the first instant if left out [time].
    smallest
        Length below which a computation is given up; a fraction of the way to the next instant,
        `NewtonOptions.smallest_step`, if left out [time].
    largest
        Largest length [time].
    growth
        Factor after an easy increment [-].
    cut
        Factor after a hard or a rejected one [-].
    easy, hard
        Corrections up to which an increment was easy, and from which on it was hard.

    Raises
    ------
    ValueError
        When built from lengths or factors that do not fit together.

    Examples
    --------
    >>> control = IncrementControl(largest=1.0, easy=4, hard=10)
    >>> [control.following(0.5, count) for count in (3, 7, 12)]
    [0.75, 0.5, 0.25]
    """

    initial: float | None = None
    smallest: float | None = None
    largest: float = inf
    growth: float = 1.5
    cut: float = 0.5
    easy: int = 5
    hard: int = 12

    def __post_init__(self) -> None:
        """Refuse lengths that are out of order."""
        smallest = self.smallest or 0.0
        initial = self.largest if self.initial is None else self.initial
        if not 0.0 <= smallest <= initial <= self.largest:
            message = (
                f"increments need smallest <= initial <= largest, "
                f"got {smallest:g}, {initial:g} and {self.largest:g}."
            )
            raise ValueError(message)
        if not (self.growth >= 1.0 > self.cut > 0.0 and self.easy < self.hard):
            message = (
                f"increments need growth >= 1 > cut > 0 and easy < hard, got {self.growth:g}, "
                f"{self.cut:g}, {self.easy} and {self.hard}."
            )
            raise ValueError(message)

    @property
    def first(self) -> float:
        """Length of the first increment, unless an instant comes before its end [time]."""
        return self.largest if self.initial is None else self.initial

    def following(self, length: float, corrections: int) -> float:
        """Return the length of the next increment after one that converged."""
        if corrections <= self.easy:
            return min(length * self.growth, self.largest)
        if corrections >= self.hard:
            return max(length * self.cut, self.smallest or 0.0)
        return length
