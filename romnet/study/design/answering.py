"""Answering a design of experiments: round by round, shared among the ranks, resumable."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Sequence
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
from romnet.study.design.answers import DesignAnswers
from romnet.study.design.draws import Draws, UncertainLoad, draws_of
from romnet.study.design.forecast import Forecast
from romnet.study.design.parts import Part, PartsOfRank, found_parts, joined
from romnet.study.loadcases import outside_tables
from romnet.study.models import displacement_modes, model_of
from romnet.study.schema import Design, RandomTemperature, Temperature
from romnet.study.stage import Stage
from romnet.study.workspace import law_specs

logger = logging.getLogger(__name__)

CHUNK, LEAST = 64, 8  # draws that advance together, at most and at least
# Draws of the first round, which nothing foretells, and those after which no more is learned.
FIRST, LAST = 16, 4096


def design_stage(context: Context, stage: Stage, manifest: Manifest) -> None:
    """Answer all draws of a case; what an interrupted run answered is kept.

    The ranks share the draws of each round as they get to them, and these are foreseen from the
    answers to all rounds before. The answers do not depend on which rank gave them.
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
            teaches = asked[-1] < min(LAST, len(draws.values) - 1)
            pieces, mine = _pieces(np.setdiff1d(asked, known), comm.size), [_told(nothing)]
            with together(comm), comm.shared(len(pieces)) as numbers:
                for number in numbers:
                    part = question.answered(pieces[number], forecast)
                    parts.add(part)
                    context.progress((part.numbers[-1] + 1) / len(draws.values))
                    if teaches:
                        mine.append(_told(part))
            if teaches:
                before = np.isin(known, asked)
                forecast.learn(draws.values[known[before]], coefficients[before])
                answered, found = _everywhere(mine, comm)
                forecast.learn(draws.values[answered], found)
        gathered = parts.gathered(comm)
    with together(comm):
        if comm.rank == 0:
            whole = joined([*found_parts(folder, key), gathered])
            _refuse_lost(folder, len(draws.values) - len(whole.numbers))
            artefact.save(context.folder / stage.path, whole.answers, manifest)
            shutil.rmtree(folder, ignore_errors=True)
    comm.barrier()


def _refuse_lost(folder: Path, n_lost: int) -> None:
    """Refuse a design without all of its answers, since somebody removed some meanwhile."""
    if n_lost:
        message = f"{folder}: answers to {n_lost} draws were lost; ask again, the others are kept."
        raise StoreError(message)


def _rounds(n_draws: int) -> Iterator[Int[Array, " n"]]:
    """Return the draws of each round: as many as have been answered before it."""
    ends = [FIRST * 2**k for k in range((LAST // FIRST).bit_length())]
    yield from np.split(np.arange(n_draws), [end for end in ends if end < n_draws])


def _pieces(numbers: Int[Array, " n"], n_ranks: int) -> list[Int[Array, " n_draws"]]:
    """Cut draws into pieces that advance together, small ones last, so that ranks end together."""
    pieces = []
    while len(numbers):
        share = CHUNK if n_ranks == 1 else len(numbers) // (2 * n_ranks)
        size = min(max(share, LEAST), CHUNK)
        pieces.append(numbers[:size])
        numbers = numbers[size:]
    return pieces


# Numbers of draws, and their coefficients.
_Told = tuple[Int[Array, " _"], Float[Array, "_ n_modes n_times"]]


def _told(part: Part) -> _Told:
    """Return what a part tells of other draws."""
    return part.numbers, part.answers.coefficients


def _known(folder: Path, key: str, comm: Communicator, nothing: Part) -> _Told:
    """Return, on all ranks, what an interrupted run answered."""
    found: tuple[Part, ...] = ()
    with together(comm):
        if comm.rank == 0:
            found = found_parts(folder, key)
    return _everywhere([_told(part) for part in (nothing, *found)], comm)


def _everywhere(told: Sequence[_Told], comm: Communicator) -> _Told:
    """Return, on all ranks, what was told on any of them, in the order of the draws."""
    numbers, coefficients = (
        comm.concatenate(np.concatenate(arrays)) for arrays in zip(*told, strict=True)
    )
    # What is learned must not depend on who answered, not even in its rounding.
    order = np.argsort(numbers)
    return numbers[order], coefficients[order]


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

    def answered(self, chosen: Int[Array, " n"], forecast: Forecast) -> Part:
        """Answer some draws together."""
        values = self.draws.values[chosen]
        loads = [self.load.drawn(f"{self.case}-{k}", self.draws.of(k)) for k in chosen.tolist()]
        _check_temperatures(self.context, self.case, loads)
        options, expected = self.context.newton_options, forecast.of(values)
        solution = solve_batch(self.prepared, loads, options=options, expected=expected)
        return Part(chosen, DesignAnswers.of(self.case, self.draws.names, values, solution))


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
