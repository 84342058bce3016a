"""Tables of laws, verdicts and driven points, as text for a terminal."""

from __future__ import annotations

import io
import shutil
from collections.abc import Sequence

import numpy as np
from rich.console import Console as Terminal
from rich.markup import escape
from rich.table import Table

from romnet.core.arrays import Array
from romnet.laws.contract import LawResponse
from romnet.laws.model import LawModel, Parameter
from romnet.online.material_point import Driven
from romnet.store.curves import columns_of
from romnet.testing.verdicts import LawReport

_NARROWEST, _MOST_ROWS, _MOST_FIELDS = 100, 11, 6
_WHOLE = frozenset({"law", "parameter", "check", "verdict"})


def law_list(models: Sequence[LawModel]) -> str:
    """List laws with their parameters; those with a default are in brackets."""
    table = _table("law", "what it is", "parameters [unit]")
    for model in models:
        words = [_words(parameter) for parameter in model.parameters]
        table.add_row(escape(model.name), escape(model.summary), escape(", ".join(words)))
    return _text(table)


def law_page(model: LawModel, example: str) -> str:
    """Describe one law: equations, parameters, an example for a study."""
    table = _table("parameter", "meaning", "unit", "default")
    for parameter in model.parameters:
        _add_parameter(table, parameter, "")
    parts = [f"{model.name}: {model.summary}", model.equations, _text(table).rstrip()]
    return "\n\n".join([*parts, "In a study:", example.rstrip()]) + "\n"


def verdicts(report: LawReport) -> str:
    """Show every check of a law, then what was seen and what to do about those that fail."""
    table = _table("check", "verdict", "measured", "limit")
    for check in report.checks:
        numbers = (f"{check.error:.1e}", f"{check.limit:.0e}") if check.examined else ("", "")
        table.add_row(escape(check.name), check.verdict.value, *numbers)
    lines = [_text(table).rstrip()]
    for check in report.failures:
        seen = [f"  seen: {check.detail}"] if check.detail else []
        lines += ["", check.name, *seen, f"  try:  {check.advice}"]
    notes = [
        f"not examined: {check.detail}"
        for check in report.checks
        if check.detail and not check.examined
    ]
    notes += [
        f"{check.name}: {check.detail}" for check in report.checks if check.passed and check.detail
    ]
    return "\n".join([*lines, *([""] if notes else []), *dict.fromkeys(notes)])


def history(driven: Driven, component: int) -> str:
    """Show some instants of a driven point: the driven component and scalar fields."""
    columns = columns_of(driven)
    strains = [name for name in columns if name[0] in "es" and name[1:].isdigit()]
    shown = [strains[component], strains[component + len(strains) // 2]]
    fields = [name for name, place in driven.state_fields.items() if place.stop - place.start == 1]
    scalars = [name for name in fields if name in columns][:_MOST_FIELDS]
    names = ["time", *shown, *scalars, "iterations"]
    table = Table(box=None)
    for name in names:
        table.add_column(escape(name), justify="right")
    last = len(driven.times) - 1
    rows = np.unique(np.linspace(0, last, min(last + 1, _MOST_ROWS)).round().astype(int))
    for row in rows:
        table.add_row(*(f"{columns[name][row]:.5g}" for name in names))
    return _text(table)


def answer(response: LawResponse) -> str:
    """Show the answer of a law at one point."""
    lines = ["stress", _numbers(response.stress[0]), "state", _numbers(response.state[0])]
    lines += ["tangent", *(_numbers(row) for row in response.tangent[0])]
    ends = "is integrated" if response.ok else f"fails, and asks for {response.step_factor:g} of dt"
    return "\n".join([f"the point {ends}", *lines])


def _numbers(values: Array) -> str:
    """Write numbers in full precision."""
    return "  " + "  ".join(f"{value: .16e}" for value in values.tolist())


def _words(parameter: Parameter) -> str:
    """Say what a parameter is called and measured in."""
    if parameter.group:
        inner = ", ".join(_words(entry) for entry in parameter.group)
        return f"({parameter.name}: {inner})"
    words = f"{parameter.name} [{parameter.unit}]"
    return words if parameter.required else f"({words})"


def _add_parameter(table: Table, parameter: Parameter, prefix: str) -> None:
    """Add a parameter, and those of its group below it."""
    default = "required" if parameter.required else "none"
    if parameter.default is not None:
        default = f"{parameter.default:g}"
    unit = "list" if parameter.group else parameter.unit
    name = prefix + parameter.name
    meaning = parameter.meaning
    if parameter.structure is not None:
        meaning += f": {parameter.structure.form}"
    table.add_row(escape(name), escape(meaning), escape(unit), default)
    for entry in parameter.group:
        _add_parameter(table, entry, f"{name}.")


def _table(*columns: str) -> Table:
    """Make a table without lines."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, overflow="fold", no_wrap=name in _WHOLE)
    return table


def _text(table: Table) -> str:
    """Render a table as plain text."""
    stream = io.StringIO()
    width = max(shutil.get_terminal_size((_NARROWEST, 24)).columns, _NARROWEST)
    terminal = Terminal(file=stream, width=width, highlight=False, color_system=None)
    terminal.print(table)
    lines = (line.rstrip() for line in stream.getvalue().splitlines())
    return "\n".join(lines) + "\n"
