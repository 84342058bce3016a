"""What the report shows, as plain values: nothing here is read or computed from artefacts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.status import Status
from romnet.reduction.criterion import Advice
from romnet.report.skin import Skin


@dataclass(frozen=True)
class MeshFacts:
    """Size of the high-fidelity problem.

    Attributes
    ----------
    n_nodes, n_cells, n_points, n_dofs
        Numbers of nodes, cells, integration points and displacement components.
    """

    n_nodes: int
    n_cells: int
    n_points: int
    n_dofs: int


@dataclass(frozen=True)
class Spectrum:
    """Singular values of one basis.

    Attributes
    ----------
    name
        Field: ``"displacement"``, ``"p"``, ``"stress_11"``, ...
    singular_values
        Relative to the first one, descending (n_values,) [-].
    kept
        Number of modes kept.
    """

    name: str
    singular_values: Float[Array, " n_values"]
    kept: int


@dataclass(frozen=True)
class CubatureFacts:
    """How the reduced quadrature came out.

    Attributes
    ----------
    tolerance
        Largest residual asked for [-].
    residual
        Relative error of the integrals of the training integrands [-].
    volume_error
        Relative error of the volume [-].
    n_selected
        Number of selected points.
    n_mask
        Points where the law is integrated online: the selected ones and those that only gappy POD
        needs.
    history
        Residual after each accepted selection (n_steps,) [-].
    """

    tolerance: float
    residual: float
    volume_error: float
    n_selected: int
    n_mask: int
    history: Float[Array, " n_steps"]


@dataclass(frozen=True)
class GappyFacts:
    """Reconstruction of one dual scalar.

    Attributes
    ----------
    name
        The scalar: ``"p"``, ``"stress_11"``, ...
    n_modes
        Number of its modes.
    condition
        Condition number of the modes on the mask [-].
    """

    name: str
    n_modes: int
    condition: float


@dataclass(frozen=True)
class StageFacts:
    """One stage and where its artefact came from.

    Attributes
    ----------
    name
        Name of the stage: ``"cubature"``, ``"online[cycle2]"``, ...
    seconds
        Wall time [s].
    peak_mb
        Largest memory, summed over the ranks [MB].
    state
        ``"fresh"``, ``"stale"`` or ``"missing"``.
    key
        Key of the artefact.
    ranks
        Number of ranks that computed it.
    """

    name: str
    seconds: float
    peak_mb: float
    state: str
    key: str = ""
    ranks: int = 1


@dataclass(frozen=True)
class NodalField:
    """A scalar on the vertices of the skin.

    Attributes
    ----------
    name
        What it is, with the instant when it matters: ``"p at t = 2"``.
    unit
        Its unit; ``"-"`` or empty when it has none.
    values
        One number for each vertex (n_vertices,); NaN where it is unknown.
    displacement
        Displacement of the vertices (n_vertices, 3) [length]; the picture then shows the deformed
        shape, exaggerated by a factor that it names.
    """

    name: str
    unit: str
    values: Float[Array, " n_vertices"]
    displacement: Float[Array, "n_vertices 3"] | None = None


@dataclass(frozen=True)
class CycleFacts:
    """What changes from cycle to cycle.

    Attributes
    ----------
    text
        In words: when cycles become alike, and what the detour gains.
    changes
        One row for each cycle: number, growth of the plastic strain and its change [-], stress
        range [stress] and its change [-]; ``nan`` where there is none.
    cycles
        Cycles compared with the reference.
    drift
        Errors at their ends by name [-].
    """

    text: str
    changes: Float[Array, "n_cycles 5"]
    cycles: Int[Array, " n_compared"]
    drift: Mapping[str, Float[Array, " n_compared"]]


@dataclass(frozen=True)
class WatchFacts:
    """What the indicator says of an answer.

    Attributes
    ----------
    field, tolerance
        The field watched, and the largest estimated error accepted of it [-].
    times
        Instants (n_times,) [time].
    estimate, bound
        Estimated relative error there, and its upper bound [-].
    confidence
        Part of the errors that the bound should cover [-].
    alarm
        Number of the first instant whose estimate is above the tolerance; none if all are below.
    """

    field: str
    tolerance: float
    times: Float[Array, " n_times"]
    estimate: Float[Array, " n_times"]
    bound: Float[Array, " n_times"]
    confidence: float
    alarm: int | None


@dataclass(frozen=True)
class CaseFacts:
    """One load case, its answer and, if there is a reference, its errors.

    Attributes
    ----------
    name
        Name of the case.
    status
        How the run ended.
    times
        Instants reached, the first being the initial state (n_times,) [time].
    newton_iterations, cuts
        Corrections and rejected increments of each step, the failed one included (n_steps,).
    wall_seconds, law_seconds
        Wall time of the answer and of its law calls [s].
    in_training
        Whether the model was trained on this very load.
    reason
        After a failure, what stopped the last increment.
    reference
        Name of the simulation compared with; empty when there is none.
    error_times, displacement_error
        Instants compared (n_errors,) [time] and relative L2 error of the displacement there [-].
    dual_error, hottest_error
        Relative error of each dual scalar at the last instant compared [-]: L2 over all points,
        and over the hottest 1 % of them.
    hf_seconds
        Wall time of the reference computation [s], when it is known.
    picture
        What the picture of this case shows.
    cycles
        What changes from cycle to cycle, of a cyclic case.
    quantities
        Quantities of interest: name, which number of it, value.
    watch
        What the indicator says, if the case was watched.
    """

    name: str
    status: Status
    times: Float[Array, " n_times"]
    newton_iterations: Int[Array, " n_steps"]
    cuts: Int[Array, " n_steps"]
    wall_seconds: float
    law_seconds: float
    in_training: bool = False
    reason: Status = Status.CONVERGED
    reference: str = ""
    error_times: Float[Array, " n_errors"] = field(default_factory=lambda: np.zeros(0))
    displacement_error: Float[Array, " n_errors"] = field(default_factory=lambda: np.zeros(0))
    dual_error: Mapping[str, float] = field(default_factory=dict)
    hottest_error: Mapping[str, float] = field(default_factory=dict)
    hf_seconds: float | None = None
    picture: NodalField | None = None
    cycles: CycleFacts | None = None
    quantities: tuple[tuple[str, str, float], ...] = ()
    watch: WatchFacts | None = None

    @property
    def speedup(self) -> float | None:
        """Wall time of the reference over that of the answer, of a run that converged."""
        if self.hf_seconds is None or not self.status.ok or self.wall_seconds <= 0.0:
            return None
        return self.hf_seconds / self.wall_seconds

    @property
    def worst_displacement(self) -> float | None:
        """Largest finite error of the displacement over the instants compared."""
        finite = self.displacement_error[np.isfinite(self.displacement_error)]
        return float(finite.max()) if finite.size else None


@dataclass(frozen=True)
class TrainedField:
    """Error of one field on the training loads: what was to be expected, and what came out.

    Attributes
    ----------
    name
        The field.
    predicted
        Part of the training snapshots that the modes leave out, relative [-].
    realised, hottest
        Relative error of the answers to the worst training load, over all instants [-]: of all
        points, and of the 1 % where the field is largest, if it is one at integration points.
    """

    name: str
    predicted: float
    realised: float
    hottest: float | None = None


@dataclass(frozen=True)
class SelectedPoints:
    """Points of the reduced quadrature in space.

    Attributes
    ----------
    positions
        Coordinates (n_selected, 3) [length].
    weights
        Their weights (n_selected,), positive [volume].
    """

    positions: Float[Array, "n_selected 3"]
    weights: Float[Array, " n_selected"]


@dataclass(frozen=True)
class LocalFacts:
    """Clusters of the candidates for training, and what the criterion says of local models.

    Attributes
    ----------
    names
        Of the candidates.
    dissimilarity
        Of each two of them [-].
    labels
        Cluster of each; none if there are no local models.
    medoids
        Number of the candidate that stands for each cluster.
    advice
        Table of the criterion, its choice and its words.
    """

    names: tuple[str, ...]
    dissimilarity: Float[Array, "n n"]
    labels: Int[Array, " n_labels"]
    medoids: Int[Array, " n_clusters"]
    advice: Advice


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
