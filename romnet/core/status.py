"""How a step, or a whole run, ended, with advice that a user can act on."""

from __future__ import annotations

from enum import Enum


class Status(Enum):
    """Outcome of a nonlinear solve; the value is the advice shown to the user.

    Examples
    --------
    >>> Status.CONVERGED.ok, Status.LAW_FAILED.ok
    (True, False)
    >>> Status.from_name("max_iterations").advice
    'allow more iterations or a smaller time step'
    """

    CONVERGED = "nothing to do"
    MAX_ITERATIONS = "allow more iterations or a smaller time step"
    LAW_FAILED = "the constitutive law failed at some points; try a smaller time step"
    NOT_FINITE = "a residual is NaN or infinite; look at the loads and at the law parameters"
    SINGULAR = "the tangent is singular; look at the constraints and at the modes"
    STEP_TOO_SMALL = "the time step was cut to its minimum; the load may exceed what the law bears"

    @property
    def ok(self) -> bool:
        """Whether the answer can be used."""
        return self is Status.CONVERGED

    @property
    def label(self) -> str:
        """Lower-case name, as written to artefacts and to JSON."""
        return self.name.lower()

    @property
    def advice(self) -> str:
        """What to try next."""
        return self.value

    @classmethod
    def from_name(cls, label: str) -> Status:
        """Return the member whose `label` this is."""
        return cls[label.upper()]
