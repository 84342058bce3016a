"""YAML with the line of every value, read safely."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from romnet.core.errors import StudyError

Place = tuple[str | int, ...]
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
    """The safe loader, which also reads ``1e-5`` as a number, as YAML 1.2 does."""


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
        dotted = ".".join(str(part) for part in place)
        return f"{self.path}:{self.line_of(place)} {dotted}".rstrip()


def read_yaml(path: Path) -> LocatedYaml:
    """Read a YAML mapping.

    Raises
    ------
    StudyError
        If the file is missing, is no YAML, names a key twice, or is no mapping; with its line.
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
    loader = _Loader(text)
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
        message = f"{path}:{lines[place]}: {node.value!r} holds a character that is no text."
        raise StudyError(message)
