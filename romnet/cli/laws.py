"""``romnet laws``: what laws there are, whether one keeps its contract, and what it does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from romnet.cli.console import Console
from romnet.cli.running import run as _run
from romnet.core.errors import StudyError

if TYPE_CHECKING:
    from romnet.laws.contract import ConstitutiveLaw
    from romnet.laws.model import Parameter
    from romnet.online.material_paths import MaterialPath
    from romnet.online.material_point import Driven
    from romnet.study.law_targets import LawTarget
    from romnet.testing.subject import Probe
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
_COMPONENTS = (4, 6)


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

        library = LibraryFacts(function, _numbers(properties, "--properties"), n_state, symmetric)
        found = []
        for law in law_targets(target, parameters=parameters, library=library):
            probe = _probe(law, temperature, strain, duration, thread_safe=thread_safe)
            count = _components(components)
            report = examine_in_child(
                law.spec, n_components=count, probe=probe, time_limit=time_limit
            )
            console.say(f"{law.name}: {_conditions(probe, count)}\n")
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

        library = LibraryFacts(function, _numbers(properties, "--properties"), n_state)
        targets = law_targets(target, parameters=parameters, library=library)
        law = build_law(material_of(targets, material).spec, n_components=_components(components))
        if replay is not None:
            return _replay(console, law, replay)
        words = _PathWords(
            path, _strain(strain), stress, duration, ramp, steps, cycles, _component(component)
        )
        warm = _one_temperature(material_of(targets, material), temperature)
        history = words.path(law.n_components, warm)
        driven = drive_point(law, history)
        answer = {"law": material_of(targets, material).name, **_driven(driven)}
        return _tell(console, driven, answer, words.component, csv, plot)

    _run(work, json=json)


@dataclass(frozen=True)
class _PathWords:
    """A path as the command line says it."""

    kind: str
    strain: float | None
    stress: float | None
    duration: float
    ramp: float | None
    steps: int
    cycles: int
    component: int

    def path(self, n_components: int, temperature: float) -> MaterialPath:
        """Return the path."""
        from romnet.store.curves import read_path

        if Path(self.kind).suffix or Path(self.kind).name != self.kind:
            return read_path(Path(self.kind), n_components=n_components, temperature=temperature)
        if self.duration <= 0.0 or (self.ramp is not None and self.ramp <= 0.0):
            message = "--duration and --ramp must be positive."
            raise StudyError(message)
        try:
            return self._named(n_components, temperature)
        except ValueError as problem:
            raise StudyError(str(problem)) from problem

    def _named(self, n_components: int, temperature: float) -> MaterialPath:
        """Return one of the named paths."""
        from romnet.online import material_paths as paths

        setup = paths.Setup(self.component, n_components, temperature)
        ramp = self.ramp if self.ramp is not None else self.duration / 100.0
        common: dict[str, Any] = {"duration": self.duration, "steps": self.steps, "setup": setup}
        if self.kind == "creep":
            return paths.creep(_given(self.stress, "--stress"), ramp=ramp, **common)
        strain = _given(self.strain, "--strain")
        if self.kind == "uniaxial":
            return paths.uniaxial(strain, **common)
        if self.kind == "cyclic":
            return paths.cyclic(strain, cycles=self.cycles, **common)
        if self.kind == "relaxation":
            return paths.relaxation(strain, ramp=ramp, **common)
        message = (
            f"--path {self.kind}: is none of uniaxial, cyclic, relaxation, creep, and no CSV file."
        )
        raise StudyError(message)


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


def _probe(
    law: LawTarget, temperature: str, strain: float, duration: float, *, thread_safe: bool
) -> Probe:
    """Return the conditions of an examination."""
    from romnet.study.law_targets import known_temperature
    from romnet.testing.subject import Probe

    warm = _numbers(temperature, "--temperature")
    if not warm:
        middle = known_temperature(law.spec)
        warm = (Probe().temperatures[0] if middle is None else middle,)
    return Probe(
        strain=strain,
        temperatures=(warm[0], warm[-1]),
        duration=duration,
        thread_safe=thread_safe,
    )


def _one_temperature(law: LawTarget, given: str) -> float:
    """Return the temperature of a path; a law that depends on it must be told."""
    from romnet.laws.registry import temperature_range
    from romnet.study.law_targets import known_temperature

    warm = _numbers(given, "--temperature")
    if len(warm) > 1:
        message = "--temperature: one number; a CSV file may have a column temperature."
        raise StudyError(message)
    if warm:
        return warm[0]
    if known_temperature(law.spec) is not None:
        low, high = temperature_range(law.spec)
        message = f"{law.name} depends on temperature: give --temperature, {low:g} to {high:g}."
        raise StudyError(message)
    return 0.0


def _numbers(given: str, option: str) -> tuple[float, ...]:
    """Read numbers separated by commas."""
    try:
        return tuple(float(word) for word in given.split(",") if word.strip())
    except ValueError:
        message = f"{option}: must be numbers separated by commas, got {given!r}."
        raise StudyError(message) from None


def _strain(given: str) -> float | None:
    """Read a strain, or an amplitude with its sign of two."""
    numbers = _numbers(given.removeprefix("±").removeprefix("+-"), "--strain")
    return numbers[0] if numbers else None


def _component(name: str) -> int:
    """Return the position of a component."""
    from romnet.core.tensors import VOIGT

    if name not in VOIGT:
        message = f"--component: must be one of {', '.join(VOIGT)}, got {name!r}."
        raise StudyError(message)
    return VOIGT.index(name)


def _components(count: int) -> int:
    """Return a number of components, if it is one."""
    if count not in _COMPONENTS:
        message = f"--components: must be 6, or 4 in plane strain, got {count}."
        raise StudyError(message)
    return count


def _given(value: float | None, option: str) -> float:
    """Return an option that this path needs."""
    if value is None:
        message = f"this path needs {option}."
        raise StudyError(message)
    return value


def _conditions(probe: Probe, components: int) -> str:
    """Say under which conditions a law is examined."""
    before, after = probe.temperatures
    return (
        f"{components} components, increments of strain {probe.strain:g} in {probe.duration:g}, "
        f"temperature {before:g} to {after:g}"
    )
