"""Make docs/reference/laws.md and its pictures from the built-in laws themselves.

``scripts/laws_page.py`` writes both; the pictures are drawn from computed curves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from romnet.laws.model import LawModel, Parameter
from romnet.laws.registry import build_law
from romnet.laws.tables import ThermalExpansion
from romnet.online.material_paths import MaterialPath, Setup, creep, cyclic, uniaxial
from romnet.online.material_point import Driven, drive

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "laws.md"
PICTURES = PAGE.with_suffix("")
_LIBRARY = "romnet.laws.library."
_PERCENT, _SIZE = 100.0, (4.8, 3.0)


@dataclass(frozen=True)
class Curve:
    """One line of a picture: what differs from the example of the law, and what is done to it."""

    label: str
    path: MaterialPath
    change: Mapping[str, Any]


@dataclass(frozen=True)
class Picture:
    """One picture: its caption and its lines; strain over time if `over_time`."""

    caption: str
    curves: tuple[Curve, ...]
    over_time: bool = False


def models() -> tuple[LawModel, ...]:
    """Return romnet's own laws by name, not those of plug-ins."""
    found = [e for e in entry_points(group="romnet.laws") if e.value.startswith(_LIBRARY)]
    unique = {entry.name: entry for entry in found}
    return tuple(unique[name].load() for name in sorted(unique))


def page() -> str:
    """Return the reference of the laws, from what they say about themselves."""
    parts = [
        "# The built-in laws",
        "",
        "Made from `romnet/laws/library/` by `scripts/laws_page.py`.",
        "",
        "All are compiled UMATs: implicit (backward Euler), with the consistent tangent, in three",
        "dimensions and in plane strain. A value is a number or a table over temperature,",
        "`{temperature: [...], value: [...]}`, unless its form is given; straight lines connect",
        "the entries. Units are dimensions in the study's own set. The state holds `stress` and",
        "the fields below. `<x>` is x where it is positive, else 0. Thermal strain is isotropic.",
        "",
    ]
    for model in models():
        parts += [*_section(model), ""]
    return "\n".join(parts)


def _section(model: LawModel) -> Iterator[str]:
    """Describe one law."""
    picture = pictures()[model.name]
    yield from (f"## {model.name}", "", _sentence(model.summary), "")
    yield from ("```text", model.equations, "```", "")
    yield from ("| parameter | meaning | unit | values | default |", "|---|---|---|---|---|")
    for parameter in model.parameters:
        yield _row(parameter, "")
        for member in parameter.group:
            yield _row(member, f"{parameter.name}[].")
    law = model.build(model.example, ThermalExpansion.none(), n_components=6)
    fields = [f"`{f}` ({c.stop - c.start})" for f, c in law.state_fields.items()]
    yield from ("", f"State, with the number of components in space: {', '.join(fields)}.", "")
    example = yaml.safe_dump(
        {"law": model.name, "parameters": dict(model.example)},
        sort_keys=False,
        default_flow_style=None,
        width=90,
    )
    yield from ("```yaml", example.rstrip(), "```", "")
    yield f"![{picture.caption}](laws/{model.name}.svg)"
    yield from ("", f"{picture.caption}, with these parameters in N, mm and s.")


def _row(parameter: Parameter, prefix: str) -> str:
    """Describe one parameter in a row of a table."""
    structure = parameter.structure
    bounds = {
        "above": parameter.above,
        "at least": parameter.at_least,
        "below": parameter.below,
    }
    values = " and ".join(f"{word} {b:g}" for word, b in bounds.items() if b is not None)
    default = "required"
    if structure is not None:
        values = f"`{structure.form}`"
        if structure.default is not None:
            default = f"`{_plain(structure.default)}`"
    elif parameter.group:
        values, default = "list of mappings", "empty"
    elif parameter.default is not None:
        default = f"{parameter.default:g}"
    unit = parameter.unit
    return f"| `{prefix}{parameter.name}` | {parameter.meaning} | {unit} | {values} | {default} |"


def _plain(value: object) -> str:
    """Write a value as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=1000)
    return str(text).strip()


def _sentence(words: str) -> str:
    """Begin with a capital and end with a full stop."""
    return f"{words[0].upper()}{words[1:]}."


def pictures() -> dict[str, Picture]:
    """Return what is drawn for each law."""
    pull = uniaxial(0.01, duration=1.0, steps=60)
    elastic = uniaxial(0.001, duration=1.0, steps=2)
    cycle = cyclic(0.004, cycles=1, duration=16.0, steps=160)
    # Space axis 1, which is pulled, in the axes of the crystal.
    toward = {
        "<001>": {"first": [1.0, 0.0, 0.0], "second": [0.0, 1.0, 0.0]},
        "<011>": {"first": [1.0, -1.0, 0.0], "second": [1.0, 1.0, 0.0]},
        "<111>": {"first": [1.0, 2.0**0.5, 0.0], "second": [1.0, -(0.5**0.5), 1.5**0.5]},
    }
    along = {
        "axis 1": {"first": [1, 0, 0], "second": [0, 1, 0]},
        "axis 2": {"first": [0, 1, 0], "second": [1, 0, 0]},
        "45 degrees": {"first": [1, 1, 0], "second": [-1, 1, 0]},
    }
    rates = {"1e-2": 0.4, "1e-4": 40.0, "1e-6": 4e3}

    def by_rate(start: Mapping[str, Any]) -> tuple[Curve, ...]:
        return tuple(
            Curve(f"{rate} 1/s", cyclic(0.004, cycles=1, duration=4.0 * t, steps=120), start)
            for rate, t in rates.items()
        )

    return {
        "elastic": Picture("Tension", (Curve("", elastic, {}),)),
        "elastic_cubic": Picture(
            "Tension along directions of the crystal",
            tuple(Curve(name, elastic, {"axes": axes}) for name, axes in toward.items()),
        ),
        "elastic_orthotropic": Picture(
            "Tension along and between the material axes",
            tuple(Curve(name, elastic, {"axes": axes}) for name, axes in along.items()),
        ),
        "j2_viscoplastic": Picture("A cycle at three rates", by_rate({})),
        "j2_sinh": Picture("A cycle at three rates", by_rate({})),
        "j2_table": Picture(
            "A cycle at three temperatures",
            tuple(Curve(f"{t:g} degrees", _at(t, cycle), {}) for t in (20.0, 210.0, 400.0)),
        ),
        "norton_creep": Picture(
            "Creep under three stresses",
            tuple(
                Curve(f"{s:g} MPa", creep(s, ramp=1.0, duration=3.6e3, steps=40), {})
                for s in (100.0, 125.0, 150.0)
            ),
            over_time=True,
        ),
        "crystal_plasticity": Picture(
            "Tension along directions of the crystal",
            tuple(Curve(name, pull, {"axes": axes}) for name, axes in toward.items()),
        ),
    }


def _at(temperature: float, path: MaterialPath) -> MaterialPath:
    """Return the same path at another temperature."""
    setup = Setup(temperature=temperature)
    return setup.path(path.times, path.values[:, 0], by_strain=True)


def driven(model: LawModel, curve: Curve) -> Driven:
    """Compute one line."""
    spec = {"law": model.name, "parameters": {**model.example, **curve.change}}
    answer = drive(build_law(spec, n_components=6), curve.path)
    if not answer.status.ok:
        message = f"{model.name}, {curve.label}: {answer.status} ({answer.reason})."
        raise RuntimeError(message)
    return answer


def draw(model: LawModel, folder: Path) -> Path:
    """Draw the picture of a law."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    picture = pictures()[model.name]
    path = folder / f"{model.name}.svg"
    style = {"svg.hashsalt": "romnet", "svg.fonttype": "none", "path.simplify": True}
    with mpl.rc_context(style):
        figure, axes = plt.subplots(figsize=_SIZE, layout="constrained")
        for curve in picture.curves:
            answer = driven(model, curve)
            strain = _PERCENT * answer.strain[:, 0]
            across = (answer.times, strain) if picture.over_time else (strain, answer.stress[:, 0])
            axes.plot(*(np.round(values, 4) for values in across), label=curve.label or None)
        words = (
            ("time [s]", "strain 11 [%]")
            if picture.over_time
            else ("strain 11 [%]", "stress 11 [MPa]")
        )
        axes.set(xlabel=words[0], ylabel=words[1])
        axes.grid(alpha=0.3)
        if any(curve.label for curve in picture.curves):
            axes.legend(frameon=False)
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)
    return path


def main() -> None:
    """Write the page and its pictures."""
    PAGE.write_text(page(), encoding="utf-8")
    PICTURES.mkdir(exist_ok=True)
    for model in models():
        path = draw(model, PICTURES)
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
