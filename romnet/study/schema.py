"""Every key of a study, its type and its meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Keys(BaseModel):
    """A mapping whose keys are all known and whose values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Units(Keys):
    """Consistent set in which every number of the study is given."""

    length: str = Field(description="such as mm")
    force: str = Field(description="such as N")
    time: str = Field(description="such as s")
    temperature: str = Field(description="such as degC")


class Box(Keys):
    """A block meshed by romnet itself, with node and face sets x0, x1, y0, ..."""

    lengths: tuple[float, float, float] = Field(description="edge lengths [length]")
    divisions: tuple[int, int, int] = Field(description="cells along each edge")
    cell: str = Field(default="hex8", description="cell type")
    formulation: str | None = Field(default=None, description="element formulation")


class BoxMesh(Keys):
    """Mesh made by romnet."""

    box: Box


class Gaussian(Keys):
    """Bell-shaped field base + peak * exp(-rate * distance^2)."""

    centre: tuple[float, ...] = Field(description="where the peak is [length]")
    peak: float = Field(description="height above the base")
    rate: float = Field(gt=0.0, description="decay [1/length^2]")
    base: float = Field(default=0.0, description="value far away")


class GaussianField(Keys):
    """Field given by a formula."""

    gaussian: Gaussian


class FieldFile(Keys):
    """Field read from a file of any registered format."""

    file: Path = Field(description="relative to the study")
    variable: str | None = Field(default=None, description="which one, where there are several")


SpatialField = float | GaussianField | FieldFile | Path


class AmplitudeTable(Keys):
    """Function of time, linear between the given instants."""

    times: tuple[float, ...] = Field(min_length=1, description="instants [time]")
    values: tuple[float, ...] = Field(min_length=1, description="values at these instants")
    after: Literal["hold", "repeat", "error"] = Field(
        default="error", description="beyond the last instant"
    )

    @model_validator(mode="after")
    def _check(self) -> AmplitudeTable:
        if len(self.times) != len(self.values):
            message = f"{len(self.times)} times but {len(self.values)} values"
            raise ValueError(message)
        if any(b <= a for a, b in zip(self.times, self.times[1:], strict=False)):
            message = "times must increase"
            raise ValueError(message)
        return self


class Axis(Keys):
    """A line in space."""

    point: tuple[float, ...] = Field(description="a point on it [length]")
    direction: tuple[float, ...] = Field(description="its direction")


class Centrifugal(Keys):
    """Body force density * omega(t)^2 * distance from the axis."""

    type: Literal["centrifugal"]
    name: str = "centrifugal"
    axis: Axis
    omega: float = Field(description="angular velocity at amplitude one [rad/time]")
    amplitude: str | None = Field(default=None, description="name of an amplitude; one if left out")


class Pressure(Keys):
    """Pressure on faces; a positive one pushes against the outward normal."""

    type: Literal["pressure"]
    name: str = "pressure"
    faces: str = Field(description="face set")
    field: SpatialField = Field(description="pressure at amplitude one [stress]")
    amplitude: str | None = None


class Traction(Keys):
    """Force per area of constant direction on faces."""

    type: Literal["traction"]
    name: str = "traction"
    faces: str = Field(description="face set")
    vector: tuple[float, ...] = Field(description="traction at field and amplitude one [stress]")
    field: SpatialField = Field(default=1.0, description="factor in space [-]")
    amplitude: str | None = None


class Keyframe(Keys):
    """A field at one instant."""

    time: float
    field: SpatialField


class Temperature(Keys):
    """Prescribed temperature, linear in time between keyframes."""

    type: Literal["temperature"]
    name: str = "temperature"
    keyframes: tuple[Keyframe, ...] = Field(min_length=1)
    after: Literal["hold", "repeat", "error"] = Field(
        default="error", description="beyond the last keyframe"
    )


Load = Annotated[Centrifugal | Pressure | Traction | Temperature, Field(discriminator="type")]


class Constraint(Keys):
    """Prescribed displacement components of a node set."""

    nodes: str = Field(description="node set")
    u: tuple[float | None, ...] = Field(description="component or null where free [length]")
    amplitude: str | None = Field(default=None, description="name of an amplitude; one if left out")


class Umat(Keys):
    """A user's law in a shared library."""

    umat: Path = Field(description="shared library, relative to the study")
    function: str = Field(default="umat_", description="symbol")
    properties: tuple[Any, ...] = Field(description="PROPS: numbers or temperature tables")
    n_state: int = Field(ge=0, description="STATEV entries")
    fields: dict[str, tuple[int, int]] = Field(
        default_factory=dict, description="names of ranges [first, last) of STATEV"
    )
    name: str = Field(default="MATERIAL", description="CMNAME")


class Material(Keys):
    """Law and density of a cell set."""

    cells: str = Field(default="ALL", description="cell set; ALL is the whole mesh")
    law: str | Umat = Field(description="a law of `romnet laws list`, or a UMAT")
    density: float = Field(default=0.0, ge=0.0, description="[mass/volume]")
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="numbers or {temperature, value} tables"
    )
    expansion: dict[str, Any] | None = Field(
        default=None, description="{coefficient, reference} of the thermal expansion"
    )


class TimeGrid(Keys):
    """Instants of the answer; the rest is taken from the training results."""

    until: float | None = Field(default=None, description="last instant [time]")
    increments: int | None = Field(default=None, ge=1, description="equal increments to it")
    times: tuple[float, ...] | None = Field(default=None, description="all instants, from zero")
    loads: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="changes to the loads, by load name"
    )


class Training(TimeGrid):
    """One computation to learn from."""

    name: str
    results: Path = Field(description="result file, or hf: computed by romnet's own solver")


class OnlineCase(TimeGrid):
    """One question to the reduced model."""

    name: str
    reference: Path | None = Field(
        default=None, description="result file, hf, or a training name, to compare with"
    )


class Cubature(Keys):
    """Reduced quadrature."""

    tolerance: float | None = Field(
        default=None, gt=0.0, lt=1.0, description="relative residual; ten times offline.tolerance"
    )


class Offline(Keys):
    """How the reduced model is built."""

    tolerance: float = Field(
        default=1e-5, gt=0.0, lt=1.0, description="POD truncation of displacements and dual fields"
    )
    inner_product: Literal["l2", "h1"] = Field(
        default="l2", description="in which displacement modes are orthonormal"
    )
    dual: tuple[str, ...] = Field(default=("p", "stress"), description="dual fields to rebuild")
    cubature: Cubature = Cubature()

    @property
    def cubature_tolerance(self) -> float:
        """Tolerance of the reduced quadrature."""
        return self.cubature.tolerance or min(10.0 * self.tolerance, 0.5)


class Newton(Keys):
    """When nonlinear iterations stop."""

    tolerance: float = Field(default=1e-8, gt=0.0, description="relative residual")
    max_iterations: int = Field(default=25, ge=1)
    smallest_step: float = Field(default=1e-3, gt=0.0, lt=1.0, description="of an increment")


class Study(Keys):
    """A structure, what is known about it and what is asked."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    units: Units
    mesh: BoxMesh | Path = Field(description="mesh file of any registered format, or a box")
    materials: tuple[Material, ...] = Field(min_length=1)
    constraints: tuple[Constraint, ...] = ()
    amplitudes: dict[str, AmplitudeTable] = Field(default_factory=dict)
    loads: tuple[Load, ...] = ()
    training: tuple[Training, ...] = Field(min_length=1)
    offline: Offline = Offline()
    newton: Newton = Newton()
    online: tuple[OnlineCase, ...] = ()
