"""What the report shows of costs, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

Kind = Literal["training", "offline", "reference", "comparison", "online"]
# What stages are for, in the order in which they are told.
KINDS: dict[Kind, str] = {
    "training": "simulations to learn from",
    "offline": "building and testing the model",
    "online": "questions to the model",
    "reference": "simulations to compare with",
    "comparison": "comparing with them",
}


@dataclass(frozen=True)
class StageFacts:
    """One stage and where its artefact came from.

    Attributes
    ----------
    name
        Name of the stage: ``"cubature"``, ``"online[cycle2]"``, ...
    seconds
        Wall time [s].
    peak_mb
        Largest memory, summed over the ranks [MB].
    state
        ``"fresh"``, ``"stale"`` or ``"missing"``.
    key
        Key of the artefact.
    ranks
        Number of ranks that computed it.
    kind
        What it is for, one of `KINDS`.
    cpu_seconds
        Processor time of all ranks [s]; None where it was not measured.
    """

    name: str
    seconds: float
    peak_mb: float
    state: str
    key: str = ""
    ranks: int = 1
    kind: Kind = "offline"
    cpu_seconds: float | None = None


@dataclass(frozen=True)
class Ledger:
    """What the reduced model cost, and what a question costs with and without it.

    Attributes
    ----------
    made
        Wall time of everything before the first question: training, model, its tests [s].
    in_full
        Mean wall time of a simulation in full [s]; None if romnet computed none.
    asked
        Mean wall time of a question with all its stages: reading the model, reducing the load,
        increments, fields for ParaView [s]; None if none was asked.
    answered
        Mean wall time of its increments alone [s].
    """

    made: float
    in_full: float | None
    asked: float | None
    answered: float | None

    @classmethod
    def of(cls, stages: Sequence[StageFacts], answers: Sequence[float]) -> Ledger:
        """Add up what stages took.

        Parameters
        ----------
        stages
            What ran.
        answers
            Wall time of the increments of each question asked [s].

        Examples
        --------
        >>> stages = [StageFacts("snapshots[one]", 9.0, 1.0, "fresh", kind="training"),
        ...     StageFacts("model", 3.0, 1.0, "fresh"),
        ...     StageFacts("online[two]", 0.5, 1.0, "fresh", kind="online"),
        ...     StageFacts("export[two]", 0.5, 1.0, "fresh", kind="online")]
        >>> ledger = Ledger.of(stages, [0.1])
        >>> ledger.made, ledger.in_full, ledger.asked, ledger.break_even
        (12.0, 9.0, 1.0, 2)
        """
        simulated = [s.seconds for s in stages if s.kind in {"training", "reference"} and s.seconds]
        online = sum((s.seconds for s in stages if s.kind == "online"), 0.0)
        return cls(
            made=sum((s.seconds for s in stages if s.kind in {"training", "offline"}), 0.0),
            in_full=sum(simulated) / len(simulated) if simulated else None,
            asked=online / len(answers) if answers else None,
            answered=sum(answers) / len(answers) if answers else None,
        )

    @property
    def break_even(self) -> int | None:
        """Number of questions after which the model has paid; None if never, or not known."""
        if self.in_full is None or self.asked is None or self.in_full <= self.asked:
            return None
        return max(1, ceil(self.made / (self.in_full - self.asked)))

    @property
    def speedup(self) -> float | None:
        """Of a question with all its stages, over a simulation in full."""
        if self.in_full is None or not self.asked:
            return None
        return self.in_full / self.asked

    @property
    def step_speedup(self) -> float | None:
        """The same of the increments alone."""
        if self.in_full is None or not self.answered:
            return None
        return self.in_full / self.answered
