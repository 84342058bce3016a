"""Functions of space, and functions of time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from romnet.study.schema.keys import MAPPING, TEXT, Keys, Times, repeatable, shape_of


class Gaussian(Keys):
    """Bell-shaped field base + peak * exp(-rate * distance^2)."""

    centre: tuple[float, ...] = Field(description="where the peak is [length]")
    peak: float = Field(description="height above the base")
    rate: float = Field(gt=0.0, description="decay [1/length^2]")
    base: float = Field(default=0.0, description="value far away")


class GaussianField(Keys):
    """Field given by a formula."""

    gaussian: Gaussian = Field(description="bell-shaped formula")


class FieldFile(Keys):
    """Field read from a file of any registered format."""

    file: Path = Field(description="relative to the study")
    variable: str | None = Field(default=None, description="which one, where there are several")


def _field_shape(value: object) -> str:
    """Return the shape of a field; formulas are told from files by their key."""
    formula = isinstance(value, GaussianField) or (
        isinstance(value, Mapping) and "gaussian" in value
    )
    return "formula" if formula else shape_of(value)


SpatialField = Annotated[
    Annotated[float, Tag("number")]
    | Annotated[GaussianField, Tag("formula")]
    | Annotated[FieldFile, MAPPING]
    | Annotated[Path, TEXT],
    Discriminator(_field_shape),
]


class AmplitudeTable(Keys):
    """Function of time, linear between the given instants."""

    times: Times = Field(min_length=1, description="instants [time]")
    values: tuple[float, ...] = Field(min_length=1, description="values at these instants")
    after: Literal["hold", "repeat", "error"] = Field(
        default="error", description="beyond the last instant"
    )

    @model_validator(mode="after")
    def _check(self) -> AmplitudeTable:
        if len(self.times) != len(self.values):
            message = f"{len(self.times)} times but {len(self.values)} values"
            raise ValueError(message)
        repeatable(self.times, self.after)
        return self
