"""Every key of a study, its type and its meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import inf, prod
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    Tag,
    field_validator,
    model_validator,
)

from romnet.fe.cells import CELLS
from romnet.online.increments import IncrementControl

# Names become file names, so they hold neither separators nor blanks.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
SOLIDS = tuple(name for name, cell in CELLS.items() if cell.n_dim == 3)  # noqa: PLR2004


def _increasing(times: tuple[float, ...]) -> tuple[float, ...]:
    """Refuse instants that do not increase."""
    if any(later <= earlier for earlier, later in pairwise(times)):
        message = "times must increase"
        raise ValueError(message)
    return times


def _solid(name: str) -> str:
    """Refuse cell types that do not fill a box."""
    if name not in SOLIDS:
        message = f"must be one of {', '.join(SOLIDS)}"
        raise ValueError(message)
    return name


def _repeatable(times: Sequence[float], after: str) -> None:
    """Refuse to repeat a single instant."""
    if after == "repeat" and len(times) == 1:
        message = "one instant has no period to repeat; use after: hold"
        raise ValueError(message)


Times = Annotated[tuple[float, ...], AfterValidator(_increasing)]


class Keys(BaseModel):
    """A mapping whose keys are all known and whose values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Units(Keys):
    """Consistent set in which every number of the study is given."""

    length: str = Field(description="such as mm")
    force: str = Field(description="such as N")
    time: str = Field(description="such as s")
    temperature: str = Field(description="such as degC")


_Length = Annotated[float, Field(gt=0.0)]
_Count = Annotated[int, Field(ge=1, le=10_000)]
_MOST_CELLS = 10**8
_SLENDEREST = 1e4


class Box(Keys):
    """A block meshed by romnet itself, with node and face sets x0, x1, y0, ..."""

    lengths: tuple[_Length, _Length, _Length] = Field(description="edge lengths [length]")
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


def _shape(value: object) -> str:
    """Return the shape of a value, which says which alternative is meant."""
    if isinstance(value, Mapping | BaseModel):
        return "mapping"
    return "number" if isinstance(value, int | float) else "text"


def _text_or_mapping(value: object) -> str:
    """Return the shape of a value that is either text or a mapping."""
    return "mapping" if _shape(value) == "mapping" else "text"


def _field_shape(value: object) -> str:
    """Return the shape of a field; formulas are told from files by their key."""
    formula = isinstance(value, GaussianField) or (
        isinstance(value, Mapping) and "gaussian" in value
    )
    return "formula" if formula else _shape(value)


def _law_shape(value: object) -> str:
    """Return the shape of a law; libraries with a loader are told from UMATs by their key."""
    loaded = isinstance(value, LibraryLaw) or (isinstance(value, Mapping) and "loader" in value)
    return "loader" if loaded else _text_or_mapping(value)


_Text, _Mapping = Tag("text"), Tag("mapping")
SpatialField = Annotated[
    Annotated[float, Tag("number")]
    | Annotated[GaussianField, Tag("formula")]
    | Annotated[FieldFile, _Mapping]
    | Annotated[Path, _Text],
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
        _repeatable(self.times, self.after)
        return self


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
        _repeatable(_increasing(tuple(frame.time for frame in self.keyframes)), self.after)
        return self


Load = Annotated[
    Centrifugal | Pressure | Traction | BodyForce | NodalForce | Temperature,
    Field(discriminator="type"),
]


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


class TimeTable(Keys):
    """A value that changes in time, linear between the given instants."""

    time: Times = Field(min_length=2, description="instants, from the first to the last [time]")
    value: tuple[float, ...] = Field(min_length=2, description="values at these instants")


_Changed = Annotated[
    Literal["refuse", "rebuild"],
    Field(
        exclude=True,
        description="when the library is not the one of the model: refuse, or rebuild the model",
    ),
]


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


class Material(Keys):
    """Law and density of a cell set."""

    cells: str = Field(default="ALL", description="cell set; ALL is the whole mesh")
    law: Annotated[
        Annotated[str, _Text] | Annotated[Umat, _Mapping] | Annotated[LibraryLaw, Tag("loader")],
        Discriminator(_law_shape),
    ] = Field(description="a registered law (`romnet doctor` lists them), or a library")
    density: float = Field(default=0.0, ge=0.0, description="[mass/volume]")
    parameters: dict[str, JsonValue] = Field(
        default_factory=dict, description="numbers or {temperature, value} tables"
    )
    expansion: dict[str, JsonValue] | None = Field(
        default=None, description="{coefficient, reference} of the thermal expansion"
    )


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


# Relative residual of high-fidelity simulations where none is given.
SIMULATION_TOLERANCE = 1e-8
_BYTES = {"MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
Memory = Annotated[str, Field(pattern=r"^[0-9]*\.?[0-9]+ (MiB|GiB|TiB)$")]


class Cubature(Keys):
    """Reduced quadrature."""

    tolerance: float | None = Field(
        default=None, gt=0.0, lt=1.0, description="relative residual; ten times offline.tolerance"
    )
    refine: bool = Field(
        default=False, description="exchange points until fewer give the same residual"
    )
    volume: bool = Field(default=True, description="whether the weights integrate the volume")
    by_amplitude: bool = Field(
        default=False, description="whether modes count as far as the training moves them"
    )
    element_wise: bool = Field(default=False, description="select cells with all their points")
    elastic_tangent: bool = Field(
        default=False, description="whether the rule integrates the elastic stiffness of the modes"
    )


class Greedy(Keys):
    """Candidates for training: the worst by the indicator is computed, until all are good."""

    candidates: tuple[Name, ...] = Field(min_length=1, description="names of online cases")
    tolerance: float = Field(default=0.1, gt=0.0, description="largest estimated error [-]")
    budget: int = Field(default=3, ge=0, description="simulations computed at most")


class Offline(Keys):
    """How the reduced model is built."""

    tolerance: float = Field(
        default=1e-5, gt=0.0, lt=1.0, description="POD truncation of displacements and dual fields"
    )
    modes: int | None = Field(
        default=None, ge=1, description="displacement modes at most; no limit if left out"
    )
    inner_product: Literal["l2", "h1"] = Field(
        default="l2", description="in which displacement modes are orthonormal"
    )
    dual: tuple[str, ...] = Field(default=("p", "stress"), description="dual fields to rebuild")
    cubature: Cubature = Field(default=Cubature(), description="reduced quadrature")
    memory: Memory = Field(
        default="2 GiB", description="what all ranks together may hold in blocks of snapshots"
    )
    greedy: Greedy | None = Field(
        default=None, description="which loads to train on next; not asked if left out"
    )

    @property
    def memory_bytes(self) -> int:
        """The memory of all ranks together [B]."""
        number, unit = self.memory.split()
        return int(float(number) * _BYTES[unit])

    @property
    def cubature_tolerance(self) -> float:
        """Tolerance of the reduced quadrature."""
        return self.cubature.tolerance or min(10.0 * self.tolerance, 0.5)

    @property
    def newton_tolerance(self) -> float:
        """Relative residual of reduced models: a hundred increments add up to a tenth of the rest.

        Above 1e-6 plastic strains drift, and below 1e-12 is rounding.
        """
        return min(max(self.tolerance / 1000.0, 1e-12), 1e-6)


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
        Annotated[Literal["hf"], _Text] | Annotated[ExternalSolver, _Mapping],
        Discriminator(_text_or_mapping),
    ] = Field(default="hf", description="what computes the steps to learn from")

    @model_validator(mode="after")
    def _check(self) -> Indicator:
        if self.learning == "sweeps" and self.field == "u":
            message = "learning: sweeps needs a field of offline.dual to watch, not u"
            raise ValueError(message)
        return self


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

    initial: _Length | None = Field(default=None, description="first length; largest if left out")
    smallest: _Length | None = Field(
        default=None, description="given up below it [time]; newton.smallest_step if left out"
    )
    largest: _Length | None = Field(
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


class Quantity(Keys):
    """A quantity of interest of every online answer."""

    name: Name = Field(description="unique among the quantities")
    type: Name = Field(
        description="maximum, percentile, hottest, coffin_manson, creep_fatigue, or a plug-in"
    )
    options: dict[str, JsonValue] = Field(
        default_factory=dict, description="what it wants to know, such as field: p"
    )


class Candidate(TimeGrid):
    """A simulation that could be computed to learn from."""

    name: Name = Field(description="unique among the candidates")
    results: Path = Field(
        default=Path("hf"),
        description="results of its simplified simulation, or hf: by romnet, simplified as below",
    )
    training: Path = Field(
        default=Path("hf"),
        description="results of its whole simulation, should local models learn from it, or hf",
    )


class Simplified(Keys):
    """Recipe of the simplified simulations: elastic, few steps, coarse."""

    increments: int = Field(default=1, ge=1, le=10_000, description="equal ones, to the end")
    until: float | None = Field(
        default=None, gt=0.0, description="last instant; that of the candidate if left out [time]"
    )
    tolerance: float = Field(default=1e-4, gt=0.0, description="relative residual of Newton")
    mesh: (
        Annotated[
            Annotated[Path, _Text] | Annotated[BoxMesh, _Mapping],
            Discriminator(_text_or_mapping),
        ]
        | None
    ) = Field(default=None, description="a coarse mesh; that of the study if left out")
    elastic: bool = Field(default=True, description="whether laws lose all but their elasticity")


Auto = Annotated[int, Field(ge=1)] | Literal["auto"]


class LocalDictionary(Keys):
    """Local models, one for each cluster of candidates, and when they are asked."""

    clusters: Auto = Field(
        default="auto",
        description="how many; auto: what the criterion advises, which may be none",
    )
    modes: Auto = Field(default="auto", description="of each; auto: what the criterion advises")
    runs: Auto = Field(
        default="auto",
        description="whole simulations of each cluster; auto: as many as the criterion counted",
    )
    points: Literal["common", "separate"] = Field(
        default="common",
        description="one set of points with weights of each model, or a set for each",
    )
    classifier: Literal["logistic", "svm", "mlp", "stack"] = Field(
        default="logistic", description="what tells the cluster from the temperature"
    )
    probability: float = Field(
        default=0.5, ge=0.0, le=1.0, description="below it no local model is trusted [-]"
    )
    outside: Literal["global", "refuse"] = Field(
        default="global",
        description="where none is to be trusted: ask the global model, or refuse to answer",
    )


class Local(Keys):
    """Whether a dictionary of local models pays, and which: `romnet advise`."""

    candidates: tuple[Candidate, ...] = Field(
        min_length=4, description="simulations among which clusters are looked for"
    )
    simplified: Simplified = Field(
        default=Simplified(), description="how romnet computes them cheaply"
    )
    dictionary: LocalDictionary | None = Field(
        default=None, description="local models are made and asked; only advice if left out"
    )
    clusters: tuple[int, ...] = Field(default=(2, 4, 8), description="numbers of clusters tried")
    modes: tuple[int, ...] = Field(
        default=(1, 2, 3, 4, 6, 8, 10), description="modes of each local basis tried"
    )
    folds: int = Field(default=5, ge=2, le=100, description="parts of the cross-validation")
    objective: Literal["saving", "gain"] = Field(
        default="saving", description="modes saved online, or accuracy gained at equal modes"
    )
    budget: float | None = Field(
        default=None, gt=0.0, description="hours for high-fidelity training; no limit if left out"
    )
    training_hours: float | None = Field(
        default=None, gt=0.0, description="of one run; measured, or one, if left out"
    )
    online_hours: float | None = Field(
        default=None, gt=0.0, description="of one answer; measured, or not counted, if left out"
    )
    queries: int = Field(default=0, ge=0, description="questions that will be asked")
    smallest_cluster: int = Field(default=5, ge=1, description="candidates in each cluster")
    smallest_gain: float = Field(default=1.2, ge=1.0, description="held-out gain worth the effort")
    seed: int = Field(default=0, ge=0, description="of folds and starts")

    @model_validator(mode="after")
    def _check(self) -> Local:
        if not self.clusters or min(self.clusters) < 2:  # noqa: PLR2004
            message = "clusters must be two or more"
            raise ValueError(message)
        if not self.modes or min(self.modes) < 1:
            message = "modes must be one or more"
            raise ValueError(message)
        return self


class Study(Keys):
    """A structure, what is known about it and what is asked."""

    name: Name = Field(description="of the study, for titles")
    units: Units = Field(description="consistent set of every number below")
    mesh: Annotated[
        Annotated[Path, _Text] | Annotated[BoxMesh, _Mapping],
        Discriminator(_text_or_mapping),
    ] = Field(description="mesh file of any registered format, or a box")
    materials: tuple[Material, ...] = Field(
        min_length=1, description="law of each cell set; a later entry wins"
    )
    constraints: tuple[AnyConstraint, ...] = Field(
        default=(),
        description="prescribed displacements and equations between them, alike in all cases",
    )
    amplitudes: dict[str, AmplitudeTable] = Field(
        default_factory=dict, description="functions of time by name"
    )
    loads: tuple[Load, ...] = Field(
        default=(), description="loads of every case, which the case may change"
    )
    outside_tables: Literal["refuse", "hold"] = Field(
        default="refuse",
        description="temperatures beyond the tables of a law: refused; or told, and the ends hold",
    )
    training: tuple[Training, ...] = Field(min_length=1, description="computations to learn from")
    offline: Offline = Field(default=Offline(), description="how the model is built")
    newton: Newton = Field(default=Newton(), description="when nonlinear iterations stop")
    increments: Increments | None = Field(
        default=None, description="automatic increments; from instant to instant if left out"
    )
    checkpoint: Checkpoint | None = Field(
        default=None,
        description="saves the state of romnet's own solver; only when asked to stop if left out",
    )
    indicator: Indicator | None = Field(
        default=None, description="estimates the errors of answers; none if left out"
    )
    online: tuple[OnlineCase, ...] = Field(default=(), description="questions to the model")
    local: Local | None = Field(
        default=None, description="whether local models pay, and their dictionary"
    )
    quantities: tuple[Quantity, ...] = Field(
        default=(), description="numbers that every online answer is asked for"
    )

    @property
    def model_newton(self) -> Newton:
        """When the iterations of reduced models stop."""
        return self.newton.or_tolerance(self.offline.newton_tolerance)

    @property
    def simulation_newton(self) -> Newton:
        """When those of high-fidelity simulations stop, whatever model is made of them."""
        return self.newton.or_tolerance(SIMULATION_TOLERANCE)
