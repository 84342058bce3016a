"""Stages that make the models of a study."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from romnet.study import actions, greedy, models, simulation
from romnet.study.indicator.calibrating import calibrate_stage
from romnet.study.local import criterion, dictionary
from romnet.study.local.candidates import candidate_cases
from romnet.study.read import HF, Case, LocatedStudy
from romnet.study.schema import BoxMesh, Indicator, Local, Temperature
from romnet.study.stage import Stage
from romnet.study.stage_inputs import (
    amplitudes,
    case_files,
    case_parameters,
    increments,
    instants_from,
    kept_cycles,
    libraries,
    materials,
    plain,
    result_files,
    with_included,
)

# Citation keys are those of `romnet cite`.
POD = ("Casenave2020",)
LOCAL = ("Daniel2022",)
INDICATOR = ("Casenave2019",)
CUBATURE = ("Casenave2020", "Hernandez2017", "Yaghoobi2015")
# What the table of the criterion is judged by, once it is there.
_JUDGED = ("budget", "objective", "queries", "smallest_gain", "training_hours", "online_hours")


def offline_stages(located: LocatedStudy) -> list[Stage]:
    """Return the stages up to the models, in an order in which they can run."""
    study = located.study
    training = tuple(entry.name for entry in study.training)
    table = [_mesh_stage(located)]
    for entry in study.training:
        table += simulation_stages(located, located.cases[entry.name], entry.results)
    table += _reduction_stages(located, training)
    table.append(_model_stage(located, training))
    table += _local_stages(located)
    if study.indicator is not None:
        table.append(_calibrate_stage(located, training))
    return table + _greedy_stages(located, training)


def _mesh_stage(located: LocatedStudy) -> Stage:
    """Return the stage that reads or makes the mesh."""
    given = located.study.mesh
    made = isinstance(given, BoxMesh)
    return Stage(
        name="mesh",
        path=Path("mesh.h5"),
        action=actions.mesh_stage,
        parameters={"mesh": plain(given)} if made else {},
        files={} if isinstance(given, BoxMesh) else with_included(located.resolve(given)),
    )


def simulation_stages(
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
                "materials": materials(study, case.loads),
                "units.length": study.units.length,
                "constraints": plain(study.constraints),
                "newton": plain(study.simulation_newton),
                **increments(study),
                "offline.dual": list(study.offline.dual),
                **amplitudes(located, study.constraints),
                **case_parameters(located, case),
                **kept_cycles(case),
            },
            # A case without a grid of its own takes over the instants of the first training.
            inputs=("mesh", *instants_from(located, case)),
            files={**libraries(located), **case_files(located, case.name)},
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
            files=result_files(located, case.name, located.resolve(results)),
            case=case.name,
            offline=offline,
        )
    replay = Stage(
        name=f"replay[{case.name}]",
        path=Path("replay", f"{case.name}.h5"),
        action=actions.replay_stage,
        parameters={
            "materials": materials(study, ()),
            "units.force": study.units.force,
            "units.length": study.units.length,
            "offline.dual": list(study.offline.dual),
            "loads": plain([load for load in case.loads if isinstance(load, Temperature)]),
        },
        inputs=("mesh", snapshots.name),
        files={**libraries(located), **case_files(located, case.name, only=Temperature)},
        case=case.name,
        offline=offline,
        citations=POD,
    )
    return [snapshots, replay]


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
                "constraints": plain(study.constraints),
                **amplitudes(located, study.constraints),
            },
            inputs=("mesh", *(f"snapshots[{name}]" for name in training)),
            citations=POD,
        ),
        Stage(
            name="cubature",
            path=Path("cubature.h5"),
            action=actions.cubature_stage,
            version=2,
            parameters={
                "offline.cubature.tolerance": offline.cubature_tolerance,
                "offline.cubature": plain(offline.cubature.model_copy(update={"tolerance": None})),
            },
            inputs=("mesh", "pod", *replays),
            citations=CUBATURE,
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
            citations=POD,
        ),
    ]


def _model_stage(located: LocatedStudy, training: tuple[str, ...]) -> Stage:
    """Return the stage that packs the reduced model and the training loads."""
    study = located.study
    loads = {f"training.{name}": case_parameters(located, located.cases[name]) for name in training}
    fields = {
        f"{name} {label}": path
        for name in training
        for label, path in case_files(located, name).items()
    }
    return Stage(
        name="model",
        path=Path("model.h5"),
        action=actions.model_stage,
        version=2,
        parameters={
            "units": study.units.model_dump(),
            "materials": materials(study, study.loads),
            "constraints": plain(study.constraints),
            **amplitudes(located, study.constraints),
            **loads,
        },
        inputs=("mesh", "pod", "cubature", "dual_pod", *(f"replay[{name}]" for name in training)),
        files={**libraries(located), **fields},
        citations=CUBATURE,
    )


def _local_stages(located: LocatedStudy) -> list[Stage]:
    """Return the stages that decide on local models, and make them."""
    study, keys = located.study, located.study.local
    if keys is None:
        return []
    wanted = keys.dictionary
    structure = {
        "materials": materials(study, study.loads),
        "constraints": plain(study.constraints),
        "loads": plain(study.loads),
        "amplitudes": plain(study.amplitudes),
        "offline.inner_product": study.offline.inner_product,
    }
    compared = plain(keys.model_dump(exclude={"dictionary", *_JUDGED}))
    judged = Stage(
        name="criterion",
        path=criterion.CRITERION,
        action=criterion.criterion_stage,
        parameters={"local": compared, "local.grid": plain(asdict(criterion.grid_of(keys)))}
        | structure,
        inputs=("mesh",),
        files=_candidate_files(located, keys),
        # Without a dictionary it is for `romnet advise` alone.
        offline=wanted is not None,
        citations=LOCAL,
    )
    if wanted is None:
        return [judged]
    clusters = Stage(
        name="clusters",
        path=dictionary.CLUSTERS,
        action=dictionary.clusters_stage,
        parameters={
            "local.dictionary": plain(wanted.model_dump(include={"clusters", "modes", "runs"})),
            "local": plain(keys.model_dump(include={*_JUDGED, "seed", "smallest_cluster"})),
        },
        inputs=("criterion",),
        citations=LOCAL,
    )
    made = Stage(
        name="dictionary",
        path=models.DICTIONARY,
        action=dictionary.dictionary_stage,
        parameters={
            "local.dictionary": plain(
                wanted.model_dump(include={"points", "classifier", "probability"})
            ),
            "offline": plain(study.offline.model_copy(update={"memory": "2 GiB"})),
            "newton": plain(study.model_newton),
            **increments(study),
        },
        inputs=("mesh", "pod", "dual_pod", "model", "clusters"),
        files=libraries(located),
        citations=(*LOCAL, *CUBATURE),
    )
    return [judged, clusters, made]


def _candidate_files(located: LocatedStudy, keys: Local) -> dict[str, Path]:
    """Return the files that candidates for training read, and those of imported simulations."""
    cases = {case.name: case for case in candidate_cases(located)}
    wide, files = replace(located, cases=cases), libraries(located)
    if isinstance(keys.simplified.mesh, Path):
        files |= with_included(located.resolve(keys.simplified.mesh))
    for one in keys.candidates:
        found = case_files(wide, one.name)
        for results in {one.results, one.training} - {HF}:
            found |= result_files(located, one.name, located.resolve(results))
        files |= {f"{one.name} {name}": path for name, path in found.items()}
    return files


def _calibrate_stage(located: LocatedStudy, training: tuple[str, ...]) -> Stage:
    """Return the stage that learns errors from signals."""
    keys = located.study.indicator or Indicator()
    return Stage(
        name="calibrate",
        path=Path("calibration.h5"),
        action=calibrate_stage,
        version=3,
        parameters={
            "indicator.calibration": plain(keys.calibration),
            "indicator.confidence": keys.confidence,
            "indicator.field": keys.field,
            "newton": plain(located.study.model_newton),
            **increments(located.study),
        },
        inputs=("mesh", "pod", "dual_pod", "model", *(f"replay[{name}]" for name in training)),
        files=libraries(located),
        citations=INDICATOR,
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
                "offline.greedy": plain(keys),
                "indicator.field": None if watched is None else watched.field,
                "newton": plain(located.study.model_newton),
                **{f"online.{one}": case_parameters(located, located.cases[one]) for one in asked},
                **increments(located.study),
            },
            inputs=("model", *judging, *(f"replay[{one}]" for one in training)),
            files={
                **libraries(located),
                **{
                    f"{one} {label}": path
                    for one in asked
                    for label, path in case_files(located, one).items()
                },
            },
            citations=INDICATOR,
        )
    ]
