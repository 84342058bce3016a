"""The mesh: a file, or a box that romnet makes."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Discriminator, Field, model_validator

from romnet.fe.cells import CELLS
from romnet.study.schema.keys import MAPPING, TEXT, Keys, Length, text_or_mapping

SOLIDS = tuple(name for name, cell in CELLS.items() if cell.n_dim == 3)  # noqa: PLR2004
_Count = Annotated[int, Field(ge=1, le=10_000)]
_MOST_CELLS = 10**8
_SLENDEREST = 1e4


def _solid(name: str) -> str:
    """Refuse cell types that do not fill a box."""
    if name not in SOLIDS:
        message = f"must be one of {', '.join(SOLIDS)}"
        raise ValueError(message)
    return name


class Box(Keys):
    """A block meshed by romnet itself, with node and face sets x0, x1, y0, ..."""

    lengths: tuple[Length, Length, Length] = Field(description="edge lengths [length]")
    divisions: tuple[_Count, _Count, _Count] = Field(description="cells along each edge")
    cell: Annotated[str, AfterValidator(_solid)] = Field(default="hex8", description="cell type")
    formulation: str | None = Field(
        default=None, description="element formulation; that of the cell type if left out"
    )

    @model_validator(mode="after")
    def _check(self) -> Box:
        if prod(self.divisions) > _MOST_CELLS:
            message = f"divisions make {prod(self.divisions):.3g} boxes, {_MOST_CELLS:.0e} at most"
            raise ValueError(message)
        edges = [length / n for length, n in zip(self.lengths, self.divisions, strict=True)]
        if max(edges) > _SLENDEREST * min(edges):
            slender = max(edges) / max(min(edges), 1e-300)
            message = (
                f"cells are {slender:.3g} times as long as wide, {_SLENDEREST:.0e} at most: "
                "look at lengths and divisions"
            )
            raise ValueError(message)
        return self


class BoxMesh(Keys):
    """Mesh made by romnet."""

    box: Box = Field(description="a block of equal cells")


AnyMesh = Annotated[
    Annotated[Path, TEXT] | Annotated[BoxMesh, MAPPING],
    Discriminator(text_or_mapping),
]
