"""What the sections of a study have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Tag

# Names become file names, so they hold neither separators nor blanks.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
Length = Annotated[float, Field(gt=0.0)]
TEXT, MAPPING = Tag("text"), Tag("mapping")


def increasing(times: tuple[float, ...]) -> tuple[float, ...]:
    """Refuse instants that do not increase."""
    if any(later <= earlier for earlier, later in pairwise(times)):
        message = "times must increase"
        raise ValueError(message)
    return times


Times = Annotated[tuple[float, ...], AfterValidator(increasing)]


def repeatable(times: Sequence[float], after: str) -> None:
    """Refuse to repeat a single instant."""
    if after == "repeat" and len(times) == 1:
        message = "one instant has no period to repeat; use after: hold"
        raise ValueError(message)


class Keys(BaseModel):
    """A mapping whose keys are all known and whose values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def shape_of(value: object) -> str:
    """Return the shape of a value, which says which alternative is meant."""
    if isinstance(value, Mapping | BaseModel):
        return "mapping"
    return "number" if isinstance(value, int | float) else "text"


def text_or_mapping(value: object) -> str:
    """Return the shape of a value that is either text or a mapping."""
    return "mapping" if shape_of(value) == "mapping" else "text"
