"""What an examination of a law found: one verdict for each statement about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """How a statement about a law came out; the value is what people read.

    Examples
    --------
    >>> [verdict.value for verdict in Verdict]
    ['ok', 'FAIL', 'not examined']
    """

    PASSED = "ok"
    FAILED = "FAIL"
    NOT_EXAMINED = "not examined"


@dataclass(frozen=True)
class LawCheck:
    """One statement about a law, and how far it is from true.

    Attributes
    ----------
    name
        The statement in a few words.
    error
        Measured violation [-]; not a number where nothing could be measured.
    limit
        Largest accepted violation [-]; 0 where only equality will do.
    detail
        What was seen: where the violation is largest, or why nothing could be examined.
    advice
        What to try when it fails.
    examined
        Whether the statement was put to the test.

    Examples
    --------
    >>> print(LawCheck("the same question gets the same answer", 0.5, 0.0, detail="stress"))
    FAIL the same question gets the same answer: 5.0e-01 (limit 0e+00); stress
    """

    name: str
    error: float
    limit: float
    detail: str = ""
    advice: str = ""
    examined: bool = True

    @property
    def passed(self) -> bool:
        """Whether the statement holds; a violation that is not a number does not pass."""
        return self.examined and self.error <= self.limit

    @property
    def verdict(self) -> Verdict:
        """How it came out."""
        if not self.examined:
            return Verdict.NOT_EXAMINED
        return Verdict.PASSED if self.passed else Verdict.FAILED

    def __str__(self) -> str:
        """Return one line for people."""
        if not self.examined:
            return f"---  {self.name}: not examined, {self.detail}"
        line = f"{self.verdict.value:<4} {self.name}: {self.error:.1e} (limit {self.limit:.0e})"
        return f"{line}; {self.detail}" if self.detail else line


@dataclass(frozen=True)
class LawReport:
    """All checks of one law, in the order in which they ran."""

    checks: tuple[LawCheck, ...]

    @property
    def failures(self) -> tuple[LawCheck, ...]:
        """Checks that did not pass; those that could not be examined are not among them."""
        return tuple(check for check in self.checks if check.verdict is Verdict.FAILED)

    @property
    def passed(self) -> bool:
        """Whether every check was examined and passed."""
        return all(check.passed for check in self.checks)

    def __str__(self) -> str:
        """Return one line for each check."""
        return "\n".join(str(check) for check in self.checks)
