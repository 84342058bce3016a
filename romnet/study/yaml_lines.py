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
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        content = loader.construct_document(root) if root is not None else {}
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        mark = getattr(problem, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        reason = getattr(problem, "problem", None) or problem
        message = f"{path}:{line} is no valid YAML: {reason}."
        raise StudyError(message) from problem
    finally:
        loader.dispose()
    if not isinstance(content, dict):
        message = f"{path}:1 must be a mapping of keys such as name, mesh, materials."
        raise StudyError(message)
    lines: dict[Place, int] = {}
    if root is not None:
        _locate(root, (), lines, path)
    return LocatedYaml(path, content, lines)


def _locate(node: yaml.Node, place: Place, lines: dict[Place, int], path: Path) -> None:
    """Note the line of a node and of all below it."""
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
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
