"""The table of stages that a study implies: what each depends on, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from romnet.core.errors import ConversionError
from romnet.store.converters.base import find_converter
from romnet.study import (
    actions,
    answers,
    calibrating,
    choosing,
    dictionary,
    drawing,
    enriching,
    export,
    greedy,
    indicating,
    lifting,
    local,
    models,
    quantities,
    simulation,
)
from romnet.study.candidates import candidate_cases
from romnet.study.fields import field_files
from romnet.study.read import HF, Case, LocatedStudy
from romnet.study.schema import (
    BoxMesh,
    Centrifugal,
    Indicator,
    Keys,
    Load,
    Local,
    Study,
    Temperature,
)
from romnet.study.stage import Stage
from romnet.study.times import has_own_instants
from romnet.study.workspace import law_libraries

# Citation keys are those of `romnet cite`.
_POD = ("Casenave2020",)
_LOCAL = ("Daniel2022",)
_INDICATOR = ("Casenave2019",)
_CUBATURE = ("Casenave2020", "Hernandez2017", "Yaghoobi2015")
# What the table of the criterion is judged by, once it is there.
_JUDGED = ("budget", "objective", "queries", "smallest_gain", "training_hours", "online_hours")


def stages_of(located: LocatedStudy) -> dict[str, Stage]:
    """Return the stages of a study in an order in which they can run.

    Examples
    --------
    The table of the cube case starts with::

        mesh -> snapshots[cycle1] -> replay[cycle1] -> pod -> cubature -> dual_pod -> model
    """
    training = tuple(entry.name for entry in located.study.training)
    table: list[Stage] = [_mesh_stage(located)]
    for entry in located.study.training:
        table += _simulation_stages(located, located.cases[entry.name], entry.results)
    table += _reduction_stages(located, training)
    table.append(_model_stage(located, training))
    table += _local_stages(located)
    if located.study.indicator is not None:
        table.append(_calibrate_stage(located, training))
    table += _greedy_stages(located, training)
    for name in training:
        table.append(_online_stage(located, located.cases[name], offline=True))
        table.append(_errors_stage(located, name, name, offline=True))
    for question in located.study.online:
        table += _question_stages(located, question.name, question.reference, training)
        # Lifted and local models are models of their own, for which nothing was calibrated.
        own = question.lifting != "off" or models.asks_dictionary(located, question.name)
        if located.study.indicator is not None and not own:
            table += _watch_stages(located, question.name, question.reference, training)
    return {stage.name: stage for stage in table}


def _reduction_stages(located: LocatedStudy, training: tuple[str, ...]) -> list[Stage]:
    """Return the stages that compress displacements, integrands and dual fields."""
    study, offline = located.study, located.study.offline
    replays = tuple(f"replay[{name}]" for name in training)
    return [
        Stage(
            name="pod",
            path=Path("pod.h5"),
            action=actions.pod_stage,
            parameters={
                "offline.tolerance": offline.tolerance,
                "offline.inner_product": offline.inner_product,
                **({} if offline.modes is None else {"offline.modes": offline.modes}),
                "constraints": _json(study.constraints),
                **_amplitudes(located, study.constraints),
            },
            inputs=("mesh", *(f"snapshots[{name}]" for name in training)),
            citations=_POD,
        ),
        Stage(
            name="cubature",
            path=Path("cubature.h5"),
            action=actions.cubature_stage,
            version=2,
            parameters={
                "offline.cubature.tolerance": offline.cubature_tolerance,
                "offline.cubature": _json(offline.cubature.model_copy(update={"tolerance": None})),
            },
            inputs=("mesh", "pod", *replays),
            citations=_CUBATURE,
        ),
        Stage(
            name="dual_pod",
            path=Path("dual_pod.h5"),
            action=actions.dual_pod_stage,
            parameters={
                "offline.tolerance": offline.tolerance,
                "offline.dual": list(offline.dual),
            },
            inputs=("mesh", *replays),
            citations=_POD,
        ),
    ]


def _model_stage(located: LocatedStudy, training: tuple[str, ...]) -> Stage:
    """Return the stage that packs the reduced model and the training loads."""
    study = located.study
    loads = {
        f"training.{name}": _case_parameters(located, located.cases[name]) for name in training
    }
    fields = {
        f"{name} {label}": path
        for name in training
        for label, path in _files(located, name).items()
    }
    return Stage(
        name="model",
        path=Path("model.h5"),
        action=actions.model_stage,
        version=2,
        parameters={
            "units": study.units.model_dump(),
            "materials": _materials(study, study.loads),
            "constraints": _json(study.constraints),
            **_amplitudes(located, study.constraints),
            **loads,
        },
        inputs=("mesh", "pod", "cubature", "dual_pod", *(f"replay[{name}]" for name in training)),
        files={**_libraries(located), **fields},
        citations=_CUBATURE,
    )


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
    simulation = _simulation_stages(located, case, reference, offline=False)
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


def _calibrate_stage(located: LocatedStudy, training: tuple[str, ...]) -> Stage:
    """Return the stage that learns errors from signals."""
    keys = located.study.indicator or Indicator()
    return Stage(
        name="calibrate",
        path=Path("calibration.h5"),
        action=calibrating.calibrate_stage,
        version=3,
        parameters={
            "indicator.calibration": _json(keys.calibration),
            "indicator.confidence": keys.confidence,
            "indicator.field": keys.field,
            "newton": _json(located.study.model_newton),
            **_increments(located.study),
        },
        inputs=("mesh", "pod", "dual_pod", "model", *(f"replay[{name}]" for name in training)),
        files=_libraries(located),
        citations=_INDICATOR,
    )


def _greedy_stages(located: LocatedStudy, training: tuple[str, ...]) -> list[Stage]:
    """Return the stage that chooses loads to train on, if it is asked for."""
    keys = located.study.offline.greedy
    if keys is None:
        return []
    asked = [name for name in keys.candidates if name in located.cases]
    watched = located.study.indicator
    judging = () if watched is None else ("calibrate",)
    return [
        Stage(
            name="greedy",
            path=Path("greedy.h5"),
            action=greedy.greedy_stage,
            parameters={
                "offline.greedy": _json(keys),
                "indicator.field": None if watched is None else watched.field,
                "newton": _json(located.study.model_newton),
                **{f"online.{one}": _case_parameters(located, located.cases[one]) for one in asked},
                **_increments(located.study),
            },
            inputs=("model", *judging, *(f"replay[{one}]" for one in training)),
            files={
                **_libraries(located),
                **{
                    f"{one} {label}": path
                    for one in asked
                    for label, path in _files(located, one).items()
                },
            },
            citations=_INDICATOR,
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
        citations=_INDICATOR,
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
        action=enriching.enrich_stage,
        parameters={
            **watched,
            "indicator.solver": _json(keys.solver),
            "indicator.learning": keys.learning,
            "indicator.most_steps": keys.most_steps,
            "reference": known,
            "newton": _json(located.study.model_newton),
            **_case_parameters(located, located.cases[name]),
        },
        inputs=(*offline, *(f"replay[{other}]" for other in training), *compared),
        files={**_libraries(located), **_files(located, name)},
        case=name,
        offline=False,
        citations=_INDICATOR,
    )
    return [watch, enrich]


def _lifting_stages(located: LocatedStudy, case: Case, training: tuple[str, ...]) -> list[Stage]:
    """Return the stages that extend the model by elastic responses to the load of a case."""
    asked = {one.name: one.lifting for one in located.study.online}.get(case.name, "off")
    if asked == "off":
        return []
    name = case.name
    given = {**_case_parameters(located, case), "constraints": _json(located.study.constraints)}
    files = {**_libraries(located), **_files(located, name)}
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
            citations=_CUBATURE,
        ),
    ]


def _models(located: LocatedStudy, name: str) -> tuple[str, ...]:
    """Return the stages that make the modes and the model that answer a case."""
    if models.asks_dictionary(located, name):
        return ("dictionary", f"choice[{name}]")
    lifted = any(one.name == name and one.lifting != "off" for one in located.study.online)
    return ("pod", f"lifted_modes[{name}]", f"lifted_model[{name}]") if lifted else ("pod", "model")


def _local_stages(located: LocatedStudy) -> list[Stage]:
    """Return the stages that decide on local models, and make them."""
    study, keys = located.study, located.study.local
    if keys is None:
        return []
    wanted = keys.dictionary
    structure = {
        "materials": _materials(study, study.loads),
        "constraints": _json(study.constraints),
        "loads": _json(study.loads),
        "amplitudes": _json(study.amplitudes),
        "offline.inner_product": study.offline.inner_product,
    }
    compared = _json(keys.model_dump(exclude={"dictionary", *_JUDGED}))
    criterion = Stage(
        name="criterion",
        path=local.CRITERION,
        action=local.criterion_stage,
        parameters={"local": compared, "local.grid": _json(asdict(local.grid_of(keys)))}
        | structure,
        inputs=("mesh",),
        files=_candidate_files(located, keys),
        # Without a dictionary it is for `romnet advise` alone.
        offline=wanted is not None,
        citations=_LOCAL,
    )
    if wanted is None:
        return [criterion]
    clusters = Stage(
        name="clusters",
        path=dictionary.CLUSTERS,
        action=dictionary.clusters_stage,
        parameters={
            "local.dictionary": _json(wanted.model_dump(include={"clusters", "modes", "runs"})),
            "local": _json(keys.model_dump(include={*_JUDGED, "seed", "smallest_cluster"})),
        },
        inputs=("criterion",),
        citations=_LOCAL,
    )
    made = Stage(
        name="dictionary",
        path=models.DICTIONARY,
        action=dictionary.dictionary_stage,
        parameters={
            "local.dictionary": _json(
                wanted.model_dump(include={"points", "classifier", "probability"})
            ),
            "offline": _json(study.offline.model_copy(update={"memory": "2 GiB"})),
            "newton": _json(study.model_newton),
            **_increments(study),
        },
        inputs=("mesh", "pod", "dual_pod", "model", "clusters"),
        files=_libraries(located),
        citations=(*_LOCAL, *_CUBATURE),
    )
    return [criterion, clusters, made]


def _candidate_files(located: LocatedStudy, keys: Local) -> dict[str, Path]:
    """Return the files that candidates for training read, and those of imported simulations."""
    cases = {case.name: case for case in candidate_cases(located)}
    wide, files = replace(located, cases=cases), _libraries(located)
    if isinstance(keys.simplified.mesh, Path):
        files |= _with_included(located.resolve(keys.simplified.mesh))
    for one in keys.candidates:
        found = _files(wide, one.name)
        for results in {one.results, one.training} - {HF}:
            found |= _result_files(located, one.name, located.resolve(results))
        files |= {f"{one.name} {name}": path for name, path in found.items()}
    return files


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
            action=choosing.choice_stage,
            parameters={"local.dictionary.outside": keys.dictionary.outside, "loads": _json(warm)},
            inputs=("mesh", "clusters", "dictionary"),
            files=_files(located, case.name, only=Temperature),
            case=case.name,
            offline=False,
            citations=_LOCAL,
        )
    ]


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
            parameters={"quantities": _json(asked), **period, **_fields(located, name)},
            inputs=("mesh", "dual_pod", *_models(located, name), f"online[{name}]"),
            case=name,
            offline=False,
        )
    ]


def _mesh_stage(located: LocatedStudy) -> Stage:
    """Return the stage that reads or makes the mesh."""
    given = located.study.mesh
    made = isinstance(given, BoxMesh)
    return Stage(
        name="mesh",
        path=Path("mesh.h5"),
        action=actions.mesh_stage,
        parameters={"mesh": _json(given)} if made else {},
        files={} if isinstance(given, BoxMesh) else _with_included(located.resolve(given)),
    )


def _with_included(path: Path) -> dict[str, Path]:
    """Return a mesh or field file, and those that it includes."""
    if not path.is_file():
        return {"mesh": path}  # told as any absent file
    try:
        included = [found for found in find_converter(path).files(path) if found != path]
    except ConversionError:
        return {"mesh": path}  # told when it is read
    return {"mesh": path} | {f"mesh[{n}] {found.name}": found for n, found in enumerate(included)}


def _simulation_stages(
    located: LocatedStudy, case: Case, results: Path, *, offline: bool = True
) -> list[Stage]:
    """Return the stages that bring in, or compute, one simulation and replay its stresses."""
    study = located.study
    if results == HF:
        snapshots = Stage(
            name=f"snapshots[{case.name}]",
            path=Path("snapshots", f"{case.name}.h5"),
            action=simulation.high_fidelity_stage,
            parameters={
                "materials": _materials(study, case.loads),
                "units.length": study.units.length,
                "constraints": _json(study.constraints),
                "newton": _json(study.simulation_newton),
                **_increments(study),
                "offline.dual": list(study.offline.dual),
                **_amplitudes(located, study.constraints),
                **_case_parameters(located, case),
                **_kept(case),
            },
            # A case without a grid of its own takes over the instants of the first training.
            inputs=("mesh", *_instants_from(located, case)),
            files={**_libraries(located), **_files(located, case.name)},
            case=case.name,
            offline=offline,
        )
    else:
        snapshots = Stage(
            name=f"snapshots[{case.name}]",
            path=Path("snapshots", f"{case.name}.h5"),
            action=actions.convert_stage,
            parameters={"offline.dual": list(study.offline.dual)},
            inputs=("mesh",),
            files=_result_files(located, case.name, located.resolve(results)),
            case=case.name,
            offline=offline,
        )
    replay = Stage(
        name=f"replay[{case.name}]",
        path=Path("replay", f"{case.name}.h5"),
        action=actions.replay_stage,
        parameters={
            "materials": _materials(study, ()),
            "units.force": study.units.force,
            "units.length": study.units.length,
            "offline.dual": list(study.offline.dual),
            "loads": _json([load for load in case.loads if isinstance(load, Temperature)]),
        },
        inputs=("mesh", snapshots.name),
        files={**_libraries(located), **_files(located, case.name, only=Temperature)},
        case=case.name,
        offline=offline,
        citations=_POD,
    )
    return [snapshots, replay]


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
            "newton": _json(located.study.model_newton),
            **_case_parameters(located, case),
            **(watched if stops else {}),
        },
        inputs=(*inputs, "calibrate") if stops else inputs,
        files=_files(located, case.name),
        case=case.name,
        offline=offline,
        citations=_POD,
    )


def _design_stages(located: LocatedStudy, name: str) -> list[Stage]:
    """Return the stage that answers the draws about a case, if it has any."""
    design, case = located.online(name).design, located.cases[name]
    if design is None:
        return []
    wanted = design.temperature
    used = () if wanted is None or wanted.amplitude is None else (wanted,)
    files = _files(located, name)
    if design.file is not None:
        files["design"] = located.resolve(design.file)
    return [
        Stage(
            name=f"design[{name}]",
            path=Path("designs", f"{name}.h5"),
            action=drawing.design_stage,
            parameters={
                "newton": _json(located.study.model_newton),
                "design": _json(design),
                **_case_parameters(located, case),
                **_amplitudes(located, used),
            },
            inputs=("mesh", *_models(located, name), *_instants_from(located, case)),
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
        parameters={"reference": reference, **_fields(located, name)},
        inputs=("mesh", "dual_pod", *_models(located, name), f"online[{name}]", *compared),
        case=name,
        offline=offline,
        citations=_POD,
    )


def _export_stage(located: LocatedStudy, name: str) -> Stage:
    """Return the stage that writes the fields of an answer for ParaView."""
    return Stage(
        name=f"export[{name}]",
        path=Path("fields", f"{name}.vtkhdf"),
        action=export.export_stage,
        parameters={**_kept(located.cases[name]), **_fields(located, name)},
        inputs=("mesh", "dual_pod", *_models(located, name), f"online[{name}]"),
        case=name,
        offline=False,
    )


def _instants_from(located: LocatedStudy, case: Case) -> tuple[str, ...]:
    """Return the stage whose instants a case takes over, if it does."""
    if has_own_instants(case.grid):
        return ()
    return (f"snapshots[{located.study.training[0].name}]",)


def _case_parameters(located: LocatedStudy, case: Case) -> dict[str, Any]:
    """Return what a load case depends on."""
    grid = case.grid.model_dump(mode="json", include={"until", "increments", "times"})
    if case.grid.cycles is not None:
        keys = {"period", "count", "increments"}
        grid["cycles"] = case.grid.cycles.model_dump(mode="json", include=keys)
    return {
        "loads": _json(case.loads),
        "grid": grid,
        **_amplitudes(located, case.loads),
    }


def _increments(study: Study) -> dict[str, Any]:
    """Return the rule of automatic increments, where there is one."""
    return {} if study.increments is None else {"increments": _json(study.increments)}


def _kept(case: Case) -> dict[str, Any]:
    """Return the cycles whose fields are kept, where that is not all of them."""
    cycles = case.grid.cycles
    return {"cycles": list(cycles.stored)} if cycles is not None and cycles.thinned else {}


def _fields(located: LocatedStudy, name: str) -> dict[str, Any]:
    """Return how the fields of a case are rebuilt, where it is not from their modes."""
    asked = {one.name: one.fields for one in located.study.online if one.fields != "gappy"}
    return {"fields": asked[name]} if name in asked else {}


def _materials(study: Study, loads: Iterable[Load]) -> list[Any]:
    """Return the laws, and the densities where a load acts on mass."""
    heavy = any(isinstance(load, Centrifugal) for load in loads)
    massless = {} if heavy else {"density": 0.0}
    return [_json(entry.model_copy(update=massless)) for entry in study.materials]


def _amplitudes(located: LocatedStudy, users: tuple[Keys, ...]) -> dict[str, Any]:
    """Return the amplitudes that loads or constraints use."""
    names = {getattr(user, "amplitude", None) for user in users} - {None}
    tables = located.study.amplitudes
    return {f"amplitudes.{name}": _json(tables[str(name)]) for name in sorted(map(str, names))}


def _files(located: LocatedStudy, name: str, *, only: type[Keys] | None = None) -> dict[str, Path]:
    """Return the field files that a case reads, by the load that wants them."""
    files: dict[str, Path] = {}
    for load in located.cases[name].loads:
        if only is not None and not isinstance(load, only):
            continue
        frames = load.keyframes if isinstance(load, Temperature) else (load,)
        for number, frame in enumerate(frames):
            # Files of equal name may lie in several folders, so the name alone is not enough.
            for path in field_files(getattr(frame, "field", 0.0), located.folder):
                for part, found in enumerate(_with_included(path).values()):
                    label = f"{load.name}[{number}] {found.name}"
                    files[label if part == 0 else f"{label} {part}"] = found
    return files


def _libraries(located: LocatedStudy) -> dict[str, Path]:
    """Return the shared libraries of user laws."""
    libraries = enumerate(law_libraries(located))
    return {f"law[{number}] {path.name}": path for number, path in libraries}


def _result_files(located: LocatedStudy, case: str, path: Path) -> dict[str, Path]:
    """Return a result file, those of the same stem and those that it names."""
    if not path.is_file():
        message = f"there is no result file {path}."
        raise located.error(located.result_place(case), message)
    study = located.yaml.path.resolve()
    alike = {found for found in path.parent.iterdir() if found.stem == path.stem}
    family = alike.union(_with_included(path).values())
    return {
        found.name: found
        for found in sorted(family)
        if found.is_file() and found.resolve() != study
    }


def _json(value: Any) -> Any:  # noqa: ANN401  (anything the schema holds)
    """Return plain JSON of schema values."""
    if isinstance(value, Keys):
        return _json(value.model_dump())
    if isinstance(value, Mapping):
        return {name: _json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    # Where a file lies does not matter, and its contents are hashed.
    return value.name if isinstance(value, Path) else value
