"""What watches the answers of the model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Discriminator, Field, field_validator, model_validator

from romnet.study.schema.keys import MAPPING, TEXT, Keys, text_or_mapping


class CalibrationLoads(Keys):
    """Loads near the first training one, computed by romnet's own solver to know true errors."""

    loads: int = Field(default=10, ge=2, le=1000, description="how many")
    spread: float = Field(
        default=1.5, gt=1.0, le=10.0, description="largest factor on the change of temperature"
    )
    weakest: float = Field(
        default=0.05, gt=0.0, le=1.0, description="strength of the weakest change [-]"
    )
    modes: tuple[Annotated[float, Field(gt=0.0, le=1.0)], ...] = Field(
        default=(1.0, 0.8, 0.6), min_length=1, description="parts of the modes, for worse models"
    )
    left_out: int = Field(
        default=3, ge=0, description="training loads left out in turn, for models without them"
    )
    seed: int = Field(default=0, ge=0, description="of the directions of the changes")


class ExternalSolver(Keys):
    """Another code, which computes a load case from its beginning up to the instant wanted."""

    command: tuple[str, ...] = Field(
        min_length=1,
        description="program and arguments, with {time} and {case}; run in the study's folder",
    )
    results: Path = Field(description="file that it writes, read as results of training are")

    @field_validator("command")
    @classmethod
    def _fillable(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        for word in words:
            try:
                word.format(time="0.0", case="case")
            except (KeyError, IndexError, ValueError, AttributeError):
                message = f"{word!r}: only {{time}} and {{case}} are filled in; write {{{{ for {{"
                raise ValueError(message) from None
        return words


class Indicator(Keys):
    """What watches the answers of the model, and what happens when they are not good enough."""

    field: str = Field(default="p", description="field watched: u, or one of offline.dual")
    tolerance: float = Field(default=0.1, gt=0.0, description="largest estimated error of it [-]")
    action: Literal["warn", "stop", "enrich"] = Field(
        default="warn", description="above it: tell, end there, or compute the step and learn"
    )
    confidence: float = Field(
        default=0.9, gt=0.0, lt=1.0, description="part of the errors below the upper bound"
    )
    calibration: CalibrationLoads = Field(
        default=CalibrationLoads(), description="from signals to errors"
    )
    learning: Literal["forward", "sweeps"] = Field(
        default="forward", description="go on from each computed step, or ask the load case again"
    )
    most_steps: int | None = Field(
        default=None, ge=1, description="steps computed on the whole mesh at most; no limit if out"
    )
    solver: Annotated[
        Annotated[Literal["hf"], TEXT] | Annotated[ExternalSolver, MAPPING],
        Discriminator(text_or_mapping),
    ] = Field(default="hf", description="what computes the steps to learn from")

    @model_validator(mode="after")
    def _check(self) -> Indicator:
        if self.learning == "sweeps" and self.field == "u":
            message = "learning: sweeps needs a field of offline.dual to watch, not u"
            raise ValueError(message)
        return self
