"""A study in the making: what a deck says, where it says it, and the YAML that says it again."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from jaxtyping import Float

from romnet.core.arrays import Array

# Stands where the library of a user material is not known.
NO_LIBRARY = "LIBRARY.so"
_UNITS = {"length": "mm", "force": "N", "time": "s", "temperature": "degC"}


@dataclass(frozen=True)
class Entry:
    """One entry of a list of the study.

    Attributes
    ----------
    value
        Plain data.
    origin
        Where the deck says it; empty if nowhere.
    """

    value: Mapping[str, Any]
    origin: str = ""


@dataclass(frozen=True)
class Draft:
    """What a deck says, in the words of a study.

    Attributes
    ----------
    name
        Of the study.
    deck
        Where it comes from.
    mesh
        Mesh file.
    materials, constraints, loads
        Entries of these lists.
    amplitudes
        Tables by name.
    times
        Instants of the deck, from zero; empty if the code chose them [time].
    end
        Last instant [time].
    dual
        Fields to rebuild.
    notes
        What was not taken over: place and words.
    """

    name: str
    deck: Path
    mesh: Path
    materials: tuple[Entry, ...]
    constraints: tuple[Entry, ...]
    loads: tuple[Entry, ...]
    amplitudes: Mapping[str, Entry]
    times: tuple[float, ...]
    end: float
    dual: tuple[str, ...]
    notes: tuple[tuple[str, str], ...]


@dataclass
class AmplitudeBook:
    """Gives tables of time their names; equal ones share one."""

    tables: dict[str, Entry] = field(default_factory=dict)

    def name_of(self, wanted: str, table: Mapping[str, Any], origin: str) -> str:
        """Return the name of a table, which is kept if it is new.

        Examples
        --------
        >>> book = AmplitudeBook()
        >>> table = {"times": [0.0, 1.0], "values": [0.0, 1.0], "after": "hold"}
        >>> book.name_of("push", table, ""), book.name_of("pull", dict(table), "")
        ('push', 'push')
        """
        for name, known in self.tables.items():
            if known.value == table:
                return name
        name = free_name(wanted, self.tables)
        self.tables[name] = Entry(table, origin)
        return name


def table_of(
    times: Float[Array, " n"], values: Float[Array, " n"], *, after: str = "hold"
) -> dict[str, Any]:
    """Return a function of time as the study writes it."""
    return {
        "times": [float(time) for time in times],
        "values": [float(value) + 0.0 for value in values],
        "after": after,
    }


def plain_name(text: str) -> str:
    """Return a name that may become a file name.

    Examples
    --------
    >>> plain_name("Blade root/3"), plain_name("-x")
    ('Blade_root_3', '_-x')
    """
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", text) or "_"
    return name if re.match(r"[A-Za-z0-9_]", name) else f"_{name}"


def free_name(wanted: str, taken: Mapping[str, Any]) -> str:
    """Return a name that is not taken.

    Examples
    --------
    >>> free_name("a", {"a": 1, "a_2": 1})
    'a_3'
    """
    name, number = plain_name(wanted), 1
    while name in taken:
        number += 1
        name = f"{plain_name(wanted)}_{number}"
    return name


def relative(path: Path, folder: Path) -> str:
    """Return a path as a study in a folder names it."""
    # The file itself may be a link; its neighbours count, not those of what it points to.
    place = path.parent.resolve() / path.name
    try:
        return Path(os.path.relpath(place, folder.resolve())).as_posix()
    except ValueError:  # another drive
        return place.as_posix()


def render(draft: Draft, folder: Path, results: tuple[Path, ...]) -> str:
    """Write the YAML of a study.

    Parameters
    ----------
    draft
        What the deck says.
    folder
        Where the study will lie; paths are relative to it.
    results
        Result files to learn from; if there are none, romnet's own solver computes them.

    Returns
    -------
    str
        Text that `romnet.study.read.read_study` reads, with comments.
    """
    return "\n".join(_lines(draft, folder, results)) + "\n"


def _lines(draft: Draft, folder: Path, results: tuple[Path, ...]) -> Iterator[str]:
    """Yield the lines of the study."""
    yield f"# A study made from {draft.deck.name}. Lines of the deck stand above what they became."
    if draft.notes:
        yield "#"
        yield f"# Not taken over ({len(draft.notes)}):"
        for place, text in draft.notes:
            yield f"#   {place}: {text}"
    yield ""
    yield _dump({"name": draft.name})
    yield "# The deck does not say its units, and no number depends on these names."
    yield f"units: {_flow(_UNITS)}"
    yield ""
    yield _dump({"mesh": relative(draft.mesh, folder)})
    yield from _section("materials", draft.materials)
    yield from _section("constraints", draft.constraints)
    if draft.amplitudes:
        yield from ("", "amplitudes:")
        for name, entry in draft.amplitudes.items():
            yield from _origin(entry)
            yield f"  {_flow(name)}: {_flow(entry.value)}"
    yield from _section("loads", draft.loads)
    yield from ("", "training:")
    names: list[str] = []
    if results:
        for path in results:
            names.append(free_name(path.stem, dict.fromkeys(names)))
            yield f"  - {_flow({'name': names[-1], 'results': relative(path, folder)})}"
    else:
        names.append("deck")
        yield "  # No result file was given: romnet's own solver computes the load of the deck."
        yield f"  - {_flow({'name': 'deck', 'results': 'hf', **_grid(draft)})}"
    yield from ("", "offline:", "  tolerance: 1.0e-6", f"  dual: {_flow(list(draft.dual))}")
    yield from ("", "online:", "  # The load of the deck again, compared with the training.")
    yield f"  - {_flow({'name': free_name('again', dict.fromkeys(names)), 'reference': names[0]})}"


def _grid(draft: Draft) -> dict[str, Any]:
    """Return the instants of a computation by romnet."""
    if draft.times:
        return {"times": list(draft.times)}
    return {"until": draft.end, "increments": 20}


def _section(name: str, entries: tuple[Entry, ...]) -> Iterator[str]:
    """Yield the lines of a list."""
    if not entries:
        return
    yield from ("", f"{name}:")
    for entry in entries:
        yield from _origin(entry)
        block = yaml.safe_dump(
            [dict(entry.value)], default_flow_style=None, sort_keys=False, width=10**6
        )
        yield from (f"  {line}" for line in block.rstrip().split("\n"))


def _origin(entry: Entry) -> Iterator[str]:
    """Yield the comment that says where an entry comes from."""
    if entry.origin:
        yield f"  # {entry.origin}"


def _dump(value: Mapping[str, Any]) -> str:
    """Return block YAML."""
    return yaml.safe_dump(dict(value), sort_keys=False, width=10**6).rstrip()


def _flow(value: object) -> str:
    """Return YAML in one line."""
    plain = dict(value) if isinstance(value, Mapping) else value
    text = yaml.safe_dump(plain, default_flow_style=True, sort_keys=False, width=10**6)
    return text.removesuffix("\n").removesuffix("\n...").strip()


def without_middle(times: Float[Array, " n"], fields: Float[Array, "n n_nodes"]) -> tuple[int, ...]:
    """Return which keyframes are needed: the others lie on straight lines between these.

    Examples
    --------
    >>> ramp = np.array([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0], [2.0, 3.0]])
    >>> without_middle(np.array([0.0, 1.0, 2.0, 3.0]), ramp)
    (0, 2, 3)
    """
    kept = [0]
    scale = float(np.abs(fields).max(initial=0.0)) or 1.0
    for row in range(1, times.size - 1):
        part = (times[row] - times[kept[-1]]) / (times[row + 1] - times[kept[-1]])
        straight = fields[kept[-1]] + part * (fields[row + 1] - fields[kept[-1]])
        if np.abs(fields[row] - straight).max(initial=0.0) > 1e-9 * scale:
            kept.append(row)
    return (*kept, times.size - 1) if times.size > 1 else (0,)
