"""Candidates for training: their simplified and whole simulations, and their input fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import SerialCommunicator, together
from romnet.core.errors import StudyError
from romnet.study.context import Context
from romnet.study.fields import field_values
from romnet.study.read import HF, Case, LocatedStudy
from romnet.study.schema import Local, Material, Temperature, Training

SIMPLIFIED = Path("simplified")
# Simulations of at most so many unknowns are computed by one rank each, several at a time.
_SMALL = 200_000


def local_of(located: LocatedStudy) -> Local:
    """Return the key of local models.

    Raises
    ------
    StudyError
        If the study has none.
    """
    if located.study.local is None:
        message = "is missing: name the candidates for training to be advised on local models."
        raise located.error(("local",), f"local {message}")
    return located.study.local


def simplified_study(located: LocatedStudy) -> LocatedStudy:
    """Return the study whose training are the simplified simulations of all candidates.

    Raises
    ------
    StudyError
        If a candidate has no last instant, or a law has no Young's modulus.

    Notes
    -----
    Collective: no. Computes nothing.
    """
    study, recipe = located.study, local_of(located).simplified
    training: list[Training] = []
    for number, candidate in enumerate(local_of(located).candidates):
        end = recipe.until or candidate.until or (candidate.times[-1] if candidate.times else None)
        imported = candidate.results != HF
        if end is None and not imported:
            place = ("local", "candidates", number)
            raise located.error(place, "needs until, the last instant.")
        grid: dict[str, Any] = {}
        if not imported:
            grid = {"until": end, "increments": recipe.increments}
        name, loads = candidate.name, candidate.loads
        training.append(Training(name=name, results=candidate.results, loads=loads, **grid))
    changes: dict[str, Any] = {
        "newton": study.newton.model_copy(update={"tolerance": recipe.tolerance}),
        "increments": None,
        "checkpoint": None,
    }
    if recipe.elastic:
        changes["materials"] = tuple(
            _elastic(located, material, number) for number, material in enumerate(study.materials)
        )
        changes["offline"] = study.offline.model_copy(update={"dual": ("stress",)})
    if recipe.mesh is not None:
        changes["mesh"] = recipe.mesh
    return _trained(located, training, changes)


def whole_study(
    located: LocatedStudy, names: Sequence[str], *, modes: int | None = None
) -> LocatedStudy:
    """Return the study whose training are the whole simulations of some candidates.

    Parameters
    ----------
    located
        The study.
    names
        Names of the candidates.
    modes
        Displacement modes at most; those of the study if left out.

    Raises
    ------
    StudyError
        If the instants of a candidate are not given.

    Notes
    -----
    Collective: no. Computes nothing.
    """
    candidates = local_of(located).candidates
    numbers = {candidate.name: number for number, candidate in enumerate(candidates)}
    training: list[Training] = []
    for name in names:
        candidate = candidates[numbers[name]]
        timed = candidate.times is not None or candidate.increments is not None
        if candidate.training == HF and not (timed or candidate.cycles is not None):
            place = ("local", "candidates", numbers[name])
            raise located.error(place, "needs times, or until and increments, to be learnt from.")
        kept = candidate.model_dump(exclude={"results", "training"}, exclude_unset=True)
        training.append(Training(**kept, results=candidate.training))
    offline = located.study.offline
    changes: dict[str, Any] = {}
    if modes is not None:
        changes["offline"] = offline.model_copy(update={"modes": modes})
    return _trained(located, training, changes)


def compute(simple: Context, names: Sequence[str], *, progress: Callable[[float], None]) -> None:
    """Compute or bring in simulations that are missing: small ones each by one rank alone.

    Parameters
    ----------
    simple
        Study whose training they are.
    names
        Which.
    progress
        Told the part that is done, from 0 to 1.

    Raises
    ------
    RomnetError
        Whatever the simulations raise, on all ranks; those that were finished stay.

    Notes
    -----
    Collective: yes. Resumable: what was finished is not computed again. Small simulations do not
    depend on the number of ranks, to the last bit.
    """
    from romnet.parallel.petsc import petsc

    comm = simple.comm
    up_to_date(simple, ["mesh"])
    targets = [f"snapshots[{name}]" for name in names]
    if comm.size == 1 or simple.workspace.mesh.n_dofs > _SMALL:
        up_to_date(simple, targets, progress=progress)
        return
    petsc()
    alone = replace(simple, comm=SerialCommunicator())
    with together(comm):
        up_to_date(alone, targets[comm.rank :: comm.size], progress=progress)


def up_to_date(
    context: Context, targets: Sequence[str], *, progress: Callable[[float], None] | None = None
) -> None:
    """Run the stages of a study within a stage of another one. Collective: yes."""
    # The table of stages, which the runner knows, holds the stages that need this.
    from romnet.study.runner import run

    told = progress if context.comm.rank == 0 else None
    run(context, targets, observer=None if told is None else _Counting(told, len(targets)))


@dataclass
class _Counting:
    """Counts the stages that ended, as an observer of a run."""

    progress: Callable[[float], None]
    total: int
    done: int = 0

    def started(self, name: str) -> None:
        """Ignore it."""

    def progressed(self, part: float) -> None:
        """Ignore it."""

    def finished(self, name: str, seconds: float) -> None:  # noqa: ARG002  (not who, nor how long)
        """Count it."""
        self.done += 1
        self.progress(min(1.0, self.done / max(1, self.total)))


@dataclass(frozen=True)
class Inputs:
    """What the choice of a local model looks at: temperatures when they have risen most.

    Local bases are blind to amplitudes, so the rises are scaled.

    Attributes
    ----------
    shapes
        Rise over the initial temperature at some nodes, over its largest size on the mesh, of each
        case [-].
    rises
        That largest size [temperature].
    """

    shapes: Float[Array, "n_cases n_nodes"]
    rises: Float[Array, " n_cases"]


def inputs_of(context: Context, cases: Sequence[Case], nodes: Int[Array, " n_nodes"]) -> Inputs:
    """Return what the choice of a local model looks at, at some nodes.

    Parameters
    ----------
    context
        Study and ranks.
    cases
        Load cases, each with a temperature.
    nodes
        Global node numbers.

    Raises
    ------
    StudyError
        If a case has no temperature.

    Notes
    -----
    Collective: yes; rank 0 reads the fields, one at a time.
    """
    shapes, rises = np.zeros((len(cases), len(nodes))), np.zeros(len(cases))
    with together(context.comm):
        if context.comm.rank == 0:
            for number, case in enumerate(cases):
                rise = _largest_rise(context, case)
                rises[number] = np.abs(rise).max()
                shapes[number] = rise[nodes] / (rises[number] or 1.0)
    return Inputs(context.comm.broadcast(shapes), context.comm.broadcast(rises))


def _largest_rise(context: Context, case: Case) -> Float[Array, " n_nodes"]:
    """Return the largest rise of the temperature of a case, over its keyframes."""
    warm = next((load for load in case.loads if isinstance(load, Temperature)), None)
    if warm is None:
        message = f"case {case.name!r} has no temperature, by which local models are chosen."
        raise StudyError(message)
    mesh, folder = context.workspace.mesh, context.located.folder
    frames = [
        field_values(frame.field, mesh.nodes, mesh=mesh, folder=folder) for frame in warm.keyframes
    ]
    rises = [frame - frames[0] for frame in frames]
    return max(rises, key=lambda rise: float(np.abs(rise).max()))


def candidate_cases(located: LocatedStudy) -> list[Case]:
    """Return the load cases of all candidates."""
    return [
        Case(one.name, located.loads_of(one, ("local", "candidates", number, "loads")), one)
        for number, one in enumerate(local_of(located).candidates)
    ]


def has_temperature(located: LocatedStudy) -> bool:
    """Whether every case of the study has a temperature."""
    return any(isinstance(load, Temperature) for load in located.study.loads)


def _trained(
    located: LocatedStudy, training: Sequence[Training], changes: dict[str, Any]
) -> LocatedStudy:
    """Return the study with another training, and nothing to answer."""
    numbers = {one.name: number for number, one in enumerate(local_of(located).candidates)}
    places = {name: ("local", "candidates", number, "loads") for name, number in numbers.items()}
    cases = {
        entry.name: Case(entry.name, located.loads_of(entry, places[entry.name]), entry)
        for entry in training
    }
    given = {"training": tuple(training), "online": (), "local": None, "indicator": None}
    study = located.study.model_copy(update={**given, **changes})
    return replace(located, study=study, cases=cases)


def _elastic(located: LocatedStudy, material: Material, number: int) -> Material:
    """Return a material that keeps nothing but its elasticity and expansion."""
    needed = ("young", "poisson")
    if not isinstance(material.law, str) or any(key not in material.parameters for key in needed):
        message = (
            f"law {material.law!r} has no young and poisson to simplify; use elastic: false in "
            f"local.simplified, or results of your own simplified simulations."
        )
        raise located.error(("materials", number, "law"), message)
    parameters = {key: material.parameters[key] for key in needed}
    return material.model_copy(update={"law": "elastic", "parameters": parameters})
