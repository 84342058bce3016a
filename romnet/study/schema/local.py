"""Local models, and whether they pay."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from romnet.study.schema.cases import TimeGrid
from romnet.study.schema.keys import Keys, Name
from romnet.study.schema.mesh import AnyMesh


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
    mesh: AnyMesh | None = Field(
        default=None, description="a coarse mesh; that of the study if left out"
    )
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
