"""Load cases: computations to learn from, and questions."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue, model_validator

from romnet.study.schema.keys import Keys, Name, Times


class Cycles(Keys):
    """Equal cycles, one after the other."""

    period: float = Field(gt=0.0, description="length of a cycle [time]")
    count: int = Field(ge=1, le=1_000_000, description="how many")
    increments: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="equal increments of each; those of the first training period if left out",
    )
    store: tuple[int, ...] | None = Field(
        default=None, min_length=1, description="cycles whose fields are kept; all if left out"
    )
    every: int | None = Field(
        default=None, ge=1, description="instead of store: one in so many, the first and the last"
    )
    stable: float = Field(
        default=1e-2,
        gt=0.0,
        lt=1.0,
        description="change from one cycle to the next below which they count as alike [-]",
    )

    @model_validator(mode="after")
    def _check(self) -> Cycles:
        if self.store is not None and self.every is not None:
            message = "give either store or every, not both"
            raise ValueError(message)
        if self.store is not None and not 1 <= min(self.store) <= max(self.store) <= self.count:
            message = f"store must name cycles from 1 to {self.count}"
            raise ValueError(message)
        return self

    @property
    def thinned(self) -> bool:
        """Whether the fields of some cycles are not kept."""
        return len(self.stored) < self.count

    @property
    def stored(self) -> tuple[int, ...]:
        """Cycles whose fields are kept, ascending."""
        if self.store is not None:
            return tuple(sorted(set(self.store)))
        step = self.every or 1
        return tuple(sorted({1, *range(step, self.count + 1, step), self.count}))


class TimeGrid(Keys):
    """Instants of the answer; the rest is taken from the training results."""

    until: float | None = Field(default=None, gt=0.0, description="last instant [time]")
    increments: int | None = Field(
        default=None, ge=1, le=1_000_000, description="equal increments to it"
    )
    times: Times | None = Field(default=None, min_length=2, description="all instants, from zero")
    cycles: Cycles | None = Field(default=None, description="equal cycles, instead of the above")
    loads: dict[str, dict[str, JsonValue]] = Field(
        default_factory=dict, description="changes to the loads, by load name"
    )


class Training(TimeGrid):
    """One computation to learn from."""

    name: Name = Field(description="unique among training and online")
    results: Path = Field(description="result file, or hf: computed by romnet's own solver")


class RandomTemperature(Keys):
    """Gaussian random temperature that is added to that of the case."""

    deviation: float = Field(gt=0.0, description="standard deviation [temperature]")
    length: float = Field(gt=0.0, description="correlation length [length]")
    modes: int = Field(default=6, ge=1, le=100, description="of its Karhunen-Loeve expansion")
    amplitude: str | None = Field(default=None, description="name of an amplitude; one if left out")


class Design(Keys):
    """Draws of uncertain loads, answered together."""

    kind: Literal["sobol", "lhs", "table"] = Field(
        description="Sobol sequence, Latin hypercube, or the rows of a file"
    )
    n: int = Field(default=1, ge=1, le=10_000_000, description="how many draws; a table knows")
    seed: int = Field(default=0, ge=0, description="of the draws")
    file: Path | None = Field(
        default=None, description="table: CSV whose header names the parameters"
    )
    parameters: dict[str, tuple[float, float]] = Field(
        default_factory=dict,
        description="load.scale, load.omega, temperature.scale or .shift: [lowest, highest]",
    )
    temperature: RandomTemperature | None = Field(
        default=None, description="random temperature field"
    )

    @model_validator(mode="after")
    def _check(self) -> Design:
        if (self.kind == "table") != (self.file is not None):
            message = "a table needs file, and nothing else does"
            raise ValueError(message)
        if not self.parameters and self.temperature is None:
            message = "give parameters, temperature, or both"
            raise ValueError(message)
        for name, (low, high) in self.parameters.items():
            if low > high:
                message = f"{name}: the lowest value comes first, got [{low:g}, {high:g}]"
                raise ValueError(message)
        return self


class OnlineCase(TimeGrid):
    """One question to the reduced model."""

    name: Name = Field(description="unique among training and online")
    reference: Path | None = Field(
        default=None, description="result file, hf, or a training name, to compare with"
    )
    fields: Literal["gappy", "replay"] = Field(
        default="gappy",
        description="how dual fields are rebuilt: from their modes, or by the laws at all points",
    )
    lifting: Literal["off", "auto", "on"] = Field(
        default="off",
        description="elastic responses to its load extend the model; auto: if it is new in kind",
    )
    model: Literal["auto", "global"] = Field(
        default="auto",
        description="which model answers; auto: that of local.dictionary for its temperature",
    )
    design: Design | None = Field(
        default=None, description="draws of uncertain loads about this case, asked as well"
    )
