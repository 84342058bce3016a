"""Studies that make no sense: trees and texts of real ones, changed at random."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

Place = tuple[str | int, ...]
NUMBERS = (0, -1, 1, 3, -0.0, 1e-320, 1e300, -1e308, 2**63, 10**400, float("inf"), float("nan"))
TEXTS = (
    *("", " ", "~", "hf", "ALL", "x0", "../..", "/dev/zero", "a\0b", "\ud800", "é", "漢字"),
    *("😀" * 40, "x" * 10_000, "-1e999", "null", "NaN", "yes", "{a: b}", "<script>", "%s%n"),
)
OTHERS: tuple[Any, ...] = (
    None,
    True,
    False,
    [],
    {},
    [[]],
    [None],
    {"": ""},
    {"a": 1},
    [1.0, 2.0, 3.0],
)
SNIPPETS = (
    *(":", "- ", "  ", "\t", "{", "}", "[", "]", "'", '"', "&a ", "*a", "<<: ", "!!", "|\n", ">\n"),
    *("!!python/object/apply:os.system [true]", "!!binary x", "!!float x", "!!set {a}", "\0"),
    *("---\n", "...\n", "%YAML 9.9\n", "#", "\ufeff", "\x85", "\u2028", "? ", "1e5", ".nan", "=="),
)
_DEPTHS = (1, 3, 400, 20_000)
_HOLE = "a-hole-for-brackets"


@dataclass(frozen=True)
class Mutant:
    """A changed study: what was done to it, where, and its text."""

    what: str
    place: Place
    text: str
    names: frozenset[str] = frozenset()  # one of which a refusal must name


def mutants(bases: list[str], count: int, seed: int) -> Iterator[Mutant]:
    """Yield changed studies; two of three are changed as trees, the others as texts."""
    chance = random.Random(seed)
    trees = [yaml.safe_load(text) for text in bases]
    for number in range(count):
        which = chance.randrange(len(bases))
        if number % 3:
            yield changed_tree(trees[which], chance)
        else:
            yield changed_text(bases[which], chance)


def changed_tree(tree: Any, chance: random.Random) -> Mutant:
    """Change one value, or one key, of a tree."""
    new = copy.deepcopy(tree)
    place = chance.choice(list(places(new)))
    *path, last = place
    below = places([tree_at(tree, place)])
    names = frozenset(part for found in (place, *below) for part in found if isinstance(part, str))
    parent = tree_at(new, tuple(path))
    what = chance.choice(("number", "text", "other", "other", "remove", "rename", "nest", "swap"))
    if what == "nest":
        # Written by hand: the YAML writer does not bear this depth either.
        brackets = chance.choice(_DEPTHS)
        parent[last] = _HOLE
        return Mutant(
            what, place, written(new).replace(_HOLE, "[" * brackets + "]" * brackets), names
        )
    if what == "number":
        parent[last] = chance.choice(NUMBERS)
    elif what == "text":
        parent[last] = chance.choice(TEXTS)
    elif what == "other":
        parent[last] = copy.deepcopy(chance.choice(OTHERS))
    elif what == "remove":
        del parent[last]
    elif what == "rename" and isinstance(parent, dict):
        new_name = chance.choice((f"{last}x", str(last)[:-1] or "q", str(last).upper()))
        parent[new_name] = parent.pop(last)
        names |= {new_name}
    else:
        parent[last] = copy.deepcopy(chance.choice([value for _, value in values(tree)]))
    return Mutant(what, place, written(new), names)


def changed_text(text: str, chance: random.Random) -> Mutant:
    """Cut, double, or spoil a piece of a text."""
    what = chance.choice(("insert", "insert", "cut", "double", "truncate", "indent", "flip"))
    start = chance.randrange(len(text))
    stop = min(len(text), start + chance.randrange(1, 60))
    if what == "insert":
        new = text[:start] + chance.choice(SNIPPETS) + text[start:]
    elif what == "cut":
        new = text[:start] + text[stop:]
    elif what == "double":
        new = text[:stop] + text[start:]
    elif what == "truncate":
        new = text[:start]
    elif what == "indent":
        new = text[:start] + text[start:].replace("\n", "\n" + " " * chance.randrange(1, 4), 1)
    else:
        new = text[:start] + chr(chance.randrange(0x3000)) + text[start + 1 :]
    return Mutant(f"text {what}", (), new)


def tree_at(tree: Any, place: Place) -> Any:
    """Return what stands at a place."""
    for part in place:
        tree = tree[part]
    return tree


def places(tree: Any, place: Place = ()) -> Iterator[Place]:
    """Yield the place of every value below a tree."""
    for below, _ in values(tree, place):
        yield below


def values(tree: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Yield every value below a tree, and its place."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for part, value in items:
        yield (*place, part), value
        if isinstance(value, dict | list):
            yield from values(value, (*place, part))


def written(tree: Any) -> str:
    """Write a tree as people do, block by block."""
    return str(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=2**20))
