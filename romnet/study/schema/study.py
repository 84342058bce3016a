"""The whole of a study."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from romnet.study.schema.cases import OnlineCase, Training
from romnet.study.schema.constraints import AnyConstraint
from romnet.study.schema.fields import AmplitudeTable
from romnet.study.schema.indicator import Indicator
from romnet.study.schema.keys import Keys, Name
from romnet.study.schema.loads import Load
from romnet.study.schema.local import Local
from romnet.study.schema.materials import Material
from romnet.study.schema.mesh import AnyMesh
from romnet.study.schema.offline import Offline
from romnet.study.schema.solving import SIMULATION_TOLERANCE, Checkpoint, Increments, Newton


class Units(Keys):
    """Consistent set in which every number of the study is given."""

    length: str = Field(description="such as mm")
    force: str = Field(description="such as N")
    time: str = Field(description="such as s")
    temperature: str = Field(description="such as degC")


class Quantity(Keys):
    """A quantity of interest of every online answer."""

    name: Name = Field(description="unique among the quantities")
    type: Name = Field(
        description="maximum, percentile, hottest, coffin_manson, creep_fatigue, or a plug-in"
    )
    options: dict[str, JsonValue] = Field(
        default_factory=dict, description="what it wants to know, such as field: p"
    )


class Study(Keys):
    """A structure, what is known about it and what is asked."""

    name: Name = Field(description="of the study, for titles")
    units: Units = Field(description="consistent set of every number below")
    mesh: AnyMesh = Field(description="mesh file of any registered format, or a box")
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
