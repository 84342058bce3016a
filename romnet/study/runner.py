"""Running the stages of a study: what is fresh is kept, what is stale is told why and redone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Protocol, runtime_checkable

import numpy as np

from romnet.core.communicator import Communicator, on_first, together
from romnet.core.errors import StoreError, StudyError
from romnet.core.peak_memory import peak_memory
from romnet.parallel.petsc import petsc
from romnet.store import artefact
from romnet.store.codec import canonical_json
from romnet.store.content_hash import sha256_of
from romnet.store.lock import holding
from romnet.store.manifest import Manifest, manifest_path, read_manifest, write_manifest
from romnet.study.context import Context
from romnet.study.read import LocatedStudy
from romnet.study.stage import Stage
from romnet.study.stages import stages_of


class State(Enum):
    """Whether the artefact of a stage can be used."""

    FRESH = "fresh"
    STALE = "stale"
    MISSING = "missing"


@dataclass(frozen=True)
class Verdict:
    """State of one stage and why.

    Attributes
    ----------
    stage
        The stage.
    key
        Key that its artefact must have.
    fingerprints
        What the key is made of besides the parameters: keys of inputs, hashes of files, version.
    state, reason
        Whether its artefact can be used, and in words why not.
    """

    stage: Stage
    key: str
    fingerprints: Mapping[str, str]
    state: State
    reason: str


@runtime_checkable
class Observer(Protocol):
    """Told how far the work is; called on rank 0 only."""

    def started(self, name: str) -> None:
        """Hear that a stage begins."""

    def progressed(self, part: float) -> None:
        """Hear which part of the running stage is done, from 0 to 1."""

    def finished(self, name: str, seconds: float) -> None:
        """Hear that a stage ended well."""


class Silence:
    """An observer that tells nobody."""

    def started(self, name: str) -> None:
        """Ignore it."""

    def progressed(self, part: float) -> None:
        """Ignore it."""

    def finished(self, name: str, seconds: float) -> None:
        """Ignore it."""


def verdicts(located: LocatedStudy, folder: Path) -> dict[str, Verdict]:
    """Say of every stage whether its artefact is fresh, and why not.

    Parameters
    ----------
    located
        The study.
    folder
        Folder of results.

    Raises
    ------
    StudyError
        If a file that the study names does not exist.

    Notes
    -----
    Collective: no. Reads manifests and hashes foreign files; runs nothing.
    """
    judged: dict[str, Verdict] = {}
    hashes: dict[Path, str] = {}
    for stage in stages_of(located).values():
        fingerprints = {"version": str(stage.version)}
        fingerprints |= {f"input {name}": judged[name].key for name in stage.inputs}
        for name, path in stage.files.items():
            if path not in hashes:
                hashes[path] = _hash_of(path)
            fingerprints[f"file {name}"] = hashes[path]
        content = {
            "stage": stage.name,
            "parameters": stage.parameters,
            "fingerprints": fingerprints,
        }
        key = hashlib.sha256(canonical_json(content).encode()).hexdigest()
        state, reason = _judge(stage, folder / stage.path, key, fingerprints, judged)
        judged[stage.name] = Verdict(stage, key, fingerprints, state, reason)
    return judged


def run(
    context: Context, targets: Iterable[str], *, observer: Observer | None = None
) -> dict[str, float]:
    """Bring the artefacts of some stages, and of all they depend on, up to date.

    Parameters
    ----------
    context
        Study, folder and ranks.
    targets
        Names of stages.
    observer
        Told about progress, on rank 0.

    Returns
    -------
    dict
        Wall time of each stage that ran [s].

    Raises
    ------
    RomnetError
        Whatever the stages raise, on all ranks; artefacts of earlier stages stay. A `StoppedError`
        at the next safe point, if the run is asked to stop.

    Notes
    -----
    Collective: yes. Resumable: a stage that was interrupted left nothing under its final name and
    runs again; those before it do not.
    """
    comm = context.comm
    watcher = observer if observer is not None and comm.rank == 0 else Silence()
    judged: dict[str, Verdict] = {}
    with together(comm):
        if comm.size > 1:
            petsc()  # loading it is no work of the stage that happens to be the first
        table = stages_of(context.located)
        wanted = closure(table, targets)
        if comm.rank == 0:
            judged = verdicts(context.located, context.folder)
    ran: dict[str, float] = {}
    for name in wanted:
        if not _is_due(comm, judged.get(name)):
            if comm.rank == 0:
                artefact.remove_left(context.folder / table[name].path)
            continue
        context.safe_point(f"before the stage {name}")
        with on_first(holding(context.folder / table[name].path), comm):
            # Another run may have finished it since, and this one is the only one from now on.
            with together(comm):
                if comm.rank == 0:
                    judged[name] = _judged_again(judged[name], context.folder, judged)
            if _is_due(comm, judged.get(name)):
                ran[name] = _run_stage(context, table, name, judged=judged, observer=watcher)
    return ran


def _is_due(comm: Communicator, verdict: Verdict | None) -> bool:
    """Whether a stage must run; rank 0 alone reads manifests, so that all ranks do the same."""
    due = verdict is not None and verdict.state is not State.FRESH
    return bool(comm.broadcast(np.array([float(due)]))[0])


def _judged_again(verdict: Verdict, folder: Path, judged: Mapping[str, Verdict]) -> Verdict:
    """Look once more whether the artefact of a stage can be used."""
    stage = verdict.stage
    state, reason = _judge(stage, folder / stage.path, verdict.key, verdict.fingerprints, judged)
    return replace(verdict, state=state, reason=reason)


def closure(table: Mapping[str, Stage], targets: Iterable[str]) -> list[str]:
    """Return stages and all they depend on, in an order in which they can run.

    Raises
    ------
    StudyError
        If a target is no stage of the study.
    """
    needed: set[str] = set()
    waiting = list(targets)
    while waiting:
        name = waiting.pop()
        if name not in table:
            message = f"there is no stage {name!r}; there are: {', '.join(table)}."
            raise StudyError(message)
        if name not in needed:
            needed.add(name)
            waiting += table[name].inputs
    return [name for name in table if name in needed]


def _run_stage(
    context: Context,
    table: Mapping[str, Stage],
    name: str,
    *,
    judged: Mapping[str, Verdict],
    observer: Observer,
) -> float:
    """Run one stage and complete its manifest."""
    comm, stage = context.comm, table[name]
    manifest, verdict = Manifest(), judged.get(name)
    for read in stage.inputs:
        artefact.verify_once(context.folder / table[read].path, comm)
    if verdict is not None:
        manifest = Manifest(
            key=verdict.key,
            inputs=verdict.fingerprints,
            parameters=stage.parameters,
            units=context.located.study.units.model_dump(),
            ranks=comm.size,
            citations=stage.citations,
        )
    observer.started(stage.name)
    began, began_cpu = perf_counter(), process_time()
    context.progress = observer.progressed
    stage.action(context, stage, manifest)
    seconds, used = perf_counter() - began, process_time() - began_cpu
    memory = peak_memory() / 2**20
    of_rank = comm.concatenate(np.array([[memory, seconds, used]]))
    with together(comm):
        if comm.rank == 0:
            path = context.folder / stage.path
            _refuse_replaced(context.folder, stage, judged)
            complete = replace(
                read_manifest(path),
                wall_s=seconds,
                cpu_s=float(of_rank[:, 2].sum()),
                peak_memory_mb=float(of_rank[:, 0].sum()),
                rank_memory_mb=tuple(of_rank[:, 0].tolist()),
                rank_wall_s=tuple(of_rank[:, 1].tolist()),
            )
            write_manifest(path, complete)
    observer.finished(stage.name, seconds)
    return seconds


def _refuse_replaced(folder: Path, stage: Stage, judged: Mapping[str, Verdict]) -> None:
    """Take a result back whose inputs another run replaced meanwhile."""
    for verdict in (judged[name] for name in stage.inputs):
        path = folder / verdict.stage.path
        if read_manifest(path).key != verdict.key:
            manifest_path(folder / stage.path).unlink(missing_ok=True)
            message = (
                f"{path} was replaced by another run while {stage.name} was computed from it; "
                f"run the same command again."
            )
            raise StoreError(message)


def _judge(
    stage: Stage,
    path: Path,
    key: str,
    fingerprints: Mapping[str, str],
    judged: Mapping[str, Verdict],
) -> tuple[State, str]:
    """Compare an artefact with what the study asks for."""
    if not path.exists():
        return State.MISSING, "not computed yet"
    try:
        manifest = read_manifest(path)
    except StoreError as problem:
        return State.STALE, f"its manifest cannot be used: {problem}"
    if manifest.key == key:
        return State.FRESH, "up to date"
    changes = [
        f"{place} {_short(old)} → {_short(new)}"
        for place, old, new in _differences(manifest.parameters, stage.parameters)
    ]
    for name, new in fingerprints.items():
        old = manifest.inputs.get(name)
        if old == new:
            continue
        kind, _, label = name.partition(" ")
        if kind == "input":
            waits = judged[label].state is not State.FRESH
            changes.append(
                f"{label} is {judged[label].state.value}" if waits else f"{label} is new"
            )
        else:
            changes.append(f"{name} changed")
    return State.STALE, "; ".join(changes) or "computed by another version"


def _differences(old: Any, new: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:  # noqa: ANN401
    """Find the values in which two JSON values differ, with their place."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys([*old, *new]):
            below = f"{place}.{name}" if place else name
            yield from _differences(old.get(name), new.get(name), below)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, pair in enumerate(zip(old, new, strict=True)):
            yield from _differences(*pair, f"{place}.{number}")
    elif canonical_json({"": old}) != canonical_json({"": new}):
        yield place, old, new


def _short(value: Any) -> str:  # noqa: ANN401
    """Say a value in few characters."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."  # noqa: PLR2004


def _hash_of(path: Path) -> str:
    """Return the content hash of a file that the study names."""
    try:
        return sha256_of(path)
    except OSError as problem:
        message = f"{path}: cannot be read ({problem.strerror})."
        raise StudyError(message) from problem


def manifest_dict(path: Path) -> dict[str, Any]:
    """Return the manifest of an artefact as plain JSON values."""
    return asdict(read_manifest(path))
