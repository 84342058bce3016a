"""Loads of a case."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from romnet.study.schema.fields import SpatialField
from romnet.study.schema.keys import Keys, Name, increasing, repeatable


class Axis(Keys):
    """A line in space."""

    point: tuple[float, ...] = Field(description="a point on it [length]")
    direction: tuple[float, float, float] = Field(description="its direction")

    @model_validator(mode="after")
    def _check(self) -> Axis:
        if not any(self.direction):
            message = "direction must not be zero"
            raise ValueError(message)
        return self


class Centrifugal(Keys):
    """Body force density * omega(t)^2 * distance from the axis."""

    type: Literal["centrifugal"] = Field(description="kind of load")
    name: Name = Field(default="centrifugal", description="by which cases change it")
    axis: Axis = Field(description="of the rotation")
    omega: float = Field(description="angular velocity at amplitude one [rad/time]")
    amplitude: str | None = Field(default=None, description="name of an amplitude; one if left out")
    scales: Literal["omega", "force"] = Field(
        default="omega", description="what the amplitude multiplies"
    )


class Pressure(Keys):
    """Pressure on faces; a positive one pushes against the outward normal."""

    type: Literal["pressure"] = Field(description="kind of load")
    name: Name = Field(default="pressure", description="by which cases change it")
    faces: str = Field(description="face set")
    field: SpatialField = Field(description="pressure at amplitude one [stress]")
    amplitude: str | None = Field(default=None, description="name of an amplitude; one if left out")


class Traction(Keys):
    """Force per area of constant direction on faces."""

    type: Literal["traction"] = Field(description="kind of load")
    name: Name = Field(default="traction", description="by which cases change it")
    faces: str = Field(description="face set")
    vector: tuple[float, ...] = Field(description="traction at field and amplitude one [stress]")
    field: SpatialField = Field(default=1.0, description="factor in space [-]")
    amplitude: str | None = Field(default=None, description="name of an amplitude; one if left out")


class BodyForce(Keys):
    """Acceleration of the whole body, such as gravity, times the density."""

    type: Literal["body_force"] = Field(description="kind of load")
    name: Name = Field(default="body_force", description="by which cases change it")
    acceleration: tuple[float, ...] = Field(description="at amplitude one [length/time^2]")
    amplitude: str | None = Field(default=None, description="name of an amplitude; one if left out")


class NodalForce(Keys):
    """The same force at each node of a set."""

    type: Literal["force"] = Field(description="kind of load")
    name: Name = Field(default="force", description="by which cases change it")
    nodes: str = Field(description="node set")
    vector: tuple[float, ...] = Field(description="force at each node at amplitude one [force]")
    amplitude: str | None = Field(default=None, description="name of an amplitude; one if left out")


class Keyframe(Keys):
    """A field at one instant."""

    time: float = Field(description="when [time]")
    field: SpatialField = Field(description="values at the nodes [temperature]")


class Temperature(Keys):
    """Prescribed temperature, linear in time between keyframes."""

    type: Literal["temperature"] = Field(description="kind of load")
    name: Name = Field(default="temperature", description="by which cases change it")
    keyframes: tuple[Keyframe, ...] = Field(
        min_length=1, description="fields at instants, the first being the initial one"
    )
    after: Literal["hold", "repeat", "error"] = Field(
        default="error", description="beyond the last keyframe"
    )

    @model_validator(mode="after")
    def _check(self) -> Temperature:
        repeatable(increasing(tuple(frame.time for frame in self.keyframes)), self.after)
        return self


Load = Annotated[
    Centrifugal | Pressure | Traction | BodyForce | NodalForce | Temperature,
    Field(discriminator="type"),
]
