"""What the command line does, as calls: check, offline, online, status, init."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from romnet.core.communicator import Communicator, SerialCommunicator, together
from romnet.core.errors import StudyError
from romnet.core.status import Status
from romnet.online.solve import ReducedSolution
from romnet.reduction.criterion import Advice
from romnet.reduction.cubature import ReducedQuadrature
from romnet.reduction.model import ReducedModel
from romnet.store import artefact
from romnet.store.manifest import read_manifest
from romnet.study.answers import Comparison, failure_words
from romnet.study.checks.checking import CheckReport, check  # noqa: F401  (one of the commands)
from romnet.study.context import Context
from romnet.study.cycling import CycleSummary, cycle_summary
from romnet.study.design.answers import DesignSummary, design_summary
from romnet.study.indicator.indicating import WatchSummary, watch_summary
from romnet.study.libraries import refuse_changed_libraries
from romnet.study.lifting import lifting_words
from romnet.study.local.candidates import local_of
from romnet.study.local.choosing import ChoiceSummary, choice_summary
from romnet.study.local.criterion import judge
from romnet.study.local.dictionary import DictionarySummary, dictionary_summary
from romnet.study.published import FILE, LINE, write_schema
from romnet.study.quantities import quantities_of
from romnet.study.read import HF, LocatedStudy, read_study
from romnet.study.runner import Observer, run, verdicts
from romnet.study.stages import stages_of
from romnet.study.stopping import StopRequest
from romnet.study.validation import FieldValidation, validation

RESULTS = Path("results")
# Stages behind the answer to a case.
_ANSWERING = ("online[", "fields[", "export[", "indicator[", "enrich[", "quantities[", "design[")


def open_study(
    path: Path,
    *,
    results: Path | None = None,
    comm: Communicator | None = None,
    stop: StopRequest | None = None,
) -> Context:
    """Read a study and say where its results go.

    Parameters
    ----------
    path
        The study file, or its folder.
    results
        Folder of results; ``results`` beside the study if left out.
    comm
        The ranks; alone if left out.
    stop
        Looked at where a run can stop and go on later; nobody asks if left out.

    Raises
    ------
    StudyError
        If the study is not valid.
    """
    ranks = comm or SerialCommunicator()
    with together(ranks):
        located = read_study(path)
    folder = results if results is not None else located.folder / RESULTS
    return Context(located, folder, ranks, stop=stop)


@dataclass(frozen=True)
class OfflineSummary:
    """What the offline stage made.

    Attributes
    ----------
    modes
        Displacement modes.
    points
        Points of the reduced quadrature.
    points_full
        Points of the full quadrature.
    points_dual
        Points added for the dual fields only.
    weights_sum_error
        Relative error of the volume that the weights sum to [-].
    cubature_residual
        Relative error of the training integrals [-].
    training_errors
        Largest error over the training loads: ``u`` over all instants, ``p`` at the last [-].
    validation
        What the discarded singular values predict of each field, beside what the model then does
        on its training loads.
    time
        Wall time of each offline stage, whenever it ran [s].
    dictionary
        The local models, of a study that wants some.
    """

    modes: int
    points: int
    points_full: int
    points_dual: int
    weights_sum_error: float
    cubature_residual: float
    training_errors: Mapping[str, float | None]
    validation: Mapping[str, FieldValidation]
    time: Mapping[str, float]
    dictionary: DictionarySummary | None = None


@dataclass(frozen=True)
class OnlineSummary:
    """What the reduced model answered to one case.

    Attributes
    ----------
    case
        Its name.
    status
        ``"converged"``, or why it stopped; ``advice`` says what to try.
    steps
        Instants reached after the first.
    newton_iterations
        Corrections solved for in all.
    cuts
        Increments that were rejected and tried again in smaller ones.
    until
        Last instant reached [time].
    reason
        After a failure, what stopped the last increment; else ``"converged"``.
    wall_s, law_s
        Wall time of the run and of its law calls on one rank [s].
    errors
        Against the reference, if the case names one: ``u`` largest over the instants, ``p`` and
        ``p_hot`` (hottest 1 % of points) at the last [-].
    reference_s
        Wall time of the reference when romnet computed it [s].
    cycles
        What changes from cycle to cycle, of a case that asks for cycles.
    indicator
        Estimated errors, where the study asks for them.
    quantities
        Quantities of interest, each a few numbers by name.
    lifting
        How far the load is from the training and what was done about it, if the case asks.
    design
        What came out of its draws, if it has any.
    choice
        Which local model answered, of a study with a dictionary.
    """

    case: str
    status: str
    advice: str
    steps: int
    newton_iterations: int
    wall_s: float
    law_s: float
    cuts: int = 0
    until: float = 0.0
    reason: str = Status.CONVERGED.label
    errors: Mapping[str, float | None] = field(default_factory=dict)
    reference_s: float | None = None
    cycles: CycleSummary | None = None
    indicator: WatchSummary | None = None
    quantities: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    lifting: str = ""
    design: DesignSummary | None = None
    choice: ChoiceSummary | None = None

    @property
    def ok(self) -> bool:
        """Whether the answer is complete, and that to every draw of its design."""
        complete = self.design is None or self.design.converged == self.design.draws
        return self.status == Status.CONVERGED.label and complete


def offline(
    context: Context, *, until: str | None = None, observer: Observer | None = None
) -> OfflineSummary | None:
    """Build the reduced model of a study; what is up to date is kept.

    Parameters
    ----------
    context
        From `open_study`.
    until
        Last stage to run, such as ``"cubature"``; the whole model and its errors on the training
        loads if left out.
    observer
        Told about progress on rank 0.

    Returns
    -------
    OfflineSummary or None
        None when `until` stops before the model is made.

    Raises
    ------
    RomnetError
        Whatever the stages raise, on all ranks.

    Notes
    -----
    Collective: yes. Resumable after a kill.
    """
    with together(context.comm):
        table = stages_of(context.located)
    targets = [until] if until is not None else [n for n, stage in table.items() if stage.offline]
    run(context, targets, observer=observer)
    return None if until is not None else offline_summary(context)


def offline_summary(context: Context) -> OfflineSummary:
    """Summarise the offline artefacts there are.

    Raises
    ------
    StoreError
        If one is missing.
    """
    quadrature = artefact.load(context.folder / "cubature.h5", ReducedQuadrature)
    model = artefact.load(context.folder / "model.h5", ReducedModel)
    comparisons = [_comparison(context, name) for name in context.training]
    errors = {
        "u": max(float(found.displacement.max()) for found in comparisons),
        "p": _largest(found.dual.get("p") for found in comparisons),
    }
    return OfflineSummary(
        modes=model.n_modes,
        points=model.n_quadrature,
        points_full=context.workspace.part.n_global_points,
        points_dual=len(model.points) - model.n_quadrature,
        weights_sum_error=quadrature.volume_error,
        cubature_residual=quadrature.residual,
        training_errors=errors,
        validation=validation(context.folder, comparisons),
        time={
            name: read_manifest(context.folder / stage.path).wall_s
            for name, stage in stages_of(context.located).items()
            if stage.offline
        },
        dictionary=dictionary_summary(context),
    )


def online(
    context: Context, *, case: str | None = None, observer: Observer | None = None
) -> tuple[OnlineSummary, ...]:
    """Ask the reduced model; the model is built first where it is missing or stale.

    Parameters
    ----------
    context
        From `open_study`.
    case
        One online case, or a training name; all online cases if left out.
    observer
        Told about progress on rank 0.

    Raises
    ------
    StudyError
        If there is no such case.
    PluginError
        If the library of a law is not the one that the model was made with, and the study does not
        allow it.
    RomnetError
        Whatever the stages raise, on all ranks.

    Notes
    -----
    Collective: yes. A case that stops early is no error here: its summary says so.
    """
    with together(context.comm):
        if case is not None and case not in context.training:
            context.located.online(case)
        table = stages_of(context.located)
        if context.comm.rank == 0:
            refuse_changed_libraries(context)
    names = [case] if case is not None else [entry.name for entry in context.located.study.online]
    targets = [
        stage.name
        for stage in table.values()
        if stage.case in names and stage.name.startswith(_ANSWERING)
    ]
    run(context, targets, observer=observer)
    return tuple(online_summary(context, name) for name in names)


def online_summary(context: Context, name: str) -> OnlineSummary:
    """Summarise the answer to one case.

    Raises
    ------
    StoreError
        If it has not been computed.
    """
    solution = artefact.load(context.folder / f"online/{name}.h5", ReducedSolution)
    comparison = _comparison(context, name)
    errors: dict[str, float | None] = {}
    seconds: float | None = None
    if comparison.reference:
        errors = {
            "u": float(comparison.displacement.max()),
            "p": comparison.dual.get("p"),
            "p_hot": comparison.hottest.get("p"),
        }
        if comparison.rebuilt != "gappy":
            errors["p_from_modes"] = comparison.from_modes.get("p")
            errors["p_hot_from_modes"] = comparison.from_modes_hottest.get("p")
        if is_computed(context.located, comparison.reference):
            path = context.folder / "snapshots" / f"{comparison.reference}.h5"
            seconds = read_manifest(path).wall_s
    return OnlineSummary(
        case=name,
        status=solution.status.label,
        advice=failure_words(context, name)
        or (solution.status if solution.status.ok else solution.reason).advice,
        steps=len(solution.times) - 1,
        newton_iterations=int(solution.newton_iterations.sum()),
        wall_s=solution.wall_seconds,
        law_s=solution.law_seconds,
        cuts=int(solution.cuts.sum()),
        until=float(solution.times[-1]),
        reason=solution.reason.label if not solution.status.ok else solution.status.label,
        errors=errors,
        reference_s=seconds,
        cycles=cycle_summary(context, name, solution, comparison),
        indicator=watch_summary(context, name),
        quantities=quantities_of(context, name),
        lifting=lifting_words(context, name),
        design=design_summary(context, name),
        choice=choice_summary(context, name),
    )


def advise(context: Context, *, observer: Observer | None = None) -> Advice:
    """Say whether a dictionary of local models will pay, before its training is computed.

    Simplified simulations of all candidates are computed, or brought in, and kept below the folder
    of results: what was finished is not computed again.

    Parameters
    ----------
    context
        Study with the key ``local``, folder and ranks.
    observer
        Told about progress, on rank 0.

    Returns
    -------
    Advice
        Also written to ``advice.h5`` in the folder of results.

    Raises
    ------
    StudyError
        If the study has no key ``local``, or a law that cannot be simplified.

    Notes
    -----
    Collective: yes. Resumable after a kill.
    """
    local_of(context.located)
    run(context, ["criterion"], observer=observer)
    return judge(context)


def status(context: Context) -> dict[str, dict[str, str]]:
    """Say of every stage whether it is fresh, stale or missing, and why.

    Raises
    ------
    StudyError
        If a file that the study names does not exist.

    Notes
    -----
    Collective: no. Runs nothing.
    """
    return {
        name: {"state": verdict.state.value, "reason": verdict.reason}
        for name, verdict in verdicts(context.located, context.folder).items()
    }


def init(folder: Path, *, template: str = "bar") -> Path:
    """Write a commented study to start from, and beside it the schema that editors read.

    Parameters
    ----------
    folder
        Where; made if absent.
    template
        Which one: ``"bar"`` runs as it is, ``"import"`` expects your result files.

    Returns
    -------
    Path
        The study file.

    Raises
    ------
    StudyError
        If the folder holds a study already, or there is no such template.
    """
    source = files("romnet.study") / "templates" / f"{template}.yaml"
    if not source.is_file():
        message = f"there is no template {template!r}; there are: bar, import."
        raise StudyError(message)
    target = folder / "study.yaml"
    if target.exists():
        message = f"{target} exists already; choose another folder."
        raise StudyError(message)
    folder.mkdir(parents=True, exist_ok=True)
    write_schema(folder / FILE)
    target.write_text(f"{LINE}\n{source.read_text(encoding='utf-8')}", encoding="utf-8")
    return target


def is_computed(located: LocatedStudy, name: str) -> bool:
    """Whether a simulation is computed by romnet's own solver."""
    for entry in located.study.training:
        if entry.name == name:
            return entry.results == HF
    return located.online(name).reference == HF


def _comparison(context: Context, name: str) -> Comparison:
    """Return the comparison of an answer with its reference."""
    return artefact.load(context.folder / f"fields/{name}.h5", Comparison)


def _largest(values: Iterator[float | None]) -> float | None:
    """Return the largest of those that exist."""
    known = [value for value in values if value is not None]
    return max(known) if known else None
