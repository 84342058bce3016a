"""Answers to a design of experiments, and what they say about the fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.status import Status
from romnet.online.batch import BatchSolution
from romnet.online.prepared import PreparedModel
from romnet.store import artefact
from romnet.study.context import Context
from romnet.study.models import dual_bases


@dataclass(frozen=True)
class DesignAnswers:
    """Answers of the reduced model to all draws of a design.

    Attributes
    ----------
    case
        Name of the load case that is varied.
    parameters
        Names of the uncertain parameters.
    values
        Their values, one row for each draw.
    times
        Instants [time].
    coefficients
        Of the displacement modes; NaN after the last instant that a draw reached.
    dual
        Coefficients of the gappy modes of each scalar dual field; NaN likewise.
    indicator
        Relative part of its mask values that the gappy modes cannot represent [-].
    status, reason
        How each draw ended and, after a failure, what stopped its last increment.
    reached
        Instants that each draw reached after the first.
    newton_iterations
        Corrections solved for by each draw.
    cuts
        Rejected increments of each draw.
    seconds
        Wall time, summed over chunks of draws [s].
    """

    case: str
    parameters: tuple[str, ...]
    values: Float[Array, "n_draws n_parameters"]
    times: Float[Array, " n_times"]
    coefficients: Float[Array, "n_draws n_modes n_times"]
    dual: Mapping[str, Float[Array, "n_draws n_dual n_times"]]
    indicator: Mapping[str, Float[Array, "n_draws n_times"]]
    status: tuple[str, ...]
    reason: tuple[str, ...]
    reached: Int[Array, " n_draws"]
    newton_iterations: Int[Array, " n_draws"]
    cuts: Int[Array, " n_draws"]
    seconds: float

    @classmethod
    def of(
        cls,
        case: str,
        parameters: tuple[str, ...],
        values: Float[Array, "n_draws n_parameters"],
        found: BatchSolution,
    ) -> DesignAnswers:
        """Return the answers to some draws."""
        return cls(
            case=case,
            parameters=parameters,
            values=values,
            times=found.times,
            coefficients=found.coefficients,
            dual=found.dual,
            indicator=found.indicator,
            status=tuple(status.label for status in found.status),
            reason=tuple(status.label for status in found.reason),
            reached=found.reached,
            newton_iterations=found.newton_iterations.sum(axis=1),
            cuts=found.cuts,
            seconds=found.wall_seconds,
        )

    @classmethod
    def none(
        cls,
        case: str,
        parameters: tuple[str, ...],
        times: Float[Array, " n_times"],
        asked: PreparedModel,
    ) -> DesignAnswers:
        """Return the answers of a model to no draw: arrays of the right shapes without a row."""
        count, names = np.zeros(0, dtype=np.int64), [scalar.name for scalar in asked.scalars]
        sizes = {name: len(asked.model.gappy[name].inverse) for name in names}
        return cls(
            case=case,
            parameters=parameters,
            values=np.zeros((0, len(parameters))),
            times=times,
            coefficients=np.zeros((0, asked.model.n_modes, len(times))),
            dual={name: np.zeros((0, size, len(times))) for name, size in sizes.items()},
            indicator={name: np.zeros((0, len(times))) for name in names},
            status=(),
            reason=(),
            reached=count,
            newton_iterations=count,
            cuts=count,
            seconds=0.0,
        )


@dataclass(frozen=True)
class FieldStatistics:
    """A dual scalar over the draws that converged, at the points of this rank.

    Attributes
    ----------
    mean, low, high
        Mean, 5 % and 95 % quantile at each point.
    largest
        Largest value of each draw over all points of all ranks.
    """

    mean: Float[Array, " n_points"]
    low: Float[Array, " n_points"]
    high: Float[Array, " n_points"]
    largest: Float[Array, " n_converged"]


@dataclass(frozen=True)
class DesignSummary:
    """What came out of a design.

    Attributes
    ----------
    draws, converged
        How many there are, and how many have a complete answer.
    statuses
        How many ended in each way.
    seconds_per_draw
        Wall time on one rank [s].
    largest_p
        Of the largest p of each draw: mean, 5 % and 95 % quantile; empty without p [-].
    """

    draws: int
    converged: int
    statuses: Mapping[str, int]
    seconds_per_draw: float
    largest_p: Mapping[str, float]

    @property
    def words(self) -> str:
        """One line for people."""
        text = f"design: {self.converged} of {self.draws} draws converged, "
        text += f"{1e3 * self.seconds_per_draw:.3g} ms each"
        failed = {name: n for name, n in self.statuses.items() if name != Status.CONVERGED.label}
        if failed:
            text += " (" + ", ".join(f"{n} {name}" for name, n in failed.items()) + ")"
        if self.largest_p:
            low, high = self.largest_p["q05"], self.largest_p["q95"]
            text += f"; largest p {self.largest_p['mean']:.3g}, 90 % in {low:.3g} ... {high:.3g}"
        return text


def field_statistics(context: Context, case: str, *, name: str = "p") -> FieldStatistics:
    """Return statistics of a dual scalar over the draws of a design, at the last instant.

    Parameters
    ----------
    context, case
        The study and its case with a design, answered.
    name
        The scalar: ``"p"``, ``"stress_11"``, ...

    Raises
    ------
    StoreError
        If it has not been answered.

    Notes
    -----
    Collective: yes. Cost: one product with the modes of the field for all draws, in blocks.
    """
    answers = load_answers(context, case)
    done = answers.reached == len(answers.times) - 1
    coefficients = answers.dual[name][done, :, -1].T
    modes = dual_bases(context, case)[name].modes
    n_points, n_draws = len(modes), coefficients.shape[1]
    mean, low, high = np.empty((3, n_points))
    largest = np.full(n_draws, -np.inf)
    size = max(1, 2**23 // max(n_draws, 1))
    for first in range(0, n_points, size):
        block = slice(first, first + size)
        values = modes[block] @ coefficients
        mean[block] = values.mean(axis=1)
        low[block], high[block] = np.quantile(values, [0.05, 0.95], axis=1)
        largest = np.maximum(largest, values.max(axis=0, initial=-np.inf))
    everywhere = context.comm.concatenate(largest[None])
    return FieldStatistics(mean, low, high, np.asarray(everywhere.max(axis=0)))


def design_summary(context: Context, case: str) -> DesignSummary | None:
    """Summarise a design; None for a case without one. Collective: yes."""
    if all(one.name != case or one.design is None for one in context.located.study.online):
        return None
    answers = load_answers(context, case)
    statuses = {label: answers.status.count(label) for label in sorted(set(answers.status))}
    converged = statuses.get(Status.CONVERGED.label, 0)
    largest: dict[str, float] = {}
    if "p" in answers.dual and converged:
        found = field_statistics(context, case).largest
        quantiles = np.quantile(found, [0.05, 0.95])
        largest = {"mean": float(found.mean())}
        largest |= dict(zip(("q05", "q95"), quantiles.tolist(), strict=True))
    n_draws = len(answers.status)
    return DesignSummary(n_draws, converged, statuses, answers.seconds / n_draws, largest)


def load_answers(context: Context, case: str) -> DesignAnswers:
    """Return the answers to a design.

    Raises
    ------
    StoreError
        If it has not been answered.
    """
    return artefact.load(context.folder / f"designs/{case}.h5", DesignAnswers)
