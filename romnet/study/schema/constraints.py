"""Displacements that are prescribed, or tied to each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from romnet.study.schema.keys import Keys
from romnet.study.schema.loads import Axis


class Constraint(Keys):
    """Prescribed displacement components of a node set."""

    nodes: str = Field(description="node set")
    u: tuple[float | None, ...] = Field(description="component or null where free [length]")
    amplitude: str | None = Field(default=None, description="name of an amplitude; one if left out")


# true and false are integers to Python, and no components.
Component = Literal["x", "y", "z"] | Annotated[int, Field(ge=0, le=2, strict=True)]


class EquationTerm(Keys):
    """Coefficient times a displacement component of a node set."""

    nodes: str = Field(description="node set: one node, or as many as those of the other terms")
    component: Component = Field(description="x, y, z or 0, 1, 2")
    coefficient: float = Field(default=1.0, description="factor [-]")


class Equation(Keys):
    """Linear equations: sum of coefficient * component = value, node by node in their order."""

    equation: tuple[EquationTerm, ...] = Field(min_length=1, description="terms of the sum")
    value: float = Field(default=0.0, description="right side at amplitude one [length]")
    amplitude: str | None = Field(default=None, description="name of an amplitude; one if left out")


class Equal(Keys):
    """All nodes of a set share one displacement component, so that a plane stays plane."""

    nodes: str = Field(description="node set")
    equal: Component = Field(description="x, y, z or 0, 1, 2")


class Periodic(Keys):
    """Cyclic symmetry: a face moves as another one does, turned about an axis."""

    nodes: str = Field(description="node set of the first face")
    periodic: str = Field(description="node set onto which the rotation takes the first one")
    axis: Axis = Field(description="of the rotation")
    angle: float = Field(description="from the first face to the second [degree]")


def _constraint_kind(value: object) -> str:
    """Return the key that tells one kind of constraint from the others."""
    for kind in ("equation", "equal", "periodic"):
        if hasattr(value, kind) or (isinstance(value, Mapping) and kind in value):
            return kind
    return "held"


AnyConstraint = Annotated[
    Annotated[Constraint, Tag("held")]
    | Annotated[Equation, Tag("equation")]
    | Annotated[Equal, Tag("equal")]
    | Annotated[Periodic, Tag("periodic")],
    Discriminator(_constraint_kind),
]
