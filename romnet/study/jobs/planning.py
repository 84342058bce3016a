"""The jobs that a study asks a cluster for: what depends on what, and what each will need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil

from romnet.core.communicator import SerialCommunicator
from romnet.study.context import Context
from romnet.study.jobs.costs import Costs, shared
from romnet.study.jobs.predicting import Prediction, prediction
from romnet.study.read import HF
from romnet.study.runner import State, Verdict, verdicts
from romnet.study.simulation import high_fidelity_stage
from romnet.study.workspace import build_workspace, read_mesh

# Fewer unknowns on a rank are not worth its messages.
DOFS_OF_RANK = 50_000
MOST_RANKS = 64
# Predictions are within a factor of a few.
TIMES_LONGER, TIMES_LARGER = 3.0, 1.5
SHORTEST_S, SMALLEST_BYTES = 600.0, 2**29


@dataclass(frozen=True)
class Needs:
    """What a job asks for.

    Attributes
    ----------
    ranks
        MPI ranks.
    seconds
        Time limit [s]; a job that needs longer goes on in the queue.
    memory
        Of one rank [B].
    """

    ranks: int
    seconds: float
    memory: float


@dataclass(frozen=True)
class Job:
    """One job, or an array of them.

    Attributes
    ----------
    name
        Unique among the jobs of a study.
    command
        Subcommand of ``romnet`` with its options, without the study.
    needs
        What it asks for.
    tasks
        Last word of the command of each job of an array; none for a single job.
    after
        Names of the jobs that must end well before.
    """

    name: str
    command: tuple[str, ...]
    needs: Needs
    tasks: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


def planned_jobs(context: Context) -> tuple[Job, ...]:
    """Plan the jobs that bring a study up to date: simulations, model, answers.

    Parameters
    ----------
    context
        The study and its results on one rank; what is up to date needs no job.

    Returns
    -------
    tuple of Job
        In an order in which they can run. Simulations that do not wait for one another share an
        array, and so do online cases that compute references.

    Raises
    ------
    RomnetError
        If the study cannot be computed.

    Notes
    -----
    Collective: no. Cost: that of reading the mesh.
    """
    judged = verdicts(context.located, context.folder)
    workspace = build_workspace(context.located, read_mesh(context.located), SerialCommunicator())
    predicted = prediction(workspace)
    jobs: list[Job] = []
    jobs += _simulation_jobs(judged, predicted)
    if any(_due(verdict) for verdict in judged.values() if verdict.stage.offline):
        before = tuple(job.name for job in jobs)
        needs = _needs(predicted.offline, predicted.n_dofs)
        jobs.append(Job("offline", ("offline",), needs, after=before[-1:]))
    if any(_due(verdict) for verdict in judged.values() if not verdict.stage.offline):
        online = _online_job(context, judged, predicted)
        jobs.append(replace(online, after=tuple(job.name for job in jobs[-1:])))
    return tuple(jobs)


def _simulation_jobs(judged: Mapping[str, Verdict], predicted: Prediction) -> list[Job]:
    """Plan the training simulations; those that wait for another belong to the next job."""
    due = [
        verdict.stage
        for verdict in judged.values()
        if _due(verdict)
        and verdict.stage.offline
        and verdict.stage.action is high_fidelity_stage
        and verdict.stage.inputs == ("mesh",)
    ]
    if not due:
        return []
    needs = _most([predicted.simulations[stage.case] for stage in due], predicted.n_dofs)
    if len(due) == 1:
        return [Job("simulation", ("offline", "--until", due[0].name), needs)]
    array = Job(
        "simulations", ("offline", "--until"), needs, tasks=tuple(stage.name for stage in due)
    )
    if not _due(judged["mesh"]):
        return [array]
    # Or each of them would write it.
    mesh = Job("mesh", ("offline", "--until", "mesh"), Needs(1, SHORTEST_S, needs.memory))
    return [mesh, replace(array, after=("mesh",))]


def _online_job(context: Context, judged: Mapping[str, Verdict], predicted: Prediction) -> Job:
    """Plan the answers: one job, or an array where each case computes a reference."""
    names = [entry.name for entry in context.located.study.online]
    stages = [v.stage for v in judged.values() if _due(v) and not v.stage.offline]
    names = [name for name in names if any(stage.case == name for stage in stages)]
    heavy = [
        predicted.simulations[entry.name]
        for entry in context.located.study.online
        if entry.name in names and entry.reference == HF
    ]
    alone = replace(_needs(predicted.offline, predicted.n_dofs), ranks=1)
    if not heavy:
        return Job("online", ("online",), alone)
    needs = _most(heavy, predicted.n_dofs)
    if len(heavy) == 1:
        return Job("online", ("online",), needs)
    return Job("online", ("online", "--case"), needs, tasks=tuple(names))


def _due(verdict: Verdict) -> bool:
    """Whether a stage must run."""
    return verdict.state is not State.FRESH


def _most(costs: list[Costs], n_dofs: int) -> Needs:
    """Return what the largest of some simulations needs."""
    return _needs(max(costs, key=lambda one: sum(one.seconds.values())), n_dofs)


def _needs(costs: Costs, n_dofs: int) -> Needs:
    """Turn a prediction into a request."""
    ranks = min(max(1, round(n_dofs / DOFS_OF_RANK)), MOST_RANKS)
    several = shared(costs, ranks)
    return Needs(
        ranks=ranks,
        seconds=SHORTEST_S + TIMES_LONGER * sum(several.seconds.values()),
        memory=SMALLEST_BYTES + TIMES_LARGER * several.memory / ranks,
    )


def asked(job: Job, *, ranks: int | None, minutes: float | None, memory: float | None) -> Job:
    """Return a job with what somebody knows better.

    Parameters
    ----------
    job
        The job as planned.
    ranks
        Ranks of every job that has several [-].
    minutes
        Time limit [min].
    memory
        Memory of a rank [MB].

    Examples
    --------
    >>> job = Job("offline", ("offline",), Needs(1, 600.0, 2.0**30))
    >>> asked(job, ranks=4, minutes=30.0, memory=None).needs
    Needs(ranks=4, seconds=1800.0, memory=1073741824.0)
    """
    needs = job.needs
    if ranks is not None and job.name != "mesh":
        needs = replace(needs, ranks=ranks)
    if minutes is not None:
        needs = replace(needs, seconds=60.0 * minutes)
    if memory is not None:
        needs = replace(needs, memory=memory * 2**20)
    return replace(job, needs=needs)


def megabytes(needs: Needs) -> int:
    """Return the memory of a rank, in steps that a person would choose [MB].

    Examples
    --------
    >>> megabytes(Needs(1, 600.0, 1.01 * 2**30))
    1280
    """
    return 256 * ceil(needs.memory / 2**28)


def minutes(needs: Needs) -> int:
    """Return the time limit, in whole minutes [min].

    Examples
    --------
    >>> minutes(Needs(1, 601.0, 2.0**30))
    11
    """
    return max(1, ceil(needs.seconds / 60.0))
