"""What a look at a study and its files finds, before anything is computed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from romnet.core.communicator import SerialCommunicator
from romnet.core.errors import RomnetError, StudyError
from romnet.fe.history import Amplitude
from romnet.hf.support import refuse_free_motions
from romnet.study.balance.comparison import Balance, balances
from romnet.study.balance.words import sentences
from romnet.study.checks import findings
from romnet.study.checks.findings import Finding
from romnet.study.checks.magnitudes import of_magnitudes, of_sums
from romnet.study.constraints import amplitude_of, constraints_of
from romnet.study.foreign import finite_instant, open_results, result_path
from romnet.study.jobs.predicting import prediction
from romnet.study.loadcases import loading_of
from romnet.study.read import HF, Case, LocatedStudy, read_study
from romnet.study.schema import Temperature
from romnet.study.times import has_own_instants, instants
from romnet.study.workspace import Workspace, build_workspace, integration_points, read_mesh
from romnet.study.yaml_lines import Place


@dataclass(frozen=True)
class CheckReport:
    """What a look at a study and its files found.

    Attributes
    ----------
    ok
        Whether nothing stands in the way.
    messages
        What was found, in the order of the study; ``warning:`` and ``error:`` mark some.
    figures
        The numbers behind the messages, one mapping for each.
    """

    ok: bool
    messages: tuple[str, ...]
    figures: tuple[dict[str, Any], ...] = field(default=())

    @property
    def warnings(self) -> tuple[str, ...]:
        """What may be meant, and may be a mistake."""
        mark = "warning: "
        return tuple(text[len(mark) :] for text in self.messages if text.startswith(mark))

    @property
    def errors(self) -> tuple[str, ...]:
        """What stands in the way."""
        mark = "error: "
        return tuple(text[len(mark) :] for text in self.messages if text.startswith(mark))


def check(path: Path, *, balance: bool = False) -> CheckReport:
    """Look at a study and at every file it names, without computing anything.

    Parameters
    ----------
    path
        The study file, or its folder.
    balance
        Whether the laws are driven along the displacements of the results and their stresses
        compared with the loads.

    Notes
    -----
    Collective: no. Reads all results once, one instant at a time. Writes nothing.
    """
    found: list[Finding] = []
    try:
        located = read_study(path)
        found += _look(located)
        if balance:
            found += _balanced(list(balances(located)))
    except RomnetError as problem:
        found += [Finding("error", line, {}) for line in str(problem).splitlines()]
    return CheckReport(
        ok=all(entry.level != "error" for entry in found),
        messages=tuple(entry.message for entry in found),
        figures=tuple(entry.figures for entry in found if entry.figures),
    )


def _look(located: LocatedStudy) -> Iterator[Finding]:
    """Read everything that a study names and say what is there."""
    mesh = read_mesh(located)
    with suppress(StudyError):  # said below, with its place
        yield from findings.of_mesh(mesh)
    yield from of_magnitudes(located)
    yield from of_sums(located, mesh)
    weights = integration_points(located, mesh).weights
    workspace = build_workspace(located, mesh, SerialCommunicator())
    yield _said(f"integration: {len(weights)} points, volume {weights.sum():.6g}")
    for case in located.cases.values():
        # Loads do not depend on the instants; these only have to lie within the tables.
        own = instants(case.grid, None) if has_own_instants(case.grid) else np.zeros(1)
        loading_of(workspace, case, own)
        _refuse_short_tables(located, case, float(own[-1]))
        yield _said(f"case {case.name}: loads and constraints are complete")
    yield from _support(workspace)
    yield from findings.of_units(workspace)
    for entry in located.study.training:
        if entry.results == HF:
            yield _said(f"training {entry.name}: computed by romnet")
        else:
            yield from _look_at_results(workspace, entry.name)
    yield from _costs(workspace)
    training = {entry.name for entry in located.study.training}
    for question in located.study.online:
        reference = question.reference
        if reference is not None and reference != HF and str(reference) not in training:
            yield from _look_at_results(workspace, question.name)
        first = located.study.training[0]
        if not has_own_instants(question) and question.until is None:
            yield _said(f"case {question.name}: takes over the instants of {first.name}")


def _support(workspace: Workspace) -> Iterator[Finding]:
    """Look for parts of the body that the constraints leave free to move."""
    constraints, study = constraints_of(workspace), workspace.located.study
    computed = [entry.name for entry in study.training if entry.results == HF]
    computed += [entry.name for entry in study.online if entry.reference == HF]
    try:
        refuse_free_motions(
            workspace.part,
            constraints.constrained,
            workspace.comm,
            equations=constraints.equations,
        )
    except StudyError as problem:
        where = workspace.located.yaml.where(("constraints",))
        # Results of another code may come from constraints that the study does not know.
        yield Finding("error" if computed else "warning", f"{where}: {problem}", {})


def _said(text: str) -> Finding:
    """Return plain words."""
    return Finding("info", text, {})


def _look_at_results(workspace: Workspace, name: str) -> Iterator[Finding]:
    """Read foreign results once."""
    path = result_path(workspace.located, name)
    results = open_results(workspace.located, name, workspace.mesh)
    largest, moved = 0.0, np.zeros(workspace.mesh.n_dofs)
    stored = "stress" in results.fields and results.fields["stress"].location == "point"
    for number in range(results.n_times):
        fields = finite_instant(path, results, number)
        if np.abs(fields["displacement"]).max() > np.abs(moved).max():
            moved = np.ravel(fields["displacement"])
        if stored:
            largest = max(largest, float(np.abs(fields["stress"]).max()))
    yield _said(
        f"results {name}: {results.n_times} instants, t = {results.times[0]:g} ... "
        f"{results.times[-1]:g}, fields {', '.join(sorted(results.fields))}"
    )
    missing = findings.of_missing_fields(name, workspace.located, list(results.fields))
    if missing is not None:
        yield missing
    yield from findings.of_times(name, results.times)
    yield from findings.of_displacement(name, workspace, moved)
    yield from findings.of_stress(name, workspace, largest)


def _balanced(found: list[Balance]) -> Iterator[Finding]:
    """Say which simulations balance their loads."""
    if not found:
        yield Finding("warning", "there are no results from files whose forces to balance", {})
    for entry, text in zip(found, sentences(found), strict=False):
        figures = {
            "case": entry.case,
            "stresses": entry.stresses,
            "residual": entry.worst,
            "resultants": {r.load: r.force.tolist() for r in entry.resultants},
            "moments": {r.load: r.moment.tolist() for r in entry.resultants},
            "reaction": entry.reaction.tolist(),
        }
        if entry.stored_reaction is not None:
            figures["stored_reaction"] = entry.stored_reaction.tolist()
        if entry.explanation is not None:
            figures["factors"] = dict(
                zip(entry.loads, entry.explanation.factors.tolist(), strict=True)
            )
            figures["expansion"] = entry.explanation.expansion
        yield Finding("info" if entry.ok else "error", text, figures)
    for text in sentences(found)[len(found) :]:
        yield _said(text)


def _costs(workspace: Workspace) -> Iterator[Finding]:
    """Say what simulations and the offline stages will roughly cost on one rank."""
    found = prediction(workspace)
    costs = found.offline
    times = ", ".join(f"{name} {value:.2g} s" for name, value in costs.seconds.items())
    for name, one in found.simulations.items():
        figures = {"simulation": name, "memory": one.memory, "seconds": one.seconds}
        text = (
            f"simulation {name} on one rank, roughly: {one.memory / 2**30:.1f} GiB, "
            f"{sum(one.seconds.values()):.2g} s"
        )
        yield Finding("info", text, figures)
    text = (
        f"offline stages on one rank, roughly: {costs.memory / 2**30:.1f} GiB; {times} "
        f"({found.n_snapshots} snapshots, ten modes assumed)"
    )
    yield Finding("info", text, {"memory": costs.memory, "seconds": costs.seconds})


def _refuse_short_tables(located: LocatedStudy, case: Case, end: float) -> None:
    """Refuse amplitudes, and temperatures, that end before the case does, if they must not."""
    users = (*case.loads, *located.study.constraints)
    named = {getattr(one, "amplitude", None) for one in users} - {None}
    tables: dict[Place, Amplitude] = {
        ("amplitudes", str(name)): amplitude_of(located, name) for name in named
    }
    for load in case.loads:
        if isinstance(load, Temperature):
            times = np.array([frame.time for frame in load.keyframes])
            place = located.load_place(case.name, load.name, "keyframes")
            tables[place] = Amplitude(times, np.zeros(len(times)), after=load.after)
    for place, table in tables.items():
        try:
            table.at(end)
        except StudyError as problem:
            raise located.error(place, f"case {case.name!r}: {problem}") from problem
