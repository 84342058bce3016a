"""Input decks of Abaqus and CalculiX cut into cards: a keyword, its options, the lines below it.

Every card and every line remembers its file and line number, included files too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.errors import ConversionError

_MOST_FILES = 200
_INPUT = re.compile(r"\*(?P<keyword>\w+)[^*]*?,\s*INPUT\s*=\s*(?P<file>[^,]+)", re.IGNORECASE)

_INCLUDED = re.compile(rb"(?im)^[ \t]*\*[^*\n][^\n]*?INPUT[ \t]*=[ \t]*([^,\r\n\x00]+)")


@dataclass(frozen=True)
class Place:
    """File and line number, counted from 1."""

    path: Path
    line: int

    def __str__(self) -> str:
        """Return it as messages name it."""
        return f"{self.path}:{self.line}"

    def error(self, problem: str) -> ConversionError:
        """Return an error that names the place."""
        return ConversionError(f"{self}: {problem}")


@dataclass(frozen=True)
class Card:
    """One keyword with its data lines.

    Attributes
    ----------
    keyword
        Upper case without blanks: ``"NODEFILE"``.
    options
        By upper-case name; the values as written, ``""`` for those without. Quotes are dropped.
    place
        Where the keyword stands.
    rows
        Data lines, neither empty nor comments.
    lines, sources
        Line number and file of each.
    """

    keyword: str
    options: Mapping[str, str]
    place: Place
    rows: tuple[str, ...]
    lines: tuple[int, ...]
    sources: tuple[Path, ...]

    def option(self, name: str) -> str | None:
        """Return an option in upper case, as labels are compared."""
        value = self.options.get(name)
        return None if value is None else value.upper()

    def demand(self, name: str) -> str:
        """Return an option that must be given, in upper case.

        Raises
        ------
        ConversionError
            If it is absent.
        """
        value = self.option(name)
        if not value:
            problem = f"*{self.keyword} needs {name}=..."
            raise self.place.error(problem)
        return value

    def at(self, row: int) -> Place:
        """Return where a data line stands."""
        return Place(self.sources[row], self.lines[row])

    def words(self) -> Iterator[tuple[Place, list[str]]]:
        """Yield the words between the commas of each line, in upper case."""
        for row, text in enumerate(self.rows):
            words = [word.strip().strip('"').upper() for word in text.split(",")]
            if words and not words[-1]:
                words.pop()
            yield self.at(row), words

    def table(self, *, width: int | None = None) -> list[tuple[Place, list[float]]]:
        """Return the numbers of each line; an empty word counts as zero.

        Parameters
        ----------
        width
            Most numbers that a line may hold; any if left out.

        Raises
        ------
        ConversionError
            If a word is no finite number or a line holds too many.
        """
        table = []
        for place, words in self.words():
            if width is not None and len(words) > width:
                problem = f"*{self.keyword}: expected at most {width} numbers."
                raise place.error(problem)
            table.append((place, [number(place, word) for word in words]))
        return table

    def numbers(self) -> Float[Array, " n"]:
        """Return all numbers of all lines one after the other.

        Raises
        ------
        ConversionError
            If a word is no finite number; names its line.
        """
        joined = ",".join(row.rstrip().rstrip(",") for row in self.rows)
        try:
            values = np.array(joined.split(","), dtype=np.float64) if joined else np.zeros(0)
        except ValueError:
            values = np.array([value for _, row in self.table() for value in row])
        if not np.isfinite(values).all():
            self.table()  # finds the line
            problem = f"*{self.keyword} holds a number that is not finite."
            raise self.place.error(problem)
        return values


def number(place: Place, word: str) -> float:
    """Read one number; Fortran's D exponents are known, nothing stands for zero.

    Raises
    ------
    ConversionError
        If it is no finite number.

    Examples
    --------
    >>> number(Place(Path("a.inp"), 3), "1.D-3"), number(Place(Path("a.inp"), 3), "")
    (0.001, 0.0)
    """
    try:
        value = float(word.upper().replace("D", "E")) if word else 0.0
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        problem = f"{word!r} is no number."
        raise place.error(problem)
    return value


def whole(place: Place, word: str) -> int:
    """Read one integer.

    Raises
    ------
    ConversionError
        If it is none, or beyond 2^53.

    Examples
    --------
    >>> whole(Place(Path("a.inp"), 3), "12")
    12
    """
    value = number(place, word)
    if not word or value != int(value) or abs(value) > 2.0**53:
        problem = f"{word!r} is no whole number."
        raise place.error(problem)
    return int(value)


def read_cards(path: Path) -> tuple[Card, ...]:
    """Cut a deck into cards, with the files it includes.

    Parameters
    ----------
    path
        Deck. Included files must lie in its folder or below.

    Returns
    -------
    tuple
        The cards in their order.

    Raises
    ------
    ConversionError
        If a file cannot be read, is no deck, is included in a circle, or lies outside the folder.

    Notes
    -----
    Collective: no. Deterministic: yes. Memory: the text of the deck.

    Examples
    --------
    >>> read_cards(Path("absent.inp"))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.inp: cannot be read (No such file or directory).
    """
    text = _Text(path.resolve().parent)
    text.append(path, None)
    starts = [n for n, line in enumerate(text.lines) if line.startswith("*")]
    if not starts:
        message = f"{path}: is no input deck, no line begins with a keyword."
        raise ConversionError(message)
    if starts[0] > 0:
        problem = "data before the first keyword; is this an input deck?"
        raise text.place(0).error(problem)
    spans = zip(starts, [*starts[1:], len(text.lines)], strict=True)
    return tuple(_card(text, start, stop) for start, stop in spans)


class _Text:
    """Lines of a deck and of what it includes, comments left out, each with its place."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lines: list[str] = []
        self.numbers: list[int] = []
        self.sources: list[Path] = []
        self._open: list[Path] = []
        self._n_files = 0

    def place(self, line: int) -> Place:
        """Return where a line stands."""
        return Place(self.sources[line], self.numbers[line])

    def append(self, path: Path, included_from: Place | None) -> None:
        """Append a file; what it includes goes where the inclusion stands."""
        target = path.resolve()
        self._n_files += 1
        if included_from and (target in self._open or self._n_files > _MOST_FILES):
            problem = f"{path.name} includes itself, or more than {_MOST_FILES} files are included."
            raise included_from.error(problem)
        self._open.append(target)
        for line, text in enumerate(_lines(path, included_from), start=1):
            words = text.strip()
            if not words or words.startswith("**"):
                continue
            included = _INPUT.match(words)
            if included is None or included["keyword"].upper() != "INCLUDE":
                self.lines.append(words)
                self.numbers.append(line)
                self.sources.append(path)
            if included is not None:
                place = Place(path, line)
                self.append(self._inside(included["file"].strip().strip('"'), place), place)
        self._open.pop()

    def _inside(self, given: str, place: Place) -> Path:
        """Return the path of an included file, which must lie in the folder of the deck."""
        try:
            target = (self.root / given).resolve()
        except (OSError, ValueError, RuntimeError) as problem:
            message = f"{given!r} is no file name ({problem})."
            raise place.error(message) from problem
        if not target.is_relative_to(self.root):
            message = f"{given} lies outside {self.root}; copy it beside the deck."
            raise place.error(message)
        return target


def deck_files(path: Path) -> tuple[Path, ...]:
    """Return a deck and the files it includes, those only that exist in its folder or below.

    Raises
    ------
    ConversionError
        If one of them cannot be read.

    Notes
    -----
    Collective: no. Deterministic: yes. Cost: looks through their bytes for ``INPUT``.

    Examples
    --------
    >>> deck_files(Path("absent.inp"))
    Traceback (most recent call last):
    romnet.core.errors.ConversionError: absent.inp: cannot be read (No such file or directory).
    """
    root, found, waiting = path.resolve().parent, [path], [path]
    while waiting and len(found) < _MOST_FILES:
        try:
            content = waiting.pop().read_bytes()
        except OSError as problem:
            message = f"{path}: cannot be read ({problem.strerror})."
            raise ConversionError(message) from problem
        for name in _INCLUDED.findall(content):
            target = root / name.decode("latin-1").strip().strip('"')
            inside = target.resolve().is_relative_to(root) and target.is_file()
            if inside and target not in found:
                found.append(target)
                waiting.append(target)
    return tuple(found)


def _lines(path: Path, included_from: Place | None) -> list[str]:
    """Return the lines of a file."""
    try:
        text = path.read_text(encoding="latin-1")
    except (OSError, ValueError) as problem:
        where = f" (included from {included_from})" if included_from else ""
        reason = getattr(problem, "strerror", None) or problem
        message = f"{path}: cannot be read ({reason}){where}."
        raise ConversionError(message) from problem
    if "\0" in text:
        message = f"{path}: is no text."
        raise ConversionError(message)
    lines = text.split("\n")
    last = lines[-1].strip()
    if last and not last.startswith("**") and not last.upper().startswith("*END"):
        cut = f"the file ends within the line {last[:40]!r}: truncated, or no line end."
        raise Place(path, len(lines)).error(cut)
    return lines


def _card(text: _Text, start: int, stop: int) -> Card:
    """Make the card of some lines."""
    title, body = text.lines[start], start + 1
    while title.endswith(",") and body < stop:
        # Keyword lines go on below a trailing comma.
        title += text.lines[body]
        body += 1
    keyword, _, rest = title[1:].partition(",")
    options = {}
    for part in filter(None, (part.strip() for part in rest.split(","))):
        name, _, value = part.partition("=")
        options["".join(name.split()).upper()] = value.strip().strip('"').strip()
    return Card(
        "".join(keyword.split()).upper(),
        options,
        text.place(start),
        tuple(text.lines[body:stop]),
        tuple(text.numbers[body:stop]),
        tuple(text.sources[body:stop]),
    )


def cards_named(cards: Iterable[Card], *keywords: str) -> list[Card]:
    """Return the cards with some keywords, in their order."""
    return [card for card in cards if card.keyword in keywords]
