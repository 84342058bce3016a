"""Answering a design of experiments: round by round, shared among the ranks, resumable."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator, together
from romnet.core.errors import StoreError
from romnet.fe.history import AmplitudeTable
from romnet.fe.random_field import KarhunenLoeve
from romnet.online.batch import solve_batch
from romnet.online.prepared import PreparedModel, prepare
from romnet.reduction.model import ReducedLoading, ReducedModel
from romnet.reduction.selection import owned
from romnet.store import artefact
from romnet.store.manifest import Manifest
from romnet.study.answers import reduced_loading
from romnet.study.constraints import amplitude_of
from romnet.study.context import Context
from romnet.study.design_answers import DesignAnswers
from romnet.study.design_parts import Part, PartsOfRank, found_parts, joined
from romnet.study.designs import Draws, UncertainLoad, draws_of
from romnet.study.forecast import Forecast
from romnet.study.loadcases import outside_tables
from romnet.study.models import displacement_modes, model_of
from romnet.study.schema import Design, RandomTemperature, Temperature
from romnet.study.stage import Stage
from romnet.study.workspace import law_specs

logger = logging.getLogger(__name__)

CHUNK = 64  # draws that advance together
# Draws of the first round, which nothing foretells, and those after which no more is learned.
FIRST, LAST = 16, 4096


def design_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Answer all draws of a case; what an interrupted run answered is kept.

    The ranks share the draws of each round, and these are foreseen from the answers to all rounds
    before, whichever rank gave them.
    """
    comm, case, design = context.comm, stage.case, design_of(context, stage.case)
    model = replace(model_of(context, case), law_specs=law_specs(context.located))
    load = uncertain_load(context, case, design, model)
    with together(comm):
        draws = draws_of(design, context.located.folder)
        question = _Question(context, case, draws, load, prepare(model))
    key = _shared_key(context, manifest.key)
    folder = context.folder / stage.path.with_suffix(".parts")
    nothing = question.nothing()
    known, coefficients = _known(folder, key, comm, nothing)
    forecast = Forecast(draws.values)
    with PartsOfRank(folder, key, nothing) as parts:
        for asked in _rounds(len(draws.values)):
            mine = np.array_split(np.setdiff1d(asked, known), comm.size)[comm.rank]
            found = np.empty((len(mine), *coefficients.shape[1:]))
            with together(comm):
                for done, part in question.answered(mine, forecast):
                    parts.add(part)
                    found[done - len(part.numbers) : done] = part.answers.coefficients
                    context.progress((asked[0] + done / len(mine) * len(asked)) / len(draws.values))
            if asked[-1] < min(LAST, len(draws.values) - 1):
                before = np.isin(known, asked)
                forecast.learn(draws.values[known[before]], coefficients[before])
                forecast.learn(draws.values[comm.concatenate(mine)], comm.concatenate(found))
        gathered = parts.gathered(comm)
    with together(comm):
        if comm.rank == 0:
            whole = joined([*found_parts(folder, key), gathered])
            if len(whole.numbers) < len(draws.values):
                message = (
                    f"{folder}: answers to {len(draws.values) - len(whole.numbers)} draws "
                    f"of {len(draws.values)} were lost; ask again, the others are kept."
                )
                raise StoreError(message)
            artefact.save(context.folder / stage.path, whole.answers, manifest)
            if folder.exists():
                shutil.rmtree(folder)
    comm.barrier()


def _rounds(n_draws: int) -> Iterator[Int[Array, " n"]]:
    """Return the draws of each round: as many as have been answered before it."""
    ends = [FIRST * 2**k for k in range((LAST // FIRST).bit_length())]
    yield from np.split(np.arange(n_draws), [end for end in ends if end < n_draws])


def _known(
    folder: Path, key: str, comm: Communicator, nothing: Part
) -> tuple[Int[Array, " n_known"], Float[Array, "n_known n_modes n_times"]]:
    """Return, on all ranks, which draws an interrupted run answered, and their coefficients."""
    found = nothing
    with together(comm):
        if comm.rank == 0:
            found = joined([nothing, *found_parts(folder, key)])
    return comm.concatenate(found.numbers), comm.concatenate(found.answers.coefficients)


@dataclass(frozen=True)
class _Question:
    """A case and its draws, ready to be answered on one rank alone."""

    context: Context
    case: str
    draws: Draws
    load: UncertainLoad
    prepared: PreparedModel

    def nothing(self) -> Part:
        """Return the answers to no draw."""
        times = self.load.nominal.times
        answers = DesignAnswers.none(self.case, self.draws.names, times, self.prepared)
        return Part(np.zeros(0, dtype=np.int64), answers)

    def answered(self, numbers: Int[Array, " n"], forecast: Forecast) -> Iterator[tuple[int, Part]]:
        """Answer draws chunk by chunk; return how many are done, and the answers to the chunk."""
        for first in range(0, len(numbers), CHUNK):
            chosen = numbers[first : first + CHUNK]
            values = self.draws.values[chosen]
            loads = [self.load.drawn(f"{self.case}-{k}", self.draws.of(k)) for k in chosen.tolist()]
            _check_temperatures(self.context, self.case, loads)
            solution = solve_batch(
                self.prepared,
                loads,
                options=self.context.newton_options,
                expected=forecast.of(values),
            )
            answers = DesignAnswers.of(self.case, self.draws.names, values, solution)
            yield first + len(chosen), Part(chosen, answers)


def _check_temperatures(context: Context, case: str, loads: list[ReducedLoading]) -> None:
    """Refuse, or tell, draws for which a law has no parameters."""
    located, workspace = context.located, context.workspace
    if not np.isfinite(workspace.temperature_range).any():
        return
    table = AmplitudeTable(loads[0].times)
    for load in loads:
        if not load.temperature.n_terms:
            continue
        message = outside_tables(workspace, load.temperature.tabulated(table))
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
        amplitude = amplitude_of(context.located, design.temperature.amplitude)
        field = _random_modes(context, design.temperature, model.points), amplitude
    return UncertainLoad(
        nominal=nominal,
        forces=tuple(load.name for load in loads if not isinstance(load, Temperature)),
        temperature=warm[0] if warm else "",
        field=field,
    )


def _random_modes(
    context: Context, wanted: RandomTemperature, points: Int[Array, " n_mask"]
) -> Float[Array, "n_field n_mask"]:
    """Return the modes of a random temperature at the points of the model."""
    comm, workspace = context.comm, context.workspace
    found, mine = owned(points, workspace.part.points)
    modes = np.zeros((len(points), wanted.modes))
    with together(comm):
        expansion = KarhunenLoeve.build(
            workspace.mesh.nodes,
            amplitude=wanted.deviation,
            length=wanted.length,
            modes=wanted.modes,
        )
        interpolation = workspace.discretization.temperature_interpolation[mine]
        nodes = np.unique(interpolation.indices)
        at_nodes = expansion.at(workspace.part.mesh.nodes[nodes])
        modes[found] = interpolation[:, nodes] @ at_nodes
    return np.ascontiguousarray(comm.sum(modes).T)


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
