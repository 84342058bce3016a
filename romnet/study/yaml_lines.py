"""YAML with the line of every value, read safely."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from romnet.core.errors import StudyError

Place = tuple[str | int, ...]
# A study nests some ten levels; aliases within aliases name a value as often as they like.
_DEEPEST = 50
_MOST_VALUES = 200_000
_KEY_TAGS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge")
# Explicit tags on texts that do not fit make the safe loader raise the last three.
_UNREADABLE = (
    yaml.YAMLError,
    RecursionError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
)


class _Loader(yaml.SafeLoader):
    """The safe loader, which reads ``1e-5`` as a number, as YAML 1.2 does, and bounds nesting."""

    def __init__(self, text: str, path: Path) -> None:
        super().__init__(text)
        self._path, self._place = path, list[str | int]()

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401
        """Read a value; `index` is its key, or its number in a sequence."""
        if parent is None:
            return super().compose_node(parent, index)
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        self._place.append(index if isinstance(index, int) else str(getattr(index, "value", "?")))
        line = 1 if event.start_mark is None else event.start_mark.line + 1
        _refuse_deep(self._path, line, self._place)
        node = super().compose_node(parent, index)
        self._place.pop()
        return node


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d[\d_]*)(\.[\d_]*)?[eE][-+]?\d+$"),
    list("-+0123456789"),
)


@dataclass(frozen=True)
class LocatedYaml:
    """Contents of a YAML file and where each value stands.

    Attributes
    ----------
    path
        The file.
    content
        Its top-level mapping.
    lines
        Line of every key and item, counted from 1, by its place in the contents.
    """

    path: Path
    content: Mapping[str, Any]
    lines: Mapping[Place, int]

    def line_of(self, place: Place) -> int:
        """Return the line of a place, or of the closest enclosing one."""
        while place not in self.lines and place:
            place = place[:-1]
        return self.lines.get(place, 1)

    def where(self, place: Place) -> str:
        """Return ``file:line key.subkey`` of a place."""
        return _where(self.path, self.line_of(place), place)


def read_yaml(path: Path) -> LocatedYaml:
    """Read a YAML mapping.

    Raises
    ------
    StudyError
        If the file is missing, is no YAML, names a key twice, nests too deeply, multiplies its
        values by aliases, or is no mapping; with its line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        message = f"{path}: cannot be read ({problem})."
        raise StudyError(message) from problem
    lines: dict[Place, int] = {}
    try:
        content = _contents(text, lines, path)
    except _UNREADABLE as problem:
        mark, position = (getattr(problem, name, None) for name in ("problem_mark", "position"))
        line = mark.line + 1 if mark is not None else text.count("\n", 0, position or 0) + 1
        words = (getattr(problem, name, None) for name in ("problem", "reason"))
        reason = next(filter(None, words), problem)
        message = f"{path}:{line} is no valid YAML: {reason}."
        raise StudyError(message) from problem
    if not isinstance(content, dict):
        message = f"{path}:1 must be a mapping of keys such as name, mesh, materials."
        raise StudyError(message)
    return LocatedYaml(path, content, lines)


def _contents(text: str, lines: dict[Place, int], path: Path) -> object:
    """Parse YAML and note the line of every value."""
    loader = _Loader(text, path)
    try:
        root = loader.get_single_node()
        if root is None:
            return {}
        # Before the contents are built: that merges "<<" keys into their mapping.
        _locate(root, (), lines, path)
        return loader.construct_document(root)
    finally:
        loader.dispose()


def _locate(node: yaml.Node, place: Place, lines: dict[Place, int], path: Path) -> None:
    """Note the line of a node and of all below it."""
    lines.setdefault(place, node.start_mark.line + 1)
    _refuse_deep(path, node.start_mark.line + 1, place)
    if len(lines) > _MOST_VALUES:
        where = _where(path, node.start_mark.line + 1, place[:4])
        message = f"{where}: makes more than {_MOST_VALUES} values of the study; aliases multiply."
        raise StudyError(message)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.tag not in _KEY_TAGS:
                message = f"{path}:{key.start_mark.line + 1} {key.value}: a key must be text."
                raise StudyError(message)
            below = (*place, str(key.value))
            if below in lines:
                message = (
                    f"{path}:{key.start_mark.line + 1} {key.value} is given twice "
                    f"(first on line {lines[below]})."
                )
                raise StudyError(message)
            lines[below] = key.start_mark.line + 1
            _locate(value, below, lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            _locate(value, (*place, number), lines, path)
    elif any(character == "\0" or "\ud800" <= character <= "\udfff" for character in node.value):
        where = _where(path, lines[place], place)
        message = f"{where}: {node.value!r} holds a character that is no text."
        raise StudyError(message)


def _refuse_deep(path: Path, line: int, place: Sequence[str | int]) -> None:
    """Refuse what no study needs, among it lists that hold themselves by an alias."""
    if len(place) > _DEEPEST:
        message = f"{_where(path, line, place[:4])}: is nested deeper than {_DEEPEST} levels."
        raise StudyError(message)


def _where(path: Path, line: int, place: Sequence[str | int]) -> str:
    """Return ``file:line key.subkey``."""
    return f"{path}:{line} {'.'.join(map(str, place))}".rstrip()
