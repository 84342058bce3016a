"""Every key of a study, its type and its meaning: a file for each section."""

from romnet.study.schema.cases import (
    Cycles,
    Design,
    OnlineCase,
    RandomTemperature,
    TimeGrid,
    Training,
)
from romnet.study.schema.constraints import Constraint, Equal, Equation, Periodic
from romnet.study.schema.fields import AmplitudeTable, FieldFile, GaussianField, SpatialField
from romnet.study.schema.indicator import ExternalSolver, Indicator
from romnet.study.schema.keys import Keys
from romnet.study.schema.loads import (
    Axis,
    BodyForce,
    Centrifugal,
    Load,
    NodalForce,
    Pressure,
    Temperature,
    Traction,
)
from romnet.study.schema.local import Local, LocalDictionary
from romnet.study.schema.materials import LibraryLaw, Material, Umat
from romnet.study.schema.mesh import Box, BoxMesh
from romnet.study.schema.offline import Greedy, Offline
from romnet.study.schema.solving import SIMULATION_TOLERANCE, Newton
from romnet.study.schema.study import Study

__all__ = [
    "SIMULATION_TOLERANCE",
    "AmplitudeTable",
    "Axis",
    "BodyForce",
    "Box",
    "BoxMesh",
    "Centrifugal",
    "Constraint",
    "Cycles",
    "Design",
    "Equal",
    "Equation",
    "ExternalSolver",
    "FieldFile",
    "GaussianField",
    "Greedy",
    "Indicator",
    "Keys",
    "LibraryLaw",
    "Load",
    "Local",
    "LocalDictionary",
    "Material",
    "Newton",
    "NodalForce",
    "Offline",
    "OnlineCase",
    "Periodic",
    "Pressure",
    "RandomTemperature",
    "SpatialField",
    "Study",
    "Temperature",
    "TimeGrid",
    "Traction",
    "Training",
    "Umat",
]
