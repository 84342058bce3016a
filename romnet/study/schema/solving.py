"""How nonlinear steps are solved, and when their state is saved."""

from __future__ import annotations

from math import inf

from pydantic import Field, model_validator

from romnet.online.increments import IncrementControl
from romnet.study.schema.keys import Keys, Length

# Relative residual of high-fidelity simulations where none is given.
SIMULATION_TOLERANCE = 1e-8


class Newton(Keys):
    """When nonlinear iterations stop."""

    tolerance: float | None = Field(
        default=None,
        gt=0.0,
        description="relative residual; offline.tolerance / 1000 in models, 1e-8 in simulations",
    )
    max_iterations: int = Field(
        default=25, ge=1, le=10_000, description="before an increment is cut"
    )
    smallest_step: float = Field(
        default=1e-3, gt=0.0, lt=1.0, description="smallest part of an increment [-]"
    )

    def or_tolerance(self, tolerance: float) -> Newton:
        """Return the same with a tolerance where none is given."""
        return self if self.tolerance else self.model_copy(update={"tolerance": tolerance})


class Increments(Keys):
    """Lengths of increments by how hard the last one was; instants asked for are met exactly."""

    initial: Length | None = Field(default=None, description="first length; largest if left out")
    smallest: Length | None = Field(
        default=None, description="given up below it [time]; newton.smallest_step if left out"
    )
    largest: Length | None = Field(
        default=None, description="largest length [time]; from instant to instant if left out"
    )
    growth: float = Field(default=1.5, ge=1.0, le=10.0, description="factor after an easy one [-]")
    cut: float = Field(
        default=0.5, gt=0.0, lt=1.0, description="factor after a hard or rejected one [-]"
    )
    easy: int = Field(default=5, ge=1, description="corrections of an easy one at most")
    hard: int = Field(default=12, ge=2, description="corrections of a hard one at least")

    @model_validator(mode="after")
    def _check(self) -> Increments:
        self.control()
        return self

    def control(self) -> IncrementControl:
        """Return the rule that the solvers follow."""
        return IncrementControl(
            initial=self.initial,
            smallest=self.smallest,
            largest=inf if self.largest is None else self.largest,
            growth=self.growth,
            cut=self.cut,
            easy=self.easy,
            hard=self.hard,
        )


class Checkpoint(Keys):
    """When romnet's own solver saves its state, from which a stopped computation goes on."""

    instants: int | None = Field(default=None, ge=1, description="after so many instants")
    seconds: float | None = Field(
        default=None, ge=0.0, description="at the first instant after so many seconds"
    )

    @model_validator(mode="after")
    def _check(self) -> Checkpoint:
        if self.instants is None and self.seconds is None:
            message = "give instants, seconds, or both"
            raise ValueError(message)
        return self
