"""What the report shows, as plain values: nothing here is read or computed from artefacts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from romnet.report.case_values import CaseFacts
from romnet.report.cost_values import Ledger, StageFacts
from romnet.report.data_values import DataFacts
from romnet.report.model_values import (
    CubatureFacts,
    GappyFacts,
    LocalFacts,
    MeshFacts,
    SelectedPoints,
    Spectrum,
    TrainedField,
)
from romnet.report.skin import Skin


@dataclass(frozen=True)
class ReportData:
    """Everything that the page shows.

    Attributes
    ----------
    study
        Name of the study.
    romnet_version
        Version that wrote the page.
    units
        The consistent set: ``{"length": "mm", "force": "N", "time": "s", ...}``.
    asked
        The study file, as text.
    mesh
        Size of the high-fidelity problem.
    tolerance
        Tolerance of the POD [-].
    spectra
        Singular values of the bases, that of the displacement first.
    cubature
        The reduced quadrature.
    gappy
        Reconstruction of the dual scalars.
    validation
        Predicted and realised errors of the fields on the training loads.
    stages
        What ran, in order.
    cases
        The load cases asked.
    skin
        Surface of the mesh, for the pictures.
    points
        The selected points, for the picture.
    citations
        Full references by key.
    versions
        Versions of romnet, Python and libraries that computed the results.
    local
        Clusters and criterion, of a study that asks for them.
    learned
        The training simulations, looked at as data.

    Raises
    ------
    ValueError
        When built with a field that does not fit the skin.
    """

    study: str
    romnet_version: str
    units: Mapping[str, str]
    asked: str
    mesh: MeshFacts
    tolerance: float
    spectra: tuple[Spectrum, ...] = ()
    cubature: CubatureFacts | None = None
    gappy: tuple[GappyFacts, ...] = ()
    validation: tuple[TrainedField, ...] = ()
    stages: tuple[StageFacts, ...] = ()
    cases: tuple[CaseFacts, ...] = ()
    skin: Skin | None = None
    points: SelectedPoints | None = None
    citations: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    local: LocalFacts | None = None
    learned: tuple[DataFacts, ...] = ()

    @property
    def ledger(self) -> Ledger:
        """What the model cost and saves."""
        return Ledger.of(
            self.stages, [case.wall_seconds for case in self.cases if not case.in_training]
        )

    def __post_init__(self) -> None:
        """Check that every field fits the skin."""
        for case in self.cases:
            if case.picture is None or self.skin is None:
                continue
            if len(case.picture.values) != len(self.skin.vertices):
                message = (
                    f"the field of case {case.name!r} has {len(case.picture.values)} values, "
                    f"the skin {len(self.skin.vertices)} vertices."
                )
                raise ValueError(message)
