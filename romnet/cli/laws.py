"""``romnet laws``: what laws there are, whether one keeps its contract, and what it does."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from romnet.cli.console import Console
from romnet.cli.law_words import (
    PathWords,
    component_of,
    components_of,
    conditions,
    numbers_in,
    one_temperature,
    probe_of,
    strain_of,
)
from romnet.cli.running import run as _run

if TYPE_CHECKING:
    from romnet.laws.contract import ConstitutiveLaw
    from romnet.laws.model import Parameter
    from romnet.online.material_point import Driven
    from romnet.testing.verdicts import LawCheck

app = typer.Typer(
    name="laws",
    help="Constitutive laws: those installed, the conformity suite, a material point.",
    no_args_is_help=True,
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Target = Annotated[
    str, typer.Argument(help="An installed law, a study (all its materials), or a shared library.")
]
Parameters = Annotated[
    Path | None, typer.Option(help="YAML file with the parameters of an installed law.")
]
Function = Annotated[str, typer.Option(help="Library: symbol of the UMAT; the usual ones if none.")]
Properties = Annotated[str, typer.Option(help="Library: PROPS, separated by commas.")]
NState = Annotated[int, typer.Option(min=0, help="Library: entries of STATEV.")]
Components = Annotated[int, typer.Option(help="6, or 4 in plane strain.")]
Temperature = Annotated[str, typer.Option(help="A temperature, or two: at the start and the end.")]


@app.command("list")
def list_laws(*, json: Json = False) -> None:
    """List the installed laws, romnet's own and those of plug-ins."""

    def work(console: Console) -> tuple[dict[str, Any], int]:
        from romnet.cli.law_tables import law_list
        from romnet.laws.registry import law_model, law_names

        models = [law_model(name) for name in law_names()]
        console.say(law_list(models))
        plain = [
            {
                "name": model.name,
                "summary": model.summary,
                "parameters": [_parameter(parameter) for parameter in model.parameters],
            }
            for model in models
        ]
        return {"laws": plain}, 0

    _run(work, json=json)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="An installed law.")], *, json: Json = False
) -> None:
    """Show the equations and the parameters of a law, and an example."""

    def work(console: Console) -> tuple[dict[str, Any], int]:
        import yaml

        from romnet.cli.law_tables import law_page
        from romnet.laws.registry import law_model

        model = law_model(name)
        entry = {"cells": "ALL", "law": name, "parameters": dict(model.example)}
        example = yaml.safe_dump({"materials": [entry]}, sort_keys=False)
        console.say(law_page(model, example))
        return {
            "name": model.name,
            "summary": model.summary,
            "equations": model.equations,
            "parameters": [_parameter(parameter) for parameter in model.parameters],
            "example": dict(model.example),
        }, 0

    _run(work, json=json)


@app.command()
def check(  # noqa: PLR0913  (one for each option)
    target: Target,
    *,
    parameters: Parameters = None,
    function: Function = "",
    properties: Properties = "",
    n_state: NState = 0,
    symmetric: Annotated[
        bool, typer.Option("--symmetric", help="Library: DDSDDE is always symmetric.")
    ] = False,
    thread_safe: Annotated[
        bool, typer.Option("--thread-safe", help="The law bears several threads; try it.")
    ] = False,
    components: Components = 6,
    temperature: Temperature = "",
    strain: Annotated[float, typer.Option(help="Size of the strain increments.")] = 2e-3,
    duration: Annotated[float, typer.Option(help="Duration of the increments.")] = 1.0,
    time_limit: Annotated[float, typer.Option(help="Wall time that a check may take [s].")] = 20.0,
    json: Json = False,
) -> None:
    """Run the conformity suite on a law, in a process of its own that the law may crash."""

    def work(console: Console) -> tuple[dict[str, Any], int]:
        from romnet.cli.law_tables import verdicts
        from romnet.study.law_targets import LibraryFacts, law_targets
        from romnet.testing.isolation import examine_in_child

        library = LibraryFacts(function, numbers_in(properties, "--properties"), n_state, symmetric)
        found = []
        for law in law_targets(target, parameters=parameters, library=library):
            probe = probe_of(law, temperature, strain, duration, thread_safe=thread_safe)
            count = components_of(components)
            report = examine_in_child(
                law.spec, n_components=count, probe=probe, time_limit=time_limit
            )
            console.say(f"{law.name}: {conditions(probe, count)}\n")
            console.say(verdicts(report))
            console.say("")
            found.append({"name": law.name, "ok": report.passed, "checks": _checks(report.checks)})
        passed = all(entry["ok"] for entry in found)
        console.say("The contract is kept." if passed else "The contract is broken.")
        return {"ok": passed, "laws": found}, 0 if passed else 2

    _run(work, json=json)


@app.command()
def drive(  # noqa: PLR0913  (one for each option)
    target: Target,
    *,
    path: Annotated[
        str, typer.Option(help="uniaxial, cyclic, relaxation, creep, or a CSV file.")
    ] = "uniaxial",
    strain: Annotated[str, typer.Option(help="Strain reached, held, or amplitude.")] = "",
    stress: Annotated[float | None, typer.Option(help="creep: stress held.")] = None,
    duration: Annotated[float, typer.Option(help="Of the pull, of a cycle or of the hold.")] = 1.0,
    ramp: Annotated[
        float | None, typer.Option(help="Time to the hold; a hundredth of the duration if none.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Increments, of one cycle or of the hold.")] = 100,
    cycles: Annotated[int, typer.Option(help="cyclic: how many.")] = 1,
    component: Annotated[str, typer.Option(help="Driven component: 11, 22, ... 23.")] = "11",
    components: Components = 6,
    temperature: Temperature = "",
    material: Annotated[int, typer.Option(help="Study: which material, from 0.")] = 0,
    parameters: Parameters = None,
    function: Function = "",
    properties: Properties = "",
    n_state: NState = 0,
    csv: Annotated[Path | None, typer.Option(help="CSV file to write.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Picture to write, .png or .svg.")] = None,
    replay: Annotated[
        Path | None, typer.Option(help="JSON file with one increment; nothing else is driven.")
    ] = None,
    json: Json = False,
) -> None:
    """Drive a material point by strains and stresses."""

    def work(console: Console) -> tuple[dict[str, Any], int]:
        from romnet.laws.registry import build_law
        from romnet.online.material_point import drive as drive_point
        from romnet.study.law_targets import LibraryFacts, law_targets
        from romnet.study.law_targets import material as material_of

        library = LibraryFacts(function, numbers_in(properties, "--properties"), n_state)
        targets = law_targets(target, parameters=parameters, library=library)
        law = build_law(material_of(targets, material).spec, n_components=components_of(components))
        if replay is not None:
            return _replay(console, law, replay)
        words = PathWords(
            path, strain_of(strain), stress, duration, ramp, steps, cycles, component_of(component)
        )
        warm = one_temperature(material_of(targets, material), temperature)
        history = words.path(law.n_components, warm)
        driven = drive_point(law, history)
        answer = {"law": material_of(targets, material).name, **_driven(driven)}
        return _tell(console, driven, answer, words.component, csv, plot)

    _run(work, json=json)


def _tell(
    console: Console,
    driven: Driven,
    answer: dict[str, Any],
    component: int,
    csv: Path | None,
    plot: Path | None,
) -> tuple[dict[str, Any], int]:
    """Print, write and draw a history."""
    from romnet.cli.console import NOT_CONVERGED
    from romnet.cli.law_tables import history
    from romnet.store.curves import write_driven

    console.say(history(driven, component))
    if csv is not None:
        write_driven(csv, driven)
        console.say(f"{csv} is written.")
    if plot is not None:
        from romnet.report.curves import driven_figure

        content = driven_figure(driven, component=component, svg=plot.suffix == ".svg")
        plot.write_bytes(content)
        console.say(f"{plot} is written.")
    files = {"csv": csv and str(csv), "plot": plot and str(plot)}
    if driven.status.ok:
        return {**answer, **files}, 0
    console.note(
        f"stopped after t = {driven.times[-1]:g} ({driven.reason.label}): {driven.reason.advice}."
    )
    return {**answer, **files}, NOT_CONVERGED


def _replay(console: Console, law: ConstitutiveLaw, path: Path) -> tuple[dict[str, Any], int]:
    """Ask one increment again."""
    from romnet.cli.console import NOT_CONVERGED
    from romnet.cli.law_tables import answer
    from romnet.store.point_file import read_increment

    response = read_increment(path).put_to(law)
    console.say(answer(response))
    return {
        "ok": response.ok,
        "step_factor": response.step_factor,
        "stress": response.stress[0].tolist(),
        "state": response.state[0].tolist(),
        "tangent": response.tangent[0].tolist(),
    }, 0 if response.ok else NOT_CONVERGED


def _driven(driven: Driven) -> dict[str, Any]:
    """Say in numbers how a history went and ended."""
    from romnet.store.curves import columns_of

    return {
        "status": driven.status.label,
        "reason": driven.reason.label,
        "instants": len(driven.times),
        "iterations": int(driven.iterations.sum()),
        "cuts": int(driven.cuts.sum()),
        "last": {name: float(values[-1]) for name, values in columns_of(driven).items()},
    }


def _checks(checks: Iterable[LawCheck]) -> list[dict[str, Any]]:
    """Say checks in plain data."""
    return [
        {
            "name": found.name,
            "verdict": found.verdict.name.lower(),
            "error": found.error,
            "limit": found.limit,
            "detail": found.detail,
            "advice": found.advice,
        }
        for found in checks
    ]


def _parameter(parameter: Parameter) -> dict[str, Any]:
    """Say a parameter in plain data."""
    plain = {
        "name": parameter.name,
        "meaning": parameter.meaning,
        "unit": parameter.unit,
        "required": parameter.required,
        "default": parameter.default,
    }
    if parameter.structure is not None:
        plain["form"] = parameter.structure.form
    if parameter.group:
        plain["group"] = [_parameter(entry) for entry in parameter.group]
    return plain
