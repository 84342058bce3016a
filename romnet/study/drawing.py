"""Answering a design of experiments: chunk by chunk, rank by rank, resumable."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import together
from romnet.core.errors import StoreError
from romnet.core.status import Status
from romnet.fe.history import AmplitudeTable
from romnet.fe.random_field import KarhunenLoeve
from romnet.online.batch import BatchSolution, solve_batch
from romnet.online.prepared import prepare
from romnet.reduction.model import ReducedLoading, ReducedModel
from romnet.reduction.selection import at_points
from romnet.store import artefact
from romnet.store.artefact import Manifest, read_manifest
from romnet.study.answers import reduced_loading
from romnet.study.constraints import amplitude_of
from romnet.study.context import Context
from romnet.study.designs import UncertainLoad, draws_of
from romnet.study.forecast import Forecast
from romnet.study.loadcases import outside_tables
from romnet.study.models import displacement_modes, dual_bases, model_of
from romnet.study.schema import Design, Temperature
from romnet.study.stage import Stage
from romnet.study.workspace import law_specs

logger = logging.getLogger(__name__)

CHUNK = 64  # draws that advance together and are stored at once


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


def design_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Answer all draws of a case; chunks that an interrupted run left behind are kept."""
    comm, design = context.comm, design_of(context, stage.case)
    model = replace(model_of(context, stage.case), law_specs=law_specs(context.located))
    load = uncertain_load(context, stage.case, design, model)
    with together(comm):
        draws = draws_of(design, context.located.folder)
        prepared = prepare(model)
    key = _shared_key(context, manifest.key)
    folder = context.folder / stage.path.with_suffix(".parts")
    forecast = Forecast(draws.values)
    numbers = np.array_split(np.arange(len(draws.values)), -(-len(draws.values) // CHUNK))
    mine = range(comm.rank, len(numbers), comm.size)
    with together(comm):
        for place, number in enumerate(mine):
            chosen = numbers[number]
            values = draws.values[chosen]
            path = folder / f"{number:06d}.h5"
            part = _finished(path, key)
            if part is None:
                loads = [load.drawn(f"{stage.case}-{k}", draws.of(int(k))) for k in chosen]
                _check_temperatures(context, stage.case, loads)
                found = solve_batch(
                    prepared,
                    loads,
                    options=context.newton_options,
                    expected=forecast.of(values),
                )
                part = _part(stage.case, draws.names, values, found)
                artefact.save(path, part, Manifest(key=key))
            forecast.learn(values, part.coefficients)
            context.progress((place + 1) / len(mine))
    comm.barrier()
    with together(comm):
        if comm.rank == 0:
            parts = [
                artefact.load(folder / f"{number:06d}.h5", DesignAnswers)
                for number in range(len(numbers))
            ]
            artefact.save(context.folder / stage.path, _merged(parts), manifest)
            shutil.rmtree(folder)
    comm.barrier()


def _check_temperatures(context: Context, case: str, loads: list[ReducedLoading]) -> None:
    """Refuse, or tell, draws for which a law has no parameters."""
    located, workspace = context.located, context.workspace
    if not np.isfinite(workspace.temperature_range).any():
        return
    for load in loads:
        if not load.temperature.n_terms:
            continue
        message = outside_tables(workspace, load.temperature.tabulated(AmplitudeTable(load.times)))
        if message and located.study.outside_tables == "refuse":
            number = [entry.name for entry in located.study.online].index(case)
            message = f"draw {load.name}: {message}; extend the tables, or vary it less."
            raise located.error(("online", number, "design"), message)
        if message:
            logger.warning("draw %s: %s, whose ends hold.", load.name, message)


def uncertain_load(
    context: Context, case: str, design: Design, model: ReducedModel
) -> UncertainLoad:
    """Reduce a load case, and the modes of its random temperature, for the model that answers it.

    Notes
    -----
    Collective: yes. Cost: one pass over the mesh for each field and each mode, none for a draw.
    """
    modes = displacement_modes(context, case)
    nominal = reduced_loading(context, context.loading(case), modes, model.points)
    loads = context.located.cases[case].loads
    warm = [load.name for load in loads if isinstance(load, Temperature)]
    field = None
    if design.temperature is not None:
        wanted, workspace = design.temperature, context.workspace
        with together(context.comm):
            expansion = KarhunenLoeve.build(
                workspace.mesh.nodes,
                amplitude=wanted.deviation,
                length=wanted.length,
                modes=wanted.modes,
            )
            nodal = expansion.at(workspace.part.mesh.nodes)
            here = workspace.discretization.temperature_interpolation @ nodal
        at_mask = at_points(model.points, here, workspace.part.points, context.comm)
        field = np.ascontiguousarray(at_mask.T), amplitude_of(context.located, wanted.amplitude)
    return UncertainLoad(
        nominal=nominal,
        forces=tuple(load.name for load in loads if not isinstance(load, Temperature)),
        temperature=warm[0] if warm else "",
        field=field,
    )


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


def design_of(context: Context, case: str) -> Design:
    """Return the design of a case, which has one."""
    design = context.located.online(case).design
    if design is None:
        message = f"case {case!r} has no design."
        raise ValueError(message)
    return design


def _shared_key(context: Context, key: str) -> str:
    """Return the key that rank 0 knows, on all ranks."""
    mine = key.encode() if context.comm.rank == 0 else b""
    return context.comm.concatenate(np.frombuffer(mine, dtype=np.uint8)).tobytes().decode()


def _finished(path: Path, key: str) -> DesignAnswers | None:
    """Return a part that an earlier run finished for the same question."""
    try:
        if read_manifest(path).key == key:
            return artefact.load(path, DesignAnswers)
    except StoreError:
        return None
    return None


def _part(
    case: str, parameters: tuple[str, ...], values: Array, found: BatchSolution
) -> DesignAnswers:
    """Return the answers to some draws."""
    return DesignAnswers(
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


def _merged(parts: Sequence[DesignAnswers]) -> DesignAnswers:
    """Join the parts of a design."""
    first = parts[0]
    joined = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("values", "coefficients", "reached", "newton_iterations", "cuts")
    }
    return replace(
        first,
        **joined,
        dual={k: np.concatenate([part.dual[k] for part in parts]) for k in first.dual},
        indicator={k: np.concatenate([p.indicator[k] for p in parts]) for k in first.indicator},
        status=tuple(label for part in parts for label in part.status),
        reason=tuple(label for part in parts for label in part.reason),
        seconds=sum(part.seconds for part in parts),
    )
