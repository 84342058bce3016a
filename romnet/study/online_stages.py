"""Stages that ask the models of a study."""

from __future__ import annotations

from pathlib import Path

from romnet.study import (
    answers,
    export,
    lifting,
    models,
    quantities,
)
from romnet.study.design.answering import design_stage
from romnet.study.enrichment.enriching import enrich_stage
from romnet.study.indicator import indicating
from romnet.study.local.choosing import choice_stage
from romnet.study.offline_stages import CUBATURE, INDICATOR, LOCAL, POD, simulation_stages
from romnet.study.read import HF, Case, LocatedStudy
from romnet.study.schema import Indicator, Temperature
from romnet.study.stage import Stage
from romnet.study.stage_inputs import (
    amplitudes,
    case_files,
    case_parameters,
    instants_from,
    kept_cycles,
    libraries,
    plain,
    rebuilding,
)


def online_stages(located: LocatedStudy) -> list[Stage]:
    """Return the stages that answer the loads of the training, then the questions."""
    training = tuple(entry.name for entry in located.study.training)
    table: list[Stage] = []
    for name in training:
        table.append(_online_stage(located, located.cases[name], offline=True))
        table.append(_errors_stage(located, name, name, offline=True))
    for question in located.study.online:
        table += _question_stages(located, question.name, question.reference, training)
        # Lifted and local models are models of their own, for which nothing was calibrated.
        own = question.lifting != "off" or models.asks_dictionary(located, question.name)
        if located.study.indicator is not None and not own:
            table += _watch_stages(located, question.name, question.reference, training)
    return table


def _question_stages(
    located: LocatedStudy, name: str, reference: Path | None, training: tuple[str, ...]
) -> list[Stage]:
    """Return the stages of one online case, those of its reference included."""
    stages = [
        *_lifting_stages(located, located.cases[name], training),
        *_choice_stages(located, located.cases[name]),
        _online_stage(located, located.cases[name], offline=False),
        _export_stage(located, name),
        *_quantity_stages(located, name),
        *_design_stages(located, name),
    ]
    if reference is None:
        return [*stages, _errors_stage(located, name, None, offline=False)]
    if str(reference) in training:
        return [*stages, _errors_stage(located, name, str(reference), offline=False)]
    case = located.cases[name]
    simulation = simulation_stages(located, case, reference, offline=False)
    cycles = case.grid.cycles
    if reference == HF and cycles is not None and cycles.thinned:
        # It keeps its own stresses, and laws cannot be driven across instants that are missing.
        simulation = simulation[:1]
    replayed = len(simulation) > 1
    return [
        *simulation,
        *stages,
        _errors_stage(located, name, name, offline=False, replayed=replayed),
    ]


def _lifting_stages(located: LocatedStudy, case: Case, training: tuple[str, ...]) -> list[Stage]:
    """Return the stages that extend the model by elastic responses to the load of a case."""
    asked = {one.name: one.lifting for one in located.study.online}.get(case.name, "off")
    if asked == "off":
        return []
    name = case.name
    given = {**case_parameters(located, case), "constraints": plain(located.study.constraints)}
    files = {**libraries(located), **case_files(located, name)}
    measured, solved = f"lifting[{name}]", f"lifted_modes[{name}]"
    replays = tuple(f"replay[{one}]" for one in training)
    return [
        Stage(
            name=measured,
            path=Path("lifting", f"{name}.h5"),
            action=lifting.lifting_stage,
            parameters={"lifting": asked, **given},
            inputs=("mesh", "pod", "model"),
            files=files,
            case=name,
            offline=False,
        ),
        Stage(
            name=solved,
            path=Path("lifted", f"{name}_modes.h5"),
            action=lifting.lifted_pod_stage,
            parameters=given,
            inputs=("mesh", "pod", measured),
            files=files,
            case=name,
            offline=False,
        ),
        Stage(
            name=f"lifted_model[{name}]",
            path=Path("lifted", f"{name}.h5"),
            action=lifting.lifted_model_stage,
            parameters=given,
            inputs=("mesh", "pod", "cubature", "dual_pod", "model", measured, solved, *replays),
            files=files,
            case=name,
            offline=False,
            citations=CUBATURE,
        ),
    ]


def _choice_stages(located: LocatedStudy, case: Case) -> list[Stage]:
    """Return the stage that chooses a local model for a case, if the study has some."""
    keys = located.study.local
    if keys is None or keys.dictionary is None or not models.asks_dictionary(located, case.name):
        return []
    warm = [load for load in case.loads if isinstance(load, Temperature)]
    return [
        Stage(
            name=f"choice[{case.name}]",
            path=Path("choices", f"{case.name}.h5"),
            action=choice_stage,
            parameters={"local.dictionary.outside": keys.dictionary.outside, "loads": plain(warm)},
            inputs=("mesh", "clusters", "dictionary"),
            files=case_files(located, case.name, only=Temperature),
            case=case.name,
            offline=False,
            citations=LOCAL,
        )
    ]


def _online_stage(located: LocatedStudy, case: Case, *, offline: bool) -> Stage:
    """Return the stage that asks the reduced model."""
    inputs: tuple[str, ...] = ("mesh", *_models(located, case.name))
    keys = located.study.indicator
    stops = keys is not None and keys.action == "stop" and "model" in inputs and not offline
    watched = {"indicator.field": keys.field, "indicator.tolerance": keys.tolerance} if keys else {}
    return Stage(
        name=f"online[{case.name}]",
        path=Path("online", f"{case.name}.h5"),
        action=indicating.stopping_online_stage if stops else answers.online_stage,
        parameters={
            "newton": plain(located.study.model_newton),
            **case_parameters(located, case),
            **(watched if stops else {}),
        },
        inputs=(*inputs, "calibrate") if stops else inputs,
        files=case_files(located, case.name),
        case=case.name,
        offline=offline,
        citations=POD,
    )


def _design_stages(located: LocatedStudy, name: str) -> list[Stage]:
    """Return the stage that answers the draws about a case, if it has any."""
    design, case = located.online(name).design, located.cases[name]
    if design is None:
        return []
    wanted = design.temperature
    used = () if wanted is None or wanted.amplitude is None else (wanted,)
    files = case_files(located, name)
    if design.file is not None:
        files["design"] = located.resolve(design.file)
    return [
        Stage(
            name=f"design[{name}]",
            path=Path("designs", f"{name}.h5"),
            action=design_stage,
            parameters={
                "newton": plain(located.study.model_newton),
                "design": plain(design),
                **case_parameters(located, case),
                **amplitudes(located, used),
            },
            inputs=("mesh", *_models(located, name), *instants_from(located, case)),
            files=files,
            case=name,
            offline=False,
            citations=("Daniel2022b",),
        )
    ]


def _errors_stage(
    located: LocatedStudy,
    name: str,
    reference: str | None,
    *,
    offline: bool,
    replayed: bool = True,
) -> Stage:
    """Return the stage that rebuilds fields and compares them with a reference."""
    found = ("snapshots", "replay") if replayed else ("snapshots",)
    compared = () if reference is None else tuple(f"{kind}[{reference}]" for kind in found)
    return Stage(
        name=f"fields[{name}]",
        path=Path("fields", f"{name}.h5"),
        action=answers.fields_stage,
        version=3,
        parameters={"reference": reference, **rebuilding(located, name)},
        inputs=("mesh", "dual_pod", *_models(located, name), f"online[{name}]", *compared),
        case=name,
        offline=offline,
        citations=POD,
    )


def _export_stage(located: LocatedStudy, name: str) -> Stage:
    """Return the stage that writes the fields of an answer for ParaView."""
    return Stage(
        name=f"export[{name}]",
        path=Path("fields", f"{name}.vtkhdf"),
        action=export.export_stage,
        parameters={**kept_cycles(located.cases[name]), **rebuilding(located, name)},
        inputs=("mesh", "dual_pod", *_models(located, name), f"online[{name}]"),
        case=name,
        offline=False,
    )


def _quantity_stages(located: LocatedStudy, name: str) -> list[Stage]:
    """Return the stage that evaluates the quantities of interest, if there are any."""
    asked = located.study.quantities
    if not asked:
        return []
    cycles = located.cases[name].grid.cycles
    period = {} if cycles is None else {"period": cycles.period}
    return [
        Stage(
            name=f"quantities[{name}]",
            path=Path("quantities", f"{name}.h5"),
            action=quantities.quantities_stage,
            parameters={"quantities": plain(asked), **period, **rebuilding(located, name)},
            inputs=("mesh", "dual_pod", *_models(located, name), f"online[{name}]"),
            case=name,
            offline=False,
        )
    ]


def _watch_stages(
    located: LocatedStudy, name: str, reference: Path | None, training: tuple[str, ...]
) -> list[Stage]:
    """Return the stages that estimate the errors of an answer, and that enrich it."""
    keys = located.study.indicator or Indicator()
    watched = {"indicator.field": keys.field, "indicator.tolerance": keys.tolerance}
    watch = Stage(
        name=f"indicator[{name}]",
        path=Path("indicator", f"{name}.h5"),
        action=indicating.indicator_stage,
        parameters=watched,
        inputs=("mesh", "pod", "model", "calibrate", f"online[{name}]"),
        case=name,
        offline=False,
        citations=INDICATOR,
    )
    if keys.action != "enrich":
        return [watch]
    known = None
    if reference is not None:
        known = str(reference) if str(reference) in training else name
    compared = () if known is None else (f"snapshots[{known}]", f"replay[{known}]")
    offline = ("mesh", "pod", "cubature", "dual_pod", "model", "calibrate")
    enrich = Stage(
        name=f"enrich[{name}]",
        path=Path("enriched", name, "record.h5"),
        action=enrich_stage,
        parameters={
            **watched,
            "indicator.solver": plain(keys.solver),
            "indicator.learning": keys.learning,
            "indicator.most_steps": keys.most_steps,
            "reference": known,
            "newton": plain(located.study.model_newton),
            **case_parameters(located, located.cases[name]),
        },
        inputs=(*offline, *(f"replay[{other}]" for other in training), *compared),
        files={**libraries(located), **case_files(located, name)},
        case=name,
        offline=False,
        citations=INDICATOR,
    )
    return [watch, enrich]


def _models(located: LocatedStudy, name: str) -> tuple[str, ...]:
    """Return the stages that make the modes and the model that answer a case."""
    if models.asks_dictionary(located, name):
        return ("dictionary", f"choice[{name}]")
    lifted = any(one.name == name and one.lifting != "off" for one in located.study.online)
    return ("pod", f"lifted_modes[{name}]", f"lifted_model[{name}]") if lifted else ("pod", "model")
