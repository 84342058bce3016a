"""What the report shows of an answer, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.status import Status


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
    dual_history, hottest_history
        The same at every instant compared, the latter on the points that are hottest at the last
        one [-].
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
    dual_history: Mapping[str, Float[Array, " n_errors"]] = field(default_factory=dict)
    hottest_history: Mapping[str, Float[Array, " n_errors"]] = field(default_factory=dict)
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
