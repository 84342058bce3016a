"""Laws and densities."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Discriminator, Field, JsonValue, Tag

from romnet.study.schema.keys import MAPPING, TEXT, Keys, Name, Times, text_or_mapping

_Changed = Annotated[
    Literal["refuse", "rebuild"],
    Field(
        exclude=True,
        description="when the library is not the one of the model: refuse, or rebuild the model",
    ),
]


class TimeTable(Keys):
    """A value that changes in time, linear between the given instants."""

    time: Times = Field(min_length=2, description="instants, from the first to the last [time]")
    value: tuple[float, ...] = Field(min_length=2, description="values at these instants")


class Umat(Keys):
    """A user's law in a shared library."""

    umat: Path = Field(description="shared library, relative to the study")
    function: str | None = Field(
        default=None, description="symbol; the first of umat_, umat, UMAT that there is if left out"
    )
    properties: tuple[JsonValue, ...] = Field(description="PROPS: numbers or temperature tables")
    n_state: int = Field(ge=0, le=100_000, description="STATEV entries")
    fields: dict[str, tuple[int, int]] = Field(
        default_factory=dict, description="names of ranges [first, last) of STATEV"
    )
    initial: tuple[float, ...] | None = Field(
        default=None, description="STATEV at the start; what SDVINI sets, or zeros, if left out"
    )
    name: str = Field(default="MATERIAL", description="CMNAME")
    symmetric: bool = Field(default=False, description="whether DDSDDE is always symmetric")
    strain: Literal["mechanical", "total"] = Field(
        default="mechanical",
        description="STRAN: without the strain of `expansion`, or total as the UMAT expands itself",
    )
    predefined: dict[str, float | TimeTable] = Field(
        default_factory=dict, description="PREDEF, in this order: uniform numbers or time tables"
    )
    thread_safe: bool = Field(
        default=False, description="whether nothing is remembered outside STATEV"
    )
    changed: _Changed = "refuse"
    threads: int = Field(
        default=1,
        ge=1,
        le=1024,
        exclude=True,
        description="threads that share the points of a rank; changes no result",
    )


class LibraryLaw(Keys):
    """A law in a shared library that an installed plug-in knows how to load."""

    loader: Name = Field(description="name of the plug-in, such as mgis")
    library: Path = Field(description="shared library, relative to the study")
    options: dict[str, JsonValue] = Field(
        default_factory=dict, description="what the plug-in wants to know"
    )
    changed: _Changed = "refuse"


def _law_shape(value: object) -> str:
    """Return the shape of a law; libraries with a loader are told from UMATs by their key."""
    loaded = isinstance(value, LibraryLaw) or (isinstance(value, Mapping) and "loader" in value)
    return "loader" if loaded else text_or_mapping(value)


class Material(Keys):
    """Law and density of a cell set."""

    cells: str = Field(default="ALL", description="cell set; ALL is the whole mesh")
    law: Annotated[
        Annotated[str, TEXT] | Annotated[Umat, MAPPING] | Annotated[LibraryLaw, Tag("loader")],
        Discriminator(_law_shape),
    ] = Field(description="a registered law (`romnet doctor` lists them), or a library")
    density: float = Field(default=0.0, ge=0.0, description="[mass/volume]")
    parameters: dict[str, JsonValue] = Field(
        default_factory=dict, description="numbers or {temperature, value} tables"
    )
    expansion: dict[str, JsonValue] | None = Field(
        default=None, description="{coefficient, reference} of the thermal expansion"
    )
